"""The measurement of the push measures what it says; how fast it is, is no test's business."""

import pytest

from include.bench import push


@pytest.fixture
def _little(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, amount in {"OBJECTS": 1_500, "MANY_OBJECTS": 3_000, "ROUND_TRIP": 0.001}.items():
        monkeypatch.setattr(push, name, amount)


@pytest.mark.usefixtures("_little")
def test_every_push_is_measured_beside_the_library_s_own_ways(warehouse: str) -> None:
    rows = push.run(warehouse, size="full", say=lambda line: None)
    assert [(row.name, row.beside.split(": ")[-1]) for row in rows] == [
        ("diff of 1,500 objects, nothing changed", "the bare join"),
        ("plan of 1,500 objects, all new", ""),
        ("peak memory, 1,500 objects", ""),
        ("diff of 3,000 objects, nothing changed", "the bare join"),
        ("plan of 3,000 objects, all new", ""),
        ("peak memory, 3,000 objects", "1,500 objects"),
        *(
            (f"push of 1,500 objects, {at}", beside)
            for at in (
                "1 ms round trip, 2 workers",
                "1 ms round trip, 1 worker",
                "0 ms round trip, 2 workers",
            )
            for beside in ("the library's client", "one connection of its batch sender")
        ),
    ]
    assert all((row.ratio is not None) == bool(row.beside) for row in rows)
