"""The measurement of Planhat measures what it says; how fast it is, is no test's business."""

import pytest

from include.bench import planhat


@pytest.fixture
def _little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planhat, "COMPANIES", {"small": 30})
    monkeypatch.setattr(planhat, "ROUND_TRIP", 0.001)
    # all of it is a minute's worth of calls at most, and those are some 60
    monkeypatch.setattr(planhat, "PACE", 1_000.0)


@pytest.mark.usefixtures("_little")
def test_planhat_is_read_beside_its_quota_and_a_bare_client(warehouse: str) -> None:
    rows = planhat.run(warehouse, say=lambda line: None)
    assert [(row.name, row.beside.rpartition(": ")[2]) for row in rows] == [
        ("read of 150 objects through Planhat's API, all new", "its 24 calls at the pace alone"),
        ("calls a minute", "the quota"),
        (
            "read of 150 objects through Planhat's API, nothing changed",
            "its 24 calls at the pace alone",
        ),
        (
            "the same without pace and quota, nothing changed, 150 objects",
            "the pages asked for and parsed",
        ),
        ("peak memory, 150 objects", ""),
    ]
    assert all((row.ratio is not None) == bool(row.beside) for row in rows)
