"""A small warehouse with everything in it that a story can tell: the sample's difficult cases,
built, pushed to a real collector, and come back."""

import json
from dataclasses import replace
from datetime import date, timedelta

import psycopg

from include.build import build
from include.collector.sources import add_demo_sources
from include.push.push import push
from include.sample.calls import messages
from include.sample.cases import Days, live_cases
from include.sample.load import load
from include.settings import SegmentConnection, Settings
from tests.dbt_project.landing import land_calls
from tests.include.collector.conftest import running
from tests.include.sample.planhat import played_planhat

BASE = date(2026, 3, 31)
CASES = {case.name: case for case in live_cases(Days(BASE))}


def quietly(line: str) -> None:
    """Says nothing."""


def make(url: str, settings: Settings) -> None:
    """The cases' calls landed and built; everything pushed; receipts landed after the build."""
    add_demo_sources(url)
    with played_planhat() as planhat:
        load(url, planhat, on=BASE, say=quietly)
    steps = [step for case in CASES.values() for step in case.steps]
    calls = messages([step.call for step in steps])
    first = list({call["messageId"]: call for call in reversed(calls)}.values())
    land_calls(url, first, received_at=f"{BASE}T12:00:00Z")
    build(
        url, replace(settings, airflow_conn_warehouse=url), requested_by="test",
        today=BASE + timedelta(days=1),
        say=quietly,
    )  # fmt: skip
    with running(url) as collector:
        segment = SegmentConnection(collector.url, "demo-planhat")
        push(url, segment, settings, requested_by="somebody", say=quietly)


def quarantine(
    url: str,
    call: dict,
    reason: str = "too_large",
    detail: str = "33,120 bytes",
    made_id: str | None = None,
) -> None:
    """A call set aside by the collector, with the id that was made for it if it has none."""
    with psycopg.connect(url) as connection:
        connection.execute(
            "insert into raw_segment.quarantine (source, reason, detail, payload, message_id) "
            "values ('demo-app', %s, %s, %s, %s)",
            [reason, detail, json.dumps(call), made_id],
        )
