"""An outbound table held against its YAML and the last build, before anything is planned from it.

What a push cannot read it must not say: a column that one of the two lacks would go out as null,
and a table that a build did not finish is half of yesterday's. Such a model is not planned.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime

import psycopg
from psycopg import sql

from include.errors import ProblemError
from include.push.catalogue import PushedModel


class ContractError(ProblemError):
    """The outbound table is not what its YAML, or the last build, says; it is not planned."""


@dataclass(frozen=True)
class LastBuild:
    """The newest build that is not at work; `finished` are the models that it made, by name."""

    build_id: int
    status: str
    ended_at: datetime
    reason: str | None
    finished: frozenset[str]
    # why a model was not made, as far as the build says so
    messages: dict[str, str]
    # the day that somebody let the tables look back from, to look at it; None: the usual one
    set_as_of: date | None = None

    @property
    def remark(self) -> str | None:
        """That it did not succeed, in a line; None when it did."""
        if self.status == "success":
            return None
        at = f"{self.ended_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        ended = "failed" if self.status == "failed" else "was interrupted"
        why = f": {self.reason}" if self.reason else ""
        return f"the last build ({self.build_id}, {at}) {ended}{why}"


def last_build(connection: psycopg.Connection) -> LastBuild | None:
    """The newest build that has ended, however; None before the first.

    One that runs now is left out: each table is the old or the new one until it ends.
    """
    row = connection.execute(
        """
        select
            build_id, status, coalesce(finished_at, started_at), reason, nodes,
            (
                select case when done.is_as_of_set then done.as_of_date end
                from sync.builds as done
                where done.status = 'success'
                order by done.build_id desc
                limit 1
            )
        from sync.builds
        where
            status <> 'running'
            -- whoever builds holds this lock: one that nobody holds was left behind
            or pg_try_advisory_xact_lock_shared(hashtext('planhat-segment build'))
        order by build_id desc
        limit 1
        """
    ).fetchone()
    if row is None:
        return None
    build_id, status, ended_at, reason, nodes, set_as_of = row
    models = [node for node in nodes or [] if node.get("kind") == "model"]
    return LastBuild(
        build_id,
        status,
        ended_at,
        reason,
        frozenset(node["node"] for node in models if node["status"] == "success"),
        {node["node"]: node["message"] for node in models if node.get("message")},
        set_as_of,
    )


def check(connection: psycopg.Connection, model: PushedModel, build: LastBuild | None) -> None:
    """Hold the model's table as it is for this transaction, and look at it.

    Call it first in the transaction: a build that puts another table in its place waits until the
    end. Raises `ContractError` saying which of the rules it breaks, and what to do.
    """
    here = f"{model.schema}.{model.name}"
    if build is not None and build.set_as_of:
        raise ContractError(
            f"not planned: the last build looked back from {build.set_as_of}, as somebody wanted to"
            " see (AS_OF=). `make build` without it looks back from yesterday"
        )
    node = model.node or model.name
    if build is not None and build.status != "success" and node not in build.finished:
        why = build.messages.get(node)
        raise ContractError(
            f"not planned: the last build ({build.build_id}) did not finish {here}"
            + (f" ({why})" if why else "")
            + ". The next build that succeeds puts it right"
        )
    _hold(connection, model.schema, model.name)
    if people := model.before or model.about:
        # whose ids its own are, or become
        _hold(connection, model.schema, people)
    if differences := _differences(connection, model):
        raise ContractError(
            f"not planned: {here} and its YAML differ ({'; '.join(differences)}). "
            "`make build` makes the table as the YAML says, or says why it cannot"
        )


def _hold(connection: psycopg.Connection, schema: str, table: str) -> None:
    try:
        connection.execute(
            sql.SQL("lock table {} in access share mode").format(sql.Identifier(schema, table))
        )
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        raise ContractError(
            f"not planned: {schema}.{table} is not there. `make build` makes it"
        ) from None


def _differences(connection: psycopg.Connection, model: PushedModel) -> list[str]:
    """What is in one of the two only, or of another type."""
    own = {"withheld": "text"} if model.withholds else {}
    rows = connection.execute(
        """
        with declared as (
            select * from unnest(%(names)s::text[], %(types)s::text[]) as declared (name, type)
        ),

        actual as (
            select attname::text as name, atttypid as type
            from pg_attribute
            where
                attrelid = to_regclass(quote_ident(%(schema)s) || '.' || quote_ident(%(table)s))
                and attnum > 0 and not attisdropped
        )

        select name, declared.type, format_type(actual.type, null)
        from declared
        full join actual using (name)
        where
            declared.name is null or actual.name is null
            -- no type is said of the key, which is sent as an id only
            or declared.type is not null and actual.type is distinct from to_regtype(declared.type)
        order by name
        """,
        {
            "names": ["object_id", *own, *[each.name for each in model.columns]],
            "types": [None, *own.values(), *[each.data_type for each in model.columns]],
            "schema": model.schema,
            "table": model.name,
        },
    ).fetchall()
    return [_difference(*row) for row in rows]


def _difference(name: str, declared: str | None, actual: str | None) -> str:
    if actual is None:
        return f"{name} is in the YAML only"
    if declared is None:
        return f"{name} is in the table only"
    return f"{name} is {actual} in the table and {declared} in the YAML"
