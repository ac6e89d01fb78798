"""Makes `.venv` with exactly what requirements.txt says; the Makefile runs it.

Standard library only, for any Python from 3.11 to 3.13. A second call with nothing changed
returns at once; an installation that failed or was interrupted is begun again from an empty
`.venv` (what was downloaded already comes from uv's cache). Everything it says goes to stderr, so
that `make -s url` prints nothing but the URL.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SUPPORTED = ((3, 11), (3, 13))

# Seconds between two progress lines. A person doubts a terminal that is silent for ten.
PROGRESS_EVERY = 4.0


class BootstrapError(Exception):
    """One line that says what is missing on this machine and how to get it."""


def bootstrap(root: Path = ROOT) -> bool:
    """Bring `root/.venv` up to `root/requirements.txt`; return whether anything had to be done.

    Two at once: the second waits for the first and finds it done. Raises `BootstrapError`.
    """
    check_python()
    environment = root / ".venv"
    with (root / "requirements.txt").open() as requirements:
        # The lock is on a file that is always there, so nothing is left behind.
        fcntl.flock(requirements, fcntl.LOCK_EX)
        wanted = _fingerprint(root)
        if _is_ready(environment, wanted):
            fetch_browser_library(root, environment / "bin" / "python")
            (environment / "ready").touch()  # newer than what make compares it with
            return False
        install(root, environment)
        (environment / "ready").write_text(wanted)
    return True


def check_python() -> None:
    """Raise `BootstrapError` unless this Python fits and can make a virtual environment."""
    version = sys.version_info[:2]
    if not SUPPORTED[0] <= version <= SUPPORTED[1]:
        raise BootstrapError(
            f"Python 3.11, 3.12 or 3.13 is needed; {sys.executable} is "
            f"{version[0]}.{version[1]}. Name another one: make PYTHON=/path/to/python3.12"
        )
    missing = [name for name in ("venv", "ensurepip") if find_spec(name) is None]
    if missing:
        # Debian and Ubuntu ship Python without them.
        raise BootstrapError(
            f"{sys.executable} has no {' and no '.join(missing)}: "
            f"apt-get install python3-venv (or python{version[0]}.{version[1]}-venv)"
        )


def install(root: Path, environment: Path) -> None:
    """Make the environment, then uv, then everything else. Raises `BootstrapError`."""
    started = time.monotonic()
    unfinished = environment / "unfinished"
    python = environment / "bin" / "python"
    if environment.exists() and (unfinished.exists() or not _runs(python)):
        say("An earlier installation did not finish: starting it again.")
        shutil.rmtree(environment)
    if not environment.exists():
        say(f"Making .venv with Python {sys.version.split()[0]}")
        environment.mkdir()
        unfinished.touch()
        _run([sys.executable, "-m", "venv", str(environment)], environment, "making .venv")
    (environment / "ready").unlink(missing_ok=True)
    unfinished.touch()
    pip = [str(python), "-m", "pip", "install", "--disable-pip-version-check"]
    _run([*pip, pinned("uv", root)], environment, "installing uv")
    # The file names all there is: what a package asks for beyond it is kept away on purpose
    # (requirements.overrides.txt), which of the two installers only uv could be told.
    wanted = ["--no-deps", "--requirement", str(root / "requirements.txt")]
    uv = [str(environment / "bin" / "uv"), "pip", "install", "--python", str(python)]
    try:
        _run([*uv, "--compile-bytecode", *wanted], environment, "installing packages")
    except BootstrapError:
        # uv reads none of pip's configuration: behind a mirror or a proxy pip may still succeed.
        say("uv could not install the packages: trying with pip, which takes minutes.")
        _run([*pip, *wanted], environment, "installing packages")
    fetch_browser_library(root, python)
    unfinished.unlink()
    say(f"Installed in {time.monotonic() - started:.0f} s.")


def fetch_browser_library(root: Path, python: Path) -> None:
    """Have Segment's library for browsers where npm is there; nothing else needs it."""
    script = root / "include" / "analytics_js.py"
    if script.exists() and shutil.which("npm"):
        subprocess.run([str(python), str(script)], stdin=subprocess.DEVNULL, check=False)


def pinned(package: str, root: Path = ROOT) -> str:
    """The requirement line of `package`, for example `uv==0.13.9`. Raises `BootstrapError`."""
    text = (root / "requirements.txt").read_text()
    found = re.search(rf"^{re.escape(package)}==[^\s;]+", text, re.MULTILINE)
    if found is None:
        raise BootstrapError(f"requirements.txt does not pin {package}: run `make requirements`.")
    return found.group()


def say(line: str) -> None:
    """Print a line for the person who waits."""
    print(line, file=sys.stderr, flush=True)


def _fingerprint(root: Path) -> str:
    """What the environment was made from. A moved checkout needs a new one: scripts name it."""
    parts = (root / "requirements.txt").read_bytes(), str(root).encode()
    return hashlib.sha256(b"\0".join(parts)).hexdigest() + "\n"


def _is_ready(environment: Path, wanted: str) -> bool:
    try:
        if (environment / "ready").read_text() != wanted:
            return False
    except OSError:
        return False
    return _runs(environment / "bin" / "python")


def _runs(python: Path) -> bool:
    # A link to a Python that was upgraded or removed leaves a .venv that looks whole.
    check = f"import sys; sys.exit(not {SUPPORTED[0]} <= sys.version_info[:2] <= {SUPPORTED[1]})"
    try:
        return not subprocess.run(
            [str(python), "-c", check], capture_output=True, check=False
        ).returncode
    except OSError:
        return False


def _run(command: Sequence[str], environment: Path, what: str) -> None:
    """Run a step with its output in a file, saying every few seconds where it is."""
    log = environment / "install.log"
    started = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, stdin=subprocess.DEVNULL,
            # The certificates that pip trusts: behind a company's proxy the built-in ones fail.
            env={"UV_SYSTEM_CERTS": "1", **os.environ, "NO_COLOR": "1"},
        )  # fmt: skip
        try:
            while True:
                try:
                    process.wait(timeout=PROGRESS_EVERY)
                    break
                except subprocess.TimeoutExpired:
                    say(f"{what}: {time.monotonic() - started:.0f} s {_last_line(log)}".rstrip())
        except BaseException:
            process.kill()
            process.wait()
            raise
    if process.returncode:
        raise BootstrapError(f"{what} failed: {_reason(log)} (the whole story: {log})")


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return f"· {lines[-1].strip()[:70]}" if lines else ""


def _reason(log: Path) -> str:
    """The line that says why: pip and uv put it after `error:`, the cause after it."""
    # uv draws a tree before its causes.
    lines = [re.sub(r"^\W+", "", line) for line in log.read_text(errors="replace").splitlines()]
    lines = [line for line in lines if line]
    marked = [line for line in lines if re.match(r"(error|caused by)\b", line, re.IGNORECASE)]
    return (marked or lines or ["no output"])[-1][:300]


def main() -> int:
    try:
        bootstrap()
    except BootstrapError as problem:
        say(str(problem))
        return 1
    except KeyboardInterrupt:
        say("Interrupted: the next `make` begins the installation again.")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
