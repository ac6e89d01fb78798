"""The days that are compared: whole UTC days that are over."""

from dataclasses import dataclass
from datetime import date, timedelta

from include.errors import SettingError

USUAL = 14
# Each day of a metric is a row an object, asked of Planhat.
MOST = 366
EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Days:
    """From the first to the last, both included."""

    first: date
    last: date

    @property
    def numbers(self) -> tuple[int, int]:
        """As Planhat counts days: since 1970-01-01."""
        return (self.first - EPOCH).days, (self.last - EPOCH).days

    def __str__(self) -> str:
        return f"{self.first} to {self.last}"


def chosen(since: date | None, until: date | None, *, today: date) -> Days:
    """The days that were asked for; left out, the last fourteen that are over.

    Raises `SettingError` for a day that is not over, a last one before the first, and for too many.
    """
    yesterday = today - timedelta(days=1)
    last = until or yesterday
    first = since or last - timedelta(days=USUAL - 1)
    if last > yesterday:
        raise SettingError(
            f"UNTIL={last} is not over yet (days are UTC): {yesterday} is the last that is."
        )
    if first > last:
        raise SettingError(f"SINCE={first} is after UNTIL={last}.")
    if (count := (last - first).days + 1) > MOST:
        raise SettingError(f"SINCE={first} to UNTIL={last} are {count:,} days: at most {MOST}.")
    return Days(first, last)
