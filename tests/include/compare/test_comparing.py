"""The whole of a comparison: counts that add up, what is kept, and what stops it."""

import json
import random
import re
from collections import Counter
from datetime import date, timedelta

import psycopg
import pytest
import yaml

from include.compare import Days, activity, endusers, metrics
from include.compare.kept import KEPT
from include.compare.reasons import REASONS
from include.errors import ProblemError, ServiceError
from include.played_planhat.faults import Fault
from include.settings import ROOT
from tests.include.compare.world import DAYS, TABLES, World
from tests.parts import usually

SEEDS = usually(range(12), range(200))


def some(world: World) -> None:
    """Something in each section."""
    world.declare("seats")
    world.used(world.created("new"), "2026-03-10")
    world.person(active="2026-03-10")
    world.value(4)
    world.has(5)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_counts_of_any_world_add_up(world: World, seed: int) -> None:
    made = random_world(world, random.Random(seed))
    found = world.compare(examples=1)
    sections = {each.name: each for each in found.sections}
    for each in sections.values():
        assert each.equal + each.different + each.ours_only == each.ours
        assert each.equal + each.different + each.theirs_only == each.theirs
        assert sum(reason.count for reason in each.reasons) == (
            each.different + each.ours_only + each.theirs_only
        )
        assert all(len(reason.examples) == 1 for reason in each.reasons)
    assert (sections["metrics"].ours, sections["metrics"].theirs) == (
        made["our values"], made["their values"],
    )  # fmt: skip
    assert sections["metrics"].equal + sections["metrics"].different == made["shared values"]
    assert found.is_equal is not any(each.reasons for each in found.sections)


def random_world(world: World, rng: random.Random) -> Counter:
    """A few people and values, some on one side only; how many values there are."""
    days = [f"2026-03-{number:02}" for number in range(1, 18)]
    for number in range(rng.randrange(6, 14)):
        name, day = f"u{rng.randrange(6)}", rng.choice(days)
        if rng.random() < 0.6:
            person = world.person(
                rng.choice([day, None]), rng.choice([None, *days]),
                externalId=rng.choice([name, None]), email=f"{name}@acme.test",
                companyId=rng.choice([world.acme, world.other]), archived=rng.random() < 0.2,
            )  # fmt: skip
            if rng.random() < 0.5:
                world.named(person, rng.choice(days))
                world.used(person["_id"], *rng.sample(days, rng.randrange(3)))
        else:
            made = world.created(
                f"{name}-{number}", day, external_id=rng.choice([name, None]),
                email=rng.choice([f"{name}@acme.test", None]),
                withheld=rng.choice([None, None, "shared_address"]),
            )  # fmt: skip
            world.used(made, *rng.sample(days, rng.randrange(3)), counts=rng.random() < 0.8)
        if rng.random() < 0.3:
            world.unresolved("unknown_company", day, user_id=name)
    world.declare("seats")
    ours: Counter = Counter()
    theirs: Counter = Counter()
    for _ in range(rng.randrange(30)):
        owner, day = rng.choice([world.acme, world.other]), rng.choice(days)
        is_in = DAYS.first <= date.fromisoformat(day) <= DAYS.last
        if rng.random() < 0.5:
            world.value(rng.randrange(3), day, owner=owner, withheld=rng.choice([None, None, "x"]))
            ours[owner, day] += is_in
        else:
            copy = rng.choice(["", "z"])
            key = ("seats", owner + copy, (date.fromisoformat(day) - date(1970, 1, 1)).days)
            theirs[owner, day] += is_in and key not in world.played.sinks.metrics
            world.has(rng.choice([0, 1, 2, "2", "x", None]), day, owner=owner, copy=copy)
    return Counter(
        {
            "our values": ours.total(), "their values": theirs.total(),
            "shared values": (ours & theirs).total(),
        }
    )  # fmt: skip


BREAKS = [
    # two of ours with the same one of theirs
    (metrics, "_PAIR", " and ours.place = theirs.place", ""),
    (metrics, "_PAIR", "    full join theirs", "    left join theirs"),
    (metrics, "_PAIR", "    full join theirs", "    right join theirs"),
    (endusers, "_THEIRS_ONLY", "not exists (select", "exists (select"),
    (endusers, "_OURS_ONLY", "where is_in and their_id is null", "where is_in"),
    (activity, "_BOTH", " and not is_left_out", ""),
    (activity, "_OURS_ONLY", "ours is not null and theirs is null", "ours is not null"),
]


@pytest.mark.parametrize(("module", "name", "text", "instead"), BREAKS)
def test_a_pairing_that_is_wrong_is_noticed(
    world: World, monkeypatch: pytest.MonkeyPatch, module, name: str, text: str, instead: str
) -> None:
    for day in ("2026-03-05", "2026-03-06"):
        world.value(4, day, withheld="dimension_shared")
        world.value(5, day, withheld="dimension_shared")
    world.has(4)
    world.has(4, "2026-03-08")
    world.used(world.named(world.person(active="2026-03-05")), "2026-03-05")
    world.used(world.named(world.person(active="2026-03-16")), "2026-03-05")
    world.used(world.created("new"), "2026-03-05")
    world.person(active="2026-03-05")
    assert world.compare().exit_code == 2
    assert text in getattr(module, name)
    monkeypatch.setattr(module, name, getattr(module, name).replace(text, instead))
    section = module.__name__.rpartition(".")[2]
    with pytest.raises(ServiceError, match=f"The comparison of {section} does not add up"):
        world.compare()


def test_nothing_is_sent_and_nothing_changed_but_what_is_kept(world: World) -> None:
    some(world)
    before = world.rows_of_all()
    world.played.requests.all.clear()
    found = world.compare()
    asked = world.played.requests.all
    assert asked
    assert {each.method for each in asked} == {"GET"}
    after = world.rows_of_all()
    changed = {table for table in after if after[table] != before[table]}
    assert changed == {"sync.comparisons"}
    ((kept, since, until),) = world.run("select found, since, until from sync.comparisons")
    assert kept == json.loads(json.dumps(found.as_dict()))
    assert Days(since, until) == DAYS


def test_no_more_comparisons_are_kept_than_so_many(world: World) -> None:
    found = world.compare("metrics")
    world.run(
        "insert into sync.comparisons (tenant, since, until, compared_at, requested_by, found)"
        " select case when n = 1 then 'another' else %s end, now(), now(), now(), 'x', '{}'"
        " from generate_series(1, %s) as n", [world.connection.tenant, 2 * KEPT],
    )  # fmt: skip
    world.compare("metrics")
    kept = dict(world.run("select tenant, count(*) from sync.comparisons group by tenant"))
    assert kept == {"another": 1, world.connection.tenant: KEPT}
    ((newest,),) = world.run(
        "select found from sync.comparisons order by comparison_id desc limit 1"
    )
    assert newest["since"] == found.as_dict()["since"]


def away(world: World) -> None:
    world.played.faults.waiting = [Fault("error", "GET", "dimensiondata", after=1, times=99)]


def revoked(world: World) -> None:
    asked = 0

    def meanwhile(method: str, path: str) -> None:
        nonlocal asked
        asked += 1
        if asked == 3:
            world.played.switches = world.played.switches.turned(revoked=True)

    world.played.faults.meanwhile = meanwhile


def denied(world: World) -> None:
    world.played.switches = world.played.switches.turned(denied_reads=["dimensiondata"])


def odd(world: World) -> None:
    world.played.faults.waiting = [Fault("object", "GET", "endusers", times=99)]


@pytest.mark.parametrize(
    ("breaks", "said"),
    [
        (away, "does not answer for dimensiondata: it fails (500). Try again later."),
        (revoked, "answered 401: it does not know the token."),
        (denied, "The token may not use dimensiondata (403)"),
        (odd, "Planhat answered 200 for endusers, and not what is due there."),
    ],
)
def test_planhat_that_stops_answering_leaves_everything_as_it_was(world, breaks, said) -> None:
    some(world)
    world.declare("another")
    before = world.rows_of_all()
    breaks(world)
    with pytest.raises(ProblemError) as raised:
        world.compare()
    assert said in str(raised.value)
    assert raised.value.exit_code == 1
    assert world.played.token not in str(raised.value)
    assert world.rows_of_all() == before


@pytest.mark.parametrize("kind", ["throttle", "error", "cut", "reset", "object", "page"])
def test_what_passes_is_asked_again(world: World, kind: str) -> None:
    some(world)
    plain = world.compare().as_dict()
    world.played.faults.waiting = [
        Fault(kind, "GET", path)
        for path in ("endusers", "dimensiondata")  # type: ignore[arg-type]
    ]
    assert {**world.compare().as_dict(), "compared_at": ""} == {**plain, "compared_at": ""}


def test_all_of_a_list_that_comes_in_small_pages_is_compared(world: World) -> None:
    for number in range(7):
        world.created(f"u{number}")
        world.person(externalId=f"u{number}", email=f"u{number}@acme.test")
    world.played.switches = world.played.switches.turned(caps={"endusers": 2})
    assert world.outcomes("endusers") == {"equal": 7}
    world.played.switches = world.played.switches.turned(cap="refuse", caps={"endusers": 500})
    assert world.outcomes("endusers") == {"equal": 7}


def test_only_the_sections_that_are_named_are_asked_for(world: World) -> None:
    some(world)
    (section,) = world.compare("activity").sections
    assert section.name == "activity"
    assert world.played.requests.of("GET", "dimensiondata") == []
    world.played.requests.all.clear()
    world.compare("metrics")
    assert {each.path for each in world.played.requests.all} == {"dimensiondata"}


def test_what_is_older_than_the_days_is_said(world: World) -> None:
    remarks = world.compare("metrics").remarks
    assert [each.split(",")[0] for each in remarks] == [
        "Last built never", "Last read of Planhat never",
    ]  # fmt: skip
    later = DAYS.last + timedelta(days=1)
    with psycopg.connect(world.url) as connection:
        connection.execute(
            "insert into raw_planhat.reads (model, origin, considered, added, changed, returned,"
            " unchanged, deleted, withheld, rejected, started_at)"
            " values ('company', 'x', 0, 0, 0, 0, 0, 0, 0, 0, %s)", [later],
        )  # fmt: skip
    assert [each.split(",")[0] for each in world.compare("metrics").remarks] == ["Last built never"]
    world.run("truncate raw_planhat.reads")


def test_before_anything_was_built_planhat_is_not_asked(world: World) -> None:
    world.run("alter table marts.usage_daily rename to elsewhere")
    try:
        with pytest.raises(ServiceError, match=r"\(marts.usage_daily is not there\): run `make b"):
            world.compare()
    finally:
        world.run("alter table marts.elsewhere rename to usage_daily")
    assert world.played.requests.all == []


def test_as_text_it_is_a_table_and_reasons(world: World) -> None:
    some(world)
    found = world.compare()
    lines = str(found).splitlines()
    assert lines[0] == f"2026-03-02 to 2026-03-15 (UTC), ours beside {world.connection.place}"
    assert lines[2:7] == [
        "Section   Equal  Ours only  Theirs only  Different",
        "──────────────────────────────────────────────────",
        "endusers      0          1            1          0",
        "metrics       0          0            0          1",
        "activity      0          1            1          0",
    ]
    assert "metrics, different" in lines
    assert f"           seats {world.acme} 2026-03-05: ours 4, theirs 5" in lines
    for each in found.sections:
        assert all(reason.meaning and reason.remedy for reason in each.reasons)


def test_the_tables_are_the_models_and_the_reasons_those_of_the_code() -> None:
    for table, columns in TABLES.items():
        (file,) = (ROOT / "dbt_project" / "models").rglob(f"{table.split('.')[1]}.yml")
        (described,) = yaml.safe_load(file.read_text())["models"]
        names = {each["name"] for each in described["columns"]}
        assert {
            each.split()[0] for each in columns.split(", ") for each in each.split(",")
        } <= names
    code = "".join(
        file.read_text() for file in (ROOT / "include/compare").glob("*.py")
        if file.stem in ("endusers", "metrics", "activity")
    )  # fmt: skip
    said = set(re.findall(r"'(\w+)'", code))
    assert REASONS.keys() <= said


def test_every_reason_of_its_own_is_in_the_docs() -> None:
    page = (ROOT / "docs" / "planhat.md").read_text()
    section = page.split("\n## Moving over from the hosted integration\n")[1].split("\n## ")[0]
    listed = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", section, re.MULTILINE)
    assert {name for each in listed for name in re.findall(r"`(\w+)`", each)} == set(REASONS)
