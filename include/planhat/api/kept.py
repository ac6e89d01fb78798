"""What a read has of Planhat so far, kept in the warehouse: an interrupted one goes on from it.

The read is in `raw_planhat.api_reads`, its pages in `raw_planhat.api_pages` until their model is
written.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict

import msgspec
import psycopg
from psycopg.types.json import Jsonb

from include.planhat.api.pages import Position, Row
from include.planhat.check import Found
from include.planhat.json_files import parsed
from include.planhat.models import Model
from include.warehouse.connection import connect

# A read that was interrupted longer ago begins anew: what it has seen has changed since.
GOES_ON_FOR = "1 hour"
# Objects that are not listed, and that Planhat has answered for in so long, are there.
BELIEVED_FOR = "30 days"


class Kept:
    """The read under way. Its connection commits each statement."""

    def __init__(self, url: str, connection: psycopg.Connection, tenant: str) -> None:
        """Goes on with the tenant's read, if there is one, else begins one."""
        self._url = url
        self._connection = connection
        row = connection.execute(
            "select api_read_id, done, started_at::text from raw_planhat.api_reads"
            " where tenant = %s and finished_at is null"
            " and started_at > clock_timestamp() - %s::interval"
            " order by api_read_id desc limit 1",
            [tenant, GOES_ON_FOR],
        ).fetchone()
        self.goes_on_since = row[2] if row else None
        if row is None:
            connection.execute("truncate raw_planhat.api_pages")
            row = connection.execute(
                "insert into raw_planhat.api_reads (tenant) values (%s)"
                " returning api_read_id, done",
                [tenant],
            ).fetchone()
        assert row is not None
        self._read_id: int = row[0]
        self.done = frozenset(row[1])

    def finish(self) -> None:
        """The read is whole."""
        self._connection.execute(
            "update raw_planhat.api_reads set finished_at = clock_timestamp()"
            " where api_read_id = %s",
            [self._read_id],
        )

    # Pages

    def position(self, model: Model, name: str) -> tuple[int, Position]:
        """How many pages of a pass are kept, and how far it is with them."""
        row = self._connection.execute(
            "select page, position from raw_planhat.api_pages"
            " where api_read_id = %s and model = %s and pass = %s order by page desc limit 1",
            [self._read_id, model.name, name],
        ).fetchone()
        return (row[0], Position(**row[1])) if row else (0, Position())

    def keep(
        self, model: Model, name: str, page: int, rows: Sequence[Row], position: Position
    ) -> None:
        """Keep a page, and with it how to go on."""
        content = b"[" + b",".join(row.raw for row in rows) + b"]" if rows else None
        ids = [row.id for row in rows if row.id is not None]
        self._connection.execute(
            "insert into raw_planhat.api_pages"
            " (api_read_id, model, pass, page, rows, ids, position)"
            " values (%s, %s, %s, %s, %s, %s, %s)"
            " on conflict (api_read_id, model, pass, page) do update set"
            " rows = excluded.rows, ids = excluded.ids, position = excluded.position",
            [self._read_id, model.name, name, page, content, ids, Jsonb(asdict(position))],
        )

    def doubt(self, model: Model) -> str | None:
        """Why a pass may have missed what it did not see; None when it cannot have."""
        row = self._connection.execute(
            "select position ->> 'doubt' from raw_planhat.api_pages"
            " where api_read_id = %s and model = %s and position ->> 'doubt' is not null limit 1",
            [self._read_id, model.name],
        ).fetchone()
        return row[0] if row else None

    def found(self, model: Model, origin: str) -> Iterator[Found]:
        """Everything found of a model, page by page, on a connection of its own."""
        place = 0
        with (
            connect(self._url, application_name="read planhat") as connection,
            connection.cursor("pages") as cursor,
        ):
            cursor.itersize = 1
            cursor.execute(
                "select rows from raw_planhat.api_pages"
                " where api_read_id = %s and model = %s and rows is not null"
                ' order by pass collate "C", page',
                [self._read_id, model.name],
            )
            for (content,) in cursor:
                for raw in msgspec.json.decode(content, type=list[msgspec.Raw]):
                    place += 1
                    yield parsed(origin, place, bytes(raw))

    def written(self, model: Model) -> None:
        """The model is in the warehouse: its pages can go."""
        with (
            connect(self._url, application_name="read planhat") as connection,
            connection.transaction(),
        ):
            connection.execute(
                "delete from raw_planhat.api_pages where api_read_id = %s and model = %s",
                [self._read_id, model.name],
            )
            connection.execute(
                "update raw_planhat.api_reads set done = done || %s where api_read_id = %s",
                [[model.name], self._read_id],
            )

    # What was not listed

    def listed(self, model: Model) -> str | None:
        """An object that the list had."""
        row = self._connection.execute(
            "select ids[1] from raw_planhat.api_pages"
            " where api_read_id = %s and model = %s and cardinality(ids) > 0 limit 1",
            [self._read_id, model.name],
        ).fetchone()
        return row[0] if row else None

    def not_listed(self, model: Model) -> tuple[list[str], frozenset[str]]:
        """The objects that no page has: those to ask for, longest unasked first; and those that
        Planhat has answered for not long ago.
        """
        rows = self._connection.execute(
            """
            -- `except` hashes both; of an anti-join with pages without statistics a planner
            -- makes a loop in a loop
            with missing as materialized (
                select planhat_id from raw_planhat.objects
                where model = %(model)s and deleted_at is null
                except
                select unnest(ids) from raw_planhat.api_pages
                where api_read_id = %(read_id)s and model = %(model)s
            )
            select
                missing.planhat_id,
                coalesce(
                    unlisted.seen_at > clock_timestamp() - %(believed_for)s::interval, false
                ) as is_believed
            from missing
            left join raw_planhat.unlisted
                on unlisted.model = %(model)s and unlisted.planhat_id = missing.planhat_id
            order by unlisted.seen_at nulls first, missing.planhat_id
            """,
            {"model": model.name, "read_id": self._read_id, "believed_for": BELIEVED_FOR},
        ).fetchall()
        believed = frozenset(identifier for identifier, is_believed in rows if is_believed)
        return [identifier for identifier, _ in rows], believed

    def believe(self, model: Model, there: Sequence[str], gone: Sequence[str]) -> None:
        """Keep what Planhat has answered for; what it has no more is forgotten."""
        self._connection.execute(
            "delete from raw_planhat.unlisted where model = %s and planhat_id = any(%s)",
            [model.name, list(gone)],
        )
        self._connection.execute(
            "insert into raw_planhat.unlisted (model, planhat_id) select %s, unnest(%s::text[])"
            " on conflict (model, planhat_id) do update set seen_at = excluded.seen_at",
            [model.name, list(there)],
        )

    def most_asked(self) -> int:
        """Of a model, so many are asked for at each read."""
        row = self._connection.execute(
            "select value::int from sync.thresholds where threshold = 'read_guard_confirmed'"
        ).fetchone()
        assert row is not None
        return row[0]

    def has_objects(self, model: Model) -> bool:
        """Whether the warehouse has objects of a model."""
        row = self._connection.execute(
            "select exists (select from raw_planhat.objects"
            " where model = %s and deleted_at is null)",
            [model.name],
        ).fetchone()
        return bool(row and row[0])
