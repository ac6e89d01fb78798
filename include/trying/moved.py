"""Whose events would belong to somebody else: from whom to whom, and by what."""

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql

from include.trying.choosing import ALL
from include.trying.environment import Environment
from include.trying.making import Made

# So many pairs of before and after are listed, the largest first.
LISTED = 20
_VIEW = "event_resolution"
_TOLD_BY = "int_identity__call_changes"


@dataclass(frozen=True)
class Move:
    """Events of one owner that would be another's. An owner is an enduser, or else a company;
    without one, `reason` says why."""

    company_before: str | None
    enduser_before: str | None
    reason_before: str | None
    company_after: str | None
    enduser_after: str | None
    reason_after: str | None
    events: int


@dataclass(frozen=True)
class Moved:
    """All of them: how many events, by what became of them, and the largest moves."""

    events: int = 0
    # `{"resolved → blocked_identity": 412}`; `resolved → resolved` are somebody else's
    by_reason: tuple[tuple[str, int], ...] = ()
    # distinct pairs of owners, of which the largest are listed
    pairs: int = 0
    largest: tuple[Move, ...] = ()
    endusers_added: int = 0
    endusers_gone: int = 0

    def __bool__(self) -> bool:
        return bool(self.events or self.endusers_added or self.endusers_gone)


def compare_owners(
    connection: psycopg.Connection, made: Environment, found: Sequence[Made], tried: Sequence[str]
) -> Moved:
    """Which events move. Told by what the try found of calls, where it did; else every call of
    both is looked at."""
    by_name = {each.model: each for each in found}
    with connection.transaction(force_rollback=True):
        if not _look(connection, made, by_name, tried):
            return Moved()
        events, pairs = connection.execute(
            "select coalesce(sum(events), 0)::bigint, count(*) from moved"
        ).fetchone()  # type: ignore[misc]
        by_reason = connection.execute(
            """
            select
                coalesce(reason_before, 'resolved') || ' → ' || coalesce(reason_after, 'resolved'),
                sum(events)::bigint
            from moved
            group by 1
            order by 2 desc, 1
            """
        ).fetchall()
        largest = connection.execute(
            """
            select
                company_before, enduser_before, reason_before,
                company_after, enduser_after, reason_after, events
            from moved
            order by events desc, company_before, enduser_before, company_after, enduser_after
            limit %s
            """,
            [LISTED],
        ).fetchall()
        return Moved(
            events, tuple(by_reason), pairs, tuple(Move(*row) for row in largest),
            *_endusers(connection, made, by_name),
        )  # fmt: skip


def _look(
    connection: psycopg.Connection,
    made: Environment,
    by_name: dict[str, Made],
    tried: Sequence[str],
) -> bool:
    view, told_by = by_name.get(_VIEW), by_name.get(_TOLD_BY)
    if view is None or not view.differs:
        return "endusers" in by_name and _nothing(connection)
    is_told = told_by is not None and told_by.mode == "changes"
    if is_told and not {_VIEW, "int_identity__call_resolutions", ALL} & set(tried):
        signed = sql.SQL(
            "select event_seq, journal_sign as sign, company_id, enduser_id, reason from {}"
        ).format(sql.Identifier(f"{made.prefix}intermediate", _TOLD_BY))
    else:
        signed = sql.SQL(
            "select event_seq, -1 as sign, company_id, enduser_id, reason from marts.{view}"
            " union all select event_seq, 1, company_id, enduser_id, reason from {tried}"
        ).format(view=sql.Identifier(_VIEW), tried=sql.Identifier(f"{made.prefix}marts", _VIEW))
    connection.execute(
        sql.SQL(
            """
            create temporary table moved on commit drop as
            with told as ({signed}),

            outcomes as (
                select event_seq, company_id, enduser_id, reason, sum(sign) as sign
                from told
                group by event_seq, company_id, enduser_id, reason
                having sum(sign) <> 0
            )

            select
                gone.company_id as company_before, gone.enduser_id as enduser_before,
                gone.reason as reason_before,
                came.company_id as company_after, came.enduser_id as enduser_after,
                came.reason as reason_after,
                count(*) as events
            from (select * from outcomes where sign < 0) as gone
            full join (select * from outcomes where sign > 0) as came using (event_seq)
            group by 1, 2, 3, 4, 5, 6
            """
        ).format(signed=signed)
    )
    return True


def _nothing(connection: psycopg.Connection) -> bool:
    connection.execute(
        """
        create temporary table moved (
            company_before text, enduser_before text, reason_before text, company_after text,
            enduser_after text, reason_after text, events bigint
        ) on commit drop
        """
    )
    return True


def _endusers(
    connection: psycopg.Connection, made: Environment, by_name: dict[str, Made]
) -> tuple[int, int]:
    """How many endusers there would be more, and how many would be there no more."""
    if "endusers" not in by_name or not by_name["endusers"].differs:
        return 0, 0
    return connection.execute(
        sql.SQL(
            """
            select
                count(*) filter (where before.enduser_id is null),
                count(*) filter (where after.enduser_id is null)
            from marts.endusers as before
            full join {} as after using (enduser_id)
            """
        ).format(sql.Identifier(f"{made.prefix}marts", "endusers"))
    ).fetchone()  # type: ignore[return-value]
