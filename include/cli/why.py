"""why: what became of one id."""

import json
from pathlib import Path
from typing import Annotated

import typer

from include.errors import SettingError
from include.settings import load_settings
from include.terminal import as_line
from include.warehouse.connection import warehouse_url


def register(app: typer.Typer) -> None:
    """Add this file's command."""
    app.command()(why)


def why(
    identifier: Annotated[
        str,
        typer.Option("--id", help="A message id, user id, e-mail, company id or object id."),
    ] = "",
    export: Annotated[
        Path | None,
        typer.Option(help="Write everything of one person into this file, as JSON."),
    ] = None,
) -> None:
    """The story of an id, from the call that landed to what Segment and Planhat acknowledged."""
    from include.why import tell

    if not identifier:
        raise SettingError("ID is missing: make why ID=<message id, user id, e-mail or company id>")
    settings = load_settings()
    if export is not None:
        _export(warehouse_url(settings), identifier, export)
        return
    story = tell(warehouse_url(settings), identifier)
    for line in story.lines(settings.planhat_app_link):
        print(as_line(line))
    raise typer.Exit(0 if story.is_found else 1)


def _export(url: str, identifier: str, file: Path) -> None:
    from include.privacy import forgetting
    from include.privacy.forgetting.known import known_of
    from include.private_files import open_private
    from include.warehouse.connection import connect

    with connect(url, application_name="access request", autocommit=True) as connection:
        person = forgetting.find(connection, identifier)
        if not person.is_known:
            raise SettingError(f"Nobody is known as {as_line(identifier)}.")
        known = known_of(connection, person)
    with open_private(file) as opened:
        json.dump(known, opened, indent=2, ensure_ascii=False)
        opened.write("\n")
    rows = sum(len(each) for each in known["rows_that_name_them"].values())
    print(f"{len(known['calls']):,} calls and {rows:,} rows: {file}")
