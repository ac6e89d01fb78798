"""build, plan, push: from what landed to what Segment acknowledged, without Airflow."""

import getpass
from datetime import datetime
from typing import Annotated

import typer

from include.settings import load_settings, segment_connection
from include.warehouse.connection import warehouse_url

Models = Annotated[str, typer.Option(help="Names, separated by spaces; all when left out.")]
Limit = Annotated[int | None, typer.Option(min=1, help="At most so many objects of each model.")]
Resync = Annotated[bool, typer.Option("--full", help="Every object again, unchanged ones too.")]


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    for command in (build, plan, push):
        app.command()(command)


def build(
    full: Annotated[bool, typer.Option("--full", help="From scratch: all of history.")] = False,
    as_of: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The day that trends look back from: today."),
    ] = None,
) -> None:
    """One dbt build against the warehouse."""
    from include.build import build as run_build

    settings = load_settings()
    report = run_build(
        warehouse_url(settings),
        settings,
        requested_by=f"{_person()} at the command line",
        as_of=as_of.date() if as_of else None,
        full=full,
    )
    if not report.is_reused:  # it said so itself
        print(report)


def plan(models: Models = "", limit: Limit = None, full: Resync = False) -> None:
    """What a push would send, per model; nothing is sent."""
    from include.push.push import push as run_push

    settings = load_settings()
    report = run_push(
        warehouse_url(settings),
        segment_connection(settings),
        settings,
        models=models.split() or None,
        limit=limit,
        full=full,
        dry_run=True,
        requested_by=_person(),
    )
    raise typer.Exit(report.exit_code)


def push(
    models: Models = "",
    limit: Limit = None,
    full: Resync = False,
    build_first: Annotated[bool, typer.Option("--build", help="Build first.")] = False,
) -> None:
    """Push what planhat.* holds. Exit 0 success, 1 failed, 2 partial, 3 held, 4 another runs."""
    from include.push.push import push as run_push

    settings = load_settings()
    url, segment = warehouse_url(settings), segment_connection(settings)
    if build_first:
        build()
    report = run_push(
        url,
        segment,
        settings,
        models=models.split() or None,
        limit=limit,
        full=full,
        requested_by=_person(),
    )
    raise typer.Exit(report.exit_code)


def _person() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "somebody"
