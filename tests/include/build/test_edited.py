"""What an edited model costs: itself and what its differences change, and never a wrong number."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from tests.dbt_project.landing import land_calls, land_objects
from tests.dbt_project.test_any_order import read_everything

AT = datetime(2026, 3, 10, 12, tzinfo=UTC)
USAGE = "models/intermediate/usage"

# A count by source, of calls from products: it reads a setting, by way of a view, and another as it
# is compiled, and lists none. Once told to, it changes that one when it has been compiled.
COUNTS = """
{{ config(materialized='journaled', unique_key=['source'], meta={'merges': {'calls': 'count'}}) }}

select source, count(*) as calls
from {{
    new_or_all('int_identity__call_resolutions', told_by='int_identity__call_changes')
}} as calls
where reason is null and {{ threshold('odd_id_devices', 0) }} > 0
group by source

{%- if execute and run_query("select to_regclass('sync.now') is not null")[0][0] %}
    {%- do run_query("update sync.thresholds set value = 77 where threshold = 'odd_id_devices'") %}
{%- endif %}
"""


@pytest.mark.usefixtures("tables_alone")
def test_an_edit_is_compared_with_what_is_there(
    project: Path, edit, build_it, module_warehouse: str, ask
):
    counts = f"{USAGE}/int_usage__sources.sql"
    (project / counts).write_text(COUNTS)
    land_objects(module_warehouse, "company", [{"_id": "p1", "name": "Acme", "externalId": "c1"}])
    _land(module_warehouse, "app", 9)
    build_it()

    # the same numbers, in other words: looked at whole, and nothing is written
    edit(
        f"{USAGE}/int_usage__object_windows.sql",
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
    edit(
        counts,
        "select source, count(*) as calls",
        "select source, max(event_at) as last_event_at, count(*) as calls",
    )
    edit(counts, "{'calls': 'count'}", "{'calls': 'count', 'last_event_at': 'max'}")
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
    _land(module_warehouse, "web", 3)
    with psycopg.connect(module_warehouse, autocommit=True) as connection:
        connection.execute("update raw_segment.sources set kind = 'planhat' where source = 'app'")
    edit(
        f"{USAGE}/int_usage__event_names.sql",
        "unique_key=['type', 'event'],",
        "unique_key=['type', 'event'], indexes=[{'columns': ['event']}],",
    )
    build_it()
    modes = _modes(ask)
    assert ask("select source, calls from intermediate.int_usage__sources") == [
        {"source": "web", "calls": 3}
    ]
    assert (modes["int_usage__event_names"], modes["stg_segment__calls"]) == ("create", "changes")
    assert len(ask("select 1 from pg_indexes where tablename = 'int_usage__event_names'")) == 2

    # a setting that is written after the model was compiled, and before it is made: compiled to
    # add what is new, it is compared with all that there is
    _land(module_warehouse, "web", 1)
    with psycopg.connect(module_warehouse, autocommit=True) as connection:
        connection.execute("create table sync.now ()")
        connection.execute(
            "update sync.thresholds set value = 50 where threshold = 'trend_min_change'"
        )
    build_it()
    assert _modes(ask)["int_usage__sources"] == "compare"
    assert ask("select source, calls from intermediate.int_usage__sources") == [
        {"source": "web", "calls": 4}
    ]

    # what else was made before it, the next build makes again
    with psycopg.connect(module_warehouse, autocommit=True) as connection:
        connection.execute("drop table sync.now")
    build_it()
    so_far = read_everything(module_warehouse)
    build_it(full=True)
    assert read_everything(module_warehouse) == so_far


def _land(url: str, source: str, many: int) -> None:
    """So many calls of three users of a company that Planhat knows."""
    land_calls(
        url,
        [
            {"messageId": f"{source}-{many}-{number}", "type": "track", "event": "Opened",
             "userId": f"u{number % 3}", "properties": {"company_id": "c1"}}
            for number in range(many)
        ],
        received_at=AT, source=source,
    )  # fmt: skip


def _modes(ask: Callable[..., list[dict]]) -> dict[str, str]:
    rows = ask("select model, mode from sync.model_marks where mode <> 'whole'")
    return {row["model"]: row["mode"] for row in rows}
