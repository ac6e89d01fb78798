"""The incremental models in small worlds: made, built on and compared, each says what it must."""

import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from include.build import PROJECT
from include.settings import Settings
from tests.conftest import copied
from tests.dbt_project.changes import Copy, World, read_worlds
from tests.dbt_project.changes_mutations import MUTATIONS, Mutation

WORLDS = read_worlds()


@pytest.fixture(scope="module")
def copy(
    server: Settings, built_warehouse: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Copy]:
    # the worlds' tables are like those that are there
    with copied(server, "changes", template="built") as url:
        yield Copy(tmp_path_factory.mktemp("changes"), url, built_warehouse, WORLDS)


@pytest.fixture(scope="module")
def problems(copy: Copy) -> dict[str, list[str]]:
    return copy.problems()


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name)
def test_a_world_comes_out_alike_however_it_came_about(
    world: World, problems: dict[str, list[str]]
):
    assert problems[world.name] == [], f"{world.model}: {world.description}"


def test_every_model_that_is_built_on_has_a_world():
    with_worlds = {world.model for world in WORLDS}
    assert len({world.name for world in WORLDS}) == len(WORLDS)
    assert _built_on() - with_worlds == set(), "say in dbt_project/changes what comes and goes"


def _built_on() -> set[str]:
    """The models of which mode changes makes something: alone what staging types has none."""
    return {
        file.stem
        for file in (PROJECT / "models").rglob("*.sql")
        if any(
            word in file.read_text()
            for word in ("new_or_all(", "'touched_by'", "journal(", "examples(")
        )
    }


def test_each_mutation_turns_exactly_the_named_worlds_red(
    copy: Copy, problems: dict[str, list[str]]
):
    assert {mutation for mutation in MUTATIONS if not mutation.worlds <= set(problems)} == set()
    wrong = []
    for group in _groups(MUTATIONS):
        reached = [world for world in WORLDS if any(_reaches(each, world) for each in group)]
        with copy.spoilt(group):
            found = copy.problems(reached)
        red = {name for name in found if found[name]}
        for mutation in group:
            noticed = red & {world.name for world in reached if _reaches(mutation, world)}
            if noticed != mutation.worlds:
                more, less = sorted(noticed - mutation.worlds), sorted(mutation.worlds - noticed)
                wrong.append(f"{mutation.file}, {mutation.new}: {more} too, {less} not")
                wrong += [line for name in more for line in found[name]]
    assert not wrong, "\n".join(wrong)


def _reaches(mutation: Mutation, world: World) -> bool:
    return not mutation.file.startswith("models/") or mutation.file.endswith(f"/{world.model}.sql")


def _groups(mutations: list[Mutation]) -> list[list[Mutation]]:
    """Those of different models are tried together; what all use, alone."""
    groups: list[list[Mutation]] = []
    for mutation in mutations:
        for group in groups:
            files = [mutation.file, *(each.file for each in group)]
            if all(file.startswith("models/") for file in files) and len(set(files)) == len(files):
                group.append(mutation)
                break
        else:
            groups.append([mutation])
    return groups


# A model, a text in it, what it becomes, and words of what is said then.
REFUSED = [
    ("int_usage__event_names", "'first_seen_at': 'min', ", "", "how first_seen_at follows"),
    ("int_usage__event_names", "'calls': 'count'", "'calls': 'total'", "calls: total"),
    ("int_usage__event_names", "'calls': 'count'", "'call': 'count'", "how calls follows"),
    ("int_usage__event_names", "new_or_all(", "ref(", "by new_or_all(…); it reads none"),
    ("int_usage__event_names", "count(*)", "count(*)::float8", "a sum of floats"),
    ("int_quality__outcome_days", "'events': 'count'", "'events': 'sum'", "without a count"),
    ("int_quality__outcome_days", "'sum'}", "'count'}", "more than one count"),
    ("int_quality__outcome_days", "'merges'", "'merge_s'", "of which rows go too"),
    (
        "int_usage__object_days",
        "'int_usage__object_event_days': ['object_id', 'object_type', 'activity_date'],\n",
        "",
        "made from int_usage__object_event_days too",
    ),
    (
        "int_usage__object_windows",
        "'touched_by': {",
        "'touched_by': {'int_identity__links': ['object_id', 'object_type'], ",
        "touched_by names int_identity__links, which it is not made from",
    ),
    ("int_usage__object_windows", "'touched_by': {", "'compares': 'always', 'touched_by': {",
     "keep one of them"),
    ("int_usage__object_windows", "ref('int_usage__object_days')", "ref('int_identity__own_keys')",
     "made from int_identity__own_keys, which has no journal"),
    ("int_usage__object_windows", "unique_key=['object_id', 'object_type']",
     "unique_key='object_id'", "say in unique_key"),
]  # fmt: skip


def test_what_a_model_forgets_is_said_by_name_before_anything_is_written(copy: Copy):
    models = {
        f"refused_{number}": (model, _changed(copy.read(model), old, new))
        for number, (model, old, new, _) in enumerate(REFUSED)
    }
    said = copy.failures(models)
    assert set(said) == set(models)
    unsaid = {
        name: said[name]
        for name, (*_, words) in zip(models, REFUSED, strict=True)
        if f"{name}: " not in said[name] or words not in said[name]
    }
    assert unsaid == {}


# Two each, alike up to their last character.
ALIKE = {
    f"made_at_one_moment_and_alike_until_the_very_end_{origin[:3]}_{number}": origin
    for origin in ("int_usage__event_names", "stg_segment__keysets")
    for number in (1, 2)
}


def test_tables_whose_names_begin_alike_and_that_are_made_at_once_have_indexes_of_their_own(
    copy: Copy,
):
    models = {name: (origin, copy.read(origin)) for name, origin in ALIKE.items()}
    assert copy.failures(models) == {}
    with psycopg.connect(copy.url) as connection:
        names = connection.execute(
            "select tablename, indexname from pg_indexes where tablename = any(%s)", [list(ALIKE)]
        ).fetchall()
    assert {table for table, _ in names} == set(ALIKE)
    # a hash, dbt's or ours: what Postgres calls an index it would call two of them at one moment
    assert [name for _, name in names if not re.search("(^|_)[0-9a-f]{32}$", name)] == []


def _changed(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new, 1)


# Models whose SELECT depends on what is looked at: each with the reason at its head.
KEEP_A_MODE = {"int_identity__anonymous_calls", "usage_alerts"}


def test_a_model_is_one_select_whatever_the_mode_but_for_those_that_say_why():
    texts = {file.stem: file.read_text() for file in Path(PROJECT / "models").rglob("*.sql")}
    assert {name for name, text in texts.items() if "increment_mode" in text} == KEEP_A_MODE
    assert {name for name in KEEP_A_MODE if "Keeps a mode" not in texts[name]} == set()
    assert [name for name, text in texts.items() if "depends_on" in text] == []
    assert [name for name, text in texts.items() if "where false and" in text] == []
