"""docs/settings.md: its tables are those of the warehouse, and its statements work."""

import re
from pathlib import Path

import psycopg
import pytest

from include.settings import ROOT
from tests.documented import blocks

PAGE: Path = ROOT / "docs" / "settings.md"
# One that somebody decides says who did.
SETTINGS = """
    select table_name from information_schema.columns
    where table_schema = 'sync' and column_name = 'changed_by'
"""


def section(table: str) -> str:
    """What the page says of a table."""
    return PAGE.read_text().split(f"\n### sync.{table}\n")[1].split("\n### ")[0]


def documented_tables() -> list[str]:
    """In the order of the page."""
    return re.findall(r"^### sync\.(\w+)$", PAGE.read_text(), re.MULTILINE)


def test_every_table_that_somebody_decides_is_there(warehouse: str) -> None:
    with psycopg.connect(warehouse) as connection:
        known = {table for (table,) in connection.execute(SETTINGS)}
    assert len(known) > 10
    assert set(documented_tables()) == known
    overview = PAGE.read_text().split("\n## Tables\n")[1].split("\n### ")[0]
    assert set(re.findall(r"\[`sync\.(\w+)`\]\(#sync\w+\)", overview)) == known


@pytest.mark.parametrize("table", documented_tables())
def test_its_columns_are_those_of_the_warehouse_and_its_statement_works(
    warehouse: str, table: str
) -> None:
    said = re.findall(
        r"^\| `(\w+)` \| (text|boolean|integer|numeric|date|timestamptz) \|(.*?)\|",
        section(table),
        re.MULTILINE,
    )
    with psycopg.connect(warehouse) as connection:
        columns = connection.execute(
            "select column_name, udt_name, is_nullable = 'YES', column_default"
            " from information_schema.columns where table_schema = 'sync' and table_name = %s"
            " order by ordinal_position",
            [table],
        ).fetchall()
        assert [name for name, *_ in said] == [name for name, *_ in columns]
        for (name, kind, default), (_, known, may_be_null, known_default) in zip(
            said, columns, strict=True
        ):
            assert {"bool": "boolean", "int4": "integer"}.get(known, known) == kind, name
            assert bool(default.strip()) == (may_be_null or known_default is not None), name
            if known_default and known_default != "now()":
                assert default.strip(" `") == known_default.split("::")[0].strip("'"), name
        for statement in blocks("settings.md", f"sync.{table}"):
            assert re.match(rf"(insert into|update) sync\.{table}\b", statement)
            assert connection.execute(statement.encode()).rowcount > 0
        who = f"select count(*) from sync.{table} where changed_by = 'ann'"
        assert connection.execute(who.encode()).fetchone()[0] > 0


def test_the_thresholds_are_those_of_a_new_warehouse(warehouse: str) -> None:
    said = re.findall(
        r"^\| `(\w+)` \| ([\d.]+|null) \| ([^|]+) \| [^|]+ \|$", section("thresholds"), re.MULTILINE
    )
    with psycopg.connect(warehouse) as connection:
        known = connection.execute(
            "select threshold, coalesce(trim_scale(value)::text, 'null'), unit"
            " from sync.thresholds order by threshold"
        ).fetchall()
    assert said == known


@pytest.mark.parametrize(("table", "of"), [("key_names", "key"), ("object_keys", "model")])
def test_where_keys_are_looked_for_is_that_of_a_new_warehouse(
    warehouse: str, table: str, of: str
) -> None:
    rows = re.findall(r"^\| `(\w+)` \| ((?:`[^`]+`(?:, )?)+) \|$", section(table), re.MULTILINE)
    said = {name: re.findall(r"`([^`]+)`", names) for name, names in rows}
    path = "path" if table == "key_names" else "property"
    with psycopg.connect(warehouse) as connection:
        known = connection.execute(
            f"select {of}, array_agg({path} order by position, {path})"
            f" from sync.{table} group by 1".encode()
        ).fetchall()
    assert said == dict(known)
