"""A played Planhat, and hand-written tables of what is ours beside it."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import psycopg
import yaml
from psycopg import sql
from psycopg.types.json import Jsonb

from include.compare import Comparison, Days, compare
from include.connections import PlanhatConnection
from include.planhat.api.client import ClientOptions
from include.played_planhat.app import PlayedPlanhat
from include.played_planhat.documents import Document
from include.settings import ROOT

QUICK = ClientOptions(
    calls_per_second=None, timeout=2, attempts=3, throttled_wait=0.01,
    longest_throttled_wait=0.02, failed_wait=0.002, longest_failed_wait=0.01,
)  # fmt: skip
DAYS = Days(date(2026, 3, 2), date(2026, 3, 15))
EPOCH = date(1970, 1, 1)

# What a comparison reads of the warehouse, as far as it does; `test_the_tables_are_the_models`.
TABLES = {
    "marts.companies": "company_id text, external_id text",
    "marts.endusers": "enduser_id text, company_id text, external_id text, email text,"
    " origin text, first_seen_at timestamptz",
    "marts.usage_daily": "object_type text, object_id text, activity_date date",
    "marts.unresolved_daily": "reason text, type text, user_id text, email text, company_key text,"
    " company_id text, day date, events bigint",
    "marts.metric_rejections": "event_at timestamptz, company_id text, metric text",
    "intermediate.int_identity__keyset_endusers": "enduser_id text, user_id text",
    "intermediate.int_usage__object_enduser_days": "object_type text, object_id text,"
    " enduser_id text, activity_date date",
}
_EMPTIED = (*TABLES, "to_planhat.enduser", "to_planhat.metric", "raw_planhat.objects",
            "sync.company_metrics", "sync.planhat_measures", "sync.comparisons")  # fmt: skip


def make_tables(url: str) -> None:
    """The tables above, and those of `to_planhat` as their YAML describes them."""
    with psycopg.connect(url, autocommit=True) as connection:
        for schema in ("marts", "intermediate", "to_planhat"):
            connection.execute(f"create schema if not exists {schema}".encode())
        for table, columns in TABLES.items():
            connection.execute(f"create table {table} ({columns})".encode())
        for file in sorted((ROOT / "dbt_project/models/to_planhat").glob("to_planhat__*.yml")):
            (described,) = yaml.safe_load(file.read_text())["models"]
            columns = ", ".join(
                f"{each['name']} {each['data_type']}" for each in described["columns"]
            )
            name = described["config"]["alias"]
            connection.execute(f"create table to_planhat.{name} ({columns})".encode())


class World:
    """What Planhat has, and what the warehouse has."""

    def __init__(
        self, warehouse: psycopg.Connection, url: str, played: PlayedPlanhat, address: str
    ) -> None:
        self.url = url
        self._warehouse = warehouse
        self.played = played
        self.connection = PlanhatConnection(address, played.token, None, address)
        self.said: list[str] = []
        self.run(b"truncate " + ", ".join(_EMPTIED).encode())
        self._count = 0
        self.acme, self.other = self.company("acme"), self.company("other")

    # Planhat

    def document(self, path: str, *, model: str | None = None, **fields: Any) -> Document:
        """A document in Planhat, which was read where `model` is said."""
        stored = {"_id": self.played.documents.new_id(), "custom": {}, **fields}
        self.played.documents.of[path].put(stored)
        if model:
            self.run(
                "insert into raw_planhat.objects (model, planhat_id, payload) values (%s, %s, %s)",
                [model, stored["_id"], Jsonb(stored)],
            )
        return stored

    def company(self, external_id: str) -> str:
        """A company in Planhat, known here; its _id."""
        made = self.document("companies", model="company", name=external_id, externalId=external_id)
        self.put("marts.companies", company_id=made["_id"], external_id=external_id)
        return made["_id"]

    def person(
        self, made: str | None = "2026-03-05", active: str | None = None, **fields: Any
    ) -> Document:
        """An enduser in Planhat: made on a day, last active on one."""
        self._count += 1
        given = {
            "companyId": self.acme, "email": f"p{self._count}@acme.test",
            "externalId": f"p{self._count}", "createdAt": made and f"{made}T09:00:00.000Z",
            "lastActive": active and f"{active}T10:00:00.000Z",
        }  # fmt: skip
        return self.document("endusers", **{**given, **fields})

    def has(
        self, value: Any, day: str = "2026-03-05", *, owner: str | None = None,
        dimension: str = "seats", copy: str = "", row: dict[str, Any] | None = None,
    ) -> None:  # fmt: skip
        """Planhat has a value of a metric."""
        owner, number = owner or self.acme, (date.fromisoformat(day) - EPOCH).days
        self.played.sinks.metrics[dimension, owner + copy, number] = {
            "_id": self.played.documents.new_id(), "dimensionId": dimension, "value": value,
            "day": number, "time": f"{day}T00:00:00.000Z", "parentId": owner,
            "companyId": owner, **(row or {}),
        }  # fmt: skip

    # the warehouse

    def run(self, query: Any, values: Any = None) -> list[tuple]:
        """Execute one statement; its rows, if it has any."""
        cursor = self._warehouse.execute(query, values)
        return cursor.fetchall() if cursor.description else []

    def put(self, table: str, **row: Any) -> None:
        """Insert one row; columns that are not named are null."""
        self.run(
            sql.SQL("insert into {} ({}) values ({})").format(
                sql.Identifier(*table.split(".")),
                sql.SQL(", ").join(map(sql.Identifier, row)),
                sql.SQL(", ").join([sql.Placeholder()] * len(row)),
            ),
            list(row.values()),
        )

    def created(self, name: str, day: str = "2026-03-05", **fields: Any) -> str:
        """Somebody whom a call has created, first on a day; the id."""
        given = {
            "company_id": self.acme, "external_id": name, "email": f"{name}@acme.test", **fields,
        }  # fmt: skip
        self.put("to_planhat.enduser", object_id=f"s-{name}", **given)
        self._seen(f"s-{name}", "segment", day, given)
        return f"s-{name}"

    def named(self, person: Mapping[str, Any], day: str = "2026-03-05", **fields: Any) -> str:
        """An enduser of Planhat's whom calls name; the id."""
        given = {
            "company_id": person["companyId"], "external_id": person.get("externalId"),
            "email": person["email"], **fields,
        }  # fmt: skip
        self._seen(person["_id"], "planhat", day, given)
        return person["_id"]

    def _seen(self, enduser: str, origin: str, day: str, fields: dict[str, Any]) -> None:
        kept = {name: fields[name] for name in ("company_id", "external_id", "email")}
        self.put(
            "marts.endusers", enduser_id=enduser, origin=origin,
            first_seen_at=f"{day} 12:00:00+00", **kept,
        )  # fmt: skip

    def value(
        self, value: float, day: str = "2026-03-05", *, owner: str | None = None,
        dimension: str = "seats", **fields: Any,
    ) -> None:  # fmt: skip
        """A value of ours."""
        self._count += 1
        self.put(
            "to_planhat.metric",
            **{
                "object_id": f"m{self._count}", "planhat_model": "Company",
                "planhat_id": owner or self.acme, "external_id": "acme", "dimension": dimension,
                "metric_date": day, "value": value, "aggregation": "LAST", **fields,
            },
        )  # fmt: skip

    def declare(self, metric: str, aggregation: str = "LAST") -> None:
        """A declared metric of companies."""
        self.put("sync.company_metrics", metric=metric, aggregation=aggregation)

    def used(self, enduser: str, *days: str, counts: bool = True) -> None:
        """Calls of somebody on these days."""
        for day in days:
            self.put(
                "intermediate.int_usage__object_enduser_days", object_type="company",
                object_id=self.acme, enduser_id=enduser, activity_date=day,
            )  # fmt: skip
            if counts:
                self.put(
                    "marts.usage_daily", object_type="enduser", object_id=enduser, activity_date=day
                )

    def unresolved(self, reason: str, day: str = "2026-03-05", **row: Any) -> None:
        """Calls that found nobody."""
        self.put(
            "marts.unresolved_daily",
            **{"reason": reason, "type": "track", "day": day, "events": 1, **row},
        )

    # comparing

    def compare(self, *sections: str, **options: Any) -> Comparison:
        """Compare; what was said is in `said`."""
        self.said.clear()
        given = {"requested_by": "a test", "say": self.said.append, "options": QUICK, **options}
        if sections:
            given["sections"] = sections
        return compare(self.url, self.connection, given.pop("days", DAYS), **given)

    def outcomes(self, section: str, **options: Any) -> dict[str, int]:
        """`outcome` or `outcome reason` → how many, of one section."""
        (found,) = self.compare(section, **options).sections
        said = {f"{each.outcome} {each.code}": each.count for each in found.reasons}
        return ({"equal": found.equal} if found.equal else {}) | said

    def rows_of_all(self) -> dict[str, int]:
        """A hash of what every table holds, but for the clock of calls."""
        tables = self.run(
            "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname not in"
            " ('pg_catalog', 'information_schema') and schemaname not like 'pg_temp%'"
            " and tablename <> 'pace' order by 1"
        )
        return {
            table: self.run(
                "select coalesce(sum(hashtextextended(each::text, 0)), 0)"
                f" from {table} as each".encode()
            )[0][0]
            for (table,) in tables
        }
