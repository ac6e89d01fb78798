"""The whole of a comparison: ask Planhat, pair, say why. Nothing is sent, and nothing is changed
but the list of comparisons.
"""

from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta

import psycopg

from include.compare import tables
from include.compare.activity import compare_activity
from include.compare.days import Days
from include.compare.endusers import compare_endusers, pair
from include.compare.kept import keep
from include.compare.metrics import compare_metrics, load_ours
from include.compare.report import SECTIONS, Comparison, Section, section_of
from include.compare.theirs import load_endusers, load_metrics
from include.connections import PlanhatConnection
from include.errors import ServiceError
from include.planhat.api.client import Client, ClientOptions
from include.push.plainly import plainly
from include.warehouse.connection import connect

EXAMPLES = 3


@plainly
def compare(
    url: str,
    connection: PlanhatConnection,
    days: Days,
    *,
    sections: Collection[str] = SECTIONS,
    examples: int = EXAMPLES,
    requested_by: str,
    say: Callable[[str], None] = print,
    options: ClientOptions = ClientOptions(),  # noqa: B008  frozen
) -> Comparison:
    """Compare these sections over these days, and keep what was found.

    `url` is the warehouse's. Raises `ServiceError` before anything was built, and where Postgres
    fails; `TokenError`, `NoPermissionError` and the like where Planhat does not answer.
    """
    with connect(url, application_name="compare", autocommit=True) as warehouse:
        tables.check(warehouse)
        remarks: dict[str, list[str]] = {name: [] for name in SECTIONS}
        with Client(connection, url, options) as client:
            if has_people := not {"endusers", "activity"}.isdisjoint(sections):
                read = load_endusers(warehouse, client, say)
                remarks["endusers" if "endusers" in sections else "activity"] += read
            if "metrics" in sections:
                dimensions = load_ours(warehouse, days)
                remarks["metrics"] += load_metrics(warehouse, client, dimensions, days, say)
        say("comparing")
        with warehouse.transaction():
            # one build's tables, while another one may be making them anew
            warehouse.execute("set transaction isolation level repeatable read")
            tables.begin(warehouse, days)
            if has_people:
                pair(warehouse, days)
            found = [
                _section(warehouse, name, days, remarks[name], examples)
                for name in SECTIONS
                if name in sections
            ]
            age = _age(warehouse, days)
        comparison = Comparison(days, connection.place, tuple(found), tuple(age))
        keep(warehouse, connection.tenant, comparison, requested_by)
    return comparison


def _section(
    warehouse: psycopg.Connection, name: str, days: Days, remarks: list[str], examples: int
) -> Section:
    if name == "endusers":
        ours, theirs = compare_endusers(warehouse, days)
    elif name == "metrics":
        ours, theirs = compare_metrics(warehouse)
    else:
        ours, theirs, more = compare_activity(warehouse, days)
        remarks = [*remarks, *more]
    section = section_of(warehouse, name, ours, theirs, remarks, examples=examples)
    if not section.adds_up:
        raise ServiceError(
            f"The comparison of {name} does not add up ({section.ours:,} of ours, "
            f"{section.theirs:,} of theirs, {section.equal:,} equal, {section.different:,} "
            f"different, {section.ours_only:,} and {section.theirs_only:,} alone): "
            "please report it."
        )
    return section


def _age(warehouse: psycopg.Connection, days: Days) -> list[str]:
    """That what is ours is older than the last of the days, if it is."""
    end = datetime.combine(days.last + timedelta(days=1), datetime.min.time(), UTC)
    remarks = []
    for query, what, command in (
        ("select max(started_at) from sync.builds where status = 'success'", "built", "build"),
        ("select max(started_at) from raw_planhat.reads", "read of Planhat", "planhat"),
    ):
        (at,) = warehouse.execute(query.encode()).fetchone()  # type: ignore[misc]
        if at is None or at < end:
            when = f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if at else "never"
            remarks.append(
                f"Last {what} {when}, before the last of these days was over: make {command} first."
            )
    return remarks
