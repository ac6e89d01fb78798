"""The study of storage measures what it says; how fast it is, is no test's business."""

import psycopg
import pytest

from include.bench import storage
from include.errors import ProblemError


def quiet(line: str) -> None:
    pass


@pytest.mark.parametrize("apart", [[], ["present", "text", "monthly"]])
def test_every_shape_has_its_figures_and_nothing_stays(warehouse: str, apart: list[str]):
    rows = storage.run(warehouse, rows=20_000, apart=apart, say=quiet)
    shapes = [shape.name for shape in storage.SHAPES.values()]
    measured = [
        "appending, at 0.02 M rows", "10% sent again", "size", "finding a message id",
        "pruning two months",
    ]  # fmt: skip
    assert [row.name for row in rows] == [
        f"{shape}: {what}" for shape in shapes for what in measured
    ]
    assert all(row.beside for row in rows[len(measured) :])
    beside = {row.beside.partition(" (")[2] for row in rows if "appending" in row.name}
    assert beside == ({f"{storage.EMPTY.name})"} if apart else {"", "16-byte key, as it is now)"})
    with psycopg.connect(warehouse) as connection:
        found = connection.execute("select datname from pg_database").fetchall()
        assert (storage.DATABASE,) not in found


@pytest.mark.parametrize("is_filled", [False, True])
def test_every_shape_holds_the_same_calls_once(warehouse: str, is_filled: bool):
    with psycopg.connect(warehouse, autocommit=True) as connection:
        connection.execute(
            "create temporary table incoming"
            " (message_id text, received_at timestamptz, payload text)"
        )
        shapes = list(storage.SHAPES.values())
        for shape in shapes:
            storage._make(connection, shape)
            if is_filled:
                storage._fill(warehouse, shape, 15_000, 15_000, quiet)
            connection.execute(shape.index)
        if not is_filled:
            storage._append(connection, shapes, 1, 15_000, 15_000, resent=0)
        storage._append(connection, shapes, 15_001, 20_000, 15_000, resent=10)
        for table in ("present", "by_text", "monthly"):
            query = f"select count(*), count(distinct message_id) from {table}"
            assert connection.execute(query).fetchone() == (19_500, 19_500), table
        assert connection.execute("select count(*) from keys").fetchone() == (19_500,)


def test_a_shape_can_be_measured_alone(warehouse: str):
    rows = storage.run(warehouse, rows=20_000, apart=["monthly"], say=quiet)
    assert {row.name.partition(":")[0] for row in rows} == {"keys beside monthly tables"}


def test_it_is_refused_without_the_disk(warehouse: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(storage, "GB_A_MILLION", 1e9)
    with pytest.raises(ProblemError, match="10,000,000 rows need"):
        storage.run(warehouse, size="full", say=quiet)
