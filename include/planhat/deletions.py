"""What is not in a read: marked deleted, unless the read may have missed it.

A reject that says which object it was protects that object. Everything else that is odd withholds
all deletions of the model, until a file without it is read or somebody says that they are gone.
What the live API does not list is asked for besides, one by one (`Answers`).
"""

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, NamedTuple

import psycopg

from include.planhat.models import Model

# `guarded` withholds deletions where the read may have missed objects; `always` and `never` are for
# an operator who knows better.
Deletions = Literal["guarded", "always", "never"]


@dataclass(frozen=True)
class Answers:
    """What Planhat itself says of objects that its list did not have.

    `gone`: it has them no more, and only these are marked deleted. `there`: it has them although it
    does not list them. Of the others nobody knows, for this `reason`.
    """

    gone: frozenset[str] = frozenset()
    there: frozenset[str] = frozenset()
    reason: str | None = None


class Missing(NamedTuple):
    """How many objects are not in a read, and how many of those were marked deleted."""

    total: int
    deleted: int


def missing_objects(
    connection: psycopg.Connection, model: Model, *, delete: bool, answers: Answers | None = None,
    is_whole: bool = True,
) -> Missing:  # fmt: skip
    """Objects that are not in this read (`incoming`); marked deleted if `delete`, and where there
    are answers only those that are gone by them. A read that is not whole misses no other.
    """
    row = connection.execute(
        """
        with missing as materialized (
            select
                planhat_id,
                %(delete)s and (not %(is_asked)s or planhat_id = any(%(gone)s)) as is_deleted
            from raw_planhat.objects
            where
                model = %(model)s
                and deleted_at is null
                -- a rejected object is in Planhat all the same: any row with its id protects it
                and not exists (
                    select from incoming where incoming.planhat_id = objects.planhat_id
                )
                and planhat_id <> all(%(there)s)
                and (%(is_whole)s or planhat_id = any(%(gone)s))
        ),
        deleted as (
            update raw_planhat.objects
            set deleted_at = statement_timestamp(), changed_at = statement_timestamp()
            from missing
            where
                model = %(model)s and objects.planhat_id = missing.planhat_id
                and missing.is_deleted
        )
        select count(*), count(*) filter (where is_deleted) from missing
        """,
        {
            "model": model.name,
            "delete": delete,
            "is_asked": answers is not None,
            "is_whole": is_whole,
            "gone": _as_list(answers.gone if answers else ()),
            "there": _as_list(answers.there if answers else ()),
        },
    ).fetchone()
    assert row is not None
    return Missing(*row)


def _as_list(ids: Collection[str]) -> list[str]:
    return sorted(ids)


def why_withheld(
    connection: psycopg.Connection, model: Model, deletions: Deletions, still_there: int,
    answers: Answers | None = None,
) -> str | None:  # fmt: skip
    """Why what is not in this read may exist all the same; None when it surely does not.

    `still_there`: how many of the objects that were there before are in it.
    """
    if deletions == "always":
        return None
    if deletions == "never":
        return "deletions are switched off for this read"
    return _odd_rows(connection, may_be_empty=answers is not None) or _large_part(
        connection, model, still_there, answers
    )


def _odd_rows(connection: psycopg.Connection, *, may_be_empty: bool) -> str | None:
    valid, nameless, swallowing, where, doubt = connection.execute(
        """
        select
            count(*) filter (where code is null),
            count(*) filter (where planhat_id is null and code <> 'column_changed'),
            count(*) filter (where code = 'swallowed_rows'),
            (
                select concat_ws(':', file, line) from incoming
                where code = 'swallowed_rows' or doubt is not null
                order by code is null, position limit 1
            ),
            (select doubt from incoming where doubt is not null order by position limit 1)
        from incoming
        """
    ).fetchone()  # type: ignore[misc]
    if not valid and not may_be_empty:
        return "it holds no valid object"
    if swallowing:
        lines = (
            f"{swallowing:,} lines swallow others" if swallowing > 1 else "a line swallows others"
        )
        return f"{lines} ({where})"
    if nameless:
        return f"{nameless} of its rejects do not say which object they were"
    return f"{where}: {doubt}" if doubt else None


def _large_part(
    connection: psycopg.Connection, model: Model, still_there: int, answers: Answers | None
) -> str | None:
    missing = missing_objects(connection, model, delete=False, answers=answers).total
    limits: dict[str, Decimal] = dict(
        connection.execute(
            "select threshold, value from sync.thresholds where threshold like 'read_guard_%'"
        ).fetchall()
    )
    share = limits["read_guard_missing_share"]
    known = missing + still_there
    if missing >= limits["read_guard_missing_from"] and missing > share * known:
        return f"{missing:,} of {known:,} are more than {share:.0%} of the model"
    return None
