"""A database connection that outlives a restart of Postgres."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

import psycopg

from include.errors import ServiceError
from include.warehouse.connection import connect

# How long a lost database is waited for, in seconds.
DATABASE_PATIENCE = 60.0

Result = TypeVar("Result")


class Session:
    """A database connection of one sender that is made again when Postgres was restarted.

    What runs in it must be safe to repeat: a transaction may have been committed although its
    connection was lost before it said so.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: psycopg.Connection | None = None

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the next `run` makes another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def run(self, work: Callable[[psycopg.Connection], Result]) -> Result:
        """Do `work`, again on a new connection when this one was lost, for up to a minute.

        Raises `ServiceError` when Postgres does not come back.
        """
        deadline = time.monotonic() + DATABASE_PATIENCE
        while True:
            try:
                if self._connection is None:
                    self._connection = connect(self._url, application_name="push", autocommit=True)
                return work(self._connection)
            except (psycopg.OperationalError, psycopg.InterfaceError, ServiceError) as error:
                self.close()
                if time.monotonic() > deadline:
                    if isinstance(error, ServiceError):
                        raise
                    reason = str(error).strip().splitlines()[0]
                    raise ServiceError(f"Postgres was lost while sending: {reason}") from None
                time.sleep(0.5)
