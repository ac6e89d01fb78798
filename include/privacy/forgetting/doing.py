"""From the plan to the receipt: restartable and exact.

What is to be forgotten is written down first. Their calls go in one transaction together with what
companies keep of them, so that nothing is counted twice or lost whenever this is killed; everything
else may be done again. A receipt is closed when a last look finds nothing.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress as passing_over
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from include.errors import ProblemError, ServiceError
from include.privacy import receipts
from include.privacy.forgetting import built, calls, files, outward, rows
from include.privacy.forgetting.exact_json import keep_numbers
from include.privacy.forgetting.outward import NOTHING, Elsewhere
from include.privacy.forgetting.person import Person
from include.privacy.forgetting.words import Words
from include.privacy.keys import KINDS
from include.privacy.suppression import suppress
from include.privacy.turn import take_turn
from include.warehouse.connection import connect

# As often, calls of theirs that landed meanwhile are taken away too. Who sends on is to be kept
# from landing.
MOST_ROUNDS = 5
# Why somebody is suppressed, where no other reason is given.
FORGOTTEN = "forgotten"


@dataclass(frozen=True)
class Builds:
    """A build, and the lock that keeps others away: handed in by whoever may make one."""

    make: Callable[[], Any]
    lock: Callable[[psycopg.Connection], None]


@dataclass(frozen=True)
class Forgotten:
    """The receipts, as JSON can carry them, and the files that they are in."""

    receipts: list[dict[str, Any]]
    files: list[Path]


def keep_away(url: str, people: Iterable[Person], *, by: str, reason: str = "") -> None:
    """Suppress people by all their ids, one who is unknown by what was asked for."""
    for person in people:
        if not person.is_known:
            suppress(url, [person.asked], by=by, reason=reason or FORGOTTEN)
        for kind in KINDS:
            if ids := person.kinds()[kind]:
                suppress(url, sorted(ids), by=by, reason=reason or FORGOTTEN, kind=kind)


def forget(  # noqa: PLR0913
    url: str,
    data_dir: Path,
    people: Iterable[Person],
    *,
    by: str,
    builds: Builds,
    reason: str = "",
    occasion: str = "forget",
    elsewhere: Elsewhere = NOTHING,
    say: Callable[[str], None] = print,
) -> Forgotten:
    """Forget these people, and whoever an interrupted forgetting has left; their receipts.

    What is wanted `elsewhere` is written down, for `outward.ask_others`.

    Waits for another one. Raises what a build raises, and `ServiceError` where calls of theirs come
    faster than they go; run again, it goes on where it was.
    """
    with connect(url, application_name="forgetting", autocommit=True) as holder:
        keep_numbers(holder)
        take_turn(holder)
        with holder.transaction():
            for person in people:
                write_down(
                    holder, person, by=by, reason=reason, occasion=occasion, elsewhere=elsewhere
                )
        waiting = _waiting(holder)
        numbers, everybody = [number for number, _ in waiting], [each for _, each in waiting]
        words = Words(frozenset().union(*(each.identifiers for each in everybody)))
        try:
            if words.identifiers:
                _until_nothing_is_left(holder, numbers, everybody, words, builds, say)
                _at(holder, numbers, "looks into files")
                masked = files.mask_in_files(data_dir, words)
                _note(holder, numbers, {f"file {name}": count for name, count in masked.items()})
        except ProblemError as problem:
            _stopped(holder, numbers, words.replaced(str(problem)))
            raise
        names = _close(holder, numbers, everybody)
        # what a statement of ours had of them may stand in its own table until it is vacuumed
        said = receipts.receipts(holder, names)
        return Forgotten(said, receipts.keep_as_files(data_dir, said))


def write_down(
    connection: psycopg.Connection,
    person: Person,
    *,
    by: str,
    reason: str,
    occasion: str,
    elsewhere: Elsewhere = NOTHING,
) -> int:
    """Say that somebody is to be forgotten: whoever forgets next does it. The row's number."""
    kinds = [
        (kind, each)
        for kind, ids in (
            person.kinds() if person.is_known else {"asked": frozenset({person.asked})}
        ).items()
        for each in sorted(ids)
    ]
    (number,) = connection.execute(
        """
        insert into sync.forgettings (requested_by, reason, occasion, hashes, identifiers)
        select
            %(by)s, %(reason)s, %(occasion)s,
            array(
                select encode(sync.keyed_hash(kind, value), 'hex')
                from unnest(%(kinds)s::text[], %(ids)s::text[]) as known (kind, value)
            ),
            %(identifiers)s
        returning forgetting_id
        """,
        {
            "by": by,
            "reason": reason,
            "occasion": occasion,
            "kinds": [kind for kind, _ in kinds],
            "ids": [each for _, each in kinds],
            "identifiers": Jsonb(person.as_json()),
        },
    ).fetchone()  # type: ignore[misc]
    outward.want(connection, number, person, elsewhere)
    return number


def _waiting(holder: psycopg.Connection) -> list[tuple[int, Person]]:
    """Whoever is to be forgotten and is not yet."""
    return [
        (number, Person.of_json(said))
        for number, said in holder.execute(
            "select forgetting_id, identifiers from sync.forgettings where finished_at is null"
            " order by forgetting_id"
        )
    ]


def _until_nothing_is_left(
    holder: psycopg.Connection,
    numbers: list[int],
    everybody: list[Person],
    words: Words,
    builds: Builds,
    say: Callable[[str], None],
) -> None:
    looked_at = None
    for number in range(MOST_ROUNDS):
        # what has landed until now is known by its keys alone after a build
        before = _snapshot(holder)
        _at(holder, numbers, "looks once more" if number else "builds")
        builds.make()
        if number:
            # what is planned from now on is without them
            _wait_for_pushes(holder, numbers, words, say)
            _clear(holder, numbers, everybody, builds)
        _at(holder, numbers, "takes away" if looked_at is None else "looks once more")
        removed = _take_away(holder, numbers, everybody, words, builds, looked_at)
        looked_at = before
        for table, count in removed.items():
            say(f"  {table}: {count:,}")
        if number and not removed and not calls.have_landed(holder, words, since=before):
            return
    raise ServiceError(
        f"Calls of theirs came in {MOST_ROUNDS} times while they were being forgotten. Run the "
        "same again with SUPPRESS=1: they are kept from landing, and it goes on."
    )


def _wait_for_pushes(
    holder: psycopg.Connection, numbers: list[int], words: Words, say: Callable[[str], None]
) -> None:
    """Until no push sends any more what was planned of them before: then it goes too."""
    said: list[int] = []
    while runs := rows.pushes_under_way(holder, words):
        if runs != said:
            said = runs
            _at(holder, numbers, "waits for a push")
            say(f"  waits for the push {', '.join(map(str, runs))}, which was planned before")
        time.sleep(1)


def _snapshot(holder: psycopg.Connection) -> str:
    return holder.execute("select pg_current_snapshot()::text").fetchone()[0]  # type: ignore[index]


def _take_away(
    holder: psycopg.Connection,
    numbers: list[int],
    everybody: list[Person],
    words: Words,
    builds: Builds,
    since: str | None,
) -> dict[str, int]:
    """One transaction: calls, what stays of them for companies, and all other rows."""
    builds.lock(holder)
    try:
        with holder.transaction():
            found = calls.select_calls(holder, everybody)
            found += calls.select_mentions(holder, words, since=since)
            removed = calls.remove_calls(holder, everybody, words) if found else {}
            other = rows.remove_rows(holder, words)
            if other and not found:
                # an object of Planhat's went, which no read tells
                calls.let_builds_compare(holder)
            removed = {**removed, **other}
            _note(holder, numbers, removed)
    finally:
        holder.execute(_UNLOCK)
    return removed


def _clear(
    holder: psycopg.Connection,
    numbers: list[int],
    everybody: list[Person],
    builds: Builds,
) -> None:
    builds.lock(holder)
    try:
        with holder.transaction():
            _note(holder, numbers, built.clear_behind_the_build(holder, everybody))
    finally:
        holder.execute(_UNLOCK)


_UNLOCK = "select pg_advisory_unlock(hashtext('planhat-segment build'))"


def _note(holder: psycopg.Connection, numbers: list[int], removed: dict[str, int]) -> None:
    """Add to what was removed. Of several people at once the numbers are those of all of them."""
    if not removed or not numbers:
        return
    for number, done in holder.execute(
        "select forgetting_id, done from sync.forgettings where forgetting_id = any (%s)",
        [numbers],
    ).fetchall():
        total: Counter[str] = Counter(done)
        total.update(removed)
        holder.execute(
            "update sync.forgettings set done = %s where forgetting_id = %s",
            [Jsonb(dict(total)), number],
        )


def _at(holder: psycopg.Connection, numbers: list[int], step: str) -> None:
    """Where it is, for who watches."""
    holder.execute(
        "update sync.forgettings set step = %s, stopped_by = null where forgetting_id = any (%s)",
        [step, numbers],
    )


def _stopped(holder: psycopg.Connection, numbers: list[int], why: str) -> None:
    with passing_over(psycopg.Error):  # what stopped it may be that the warehouse is away
        holder.execute(
            "update sync.forgettings set step = null, stopped_by = %s"
            " where forgetting_id = any (%s)",
            [why, numbers],
        )


def _close(holder: psycopg.Connection, numbers: list[int], everybody: list[Person]) -> list[str]:
    """In one transaction: nothing says their ids any more, also not who asked for them."""
    with holder.transaction():
        closed = holder.execute(
            "update sync.forgettings set finished_at = clock_timestamp(), identifiers = null,"
            " step = null where forgetting_id = any (%s) returning receipt",
            [numbers],
        ).fetchall()
        holder.execute(
            """
            update sync.forget_requests
            set finished_at = clock_timestamp(), asked = null, meant = null, refused = null
            where
                finished_at is null
                and (
                    forgetting_id = any (%(numbers)s)
                    or asked = any (%(ids)s)
                    or lower(asked) = any (%(emails)s)
                )
            """,
            {
                "numbers": numbers,
                "ids": sorted(set().union(*(each.asked_by for each in everybody))),
                "emails": sorted(set().union(*(each.emails for each in everybody))),
            },
        )
    return [name for (name,) in closed]
