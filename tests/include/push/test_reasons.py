"""What a plan and a report say beside counts: why, an example, what is held, in good English."""

import re
from decimal import Decimal

import pytest
import yaml

from include.counting import counted
from tests.include.push.played_segment import RESET, PlayedSegment, refuses
from tests.include.push.world import LICENSE, World, of


@pytest.mark.parametrize(
    ("number", "said"),
    [(0, "0 objects"), (1, "1 object"), (2, "2 objects"), (1_179, "1,179 objects")],
)
def test_one_of_a_thing_is_one_thing(number: int, said: str) -> None:
    assert counted(number, "object") == said


def test_a_plan_says_why_objects_cannot_be_sent_with_an_example_each(
    world: World, segment: PlayedSegment
) -> None:
    world.put("company", "c0", custom={"Seats": 5})
    world.push(segment.connection)
    for number in range(1, 11):
        world.put("company", f"c{number}", custom={"Seats": "five"})
    world.put("company", "odd", mrr=Decimal("NaN"))
    world.put("company", None, name="No key")
    plan = world.push(segment.connection, dry_run=True)
    (line,) = [line for line in plan.table().splitlines() if line.startswith("company: ")]
    assert line == (
        "company: 12 errors: 1 key_missing (it has no object_id), "
        "1 not_a_number (odd: mrr is NaN, which is no JSON number), "
        "10 type_changed (c1: custom.Seats is string, and was number when it was first sent)"
    )
    assert f"in sync.run_errors (run_id {plan.run_id})" in plan.table()
    assert "12 errors (key_missing, not_a_number, type_changed)" in plan.in_words()
    assert {each["code"] for each in plan.as_dict()["errors"]} == {
        "key_missing", "not_a_number", "type_changed",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ("alter table planhat.company add arr numeric", "arr, which is new"),
        (
            "update planhat.company set custom = custom || '{\"ARR\": 1}'",
            "custom.ARR, which is new",
        ),
        ('update planhat.company set custom = \'{"Tier": "b"}\'', "custom.Tier"),
        ("update planhat.company set mrr = 2, name = 'x'", "mrr, name"),
    ],
)
def test_a_plan_says_what_a_guard_would_hold_and_which_columns_are_the_reason(
    world: World, segment: PlayedSegment, change: str, fields: str
) -> None:
    world.run('alter table planhat.company alter custom set default \'{"Tier": "a"}\'')
    world.fill("company", 100)
    world.push(segment.connection)
    world.run(change)
    if "arr" in fields:
        file = world.folder / "company.yml"
        described = yaml.safe_load(file.read_text())
        described["models"][0]["columns"].append({"name": "arr", "data_type": "numeric"})
        file.write_text(yaml.safe_dump(described))
    plan = world.push(segment.connection, dry_run=True)
    company = of(plan, "company")
    assert (company.changed, company.held, plan.total("to_send")) == (100, 100, 0)
    assert company.reason == f"held: 100 of 100 objects changed, more than 75% (mostly {fields})"
    last = plan.table().splitlines()[-1]
    assert "a push would send 0 and hold 100 until somebody answers" in last
    assert "100 held" in plan.in_words()


def test_no_summary_leaves_out_what_is_held(world: World, segment: PlayedSegment) -> None:
    world.model("license", LICENSE)
    world.fill("company", 40)
    world.put("license", "l1", value=1)
    world.push(segment.connection)
    world.run("delete from planhat.company where object_id <= 'c000012'")
    world.put("license", "l1", value=2)
    world.put("license", "l2", value=2)

    segment.script = refuses("l2")
    report = world.push(segment.connection)
    assert (report.status, report.reason) == (
        "partial", "1 object failed; 12 objects are held until somebody answers",
    )  # fmt: skip
    segment.script = lambda number, batch: RESET
    report = world.push(segment.connection)
    assert report.status == "failed"
    assert (report.reason or "").endswith("; 12 objects are held until somebody answers")


def test_a_run_of_one_is_told_as_one(world: World, segment: PlayedSegment) -> None:
    world.model("license", LICENSE)
    world.put("company", "c1")
    world.put("license", "l1")
    said: list[str] = []
    world.push(segment.connection, say=said.append)
    world.drop("company", "c1")
    world.put("license", "l1", value=Decimal("NaN"))
    report = world.push(segment.connection, say=said.append)
    assert report.reason == "1 object failed; 1 object is held until somebody answers"
    plan = world.push(segment.connection, dry_run=True, say=said.append)
    told = "\n".join([*said, report.in_words(), plan.in_words(), plan.reason or ""])
    assert not re.findall(r"\b1 (?:objects|errors|models|companies)", told), told
    assert "its table is empty, and 1 object would be removed" in told
