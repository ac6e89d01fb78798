"""Landing the quarantine again, after a fix of ours or a change of a limit."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

import psycopg

from include.collector.event import Bad, Envelope, Row, read_wanted
from include.collector.field_rules import united
from include.collector.intake import Intake
from include.collector.landing import Origin, Parcel
from include.collector.load import Loaded
from include.collector.made_ids import MadeIds
from include.collector.options import WEBHOOK_LIMITS
from include.collector.privacy import PrivacySettings
from include.collector.screening import Screen
from include.errors import BusyError
from include.warehouse.connection import connect

# Quarantined calls of one step.
STEP = 2_000

_NEXT = """
select quarantine_id, received_at, source, payload, envelope, message_id, field_rules
from raw_segment.quarantine
where
    quarantine_id > %(after)s
    and replayed_at is null
    and (%(reason)s::text is null or reason = %(reason)s)
    and (%(since)s::timestamptz is null or received_at >= %(since)s)
order by quarantine_id
limit %(step)s
"""


class _Kept(NamedTuple):
    quarantine_id: int
    received_at: datetime
    source: str
    payload: str
    envelope: str | None
    message_id: str | None
    field_rules: str

    def read(self, ids: MadeIds, screen: Screen) -> Row | Bad | None:
        envelope = Envelope.from_text(self.envelope)
        raw, at = self.payload.encode(), self.received_at
        found = read_wanted(raw, 0, ids, envelope, WEBHOOK_LIMITS, screen, at)
        if isinstance(found, Row) and self.field_rules:
            before = self.field_rules.removeprefix("0,")
            return found._replace(rules=united(before, found.rules.decode()).encode())
        return found


def replay(
    url: str,
    reason: str | None = None,
    since: datetime | None = None,
    say: Callable[[str], None] = print,
) -> Loaded:
    """Read quarantined calls again and land those that can be; the others stay as they are.

    `reason` and `since` (of arrival) choose which; None: all. A call keeps the time at which it
    first arrived, and its hour's books are corrected in the transaction that lands it. What is of
    somebody who is suppressed now goes from the quarantine. Safe to repeat and to interrupt. Raises
    `BusyError` while another replay runs, `ServiceError` when Postgres does not answer.
    """
    total = Loaded()
    after = 0
    with connect(url, application_name="replay", autocommit=True) as connection:
        _lock(connection)
        while True:
            chosen = {"after": after, "reason": reason, "since": since, "step": STEP}
            kept = [_Kept(*row) for row in connection.execute(_NEXT, chosen)]
            if not kept:
                break
            after = kept[-1].quarantine_id
            total += asyncio.run(_land(url, kept))
    say(f"replayed {total}")
    return total


def _lock(connection: psycopg.Connection) -> None:
    found = connection.execute(
        "select pg_try_advisory_lock(hashtext('planhat-segment replay'))"
    ).fetchone()
    if not found or not found[0]:
        raise BusyError("Another replay is running: wait for it.")


async def _land(url: str, kept: list[_Kept]) -> Loaded:
    privacy = PrivacySettings(url)
    intake = Intake(url, application_name="replay", privacy=privacy)
    await intake.start()
    try:
        parcels, still_bad = _parcels(kept, await privacy.must_be_known())
        outcomes = await asyncio.gather(*(intake.land(parcel) for parcel in parcels))
    finally:
        await intake.stop()
        await privacy.stop()
    landed = sum((Loaded.of(outcome) for outcome in outcomes), Loaded())
    return landed + Loaded(calls=still_bad, quarantined=still_bad)


def _parcels(kept: list[_Kept], privacy: PrivacySettings) -> tuple[list[Parcel], int]:
    """What can land now, by source and time of arrival; and how many calls still cannot."""
    found: dict[tuple[str, datetime], Parcel] = {}
    made_ids: Counter[tuple[str, datetime]] = Counter()
    still_bad = 0
    for each in kept:
        ids = MadeIds(each.source, kept=each.message_id)
        row = each.read(ids, privacy.screen(each.source))
        if isinstance(row, Bad):
            still_bad += 1
            continue
        place = (each.source, each.received_at)
        parcel = found.setdefault(
            place, Parcel(each.source, [], [], each.received_at, Origin.QUARANTINE)
        )
        if row is None:
            parcel.unkept.append(each.quarantine_id)
            continue
        parcel.rows.append(row._replace(place=len(parcel.rows)))
        parcel.replayed.append(each.quarantine_id)
        made_ids[place] += ids.made
    parcels = [
        replace(parcel, made_ids=made_ids[place], turned_away=len(parcel.unkept))
        for place, parcel in found.items()
    ]
    return parcels, still_bad
