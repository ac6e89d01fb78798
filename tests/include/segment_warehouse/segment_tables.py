"""A schema as Segment's warehouse destination fills it: tables and columns as calls need them."""

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg import sql

TABLES = {
    "identify": "identifies", "group": "groups", "page": "pages", "screen": "screens",
    "alias": "aliases", "track": "tracks",
}  # fmt: skip
# Segment discards a property with the name of a column of its own.
RESERVED = {"id", "event", "event_text", "user_id", "anonymous_id", "received_at", "sent_at"}
LOADED = datetime(2026, 3, 10, 18, tzinfo=UTC)


class SegmentTables:
    """Writes calls into `schema` in the layout of Segment's documentation."""

    def __init__(self, url: str, schema: str = "production"):
        self.url = url
        self.schema = schema
        self.execute(sql.SQL("create schema if not exists {}").format(sql.Identifier(schema)))

    def load(self, calls: Iterable[dict], *, loaded_at: datetime = LOADED, events: bool = True):
        """Rows of the calls, loaded at one time; without `events` only those of `tracks`."""
        for call in calls:
            common = common_columns(call, loaded_at)
            own = {name: value for name, value in own_columns(call).items() if name not in RESERVED}
            if call["type"] != "track":
                self.insert(TABLES[call["type"]], own | common)
                continue
            self.insert("tracks", common)
            if events:
                self.insert(slug(call["event"]), own | common)

    def insert(self, table: str, row: dict[str, Any], types: dict[str, str] | None = None) -> None:
        """One row; a table or column that is missing is made, as Segment does at a first value."""
        named = sql.Identifier(self.schema, table)
        kinds = {name: (types or {}).get(name) or column_type(name, row[name]) for name in row}
        with psycopg.connect(self.url) as connection:
            connection.execute(sql.SQL("create table if not exists {} ()").format(named))
            for name, kind in kinds.items():
                connection.execute(
                    sql.SQL("alter table {} add column if not exists {} {}").format(
                        named, sql.Identifier(name), sql.SQL(kind)
                    )
                )
            values = sql.SQL(", ").join(
                sql.SQL("{}::{}").format(sql.Literal(text(value)), sql.SQL(kinds[name]))
                for name, value in row.items()
            )
            columns = sql.SQL(", ").join(map(sql.Identifier, row))
            connection.execute(
                sql.SQL("insert into {} ({}) values ({})").format(named, columns, values)
            )

    def execute(self, statement: sql.Composable | str) -> None:
        with psycopg.connect(self.url) as connection:
            connection.execute(statement)


def common_columns(call: dict, loaded_at: datetime) -> dict[str, Any]:
    """The columns that every table has of a call."""
    row = {
        "id": call["messageId"],
        "user_id": call.get("userId"),
        "anonymous_id": call.get("anonymousId"),
        "timestamp": call.get("timestamp"),
        "original_timestamp": call.get("originalTimestamp"),
        "sent_at": call.get("sentAt"),
        "received_at": call.get("receivedAt"),
        "uuid_ts": loaded_at.isoformat(),
    }
    if call["type"] == "track":
        row |= {"event": slug(call["event"]), "event_text": call["event"]}
    if call["type"] == "group":
        row["group_id"] = call.get("groupId")
    if call["type"] == "alias":
        row["previous_id"] = call.get("previousId")
    return row | flat(call.get("context", {}), "context_")


def own_columns(call: dict) -> dict[str, Any]:
    return flat(call.get("traits", {}), "") | flat(call.get("properties", {}), "")


def flat(values: dict, prefix: str) -> dict[str, Any]:
    """Nested objects flattened, names in snake_case, arrays as texts, nothing for a null."""
    row: dict[str, Any] = {}
    for name, value in values.items():
        column = prefix + slug(name)
        if isinstance(value, dict):
            row |= flat(value, f"{column}_")
        elif value is not None:
            row[column] = json.dumps(value) if isinstance(value, list) else value
    return row


def slug(name: str) -> str:
    """`Report Viewed` and `companyId` as Segment's tables and columns are named."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"[^a-z0-9]+", "_", snake.lower()).strip("_")


def column_type(name: str, value: Any) -> str:
    if name in ("timestamp", "original_timestamp", "sent_at", "received_at", "uuid_ts"):
        return "timestamp"  # without a zone: UTC is meant
    kinds = {bool: "boolean", int: "bigint", float: "numeric", datetime: "timestamp"}
    return kinds.get(type(value), "text")


def text(value: Any) -> str | None:
    if value is None:
        return None
    return json.dumps(value) if isinstance(value, bool | dict | list) else str(value)
