"""planhat, load, replay: rows that come in other ways than over HTTP."""

from pathlib import Path
from typing import Annotated

import typer

from include.settings import load_settings
from include.warehouse.connection import warehouse_url


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    for command in (planhat,):
        app.command()(command)


def planhat(
    directory: Annotated[
        Path | None,
        typer.Option("--dir", help="The folder; PLANHAT_EXPORTS_DIR when left out."),
    ] = None,
) -> None:
    """Read a folder of Planhat exports. A model without a file was not read: nothing is deleted."""
    from include.planhat import read_folder

    settings = load_settings()
    read_folder(warehouse_url(settings), directory or settings.exports_dir)
