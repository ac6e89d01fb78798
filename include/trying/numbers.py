"""Numbers that would be others: usage, trends, metrics, alerts and health, the largest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import psycopg
from psycopg import sql

from include.trying.environment import Environment
from include.trying.making import Made

LISTED = 10


@dataclass(frozen=True)
class Number:
    """One number of one object, as it is and as it would be; None where there is none."""

    of: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class NumbersDiffer:
    """A kind of number: of how many objects it differs, and the largest differences."""

    name: str
    objects: int
    largest: tuple[Number, ...]


@dataclass(frozen=True)
class _Kind:
    name: str
    model: str
    # what a row is of, in SQL over `it`; by it both sides are paired
    of: str
    value: str
    where: str = "true"


_OF_OBJECT = "it.object_type || ' ' || it.object_id"
_OF_COMPANY = "'company ' || it.company_id"
KINDS = (
    _Kind("activities of 30 days", "usage_trends", _OF_OBJECT, "it.activities_30d"),
    _Kind("activities in all", "usage_trends", _OF_OBJECT, "it.activities_total"),
    _Kind("active endusers of 30 days", "usage_trends", _OF_OBJECT, "it.active_endusers_30d"),
    _Kind("weight in all", "usage_trends", _OF_OBJECT, "it.weight_total"),
    _Kind("trend", "usage_trends", _OF_OBJECT, "it.trend"),
    _Kind(
        "metrics, of 30 days or the last", "company_metric_changes",
        f"{_OF_COMPANY} || ', ' || it.metric", "it.value_30d",
    ),
    _Kind(
        "alerts", "usage_alerts",
        f"{_OF_OBJECT} || ', ' || it.kind || ' of ' || it.opened_on",
        "case when it.closed_on is null then 'open' else 'closed ' || it.closed_on end",
    ),
    _Kind("health", "company_health", _OF_COMPANY, "round(it.score::numeric, 2)"),
)  # fmt: skip


def compare_numbers(
    connection: psycopg.Connection, made: Environment, found: Sequence[Made]
) -> list[NumbersDiffer]:
    """Each kind of number that differs."""
    differing = {each.model for each in found if each.differs}
    compared = []
    for kind in KINDS:
        if kind.model not in differing or not _has_columns(connection, made, kind):
            continue
        with connection.transaction(force_rollback=True):
            if each := _compare(connection, made, kind):
                compared.append(each)
    return compared


def _compare(
    connection: psycopg.Connection, made: Environment, kind: _Kind
) -> NumbersDiffer | None:
    side = sql.SQL("select {of} as of, {value} as value from {relation} as it")
    of, value = sql.SQL(kind.of), sql.SQL(kind.value)  # our own
    here = side.format(
        of=of, value=value, relation=sql.Identifier(f"{made.prefix}marts", kind.model)
    )
    there = side.format(of=of, value=value, relation=sql.Identifier("marts", kind.model))
    connection.execute(
        sql.SQL(
            """
            create temporary table number_differs on commit drop as
            select of, before.value::text as before, after.value::text as after
            from ({there}) as before full join ({here}) as after using (of)
            where before.value is distinct from after.value
            """
        ).format(here=here, there=there)
    )
    rows = connection.execute("select of, before, after from number_differs order by of").fetchall()
    if not rows:
        return None
    rows.sort(key=lambda row: (-_distance(row[1], row[2]), row[0]))
    return NumbersDiffer(kind.name, len(rows), tuple(Number(*row) for row in rows[:LISTED]))


def _distance(before: str | None, after: str | None) -> Decimal:
    """How far two values are apart; words are all alike."""
    try:
        return abs(Decimal(after or 0) - Decimal(before or 0))
    except ArithmeticError:
        return Decimal(0)


def _has_columns(connection: psycopg.Connection, made: Environment, kind: _Kind) -> bool:
    """Whether both have what is asked; an edit may have taken it away, which its columns say."""
    query = f"select {kind.of}, {kind.value} from {{}} as it limit 0"  # noqa: S608  # our own
    try:
        for schema in ("marts", f"{made.prefix}marts"):
            with connection.transaction():
                connection.execute(sql.SQL(query).format(sql.Identifier(schema, kind.model)))
    except psycopg.errors.UndefinedColumn:
        return False
    return True
