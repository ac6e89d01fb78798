"""Which days are compared."""

from datetime import date

import pytest

from include.compare.days import Days, chosen
from include.errors import SettingError

TODAY = date(2026, 3, 16)


def day(number: int) -> date:
    return date(2026, 3, number)


def test_left_out_they_are_the_last_fourteen_that_are_over() -> None:
    assert chosen(None, None, today=TODAY) == Days(day(2), day(15))
    assert chosen(None, day(14), today=TODAY) == Days(day(1), day(14))
    assert chosen(day(10), None, today=TODAY) == Days(day(10), day(15))
    assert chosen(day(15), day(15), today=TODAY) == Days(day(15), day(15))
    assert chosen(None, None, today=date(1970, 1, 16)).numbers == (1, 14)


@pytest.mark.parametrize(
    ("since", "until", "said"),
    [
        (None, day(16), "UNTIL=2026-03-16 is not over yet (days are UTC): 2026-03-15 is the last"),
        (day(16), None, "SINCE=2026-03-16 is after UNTIL=2026-03-15."),
        (day(3), day(2), "SINCE=2026-03-03 is after UNTIL=2026-03-02."),
        (
            date(2025, 3, 1),
            day(2),
            "SINCE=2025-03-01 to UNTIL=2026-03-02 are 367 days: at most 366",
        ),
    ],
)
def test_others_are_refused_in_a_line(since: date | None, until: date | None, said: str) -> None:
    with pytest.raises(SettingError) as raised:
        chosen(since, until, today=TODAY)
    assert str(raised.value).startswith(said)
