"""What the files of the project promise, read from the files: no warehouse needed."""

import re
import shutil
from pathlib import Path

import pytest
import yaml

from include.build import dbt_options, warehouse_environment
from include.settings import ROOT, Settings

PROJECT = ROOT / "dbt_project"
LAYERS = ("staging", "intermediate", "marts", "planhat", "to_planhat")


def _documented() -> dict[str, dict]:
    return {
        model["name"]: model
        for file in (PROJECT / "models").rglob("*.yml")
        for model in yaml.safe_load(file.read_text()).get("models", [])
    }


def _models() -> dict[str, Path]:
    return {file.stem: file for file in (PROJECT / "models").rglob("*.sql")}


def test_the_layers_are_where_design_says():
    assert {file.relative_to(PROJECT / "models").parts[0] for file in _models().values()} == set(
        LAYERS
    )


def test_every_model_says_what_a_row_of_it_is():
    documented = _documented()
    silent = [name for name in _models() if not documented.get(name, {}).get("description")]
    assert silent == [], "write a description into the YAML beside the model"


def test_every_documented_model_exists():
    assert set(_documented()) == set(_models())


def test_only_staging_reads_sources():
    readers = [
        name
        for name, file in _models().items()
        if "source(" in file.read_text() and "staging" not in file.parts
    ]
    assert readers == [], "read raw tables and settings in staging, and refer to that"


def test_every_pushed_model_says_which_call_it_becomes_and_is_in_the_exposure():
    pushed = {file.stem for file in (PROJECT / "models" / "planhat").glob("*.sql")}
    documented = _documented()
    calls = {name: documented[name]["config"]["meta"]["segment"]["call"] for name in pushed}
    assert set(calls.values()) <= {"group", "identify", "track"}
    assert len(pushed) >= 16
    exposure = yaml.safe_load((PROJECT / "models" / "planhat" / "exposures.yml").read_text())
    exposed = {
        re.search(r"'(\w+)'", reference).group(1)
        for reference in exposure["exposures"][0]["depends_on"]
    }
    assert exposed == pushed


# Segment keeps these column names for itself: a property of that name is thrown away.
RESERVED = {
    "id", "user_id", "anonymous_id", "group_id", "received_at", "sent_at", "original_timestamp",
    "timestamp", "uuid", "uuid_ts", "event", "event_text", "context", "loaded_at",
}  # fmt: skip


def test_no_outbound_column_has_a_name_that_segment_keeps_for_itself():
    pushed = {file.stem for file in (PROJECT / "models" / "planhat").glob("*.sql")}
    documented = _documented()
    for name in pushed:
        columns = {column["name"] for column in documented[name]["columns"]}
        assert columns & RESERVED == set(), f"rename it in planhat/{name}.sql"
        assert {"object_id", "planhat_id", "external_id", "company_external_id"} <= columns


def test_no_outbound_column_depends_on_the_clock():
    for file in (PROJECT / "models" / "planhat").glob("*.sql"):
        assert not re.search(r"now\(|current_|as_of|run_started", file.read_text()), file.name


@pytest.mark.parametrize("planted", ["", "{{ config(cluster_key='a') }}"])
def test_dbt_parses_the_project_without_a_word_of_what_it_is_about_to_drop(
    planted, tmp_path, settings: Settings, monkeypatch
):
    """Keys of our own stand under `meta` and the like: what dbt 2 reads, and dbt-autofix mends.

    dbt looks for it by the schema of dbt 2's files, for the adapters that dbt 2 knows; Postgres is
    not yet one of them.
    """
    from dbt.cli.main import dbtRunner
    from dbt.jsonschemas import jsonschemas

    monkeypatch.setattr(jsonschemas, "_JSONSCHEMA_SUPPORTED_ADAPTERS", {"postgres"})
    for name, value in warehouse_environment("postgresql://nobody@127.0.0.1/nothing").items():
        monkeypatch.setenv(name, value)
    project = tmp_path / "dbt_project"
    shutil.copytree(PROJECT, project)
    edited = project / "models" / "planhat" / "task.sql"
    edited.write_text(planted + edited.read_text())
    options = dbt_options(settings)
    options[options.index("--project-dir") + 1] = str(project)
    outcome = dbtRunner().invoke(["parse", "--no-partial-parse", "--log-level", "none", *options])
    said = str(outcome.exception or "")
    assert outcome.success is (planted == ""), said
    assert ("cluster_key" in said) is (planted != "")
