"""The card of the last comparison."""

from functools import partial

from include.page import compared
from include.warehouse import reading
from tests.include.compare.conftest import compared_warehouse, world  # noqa: F401  fixtures
from tests.include.compare.world import World


def last(world: World, *, with_persons: bool = True) -> dict:  # noqa: F811
    return reading.part(world.url, partial(compared.last, with_persons=with_persons))


def test_the_last_comparison_is_shown_with_its_reasons(world: World) -> None:  # noqa: F811
    assert last(world) == {"comparison": None}
    world.created("nobody")
    world.compare("metrics")
    world.compare("endusers", requested_by="ada")
    found = last(world)["comparison"]
    assert (found["since"], found["until"], found["requested_by"]) == (
        "2026-03-02", "2026-03-15", "ada",
    )  # fmt: skip
    (section,) = found["sections"]
    assert (section["name"], section["ours_only"], section["equal"]) == ("endusers", 1, 0)
    ((reason,),) = [section["reasons"]]
    assert (reason["code"], reason["meaning"]) == ("not_there", "Planhat has nothing of it")
    assert reason["examples"][0]["ours"] == "nobody"


def test_a_key_of_a_person_is_told_to_those_who_may_see_it(world: World) -> None:  # noqa: F811
    world.created("somebody")
    world.compare("endusers")
    (section,) = last(world, with_persons=False)["comparison"]["sections"]
    (example,) = section["reasons"][0]["examples"]
    assert (example["ours"], example["theirs"]) == ("(hidden)", None)


def test_no_more_examples_are_kept_than_the_page_can_ask_for_often(world: World) -> None:  # noqa: F811
    for number in range(9):
        world.created(f"u{number}")
    (section,) = world.compare("endusers", examples=100).sections
    assert len(section.reasons[0].examples) == 9
    (section,) = last(world)["comparison"]["sections"]
    assert len(section["reasons"][0]["examples"]) == 3


def test_before_the_migration_it_says_so(world: World) -> None:  # noqa: F811
    world.run("alter table sync.comparisons rename to elsewhere")
    try:
        found = reading.part(
            world.url, partial(compared.last, with_persons=True), when_missing="not there"
        )
    finally:
        world.run("alter table sync.elsewhere rename to comparisons")
    assert found == {"problem": "not there"}
