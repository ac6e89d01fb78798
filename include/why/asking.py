"""One connection that a story is read through, and who is asking."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg

from include.warehouse.reading import one, rows, shortened

HIDDEN = "(hidden)"


@dataclass(frozen=True)
class Asker:
    """Reads for one question. Without `with_persons` the keys and names of people are hidden,
    except the one that was typed."""

    connection: psycopg.Connection
    identifier: str
    with_persons: bool
    # False before the first build: only what landed can be told
    is_built: bool = True

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """The query's rows as dictionaries."""
        return rows(self.connection, query, *values)

    def one(self, query: str, *values: Any) -> dict[str, Any] | None:
        """The query's first row, or None."""
        return one(self.connection, query, *values)

    def person(self, value: str | None) -> str:
        """A user id, e-mail or name as the asker may see it, in quotes."""
        if value is None:
            return "nothing"
        if not self.with_persons and value.casefold() != self.identifier.casefold():
            return HIDDEN
        return f"“{shortened(value, 120)}”"


def has_tables(connection: psycopg.Connection, *tables: str) -> bool:
    """True when every one of these tables is there."""
    found = one(
        connection,
        "select bool_and(to_regclass(name) is not null) as all from unnest(%s::text[]) as name",
        list(tables),
    )  # fmt: skip
    return bool(found and found["all"])


def when(moment: datetime | None) -> str:
    """`2026-03-02 12:00:05 UTC`."""
    if moment is None:
        return "an unknown time"
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def times(number: int, what: str) -> str:
    """`1 call`, `2,000 calls`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
