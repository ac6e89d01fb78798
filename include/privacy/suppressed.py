"""The list of suppressed people as a collector has it in memory: small, and asked in no time.

Of each hash the first 8 bytes, sorted: that a stranger's id has one of a million of them by chance
happens once in 18 million million. Before them a filter of bits, because nearly everybody who is
asked for is not on the list.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from datetime import datetime

# So many bytes of each hash, as one number.
PREFIX_BYTES = 8
# The filter has a bit for each value of so many first bits: 2 MB, of which a million set 6 %.
_FILTER_BITS = 24
_SHIFT = 8 * PREFIX_BYTES - _FILTER_BITS
# What was added since the list was read whole is a set; more of it, and the list is read again.
MOST_RECENT = 20_000


class Suppressed:
    """Who is on the list, and from when on some of them are not any more."""

    def __init__(self, hashes: bytes = b"", lifted: Mapping[int, datetime] | None = None):
        """`hashes`: prefixes one after the other, sorted as bytes are."""
        self.hashes = array("Q")
        self.hashes.frombytes(hashes)
        self.hashes.byteswap()  # the first byte counts most, on the machines that we run on
        self.recent: set[int] = set()
        self.lifted: dict[int, datetime] = dict(lifted or {})
        self._filter = bytearray((1 << _FILTER_BITS) // 8 if hashes else 0)
        for number in self.hashes:
            place = number >> _SHIFT
            self._filter[place >> 3] |= 1 << (place & 7)

    def __len__(self) -> int:
        return len(self.hashes) + len(self.recent)

    def add(self, prefixes: Iterable[int], lifted: Mapping[int, datetime]) -> None:
        """Take in what was written since: `lifted` of them from a time on, the others not."""
        for number in prefixes:
            self.lifted.pop(number, None)
            if not self._is_old(number):
                self.recent.add(number)
        self.lifted.update(lifted)

    def is_long(self, more: int) -> bool:
        """Whether so many more are better read together with all."""
        return len(self.recent) + more > MOST_RECENT

    def prefixes(self) -> bytes:
        """What it was made of, without what was added since."""
        found = self.hashes[:]
        found.byteswap()
        return found.tobytes()

    def holds(self, digest: bytes) -> bool:
        """Whether a hash is on the list, lifted or not."""
        if self._filter:
            place = int.from_bytes(digest[:3], "big")
            if self._filter[place >> 3] >> (place & 7) & 1 and self._is_old(_number(digest)):
                return True
        return bool(self.recent) and _number(digest) in self.recent

    def lifted_from(self, digest: bytes) -> datetime | None:
        """From when on the calls of this hash land again; None: they do not."""
        return self.lifted.get(_number(digest))

    def _is_old(self, number: int) -> bool:
        place = bisect_left(self.hashes, number)
        return place < len(self.hashes) and self.hashes[place] == number


def _number(digest: bytes) -> int:
    return int.from_bytes(digest[:PREFIX_BYTES], "big")
