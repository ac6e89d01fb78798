"""Receipts: pushed messages that came back through the collector under the Planhat source."""

from dataclasses import dataclass
from datetime import datetime

import psycopg

from include.connections import Destination
from include.push.plainly import plainly
from include.warehouse.connection import connect


@dataclass(frozen=True)
class Receipts:
    """Of one model: objects acknowledged, those whose message came back, those it did not."""

    model: str
    acknowledged: int
    seen_back: int
    missing: int
    oldest_missing_at: datetime | None


@plainly
def receipts(url: str, to: Destination) -> list[Receipts]:
    """What came back so far, per model, after looking for new receipts."""
    with connect(url, application_name="push receipts", autocommit=True) as connection:
        mark_seen_back(connection, to.destination)
        rows = connection.execute(
            """
            select
                model,
                count(*),
                count(seen_back_at),
                count(*) filter (where seen_back_at is null),
                min(acknowledged_at) filter (where seen_back_at is null)
            from sync.objects
            where destination = %s and acknowledged_at is not null
            group by model order by model
            """,
            [to.destination],
        ).fetchall()
    return [Receipts(*row) for row in rows]


def mark_seen_back(connection: psycopg.Connection, destination: str) -> int:
    """Receipts: acknowledged messages that came back through the collector. Returns how many."""
    return connection.execute(
        """
        update sync.objects as ledger
        set seen_back_at = event.received_at
        from raw_segment.events as event
        where
            ledger.destination = %s
            and ledger.acknowledged_at is not null
            and ledger.seen_back_at is null
            -- one that did not come back within a week never will
            and ledger.acknowledged_at > now() - interval '7 days'
            and event.message_key = md5(ledger.message_id)::uuid
        """,
        [destination],
    ).rowcount
