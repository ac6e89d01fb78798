"""why: what became of one id."""

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
) -> None:
    """The story of an id, from the call that landed to what Segment and Planhat acknowledged."""
    from include.why import tell

    if not identifier:
        raise SettingError("ID is missing: make why ID=<message id, user id, e-mail or company id>")
    settings = load_settings()
    story = tell(warehouse_url(settings), identifier)
    for line in story.lines(settings.planhat_app_link):
        print(as_line(line))
    raise typer.Exit(0 if story.is_found else 1)
