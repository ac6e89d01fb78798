"""The sample, through the real client, collector and reader, comes out as the rules say.

The expectations stand in `include/sample`, derived from the rules; the tables come from the models.
"""

import itertools
import re
from dataclasses import dataclass
from datetime import date

import psycopg
import pytest
from psycopg.rows import dict_row

from include.build import build
from include.collector.sources import add_demo_sources
from include.sample import known
from include.sample.calls import messages
from include.sample.cases import Case, Created, Days, Outcome, Step, all_cases, live_cases
from include.sample.load import load
from include.sample.send import send
from include.sample.traffic import calls
from include.settings import Settings
from tests.dbt_project.contract import CONTRACT
from tests.dbt_project.landing import land_calls, land_objects
from tests.include.collector.conftest import running
from tests.include.sample.planhat import played_planhat

BASE = date(2026, 3, 31)
DAYS = Days(BASE)
# Everything that a resolved call can be asked about in one row.
RESOLUTION = """
    select
        resolution.*,
        case
            when
                resolution.enduser_id is not null
                and resolution.type in ('track', 'page', 'screen')
                and coalesce(usage.counted, resolution.type = 'track')
                then coalesce(usage.weight, 1)
        end as counted_weight,
        exists (
            select 1 from marts.identity_conflicts as conflict
            where
                conflict.user_id = resolution.user_id
                and (conflict.email = resolution.email or conflict.kind = 'alias_of_two_users')
                and resolution.event_at between conflict.first_seen_at and conflict.last_seen_at
        ) as has_conflict,
        coalesce(named.objects, '{}') as objects
    from marts.event_resolution as resolution
    left join (
        select event_seq, jsonb_object_agg(model, object_id) as objects
        from intermediate.int_identity__call_objects
        where object_id is not null
        group by event_seq
    ) as named on resolution.event_seq = named.event_seq
    left join sync.usage_events as usage
        on resolution.type = usage.type and resolution.event = usage.event
"""


@dataclass
class World:
    """A built warehouse, read whole."""

    resolutions: dict[str, dict]
    # (company _id, user id or email) → enduser id
    created: dict[tuple[str, str], str]

    @classmethod
    def read(cls, url: str) -> "World":
        with psycopg.connect(url, row_factory=dict_row) as connection:
            rows = connection.execute(RESOLUTION).fetchall()
            created = connection.execute(
                "select company_id, coalesce(external_id, email) as key, enduser_id"
                " from marts.endusers where origin = 'segment'"
            ).fetchall()
        return cls(
            {row["message_id"]: row for row in rows},
            {(row["company_id"], row["key"]): row["enduser_id"] for row in created},
        )

    def enduser_id(self, enduser: str | Created | None) -> str | None:
        if isinstance(enduser, Created):
            return self.created.get((enduser.company_id, enduser.key), "was not created")
        return enduser

    def differences(self, case: Case, step: Step) -> list[str]:
        """Where the tables say something else of a call than the rules."""
        row = self.resolutions.get(step.call.message_id)
        if row is None:
            return [f"{step.call.message_id}: not in marts.event_resolution"]
        said, meant = self._said(row, step.outcome), self._meant(row, step.outcome)
        return [
            f"{case.name} ({' '.join(case.rules)}) {step.call.message_id}:"
            f" {column} is {said[column]!r}, the rules say {meant[column]!r}"
            for column in meant
            if said[column] != meant[column]
        ]

    def _meant(self, row: dict, outcome: Outcome) -> dict[str, object]:
        meant: dict[str, object] = {
            "company_id": outcome.company_id,
            "enduser": self.enduser_id(outcome.enduser),
            "matched_by": outcome.matched_by,
            "company_matched_by": outcome.company_matched_by,
            "reason": outcome.reason,
            "object_reason": outcome.object_reason,
            "company_reason": outcome.company_reason,
            "objects": dict(outcome.objects),
            "counted": outcome.counted,
            "weight": outcome.weight,
            "conflict": outcome.conflict,
            "event_at": row["received_at"]
            if outcome.event_at == "received_at"
            else outcome.event_at,
        }
        unasked = {"counted", "weight", "conflict", "event_at"}
        return {
            column: value
            for column, value in meant.items()
            if column not in outcome.unsaid and not (column in unasked and value is None)
        }

    def _said(self, row: dict, outcome: Outcome) -> dict[str, object]:
        weight = row["counted_weight"]
        return {
            **row,
            "enduser": row["enduser_id"],
            "counted": weight is not None,
            "weight": None if weight is None else float(weight),
            "conflict": row["has_conflict"],
        }


@pytest.fixture(scope="module")
def sample(module_warehouse: str, module_settings: Settings) -> World:
    """The whole live sample, built as of its base date."""
    add_demo_sources(module_warehouse)
    with played_planhat() as planhat:
        load(module_warehouse, planhat, on=BASE, say=lambda line: None)
    with running(module_warehouse) as collector:
        report = send(collector.url, "demo-app", calls(BASE), tenant_token="demo-token")
    report.raise_if_incomplete()
    build(module_warehouse, module_settings, requested_by="test", as_of=BASE)
    return World.read(module_warehouse)


def test_every_sent_call_landed_once(sample: World, ask):
    sent = {call.message_id for call in calls(BASE)}
    assert len(sent) > 15_000
    landed = [row["message_id"] for row in ask("select message_id from raw_segment.events")]
    assert len(landed) == len(set(landed))
    assert set(landed) == sent
    assert set(sample.resolutions) == sent


def test_every_difficult_case_comes_out_as_the_rules_say(sample: World):
    cases = live_cases(DAYS)
    assert len(cases) > 50
    differences = [
        difference
        for case in cases
        for step in case.steps
        if step.outcome
        for difference in sample.differences(case, step)
    ]
    assert differences == [], "\n".join(differences)


def test_every_reason_and_every_match_occurs(sample: World):
    reasons = {row["reason"] for row in sample.resolutions.values()}
    matches = {row["matched_by"] for row in sample.resolutions.values()}
    assert reasons >= {
        None, "receipt", "suppressed", "unsupported_type", "blocked_identity", "no_identity",
        "unknown_company", "ambiguous_enduser", "no_company", "deleted_enduser", "unknown_enduser",
    }  # fmt: skip
    assert matches >= {
        None, "external_id", "user_email", "created_user", "email", "created_user_email",
        "email_of_user", "created_email", "group",
    }  # fmt: skip


def test_people_have_the_attributes_of_their_last_identify(sample: World, ask):
    people = [person for case in live_cases(DAYS) for person in case.people]
    assert people
    for person in people:
        [row] = ask(
            "select * from marts.endusers where enduser_id = %s", sample.enduser_id(person.enduser)
        )
        expected = dict(person.attributes)
        assert {name: row[name] for name in expected} == expected, person
        assert row["created_by_message_id"] == person.created_by_message_id, person


def test_metrics_rejections_and_candidates_are_those_of_the_cases(sample: World, ask):
    cases = live_cases(DAYS)
    metrics = [metric for case in cases for metric in case.metrics]
    assert metrics
    for metric in metrics:
        [row] = ask(
            "select value, aggregation from marts.company_metrics"
            " where company_id = %s and metric = %s and metric_date = %s",
            metric.company_id, metric.metric, metric.day,
        )  # fmt: skip
        assert (float(row["value"]), row["aggregation"]) == (metric.value, metric.aggregation)
    for company, metric, times in itertools.chain(*(case.rejections for case in cases)):
        [row] = ask(
            "select count(*) as times from marts.metric_rejections"
            " where company_id = %s and metric = %s",
            company, metric,
        )  # fmt: skip
        assert row["times"] == times
    for trait, times in itertools.chain(*(case.candidates for case in cases)):
        [row] = ask("select times_seen from marts.metric_candidates where metric = %s", trait)
        assert row["times_seen"] == times


@pytest.mark.parametrize("customer", known.KNOWN, ids=lambda customer: customer.key)
def test_trend_alerts_and_health_of_a_known_customer(sample: World, ask, customer: known.Known):
    expected = customer.expected
    rows = ask(
        "select * from marts.usage_trends where object_type = 'company' and object_id = %s",
        customer.company_id,
    )
    if expected.trend is None:
        assert rows == []
    else:
        [trend] = rows
        for column in ("activities_7d", "activities_30d", "previous_30d", "trend"):
            assert trend[column] == getattr(expected, column), column
        assert trend["active_endusers_30d"] == expected.active_endusers_30d
        assert trend["endusers_total"] == customer.endusers
        change = None if trend["change_30d"] is None else float(trend["change_30d"])
        assert change == pytest.approx(expected.change_30d, abs=0.0001)
    alerts = ask(
        "select kind from marts.usage_alerts"
        " where object_type = 'company' and object_id = %s and closed_on is null",
        customer.company_id,
    )
    assert {row["kind"] for row in alerts} == set(expected.alerts)
    [health] = ask("select * from marts.company_health where company_id = %s", customer.company_id)
    if expected.trend is not None:
        assert float(health["breadth_part"]) == expected.breadth
    if expected.recency is None:
        assert health["recency_part"] is None
    else:
        assert float(health["recency_part"]) == expected.recency


def test_the_outbound_tables_hold_what_planhat_has(sample: World, ask):
    objects = {
        row["model"]: row["objects"]
        for row in ask(
            "select model, count(*) as objects from raw_planhat.objects"
            " where deleted_at is null group by model"
        )
    }
    tables = [
        row["table_name"]
        for row in ask(
            "select table_name from information_schema.tables where table_schema = 'planhat'"
        )
    ]
    # what we compute has as many rows as there is something to say
    computed = {"company_usage", "enduser_usage", "created_enduser"}
    assert computed < set(tables)
    assert len(tables) == 16 + len(computed)
    for table in set(tables) - computed:
        [row] = ask(f"select count(*) as objects from planhat.{table}")
        assert row["objects"] == objects[table] > 0, table
    for table, is_of, of in (
        ("company_usage", "object_type = 'company'", "usage_trends"),
        ("enduser_usage", "object_type = 'enduser'", "usage_trends"),
        ("created_enduser", "origin = 'segment'", "endusers"),
    ):
        [row] = ask(f"select count(*) as objects from planhat.{table}")
        [there] = ask(f"select count(*) as objects from marts.{of} where {is_of}")
        assert row["objects"] == there["objects"] > 0, table


@pytest.mark.parametrize(
    "condition",
    ["message_id = 'x'", "user_id = 'x'", "email = 'x'", "enduser_id = 'x'", "company_id = 'x'"],
)
def test_the_story_of_one_key_needs_no_table_whole(
    sample: World, module_warehouse: str, condition: str
):
    with psycopg.connect(module_warehouse) as connection:
        # on few rows reading all of them is cheaper: ask whether there is another way at all
        connection.execute("set enable_seqscan = off")
        explained = connection.execute(
            f"explain select * from marts.event_resolution where {condition}"
        )
        plan = "\n".join(line for (line,) in explained)
    # the settings are one row
    assert set(re.findall(r"Seq Scan on (\w+)", plan)) <= {"int_identity__call_settings"}, plan


@pytest.mark.parametrize("name", [case.name for case in all_cases(DAYS) if case.needs_history])
def test_a_case_with_history_comes_out_as_the_rules_say(
    name: str, warehouse: str, settings: Settings
):
    """Calls received at chosen times, under switches that changed in between."""
    [case] = [case for case in all_cases(DAYS) if case.name == name]
    _make_world(warehouse, case)
    build(warehouse, settings, requested_by="test", as_of=BASE, say=lambda line: None)
    world = World.read(warehouse)
    differences = [
        difference for step in case.steps for difference in world.differences(case, step)
    ]
    assert differences == [], "\n".join(differences)


def _make_world(url: str, case: Case) -> None:
    from include.sample import accounts

    land_objects(url, "company", list(accounts.companies(DAYS)))
    for model in sorted({model for model, _ in case.objects}):
        land_objects(url, model, [fields for each, fields in case.objects if each == model])
    for step, message in zip(case.steps, messages([step.call for step in case.steps]), strict=True):
        land_calls(url, [message], received_at=step.received_at)
    with psycopg.connect(url) as connection:
        for switch in case.switches:
            connection.execute(
                "insert into sync.switches (switch, is_on, valid_from) values (%s, %s, %s)",
                [switch.switch, switch.is_on, switch.valid_from],
            )
        for threshold, value in case.thresholds:
            connection.execute(
                "update sync.thresholds set value = %s where threshold = %s", [value, threshold]
            )


@pytest.mark.parametrize("table", sorted(CONTRACT))
def test_what_others_rely_on_is_there(sample: World, ask, table: str):
    schema, name = table.split(".")
    there = {
        row["column_name"]
        for row in ask(
            "select column_name from information_schema.columns"
            " where table_schema = %s and table_name = %s",
            schema, name,
        )
    }  # fmt: skip
    assert set(CONTRACT[table].split()) - there == set()
