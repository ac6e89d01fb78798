"""What is compared beside Planhat's answers: outbound tables, and calls that found nobody."""

from collections.abc import Sequence

import psycopg
from psycopg import sql

from include.compare.days import Days
from include.errors import ServiceError
from include.push.catalogue import PushedModel, read_catalogue

# What our own SQL reads.
_READ = (
    "marts.companies", "marts.endusers", "marts.usage_daily", "marts.unresolved_daily",
    "marts.metric_rejections",
    "intermediate.int_identity__keyset_endusers", "intermediate.int_usage__object_enduser_days",
)  # fmt: skip


def outbound(call: str) -> list[PushedModel]:
    """The tables of `to_planhat` whose rows become endusers, metrics or activities."""
    return [each for each in read_catalogue(kind="planhat").values() if each.call == call]


def check(connection: psycopg.Connection) -> None:
    """Raise `ServiceError` where a table is missing: before Planhat is asked for minutes."""
    names = [
        *_READ,
        *(f"to_planhat.{each.name}" for each in read_catalogue(kind="planhat").values()),
    ]
    (missing,) = connection.execute(
        "select array_agg(name order by name) from unnest(%s::text[]) as name"
        " where to_regclass(name) is null",
        [names],
    ).fetchone()  # type: ignore[misc]
    if missing:
        raise ServiceError(
            f"There is nothing of ours to compare yet ({missing[0]} is not there): "
            "run `make build`."
        )


def union(models: Sequence[PushedModel], columns: Sequence[str]) -> sql.Composable:
    """These columns of all rows of these tables, and `withheld`."""
    return sql.SQL(" union all ").join(
        [
            sql.SQL("select {}, {} as withheld from {}").format(
                sql.SQL(", ").join(map(sql.Identifier, columns)),
                sql.Identifier("withheld") if model.withholds else sql.SQL("null::text"),
                sql.Identifier(model.schema, model.name),
            )
            for model in models
        ]
    )


def begin(connection: psycopg.Connection, days: Days) -> None:
    """Make `outcome`, a row for each pair and for each without one, and `unresolved_call`.

    `object`: an id of Planhat's, or of somebody whom we would create.
    """
    connection.execute(
        """
        create temporary table outcome (
            section text, outcome text, reason text, object text, company text, metric text,
            day date, ours text, theirs text
        )
        """
    )
    connection.execute(
        """
        create temporary table unresolved_call as
        select
            reason, type = 'group' as is_group, user_id, email, company_key, company_id, day,
            sum(events)::bigint as events
        from marts.unresolved_daily
        where day between %s and %s
        group by reason, type = 'group', user_id, email, company_key, company_id, day
        """,
        [days.first, days.last],
    )
    # whom calls name, in which company
    connection.execute(
        """
        create temporary table named_enduser as
        select enduser_id, company_id, external_id, email from marts.endusers
        where first_seen_at is not null
        """
    )
    for table, columns in (
        ("unresolved_call", ("user_id", "email", "company_key", "company_id")),
        ("named_enduser", ("enduser_id", "external_id", "email")),
    ):
        for column in columns:
            connection.execute(f"create index on {table} ({column})".encode())
        connection.execute(f"analyze {table}".encode())


# Of somebody (`them`: company_id, external_id, email) and the days `first` to `last`: the most
# frequent reason for which calls with their keys found nobody; null where there are none.
UNRESOLVED = """
    (
        select reason from unresolved_call as call
        where
            (call.user_id = them.external_id or call.email = them.email)
            and not call.is_group
            and (call.company_id is null or call.company_id = them.company_id)
            and call.day between {first} and {last}
        group by reason order by sum(events) desc, reason limit 1
    )
"""

# Whether calls name somebody with their keys in another company.
ELSEWHERE = """
    exists (
        select from named_enduser as elsewhere
        where
            (elsewhere.external_id = them.external_id or elsewhere.email = them.email)
            and elsewhere.company_id <> them.company_id
    )
"""
