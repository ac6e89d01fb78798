"""Planned rows as they are read for Planhat, each with what was sent of its object before."""

from dataclasses import dataclass
from typing import Any

import msgspec
import psycopg

from include.push.ledger import Range


@dataclass(frozen=True)
class Row:
    """One planned object. `known`: what was acknowledged; `unknown`: sent, without an answer."""

    payload: dict[str, Any]
    known: dict[str, Any] | None
    unknown: dict[str, Any] | None

    @property
    def sent_before(self) -> list[dict[str, Any]]:
        """Every version that Planhat may have of us."""
        return [each for each in (self.known, self.unknown) if each is not None]


def read_rows(connection: psycopg.Connection, batch: Range, planned: str) -> list[Row]:
    """The rows of a batch, in its order. `planned`: as `ledger.mark_sent` gives them."""
    payloads = [each[-1] for each in msgspec.json.decode(planned, type=list[list[Any]])]
    ledger = connection.execute(
        """
        select
            case when ledger.acknowledged_at is not null then ledger.payload end,
            case when ledger.sent_version is not null then ledger.sent_payload end
        from sync.planned
        inner join sync.runs on planned.run_id = runs.run_id
        -- one by one: that a model new to the ledger has many rows there, no statistics say yet
        left join lateral (
            select *
            from sync.objects
            where
                destination = runs.destination
                and model = planned.model
                and object_id = planned.object_id
            limit 1
        ) as ledger on true
        where
            planned.run_id = %(run_id)s and planned.model = %(model)s
            and planned.position between %(first)s and %(last)s
        order by planned.position
        """,
        batch.parameters,
    ).fetchall()
    return [
        Row(payload, known, unknown)
        for payload, (known, unknown) in zip(payloads, ledger, strict=True)
    ]
