"""Every column that a build makes is described, and every described column is made."""

from pathlib import Path

import psycopg
import pytest

from include.build.docs_site import origins
from include.build.project import relations
from include.settings import Settings
from tests.dbt_project.descriptions import models
from tests.include.running import cli

SCHEMAS = ["staging", "intermediate", "marts", "planhat", "to_planhat"]
# A description that says no more than the column's name says nothing.
NO_FACT = {"", "a", "an", "the", "its", "of", "it"}


@pytest.fixture(scope="module")
def built(built_warehouse: Settings) -> set[tuple[str, str]]:
    """(model, column) of every table and view that a build makes.

    A journal is left out: it is its table's columns behind journal_build and journal_sign, made by
    the materialization. The column build_id is not: it can be asked for like any other.
    """
    with psycopg.connect(
        built_warehouse.airflow_conn_warehouse, row_factory=psycopg.rows.dict_row
    ) as connection:
        rows = connection.execute(
            "select case table_schema when 'to_planhat' then 'to_planhat__' else '' end"
            " || table_name as table_name, column_name from information_schema.columns"
            " where table_schema = any (%s)",
            [SCHEMAS],
        ).fetchall()
    assert {row["table_name"] for row in rows} >= {"stg_segment__calls", "usage_daily", "company"}
    return {
        (row["table_name"], row["column_name"])
        for row in rows
        if not row["table_name"].endswith("__journal")
    }


def _table(model: dict) -> str:
    """Its name in the warehouse; of what goes to Planhat with its schema before it."""
    alias = model.get("config", {}).get("alias")
    return f"to_planhat__{alias}" if alias else model["name"]


def _described() -> dict[tuple[str, str], str]:
    columns = [
        ((_table(model), column["name"]), column.get("description", "").strip())
        for model in models()
        for column in model["columns"]
    ]
    assert len(columns) == len(dict(columns)), "a column is described twice"
    return dict(columns)


def test_every_column_of_every_model_is_described(built: set[tuple[str, str]]):
    described = {column for column, text in _described().items() if text}
    silent = sorted(".".join(column) for column in built - described)
    assert silent == [], "describe it in the YAML beside the model"


def test_every_described_column_is_there(built: set[tuple[str, str]]):
    missing = sorted(".".join(column) for column in set(_described()) - built)
    assert missing == [], "no model makes it"


def test_a_description_says_more_than_the_name():
    described = _described()
    assert len(described) > 500
    repeating = [
        ".".join((model, column))
        for (model, column), text in described.items()
        if set(text.lower().strip(".").split()) <= {*column.split("_"), *NO_FACT}
    ]
    assert repeating == [], "say what it means, in which unit, when it is null"


def test_what_tells_who_a_person_is_says_so():
    personal = {"email", "emails", "first_name", "last_name", "phone", "nick_name"}
    columns = [
        (model["name"], column)
        for model in models()
        for column in model["columns"]
        if column["name"] in personal
    ]
    assert len(columns) > 20
    untagged = [
        f"{model}.{column['name']}"
        for model, column in columns
        if not column.get("config", {}).get("meta", {}).get("pii")
    ]
    assert untagged == [], "add config: {meta: {pii: true}}"


def test_the_docs_show_every_column_and_where_it_comes_from(
    built: set[tuple[str, str]], built_warehouse: Settings, tmp_path: Path
):
    url = built_warehouse.airflow_conn_warehouse
    done = cli("docs", DATA_DIR=str(tmp_path), AIRFLOW_CONN_WAREHOUSE=url)
    assert done.returncode == 0, done.stderr
    pages = [Path(line.removeprefix("file://")) for line in done.stdout.splitlines()[-2:]]
    assert [page.name for page in pages] == ["index.html", "columns.html"]
    described, lineage = (page.read_text() for page in pages)
    assert "exposure.planhat_segment.segment" in described
    assert "with message_id the one order of all rules" in described
    # what counts who looks at it is told not to, and could reach nobody
    assert "window.colibriTelemetry = false" in lineage
    assert all("connect-src data: blob:;" in page for page in (described, lineage))

    known = origins(pages[1].parent)
    assert len(set(known) & built) > 0.9 * len(built)
    assert known["usage_trends", "activities_30d"] == {
        ("int_usage__object_windows", "activities_30d")
    }
    pushed = {model["name"] for model in models() if "segment" in _meta(model)}
    nowhere = {column for column in built if column[0] in pushed} - set(known)
    # null, as Planhat has no such field there, or no such person
    nowhere.remove(("created_enduser", "planhat_id"))
    assert {column for _, column in nowhere} <= {"external_id", "company_id", "company_external_id"}


def _meta(model: dict) -> dict:
    return model.get("config", {}).get("meta", {})


def test_what_a_build_looks_for_is_what_dbt_makes(built_warehouse: Settings):
    # one that is never there would make each build ask everything
    with psycopg.connect(built_warehouse.airflow_conn_warehouse) as connection:
        found = connection.execute(
            "select name from unnest(%s::text[]) as name where to_regclass(name) is null",
            [relations()],
        ).fetchall()
    assert found == []
