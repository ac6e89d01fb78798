"""Who is suppressed: answered as ever, and never stored (docs/privacy.md).

The list has hashes and no ids, so it can be asked for one id and not be read. Page and command line
change it here; collectors know it within a few seconds.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time
from typing import NamedTuple

import psycopg
from psycopg.rows import class_row

from include.counting import counted
from include.errors import ProblemError
from include.privacy.keys import KINDS, LONGEST_KEY, normal_form, warehouse_key
from include.warehouse.connection import connect

# Lines of a list file that go to the warehouse together.
STEP = 50_000
LONGEST_REASON = 500


class SuppressionError(ProblemError):
    """What was asked for is no valid change of the list; nothing was changed."""


class Changed(NamedTuple):
    """How many ids were named, and of how many of them something changed."""

    ids: int
    changed: int


_ADD = """
with written as (
    insert into sync.suppressed as listed
        (kind, key_hash, tag, version, suppressed_by, reason)
    select kind, key_hash, tag, %(version)s, %(by)s, %(reason)s
    from
        unnest(%(kinds)s::text[], %(hashes)s::bytea[], %(tags)s::integer[])
            as given (kind, key_hash, tag)
    on conflict (key_hash, kind) do update set
        tag = excluded.tag, version = excluded.version, suppressed_at = now(),
        suppressed_by = excluded.suppressed_by, reason = excluded.reason,
        lifted_from = null, lifted_by = null
    where listed.lifted_from is not null
    returning kind, key_hash
)
select kind, key_hash from written
"""

_LIFT = """
update sync.suppressed as listed
set version = %(version)s, lifted_from = %(since)s, lifted_by = %(by)s
from unnest(%(kinds)s::text[], %(hashes)s::bytea[]) as given (kind, key_hash)
where
    listed.kind = given.kind and listed.key_hash = given.key_hash
    and listed.lifted_from is distinct from %(since)s
returning listed.kind, listed.key_hash
"""


def kinds_of(text: str) -> tuple[str, ...]:
    """The kinds of keys that an id may be: an address is an e-mail, and a user id to some."""
    return ("email", "user_id") if "@" in text.strip("@") else ("user_id", "anonymous_id")


def suppress(
    url: str, ids: Iterable[str], *, by: str, reason: str, kind: str | None = None
) -> Changed:
    """Turn calls of these ids away from now on, those that wait in a spool too.

    `kind` None: as `kinds_of` says. What has landed stays: that is forgetting. Again changes
    nothing. Raises `SuppressionError` for what is no id, before anything is changed.
    """
    if not reason.strip():
        raise SuppressionError("Say why: the list names nobody, so the reason is all that it says.")
    if len(reason) > LONGEST_REASON or "\0" in reason:
        raise SuppressionError(f"A reason has at most {LONGEST_REASON} characters, and no NUL.")
    return _write(url, ids, kind, _ADD, {"by": by, "reason": reason.strip()})


def lift(
    url: str, ids: Iterable[str], *, by: str, since: date | None = None, kind: str | None = None
) -> Changed:
    """Let calls of these ids land again that happen from the beginning of a day (UTC) on.

    `since` None: today. What was turned away is nowhere and stays so. Raises `SuppressionError`
    for what is no id, and when none of them is suppressed.
    """
    begins = datetime.combine(since or datetime.now(UTC).date(), time(), UTC)
    done = _write(url, ids, kind, _LIFT, {"by": by, "since": begins})
    if not done.changed:
        raise SuppressionError("Nobody of these ids is suppressed, or not until another day.")
    return done


class Listed(NamedTuple):
    """How the list stands, for a person: it says how many, and never who."""

    suppressed: int
    lifted: int
    last_at: datetime | None
    last_by: str | None


def listed(connection: psycopg.Connection) -> Listed:
    """How many keys are on the list, how many of them were lifted, and who wrote it last."""
    with connection.cursor(row_factory=class_row(Listed)) as cursor:
        found = cursor.execute(
            """
            select
                count(*) filter (where lifted_from is null or lifted_from > now()) as suppressed,
                count(*) filter (where lifted_from <= now()) as lifted,
                max(suppressed_at) as last_at,
                (array_agg(suppressed_by order by version desc))[1] as last_by
            from sync.suppressed
            """
        ).fetchone()
    assert found is not None
    return found


def _write(
    url: str, ids: Iterable[str], kind: str | None, statement: str, values: dict[str, object]
) -> Changed:
    """One transaction: all of them or none."""
    if kind is not None and kind not in KINDS:
        raise SuppressionError(f"A kind is one of {', '.join(KINDS)}.")
    named = changed = 0
    with connect(url, application_name="operators: suppression") as connection:
        key = warehouse_key(connection)
        # whoever writes has this row first: a later version is a later commit
        found = connection.execute(
            "update sync.suppression set version = version + 1 returning version"
        ).fetchone()
        assert found is not None
        values["version"] = found[0]
        for step in _steps(ids):
            given: dict[tuple[str, bytes], str] = {}
            tags: list[int] = []
            for text in step:
                for each in (kind,) if kind else kinds_of(text):
                    form = _form(each, text)
                    row = (each, key.hash(each, form))
                    if row not in given:
                        given[row] = text
                        tags.append(key.tag(each, form))
            named += len(set(given.values()))
            values["tags"] = tags
            values["kinds"] = [each for each, _ in given]
            values["hashes"] = [digest for _, digest in given]
            rows = connection.execute(statement, values).fetchall()
            changed += len({given[each, bytes(digest)] for each, digest in rows})
        if not named:
            raise SuppressionError("Name at least one id.")
    return Changed(named, changed)


def _steps(ids: Iterable[str]) -> Iterator[list[str]]:
    step: list[str] = []
    for text in ids:
        step.append(text)
        if len(step) == STEP:
            yield step
            step = []
    if step:
        yield step


def _form(kind: str, text: str) -> str:
    form = normal_form(kind, text)
    if form is None or "\0" in form:
        raise SuppressionError(
            f"An id has between 1 and {LONGEST_KEY} characters that are not blank."
        )
    return form


def said(done: Changed, what: str) -> str:
    """What was done, in a sentence."""
    already = done.ids - done.changed
    rest = f"; {counted(already, 'id')} stood so already" if already else ""
    return f"{counted(done.changed, 'id')} {what}{rest}."
