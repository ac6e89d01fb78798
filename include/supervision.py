"""Talks to supervisord: starts it, asks it, ends it, and finds what it left behind.

supervisord is the leader of a session, which its descendants are in, and gives them a mark in
their environment, the data folder they belong to. By one of the two they are found again when
supervisord was killed: a process that sets its title overwrites its environment, and Postgres's
leave the session. So two copies of the project on one machine never end each other's processes.
"""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import xmlrpc.client
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from supervisor.xmlrpc import SupervisorTransport

from include.errors import ServiceError
from include.settings import ROOT, Settings
from include.started_with import is_setting, launcher

MARK = "PLANHAT_SEGMENT_SERVICES"

# What a program says when it gives up: an exception's own line, or a line of ours.
_REASON = re.compile(
    r"^([a-z_]+\.)*[A-Z]\w*(Error|Exception|Exit)\b|\b(cannot|error:|failed:)\b", re.I
)

# A socket's path may have 103 bytes (macOS) or 107 (Linux); supervisord adds its process id to it.
LONGEST_FOLDER = 80


@dataclass(frozen=True)
class Program:
    """One program as supervisord sees it. `started_at` is in seconds since 1970, 0 when stopped."""

    name: str
    state: str
    pid: int
    started_at: float

    @property
    def is_up(self) -> bool:
        """Whether its process is there, or about to be."""
        return self.state in ("STARTING", "RUNNING")


def control_folder(settings: Settings) -> Path:
    """The folder of supervisord's socket: in DATA_DIR, or in /tmp where that path is too long."""
    folder = settings.data_dir / "run"
    if len(os.fsencode(folder)) > LONGEST_FOLDER:
        digest = hashlib.sha256(os.fsencode(settings.data_dir)).hexdigest()[:12]
        folder = Path(f"/tmp/planhat-segment-{os.geteuid()}-{digest}")  # noqa: S108
    return folder


def logs_folder(settings: Settings) -> Path:
    """Where each program's log is, `<program>.log`."""
    return settings.data_dir / "logs"


def start_supervisor(settings: Settings) -> None:
    """Start supervisord unless it runs. Raises `ServiceError` when it does not answer."""
    if is_running(settings):
        return
    logs = logs_folder(settings)
    logs.mkdir(parents=True, exist_ok=True)
    folder = _private(control_folder(settings))
    environment = {
        # settings come with each start of a program: see started_with.py
        **{name: value for name, value in os.environ.items() if not is_setting(name)},
        MARK: str(settings.data_dir),
        "PYTHON": str(launcher(folder)),
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "LOGS": str(logs),
        "SUPERVISOR_FOLDER": str(folder),
    }
    with (logs / "supervisord.out").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "supervisor.supervisord", "-c", str(ROOT / "supervisord.conf")],
            stdout=output, stderr=output, stdin=subprocess.DEVNULL, cwd=ROOT, env=environment,
            start_new_session=True,  # Ctrl-C at the caller's terminal is not for the services
        )  # fmt: skip
    _remember_session(settings, process.pid)
    deadline = time.monotonic() + 15
    while not is_running(settings):
        if process.poll() is not None or time.monotonic() > deadline:
            raise ServiceError(f"supervisord did not start: {last_line(logs / 'supervisord.out')}")
        time.sleep(0.05)


def is_running(settings: Settings) -> bool:
    """Whether this data folder's supervisord answers."""
    try:
        return bool(_ask(settings).getPID())
    except (OSError, xmlrpc.client.Error):
        return False


def programs(settings: Settings) -> dict[str, Program]:
    """Every program by name; empty when supervisord does not run."""
    try:
        rows = _ask(settings).getAllProcessInfo()
    except (OSError, xmlrpc.client.Error):
        return {}
    return {
        row["name"]: Program(
            row["name"], row["statename"], row["pid"], row["start"] if row["pid"] else 0
        )
        for row in rows
    }


def start_program(settings: Settings, name: str) -> None:
    """Start a program that is not up; returns at once."""
    try:
        _ask(settings).startProcess(name, False)
    except xmlrpc.client.Fault as fault:
        if "ALREADY_STARTED" not in fault.faultString:
            raise ServiceError(f"{name} does not start: {fault.faultString}") from None


def stop_programs(settings: Settings, names: list[str], *, patience: float) -> None:
    """Ask the programs to stop, all at once, and wait until they have (or `patience` is over)."""
    for name in names:
        try:
            _ask(settings).stopProcess(name, False)
        except xmlrpc.client.Fault as fault:
            if "NOT_RUNNING" not in fault.faultString:
                raise ServiceError(f"{name} does not stop: {fault.faultString}") from None
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        known = programs(settings)
        if not any(known[name].pid for name in names if name in known):
            return
        time.sleep(0.1)


def stop_supervisor(settings: Settings, *, patience: float = 60) -> None:
    """End supervisord with whatever still runs below it; nothing happens if it does not run."""
    try:
        pid = _ask(settings).getPID()
        _ask(settings).shutdown()
    except (OSError, xmlrpc.client.Error):
        return
    deadline = time.monotonic() + patience
    while _is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    # Ended, and perhaps still listed until whoever adopted it looks.
    for _ in range(60):
        if not psutil.pid_exists(pid):
            return
        time.sleep(0.05)


def leftovers(settings: Settings) -> list[psutil.Process]:
    """Processes of this data folder, supervisord's own and any that escaped it; not this one."""
    session = _known_session(settings)
    mine = os.getpid()
    return [
        process
        for process in psutil.process_iter()
        if process.pid != mine and _belongs(process, settings, session)
    ]


def end_leftovers(settings: Settings, *, patience: float = 10) -> int:
    """End what is left of a killed supervisord; return how many processes that were."""
    found = leftovers(settings)
    for signal_number in (signal.SIGTERM, signal.SIGKILL):
        remaining = [process for process in found if _is_alive(process.pid)]
        for process in remaining:
            try:
                process.send_signal(signal_number)
            except psutil.Error:
                continue
        psutil.wait_procs(remaining, timeout=patience)
    return len(found)


def last_line(log: Path, since: int = 0) -> str:
    """The last line of a log that says why, else the last one; where to look, when it is empty.

    `since`: only what was written after so many bytes.
    """
    try:
        with log.open("rb") as stream:
            size = log.stat().st_size
            stream.seek(max(since if since <= size else 0, size - 65_536))
            text = stream.read().decode(errors="replace")
    except OSError:
        text = ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    reasons = [line for line in lines if _REASON.search(line)]
    said = (reasons or lines or [f"see {log}"])[-1]
    return said[:300]


def _ask(settings: Settings) -> Any:
    socket = f"unix://{control_folder(settings) / 'control'}"
    proxy = xmlrpc.client.ServerProxy(
        "http://127.0.0.1", transport=SupervisorTransport(None, None, socket)
    )
    return proxy.supervisor


def _belongs(process: psutil.Process, settings: Settings, session: int | None) -> bool:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        in_session = session is not None and os.getsid(process.pid) == session
        if in_session and process.cwd() == str(ROOT):
            return True
        return process.environ().get(MARK) == str(settings.data_dir)
    except (psutil.Error, OSError):
        return False  # ended meanwhile, or somebody else's


def _remember_session(settings: Settings, leader: int) -> None:
    started = psutil.Process(leader).create_time()
    (settings.data_dir / "session.json").write_text(json.dumps([leader, started, _boot()]))


def _known_session(settings: Settings) -> int | None:
    """The session that supervisord began; None when its number may mean something else by now."""
    try:
        leader, started, boot = json.loads((settings.data_dir / "session.json").read_text())
    except (OSError, ValueError):
        return None
    if boot != _boot():
        return None
    try:
        # A number is not given again while a process of its session is there.
        return leader if psutil.Process(leader).create_time() == started else None
    except psutil.NoSuchProcess:
        return leader


def _boot() -> int:
    return round(psutil.boot_time() / 60)


def _private(folder: Path) -> Path:
    # In /tmp somebody else may have made it first, to talk to our supervisord.
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    known = folder.lstat()
    if folder.is_symlink() or known.st_uid != os.geteuid():
        raise ServiceError(
            f"{folder} belongs to somebody else: remove it, or use another DATA_DIR."
        )
    folder.chmod(0o700)
    return folder


def _is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
