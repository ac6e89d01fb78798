"""version, audit: what runs here, and what is known against it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from include import __version__
from include.counting import counted
from include.errors import ProblemError, ServiceError
from include.settings import ROOT

# Run by uv in environments of their own: what looks at our dependencies is none of them.
PIP_AUDIT = "pip-audit==2.10.1"
CYCLONEDX = "cyclonedx-bom==7.5.0"


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    for command in (version, audit):
        app.command()(command)


def version() -> None:
    """The version of this copy."""
    print(__version__)


def audit(
    sbom: Annotated[
        Path | None, typer.Option(help="A file for what is installed, as CycloneDX JSON.")
    ] = None,
) -> None:
    """Known vulnerabilities of every dependency; exit 1 if there is one, or if nobody could say."""
    if sbom is not None:
        write_sbom(sbom)
        print(f"What is installed is listed in {sbom}.")
    tell(look_up())


def tell(packages: list[dict]) -> None:
    """Print what is known against each, as `look_up` found it.

    Raises `ProblemError` if there is anything, `ServiceError` if a package could not be looked up.
    """
    found = [(each, flaw) for each in packages for flaw in each.get("vulns", [])]
    for package, flaw in found:
        mended = ", ".join(flaw["fix_versions"]) or "no version yet"
        print(f"{package['name']} {package['version']}: {flaw['id']}, mended in {mended}")
    unknown = [each["name"] for each in packages if "skip_reason" in each]
    if unknown:
        raise ServiceError(
            f"Nobody can say whether {counted(len(unknown), 'package', ('is', 'are'))} safe, of"
            f" {len(packages):,}: their data cannot be reached ({unknown[0]} first)."
            " Run it where https://pypi.org answers."
        )
    if found:
        raise ProblemError(f"{counted(len(found), 'known flaw')}: see above.")
    print(f"Nothing is known against {counted(len(packages), 'package')}.")


def look_up() -> list[dict]:
    """pip-audit's word on each package of requirements.txt. Raises `ServiceError`."""
    requirements = ["--requirement", str(ROOT / "requirements.txt"), "--no-deps", "--disable-pip"]
    command = ["pip-audit", *requirements, "--format", "json", "--progress-spinner", "off"]
    ran = _with_uv(PIP_AUDIT, command)
    try:
        packages: list[dict] = json.loads(ran.stdout)["dependencies"]
    except (ValueError, KeyError):
        raise ServiceError(f"pip-audit said nothing that can be read: {_last(ran)}") from None
    return packages


def write_sbom(file: Path) -> None:
    """Every installed package as CycloneDX JSON. Raises `ServiceError`."""
    command = ["cyclonedx-py", "environment", sys.executable, "--of", "JSON", "-o", str(file)]
    ran = _with_uv(CYCLONEDX, command)
    if ran.returncode:
        raise ServiceError(f"{file} was not written: {_last(ran)}")


def _with_uv(package: str, command: list[str]) -> subprocess.CompletedProcess[str]:
    uv = str(Path(sys.executable).with_name("uv"))
    return subprocess.run(
        [uv, "tool", "run", "--quiet", "--from", package, *command],
        check=False, capture_output=True, text=True,
    )  # fmt: skip


def _last(ran: subprocess.CompletedProcess[str]) -> str:
    return (ran.stderr.strip().splitlines() or [f"exit {ran.returncode}"])[-1]
