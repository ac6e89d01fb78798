"""Migrations: numbered SQL files, applied once each, in order, forwards only.

Whoever connects first applies them; a second process waits for the first and finds them done.
"""

from collections.abc import Callable
from pathlib import Path

import psycopg

from include.errors import ServiceError
from include.warehouse.connection import connect

FOLDER = Path(__file__).parent / "migrations"


def migrate(url: str, *, say: Callable[[str], None] = lambda line: None) -> list[str]:
    """Bring the warehouse up to date; return the names of the files applied now.

    Each file runs in a transaction of its own together with its row in `sync.migrations`. Raises
    `ServiceError` when the database has a migration that this checkout does not know (an older
    checkout on a newer database), or when a file fails.
    """
    files = sorted(FOLDER.glob("[0-9]*.sql"))
    applied_now = []
    with connect(url, application_name="migrate", autocommit=True) as connection:
        connection.execute("set client_min_messages = warning")
        connection.execute("select pg_advisory_lock(hashtext('planhat-segment migrations'))")
        connection.execute("create schema if not exists sync")
        connection.execute(
            "create table if not exists sync.migrations ("
            "name text primary key, applied_at timestamptz not null default now())"
        )
        done = {name for (name,) in connection.execute("select name from sync.migrations")}
        if unknown := done - {file.name for file in files}:
            raise ServiceError(
                f"The warehouse is newer than this checkout (it has {max(unknown)}): "
                "update the checkout."
            )
        for file in files:
            if file.name in done:
                continue
            _apply(connection, file)
            say(f"migrated {file.stem}")
            applied_now.append(file.name)
    return applied_now


def _apply(connection: psycopg.Connection, file: Path) -> None:
    try:
        with connection.transaction():
            connection.execute(file.read_bytes())
            connection.execute("insert into sync.migrations (name) values (%s)", [file.name])
    except psycopg.Error as error:
        raise ServiceError(f"Migration {file.name} failed: {error}".strip()) from None
