"""Reading the warehouse for a person: never writing, never for long, never a traceback."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import psycopg
from psycopg import errors
from psycopg.rows import dict_row

from include.errors import ServiceError
from include.warehouse.connection import connect

# A page that waits longer than this for one query is better told so.
STATEMENT_TIMEOUT_MS = 5_000

NOT_MIGRATED = (
    "The warehouse has no tables yet. Start the services with `make up`; they create the tables."
)
NOT_BUILT = (
    "Nothing has been built yet. Run `make build`, or trigger the DAG build_usage, "
    "and this fills itself."
)
TOO_SLOW = (
    "The warehouse took longer than 5 seconds to answer, so this was given up. Try again; "
    "if it stays so, look whether a build or a full rebuild is running."
)


@contextmanager
def read_only(url: str) -> Iterator[psycopg.Connection]:
    """A connection that cannot write and gives up a statement after five seconds.

    Raises `ServiceError`, in one line, when Postgres does not answer.
    """
    with connect(
        url,
        application_name="operators page",
        autocommit=True,
        row_factory=dict_row,
        options=(
            f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c default_transaction_read_only=on "
            "-c timezone=UTC"
        ),
    ) as connection:
        yield connection


def part(
    url: str,
    read: Callable[[psycopg.Connection], dict[str, Any]],
    *,
    when_missing: str = NOT_BUILT,
) -> dict[str, Any]:
    """What `read` returns, or `{"problem": words}` when the warehouse cannot say it now.

    One part of the page failing never takes the others with it. `when_missing` are the words for
    tables that are not there yet.
    """
    try:
        with read_only(url) as connection:
            return plain(read(connection))
    except ServiceError as problem:
        return {"problem": str(problem)}
    except (errors.UndefinedTable, errors.InvalidSchemaName):
        return {"problem": when_missing}
    except errors.QueryCanceled:
        return {"problem": TOO_SLOW}
    except errors.UndefinedColumn as error:
        return {
            "problem": "The tables are older than the page. Run `make up` and `make build FULL=1` "
            f"({error.diag.message_primary})."
        }
    except psycopg.Error as error:
        detail = error.diag.message_primary or type(error).__name__
        return {"problem": f"The warehouse answered with an error: {detail}."}


def rows(connection: psycopg.Connection, query: str, *values: Any) -> list[dict[str, Any]]:
    """The query's rows as dictionaries. `query` is a constant of ours, never a caller's text.

    `values` are its parameters in order, or one dictionary of them by name.
    """
    given = values[0] if len(values) == 1 and isinstance(values[0], dict) else values
    return connection.execute(query.encode(), given).fetchall()  # type: ignore[return-value]


def one(connection: psycopg.Connection, query: str, *values: Any) -> dict[str, Any] | None:
    """The query's first row, or None."""
    found = rows(connection, query, *values)
    return found[0] if found else None


def plain(value: Any) -> Any:
    """`value` as JSON can carry it: times in ISO 8601 with their zone, decimals as numbers."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, float | int | str | bool) or value is None:
        return value
    return str(value)


def shortened(text: str | None, length: int = 300) -> str | None:
    """Text cut to `length` characters, saying how many are left out: a name may have 10,000."""
    if text is None or len(text) <= length:
        return text
    return f"{text[:length]}… ({len(text) - length:,} more characters)"
