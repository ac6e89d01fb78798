"""Who is being forgotten, whose request waits, and the receipts: as the page shows them."""

from typing import Any

import psycopg

from include.page.tracking import switches
from include.privacy.forgetting.requests import Look
from include.privacy.receipts import of_others
from include.warehouse.reading import one, rows
from include.why.asking import HIDDEN

RECEIPTS_SHOWN = 50


def state(connection: psycopg.Connection, *, with_persons: bool) -> dict[str, Any]:
    """`waiting` requests, `under_way`, and how many `receipts` there are.

    What was asked for is told only to who may see it (`with_persons`).
    """
    waiting = rows(
        connection,
        """
        select
            request_id, asked, origin, source, received_at, requested_by, reason, requested_at,
            refused
        from sync.forget_requests
        where finished_at is null and forgetting_id is null
        order by request_id
        limit 200
        """,
    )
    if not with_persons:
        for each in waiting:
            each["asked"] = HIDDEN
            # it says the id, and those of others
            each["refused"] = each["refused"] and "The id is refused."
    counts = one(
        connection,
        """
        select
            (
                select count(*) from sync.forget_requests
                where finished_at is null and forgetting_id is null
            ) as waiting,
            count(*) filter (where finished_at is not null) as receipts
        from sync.forgettings
        """,
    )
    assert counts is not None
    return {
        "waiting": waiting,
        "waiting_in_all": counts["waiting"],
        "under_way": rows(
            connection,
            """
            select receipt, requested_by, reason, requested_at, step, stopped_by, done
            from sync.forgettings where finished_at is null order by forgetting_id limit 200
            """,
        ),
        "receipts": counts["receipts"],
        "delete_calls": switches(connection).get("forget_delete_calls"),
    }


def receipts(connection: psycopg.Connection, *, offset: int) -> dict[str, Any]:
    """Receipts, the newest first, fifty at a time: they name nobody."""
    found = rows(
        connection,
        """
        select
            receipt, requested_by, reason, occasion, requested_at, finished_at, done,
            cardinality(hashes) as hashes, count(*) over () as total
        from sync.forgettings where finished_at is not null
        order by forgetting_id desc limit %s offset %s
        """,
        RECEIPTS_SHOWN,
        offset,
    )
    others = of_others(connection, [row["receipt"] for row in found])
    for row in found:
        row["elsewhere"] = others.get(row["receipt"], [])
    total = found[0]["total"] if found else 0
    return {"rows": found, "total": total}


def as_json(seen: Look) -> dict[str, Any]:
    """What somebody looks at before they confirm."""
    return {
        "lines": [
            {
                "line": line.number,
                "asked": line.asked,
                "refused": line.refused,
                "is_known": line.person.is_known if line.person else None,
                "ids": {kind: len(ids) for kind, ids in line.person.kinds().items()}
                if line.person
                else {},
                "suppressed": seen.suppressed.get(line.number, 0),
            }
            for line in seen.lines
        ],
        "people": len(seen.people),
        "calls": seen.plan.calls,
        "plan": seen.plan.lines(),
        "fingerprint": seen.fingerprint,
    }
