"""Who gives way when a worker has no more room: strangers first, the longest waited for first."""

from dataclasses import dataclass, field

import pytest

from include.collector.bounds import WORTH_BYTES, Bounds
from include.collector.options import ConnectionLimits


@dataclass(eq=False)
class Seen:
    """A connection as far as the bounds look at it."""

    since: float
    is_busy: bool = False
    is_known: bool = False
    kept: int = 0
    ended: list[str] = field(default_factory=list)

    def give_way(self, reason: str) -> None:
        self.ended.append(reason)


def full(*connections: Seen, addresses: tuple[str, ...] = ("10.0.0.1",)) -> list[Seen]:
    """Those of these connections that ended, in bounds of two connections an address."""
    bounds = Bounds(ConnectionLimits(an_address=2))
    for n, each in enumerate(connections):
        bounds.came(each, addresses[n % len(addresses)])
    return [each for each in connections if each.ended]


def test_the_stranger_that_has_been_waited_for_longest_gives_way():
    known, first, second = Seen(1, is_known=True), Seen(2), Seen(3)
    assert full(known, first, second) == [first]


def test_a_stranger_that_is_being_answered_is_still_a_stranger():
    slow, known, new = Seen(1, is_busy=True), Seen(2, is_known=True), Seen(3)
    assert full(slow, known, new) == [slow]


def test_whoever_has_a_known_key_and_is_being_answered_stays():
    busy = [Seen(n, is_busy=True, is_known=True) for n in range(2)]
    new = Seen(9)
    assert full(*busy, new) == [new]


def test_an_idle_known_one_gives_way_when_all_others_are_being_answered():
    idle = Seen(1, is_known=True)
    busy = [Seen(n, is_busy=True, is_known=True) for n in (2, 3)]
    assert full(idle, *busy) == [idle]


@pytest.mark.parametrize(
    ("addresses", "ended"),
    [
        (("10.0.0.1", "10.0.0.2", "10.0.0.3"), 0),
        (("2001:db8:1:2::1", "2001:db8:1:2:ffff::2", "2001:db8:1:2::3"), 1),
        (("2001:db8:1:2::1", "2001:db8:1:3::1", "2001:db8:1:4::1"), 0),
        (("::ffff:10.0.0.1", "10.0.0.1", "::ffff:10.0.0.1"), 1),
        (("fe80::1%eth0", "fe80::2%eth0", "fe80::3%eth0"), 1),
        (("::ffff:10.0.0.1", "::ffff:10.0.0.2", "::ffff:10.0.0.3"), 0),
    ],
)
def test_an_address_is_one_clients(addresses: tuple[str, ...], ended: int):
    assert len(full(Seen(1), Seen(2), Seen(3), addresses=addresses)) == ended


def test_room_is_made_by_who_keeps_much_and_is_not_finished():
    counted: list[str] = []
    bounds = Bounds(ConnectionLimits(unanswered_bytes=100_000, an_address=0), counted.append)
    small, whole, old, new = Seen(1), Seen(2, is_busy=True), Seen(3), Seen(4)
    for each in (small, whole, old, new):
        bounds.came(each, "10.0.0.1")
    bounds.keeps(small, WORTH_BYTES)
    for each in (whole, old):
        bounds.keeps(each, 40_000)
    assert not any(each.ended for each in (small, whole, old, new))
    bounds.keeps(new, 20_000)
    assert [each.ended for each in (small, whole, old, new)] == [[], [], ["memory"], []]
    assert bounds.kept == WORTH_BYTES + 60_000


def test_what_is_answered_or_gone_takes_no_room():
    bounds = Bounds(ConnectionLimits(unanswered_bytes=100_000, an_address=0))
    answered, gone = Seen(1), Seen(2)
    for each in (answered, gone):
        bounds.came(each, "10.0.0.1")
        bounds.keeps(each, 30_000)
    bounds.keeps_nothing(answered)
    bounds.left(gone, "10.0.0.1")
    assert bounds.kept == 0


def test_without_a_bound_an_address_may_have_any_number():
    bounds = Bounds(ConnectionLimits(an_address=0))
    many = [Seen(n) for n in range(1_000)]
    for each in many:
        bounds.came(each, "10.0.0.1")
    assert not any(each.ended for each in many)
