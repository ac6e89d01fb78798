"""What an edited model costs: itself and what its differences change, and never a wrong number."""

import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import psycopg
import pytest

from include.build import PROJECT, build
from include.build import project as files_of_project
from tests.dbt_project.conftest import ask, module_settings, module_warehouse  # noqa: F401
from tests.dbt_project.landing import land_calls, land_objects
from tests.dbt_project.test_any_order import read_everything

AT = datetime(2026, 3, 10, 12, tzinfo=UTC)
USAGE = "models/intermediate/usage"

# A count by source, of calls from products: it reads a setting, by way of a view, and lists none.
COUNTS = """
{{ config(materialized='journaled', unique_key=['source'], meta={'merges': {'calls': 'count'}}) }}

select source, count(*) as calls
from {{
    new_or_all('int_identity__call_resolutions', told_by='int_identity__call_changes')
}} as calls
where reason is null
group by source
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copied = tmp_path / "dbt_project"
    shutil.copytree(PROJECT, copied, ignore=shutil.ignore_patterns("target", "logs"))
    monkeypatch.setattr(files_of_project, "PROJECT", copied)
    return copied


def _edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert text.count(old) == 1, old
    file.write_text(text.replace(old, new))


def test_an_edit_is_compared_with_what_is_there(
    project: Path,
    module_warehouse,  # noqa: F811
    module_settings,  # noqa: F811
    ask,  # noqa: F811
):
    build_it = _builder(module_warehouse, module_settings)
    land_objects(module_warehouse, "company", [{"_id": "p1", "name": "Acme", "externalId": "c1"}])
    calls = [
        {"messageId": str(number), "type": "track", "event": "Opened", "userId": f"u{number % 3}",
         "properties": {"company_id": "c1"}}
        for number in range(9)
    ]  # fmt: skip
    land_calls(module_warehouse, calls, received_at=AT, source="app")
    (project / USAGE / "int_usage__sources.sql").write_text(COUNTS)
    build_it()

    # the same numbers, in other words: looked at whole, and nothing is written
    _edit(
        project / USAGE / "int_usage__object_windows.sql",
        "sum(activities)::bigint as activities_total",
        "sum(activities)::bigint + 0 as activities_total",
    )
    said = build_it()
    assert any("int_usage__object_windows.sql has changed" in line for line in said)
    modes = _modes(ask)
    assert modes.pop("int_usage__object_windows") == "compare"
    assert set(modes.values()) - {"compare"} == {"changes"}
    assert {name for name, mode in modes.items() if mode == "compare"} == {
        "int_identity__call_settings", "int_identity__keyset_endusers", "int_identity__objects",
        "int_identity__placed_calls",
    }  # fmt: skip

    # other columns: made anew
    counts = project / USAGE / "int_usage__sources.sql"
    _edit(
        counts,
        "select source, count(*) as calls",
        "select source, max(event_at) as last_event_at, count(*) as calls",
    )
    _edit(counts, "{'calls': 'count'}", "{'calls': 'count', 'last_event_at': 'max'}")
    # and a setting that a macro asks while another model compiles: made anew from the payloads
    with psycopg.connect(module_warehouse, autocommit=True) as connection:
        connection.execute("insert into sync.usage_events (type, event) values ('page', 'Prices')")
    build_it()
    modes = _modes(ask)
    assert (modes["int_usage__sources"], modes["stg_segment__calls"]) == ("create", "compare")
    assert ask("select source, calls, last_event_at from intermediate.int_usage__sources") == [
        {"source": "app", "calls": 9, "last_event_at": AT}
    ]

    # a setting that it reads through views: its source becomes Planhat's own; and another index
    # elsewhere, for which a table is made
    with psycopg.connect(module_warehouse, autocommit=True) as connection:
        connection.execute("update raw_segment.sources set kind = 'planhat' where source = 'app'")
    _edit(
        project / USAGE / "int_usage__event_names.sql",
        "unique_key=['type', 'event'],",
        "unique_key=['type', 'event'], indexes=[{'columns': ['event']}],",
    )
    build_it()
    modes = _modes(ask)
    assert ask("select source, calls from intermediate.int_usage__sources") == []
    assert (modes["int_usage__event_names"], modes["stg_segment__calls"]) == ("create", "changes")
    assert len(ask("select 1 from pg_indexes where tablename = 'int_usage__event_names'")) == 2

    so_far = read_everything(module_warehouse)
    build_it(full=True)
    assert read_everything(module_warehouse) == so_far


def _builder(url: str, settings) -> Callable[..., list[str]]:
    def make(**options) -> list[str]:
        said: list[str] = []
        build(
            url, settings, requested_by="test", today=date(2026, 3, 11), say=said.append, **options
        )
        return said

    return make


def _modes(ask: Callable[..., list[dict]]) -> dict[str, str]:  # noqa: F811
    rows = ask("select model, mode from sync.model_marks where mode <> 'whole'")
    return {row["model"]: row["mode"] for row in rows}
