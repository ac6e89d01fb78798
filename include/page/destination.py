"""Where the next push goes and what it finds there: said beside the button."""

from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row, tuple_row

from include import rules
from include.connections import Destination
from include.push import contract, destinations, resync, switches
from include.push.pushed_models import pushed_models
from include.settings import Settings


def next_push(
    connection: psycopg.Connection, to: Destination, settings: Settings
) -> dict[str, Any]:
    """`{"name", "remarks", "resync", "rules"}`: the destination, what a push there would say before
    it sends, `[{"model", "left"}]` of a full resync that would go on, and, in lines, what new rules
    would move that wait to be accepted.
    """
    connection.row_factory = tuple_row
    try:
        remarks = []
        build = contract.last_build(connection)
        if build is not None and build.remark:
            remarks.append(f"{build.remark}. What it did not finish is not pushed")
        if destinations.is_new(connection, to.destination):
            # what goes to Planhat stands in views: to count them takes as long as to plan
            objects = _objects(connection) if to.kind == "segment" else None
            remarks.append(destinations.first_push(connection, to.destination, objects, to=to))
        # they stand where data is pushed to Segment
        waiting = rules.find_waiting(connection, settings) if to.kind == "segment" else None
        found = resync.interrupted(connection, to.destination)
        if found:
            remarks.append(resync.remark(found))
    finally:
        connection.row_factory = dict_row  # type: ignore[assignment]
    return {
        "name": to.name,
        "remarks": [f"{remark[0].upper()}{remark[1:]}." for remark in remarks],
        "resync": [{"model": each.model, "left": each.left} for each in found],
        "rules": waiting.lines if waiting else [],
    }


def _objects(connection: psycopg.Connection) -> int:
    """Rows of all outbound tables that there are, of models that are switched on."""
    total = 0
    for model in switches.active(connection, pushed_models()):
        table = sql.Identifier("planhat", model)
        known = connection.execute(
            "select to_regclass('planhat.' || quote_ident(%s)) is not null", [model]
        ).fetchone()
        if known and known[0]:
            row = connection.execute(sql.SQL("select count(*) from {}").format(table)).fetchone()
            total += row[0] if row else 0
    return total
