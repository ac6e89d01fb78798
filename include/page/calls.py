"""The calls behind the figures of section 1: all, the resolved, the unresolved."""

from typing import Any

import psycopg

from include.warehouse.reading import rows, shortened
from include.why.asking import Asker

ROWS_A_PAGE = 50

# Which of them: a condition on what became of a call. Our own, seen back, are none.
WHICH = {
    "all": "reason is distinct from 'receipt'",
    "resolved": "reason is null",
    "unresolved": "reason <> 'receipt'",
}


def calls(
    connection: psycopg.Connection, which: str = "all", *, with_persons: bool, offset: int = 0
) -> dict[str, Any]:
    """Calls, those received last first, fifty at a time: `{"total", "parts", "rows"}`.

    `parts` are how many of them there are by source and type, which add up to `total`. Keys of
    people are told only to who may see them (`with_persons`).
    """
    condition = WHICH[which]
    parts = rows(
        connection,
        "select source, type, sum(events)::bigint as events "  # noqa: S608
        f"from marts.resolution_daily where {condition} "
        "group by source, type order by events desc, source, type",
    )
    found = rows(
        connection,
        # one after the other, from the newest on: nobody waits for all of history to be looked up
        f"""
        select
            resolution.message_id, resolution.source, resolution.type, resolution.event,
            resolution.event_at, resolution.user_id, resolution.email, resolution.company_id,
            resolution.enduser_id, resolution.reason, companies.name as company
        from intermediate.int_identity__calls as newest
        cross join lateral (
            select * from marts.event_resolution as found
            where found.message_id = newest.message_id
            offset 0
        ) as resolution
        left join marts.companies on resolution.company_id = companies.company_id
        where resolution.{condition}
        order by newest.event_seq desc
        limit %s offset %s
        """,  # noqa: S608
        ROWS_A_PAGE,
        offset,
    )
    asker = Asker(connection, "", with_persons)
    for row in found:
        user, email = row.pop("user_id"), row.pop("email")
        row["person"] = asker.person(user or email) if user or email else None
        row["company"] = shortened(row["company"])
        row["source"] = shortened(row["source"])
        row["event"] = shortened(row["event"])
    for part in parts:
        part["source"] = shortened(part["source"])
    return {"total": sum(part["events"] for part in parts), "parts": parts, "rows": found}
