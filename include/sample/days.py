"""Days and times of the sample, counted back from its base date."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

DAYS_OF_USAGE = 90


@dataclass(frozen=True)
class Days:
    """`base` is the last day of usage."""

    base: date

    def day(self, days_ago: int) -> date:
        """The day so many days before the base date; negative: after it."""
        return self.base - timedelta(days=days_ago)

    def at(self, days_ago: int, clock: str) -> datetime:
        """A moment in UTC; `clock` is HH:MM or HH:MM:SS."""
        return datetime.combine(self.day(days_ago), time.fromisoformat(clock), UTC)

    def iso(self, days_ago: int, clock: str = "00:00") -> str:
        """A moment as Planhat writes it: 2026-01-31T00:00:00.000Z."""
        return self.at(days_ago, clock).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def number(self, days_ago: int) -> int:
        """A day as invoices have it: days since 1970-01-01."""
        return (self.day(days_ago) - date(1970, 1, 1)).days
