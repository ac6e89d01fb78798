"""compare: what Planhat has beside what is ours, before sections are switched over."""

import json
import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from include.cli.pipeline import person
from include.errors import ProblemError, SettingError
from include.nearest import refuse_unknown
from include.played_planhat.place import is_empty, planhat_of
from include.settings import load_settings
from include.terminal import as_line
from include.warehouse.migrate import migrated_warehouse


def register(app: typer.Typer) -> None:
    """Add this file's command."""
    app.command()(compare)


def compare(
    since: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The first day (UTC); fourteen, left out."),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The last day; yesterday, left out."),
    ] = None,
    what: Annotated[
        str, typer.Option(help="endusers, metrics, activity, by spaces; all when left out.")
    ] = "",
    examples: Annotated[
        int, typer.Option(min=0, max=1_000, help="Of each reason, so many are shown.")
    ] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="All of it as JSON.")] = False,
) -> None:
    """Hold what Planhat has against ours. Nothing is sent. Exit 0: equal, 2: not."""
    from include.compare import SECTIONS, chosen
    from include.compare import compare as run_compare

    if what and not what.strip():
        raise SettingError("WHAT is blank: name sections, or leave it out for all.")
    sections = what.split() or SECTIONS
    refuse_unknown(sections, SECTIONS, "section")
    days = chosen(
        since.date() if since else None,
        until.date() if until else None,
        today=datetime.now(UTC).date(),
    )
    settings = load_settings()
    connection = planhat_of(settings)
    if connection is None:
        raise SettingError(
            "AIRFLOW_CONN_PLANHAT is not set: name the tenant to compare with, "
            "https://:<token>@api.planhat.com"
        )
    url = migrated_warehouse(settings)
    if is_empty(connection):
        raise ProblemError(
            "There is no Planhat to compare with: AIRFLOW_CONN_PLANHAT is not set, and the played "
            "one is empty (make demo puts a sample into it)."
        )
    found = run_compare(
        url, connection, days, sections=sections, examples=examples, requested_by=person(),
        say=lambda line: print(as_line(line), file=sys.stderr if as_json else sys.stdout),
    )  # fmt: skip
    if as_json:
        print(json.dumps(found.as_dict(), indent=2, ensure_ascii=False))
    else:
        print()
        for line in str(found).splitlines():
            print(as_line(line))
    raise typer.Exit(found.exit_code)
