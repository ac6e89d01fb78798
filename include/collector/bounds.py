"""What strangers may make a worker keep: of heads and bodies together, and of connections each.

Beyond a bound the one that has been waited for longest gives way, before all others one that has
never sent what was welcome. An honest client sends its request within milliseconds, so it is not
that one; what is hostile or stuck is.
"""

import asyncio
import ipaddress
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Protocol

from include.collector.options import ConnectionLimits

# The request line and headers together, and how many headers: as most servers have it.
HEAD_BYTES = 32 * 1024
HEADERS = 100
# Requests that wait on one connection for the answer to the one before. Hardly a client sends so.
PIPELINED = 4


# Whoever keeps less makes no room by ending.
WORTH_BYTES = 16 * 1024
# Of bodies that wait until their unknown key has been looked for.
ASKING_BYTES = 8 * 1024 * 1024
# Bytes a second that are read and unpacked of long or compressed bodies whose key is not known yet:
# some 40,000 calls a second, and little enough work to leave time for others.
STRANGERS_BYTES_A_SECOND = 16 * 1024 * 1024


class Connection(Protocol):
    """A connection as the bounds see it."""

    # Bytes that it has sent of requests that are not answered yet.
    kept: int
    # When its request began, or the one before it was answered: a loop's time.
    since: float
    # Whether its request is there as a whole, and being answered.
    is_busy: bool

    @property
    def is_known(self) -> bool:
        """Whether it has shown a known key, or sent something else that was welcome."""
        ...

    def give_way(self, reason: str) -> None:
        """End it, so that what it has sent is forgotten."""


class Bounds:
    """The connections of one worker. `count` is told of each that had to end, and why."""

    def __init__(self, limits: ConnectionLimits, count: Callable[[str], None] = lambda _: None):
        self.limits = limits
        self.count = count
        self.kept = 0
        self._all: set[Connection] = set()
        self._by_address: dict[str, set[Connection]] = defaultdict(set)

    def came(self, connection: Connection, address: str) -> None:
        """A client connected. May end another connection of its address, or this one."""
        self._all.add(connection)
        beside = self._by_address[_who(address)]
        beside.add(connection)
        if 0 < self.limits.an_address < len(beside):
            self._end_one(
                (each for each in beside if not (each.is_busy and each.is_known)), "address"
            )

    def keeps(self, connection: Connection, size: int) -> None:
        """So many bytes more of a connection are kept. May end another one, or this one."""
        connection.kept += size
        self.kept += size
        while self.kept > self.limits.unanswered_bytes:
            unfinished = (
                each for each in self._all if each.kept > WORTH_BYTES and not each.is_busy
            )
            if not self._end_one(unfinished, "memory"):
                return

    def keeps_nothing(self, connection: Connection) -> None:
        """What a connection has sent is answered, or forgotten."""
        self.kept -= connection.kept
        connection.kept = 0

    def left(self, connection: Connection, address: str) -> None:
        """A connection has ended."""
        self.keeps_nothing(connection)
        self._all.discard(connection)
        who = _who(address)
        self._by_address[who].discard(connection)
        if not self._by_address[who]:
            del self._by_address[who]

    def _end_one(self, of: Iterable[Connection], reason: str) -> bool:
        """End the one that has been waited for longest; False when there is none."""
        longest = min(of, key=lambda each: (each.is_known, each.since), default=None)
        if longest is None:
            return False
        self.keeps_nothing(longest)
        longest.give_way(reason)
        return True


class Pace:
    """Lets so many bytes a second pass, in the order in which they ask. Of one event loop."""

    def __init__(self, bytes_a_second: int):
        self._rate = bytes_a_second
        self._free_at = 0.0
        self._turn = asyncio.Lock()

    async def wait(self, size: int) -> None:
        """Return when it is the turn of so many bytes."""
        async with self._turn:
            now = asyncio.get_running_loop().time()
            if self._free_at > now:
                await asyncio.sleep(self._free_at - now)
            self._free_at = max(now, self._free_at) + size / self._rate

    def owe(self, size: int) -> None:
        """Have the next one wait for so many bytes more, that became of what has passed."""
        self._free_at += size / self._rate


def _who(address: str) -> str:
    """One client's address: of IPv6 the network of 64 bits, within which it may choose any."""
    if ":" not in address:
        return address
    try:
        found = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(ipaddress.IPv6Network((found, 64), strict=False))
