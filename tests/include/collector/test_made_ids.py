"""Ids that we make: one call sent again has its id again, and two calls are two."""

import asyncio
import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from include.collector.event import Bad, Envelope, Row, read_event
from include.collector.intake import Intake
from include.collector.landing import Parcel, new_token
from include.collector.load import Loaded, load_files
from include.collector.made_ids import MadeIds
from include.collector.options import Limits
from include.collector.replay import replay
from include.collector.sources import add_demo_sources
from include.collector.spool import Spool
from tests.include.collector.conftest import Running

TIMED = {"type": "track", "userId": "u", "event": "E", "timestamp": "2026-03-10T12:00:00Z"}
UNTIMED = {"type": "track", "userId": "u", "event": "E"}


def read(call: dict, ids: MadeIds, place: int = 0, envelope: Envelope | None = None) -> Row | Bad:
    return read_event(json.dumps(call).encode(), place, ids, envelope or Envelope(), Limits())


def ids_of(*calls: dict, source: str = "s", file: str | None = None, **said: dict) -> list[str]:
    """The ids of the calls of one request, or file."""
    ids = MadeIds(source, file)
    envelope = Envelope.of({name: json.dumps(each).encode() for name, each in said.items()})
    rows = [read(call, ids, envelope=envelope) for call in calls]
    found = [
        row.message_id.decode() if isinstance(row, Row) else row.message_id or "" for row in rows
    ]
    assert all(each.startswith("made-") and len(each) <= 100 for each in found)
    return found


OWN_TIMES = [
    {"timestamp": "2026-03-10T12:00:00.5+01:00"}, {"timestamp": 1773144000},
    {"timestamp": "1773144000123"}, {"originalTimestamp": "Tue, 10 Mar 2026 12:00:00 GMT"},
    {"original_timestamp": "20260310T12"}, {"timestamp": "x", "originalTimestamp": 1773144000123},
]  # fmt: skip
NO_TIME_OF_DAY = [
    {}, {"timestamp": None}, {"timestamp": ""}, {"timestamp": "2026-03-10"},
    {"timestamp": "20260310"}, {"timestamp": "12:00"}, {"timestamp": "2026-03-10T12:00:00 GMT+1"},
    {"sentAt": "2026-03-10T12:00:00Z"}, {"receivedAt": "2026-03-10T12:00:00Z"},
    {"timestamp": 17731440}, {"properties": {"timestamp": "2026-03-10T12:00:00Z"}},
]  # fmt: skip
NO_ID = [{}, *({name: blank} for name in ("messageId", "message_id") for blank in
         (None, "", " ", "\n\u00a0", "\u200b\ufeff"))]  # fmt: skip


@pytest.mark.parametrize("time", OWN_TIMES, ids=str)
@pytest.mark.parametrize("blank", NO_ID, ids=ascii)
def test_a_call_with_a_time_of_day_of_its_own_is_the_same_again(time: dict, blank: dict):
    call = UNTIMED | time | blank
    assert ids_of(call) == ids_of(call | {"sentAt": "2027-01-01"}) == ids_of(UNTIMED | time)
    assert ids_of(call | {"sent_at": "2027-01-01"}) == ids_of(call)
    assert ids_of(call, source="other") != ids_of(call)
    assert ids_of(call | {"event": "F"}) != ids_of(call)


@pytest.mark.parametrize("time", NO_TIME_OF_DAY, ids=str)
def test_two_calls_without_a_time_of_day_are_two_calls(time: dict):
    call = UNTIMED | time
    assert len({*ids_of(call, call), *ids_of(call)}) == 3


@pytest.mark.parametrize("call", [TIMED, UNTIMED], ids=["timed", "untimed"])
def test_equal_calls_of_a_file_are_told_apart_by_how_many_stand_before(call: dict):
    other = call | {"event": "F"}
    short = ids_of(call, other, call, file="calls.jsonl")
    assert len(set(short)) == 3
    assert ids_of(call, other, call, other, call, file="calls.jsonl")[:3] == short


def test_equal_calls_of_a_request_are_told_apart_by_how_many_stand_before():
    first = ids_of(TIMED, TIMED)
    assert len(set(first)) == 2
    assert ids_of(TIMED, TIMED | {"sentAt": "2027-01-01"}, TIMED)[:2] == first


def test_without_a_time_the_file_is_part_of_what_a_call_is():
    assert ids_of(UNTIMED, file="a.jsonl") != ids_of(UNTIMED, file="b.jsonl")
    assert ids_of(TIMED, file="a.jsonl") == ids_of(TIMED, file="b.jsonl") == ids_of(TIMED)


def test_what_a_batch_says_is_part_of_what_its_calls_are():
    acme = ids_of(TIMED, context={"groupId": "acme"})
    assert acme == ids_of(TIMED, context={"groupId": "acme"}, sentAt="2027-01-01")  # type: ignore
    assert len({*acme, *ids_of(TIMED), *ids_of(TIMED, context={"groupId": "other"})}) == 3


def test_an_id_in_either_spelling_is_the_calls_own():
    for call in (TIMED | {"message_id": " m "}, {"messageId": None, "message_id": "m"} | TIMED,
                 TIMED | {"messageId": "m", "message_id": "other"}):  # fmt: skip
        ids = MadeIds("s")
        row = read(call, ids)
        assert isinstance(row, Row)
        assert (row.message_id, ids.made) == (b"m", 0)


@pytest.mark.parametrize(
    "spoil",
    [{"event": ""}, {"n": float("nan")}, {"type": " "}, {"userId": {}}, {"n": "\0"}],
    ids=str,
)
def test_a_call_for_the_quarantine_has_the_id_that_it_will_land_with(spoil: dict):
    ids = MadeIds("s")
    raws = [json.dumps(TIMED | spoil).encode()] * 2
    kept = [read_event(raw, 0, ids, Envelope(), Limits()) for raw in raws]
    assert all(isinstance(each, Bad) for each in kept)
    found = [each.message_id for each in kept]
    assert len({*found, None}) == 3
    assert ids.made == 2
    again = read_event(raws[0], 0, MadeIds("s"), Envelope(), Limits())
    assert again.message_id == found[0]


def test_what_says_an_id_or_is_no_call_gets_none():
    for raw in (b'{"messageId":"m","n":NaN}', b'{"message_id":NaN}', b"[]", b"nothing", b'{"a"'):
        ids = MadeIds("s")
        kept = read_event(raw, 0, ids, Envelope(), Limits())
        assert isinstance(kept, Bad)
        assert (kept.message_id, ids.made) == (None, 0)


# Through every way in


@pytest.fixture
def url(warehouse: str) -> str:
    add_demo_sources(warehouse)
    return warehouse


def load(url: str, path: Path) -> Loaded:
    return load_files(url, [path], "demo-app", lambda line: None)


def counts(url: str) -> tuple[int, int]:
    """Calls that landed, and ids that were made."""
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "select (select count(*) from raw_segment.events),"
            " (select coalesce(sum(made_ids), 0)::int from raw_segment.intake)"
        ).fetchone()
    assert found
    return found


def test_a_longer_version_of_a_file_lands_what_is_new_wherever_it_lies(url: str, tmp_path: Path):
    line = (json.dumps(UNTIMED) + "\n").encode()
    other = (json.dumps(TIMED) + "\n").encode()
    (tmp_path / "calls.jsonl").write_bytes(line * 3 + other)
    (tmp_path / "later").mkdir()
    (tmp_path / "later" / "calls.jsonl.gz").write_bytes(
        gzip.compress(line * 3 + other + line * 2 + other)
    )
    assert load(url, tmp_path / "calls.jsonl") == Loaded(4, 4, 0, 0)
    assert load(url, tmp_path / "later" / "calls.jsonl.gz") == Loaded(7, 3, 4, 0)
    assert load(url, tmp_path / "calls.jsonl") == Loaded(4, 0, 4, 0)
    assert counts(url) == (7, 15)


def test_equal_calls_of_different_steps_are_told_apart(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("include.collector.load.STEP", 2)
    (tmp_path / "calls").write_text((json.dumps(UNTIMED) + "\n") * 5)
    assert load(url, tmp_path / "calls") == Loaded(5, 5, 0, 0)
    assert load(url, tmp_path / "calls") == Loaded(5, 0, 5, 0)


def test_a_request_that_is_sent_again_while_it_waits_in_the_spool_is_one(url: str, tmp_path: Path):
    async def drain() -> None:
        spool = Spool(tmp_path / "spool", 1_000_000)
        for _ in range(2):
            ids = MadeIds("demo-app")
            rows = [
                row
                for place, call in enumerate([TIMED, TIMED, UNTIMED])
                if isinstance(row := read(call, ids, place), Row)
            ]
            parcel = Parcel("demo-app", rows, [], datetime.now(UTC), made_ids=ids.made)
            spool.append(new_token(), [parcel])
        intake = Intake(url, spool)
        await intake.start()
        while spool.has_backlog:
            await asyncio.sleep(0.05)
        await intake.stop()

    asyncio.run(drain())
    assert counts(url) == (4, 6)
    # and after it was away
    (tmp_path / "calls").write_text((json.dumps(TIMED) + "\n") * 3)
    assert load(url, tmp_path / "calls") == Loaded(3, 1, 2, 0)


def test_a_bad_line_that_is_loaded_twice_lands_once_after_the_fix(url: str, tmp_path: Path):
    (tmp_path / "calls").write_text((json.dumps(UNTIMED | {"n": float("nan")}) + "\n") * 2)
    for _ in range(2):
        assert load(url, tmp_path / "calls") == Loaded(2, 0, 0, 2)
    with psycopg.connect(url) as connection:
        connection.execute(
            "update raw_segment.quarantine set payload = replace(payload, 'NaN', '1')"
        )
    assert replay(url, say=lambda line: None) == Loaded(4, 2, 2, 0)
    assert counts(url) == (2, 4)  # those of the quarantine: no new ones


def test_a_request_sent_again_doubles_nothing_and_the_rest_are_new_calls(collector: Running):
    batch = {"batch": [TIMED, TIMED, UNTIMED, TIMED | {"event": "F"}]}
    assert collector.post("/v1/batch", batch).json()["accepted"] == 4
    answer = collector.post("/v1/batch", batch | {"sentAt": "2027-01-01T00:00:00Z"}).json()
    assert (answer["accepted"], answer["duplicates"]) == (1, 3)
    assert counts(collector.warehouse) == (5, 8)
    assert collector.books()["received"] == 8


def test_a_kept_call_without_id_or_time_lands_once_with_the_id_that_it_got(collector: Running):
    body = json.dumps(UNTIMED | {"n": float("nan")})
    for _ in range(2):  # two calls
        collector.post("/v1/track", body)
    kept = [each["message_id"] for each in collector.quarantine()]
    with psycopg.connect(collector.warehouse) as connection:
        connection.execute(
            "update raw_segment.quarantine set payload = replace(payload, 'NaN', '1')"
        )
    assert replay(collector.warehouse, say=lambda line: None) == Loaded(2, 2, 0, 0)
    assert {each["message_id"] for each in collector.events()} == set(kept)
    assert counts(collector.warehouse) == (2, 2)


def test_a_call_that_was_kept_by_an_earlier_version_gets_its_id_when_it_lands(url: str):
    with psycopg.connect(url) as connection:
        for call in (TIMED, TIMED, UNTIMED):
            connection.execute(
                "insert into raw_segment.quarantine (received_at, source, reason, payload)"
                " values (%s, 'demo-app', 'too_large', %s)",
                [datetime(2026, 3, 10, tzinfo=UTC), json.dumps(call)],
            )
        connection.execute(
            "insert into raw_segment.intake (source, hour, received, quarantined)"
            " values ('demo-app', '2026-03-10T00:00:00Z', 3, 3)"
        )
    assert replay(url, say=lambda line: None) == Loaded(3, 2, 1, 0)
    assert counts(url) == (2, 3)
