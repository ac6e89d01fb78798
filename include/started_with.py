"""The settings that a service was started with, so that one that changed reaches it.

supervisord hands its own environment on, which is that of the first `make up`. So it is started
without any setting; its programs are run by a small script in its folder that has them, written
anew by each `make up`. What each program was started with is kept beside it, as hashes.
"""

import hashlib
import json
import os
import shlex
import sys
from dataclasses import fields
from pathlib import Path

from dotenv import dotenv_values

from include.private_files import open_private
from include.settings import ROOT, Settings

NAMES = {each.name.upper() for each in fields(Settings)}

# Settings that concern one program alone; the others concern Airflow.
ONLY = {
    "postgres": {"POSTGRES_PORT"},
    "collector": {
        "COLLECTOR_HOST", "COLLECTOR_WORKERS", "COLLECTOR_SPOOL_MB", "COLLECTOR_CALL_BYTES",
        "COLLECTOR_BATCH_BYTES", "COLLECTOR_BATCH_CALLS",
    },
    "played-planhat": {"PLAYED_PLANHAT_PORT"},
}  # fmt: skip
# What the collector needs besides, as Airflow does.
SHARED = {"COLLECTOR_PORT", "COLLECTOR_PUBLIC_URL", "AIRFLOW_CONN_WAREHOUSE", "POSTGRES_PORT"}


def is_setting(name: str) -> bool:
    """Whether an environment variable is one of ours or of Airflow's."""
    return name in NAMES or name.startswith("AIRFLOW_")


def launcher(folder: Path) -> Path:
    """The script that programs are run by, in the place of Python."""
    return folder / "python"


def write_launcher(settings: Settings, folder: Path) -> None:
    """Write the script with this process's settings, for its owner alone: it holds passwords."""
    given = {name: value for name, value in os.environ.items() if is_setting(name)}
    given |= {
        "DATA_DIR": str(settings.data_dir),
        "COLLECTOR_PORT": str(settings.collector_port),
        "AIRFLOW_PORT": str(settings.airflow_port),
    }
    if settings.played_planhat_port is not None:
        given["PLAYED_PLANHAT_PORT"] = str(settings.played_planhat_port)
    lines = [f"export {name}={shlex.quote(value)}" for name, value in sorted(given.items())]
    script = "\n".join(["#!/bin/sh", *lines, f'exec {shlex.quote(sys.executable)} "$@"', ""])
    draft = folder / "python.part"
    with open_private(draft) as file:
        file.write(script)
    draft.chmod(0o700)
    draft.rename(launcher(folder))


def remember(folder: Path, program: str, log: Path) -> None:
    """Keep what `program` is started with now, and how long its log is by then."""
    kept = _kept(folder)
    kept[program] = {
        "settings": _hashes(program), "log": log.stat().st_size if log.exists() else 0
    }  # fmt: skip
    with open_private(folder / "started.json") as file:
        json.dump(kept, file)


def changed(folder: Path, program: str) -> list[str]:
    """The names of the settings that differ from those that `program` was started with."""
    before = _kept(folder).get(program)
    if before is None:
        return []
    now = _hashes(program)
    names = {*before["settings"], *now}
    return sorted(name for name in names if before["settings"].get(name) != now.get(name))


def log_began(folder: Path, program: str) -> int:
    """How many bytes the program's log had when it was started."""
    return _kept(folder).get(program, {}).get("log", 0)


def _hashes(program: str) -> dict[str, str]:
    """A hash of each setting that concerns the program: environment over `.env`."""
    found = {**dotenv_values(ROOT / ".env"), **os.environ}
    return {
        name: hashlib.sha256(value.encode(errors="surrogateescape")).hexdigest()[:16]
        for name, value in found.items()
        if value and is_setting(name) and _concerns(name, program)
    }


def _concerns(name: str, program: str) -> bool:
    if name == "DATA_DIR":
        return False
    if program in ONLY:
        return name in ONLY[program] or (program == "collector" and name in SHARED)
    return name not in ONLY["collector"]


def _kept(folder: Path) -> dict:
    try:
        return json.loads((folder / "started.json").read_text())
    except (OSError, ValueError):
        return {}
