"""Other makers' clients, installed from their registries into folders that are kept between runs.

One that cannot be installed is skipped with its reason.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest


def npm(spec: str) -> Path:
    """A folder whose `node_modules` has the package, such as `analytics-node@6.2.0`."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("install Node.js and npm to try clients of Node.js and of browsers")
    folder = _folder(f"npm-{spec}")
    name = spec.rpartition("@")[0]
    if not (folder / "node_modules" / name / "package.json").is_file():
        command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), spec]
        _install(command, spec, "npm")
    return folder


def pip(spec: str) -> Path:
    """A folder with the package, such as `analytics-python==1.4.0`, to be found by Python."""
    folder = _folder(f"pip-{sys.version_info.minor}-{spec}")
    name = re.split("==", spec.replace("-", "_"))[0]
    if not list(folder.glob(f"{name}-*.dist-info")):
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder), spec]
        _install(command, spec, "pip")
    return folder


def _folder(name: str) -> Path:
    plain = re.sub(r"[^\w.=-]", "-", name)
    folder = Path(tempfile.gettempdir()) / f"planhat-segment-clients-{os.getuid()}" / plain
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _install(command: list[str], spec: str, tool: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    except (OSError, subprocess.TimeoutExpired):
        pytest.skip(f"{tool} did not install {spec} in time")
    if done.returncode:
        pytest.skip(f"{tool} could not install {spec}: is the registry reachable?")
