"""Everything that is known of one person, for whoever asks what is: as JSON can carry it."""

from typing import Any

import psycopg
from psycopg import sql

from include.privacy.forgetting import calls, rows
from include.privacy.forgetting.exact_json import keep_numbers
from include.privacy.forgetting.person import Person
from include.privacy.forgetting.words import Words
from include.warehouse.reading import plain

_CALLS = """
    select
        to_jsonb(events) - 'message_key' as landed,
        to_jsonb(resolution) - 'message_key' as became
    from raw_segment.events as events
    left join marts.event_resolution as resolution on events.event_seq = resolution.event_seq
    where events.event_seq in (select event_seq from {})
    order by events.event_seq
"""
# What was made of them, by the enduser's id.
_BUILT = {
    "marts.endusers": "enduser_id",
    "marts.usage_daily": "object_id",
    "marts.usage_trends": "object_id",
    "marts.usage_alerts": "object_id",
    "marts.closed_day_changes": "object_id",
}


def known_of(connection: psycopg.Connection, person: Person) -> dict[str, Any]:
    """Ids, calls with what became of them, what was made of those, and every row that names them.

    What forgetting would take away, and what it would take out of calls and rows of others.
    """
    keep_numbers(connection)
    words = Words(person.identifiers)
    with connection.transaction(force_rollback=True):
        calls.select_calls(connection, [person])
        calls.select_mentions(connection, words)
        said = {
            "asked": person.asked,
            "known_by": {kind: sorted(ids) for kind, ids in person.kinds().items()},
            "calls": _calls(connection, "their_calls"),
            "calls_of_others_that_name_them": _calls(connection, "their_mentions"),
            "made_of_them": {
                table: _made(connection, table, column, person) for table, column in _BUILT.items()
            },
            "rows_that_name_them": rows.read_rows(connection, words),
        }
    return plain(said)


def _calls(connection: psycopg.Connection, table: str) -> list[dict[str, Any]]:
    query = sql.SQL(_CALLS).format(sql.Identifier(table))
    return [{"call": call, "became": became} for call, became in connection.execute(query)]


def _made(
    connection: psycopg.Connection, table: str, column: str, person: Person
) -> list[dict[str, Any]]:
    query = sql.SQL("select to_jsonb(each) from {} as each where {} = any (%s)").format(
        sql.Identifier(*table.split(".")), sql.Identifier(column)
    )
    return [row for (row,) in connection.execute(query, [sorted(person.enduser_ids)])]
