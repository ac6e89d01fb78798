"""The schemas of a try: views of the truth at first, and what is made there takes their place.

Each try draws a name of its own, so that two people try at once. It holds a lock of that name for
as long as it lives: schemas whose lock is free are what a killed one left.
"""

import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from include.rules import SCHEMAS

BEGINS = "try_"
_LOCK = "hashtext('planhat-segment try ' || %s)"


@dataclass(frozen=True)
class Environment:
    """One try's schemas: `prefix` stands before the names of the truth's."""

    name: str

    @property
    def prefix(self) -> str:
        """Before the name of each of its schemas."""
        return f"{BEGINS}{self.name}_"

    @property
    def sync(self) -> str:
        """The schema of its settings and marks."""
        return f"{self.prefix}sync"

    @property
    def schemas(self) -> list[str]:
        """All of them."""
        return [self.prefix + schema for schema in (*SCHEMAS, "sync")]


@dataclass(frozen=True)
class Beside:
    """The build whose tables are the truth: its number, and the snapshot that it saw."""

    build_id: int
    window: str


@contextmanager
def environment(holder: psycopg.Connection) -> Iterator[Environment]:
    """Schemas of a new name, which are gone in the end."""
    made = Environment(secrets.token_hex(3))
    holder.execute(f"select pg_advisory_lock({_LOCK})", [made.name])
    try:
        for schema in made.schemas:
            holder.execute(sql.SQL("create schema {}").format(sql.Identifier(schema)))
        yield made
    finally:
        if not holder.closed:  # else the next try drops them
            _drop(holder, made.name)
            holder.execute(f"select pg_advisory_unlock({_LOCK})", [made.name])


def clean(holder: psycopg.Connection) -> list[str]:
    """Drop what tries left that were killed; their names. Those that run are left alone."""
    names = [
        name
        for (name,) in holder.execute(
            r"select distinct substring(nspname from '^try_([0-9a-f]{6})_') from pg_namespace"
            r" where nspname ~ '^try_[0-9a-f]{6}_'"
        )
    ]
    cleaned = []
    for name in names:
        if holder.execute(f"select pg_try_advisory_lock({_LOCK})", [name]).fetchone()[0]:  # type: ignore[index]
            try:
                _drop(holder, name)
                cleaned.append(name)
            finally:
                holder.execute(f"select pg_advisory_unlock({_LOCK})", [name])
    return cleaned


def _drop(holder: psycopg.Connection, name: str) -> None:
    # one at a time: all at once would need more locks than a server may have
    for schema in Environment(name).schemas:
        holder.execute(sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(schema)))


def furnish(
    holder: psycopg.Connection,
    made: Environment,
    beside: Beside,
    *,
    relations: Iterable[str],
    settings: Iterable[str],
    changed_settings: Mapping[str, list[dict[str, Any]]],
) -> None:
    """Views of the truth's `relations` (`marts.companies`), and of settings but for those that are
    tried, of which it gets these rows; a copy of the marks, as the build left them.
    """
    there = {
        name
        for (name,) in holder.execute(
            "select nspname || '.' || relname from pg_class inner join pg_namespace"
            " on relnamespace = pg_namespace.oid where relkind in ('r', 'v', 'm', 'p')"
        )
    }
    with holder.transaction():
        for relation in relations:
            schema, name = relation.split(".")
            if relation not in there:
                continue
            _view(holder, made, schema, name)
            if f"{relation}__journal" in there:
                _empty_journal(holder, made, schema, name)
        for name in settings:
            if name in changed_settings:
                _copy(holder, made, name, changed_settings[name])
            else:
                _view(holder, made, "sync", name)
        _marks(holder, made, beside)


def _view(holder: psycopg.Connection, made: Environment, schema: str, name: str) -> None:
    holder.execute(
        sql.SQL("create view {} as select * from {}").format(
            sql.Identifier(made.prefix + schema, name), sql.Identifier(schema, name)
        )
    )


def _empty_journal(holder: psycopg.Connection, made: Environment, schema: str, name: str) -> None:
    holder.execute(
        sql.SQL(
            "create view {} as select 0::bigint as journal_build, 0::smallint as journal_sign, *"
            " from {} where false"
        ).format(
            sql.Identifier(made.prefix + schema, f"{name}__journal"), sql.Identifier(schema, name)
        )
    )


def _copy(
    holder: psycopg.Connection, made: Environment, name: str, rows: list[dict[str, Any]]
) -> None:
    here, truth = sql.Identifier(made.sync, name), sql.Identifier("sync", name)
    holder.execute(sql.SQL("create table {} (like {})").format(here, truth))
    holder.execute(
        sql.SQL("insert into {} select * from jsonb_populate_recordset(null::{}, %s)").format(
            here, truth
        ),
        [Jsonb(rows)],
    )


def _marks(holder: psycopg.Connection, made: Environment, beside: Beside) -> None:
    marks = sql.Identifier(made.sync, "model_marks")
    holder.execute(sql.SQL("create table {} (like sync.model_marks including all)").format(marks))
    holder.execute(sql.SQL("insert into {} select * from sync.model_marks").format(marks))
    holder.execute(
        sql.SQL("update {} set build_id = %s, window_to = %s, made_anew_in = 0").format(marks),
        [beside.build_id, beside.window],
    )
    holder.execute(
        sql.SQL(
            "create table {} (model text primary key, relation text not null, mode text not null,"
            " differs boolean not null, came bigint, went bigint)"
        ).format(sql.Identifier(made.sync, "tried"))
    )
