"""build, plan, push: from what landed to what Segment acknowledged, without Airflow."""

import getpass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from include.settings import load_settings, segment_connection
from include.warehouse.connection import warehouse_url


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    for command in (build, plan, push):
        app.command()(command)


Full = Annotated[bool, typer.Option(help="From scratch instead of what is new.")]
Models = Annotated[str, typer.Option(help="Names, separated by spaces; all when left out.")]
Limit = Annotated[int | None, typer.Option(min=1, help="At most so many objects of each model.")]


def build(
    full: Full = False,
    as_of: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The day that trends look back from."),
    ] = None,
) -> None:
    """One dbt build against the warehouse."""
    from include.build import build as run_build

    settings = load_settings()
    run_build(
        warehouse_url(settings),
        settings,
        requested_by=f"make build ({getpass.getuser()})",
        as_of=as_of.date() if as_of else None,
        full=full,
    )


def plan(
    models: Models = "",
    limit: Limit = None,
    file: Annotated[Path | None, typer.Option(help="Write the whole plan there.")] = None,
    full: Annotated[bool, typer.Option(help="As if everything were sent again.")] = False,
) -> None:
    """What a push would send, with samples; nothing is sent."""
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
        plan_file=file,
        requested_by=getpass.getuser(),
    )
    raise typer.Exit(report.exit_code)


def push(  # noqa: PLR0913, PLR0917  one parameter an option
    models: Models = "",
    limit: Limit = None,
    plan: Annotated[
        Path | None, typer.Option(help="Send this plan, only if it still holds.")
    ] = None,
    full: Annotated[bool, typer.Option(help="Send every object again.")] = False,
    build_first: Annotated[bool, typer.Option("--build", help="Build first.")] = False,
    retire: Annotated[
        str | None, typer.Option(help="Send the removals of a model whose file is gone.")
    ] = None,
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
        plan_file=plan,
        retire=retire,
        requested_by=getpass.getuser(),
    )
    raise typer.Exit(report.exit_code)
