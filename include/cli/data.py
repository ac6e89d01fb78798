"""planhat, load, warehouse, replay: rows that come in other ways than over HTTP."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from include.cli.words import split
from include.errors import ProblemError, ServiceError, SettingError
from include.played_planhat.place import is_empty, planhat_of
from include.settings import load_settings
from include.warehouse.connection import connect
from include.warehouse.migrate import migrated_warehouse


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    for command in (planhat, load, warehouse, replay):
        app.command()(command)


def planhat(
    directory: Annotated[
        Path | None,
        typer.Option(
            "--dir", help="A folder of exports; left out, the API if its connection is set."
        ),
    ] = None,
    deleted: Annotated[
        str,
        typer.Option(help="Models of which all that is missing from their files is gone."),
    ] = "",
    decimal: Annotated[
        str, typer.Option(help="What begins decimals in these CSV files: point or comma.")
    ] = "",
    check: Annotated[
        bool, typer.Option("--check", help="Ask the API what the tenant is like, and read nothing.")
    ] = False,
) -> None:
    """Read Planhat: its API, or a folder of exports. A model without a file was not read."""
    from include.planhat.api.reading import read_api
    from include.planhat.api.tenant_check import check_tenant
    from include.planhat.models import models_with
    from include.planhat.reading import read_folder

    if decimal not in ("", "point", "comma"):
        raise SettingError(f"DECIMAL is point or comma, not {decimal!r}.")
    settings = load_settings()
    gone = split(deleted, "DELETED")
    connection = None if directory or decimal else planhat_of(settings)
    if check:
        if connection is None:
            raise SettingError(
                "CHECK=1 asks Planhat's API, and AIRFLOW_CONN_PLANHAT is not set: "
                "https://:<token>@api.planhat.com"
            )
        models = models_with(settings.planhat_custom_models)
        check_tenant(migrated_warehouse(settings), connection, models=models)
        return
    if connection is not None and not (connection.is_played and settings.has_exports):
        if is_empty(connection):
            raise ProblemError(
                "There is no Planhat to read: AIRFLOW_CONN_PLANHAT is not set, and the played one "
                "is empty (make demo puts a sample into it). Exports: make planhat DIR=…"
            )
        models = models_with(settings.planhat_custom_models)
        report = read_api(migrated_warehouse(settings), connection, gone=gone, models=models)
    else:
        report = read_folder(
            migrated_warehouse(settings),
            directory or settings.exports_dir,
            gone=gone,
            decimal_mark={"point": ".", "comma": ","}.get(decimal),
        )
    print(report)
    if report.has_nothing:
        raise ProblemError(f"Nothing could be read of {', '.join(report.doubtful)}.")
    if report.doubtful:
        print(f"Look at: {', '.join(report.doubtful)}. The rest is read.", file=sys.stderr)
        raise typer.Exit(2)


def load(
    files: Annotated[
        str, typer.Option(help="Files of calls: lines, lists, batches; by spaces.")
    ] = "",
    source: Annotated[
        str, typer.Option(help="Whose calls they are; on the embedded server demo-app.")
    ] = "",
) -> None:
    """Land files of Segment calls. The same file again lands nothing twice."""
    from include.collector.load import load_files

    settings = load_settings()
    if not source and settings.uses_embedded_server:
        source = "demo-app"
    if not files or not source:
        missing = "FILES" if not files else "SOURCE"
        raise SettingError(f'{missing} is missing: make load FILES="a.jsonl b.jsonl.gz" SOURCE=app')
    names = split(files, "FILES")
    done = load_files(migrated_warehouse(settings), names, source)
    if len(names) > 1:  # of one it was said
        print(f"in all: {done}")


def warehouse(
    full: Annotated[bool, typer.Option("--full", help="Every row, not only the new ones.")] = False,
    schema: Annotated[str, typer.Option(help="SEGMENT_WAREHOUSE_SCHEMA when left out.")] = "",
    source: Annotated[str, typer.Option(help="SEGMENT_WAREHOUSE_SOURCE when left out.")] = "",
) -> None:
    """Land what is new in the tables that Segment's own warehouse destination loads."""
    from include.segment_warehouse.landing import land_warehouse_calls

    settings = load_settings()
    schema = schema or settings.segment_warehouse_schema or ""
    if not schema:
        raise SettingError(
            "SEGMENT_WAREHOUSE_SCHEMA is not set: name the schema that Segment loads, "
            "or say it: make warehouse SCHEMA=production"
        )
    landed = land_warehouse_calls(
        migrated_warehouse(settings), schema, source or settings.segment_warehouse_source, full=full
    )
    print(landed)
    if landed.unread:
        raise ServiceError(f"Not read to the end: {', '.join(landed.unread)}. The rest is landed.")


def replay(
    reason: Annotated[str, typer.Option(help="Only calls quarantined for this reason.")] = "",
    since: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S%z"], help="Only from then on (UTC)."),
    ] = None,
) -> None:
    """Land quarantined calls again, after a fix; those that are still bad stay."""
    from include.collector.replay import replay as run_replay

    if since is not None and since.tzinfo is None:
        since = since.replace(tzinfo=UTC)
    url = migrated_warehouse(load_settings())
    if reason:
        _must_be_kept(url, reason)
    run_replay(url, reason or None, since)  # says itself what became of them


def _must_be_kept(url: str, reason: str) -> None:
    """Raise `SettingError`, naming the reasons there are, where nothing is in quarantine for it."""
    with connect(url, application_name="replay", autocommit=True) as connection:
        known = [
            name
            for (name,) in connection.execute(
                "select distinct reason from raw_segment.quarantine order by reason"
            )
        ]
    if reason not in known:
        there_are = f"there are {', '.join(known)}" if known else "it is empty"
        raise SettingError(f"Nothing is in quarantine for the reason {reason!r}: {there_are}.")
