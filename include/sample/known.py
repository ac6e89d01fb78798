"""Customers whose usage, trend, alerts and health are known beforehand, as of the base date.

Their usage does not follow the week, so that the figures are the same whatever weekday the base
date is, and the alerts are the same whether a week begins on Monday or is any seven days.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from include.sample.calls import Call
from include.sample.days import DAYS_OF_USAGE, Days
from include.sample.identifiers import planhat_id


@dataclass(frozen=True)
class Expected:
    """What must come out as of the base date. Parts of health are 0 to 10, None without data."""

    activities_7d: int
    activities_30d: int
    previous_30d: int
    # (30 days less the 30 before) / the 30 before; None when those had none
    change_30d: float | None
    trend: str | None
    # kinds of the alerts that are open
    alerts: frozenset[str]
    active_endusers_30d: int
    breadth: float
    recency: float | None


@dataclass(frozen=True)
class Known:
    """A customer, in a sentence. Of its `endusers` the first `active` use the product, in turn."""

    key: str
    name: str
    sentence: str
    endusers: int
    active: int
    # activities on the day so many days ago
    activities: Callable[[int], int]
    expected: Expected

    @property
    def company_id(self) -> str:
        """Its `_id`."""
        return planhat_id("company", self.key)

    @property
    def external_id(self) -> str:
        """Its externalId."""
        return self.key


def _every_other_week(days_ago: int) -> int:
    # One more on one day in fourteen: weeks differ a little, as weeks do.
    return int(days_ago % 14 == 0)


def _spiking(days_ago: int) -> int:
    return 9 if days_ago < 14 else 3 + _every_other_week(days_ago)


def _dropping(days_ago: int) -> int:
    return 1 if days_ago < 14 else 6 + _every_other_week(days_ago)


NOTHING: frozenset[str] = frozenset()

KNOWN = (
    Known(
        "alder-rail", "Alder Rail Services",
        "Rises by one activity a day every fifteen days: up, and too gently for an alert.",
        endusers=4, active=4, activities=lambda days_ago: 1 + (89 - days_ago) // 15,
        expected=Expected(42, 165, 105, 60 / 105, "up", NOTHING, 4, 10.0, 10.0),
    ),
    Known(
        "birch-clinic", "Birch Clinic Partners",
        "Falls by one activity a day every fifteen days: down, and too gently for an alert.",
        endusers=4, active=2, activities=lambda days_ago: 1 + days_ago // 15,
        expected=Expected(7, 45, 105, -60 / 105, "down", NOTHING, 2, 5.0, 10.0),
    ),
    Known(
        "cedar-bank", "Cedar Mutual Bank",
        "Much the same every week.",
        endusers=5, active=2, activities=lambda days_ago: 3 + _every_other_week(days_ago),
        expected=Expected(22, 93, 92, 1 / 92, "flat", NOTHING, 2, 4.0, 10.0),
    ),
    Known(
        "dogwood-media", "Dogwood Media",
        "Stopped six weeks ago: none in 30 days, some in the 30 before.",
        endusers=3, active=3, activities=lambda days_ago: 3 if days_ago >= 42 else 0,
        expected=Expected(0, 0, 54, -1.0, "stopped", frozenset({"stopped"}), 0, 0.0, 0.0),
    ),
    Known(
        "elm-energy", "Elm Energy",
        "Began within the last seven days: new, and too short for an alert.",
        endusers=2, active=1, activities=lambda days_ago: 2 if days_ago < 7 else 0,
        expected=Expected(14, 14, 0, None, "new", NOTHING, 1, 5.0, 10.0),
    ),
    Known(
        "fir-foods", "Fir Foods",
        "Six a day, and one a day since two weeks: down, with a drop.",
        endusers=4, active=1, activities=_dropping,
        expected=Expected(7, 112, 182, -70 / 182, "down", frozenset({"drop"}), 1, 2.5, 10.0),
    ),
    Known(
        "gingko-games", "Gingko Games",
        "Three a day, and nine a day since two weeks: up, with a spike.",
        endusers=4, active=3, activities=_spiking,
        expected=Expected(63, 176, 92, 84 / 92, "up", frozenset({"spike"}), 3, 7.5, 10.0),
    ),
    Known(
        "hazel-hotels", "Hazel Hotels",
        "Bought it and never used it: no trend, no recency, nobody active.",
        endusers=3, active=0, activities=lambda days_ago: 0,
        expected=Expected(0, 0, 0, None, None, NOTHING, 0, 0.0, None),
    ),
)  # fmt: skip


def user_id(known: Known, number: int) -> str:
    """The externalId of the customer's enduser of this number, from 0."""
    return f"{known.key}-{number + 1:03}"


def calls(days: Days) -> Iterator[Call]:
    """The usage of all known customers."""
    for known in KNOWN:
        turn = 0
        for days_ago in range(DAYS_OF_USAGE - 1, -1, -1):
            for number in range(known.activities(days_ago)):
                yield Call(
                    "track",
                    f"sample-{known.key}-{days_ago}-{number + 1}",
                    days.at(days_ago, f"{8 + number:02}:{7 * number % 60:02}"),
                    user_id=user_id(known, turn % known.active),
                    event="Document Opened",
                    properties={"document_type": "Checklist"},
                    context={"groupId": known.external_id},
                )
                turn += 1
