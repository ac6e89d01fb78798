"""For how many months payloads and calls are kept, by source and type.

A month goes when it is over by so many whole ones: with 13, on the first of December what was
received in October of the year before. The rule that says most of a call counts: source and type,
then the source alone, then the type alone, then all.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from include.errors import ProblemError
from include.nearest import refuse_unknown
from include.warehouse.connection import connect

LONGEST_MONTHS = 1200
LONGEST_TYPE = 100
# In the place of a source or type.
ALL = "*"


class RetentionError(ProblemError):
    """What was asked for is no rule; nothing was changed."""


@dataclass(frozen=True)
class Rule:
    """Months that payloads and single calls are kept; None: for good."""

    source: str
    type: str
    payloads_months: int | None
    calls_months: int | None
    changed_by: str = ""
    valid_from: datetime | None = None

    @property
    def of(self) -> str:
        """Which calls it is for, in words."""
        calls = "calls" if self.type == ALL else f"{self.type} calls"
        return f"all {calls}" if self.source == ALL else f"{calls} of {self.source}"

    def __str__(self) -> str:
        return (
            f"{self.of}: payloads {_months(self.payloads_months)}, "
            f"single calls {_months(self.calls_months)}"
        )


class Due(NamedTuple):
    """Of calls that a rule is for: received before these they lose their payload, or are alike."""

    source: str
    type: str
    payloads: datetime | None
    calls: datetime | None


def read_rules(connection: psycopg.Connection) -> list[Rule]:
    """All rules, those that say most first."""
    with connection.cursor(row_factory=class_row(Rule)) as cursor:
        return cursor.execute(
            "select source, type, payloads_months, calls_months, changed_by, valid_from"
            " from sync.retention order by source = '*', type = '*', source, type"
        ).fetchall()


def set_rule(url: str, rule: Rule, *, by: str) -> None:
    """Set what holds for these calls. Raises `RetentionError` for what is no rule."""
    if rule.payloads_months is None and rule.calls_months is None:
        raise RetentionError("Say for how many months: PAYLOADS=13, CALLS=25 or both.")
    if len(rule.type) > LONGEST_TYPE:
        raise RetentionError(f"A type has at most {LONGEST_TYPE} characters.")
    for months in (rule.payloads_months, rule.calls_months):
        if months is not None and not 0 <= months <= LONGEST_MONTHS:
            raise RetentionError(f"Months are a whole number from 0 to {LONGEST_MONTHS}.")
    if rule.calls_months is not None and rule.calls_months < (rule.payloads_months or 0):
        raise RetentionError(
            f"Payloads are kept with their calls: {rule.payloads_months} months of payloads are "
            f"more than {rule.calls_months} of calls."
        )
    with connect(url, application_name="operators: retention") as connection:
        _refuse_unknown_source(connection, rule.source)
        connection.execute(
            """
            insert into sync.retention as kept
                (source, type, payloads_months, calls_months, changed_by, valid_from)
            values (%s, %s, %s, %s, %s, now())
            on conflict (source, type) do update set
                payloads_months = excluded.payloads_months,
                calls_months = excluded.calls_months,
                changed_by = excluded.changed_by, valid_from = excluded.valid_from
            """,
            [rule.source, rule.type, rule.payloads_months, rule.calls_months, by],
        )


def remove_rule(url: str, rule: Rule) -> None:
    """Let the next wider rule hold, or none. Raises `RetentionError` where there is none."""
    with connect(url, application_name="operators: retention") as connection:
        gone = connection.execute(
            "delete from sync.retention where source = %s and type = %s", [rule.source, rule.type]
        )
        if not gone.rowcount:
            raise RetentionError(f"There is no rule for {rule.of}.")


def due_at(rules: Iterable[Rule], now: datetime) -> list[Due]:
    """What each rule lets go at a moment, those that say most first."""
    return [
        Due(
            rule.source,
            rule.type,
            # who keeps no single call keeps no payload of it either
            _cutoff(now, _least(rule.payloads_months, rule.calls_months)),
            _cutoff(now, rule.calls_months),
        )
        for rule in rules
    ]


def cutoff_of(due: Iterable[Due], what: str, *, has_type: bool = True) -> sql.Composable:
    """SQL: of a row with `source` and `type`, before when it is due; null where it never is.

    Without `has_type` nobody knows of what type it is: rules for all types count.
    """
    type_ = sql.SQL("type") if has_type else sql.Literal(ALL)
    branches = [
        sql.SQL("when {} in (source, {all}) and {} in ({type}, {all}) then {}::timestamptz").format(
            each.source, each.type, getattr(each, what), type=type_, all=ALL
        )
        for each in due
    ]
    return sql.SQL("case {} end").format(sql.SQL(" ").join(branches))


def as_json(due: Iterable[Due]) -> list[dict[str, Any]]:
    """As `sync.retention_runs` keeps it."""
    return [
        {name: value.isoformat() if isinstance(value, datetime) else value
         for name, value in each._asdict().items()}
        for each in due
    ]  # fmt: skip


def _cutoff(now: datetime, months: int | None) -> datetime | None:
    if months is None:
        return None
    at = now.astimezone(UTC)
    month = at.year * 12 + at.month - 1 - months
    return datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC) if month >= 12 else None


def _least(*months: int | None) -> int | None:
    return min((each for each in months if each is not None), default=None)


def _months(months: int | None) -> str:
    if months is None:
        return "for good"
    return f"{months} month{'' if months == 1 else 's'}"


def _refuse_unknown_source(connection: psycopg.Connection, source: str) -> None:
    if source != ALL:
        rows = connection.execute("select source from raw_segment.sources order by source")
        refuse_unknown([source], [row[0] for row in rows], "source")
