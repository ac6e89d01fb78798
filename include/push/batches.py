"""A part of a plan cut into batches: by bytes, and by number."""

from collections.abc import Iterable, Iterator
from typing import Protocol

import psycopg

from include.push.ledger import Range

# Sizes read from the plan at a time.
PAGE = 20_000


class Limits(Protocol):
    """Of a batch; `around`: bytes around each object that the plan does not count."""

    @property
    def batch_bytes(self) -> int:
        """At most so many, unless one object alone has more."""

    @property
    def batch_objects(self) -> int:
        """At most so many."""

    @property
    def around(self) -> int:
        """Bytes more for each object."""


def cut(sizes: Iterable[tuple[int, int]], limits: Limits) -> Iterator[tuple[int, int]]:
    """First and last position of each batch. `sizes`: position and bytes of each object."""
    first = last = count = total = 0
    for position, varying in sizes:
        size = varying + limits.around
        if count and (total + size > limits.batch_bytes or count == limits.batch_objects):
            yield first, last
            count = total = 0
        first = first if count else position
        last = position
        count += 1
        total += size
    if count:
        yield first, last


def read_sizes(connection: psycopg.Connection, part: Range) -> list[tuple[int, int]]:
    """Position and bytes of the first `PAGE` objects of a part."""
    return connection.execute(
        """
        select position, bytes
        from sync.planned
        where
            run_id = %(run_id)s and model = %(model)s
            and position between %(first)s and %(last)s
        order by position
        limit %(page)s
        """,
        {**part.parameters, "page": PAGE},
    ).fetchall()
