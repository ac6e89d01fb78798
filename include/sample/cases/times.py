"""Cases of §3.9: when something happened, whatever the client's clock said."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any

from include.sample.cases.story import Case, Story, found
from include.sample.days import Days


def cases(days: Days) -> Iterator[Case]:
    """Every case of this rule."""
    yield _absurd_times_live(days)
    yield _clocks(days)


def _absurd_times_live(days: Days) -> Case:
    story = Story(
        days, "absurd-times", "3.9",
        "A time before 2000, an unreadable one (a clock of twelve hours, a zone by name), or one "
        "far in the future: the call happened when it was received.",
    )  # fmt: skip
    user = story.name("u")
    person = story.enduser("lumen", "pixie", externalId=user)
    outcome = found("lumen", person, by="user_id").but(event_at="received_at")
    body: dict[str, Any] = {"type": "track", "event": "Checklist Completed", "userId": user}
    for hour, stamp in (
        (9, "1970-01-01T00:00:00.000Z"),
        (10, "yesterday, about noon"),
        (11, "2031-13-45T99:00:00Z"),
        (12, "2999-01-01T00:00:00.000Z"),
        (13, "2026-03-26 10:30:33 p.m.+0100"),
        (14, "2026-03-26T10:30:33GMT+02:00"),
    ):
        story.raw(5, f"{hour:02}:00", outcome, {**body, "timestamp": stamp}, stamped=False)
    return story.case()


def _clocks(days: Days) -> Case:
    story = Story(
        days, "clocks", "3.9",
        "Which of a call's times counts: Segment's own correction, else the first of timestamp and "
        "originalTimestamp that can be read, corrected by sentAt, else when it was received.",
        needs_history=True,
    )  # fmt: skip
    user = story.name("u")
    person = story.enduser("lumen", "runa", externalId=user)
    received = days.at(5, "12:00")

    def iso(moment: datetime) -> str:
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def ago(**difference: float) -> datetime:
        return received - timedelta(**difference)

    # The client's clock is two hours fast.
    fast = timedelta(hours=2)
    for stamps, event_at in (
        # Segment's servers have corrected `timestamp` already.
        (
            {
                "receivedAt": iso(ago(seconds=5)), "timestamp": iso(ago(minutes=7)),
                "originalTimestamp": iso(ago(hours=9)), "sentAt": iso(ago(hours=8)),
            },
            ago(minutes=7),
        ),
        ({"sentAt": iso(received + fast), "timestamp": iso(ago(minutes=10) + fast)},
         ago(minutes=10)),
        (
            {
                "sentAt": iso(received + fast), "timestamp": iso(ago(minutes=1) + fast),
                "originalTimestamp": iso(ago(minutes=20) + fast),
            },
            ago(minutes=1),
        ),
        ({"originalTimestamp": iso(ago(minutes=30)), "timestamp": iso(ago(minutes=3))},
         ago(minutes=3)),
        ({"original_timestamp": iso(ago(minutes=30)), "timestamp": "soon"}, ago(minutes=30)),
        # As other clients write it.
        ({"timestamp": int(ago(minutes=50).timestamp() * 1000)}, ago(minutes=50)),
        ({"timestamp": format_datetime(ago(minutes=60), usegmt=True)}, ago(minutes=60)),
        ({"timestamp": f"{ago(minutes=70):%Y%m%dT%H%M%S}Z"}, ago(minutes=70)),
        ({"timestamp": iso(ago(minutes=40))}, ago(minutes=40)),
        ({}, received),
        ({"timestamp": "soon"}, received),
        ({"timestamp": "1999-12-31T23:59:59Z"}, received),
        ({"timestamp": iso(ago(days=-2))}, received),
        # Within a day after is taken as it stands.
        ({"timestamp": iso(ago(hours=-23))}, ago(hours=-23)),
        # Another zone's midnight is a UTC evening: the day is the UTC day.
        ({"timestamp": ago(hours=13).isoformat()}, ago(hours=13)),
        ({"timestamp": (ago(hours=24) + timedelta(hours=9)).replace(tzinfo=None).isoformat()
          + "+09:00"}, ago(hours=24)),
    ):  # fmt: skip
        story.raw(
            5, "12:00", found("lumen", person, by="user_id").but(event_at=event_at),
            {"type": "track", "event": "Checklist Completed", "userId": user, **stamps},
            received_at=received, stamped=False,
        )  # fmt: skip
    return story.case()
