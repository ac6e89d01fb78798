"""Tables of `to_planhat`, written by hand, and a played Planhat that gets what is in them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import yaml
from psycopg import sql

from include.connections import PlanhatConnection
from include.planhat.api.client import ClientOptions
from include.played_planhat.app import PlayedPlanhat
from include.played_planhat.documents import Document
from include.push.catalogue import FOLDERS, read_catalogue
from include.push.push import push
from include.push.report import ModelReport, Report
from include.push.sending import DeliveryOptions
from include.settings import Settings

# As patient as the default, a thousand times faster.
QUICK = DeliveryOptions(
    client=ClientOptions(
        calls_per_second=None, timeout=2, attempts=4, throttled_wait=0.015,
        longest_throttled_wait=0.12, failed_wait=0.002, longest_failed_wait=0.1,
    )
)  # fmt: skip
DAY = "2026-03-01"


def ident(number: int) -> str:
    """An id of Planhat's."""
    return f"{number:024x}"


class World:
    """`to_planhat.*` in a warehouse, and a tenant with some companies."""

    def __init__(self, url: str, settings: Settings, played: PlayedPlanhat, address: str) -> None:
        self.url = url
        self.settings = settings
        self.played = played
        self.to = PlanhatConnection(address, played.token, played.tenant_token, address)
        self.said: list[str] = []
        create_tables(url)
        self.companies = [self.company(f"acme-{number}") for number in range(3)]

    # Planhat

    def company(self, external_id: str) -> str:
        """A company in Planhat; its _id."""
        return self.document("companies", name=external_id, externalId=external_id)["_id"]

    def document(self, path: str, **fields: Any) -> Document:
        """A document in Planhat."""
        documents = self.played.documents
        stored = {"_id": documents.new_id(), "custom": {}, **fields}
        documents.of[path].put(stored)
        return stored

    def endusers(self) -> list[Document]:
        """Every enduser that Planhat has, in the order of their making."""
        return list(self.played.documents.of["endusers"].by_id.values())

    def metric(self, dimension: str, planhat_id: str) -> dict[int, Any]:
        """A metric's values of one object by day, as they can be read back."""
        self.played.sinks.settle()
        return {
            day: row["value"]
            for (name, owner, day), row in self.played.sinks.metrics.items()
            if (name, owner) == (dimension, planhat_id)
        }

    # the warehouse

    def put(self, model: str, object_id: str, **values: Any) -> None:
        """Replace one row of `to_planhat.<model>`; columns that are not named are null."""
        row = {"object_id": object_id, **values}
        table = sql.Identifier("to_planhat", model)
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(
                sql.SQL("delete from {} where object_id = %s").format(table), [object_id]
            )
            connection.execute(
                sql.SQL("insert into {} ({}) values ({})").format(
                    table,
                    sql.SQL(", ").join(map(sql.Identifier, row)),
                    sql.SQL(", ").join([sql.Placeholder()] * len(row)),
                ),
                list(row.values()),
            )

    def enduser(self, number: int, company: int = 0, **values: Any) -> None:
        """A created enduser, with all that Planhat asks for."""
        given = {
            "company_id": self.companies[company], "company_external_id": f"acme-{company}",
            "external_id": f"u{number}", "email": f"u{number}@acme.test", "first_name": "Ina",
        }  # fmt: skip
        self.put("enduser", f"s{number}", **{**given, **values})

    def value(
        self, company: int, value: float, aggregation: str = "SUM", day: str = DAY, **values: Any
    ) -> None:
        """A company's metric of a day."""
        given = {
            "planhat_model": "Company", "planhat_id": self.companies[company],
            "external_id": f"acme-{company}", "dimension": aggregation.lower(),
            "metric_date": day, "value": value, "aggregation": aggregation,
        }  # fmt: skip
        object_id = f"Company {company} {day} {aggregation}"
        self.put("metric", object_id, **{**given, **values})

    def activity(self, enduser: Document, count: int, event: str = "Opened", **values: Any) -> None:
        """How often an enduser of Planhat did something on a day."""
        given = {
            "enduser_id": enduser["_id"], "external_id": enduser.get("externalId"),
            "email": enduser.get("email"), "company_id": enduser["companyId"],
            "activity_date": DAY, "event": event, "count": count, "weight": 1,
        }  # fmt: skip
        self.put("activity", f"{enduser['_id']} {event}", **{**given, **values})

    def run(self, query: Any, values: Any = None) -> list[tuple]:
        """Execute one statement; its rows, if it has any."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(query, values)
            return cursor.fetchall() if cursor.description else []

    def push(self, **options: Any) -> Report:
        """A whole push; its books are in order, or it fails."""
        given = {"requested_by": "a test", "say": self.said.append, "options": QUICK, **options}
        report = push(self.url, self.to, self.settings, **given)
        assert "do not add up" not in (report.reason or "")
        return report

    def settle_at_once(self) -> None:
        """What cannot be read back did not arrive."""
        self.run("update sync.thresholds set value = 0 where threshold = 'planhat_settles_after'")

    def left_out(self, report: Report) -> dict[str, str]:
        """Why objects were left out of a run's plan."""
        query = "select object_id, code from sync.left_out where run_id = %s"
        return dict(self.run(query, [report.run_id]))

    def errors(self, report: Report) -> dict[str, str]:
        """Why objects of a run failed."""
        query = "select object_id, code from sync.run_errors where run_id = %s"
        return dict(self.run(query, [report.run_id]))


def create_tables(url: str) -> None:
    """The tables as their YAML describes them."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create schema if not exists to_planhat")
        for file in sorted(Path(FOLDERS["planhat"]).glob("to_planhat__*.yml")):
            (described,) = yaml.safe_load(file.read_text())["models"]
            columns = [
                sql.SQL("{} {}").format(sql.Identifier(each["name"]), sql.SQL(each["data_type"]))
                for each in described["columns"]
            ]
            connection.execute(
                sql.SQL("create table {} ({})").format(
                    sql.Identifier("to_planhat", described["config"]["alias"]),
                    sql.SQL(", ").join(columns),
                )
            )
    assert set(read_catalogue(kind="planhat")) == {"enduser", "metric", "activity"}


def of(report: Report, model: str) -> ModelReport:
    """One model's counts."""
    return next(each for each in report.models if each.model == model)


def counts(report: Report, model: str) -> dict[str, int]:
    """One model's counts that are not 0."""
    names = ("considered", "unchanged", "added", "changed", "invalid", "withheld", "waiting",
             "held", "not_sent", "synced", "errors")  # fmt: skip
    row = of(report, model)
    return {name: getattr(row, name) for name in names if getattr(row, name)}


def quick(**options: Any) -> DeliveryOptions:
    """As `QUICK`, with another client."""
    return replace(QUICK, client=replace(QUICK.client, **options))
