"""dbt by hand, with a plain profiles.yml, beside what builds keep: no mark is broken."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from include.build import PROJECT, build
from include.build.profile import write_profile
from include.settings import Settings

Dbt = Callable[..., tuple[bool, dict[str, str]]]


@pytest.fixture(scope="module", autouse=True)
def built(module_warehouse: str, module_settings: Settings) -> None:
    build(module_warehouse, module_settings, requested_by="test", say=lambda line: None)


@pytest.fixture(scope="module")
def dbt(
    module_warehouse: str, module_settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Dbt:
    """A command of dbt with nothing but the profile: whether all went well, and said by node."""
    folder = tmp_path_factory.mktemp("by_hand")
    write_profile(module_warehouse, folder / "profiles.yml")
    state = str(folder / "target")

    def run(*command: str) -> tuple[bool, dict[str, str]]:
        from dbt.cli.main import dbtRunner

        outcome = dbtRunner().invoke(
            [
                *(state if word == "STATE" else word for word in command),
                "--log-level", "none", "--project-dir", str(PROJECT), "--profiles-dir", str(folder),
                "--target-path", state, "--log-path", str(folder / "logs"),
            ]
        )  # fmt: skip
        assert outcome.exception is None, outcome.exception
        said = {each.node.name: str(each.message) for each in outcome.result.results}
        assert said
        return outcome.success, said

    return run


def _kept(url: str) -> dict[str, Any]:
    """What builds rely on: marks, journals, and every table and view that is there."""
    with psycopg.connect(url) as connection:
        marks = connection.execute("select to_jsonb(each) from sync.model_marks as each").fetchall()
        relations = connection.execute(
            "select oid::regclass::text, relkind from pg_class where relkind in ('r', 'v')"
            " and relnamespace::regnamespace::text"
            " in ('staging', 'intermediate', 'marts', 'planhat')"
        ).fetchall()
        journals = {
            name: connection.execute(f"select count(*), max(journal_build) from {name}").fetchone()
            for name, _ in relations
            if name.endswith("__journal")
        }
    assert len(journals) > 15
    return {
        "marks": sorted(str(mark) for (mark,) in marks),
        "relations": sorted(relations),
        "journals": journals,
    }


def _build_again(url: str, settings: Settings) -> bool:
    """Whether a build has something to do; then it does it."""
    report = build(url, settings, requested_by="test", say=lambda line: None)
    return not report.is_reused


def test_a_whole_build_by_hand_leaves_incremental_tables_to_builds(
    dbt: Dbt, module_warehouse: str, module_settings: Settings
):
    before = _kept(module_warehouse)
    went_well, said = dbt("build", "--exclude-resource-type", "unit_test")
    assert went_well, {name: why for name, why in said.items() if "rror" in why}
    left = {name for name, message in said.items() if message == "LEFT TO make build"}
    assert left >= {"stg_segment__calls", "int_usage__object_days", "closed_day_changes"}
    assert len(left) == _incremental_models()
    assert {"usage_trends", "company", "event_resolution"} <= set(said) - left
    assert _kept(module_warehouse) == before
    # what was made by hand is made again, though nothing is new; once
    assert _build_again(module_warehouse, module_settings)
    assert not _build_again(module_warehouse, module_settings)


def _incremental_models() -> int:
    texts = [file.read_text() for file in (PROJECT / "models").rglob("*.sql")]
    found = [
        text
        for text in texts
        if "materialized='appended'" in text or "materialized='journaled'" in text
    ]
    assert len(found) > 25
    return len(found)


def test_a_table_made_by_hand_keeps_the_views_over_it(
    dbt: Dbt, module_warehouse: str, module_settings: Settings
):
    before = _kept(module_warehouse)
    assert dbt("run", "--select", "int_identity__own_keys+1", "stg_segment__sources", "companies")[
        0
    ]
    assert dbt("run", "--full-refresh", "--select", "usage_daily", "endusers")[0]
    assert _kept(module_warehouse) == before
    assert _build_again(module_warehouse, module_settings)


def test_what_only_reads_just_works(dbt: Dbt, module_warehouse: str, module_settings: Settings):
    before = _kept(module_warehouse)
    assert dbt("show", "--select", "int_usage__object_days", "usage_trends")[0]
    assert dbt("compile", "--select", "int_identity__call_changes")[0]
    assert dbt("test", "--select", "usage_trends", "int_identity__links")[0]
    assert _kept(module_warehouse) == before
    assert not _build_again(module_warehouse, module_settings)


@pytest.mark.parametrize(
    ("command", "model", "instead"),
    [
        ("run --select int_usage__object_days", "int_usage__object_days", "`make build`"),
        ("build --select +int_identity__links+1", "int_identity__links", "`make build`"),
        (
            "run --select models/staging/segment/stg_segment__calls.sql",
            "stg_segment__calls",
            "`make build`",
        ),
        ("run --full-refresh --select +usage_base_daily", "stg_segment__calls", "make build FULL"),
        ("run --empty --select usage_trends", "usage_trends", "`make build`"),
        (
            "clone --select usage_trends --state STATE",
            "usage_trends",
            "`make verify MODEL=usage_trends`",
        ),
    ],
)
def test_what_would_break_a_mark_is_refused_and_the_command_named(
    command: str, model: str, instead: str, dbt: Dbt, module_warehouse: str
):
    before = _kept(module_warehouse)
    went_well, said = dbt(*command.split())
    assert not went_well
    line = next(line for line in said[model].splitlines() if f"{model}: " in line)
    assert instead in line
    assert _kept(module_warehouse) == before


def test_while_a_build_is_running_nothing_is_made_by_hand(dbt: Dbt, module_warehouse: str):
    with psycopg.connect(module_warehouse, autocommit=True) as connection:
        connection.execute(
            "insert into sync.builds overriding system value"
            " select (build).* from (select jsonb_populate_record(builds, jsonb_build_object("
            "  'build_id', (select max(build_id) + 1 from sync.builds), 'status', 'running'"
            " )) as build from sync.builds order by build_id limit 1)"
        )
        before = _kept(module_warehouse)
        for model in ("usage_trends", "int_usage__object_days"):
            went_well, said = dbt("run", "--select", model)
            assert not went_well
            assert "make build`" in said[model]
        assert dbt("show", "--select", "int_usage__object_days")[0]
        assert _kept(module_warehouse) == before
        connection.execute("delete from sync.builds where status = 'running'")
