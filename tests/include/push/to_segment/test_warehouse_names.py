"""What becomes of names in a customer's warehouse is said at the plan, and everything is sent."""

import itertools

import pytest

from include.push.to_segment.warehouse_names import RESERVED, column_name
from tests.include.push.played_segment import PlayedSegment
from tests.include.push.world import COMPANY, World


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("renewal_risk", "renewal_risk"),
        ("Renewal Risk", "renewal_risk"),
        ("renewalRisk", "renewal_risk"),
        ("renewal-risk", "renewal_risk"),
        ("RENEWAL  RISK!", "renewal_risk"),
        ("__renewal__risk__", "renewal_risk"),
        ("MRRTotal", "mrrtotal"),
        ("mrrTotal", "mrr_total"),
        ("custom_MRR %", "custom_mrr"),
        ("5TEst", "5test"),
        ("a_5TEst", "a_5test"),
        ("test5Two", "test5_two"),
        ("Größe", "gr_e"),
        ("数", ""),
        ("custom_数", "custom"),
        ("p_z9Rg", "p_z9_rg"),
    ],
)
def test_a_name_is_a_column_as_segment_writes_it(name: str, column: str) -> None:
    assert column_name(name) == column


def test_however_words_are_joined_they_are_one_column_and_writing_it_again_changes_nothing():
    words = ("renewal", "risk", "2026")
    written = [
        between.join(cased)
        for between in (" ", "_", "-", ".", " / ", "__")
        for cased in itertools.product(*((w, w.upper(), w.capitalize()) for w in words))
    ]
    assert {column_name(each) for each in written} == {"renewal_risk_2026"}
    assert column_name(column_name("Renewal  Risk (2026)")) == "renewal_risk_2026"


def warnings(world: World, segment: PlayedSegment, **options) -> list[str]:
    report = world.push(segment.connection, **options)
    assert all(f"! {each}" in report.table() for each in report.warnings)
    assert report.as_dict()["warnings"] == report.warnings
    return report.warnings


def test_keys_that_will_be_one_column_are_named_at_the_plan_and_sent(
    world: World, segment: PlayedSegment
) -> None:
    custom = {"Renewal Risk": "high", "renewal risk": "low", "Renewal_Risk": "mid", "Tier": "A"}
    world.put("company", "c1", name="One", custom=custom)
    (planned,) = warnings(world, segment, dry_run=True)
    assert planned == (
        'company: custom "Renewal Risk", custom "Renewal_Risk", custom "renewal risk" will be one '
        "column, custom_renewal_risk, in Segment's warehouse: of an object that has several only "
        "one value stays there. Rename all but one in Planhat."
    )
    assert warnings(world, segment) == [planned]
    (sent,) = segment.messages
    assert sent["traits"]["custom"] == custom


def test_a_key_that_collides_with_one_that_was_sent_before_is_said_until_one_is_gone(
    world: World, segment: PlayedSegment
) -> None:
    world.put("company", "c1", custom={"Is Live": True})
    assert warnings(world, segment) == []
    world.put("company", "c2", custom={"isLive": False})
    assert len(warnings(world, segment)) == 1
    # nothing has changed since, and it is so all the same
    assert len(warnings(world, segment, dry_run=True)) == 1
    world.put("company", "c2", custom={"Other": False})
    assert warnings(world, segment) == []


def test_a_key_that_becomes_a_column_of_the_table_is_said(
    world: World, segment: PlayedSegment
) -> None:
    world.model("asset", {**COMPANY, "call": "track", "event": "Asset Updated",
                          "removed_event": "Asset Removed",
                          "columns": {"custom_tier": "text", "custom": "jsonb"}})  # fmt: skip
    world.put("asset", "a1", custom_tier="Gold", custom={"Tier": "Silver"})
    (said,) = warnings(world, segment)
    assert said.startswith('asset: custom "Tier", custom_tier will be one column, custom_tier,')


@pytest.mark.parametrize("name", [*sorted(RESERVED - {"id"}), "ID", "userId"])
def test_a_column_that_segment_fills_itself_is_said(
    world: World, segment: PlayedSegment, name: str
) -> None:
    columns = {name: "text"}
    world.model("sale", {"call": "track", "event": "S", "removed_event": "R", "columns": columns})
    (said,) = warnings(world, segment, dry_run=True)
    assert said.startswith(f"sale: the column {name} has the name of one that Segment fills")


def test_names_that_are_cut_are_said(world: World, segment: PlayedSegment) -> None:
    fits, long = "x" * 56, "x" * 57
    world.put("company", "c1", custom={fits: 1})
    assert warnings(world, segment) == []
    world.put("company", "c2", custom={f"y{long}": 1})
    (said,) = warnings(world, segment)
    assert "a column of 65 characters; Postgres keeps the first 63" in said
    world.put("company", "c3", custom={f"{long} one": 1, f"{long} two": 2})
    assert any("will be one column" in each for each in warnings(world, segment))


@pytest.mark.parametrize(("length", "count"), [(255, 0), (256, 1), (300, 1)])
def test_ids_that_destinations_cut_are_said_with_an_example(
    world: World, segment: PlayedSegment, length: int, count: int
) -> None:
    world.put("company", "c1", external_id="é" * length)
    said = warnings(world, segment)
    assert len(said) == count
    if said:
        assert "1 id has more than 255 characters" in said[0]
        assert "c1, for example" in said[0]
    assert len(segment.messages) == 1


def test_calls_of_more_than_300_traits_are_said(world: World, segment: PlayedSegment) -> None:
    world.put("company", "c1", custom={f"key {n}": n for n in range(280)})
    assert warnings(world, segment) == []
    world.put("company", "c2", custom={f"key {n}": n for n in range(300)})
    (said,) = warnings(world, segment)
    assert said.startswith("company: 1 of its calls has more than 300 traits (c2, for example)")


def test_names_that_stay_apart_are_not_said(world: World, segment: PlayedSegment) -> None:
    world.put("company", "c1", custom={"MRRTotal": 1, "mrrTotal": 2, "id": 3, "Größe": 4, "數": 5})
    assert warnings(world, segment) == []


def test_warnings_are_kept_as_long_as_their_plan(world: World, segment: PlayedSegment) -> None:
    world.put("company", "c1", custom={"Is Live": True, "isLive": False})
    assert len(warnings(world, segment)) == 1
    assert world.run("select count(*) from sync.plan_warnings") == [(1,)]

    world.put("company", "c1", custom={"Other": 1})
    assert warnings(world, segment) == []

    assert world.run("select count(*) from sync.plan_warnings") == [(0,)]
