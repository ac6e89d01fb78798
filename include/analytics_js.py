"""Segment's library for browsers, fetched with npm: what the snippet of a web page loads.

It is Segment's (MIT), and not part of this repository. `make setup` fetches it where npm is there,
`make analyticsjs` whenever one likes; the collector serves it (`include/collector/script.py`).
Standard library only, because the environment is being made when this runs first.
"""

import base64
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

PACKAGE = "@segment/analytics-next"
VERSION = "1.84.3"
# As the registry says it, and as the package that was tried has it.
INTEGRITY = (
    "sha512-"
    "5l7cPBzScxhfJ0zdcKQI4daDvMIWWUk7hClT1xGRelnHUltIEoQ9w8+ZpFPoWJMpX8D7IA1nVAfJbpiKi3XaKw=="
)
SECONDS = 60


class FetchError(Exception):
    """One line that says why the library could not be fetched."""


def default_folder(prefix: str = sys.prefix) -> Path:
    """Where the package is kept: beside everything else that was installed with this Python."""
    return Path(prefix) / "share" / "analytics-next"


def is_fetched(folder: Path) -> bool:
    """Whether the folder holds this version of the package."""
    try:
        told = json.loads((folder / "package.json").read_text())
    except (OSError, ValueError):
        return False
    return told.get("version") == VERSION and (folder / "dist" / "umd" / "standalone.js").is_file()


def fetch(folder: Path) -> None:
    """Put the scripts of the package and its licence into `folder`, all or nothing.

    Asks the registry that npm is set up for. Raises `FetchError`.
    """
    if not shutil.which("npm"):
        raise FetchError("npm is not installed (apt-get install npm)")
    with tempfile.TemporaryDirectory() as place:
        archive = _packed(Path(place))
        new = Path(place) / "new"
        _unpack(archive, new)
        folder.parent.mkdir(parents=True, exist_ok=True)
        beside = folder.with_name(folder.name + ".new")
        shutil.rmtree(beside, ignore_errors=True)
        shutil.copytree(new, beside)
        shutil.rmtree(folder, ignore_errors=True)
        beside.rename(folder)


def _packed(place: Path) -> Path:
    command = ["npm", "pack", f"{PACKAGE}@{VERSION}", "--pack-destination", str(place)]
    try:
        done = subprocess.run(
            [*command, "--fetch-retries", "1", "--loglevel", "error"],
            cwd=place, capture_output=True, text=True, stdin=subprocess.DEVNULL,
            timeout=SECONDS, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        raise FetchError(f"npm pack {PACKAGE}@{VERSION} did not end") from None
    archives = list(place.glob("*.tgz"))
    if done.returncode or len(archives) != 1:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        raise FetchError(f"npm could not fetch {PACKAGE}: {(said or ['no output'])[-1][:200]}")
    digest = base64.b64encode(hashlib.sha512(archives[0].read_bytes()).digest()).decode()
    if f"sha512-{digest}" != INTEGRITY:
        raise FetchError(f"what the registry gave is not {PACKAGE}@{VERSION}: its hash is another")
    return archives[0]


def _unpack(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as packed:
        for member in packed:
            name = member.name.removeprefix("package/")
            is_script = name.startswith("dist/umd/") and name.endswith(".js")
            if not member.isfile() or not (is_script or name in ("LICENSE.MD", "package.json")):
                continue
            content = packed.extractfile(member)
            assert content is not None
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.read())


def main() -> int:
    """Exit code 0 when the library is there, 1 with one line when it could not be fetched."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else default_folder()
    try:
        if not is_fetched(folder):
            fetch(folder)
            print(f"{PACKAGE} {VERSION} (MIT) is in {folder}.", file=sys.stderr)
    except FetchError as problem:
        print(
            f"Segment's library for browsers was not fetched: {problem}. Only the collector's "
            "/analytics.js needs it; `make analyticsjs` tries again.",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
