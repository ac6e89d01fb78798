"""A table that is not what its YAML or the last build says: not planned, with the reason."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
import yaml
from psycopg.types.json import Jsonb

from tests.include.push.played_segment import PlayedSegment
from tests.include.push.world import COMPANY, KEYS, LICENSE, World, of

COLUMNS = {**KEYS, **COMPANY["columns"]}

# A type that each of the types in a company can be taken for by mistake.
OTHER_TYPES = {
    "text": "integer",
    "numeric": "integer",
    "integer": "bigint",
    "boolean": "text",
    "date": "timestamptz",
    "timestamptz": "date",
    "jsonb": "text",
}


def describe(world: World, change: Callable[[list[dict]], Any]) -> None:
    """Change the columns of company's YAML, and nothing of its table."""
    file = world.folder / "company.yml"
    content = yaml.safe_load(file.read_text())
    change(content["models"][0]["columns"])
    file.write_text(yaml.safe_dump(content))


def build_ended(world: World, status: str, *nodes: tuple[str, str, str | None]) -> None:
    """A build of which these models became something: (name, status, message)."""
    world.run(
        "insert into sync.builds (requested_by, as_of_date, window_to, settings, code_fingerprint,"
        " status, reason, finished_at, nodes) values ('test', current_date, pg_current_snapshot(),"
        " '{}', '', %s, 'license (it is broken)', '2026-03-02 12:00+00', %s)",
        [
            status,
            Jsonb(
                [
                    {"node": node, "kind": "model", "status": state, "message": message}
                    for node, state, message in nodes
                ]
            ),
        ],
    )


@pytest.fixture
def full(world: World, segment: PlayedSegment) -> World:
    """A company of which Segment has a value in every column."""
    values = {"tags": ["a"], "custom": {"Tier": "gold"}, "seats": 5, "mrr": 1, "is_live": True}
    dates = {"customer_from_date": "2026-01-31", "last_touch_at": "2026-02-01T10:00Z"}
    keys = dict.fromkeys(("external_id", "company_id", "company_external_id"), "acme")
    world.put("company", "c1", name="Acme", **keys, **values, **dates)
    assert world.push(segment.connection).status == "success"
    return world


def test_no_column_that_only_one_of_table_and_yaml_has_is_ever_said_as_null(
    full: World, segment: PlayedSegment
) -> None:
    described = (full.folder / "company.yml").read_text()
    full.run("update planhat.company set name = 'Changed'")
    for column in COLUMNS:
        if column in ("object_id", "planhat_id"):
            continue  # without these the YAML is refused as a whole
        describe(
            full,
            lambda listed, column=column: listed.remove(
                next(each for each in listed if each["name"] == column)
            ),
        )
        report = full.push(segment.connection)
        assert (report.status, report.exit_code) == ("failed", 1)
        assert f"differ ({column} is in the table only)" in (of(report, "company").reason or "")
        (full.folder / "company.yml").write_text(described)
    assert len(segment.messages) == 1

    for column in COLUMNS:
        full.run(f"alter table planhat.company rename {column} to elsewhere")
        plan = full.push(segment.connection, dry_run=True)
        assert (plan.exit_code, plan.reason) == (1, "company cannot be planned")
        reason = of(plan, "company").reason or ""
        assert f"{column} is in the YAML only" in reason
        assert "elsewhere is in the table only" in reason
        full.run(f"alter table planhat.company rename elsewhere to {column}")
    assert full.push(segment.connection).total("synced") == 1
    assert segment.latest()["c1"]["traits"]["seats"] == 5


def test_a_column_of_another_type_than_its_yaml_says_is_not_planned(
    full: World, segment: PlayedSegment
) -> None:
    described = (full.folder / "company.yml").read_text()
    full.run("update planhat.company set name = 'Changed'")
    for column, kind in COLUMNS.items():
        if column == "object_id":
            continue
        other = OTHER_TYPES[kind]
        describe(
            full,
            lambda listed, column=column, other=other: next(
                each for each in listed if each["name"] == column
            ).update(data_type=other),
        )
        reason = of(full.push(segment.connection), "company").reason or ""
        assert f"{column} is " in reason, column
        assert f"in the table and {other} in the YAML" in reason
        (full.folder / "company.yml").write_text(described)
    assert len(segment.messages) == 1


@pytest.mark.parametrize(
    ("declared", "made"),
    [
        ("numeric(12,2)", "numeric"),
        ("varchar(20)", "varchar"),
        ("float", "float8"),
        ("bool", "bool"),
    ],
)
def test_one_type_by_several_names_is_one_type(
    world: World, segment: PlayedSegment, declared: str, made: str
) -> None:
    world.model("license", {**LICENSE, "columns": {"value": declared}})
    world.run(f"alter table planhat.license alter value type {made}")
    world.put("license", "l1")
    assert world.push(segment.connection).status == "success"


def test_a_column_that_is_gone_from_both_is_said_as_null(
    full: World, segment: PlayedSegment
) -> None:
    full.run("alter table planhat.company drop seats")
    describe(full, lambda listed: listed.remove({"name": "seats", "data_type": "integer"}))
    assert full.push(segment.connection).total("synced") == 1
    assert segment.latest()["c1"]["traits"]["seats"] is None


@pytest.mark.parametrize(
    ("nodes", "why"),
    [
        ([("company", "success", None), ("license", "error", "no such column")], "no such column"),
        ([("company", "success", None), ("license", "skipped", None)], "did not finish"),
        ([("company", "success", None)], "did not finish"),
    ],
)
def test_a_table_that_the_last_build_did_not_finish_is_not_planned_and_the_others_are(
    full: World, segment: PlayedSegment, nodes: list, why: str
) -> None:
    full.model("license", LICENSE)
    full.put("license", "l1")
    full.put("company", "c2", name="Globex")
    build_ended(full, "failed", *nodes)
    said: list[str] = []
    report = full.push(segment.connection, say=said.append)
    assert (report.status, report.exit_code) == ("partial", 2)
    assert of(report, "company").synced == 1
    reason = of(report, "license").reason or ""
    assert reason.startswith("not planned: the last build (1) did not finish planhat.license")
    assert why in reason
    failed = "The last build (1, 2026-03-02 12:00 UTC) failed: license (it is broken)."
    assert failed in said
    assert failed in report.table()

    build_ended(full, "success")
    report = full.push(segment.connection)
    assert (report.status, of(report, "license").synced, report.remarks) == ("success", 1, [])


def test_after_a_build_that_came_to_nothing_nothing_is_planned(
    full: World, segment: PlayedSegment
) -> None:
    full.put("company", "c2", name="Globex")
    build_ended(full, "interrupted")
    plan = full.push(segment.connection, dry_run=True)
    assert (plan.exit_code, plan.total("to_send")) == (1, 0)
    assert "The last build (1, 2026-03-02 12:00 UTC) was interrupted" in plan.table()
    report = full.push(segment.connection)
    assert (report.status, report.exit_code) == ("failed", 1)
    assert len(segment.messages) == 1


def test_a_build_at_work_keeps_nothing_back_and_one_left_behind_does(
    full: World, segment: PlayedSegment
) -> None:
    build_ended(full, "success", ("company", "success", None))
    build_ended(full, "running")
    full.put("company", "c2", name="Globex")
    with psycopg.connect(full.url) as builder:
        builder.execute("select pg_advisory_lock(hashtext('planhat-segment build'))")
        assert full.push(segment.connection).total("synced") == 1
    full.put("company", "c3", name="Initech")
    assert full.push(segment.connection).status == "failed"


def test_what_was_built_to_look_at_another_day_is_not_pushed(
    full: World, segment: PlayedSegment
) -> None:
    full.run("update planhat.company set name = 'Changed'")
    build_ended(full, "success")
    full.run("update sync.builds set is_as_of_set = true, as_of_date = '2026-01-31'")
    # also when a later build failed: the tables are still those
    build_ended(full, "failed", ("company", "success", None))
    before = len(segment.messages)
    report = full.push(segment.connection)
    assert (report.status, report.exit_code) == ("failed", 1)
    assert "looked back from 2026-01-31" in str(report)
    assert len(segment.messages) == before
    build_ended(full, "success")
    assert full.push(segment.connection).status == "success"


def test_a_new_column_sends_every_object_once_also_those_that_have_nothing_there(
    world: World, segment: PlayedSegment
) -> None:
    world.fill("company", 3)
    assert of(world.push(segment.connection), "company").synced == 3
    world.run("alter table planhat.company add column tier text")
    world.run("update planhat.company set tier = 'gold' where object_id = 'c000001'")
    describe(world, lambda listed: listed.append({"name": "tier", "data_type": "text"}))
    assert of(world.push(segment.connection), "company").synced == 3
    assert [each["traits"]["tier"] for each in segment.messages[3:]].count(None) == 2
    assert of(world.push(segment.connection), "company").synced == 0
