"""Becomes one of Airflow's processes: `python -m include.airflow_process scheduler`.

Everything that this project sets in Airflow is here, and the same on one machine and in containers
(supervisord.conf and docker-compose.yaml run the same commands). Any `AIRFLOW__…` variable of the
environment or of `.env` wins over what is written here. `include` never imports Airflow, so this
module only prepares its environment and executes it.
"""

import base64
import fcntl
import json
import os
import secrets
import sys
from pathlib import Path

import psutil
from dotenv import dotenv_values

from include.errors import ProblemError, SettingError
from include.played_planhat import place as played_place
from include.settings import ROOT, Settings, load_settings, segment_connection
from include.warehouse import embedded

# Who may sign in where Airflow's own simple sign-in is used: name → Airflow's role.
USERS = {"admin": "admin", "operator": "op", "viewer": "viewer"}

# What differs from Airflow's defaults, and why.
CONFIGURATION = {
    "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
    "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
    # A task is a Python process of 150 MB that keeps a core busy while it starts.
    "AIRFLOW__CORE__PARALLELISM": "4",
    # The default asks the name server, and waits for seconds where there is none.
    "AIRFLOW__CORE__HOSTNAME_CALLABLE": "socket.gethostname",
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(
        f"{name}:{role}" for name, role in USERS.items()
    ),
    # A crash leaves tasks behind: find them within half a minute, not within five.
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "30",
    # One process each serves the page and parses three files; more only takes memory.
    "AIRFLOW__API__WORKERS": "1",
    "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
    # Seconds until a new DAG file is noticed (300 by default).
    "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "30",
    # Seconds between two readings of a DAG file that did not change, and no word about each.
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "60",
    "AIRFLOW__LOGGING__NAMESPACE_LEVELS": "airflow.dag_processing.dagbag=WARNING",
    # To the process's own log, which is rotated; the default adds a folder a day, for ever.
    "AIRFLOW__LOGGING__DAG_PROCESSOR_LOG_TARGET": "stdout",
    "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG": "False",
    # Nothing is reported to anybody: not by Airflow (its switch before 3.3), not by dbt, not by
    # the libraries that honour the common one.
    "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "False",
    "DO_NOT_TRACK": "1",
}


def airflow_environment(settings: Settings, given: dict[str, str]) -> dict[str, str]:
    """The environment of Airflow's processes: `given` (this process's), completed.

    Makes the secrets and the sign-in under DATA_DIR where they are missing. Raises `SettingError`
    when the warehouse is somebody's own and no database for Airflow itself is named, and
    `ServiceError` when the embedded server was never started.
    """
    home = settings.data_dir / "airflow"
    values = {**CONFIGURATION, "AIRFLOW_HOME": str(home), "PYTHONPATH": str(ROOT)}
    values |= _addresses(settings)
    values |= _secrets(home)
    values["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"] = str(sign_in_file(settings))
    if settings.uses_embedded_server:
        values["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = database_url(
            embedded.server_url(settings, "airflow")
        )
        values["AIRFLOW_CONN_WAREHOUSE"] = embedded.server_url(settings, "warehouse")
        segment = segment_connection(settings)
        scheme, host = segment.host.split("://")
        values["AIRFLOW_CONN_SEGMENT"] = f"{scheme}://:{segment.write_key}@{host}"
    if settings.plays_planhat:
        values["AIRFLOW_CONN_PLANHAT"] = played_place.connection_uri(settings)
    written = {name: value for name, value in dotenv_values(ROOT / ".env").items() if value}
    merged = {**written, **given}
    # Set but empty counts as not set, here as in `include.settings`.
    environment = {**values, **{name: value for name, value in merged.items() if value}}
    environment["PYTHONPATH"] = os.pathsep.join(_python_path(given.get("PYTHONPATH", "")))
    if "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN" not in environment:
        raise SettingError(
            "AIRFLOW_CONN_WAREHOUSE is set, so the embedded Postgres is not used: name a database "
            "for Airflow itself too, AIRFLOW__DATABASE__SQL_ALCHEMY_CONN="
            "postgresql+psycopg2://user:password@host/airflow"
        )
    return environment


def sign_in(settings: Settings) -> dict[str, str]:
    """Each user's password: made once, kept readable by its owner alone, never changed here.

    `AIRFLOW_ADMIN_PASSWORD`, where it is set, is the administrator's from the first start on.
    """
    file = sign_in_file(settings)
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)  # Airflow's workers lock it too
        text = stream.read()
        passwords = json.loads(text) if text.strip() else {}
        wanted = {name: passwords.get(name) or secrets.token_urlsafe(9) for name in USERS}
        if settings.airflow_admin_password:
            wanted["admin"] = settings.airflow_admin_password
        if wanted != passwords:
            stream.seek(0)
            stream.truncate()
            stream.write(json.dumps(wanted) + "\n")
    return wanted


def sign_in_file(settings: Settings) -> Path:
    """Where the users' passwords are, in the form in which Airflow reads them."""
    return settings.data_dir / "airflow" / "sign-in.json"


def database_url(url: str) -> str:
    """A `postgresql://` URL in the form in which SQLAlchemy takes it."""
    return "postgresql+psycopg2://" + url.split("://", 1)[1]


def _addresses(settings: Settings) -> dict[str, str]:
    # Tasks call the API server of their own machine, also when it listens everywhere.
    local = "127.0.0.1" if settings.airflow_host in ("0.0.0.0", "::") else settings.airflow_host  # noqa: S104
    base = f"http://{local}:{settings.airflow_port}"
    return {
        "AIRFLOW__API__HOST": settings.airflow_host,
        "AIRFLOW__API__PORT": str(settings.airflow_port),
        "AIRFLOW__API__BASE_URL": base,
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{base}/execution/",
    }


def _secrets(home: Path) -> dict[str, str]:
    """The keys that Airflow's processes share, made once."""
    home.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(home / "secrets.json", os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        text = stream.read()
        if text.strip():
            return json.loads(text)
        made = {
            "AIRFLOW__CORE__FERNET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "AIRFLOW__API__SECRET_KEY": secrets.token_urlsafe(32),
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_urlsafe(64),
        }
        json.dump(made, stream)
    return made


def _python_path(given: str) -> list[str]:
    # Once: Airflow puts dags/ and plugins/ on the path itself, not the root they import from.
    return [str(ROOT), *(part for part in given.split(os.pathsep) if part and part != str(ROOT))]


def end_orphaned_workers() -> int:
    """End the idle task workers that a killed scheduler left behind; return how many.

    They wait for work from a pipe whose other end is gone, for ever. One that still has a task is
    left to finish it.
    """
    session = os.getsid(0)
    orphans = 0
    for process in psutil.process_iter(["cmdline"]):
        title = " ".join(process.info["cmdline"] or [])
        if not (title.startswith("airflow worker -- LocalExecutor") and "<idle>" in title):
            continue
        try:
            parent = process.parent()
            has_scheduler = parent is not None and os.getsid(parent.pid) == session
            if os.getsid(process.pid) == session and not has_scheduler:
                process.kill()
                orphans += 1
        except (psutil.Error, OSError):
            continue  # ended meanwhile
    return orphans


def main(arguments: list[str]) -> None:
    """Replace this process by `airflow <arguments>`. Raises `ProblemError`; does not return."""
    settings = load_settings()
    if arguments[:1] == ["scheduler"]:
        end_orphaned_workers()
    environment = airflow_environment(settings, dict(os.environ))
    sign_in(settings)
    os.chdir(ROOT)
    os.execve(sys.executable, [sys.executable, "-m", "airflow", *arguments], environment)  # noqa: S606


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except ProblemError as problem:
        sys.exit(str(problem))
