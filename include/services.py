"""`make up`, `make down`, `make status`: the services on one machine, under supervisord.

Starting is in steps that a caller may interleave with work of its own (`make demo` does): the
warehouse, the collector and the played Planhat, Airflow. Each starts what is missing and leaves
alone what runs.
"""

import errno
import fcntl
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import psycopg
from psycopg import sql

from include import airflow_api, started_with, supervision
from include.airflow_process import airflow_environment, sign_in
from include.errors import ServiceError
from include.health import AIRFLOW_PARTS
from include.played_planhat import place as played_place
from include.settings import ROOT, Settings
from include.warehouse import embedded
from include.warehouse.connection import connect, warehouse_url
from include.warehouse.migrate import migrate

POSTGRES = "postgres"
COLLECTOR = "collector"
PLAYED_PLANHAT = "played-planhat"
AIRFLOW = (
    "airflow-apiserver",
    "airflow-scheduler",
    "airflow-dag-processor",
    "airflow-triggerer",
)
PROGRAMS = (POSTGRES, COLLECTOR, PLAYED_PLANHAT, *AIRFLOW)

NOT_THE_REAL_ONE = "(a played Planhat, not the real one)"

# Seconds. Airflow is healthy after about 25 on two idle cores.
PROGRESS_EVERY = 4.0
AIRFLOW_PATIENCE = 240.0

Say = Callable[[str], None]


def prepare_server(settings: Settings, *, say: Say = print) -> None:
    """For containers: both databases brought up to date, the sign-in made; nothing is started.

    Safe to run by two at once. Raises `ServiceError` when Postgres does not answer.
    """
    environment = airflow_environment(settings, dict(os.environ))
    _create_airflow_database(environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"], settings)
    migrate(warehouse_url(settings), say=say)
    sign_in(settings)
    _migrate_airflow(settings, environment, say)
    say("The databases are up to date.")


def up(settings: Settings, *, say: Say = print) -> None:
    """Start what is not running and wait until all of it is healthy.

    Raises `ServiceError` in one line: a port that is taken, a program that does not start.
    """
    with starting(settings):
        clear_the_way(settings)
        start_warehouse(settings, say=say)
        start_played_planhat(settings, say=say)
        start_collector(settings, say=say)
        start_airflow(settings, say=say)
    wait_for_played_planhat(settings, say=say)
    wait_for_airflow(settings, say=say)
    for line in addresses(settings):
        say(line)


def down(settings: Settings, *, say: Say = print) -> None:
    """Stop everything that belongs to this DATA_DIR, and make sure that no process is left."""
    if not settings.data_dir.exists():
        say("Nothing runs.")
        return
    with starting(settings):
        known = supervision.programs(settings)
        ran = [name for name, program in known.items() if program.pid]
        # Postgres last: the others write their last words into it.
        supervision.stop_programs(settings, [n for n in ran if n != POSTGRES], patience=30)
        supervision.stop_programs(settings, [n for n in ran if n == POSTGRES], patience=40)
        supervision.stop_supervisor(settings)
        ended = _end_leftovers(settings)
        if left := supervision.leftovers(settings):
            numbers = ", ".join(str(process.pid) for process in left)
            raise ServiceError(f"These processes do not end: {numbers}.")
    if ran:
        say(f"Stopped {', '.join(ran)}.")
    elif ended:
        say(f"Ended {ended} processes that a killed supervisor had left behind.")
    else:
        say("Nothing runs.")


@contextmanager
def starting(settings: Settings) -> Iterator[None]:
    """Hold the data folder while services are started or stopped; a second caller waits.

    Raises `ServiceError` when DATA_DIR cannot be written.
    """
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        lock = (settings.data_dir / "services.lock").open("w")
    except OSError as error:
        raise ServiceError(
            f"DATA_DIR {settings.data_dir} cannot be written ({error.strerror}): set another one."
        ) from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def clear_the_way(settings: Settings) -> None:
    """End what a killed supervisord left behind. Raises `ServiceError` when an address cannot be
    used: its port is taken, or its host is not this machine."""
    if not supervision.is_running(settings):
        _end_leftovers(settings)
    known = supervision.programs(settings)
    needed = [
        (COLLECTOR, settings.collector_host, settings.collector_port, "COLLECTOR"),
        (AIRFLOW[0], settings.airflow_host, settings.airflow_port, "AIRFLOW"),
    ]
    if settings.plays_planhat:
        played_place.choose_port(settings)
        port = played_place.port_of(settings)
        needed.append((PLAYED_PLANHAT, "127.0.0.1", port, "PLAYED_PLANHAT"))
    for name, host, port, setting in needed:
        if not (name in known and known[name].is_up):
            _refuse_unusable(host, port, setting)


def start_warehouse(settings: Settings, *, say: Say = print) -> str:
    """Start the embedded Postgres if it is the one in use, migrate, return the warehouse's URL."""
    _supervisor(settings)
    if settings.uses_embedded_server:
        embedded.prepare(settings)
        _start(settings, POSTGRES, say)
        _wait_for_postgres(settings, say)
        embedded.create_databases(settings)
    url = warehouse_url(settings)
    migrate(url, say=say)
    say(f"Postgres is ready{_since(settings, POSTGRES)}.")
    return url


def start_collector(settings: Settings, *, say: Say = print) -> None:
    """Start the collector and wait for it; on the embedded server make the demo's sources."""
    if settings.uses_embedded_server:
        from include.collector.sources import add_demo_sources

        add_demo_sources(warehouse_url(settings))
    _start(settings, COLLECTOR, say)
    wait_for_collector(settings, say=say)


def start_played_planhat(settings: Settings, *, say: Say = print) -> None:
    """Start the played Planhat where it stands in for a real one; else stop it if it runs."""
    known = supervision.programs(settings)
    if settings.plays_planhat:
        _start(settings, PLAYED_PLANHAT, say)
    elif PLAYED_PLANHAT in known and known[PLAYED_PLANHAT].is_up:
        supervision.stop_programs(settings, [PLAYED_PLANHAT], patience=10)
        say("The played Planhat is stopped: another one is named.")


def start_airflow(settings: Settings, *, say: Say = print) -> None:
    """Migrate Airflow's own database if needed and start its processes; they are not ready yet."""
    environment = airflow_environment(settings, dict(os.environ))
    sign_in(settings)
    _migrate_airflow(settings, environment, say)
    for name in AIRFLOW:
        _start(settings, name, say)


def wait_for_collector(settings: Settings, *, say: Say = print, patience: float = 60) -> None:
    """Wait until the collector answers. Raises `ServiceError` with its last word otherwise."""
    _wait(
        settings, [COLLECTOR], lambda: [] if _collector_answers(settings) else [COLLECTOR],
        patience=patience, say=say,
    )  # fmt: skip
    say(f"The collector is ready{_since(settings, COLLECTOR)}.")


def wait_for_played_planhat(settings: Settings, *, say: Say = print, patience: float = 60) -> None:
    """Wait until the played Planhat answers, where there is one. Raises `ServiceError`."""
    if not settings.plays_planhat:
        return
    address = played_place.address(settings)
    _wait(
        settings, [PLAYED_PLANHAT], lambda: [] if _answers(address) else [PLAYED_PLANHAT],
        patience=patience, say=say,
    )  # fmt: skip
    say(f"The played Planhat is ready{_since(settings, PLAYED_PLANHAT)}.")


def wait_for_airflow(
    settings: Settings, *, say: Say = print, patience: float = AIRFLOW_PATIENCE
) -> None:
    """Wait until all of Airflow is healthy. Raises `ServiceError` naming the part that is not."""
    _wait(settings, list(AIRFLOW), lambda: unhealthy_airflow(settings), patience=patience, say=say)
    say(f"Airflow is ready{_since(settings, *AIRFLOW)}.")


def unhealthy_airflow(settings: Settings) -> list[str]:
    """Those of Airflow's processes that are not healthy yet."""
    answer = airflow_api.health(settings)
    if answer is None:
        return list(AIRFLOW)
    known = supervision.programs(settings)
    return [name for name, part in AIRFLOW_PARTS.items() if not _beats(part, known[name], answer)]


def status(settings: Settings) -> list[tuple[str, str, str, str]]:
    """For each program: name, state in a word, process id and start, where it listens."""
    known = supervision.programs(settings)
    places = {
        POSTGRES: _postgres_address(settings),
        COLLECTOR: f"http://{settings.collector_host}:{settings.collector_port}",
        AIRFLOW[0]: airflow_api.address(settings),
        PLAYED_PLANHAT: f"{played_place.address(settings)} {NOT_THE_REAL_ONE}",
    }
    running = {name for name, program in known.items() if program.pid}
    for name in (COLLECTOR, AIRFLOW[0]):
        if (program := known.get(name)) and program.pid:
            places[name] = real_address(places[name], program.pid)
    rows = []
    for name in PROGRAMS:
        if name == POSTGRES and not settings.uses_embedded_server:
            rows.append((name, "not ours", "", places[name]))
            continue
        if name == PLAYED_PLANHAT and not settings.plays_planhat and name not in running:
            rows.append((name, "not used", "", ""))
            continue
        program = known.get(name)
        if program is None or not program.pid:
            state = program.state.lower() if program and program.state == "BACKOFF" else "stopped"
            rows.append((name, state, "", places.get(name, "")))
        else:
            since = datetime.fromtimestamp(program.started_at, UTC).strftime("%d %b %H:%M:%S UTC")
            rows.append(
                (name, program.state.lower(), f"{program.pid} since {since}", places.get(name, ""))
            )
    return rows


def real_address(configured: str, pid: int) -> str:
    """Where a process and its children listen: it may have been started with another setting."""
    try:
        process = psutil.Process(pid)
        ports = {
            held.laddr.port
            for each in (process, *process.children(recursive=True))
            for held in each.net_connections(kind="tcp")
            if held.status == psutil.CONN_LISTEN
        }
    except (psutil.Error, OSError):
        return configured
    host, _, port = configured.rpartition(":")
    if not ports or int(port) in ports:
        return configured
    return f"{host}:{min(ports)}"


def addresses(settings: Settings) -> list[str]:
    """What a person needs after `make up`: where things are and how to sign in."""
    passwords = sign_in(settings)
    accounts = ", ".join(f"{name} / {password}" for name, password in passwords.items())
    played = f"Planhat    {played_place.address(settings)}   {NOT_THE_REAL_ONE}"
    return [
        f"Airflow    {airflow_api.address(settings)}   sign in: {accounts}",
        f"Collector  http://{settings.collector_host}:{settings.collector_port}/v1/batch",
        *([played] if settings.plays_planhat else []),
        'Warehouse  psql "$(make -s url)"   or   make psql',
        f"Logs       {supervision.logs_folder(settings)}",
    ]


# Starting


def _supervisor(settings: Settings) -> None:
    if not supervision.is_running(settings):
        # Programs that nobody would bring back.
        _end_leftovers(settings)
    supervision.start_supervisor(settings)


def _end_leftovers(settings: Settings) -> int:
    """End what a killed supervisord left behind, Postgres first and in its own way."""
    left = len(supervision.leftovers(settings))
    if left and (settings.data_dir / "postgres").exists():
        embedded.stop(settings)
    supervision.end_leftovers(settings)
    return left


def _start(settings: Settings, name: str, say: Say) -> None:
    """Start a program that is not up, and again one whose settings have changed since it was."""
    folder = supervision.control_folder(settings)
    known = supervision.programs(settings)
    if name not in known:  # the supervisor was started by a version without it
        raise ServiceError(f"The services that run do not know {name} yet: make down, then again.")
    is_up = known[name].is_up
    if is_up and (names := started_with.changed(folder, name)):
        verb = "has" if len(names) == 1 else "have"
        say(f"{name} is started again: {', '.join(names)} {verb} changed.")
        supervision.stop_programs(settings, [name], patience=40)
        is_up = False
    if not is_up:
        started_with.write_launcher(settings, folder)
        started_with.remember(folder, name, supervision.logs_folder(settings) / f"{name}.log")
        supervision.start_program(settings, name)


def _wait_for_postgres(settings: Settings, say: Say) -> None:
    url = embedded.server_url(settings, "postgres")

    def waits_for() -> list[str]:
        try:
            psycopg.connect(url, connect_timeout=5).close()
        except psycopg.OperationalError:
            return [POSTGRES]
        return []

    _wait(settings, [POSTGRES], waits_for, patience=60, say=say)


def _wait(
    settings: Settings, names: list[str], waits_for: Callable[[], list[str]],
    *, patience: float, say: Say,
) -> None:  # fmt: skip
    """Wait until `waits_for()` is empty; a program that ends is said, and not waited for twice."""
    started = said = time.monotonic()
    failing_since: dict[str, float] = {}
    pids: dict[str, int] = {}
    ended: set[str] = set()
    while waiting := waits_for():
        now = time.monotonic()
        known = supervision.programs(settings)
        for name in names:
            pid = known[name].pid if name in known else 0
            if pids.get(name) and pid != pids[name]:
                word = _last_word(settings, name)
                if name in ended:
                    raise ServiceError(f"{name} ends whenever it is started: {word}")
                ended.add(name)
                say(f"{name} ended at its start and is tried once more: {word}")
            pids[name] = pid
            if name in known and known[name].state == "RUNNING":
                failing_since.pop(name, None)
            elif name in known and known[name].state == "STARTING":
                continue  # perhaps once more
            elif now - failing_since.setdefault(name, now) > 8:
                raise ServiceError(f"{name} does not start: {_last_word(settings, name)}")
        if now - started > patience:
            word = _last_word(settings, waiting[0])
            raise ServiceError(f"{waiting[0]} is not ready after {patience:.0f} s: {word}")
        if now - said >= PROGRESS_EVERY:
            said = now
            say(f"waiting for {', '.join(waiting)}: {now - started:.0f} s")
        time.sleep(0.25 if now - started > 2 else 0.05)


def _last_word(settings: Settings, name: str) -> str:
    log = supervision.logs_folder(settings) / f"{name}.log"
    began = started_with.log_began(supervision.control_folder(settings), name)
    return f"{supervision.last_line(log, began)} (log: {log})"


def _migrate_airflow(settings: Settings, environment: dict[str, str], say: Say) -> None:
    url = environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
    marker = settings.data_dir / "airflow" / "migrated"
    mark = f"{version('apache-airflow-core')} {_revision(url)}\n"
    if marker.exists() and marker.read_text() == mark and "None" not in mark:
        return
    log = supervision.logs_folder(settings) / "airflow-migrate.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "include.airflow_process", "db", "migrate"],
            stdout=output, stderr=output, stdin=subprocess.DEVNULL, cwd=ROOT, env=environment,
        )  # fmt: skip
        try:
            while True:
                try:
                    process.wait(timeout=PROGRESS_EVERY)
                    break
                except subprocess.TimeoutExpired:
                    say(f"preparing Airflow's database: {time.monotonic() - started:.0f} s")
        except BaseException:
            process.kill()
            process.wait()
            raise
    if process.returncode:
        raise ServiceError(
            f"Airflow's database could not be prepared: {supervision.last_line(log)} (log: {log})"
        )
    marker.write_text(f"{version('apache-airflow-core')} {_revision(url)}\n")


def _create_airflow_database(sqlalchemy_url: str, settings: Settings) -> None:
    """Make Airflow's database if it is to be on the warehouse's server and is missing."""
    wanted, ours = urlsplit(sqlalchemy_url), urlsplit(warehouse_url(settings))
    if (wanted.hostname, wanted.port) != (ours.hostname, ours.port):
        return
    name = wanted.path.lstrip("/")
    with connect(warehouse_url(settings), application_name="migrate", autocommit=True) as admin:
        admin.execute("select pg_advisory_lock(hashtext('create databases'))")
        if not admin.execute("select 1 from pg_database where datname = %s", [name]).fetchone():
            admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))


def _revision(sqlalchemy_url: str) -> str | None:
    """The revision of Airflow's schema, or None where it cannot be told."""
    scheme, rest = sqlalchemy_url.split("://", 1)
    if not scheme.startswith("postgres"):
        return None
    with connect(f"postgresql://{rest}", application_name="up") as connection:
        try:
            row = connection.execute("select version_num from alembic_version").fetchone()
        except psycopg.errors.UndefinedTable:
            return None
    return row[0] if row else None


# Looking


def _collector_answers(settings: Settings) -> bool:
    host = "127.0.0.1" if settings.collector_host in ("0.0.0.0", "::") else settings.collector_host  # noqa: S104
    return _answers(f"http://{host}:{settings.collector_port}/health")


def _answers(address: str) -> bool:
    try:
        return httpx.get(address, timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


def _beats(part: str, program: supervision.Program, answer: dict[str, dict]) -> bool:
    """Whether the part's heartbeat is that of the process which runs now, not of one before it."""
    if program.state != "RUNNING" or answer[part]["status"] != "healthy":
        return False
    beat = answer[part].get(f"latest_{part}_heartbeat")
    return beat is not None and datetime.fromisoformat(beat).timestamp() >= program.started_at


def _since(settings: Settings, *names: str) -> str:
    """` after 12 s`, for programs that were started just now."""
    known = supervision.programs(settings)
    started = [known[name].started_at for name in names if name in known and known[name].pid]
    mine = psutil.Process().create_time()
    return f" after {time.time() - max(started):.0f} s" if started and max(started) > mine else ""


def _postgres_address(settings: Settings) -> str:
    try:
        parts = urlsplit(warehouse_url(settings))
    except ServiceError:
        return ""
    return f"{parts.hostname}:{parts.port or 5432}{parts.path}"


def _refuse_unusable(host: str, port: int, setting: str) -> None:
    """Raise `ServiceError` when nothing can listen there; `setting` begins the settings' names."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise ServiceError(
                    f"Port {port} is taken by another program: end it, or set {setting}_PORT to "
                    "another one."
                ) from None
            if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
                raise ServiceError(
                    f"{setting}_HOST {host} is no address of this machine: set it to 127.0.0.1, or "
                    "to one that is."
                ) from None
            raise ServiceError(
                f"{setting}_HOST {host} and {setting}_PORT {port} cannot be used "
                f"({error.strerror}): set others."
            ) from None


def remove_data(settings: Settings) -> None:
    """Delete what a running copy keeps, and only that: DATA_DIR may hold other things."""
    embedded.remove(settings)
    for name in (
        "airflow", "logs", "run", "spool", "exports", "played-planhat", "demo", "dbt", "docs"
    ):  # fmt: skip
        shutil.rmtree(settings.data_dir / name, ignore_errors=True)
    for name in ("postgres.json", "services.lock", "session.json"):
        (settings.data_dir / name).unlink(missing_ok=True)
    if supervision.control_folder(settings).parent == Path("/tmp"):  # noqa: S108
        shutil.rmtree(supervision.control_folder(settings), ignore_errors=True)
    if settings.data_dir.exists() and not any(settings.data_dir.iterdir()):
        settings.data_dir.rmdir()
