"""What is to be written into the played Planhat of a measurement, and whether it holds that."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
from psycopg import sql

from include.bench.planhat_server import PEOPLE, held
from include.connections import PlanhatConnection
from include.planhat.api.client import METRIC_ROWS
from include.push.catalogue import read_catalogue
from include.warehouse.connection import connect

# Models in the order in which they are written, and what people call their objects.
NAMES = {"enduser": "endusers", "metric": "metrics", "activity": "activities"}


@dataclass(frozen=True)
class Amounts:
    """How many companies are there, each with its people; and how many are written of each."""

    companies: int
    enduser: int
    metric: int
    activity: int

    @property
    def total(self) -> int:
        """Objects that are written."""
        return self.enduser + self.metric + self.activity

    def of(self, model: str) -> int:
        """Objects of a model that are written."""
        return getattr(self, model)


def fill(url: str, amounts: Amounts) -> None:
    """Replace the tables of `to_planhat`, as their YAML describes them.

    New people of companies in no order, as ids are hashes; four metrics of each company, half of
    them sums; five events of each of the people that are there.
    """
    with connect(url, application_name="bench", autocommit=True) as connection:
        connection.execute("create schema if not exists to_planhat")
        for model in read_catalogue(kind="planhat").values():
            table = sql.Identifier(model.schema, model.name)
            columns = {"object_id": "text"}
            columns |= {each.name: each.data_type for each in model.columns}
            columns |= {"withheld": "text"} if model.withholds else {}
            listed = [
                sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(data_type))
                for name, data_type in columns.items()
            ]
            connection.execute(sql.SQL("drop table if exists {}").format(table))
            connection.execute(
                sql.SQL("create table {} ({})").format(table, sql.SQL(", ").join(listed))
            )
            connection.execute(
                _ROWS[model.name],
                {
                    "rows": amounts.of(model.name), "companies": amounts.companies,
                    "people": amounts.companies * PEOPLE,
                },
            )  # fmt: skip
            connection.execute(sql.SQL("analyze {}").format(table))
        # so many new people are held for a person otherwise
        connection.execute(
            "update sync.thresholds set value = %s where threshold = 'push_guard_added_endusers'",
            [amounts.enduser],
        )


def check(url: str, planhat: PlanhatConnection, models: Iterable[str] = tuple(NAMES)) -> None:
    """Raise `RuntimeError` unless Planhat holds what the tables do, and of it nothing twice."""
    read: dict[str, Callable[[PlanhatConnection], dict[str, Any]]] = {
        "enduser": _held_endusers, "metric": _held_metrics, "activity": _held_activities,
    }  # fmt: skip
    with connect(url, application_name="bench", autocommit=True) as connection:
        for model in models:
            meant = _meant(connection, model)
            there = read[model](planhat)
            right = sum(there.get(key) == value for key, value in meant.items())
            if right < len(meant) or len(there) > len(meant):
                raise RuntimeError(
                    f"{NAMES[model]}: of {len(meant):,} Planhat holds {right:,} as they were to "
                    f"be written, and {len(there) - right:,} others"
                )


def _meant(connection: psycopg.Connection, model: str) -> dict[Any, Any]:
    return dict(connection.execute(_MEANT[model]).fetchall())


def _held_endusers(planhat: PlanhatConnection) -> dict[str, str]:
    """By external id, the rest in a line: of the new ones."""
    fields = ("companyId", "email", "firstName", "lastName", "position", "phone")
    found: dict[str, str] = {}
    for each in held(planhat, "endusers"):
        if each["externalId"].startswith("new-"):
            line = " ".join(str(each.get(name)) for name in fields)
            found[each["externalId"]] = line if each["externalId"] not in found else "twice"
    return found


def _held_metrics(planhat: PlanhatConnection) -> dict[str, float]:
    found: dict[str, float] = {}
    offset = 0
    with httpx.Client(base_url=planhat.host, auth=(planhat.token, ""), timeout=60) as client:
        while page := client.get(
            "/dimensiondata", params={"limit": METRIC_ROWS, "offset": offset}
        ).json():
            offset += len(page)
            found |= {
                f"{each['dimensionId']} {each['parentId']} {each['day']}": each["value"]
                for each in page
            }
    return found


def _held_activities(planhat: PlanhatConnection) -> dict[str, int]:
    """How many each enduser has."""
    return {each["_id"]: each["beats"] for each in held(planhat, "endusers") if each.get("beats")}


_ROWS = {
    "enduser": """
        insert into to_planhat.enduser (
            object_id, company_id, company_external_id, external_id, email,
            first_name, last_name, position, phone
        )
        select
            md5('enduser ' || n), lpad(to_hex(company), 24, '0'), 'ext-' || company, 'new-' || n,
            'new-' || n || '@example.com', 'Ina', 'Number ' || n, 'CFO', '+46 8 ' || n
        from generate_series(1, %(rows)s) as n
        cross join lateral (select 1 + n %% %(companies)s as company) as companies
    """,
    "metric": """
        insert into to_planhat.metric (
            object_id, planhat_model, planhat_id, external_id, dimension, metric_date, value,
            aggregation
        )
        select
            md5('metric ' || n), 'Company', lpad(to_hex(company), 24, '0'), 'ext-' || company,
            'measure_' || turn %% 4, date '2026-03-01' + turn / 4, n * 0.25,
            case when turn %% 2 = 0 then 'SUM' else 'LAST' end
        from generate_series(0, %(rows)s - 1) as n
        cross join lateral (
            select 1 + n %% %(companies)s as company, n / %(companies)s as turn
        ) as turns
    """,
    "activity": """
        insert into to_planhat.activity (
            object_id, enduser_id, external_id, email, company_id, company_external_id,
            activity_date, event, count, weight
        )
        select
            md5('activity ' || n), lpad(to_hex(person), 24, '0'), 'user-' || person,
            'user-' || person || '@example.com', lpad(to_hex(company), 24, '0'),
            'ext-' || company, date '2026-03-01' + turn / 5, 'Event ' || turn %% 5, 1 + n %% 9, 1
        from generate_series(0, %(rows)s - 1) as n
        cross join lateral (
            select %(companies)s + 1 + n %% %(people)s as person, n / %(people)s as turn
        ) as turns
        cross join lateral (select 1 + person %% %(companies)s as company) as companies
    """,
}

_MEANT = {
    "enduser": """
        select
            external_id,
            concat_ws(' ', company_id, email, first_name, last_name, position, phone)
        from to_planhat.enduser
    """,
    "metric": """
        select
            concat_ws(' ', dimension, planhat_id, metric_date - date '1970-01-01'), value::float8
        from to_planhat.metric
    """,
    "activity": "select enduser_id, sum(count)::int from to_planhat.activity group by enduser_id",
}
