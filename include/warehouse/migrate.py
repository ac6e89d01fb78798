"""Migrations: numbered SQL files, applied once each, in order, forwards only.

Whoever connects first applies them; a second process waits for the first and finds them done.
"""

import re
from collections.abc import Callable
from pathlib import Path

import psycopg
from psycopg.rows import scalar_row

from include.errors import ServiceError
from include.settings import Settings
from include.warehouse.connection import connect, warehouse_url
from include.warehouse.fitness import check_fit
from include.warehouse.problems import MIGRATE, line

FOLDER = Path(__file__).parent / "migrations"


def migrate(url: str, *, say: Callable[[str], None] = lambda line: None) -> list[str]:
    """Bring the warehouse up to date; return the names of the files applied now.

    Each file runs in a transaction of its own together with its row in `sync.migrations`. Raises
    `ServiceError` when the server cannot be worked on, when the database has a migration that this
    checkout does not know (an older checkout on a newer database), or when a file fails.
    """
    check_fit(url)
    applied_now = []
    with connect(url, application_name="migrate", autocommit=True) as connection:
        connection.execute("set client_min_messages = warning")
        connection.execute("select pg_advisory_lock(hashtext('planhat-segment migrations'))")
        _begin(connection)
        for name in _waiting(connection):
            _apply(connection, FOLDER / name)
            say(f"migrated {name.removesuffix('.sql')}")
            applied_now.append(name)
    return applied_now


def migrated_warehouse(settings: Settings) -> str:
    """The URL of the settings' warehouse; raises as `warehouse_url` and `check_migrated` do."""
    url = warehouse_url(settings)
    check_migrated(url)
    return url


def check_migrated(url: str) -> None:
    """Raise `ServiceError`, in one line, unless the server is fit and every migration applied."""
    check_fit(url)
    with connect(url, application_name="migrations", autocommit=True) as connection:
        names = _waiting(connection)
    if names:
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        raise ServiceError(
            f"The warehouse lacks the migration {names[0].removesuffix('.sql')}{more}: {MIGRATE}."
        )


def _waiting(connection: psycopg.Connection) -> list[str]:
    """The names of the files that this warehouse lacks, in their order."""
    files = sorted(file.name for file in FOLDER.glob("[0-9]*.sql"))
    done: set[str] = set()
    with connection.cursor(row_factory=scalar_row) as cursor:
        if cursor.execute("select to_regclass('sync.migrations')").fetchone():
            done.update(cursor.execute("select name from sync.migrations"))
    if unknown := done - set(files):
        raise ServiceError(
            f"The warehouse is newer than this checkout (it has {max(unknown)}): "
            "update the checkout."
        )
    return [name for name in files if name not in done]


def _begin(connection: psycopg.Connection) -> None:
    """Make the table that says what was applied. A schema that is there needs no right to make."""
    if not _is_there(connection, "sync"):
        connection.execute("create schema sync")
    connection.execute(
        "create table if not exists sync.migrations ("
        "name text primary key, applied_at timestamptz not null default now())"
    )


def _apply(connection: psycopg.Connection, file: Path) -> None:
    try:
        with connection.transaction():
            connection.execute(_for(connection, file.read_text()).encode())
            connection.execute("insert into sync.migrations (name) values (%s)", [file.name])
    except psycopg.Error as error:
        said = line(error) or str(error).strip()
        raise ServiceError(f"Migration {file.stem} failed: {said}") from None


def _for(connection: psycopg.Connection, statements: str) -> str:
    """The file's statements without `create schema` for those that were made for us beforehand."""
    return re.sub(
        r"^create schema (\w+);$",
        lambda found: "" if _is_there(connection, found[1]) else found[0],
        statements,
        flags=re.MULTILINE,
    )


def _is_there(connection: psycopg.Connection, schema: str) -> bool:
    with connection.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute("select to_regnamespace(%s) is not null", [schema]).fetchone()  # type: ignore[return-value]
