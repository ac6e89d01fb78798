"""What others are asked for, for people who are forgotten: removal at Segment, and in Planhat.

Written down with the forgetting, done after it: what is wrong at the other side never keeps an id
here longer than what must be asked for there. What was asked for and has no known answer is looked
up before it is asked for again.
"""

import logging
import re
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import psycopg

from include.connections import PlanhatConnection, SegmentApiConnection
from include.errors import ProblemError
from include.planhat.api.client import Client
from include.planhat.api.errors import NoPermissionError, PlanhatError, TokenError
from include.privacy import receipts
from include.privacy.forgetting.person import Person
from include.segment_api import MOST_SUBJECTS, SegmentApi, SegmentRefusedError
from include.warehouse.connection import connect

log = logging.getLogger(__name__)

# Segment's clock may be behind ours by so much.
CLOCKS = timedelta(minutes=10)
# Statuses of a regulation that stay as they are.
ENDS = {"FINISHED", "FAILED", "INVALID", "NOT_SUPPORTED", "PARTIAL_SUCCESS"}

_AN_ENDUSER = re.compile(r"[0-9a-f]{24}")
_ONE_AT_A_TIME = "select pg_advisory_lock(hashtext('planhat-segment removals'))"


@dataclass(frozen=True)
class Elsewhere:
    """What is to be asked of others."""

    at_segment: bool = False
    # at Segment too, what still comes of them is turned away
    suppresses: bool = False
    in_planhat: bool = False


NOTHING = Elsewhere()


def want(
    connection: psycopg.Connection, forgetting_id: int, person: Person, elsewhere: Elsewhere
) -> None:
    """Write down what is to be asked of others: in the transaction that writes the person down."""
    if elsewhere.at_segment:
        _want(
            connection, forgetting_id, "segment",
            person.user_ids | _sent_as(connection, person),
            "SUPPRESS_WITH_DELETE" if elsewhere.suppresses else "DELETE_ONLY",
        )  # fmt: skip
    if elsewhere.in_planhat:
        _want(connection, forgetting_id, "planhat", _of_planhat(connection, person), None)


def _want(
    connection: psycopg.Connection,
    forgetting_id: int,
    system: str,
    subjects: Iterable[str],
    kind: str | None,
) -> None:
    for subject in sorted(subjects):
        connection.execute(
            "insert into sync.removals (forgetting_id, system, subject, kind)"
            " values (%s, %s, %s, %s)",
            [forgetting_id, system, subject, kind],
        )


def _sent_as(connection: psycopg.Connection, person: Person) -> set[str]:
    """The user ids under which Segment got them from here."""
    rows = connection.execute(
        "select distinct user_id from sync.objects"
        " where model = 'enduser' and object_id = any (%s) and user_id is not null",
        [sorted(person.enduser_ids)],
    )
    return {user_id for (user_id,) in rows}


def _of_planhat(connection: psycopg.Connection, person: Person) -> set[str]:
    """Their endusers that Planhat has, and nothing else."""
    rows = connection.execute(
        "select planhat_id from raw_planhat.objects"
        " where model = 'enduser' and planhat_id = any (%s) and deleted_at is null",
        [sorted(person.enduser_ids)],
    )
    return {each for (each,) in rows if _AN_ENDUSER.fullmatch(each)}


def ask_others(
    url: str,
    data_dir: Path,
    *,
    segment: SegmentApiConnection | None,
    planhat: PlanhatConnection | None,
    say: Callable[[str], None] = print,
) -> None:
    """Ask for what is to be asked for, of people who are forgotten here; the receipts say it.

    What cannot be asked for now stays, and is tried by whoever calls this next. Raises the last
    `ProblemError` after all was tried.
    """
    problem: ProblemError | None = None
    with connect(url, application_name="forgetting: removals", autocommit=True) as connection:
        connection.execute(_ONE_AT_A_TIME)
        before = _said(connection)
        for system, reached, ask in (
            ("segment", segment, lambda: _at_segment(connection, segment, say)),
            ("planhat", planhat, lambda: _in_planhat(connection, url, planhat, say)),
        ):
            if not _open(connection, system):
                continue
            if reached is None:
                _stopped(connection, system, "not connected")
                say(f"{system}: not connected, so nobody is removed there yet")
                continue
            try:
                ask()
            except ProblemError as trouble:
                _stopped(connection, system, str(trouble))
                problem = trouble
        _write_receipts(connection, data_dir, before)
    if problem:
        raise problem


def lines(connection: psycopg.Connection) -> list[str]:
    """How far all that was asked of others is, in words."""
    return [
        f"{receipt}, {system}: {count:,} {state.replace('_', ' ')}"
        + (f" as {regulation} ({status})" if regulation else "")
        + (f"; {detail}" if detail else "")
        for receipt, system, state, regulation, status, detail, count in connection.execute(
            """
            select receipt, system, state, regulation_id, status, detail, count(*)
            from sync.removals inner join sync.forgettings using (forgetting_id)
            group by 1, 2, 3, 4, 5, 6 order by max(removal_id), 2, 3
            """
        )
    ]


# Segment


def _at_segment(
    connection: psycopg.Connection,
    segment: SegmentApiConnection | None,
    say: Callable[[str], None],
) -> None:
    assert segment is not None
    with SegmentApi(segment) as api:
        _look_up(connection, api)
        while waiting := connection.execute(
            "select kind, (array_agg(removal_id order by removal_id))[:%s]"
            " from sync.removals inner join sync.forgettings using (forgetting_id)"
            " where system = 'segment' and state = 'waits' and finished_at is not null"
            " group by kind order by kind limit 1",
            [MOST_SUBJECTS],
        ).fetchone():
            kind, numbers = waiting
            _create(connection, api, kind, numbers, say)
        _ask_how_far(connection, api, say)


def _create(
    connection: psycopg.Connection,
    api: SegmentApi,
    kind: str,
    numbers: list[int],
    say: Callable[[str], None],
) -> None:
    """One regulation; of one whose content is refused, its halves, down to the one user id."""
    subjects = connection.execute(
        "update sync.removals set state = 'asked', batch = %s, asked_at = clock_timestamp(),"
        " detail = null where removal_id = any (%s) returning subject",
        [uuid.uuid4(), numbers],
    ).fetchall()
    user_ids = sorted({subject for (subject,) in subjects})
    try:
        regulation = api.create(kind, user_ids)
    except SegmentRefusedError as refused:
        if not refused.is_content:
            # nothing was done: the token's fault, not theirs
            _set(connection, numbers, "waits", detail=str(refused))
            raise
        if len(user_ids) == 1:
            _set(connection, numbers, "refused", detail=str(refused))
            return
        half = set(user_ids[: len(user_ids) // 2])
        of = connection.execute(
            "select removal_id, subject from sync.removals where removal_id = any (%s)", [numbers]
        ).fetchall()
        for is_first in (True, False):
            part = [number for number, subject in of if (subject in half) is is_first]
            _create(connection, api, kind, part, say)
        return
    _set(connection, numbers, "accepted", regulation_id=regulation, status="INITIALIZED")
    say(f"segment: regulation {regulation} ({kind}) of {len(user_ids):,} user ids")


def _look_up(connection: psycopg.Connection, api: SegmentApi) -> None:
    """Find what was asked for without a known answer: it is there, or to be asked for (again)."""
    unknown = connection.execute(
        "select batch, kind, min(asked_at), array_agg(removal_id), array_agg(subject)"
        " from sync.removals where system = 'segment' and state = 'asked' group by batch, kind"
    ).fetchall()
    for kind in sorted({each[1] for each in unknown}):
        there = list(api.regulations(kind))
        for _, of, asked_at, numbers, subjects in unknown:
            if of != kind:
                continue
            found = next(
                (
                    each
                    for each in there
                    if each.subjects == frozenset(subjects)
                    and datetime.fromisoformat(each.created_at) >= asked_at - CLOCKS
                ),
                None,
            )
            if found is None:
                _set(connection, numbers, "waits")
            else:
                _set(connection, numbers, "accepted", regulation_id=found.id, status=found.status)


def _ask_how_far(
    connection: psycopg.Connection, api: SegmentApi, say: Callable[[str], None]
) -> None:
    for (regulation,) in connection.execute(
        "select distinct regulation_id from sync.removals"
        " where system = 'segment' and state = 'accepted' order by 1"
    ).fetchall():
        status = api.status(regulation)
        if status is None:
            # of older ones Segment says nothing after 90 days
            status = "NOT_KNOWN"
        connection.execute(
            "update sync.removals set status = %s, state = case when %s then 'done' else state end"
            " where regulation_id = %s",
            [status, status in ENDS or status == "NOT_KNOWN", regulation],
        )
        say(f"segment: regulation {regulation} is {status}")


# Planhat


def _in_planhat(
    connection: psycopg.Connection,
    url: str,
    planhat: PlanhatConnection | None,
    say: Callable[[str], None],
) -> None:
    """Delete each enduser by its id, and look: only what is not there any more is gone."""
    assert planhat is not None
    with Client(planhat, url) as client:
        for number, enduser, state in connection.execute(
            "select removal_id, subject, state from sync.removals"
            " inner join sync.forgettings using (forgetting_id)"
            " where system = 'planhat' and state in ('waits', 'asked')"
            " and finished_at is not null order by removal_id"
        ).fetchall():
            if state == "waits" and client.object("endusers", enduser) is None:
                _set(connection, [number], "not_there")
                continue
            connection.execute(
                "update sync.removals set state = 'asked', asked_at = clock_timestamp()"
                " where removal_id = %s",
                [number],
            )
            _delete(connection, client, number, enduser)
    say("planhat: endusers deleted, as far as the receipts say")


def _delete(connection: psycopg.Connection, client: Client, number: int, enduser: str) -> None:
    try:
        client.delete("endusers", enduser)
    except (NoPermissionError, TokenError) as refused:
        _set(connection, [number], "waits", detail=str(refused))
        raise
    except PlanhatError as lost:
        # it may have been done: what is there now says it
        log.info("%s", lost)
    if client.object("endusers", enduser) is None:
        _set(connection, [number], "done")
    else:
        _set(connection, [number], "waits", detail="Planhat answered, and still has it")


# What is kept of it


def _set(
    connection: psycopg.Connection,
    numbers: list[int],
    state: str,
    *,
    detail: str | None = None,
    regulation_id: str | None = None,
    status: str | None = None,
) -> None:
    """What became of some; the id goes as soon as there is an answer."""
    is_open = state in ("waits", "asked")
    connection.execute(
        """
        update sync.removals
        set
            state = %(state)s, detail = %(detail)s, regulation_id = %(regulation_id)s,
            status = %(status)s,
            subject = case when %(is_open)s then subject end,
            answered_at = case when not %(is_open)s then clock_timestamp() end
        where removal_id = any (%(numbers)s)
        """,
        {
            "state": state, "detail": detail, "regulation_id": regulation_id, "status": status,
            "is_open": is_open, "numbers": numbers,
        },
    )  # fmt: skip


def _open(connection: psycopg.Connection, system: str) -> bool:
    return connection.execute(
        "select exists (select from sync.removals"
        " where system = %s and state in ('waits', 'asked', 'accepted'))",
        [system],
    ).fetchone()[0]  # type: ignore[index]


def _stopped(connection: psycopg.Connection, system: str, why: str) -> None:
    connection.execute(
        "update sync.removals set detail = %s where system = %s and state in ('waits', 'asked')",
        [why, system],
    )


def _said(connection: psycopg.Connection) -> dict[str, str]:
    """What each receipt says of others."""
    return dict(
        connection.execute(
            "select receipt, string_agg(removals::text, ' ' order by removal_id)"
            " from sync.removals inner join sync.forgettings using (forgetting_id)"
            " where finished_at is not null group by receipt"
        ).fetchall()
    )


def _write_receipts(connection: psycopg.Connection, data_dir: Path, before: dict[str, str]) -> None:
    changed = [name for name, said in _said(connection).items() if before.get(name) != said]
    if changed:
        receipts.keep_as_files(data_dir, receipts.receipts(connection, changed))
