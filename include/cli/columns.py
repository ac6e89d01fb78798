"""columns: the types that columns of Planhat's CSV files have, and a person's word on one."""

from typing import Annotated

import typer

from include.cli.pipeline import person
from include.errors import SettingError
from include.settings import load_settings
from include.warehouse.connection import connect
from include.warehouse.migrate import migrated_warehouse


def register(app: typer.Typer) -> None:
    """Add this file's command."""
    app.command()(columns)


def columns(
    model: Annotated[str, typer.Option(help="One model's columns; all when left out.")] = "",
    field: Annotated[str, typer.Option(help="The column, with or without custom.")] = "",
    type_name: Annotated[
        str,
        typer.Option("--type", help="What it is from now on: text, number, boolean, date, list."),
    ] = "",
) -> None:
    """The types of CSV columns, who decided each and when; with all three options, another type."""
    from include.planhat.columns import column_types, set_type

    given = {"MODEL": model, "FIELD": field, "TYPE": type_name}
    missing = [name for name, value in given.items() if not value]
    if (field or type_name) and missing:
        raise SettingError(
            f'{" and ".join(missing)} missing: make columns MODEL=company FIELD="Seats" TYPE=text'
        )
    url = migrated_warehouse(load_settings())
    with connect(url, application_name="planhat columns", autocommit=True) as connection:
        if field:
            print(set_type(connection, model, field, type_name, decided_by=person()))
            return
        found = column_types(connection, model)
    print("\n".join(map(str, found)) or "No column of a CSV file was read so far.")
