"""Copies of the project that tests run, with a data folder and ports of their own."""

import os
import socket
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

from include.settings import ROOT, Settings


def free_port() -> int:
    """A port that nobody has at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def environment(**given: str) -> dict[str, str]:
    """This process's environment with every setting empty but those given.

    Empty counts as not set and wins over a developer's `.env`.
    """
    kept = {name: text for name, text in os.environ.items() if not name.startswith("AIRFLOW")}
    return kept | {each.name.upper(): "" for each in fields(Settings)} | given


def cli(*arguments: str, **given: str) -> subprocess.CompletedProcess[str]:
    """`python -m include.cli …` with these settings alone."""
    return subprocess.run(
        [sys.executable, "-m", "include.cli", *arguments], env=environment(**given), cwd=ROOT,
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=600,
    )  # fmt: skip


def enterable(folder: Path) -> Path:
    """The folder, opened for the user that Postgres runs as: pytest makes its folders private."""
    for parent in (folder, *folder.parents):
        if parent.name.startswith(("pytest-", "popen-", "test_")):
            parent.chmod(0o755)
    return folder
