"""The study of storage measures what it says; how fast it is, is no test's business."""

import psycopg
import pytest

from include.bench import storage
from include.errors import ProblemError


def quiet(line: str) -> None:
    pass


def test_every_shape_has_its_figures_beside_the_present_one_and_nothing_stays(warehouse: str):
    rows = storage.run(warehouse, rows=20_000, say=quiet)
    shapes = [shape.name for shape in storage.SHAPES]
    measured = ["appending, at 0.02 M rows", "10% sent again", "size", "finding a message id"]
    names = [f"{shape}: {what}" for shape in shapes for what in measured]
    assert [row.name for row in rows[:-1]] == names
    assert rows[-1].name.startswith("one table: pruning ")
    assert all(row.beside for row in rows[len(measured) :])
    with psycopg.connect(warehouse) as connection:
        found = connection.execute("select datname from pg_database").fetchall()
        assert (storage.DATABASE,) not in found


def test_every_shape_holds_the_same_calls_once(warehouse: str):
    with psycopg.connect(warehouse, autocommit=True) as connection:
        for shape in storage.SHAPES:
            connection.execute(shape.make)
        storage._make_partitions(connection)
        connection.execute(
            "create temporary table incoming"
            " (message_id text, received_at timestamptz, payload text)"
        )
        storage._append(connection, 1, 15_000, 15_000, resent=0)
        storage._append(connection, 15_001, 20_000, 15_000, resent=10)
        for table in ("present", "by_text", "monthly"):
            query = f"select count(*), count(distinct message_id) from {table}"
            assert connection.execute(query).fetchone() == (19_500, 19_500), table
        assert connection.execute("select count(*) from keys").fetchone() == (19_500,)


def test_it_is_refused_without_the_disk(warehouse: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(storage, "GB_A_MILLION", 1e9)
    with pytest.raises(ProblemError, match="10,000,000 rows need"):
        storage.run(warehouse, size="full", say=quiet)
