"""A small world to push: outbound tables and their YAML, written by hand in a few lines."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import yaml
from psycopg import sql
from psycopg.types.json import Jsonb

from include.push.push import push
from include.push.report import ModelReport, Report
from include.push.sending import DeliveryOptions, Patience
from include.settings import SegmentConnection, Settings

KEYS = {
    "object_id": "text",
    "planhat_id": "text",
    "external_id": "text",
    "company_id": "text",
    "company_external_id": "text",
}

COMPANY = {
    "call": "group",
    "removed_event": "Company Removed",
    "columns": {
        "name": "text",
        "mrr": "numeric",
        "seats": "integer",
        "is_live": "boolean",
        "customer_from_date": "date",
        "last_touch_at": "timestamptz",
        "tags": "jsonb",
        "custom": "jsonb",
    },
}
ENDUSER = {
    "call": "identify",
    "removed_event": "Enduser Removed",
    "columns": {"email": "text", "name": "text"},
}
LICENSE = {
    "call": "track",
    "event": "License Updated",
    "removed_event": "License Removed",
    "columns": {"value": "numeric", "to_date": "date"},
}

# Fast enough for a test, and still every kind of wait.
QUICK = DeliveryOptions(
    connections=3,
    rate=None,
    patience=Patience(attempts=4, first_wait=0.01, longest_wait=0.05, asked_wait=5, timeout=2),
)


@dataclass
class World:
    """Outbound tables in a warehouse, and what describes them in a folder."""

    url: str
    folder: Path
    settings: Settings
    columns: dict[str, dict[str, str]] = field(default_factory=dict)

    def model(self, name: str, described: dict) -> None:
        """Create `planhat.<name>` and its YAML."""
        columns = {**KEYS, **described["columns"]}
        meta = {key: value for key, value in described.items() if key != "columns"}
        entry = {
            "name": name,
            "config": {"contract": {"enforced": True}, "meta": {"segment": meta}},
            "columns": [{"name": key, "data_type": kind} for key, kind in columns.items()],
        }
        (self.folder / f"{name}.yml").write_text(yaml.safe_dump({"version": 2, "models": [entry]}))
        self.create(name, columns)

    def create_from_yaml(self, name: str) -> None:
        """Create the table that a YAML in the folder describes."""
        (described,) = yaml.safe_load((self.folder / f"{name}.yml").read_text())["models"]
        self.create(name, {each["name"]: each["data_type"] for each in described["columns"]})

    def create(self, name: str, columns: dict[str, str]) -> None:
        """Create `planhat.<name>`."""
        self.columns[name] = columns
        listed = sql.SQL(", ").join(
            [
                sql.SQL("{} {}").format(sql.Identifier(key), sql.SQL(kind))
                for key, kind in columns.items()
            ]
        )
        self.run(sql.SQL("create schema if not exists planhat"))
        self.run(sql.SQL("create table {} ({})").format(sql.Identifier("planhat", name), listed))

    def put(self, model: str, object_id: str | None, **values: Any) -> None:
        """Replace one row; columns that are not named are null, but for the external id."""
        if "external_id" not in values:  # another one would be another group in Segment
            query = sql.SQL("select external_id from {} where object_id = %s")
            before = self.run(query.format(sql.Identifier("planhat", model)), [object_id])
            values["external_id"] = before[0][0] if before else None
        self.drop(model, object_id)
        self.add(model, object_id, **values)

    def add(self, model: str, object_id: str | None, **values: Any) -> None:
        """Insert one row, also beside one of the same key."""
        row = {"object_id": object_id, "planhat_id": object_id, **values}
        row = {
            key: Jsonb(value) if self.columns[model][key] == "jsonb" else value
            for key, value in row.items()
        }
        self.run(
            sql.SQL("insert into {} ({}) values ({})").format(
                sql.Identifier("planhat", model),
                sql.SQL(", ").join(map(sql.Identifier, row)),
                sql.SQL(", ").join([sql.Placeholder()] * len(row)),
            ),
            list(row.values()),
        )

    def drop(self, model: str, object_id: str | None) -> None:
        """Delete a row, if it is there."""
        self.run(
            sql.SQL("delete from {} where object_id = %s").format(sql.Identifier("planhat", model)),
            [object_id],
        )

    def fill(self, model: str, count: int, *, name: str = "Company") -> None:
        """Companies c000001 … with a name each."""
        self.run(
            sql.SQL(
                """
                insert into {} (object_id, planhat_id, external_id, name)
                select id, id, 'x' || id, {} || ' ' || id
                from generate_series(1, {}) as n
                cross join lateral (select 'c' || lpad(n::text, 6, '0') as id) as id
                """
            ).format(sql.Identifier("planhat", model), name, count)
        )

    def run(self, query: Any, values: Any = None) -> list[tuple]:
        """Execute one statement; its rows, if it has any."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(query, values)
            return cursor.fetchall() if cursor.description else []

    def push(self, segment: SegmentConnection, **options: Any) -> Report:
        """A whole push; every test's report must have its books in order."""
        given = {"requested_by": "a test", "say": lambda line: None, "options": QUICK, **options}
        return push(self.url, segment, self.settings, folder=self.folder, **given)

    def ledger(self, object_id: str) -> dict[str, Any]:
        """The ledger's row of one object."""
        with psycopg.connect(self.url) as connection:
            cursor = connection.execute(
                "select * from sync.objects where object_id = %s", [object_id]
            )
            names = [column.name for column in cursor.description or ()]
            return dict(zip(names, cursor.fetchone() or (), strict=False))

    def errors(self) -> list[tuple]:
        """(model, object_id, code, attempts, is resolved) of every error row."""
        return self.run(
            """
            select model, object_id, code, attempts, resolved_at is not null
            from sync.run_errors order by run_error_id
            """
        )


def of(report: Report, model: str) -> ModelReport:
    """One model's counts."""
    return next(each for each in report.models if each.model == model)
