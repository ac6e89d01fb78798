"""What is not in a read: marked deleted, unless the read may have missed it.

A reject that says which object it was protects that object. Everything else that is odd withholds
all deletions of the model, until a file without it is read or somebody says that they are gone.
"""

from decimal import Decimal
from typing import Literal

import psycopg

from include.planhat.models import Model

# `guarded` withholds deletions where the read may have missed objects; `always` and `never` are for
# an operator who knows better.
Deletions = Literal["guarded", "always", "never"]


def missing_objects(connection: psycopg.Connection, model: Model, *, delete: bool) -> int:
    """How many objects are not in this read (`incoming`); marked deleted if `delete`."""
    row = connection.execute(
        """
        with missing as materialized (
            select planhat_id
            from raw_planhat.objects
            where
                model = %(model)s
                and deleted_at is null
                -- a rejected object is in Planhat all the same: any row with its id protects it
                and not exists (
                    select from incoming where incoming.planhat_id = objects.planhat_id
                )
        ),
        deleted as (
            update raw_planhat.objects
            set deleted_at = statement_timestamp(), changed_at = statement_timestamp()
            from missing
            where model = %(model)s and objects.planhat_id = missing.planhat_id and %(delete)s
        )
        select count(*) from missing
        """,
        {"model": model.name, "delete": delete},
    ).fetchone()
    assert row is not None
    return row[0]


def why_withheld(
    connection: psycopg.Connection, model: Model, deletions: Deletions, still_there: int
) -> str | None:
    """Why what is not in this read may exist all the same; None when it surely does not.

    `still_there`: how many of the objects that were there before are in it.
    """
    if deletions == "always":
        return None
    if deletions == "never":
        return "deletions are switched off for this read"
    return _odd_rows(connection) or _large_part(connection, model, still_there)


def _odd_rows(connection: psycopg.Connection) -> str | None:
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
    if not valid:
        return "it holds no valid object"
    if swallowing:
        lines = (
            f"{swallowing:,} lines swallow others" if swallowing > 1 else "a line swallows others"
        )
        return f"{lines} ({where})"
    if nameless:
        return f"{nameless} of its rejects do not say which object they were"
    return f"{where}: {doubt}" if doubt else None


def _large_part(connection: psycopg.Connection, model: Model, still_there: int) -> str | None:
    missing = missing_objects(connection, model, delete=False)
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
