"""The list of suppressed people as a collector has it in memory: small, and asked in no time.

Of each hash the first 8 bytes, sorted: that a stranger's id has one of a million of them by chance
happens once in 18 million million. Before them a filter of bits, asked with a number that is made
sooner than a hash, because nearly everybody who is asked for is not on the list.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from datetime import datetime

# So many bytes of each hash, as one number, and of each tag.
PREFIX_BYTES = 8
TAG_BYTES = 4
# The filter has a bit for each value of so many last bits of a tag: 2 MB, and a million set 6 %.
_FILTER_BITS = 24
TAG_MASK = (1 << _FILTER_BITS) - 1
# What was added since the list was read whole is a set; more of it, and the list is read again.
MOST_RECENT = 20_000


class Suppressed:
    """Who is on the list, and from when on some of them are not any more."""

    def __init__(
        self, hashes: bytes = b"", tags: bytes = b"", lifted: Mapping[int, datetime] | None = None
    ):
        """`hashes`: prefixes one after the other, sorted as bytes are; `tags`: those of the rows in
        the same order, and of fewer rows where some have none.
        """
        self.hashes = _numbers("Q", hashes)
        self.tags = _numbers("I", tags)
        self.recent: set[int] = set()
        self.recent_tags: list[int] = []
        self.lifted: dict[int, datetime] = dict(lifted or {})
        # A bit is set for whom may be on the list. Changed in place, never replaced.
        self.filter = bytearray((1 << _FILTER_BITS) // 8)
        if len(self.tags) < len(self.hashes):
            self._let_all_pass()
        self._mark(self.tags)

    def __len__(self) -> int:
        return len(self.hashes) + len(self.recent)

    def add(self, hashes: bytes, tags: bytes, lifted: Mapping[int, datetime]) -> None:
        """Take in what was written since: `lifted` of them from a time on, the others not."""
        prefixes, new_tags = _numbers("Q", hashes), _numbers("I", tags)
        for number in prefixes:
            self.lifted.pop(number, None)
            if not self._is_old(number):
                self.recent.add(number)
        self.lifted.update(lifted)
        if len(new_tags) < len(prefixes):
            self._let_all_pass()
        self._mark(new_tags)
        self.recent_tags.extend(new_tags)

    def is_long(self, more: int) -> bool:
        """Whether so many more are better read together with all."""
        return len(self.recent) + more > MOST_RECENT

    def holds(self, digest: bytes) -> bool:
        """Whether a hash is on the list, lifted or not."""
        number = number_of(digest)
        return self._is_old(number) or number in self.recent

    def lifted_from(self, digest: bytes) -> datetime | None:
        """From when on the calls of this hash land again; None: they do not."""
        return self.lifted.get(number_of(digest))

    def _is_old(self, number: int) -> bool:
        place = bisect_left(self.hashes, number)
        return place < len(self.hashes) and self.hashes[place] == number

    def _mark(self, tags: Iterable[int]) -> None:
        bits = self.filter
        for tag in tags:
            place = tag & TAG_MASK
            bits[place >> 3] |= 1 << (place & 7)

    def _let_all_pass(self) -> None:
        self.filter[:] = b"\xff" * len(self.filter)


def number_of(digest: bytes) -> int:
    """The first bytes of a hash as a number."""
    return int.from_bytes(digest[:PREFIX_BYTES], "big")


def packed(kind: str, numbers: Iterable[int]) -> bytes:
    """Numbers as the warehouse writes them: the first byte counts most."""
    found = array(kind, numbers)
    found.byteswap()
    return found.tobytes()


def _numbers(kind: str, written: bytes) -> "array[int]":
    found = array(kind)
    found.frombytes(written)
    found.byteswap()
    return found
