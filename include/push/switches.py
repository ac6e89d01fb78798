"""Which models a push to Segment that names none sends: as their YAML says, or somebody since."""

from typing import Any

import psycopg
from psycopg.rows import dict_row, tuple_row

from include.push.catalogue import PushedModel
from include.warehouse.connection import connect

# What the name of a model's switch begins with, among the others of page and command line.
PREFIX = "push_"


def active(
    connection: psycopg.Connection, models: dict[str, PushedModel], names: list[str] | None = None
) -> dict[str, PushedModel]:
    """Those that are switched on, or were asked for by name."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        rows = cursor.execute("select model, is_active from sync.segment_outbound").fetchall()
    said: dict[str, bool] = dict(rows)
    asked = set(names or ())
    return {
        name: model
        for name, model in models.items()
        if name in asked or said.get(name, model.on_by_default)
    }


def state(connection: psycopg.Connection, models: dict[str, PushedModel]) -> dict[str, Any]:
    """`{"push_<model>": {"is_on", "changed_by", "since"}}` of models that are off at first, or
    were turned.
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            "select model, is_active as is_on, changed_by, valid_from as since"
            " from sync.segment_outbound"
        ).fetchall()
    said = {row.pop("model"): row for row in rows}
    off = {
        name: {"is_on": False, "changed_by": "default", "since": None}
        for name, model in models.items()
        if not model.on_by_default
    }
    found = sorted({**off, **said}.items())
    return {PREFIX + name: row for name, row in found if name in models}


def turn(url: str, model: str, is_active: bool, *, by: str) -> None:
    """Push the model from the next push on, or not. What was sent stays in Segment."""
    with connect(url, application_name="switch of a model") as connection:
        connection.execute(
            """
            insert into sync.segment_outbound as stands (model, is_active, changed_by)
            values (%s, %s, %s)
            on conflict (model) do update
            set
                is_active = excluded.is_active,
                changed_by = excluded.changed_by,
                valid_from = excluded.valid_from
            where stands.is_active <> excluded.is_active
            """,
            [model, is_active, by],
        )
