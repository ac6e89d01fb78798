"""Requests to forget somebody, which wait until they are worked off: of the page, and of calls.

An id stands in `sync.forget_requests` from when it was asked for until nothing is to be done any
more, and nowhere else: not in a DAG run, not in a log.

A `delete` call asks for its user id. It is done by itself where the switch `forget_delete_calls`
was on when it was received, and is on; else somebody has to say so.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import psycopg
from psycopg.types.json import Jsonb

from include.errors import ProblemError
from include.privacy.forgetting.again import people_of_receipts
from include.privacy.forgetting.doing import Builds, Forgotten, forget, keep_away, write_down
from include.privacy.forgetting.outward import NOTHING, Elsewhere
from include.privacy.forgetting.person import Person, RefusedError, find
from include.privacy.forgetting.plan import Plan, plan_for
from include.warehouse.connection import connect
from include.warehouse.reading import NOT_BUILT

# Lines of the page's form: more are forgotten by a list file.
MOST_LINES = 200
# as a browser parts the lines of a form
_END = re.compile(r"\r\n|\n|\r")


class RequestError(ProblemError):
    """What was asked for cannot be done; nothing was written."""


class Line(NamedTuple):
    """A line of a form, and whom it means, or why nobody."""

    number: int
    asked: str
    person: Person | None
    refused: str | None


@dataclass(frozen=True)
class Look:
    """What forgetting those of a form would take away."""

    lines: list[Line]
    plan: Plan
    # how many of the ids of each line's person are on the list of suppressed people
    suppressed: dict[int, int]

    @property
    def people(self) -> list[Person]:
        """Whoever is meant, each once."""
        found = {_key(line.person): line.person for line in self.lines if line.person}
        return list(found.values())

    @property
    def fingerprint(self) -> str:
        """Of who is meant: the same people have the same one."""
        keys = sorted(_key(each) for each in self.people)
        return hashlib.sha256("\n".join(keys).encode()).hexdigest()


def look(url: str, data_dir: Path, text: str) -> Look:
    """Find everybody whom the lines of a text name, and count. Nothing is written.

    Raises `RequestError` where there is no line, or too many.
    """
    given = _lines(text)
    with _asking(url) as connection:
        lines = [_found(connection, number, asked) for number, asked in given]
        people = {_key(line.person): line.person for line in lines if line.person}
        plan = plan_for(connection, data_dir, people.values())
        suppressed = {
            line.number: _suppressed(connection, line.person) for line in lines if line.person
        }
    return Look(lines, plan, suppressed)


def ask_for(
    url: str,
    text: str,
    *,
    fingerprint: str,
    by: str,
    reason: str,
    suppresses: bool = False,
    at_segment: bool = False,
    in_planhat: bool = False,
) -> int:
    """Ask for everybody whom the lines name to be forgotten: how many people.

    They are worked off by whoever calls `work_off` next. Raises `RequestError` without a reason,
    for a line that is refused, and when others are meant than were looked at.
    """
    if not reason.strip():
        raise RequestError("Say why: the receipt names nobody, so the reason is all that it says.")
    with _asking(url) as connection, connection.transaction():
        lines = [_found(connection, number, asked) for number, asked in _lines(text)]
        if refused := [line.number for line in lines if line.refused]:
            said = ", ".join(map(str, refused[:10]))
            raise RequestError(f"Refused, and nothing was done: line {said}. Look again.")
        seen = Look(lines, Plan((), 0, 0), {})
        if seen.fingerprint != fingerprint:
            raise RequestError("By now the ids mean others than those looked at. Look again.")
        if suppresses:
            # before anything goes: what comes meanwhile is theirs as well
            keep_away(url, seen.people, by=by, reason=reason)
        for person in seen.people:
            connection.execute(
                "insert into sync.forget_requests"
                " (asked, meant, origin, requested_by, reason, suppresses, at_segment, in_planhat)"
                " values (%s, encode(sync.keyed_hash('meant', %s), 'hex'), 'page', %s, %s, %s,"
                " %s, %s)",
                [
                    person.asked,
                    _key(person),
                    by,
                    reason.strip(),
                    suppresses,
                    at_segment,
                    in_planhat,
                ],
            )
    return len(seen.people)


def dismiss(url: str, request_id: int, *, by: str) -> bool:
    """Say that nothing is to be done for a request: whether it waited."""
    with _asking(url) as connection:
        return bool(
            connection.execute(
                "update sync.forget_requests set finished_at = clock_timestamp(), asked = null,"
                " meant = null, refused = null, dismissed_by = %s"
                " where request_id = %s and finished_at is null and forgetting_id is null",
                [by, request_id],
            ).rowcount
        )


def work_off(
    url: str,
    data_dir: Path,
    *,
    builds: Builds,
    by: str,
    again: bool = False,
    every: bool = False,
    also: Elsewhere = NOTHING,
    say: Callable[[str], None] = print,
) -> Forgotten:
    """Forget everybody who waits for it and whom one may forget without asking again.

    What is refused stays, with the reason. Killed, it goes on when it is run again. `again`: also
    whoever the receipts mean and `by` wants gone, after a backup was restored; `every`: also those
    of `delete` calls that `by` has to speak for; `also`: what is asked of others besides.
    """
    with connect(url, application_name="forget requests", autocommit=True) as connection:
        note_delete_calls(connection)
        if not again and not _anybody_waits(connection, every=every):
            return Forgotten([], [])
        # whom an id means is known of what has been built
        builds.make()
        waiting = connection.execute(_WAITING, {"every": every}).fetchall()
        taken = [_take(url, connection, number, by if every else "", also) for (number,) in waiting]
        if any(taken):
            say(f"{sum(taken):,} of {len(taken):,} requests are done now; the others are refused.")
        back = people_of_receipts(connection, data_dir) if again else []
        is_open = connection.execute(
            "select exists (select from sync.forgettings where finished_at is null)"
        ).fetchone()[0]  # type: ignore[index]
    if not is_open and not back:
        return Forgotten([], [])
    return forget(
        url, data_dir, back, by=by, occasion="again", builds=builds, elsewhere=also, say=say
    )


_WAITING = """
    select request_id from sync.forget_requests
    where
        finished_at is null and forgetting_id is null
        and (
            origin = 'page'
            or %(every)s
            or (
                -- in force then, and now
                select bool_and(
                    (
                        select switches.is_on from sync.switches
                        where
                            switches.switch = 'forget_delete_calls'
                            and switches.valid_from <= moment.at
                        order by switches.valid_from desc limit 1
                    )
                )
                from (values (forget_requests.received_at), (now())) as moment (at)
            )
        )
    order by request_id
"""


def note_delete_calls(connection: psycopg.Connection) -> int:
    """Make a request of every `delete` call that has landed and has none yet: how many."""
    return connection.execute(
        """
        insert into sync.forget_requests
            (asked, origin, event_seq, source, received_at, requested_by, reason)
        select
            identity.asked, 'delete_call', events.event_seq, events.source, events.received_at,
            'a delete call of ' || events.source, 'deletion asked for at Segment'
        from raw_segment.events as events
        cross join lateral (
            select btrim(coalesce(events.payload ->> 'userId', events.payload ->> 'user_id'))
        ) as identity (asked)
        where
            events.type = 'delete' and length(identity.asked) between 1 and 500
            and not exists (
                select from sync.forget_requests as known
                where known.event_seq = events.event_seq
            )
        order by events.event_seq
        on conflict (event_seq) do nothing
        """
    ).rowcount


def find_user(connection: psycopg.Connection, user_id: str) -> Person:
    """The person of a `delete` call's user id, whatever else the id may be here.

    Raises `RefusedError` as `find` does, and where it is somebody's as something else.
    """
    person = find(connection, user_id)
    if person.is_known and not (user_id in person.user_ids or user_id.lower() in person.emails):
        raise RefusedError(f"{user_id} is no user id here, but that of an enduser or a device.")
    return person


def those_of_calls(connection: psycopg.Connection) -> list[str]:
    """The ids for which `delete` calls ask and nobody has spoken yet, each once."""
    return [
        asked
        for (asked,) in connection.execute(
            "select asked from sync.forget_requests where origin = 'delete_call'"
            " and finished_at is null and forgetting_id is null group by asked"
            " order by min(request_id)"
        )
    ]


def _anybody_waits(connection: psycopg.Connection, *, every: bool) -> bool:
    return connection.execute(
        f"select exists ({_WAITING})"  # noqa: S608
        " or exists (select from sync.forgettings where finished_at is null)",
        {"every": every},
    ).fetchone()[0]  # type: ignore[index]


def _take(
    url: str, connection: psycopg.Connection, number: int, spoken_by: str, also: Elsewhere
) -> bool:
    """Write down whom a request means; whether it is somebody who may be forgotten.

    `spoken_by`: who speaks for a `delete` call, and what they want of others `also`. One
    transaction: whenever this is killed, the request waits, or its person does.
    """
    with connection.transaction():
        row = connection.execute(
            "select asked, meant, origin, requested_by, reason, suppresses, at_segment, in_planhat"
            " from sync.forget_requests"
            " where request_id = %s and finished_at is null and forgetting_id is null for update",
            [number],
        ).fetchone()
        if row is None:
            return False
        asked, meant, origin, by, reason, suppresses, at_segment, in_planhat = row
        if origin == "delete_call" and spoken_by:
            by = f"{spoken_by}, for {by}"
        try:
            person = (find_user if origin == "delete_call" else find)(connection, asked)
            _refuse_another(connection, person, meant)
        except RefusedError as refused:
            connection.execute(
                "update sync.forget_requests set refused = %s where request_id = %s",
                [str(refused), number],
            )
            return False
        if suppresses:
            # also by what has become known of them since
            keep_away(url, [person], by=by, reason=reason)
        elsewhere = Elsewhere(at_segment or also.at_segment, suppresses or also.suppresses,
                              in_planhat or also.in_planhat)  # fmt: skip
        asks_others = elsewhere.at_segment or elsewhere.in_planhat
        forgetting = None if asks_others else _under_way(connection, person)
        forgetting = forgetting or write_down(
            connection, person, by=by, reason=reason, occasion="forget", elsewhere=elsewhere
        )
        connection.execute(
            "update sync.forget_requests set forgetting_id = %s, refused = null"
            " where request_id = %s",
            [forgetting, number],
        )
    return True


def _under_way(connection: psycopg.Connection, person: Person) -> int | None:
    """The forgetting that somebody else has asked for, of the same person."""
    said = person.as_json()
    del said["asked"]
    found = connection.execute(
        "select forgetting_id from sync.forgettings"
        " where finished_at is null and %s and identifiers - 'asked' = %s order by 1 limit 1",
        [person.is_known, Jsonb(said)],
    ).fetchone()
    return found[0] if found else None


def _refuse_another(connection: psycopg.Connection, person: Person, meant: str | None) -> None:
    (is_meant,) = connection.execute(
        "select coalesce(encode(sync.keyed_hash('meant', %s), 'hex') = %s, true)",
        [_key(person), meant],
    ).fetchone()  # type: ignore[misc]
    if not is_meant:
        raise RefusedError("By now this is somebody else than when it was asked for.")


@contextmanager
def _asking(url: str) -> Iterator[psycopg.Connection]:
    """A connection of the page's. Raises `RequestError` before anything was built."""
    try:
        with connect(url, application_name="operators page: forget", autocommit=True) as connection:
            yield connection
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        raise RequestError(NOT_BUILT) from None


def _lines(text: str) -> list[tuple[int, str]]:
    given = [
        (number, line.strip())
        for number, line in enumerate(_END.split(text), 1)
        if line.strip().strip("\0")
    ]
    if not given:
        raise RequestError("Say whom: a user id, e-mail, anonymous id or enduser id on each line.")
    if len(given) > MOST_LINES:
        raise RequestError(
            f"At most {MOST_LINES:,} lines at once; more by a list file: make forget FILE=."
        )
    return given


def _found(connection: psycopg.Connection, number: int, asked: str) -> Line:
    try:
        return Line(number, asked, find(connection, asked), None)
    except RefusedError as refused:
        return Line(number, asked, None, str(refused))


def _key(person: Person | None) -> str:
    """What tells a person from others, however they were asked for."""
    assert person is not None
    return " ".join(sorted(person.enduser_ids)) or person.asked


def _suppressed(connection: psycopg.Connection, person: Person) -> int:
    kinds = [(kind, each) for kind, ids in person.kinds().items() for each in ids]
    return connection.execute(
        """
        select count(*)
        from unnest(%s::text[], %s::text[]) as known (kind, value)
        inner join sync.suppressed as listed
            on
                known.kind = listed.kind
                and listed.key_hash = sync.keyed_hash(known.kind, known.value)
        where listed.lifted_from is null or listed.lifted_from > now()
        """,
        [[kind for kind, _ in kinds], [each for _, each in kinds]],
    ).fetchone()[0]  # type: ignore[index]
