"""What builds made of the forgotten, and what a build leaves behind.

A build after their calls are gone makes every table as if they had never been: it compares all that
is made of calls. Left are the journals, in which it tells its readers what went, and the table of
closed days, which no build makes anew.
"""

from collections.abc import Iterable

import psycopg
from psycopg import sql

from include.privacy.forgetting.person import Person
from include.privacy.forgetting.rows import SCHEMAS

# Shown in a plan: the tables by which a person's size is known.
_COUNTED = {
    "marts.endusers": "enduser_id",
    "intermediate.int_usage__object_enduser_days": "enduser_id",
    "marts.usage_trends": "object_id",
}


def count_built(connection: psycopg.Connection, people: Iterable[Person]) -> dict[str, int]:
    """How many rows of the larger tables are theirs."""
    ids = sorted(set().union(*(each.enduser_ids for each in people)))
    return {
        table: count
        for table, column in _COUNTED.items()
        if (
            count := connection.execute(
                sql.SQL("select count(*) from {} where {} = any (%s)").format(
                    sql.Identifier(*table.split(".")), sql.Identifier(column)
                ),
                [ids],
            ).fetchone()[0]  # type: ignore[index]
        )
    }


def clear_behind_the_build(
    connection: psycopg.Connection, people: Iterable[Person]
) -> dict[str, int]:
    """After a build that succeeded, and under its lock: what it told its readers, and closed days.

    Every reader of a journal has had the rows of a build that succeeded: the next build drops them,
    everybody's, so they are not counted.
    """
    for schema, table, column in connection.execute(
        """
        select table_schema, table_name, max(column_name)
        from information_schema.columns
        where
            table_schema <> all (%s)
            and column_name in ('journal_build', 'build_id')
            and (table_schema, table_name) in (
                select table_schema, table_name from information_schema.columns
                where column_name = 'journal_sign'
            )
        group by 1, 2
        """,
        [list(SCHEMAS)],
    ).fetchall():
        connection.execute(
            sql.SQL(
                "delete from {} where {} <= ("
                "select max(build_id) from sync.builds where status = 'success')"
            ).format(
                sql.Identifier(schema, table),
                sql.Identifier(column),
            )
        )
    closed = connection.execute(
        "delete from marts.closed_day_changes"
        " where object_type = 'enduser' and object_id = any (%s)",
        [sorted(set().union(*(each.enduser_ids for each in people)))],
    ).rowcount
    return {"marts.closed_day_changes": closed} if closed else {}
