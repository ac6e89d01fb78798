"""report: the numbers of the last weeks as tables to read, or as files."""

from pathlib import Path
from typing import Annotated

import typer

from include.settings import load_settings
from include.warehouse.connection import warehouse_url


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    app.command()(report)


def report(
    runs: Annotated[int, typer.Option(min=1, help="How many pushes stand side by side.")] = 6,
    folder: Annotated[
        Path | None, typer.Option(help="Also write pushes.csv and unresolved.csv there.")
    ] = None,
) -> None:
    """Pushes side by side, and what stays unresolved by reason and week."""
    from include import reports

    url = warehouse_url(load_settings())
    tables = {"pushes": reports.pushes(url, runs=runs), "unresolved": reports.unresolved(url)}
    headings = {
        "pushes": "Objects synced by run, the newest first; refused ones in brackets",
        "unresolved": "Unresolved calls by week, the newest first, of the last 8 weeks with any",
    }
    for name, table in tables.items():
        print(headings[name])
        print(table.to_string() if not table.empty else f"No {name} yet.", end="\n\n")
        if folder:
            reports.write(table, folder / f"{name}.csv")
