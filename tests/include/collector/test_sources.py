from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from include.collector.rates import Rates
from include.collector.sources import (
    SourceError,
    add_demo_sources,
    add_key,
    add_source,
    list_sources,
    rotate_key,
    set_enabled,
    set_rate,
)
from include.page.changes import SWITCHES, set_switch

CALL = {"userId": "u", "event": "E"}


def test_a_key_is_kept_nowhere(warehouse: str):
    add_source(warehouse, "shop")
    key = add_key(warehouse, "shop")
    assert len(key) >= 32
    with psycopg.connect(warehouse) as connection:
        kept = connection.execute("select * from raw_segment.source_keys").fetchall()
    assert len(kept) == 1
    assert key not in str(kept)
    assert key.encode() not in bytes(kept[0][0])


def test_making_the_demo_sources_again_changes_nothing(warehouse: str):
    add_demo_sources(warehouse)
    before = list_sources(warehouse)
    add_demo_sources(warehouse)
    assert list_sources(warehouse) == before
    assert [(each.source, each.kind, each.keys) for each in before] == [
        ("demo-app", "product", 2),
        ("demo-planhat", "planhat", 1),
    ]


def test_what_cannot_be_is_said(warehouse: str):
    add_source(warehouse, "shop")
    add_source(warehouse, "site")
    add_key(warehouse, "shop", "a-key")
    with pytest.raises(SourceError, match="belongs to another source"):
        add_key(warehouse, "site", "a-key")
    with pytest.raises(SourceError, match="no source nowhere"):
        add_key(warehouse, "nowhere", "b-key")
    with pytest.raises(SourceError, match="no source nowhere"):
        set_enabled(warehouse, "nowhere", True)
    with pytest.raises(SourceError, match="exists and is of kind product"):
        add_source(warehouse, "shop", kind="planhat")
    with pytest.raises(SourceError, match="product or planhat"):
        add_source(warehouse, "other", kind="wrong")
    with pytest.raises(SourceError, match="a-z, 0-9"):
        add_source(warehouse, "Büro 1")


def test_a_rotated_key_works_beside_the_new_one_until_its_end(start, warehouse: str):
    collector = start()
    new = rotate_key(warehouse, "demo-app", overlap=timedelta(hours=1))
    assert collector.post("/v1/track", CALL, key=new).status_code == 200
    assert collector.post("/v1/track", CALL, key="demo-app").status_code == 200
    with psycopg.connect(warehouse) as connection:
        connection.execute(
            "update raw_segment.source_keys set valid_to = %s where valid_to is not null",
            [datetime.now(UTC) - timedelta(seconds=1)],
        )
    fresh = start()
    assert fresh.post("/v1/track", CALL, key="demo-app").status_code == 401
    assert fresh.post("/v1/track", CALL, key=new).status_code == 200


def test_a_new_key_works_in_a_running_collector(start, warehouse: str):
    collector = start()
    assert collector.post("/v1/track", CALL, key="fresh").status_code == 401
    add_source(warehouse, "fresh")
    add_key(warehouse, "fresh", "fresh")
    assert collector.post("/v1/track", CALL, key="fresh").status_code == 200


def test_a_source_that_sends_too_much_is_told_to_wait_and_others_are_not(start, warehouse: str):
    set_rate(warehouse, "demo-app", 5)
    collector = start()
    batch = {"batch": [{"type": "track", **CALL, "messageId": f"m-{n}"} for n in range(1_000)]}
    assert collector.post("/v1/batch", batch).status_code == 200  # more than a second's worth
    refused = collector.post("/v1/track", CALL)
    assert refused.status_code == 429
    assert 100 < int(refused.headers["retry-after"]) <= 200  # 995 calls too many, 5 a second
    assert collector.post("/v1/track", CALL, key="demo-planhat").status_code == 200
    assert len(collector.events()) == 1_001


def test_a_rate_is_one_whichever_worker_a_client_reaches(start, warehouse: str):
    set_rate(warehouse, "demo-app", 5)
    collector = start("--workers", "2")
    batch = {"batch": [{"type": "track", **CALL, "messageId": f"m-{n}"} for n in range(1_000)]}
    assert collector.post("/v1/batch", batch).status_code == 200
    for _ in range(10):
        collector.client.close()
        collector.client = type(collector.client)(timeout=30)  # a connection sticks to a worker
        assert collector.post("/v1/track", CALL).status_code == 429


@pytest.mark.parametrize("count", [1, 2])
def test_a_source_within_its_rate_is_never_told_to_wait(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, count: int
):
    clock = 100.0
    monkeypatch.setattr("time.monotonic", lambda: clock)
    workers = [Rates(tmp_path) for _ in range(count)]

    def wait(calls: int) -> float:
        workers.reverse()
        return workers[0].wait("s", calls, 20)

    for _ in range(100):
        assert wait(10) == 0
        clock += 0.5
    assert wait(50) == 0  # a debt of 30
    assert wait(1) == pytest.approx(31 / 20)
    clock += 31 / 20
    assert wait(1) == 0


def test_a_section_that_is_off_still_lands_its_calls(start, warehouse: str):
    for switch in SWITCHES:
        set_switch(warehouse, switch, False, by="ann")
    collector = start()
    assert collector.post("/v1/track", CALL).json()["accepted"] == 1
    assert collector.post("/v1/group", {"groupId": "g", "traits": {"seats": 3}}).status_code == 200
    assert [each["type"] for each in collector.events()] == ["track", "group"]
