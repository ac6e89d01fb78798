"""The longest of everything, through every way in: it lands as it was sent, or is kept apart."""

import asyncio
import base64
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from include.collector.event import Bad, Envelope, Row, read_event
from include.collector.intake import Intake, now
from include.collector.landing import Parcel, new_token
from include.collector.load import load_files
from include.collector.made_ids import MadeIds
from include.collector.options import WEBHOOK_LIMITS
from include.collector.replay import replay
from include.collector.spool import Spool
from include.segment_warehouse.landing import land_warehouse_calls
from tests.include.collector import longest
from tests.include.collector.conftest import Running
from tests.include.collector.longest import ALPHABETS, Longest
from tests.include.segment_warehouse.segment_tables import SegmentTables

RENAMED = {
    "userId": "user_id", "anonymousId": "anonymous_id", "groupId": "group_id",
    "previousId": "previous_id", "messageId": "message_id",
}  # fmt: skip


def quiet(line: str) -> None:
    pass


def assert_landed(collector: Running, sent: Iterable[Longest]) -> None:
    """What may land is stored as it was sent; of the rest the reasons are kept, and the books."""
    sent = list(sent)
    stored = [each["payload"] for each in collector.events()]
    may = [each.call for each in sent if each.reason is None]
    assert sorted(map(key, stored)) == sorted(map(key, may))
    reasons = Counter(each["reason"] for each in collector.quarantine())
    assert reasons == Counter(each.reason for each in sent if each.reason)
    assert collector.books()["received"] == len(sent)


def key(call: dict[str, Any]) -> str:
    return json.dumps({k: v for k, v in call.items() if v is not None}, sort_keys=True)


@pytest.mark.parametrize(
    ("alphabet", "path"), zip(ALPHABETS, ("/v1/batch", "/v1/import", "/v1/b/"), strict=True)
)
def test_in_a_batch(collector: Running, alphabet: str, path: str):
    sent = longest.calls("batch", alphabet)
    answer = collector.post(path, {"batch": [each.call for each in sent]}).json()
    assert [each["index"] for each in answer["quarantined"]] == [
        place for place, each in enumerate(sent) if each.reason
    ]
    assert_landed(collector, sent)


@pytest.mark.parametrize("alphabet", ALPHABETS)
def test_one_by_one_by_the_webhook_and_in_the_partner_form(collector: Running, alphabet: str):
    sent = []
    for each in longest.calls("single", alphabet):
        kind = each.call["type"]
        path = f"/v1/{kind}" if kind in ("track", "identify", "group", "alias") else "/v1/track"
        assert collector.post(path, each.call).status_code == 200
        sent.append(each)
    for each in longest.calls("dock", alphabet):
        call = {RENAMED.get(name, name): value for name, value in each.call.items()}
        call = {name: value for name, value in call.items() if value is not None}
        call = {
            **call,
            **({"message_id": each.call["message_id"]} if "message_id" in each.call else {}),
        }
        assert collector.post("/dock/segment", call, key="demo-token").status_code == 200
        sent.append(each)
    large = longest.calls("webhook", alphabet, size=8_000)
    assert collector.post("/webhook", [each.call for each in large]).status_code == 200
    assert_landed(collector, [*sent, *large])


@pytest.mark.parametrize("alphabet", ALPHABETS)
def test_in_the_address_of_an_image(collector: Running, alphabet: str):
    sent = []
    for each in longest.calls("pixel", alphabet):
        call = each.call | {"writeKey": "demo-app"}
        data = base64.b64encode(_dump(call).encode()).decode()
        if len(data) < 20_000:  # an address has an end
            assert collector.get("/v1/pixel/track", params={"data": data}).status_code == 200
            sent.append(each)
    assert len(sent) > 10
    assert_landed(collector, sent)


@pytest.mark.parametrize("alphabet", ALPHABETS)
def test_from_files_through_the_spool_and_after_the_quarantine(
    collector: Running, alphabet: str, tmp_path: Path
):
    sent = []
    for way, dump in (("lines", _lines), ("list", _dump), ("batches", _batches)):
        some = longest.calls(way, alphabet, size=8_000)
        (tmp_path / way).write_text(dump([each.call for each in some]))
        load_files(collector.warehouse, [tmp_path / way], "demo-app", quiet)
        sent += some
    some = longest.calls("spool", alphabet, size=8_000)
    asyncio.run(_drain(collector.warehouse, tmp_path / "spool", some))
    sent += some

    # what a bad neighbour's context keeps from landing, until that is repaired
    some = longest.calls("replay", alphabet)
    body = _dump({"batch": [each.call for each in some], "integrations": "NaN"})
    answer = collector.post("/v1/batch", body.replace('"NaN"', "NaN").encode())
    assert answer.json()["accepted"] == 0
    with psycopg.connect(collector.warehouse) as connection:
        connection.execute(
            "update raw_segment.quarantine set envelope = replace(envelope, 'NaN', 'null')"
            " where reason = 'malformed_json'"
        )
    assert replay(collector.warehouse, say=quiet).landed == sum(not each.reason for each in some)
    with psycopg.connect(collector.warehouse) as connection:
        connection.execute("delete from raw_segment.quarantine where replayed_at is not null")
    assert_landed(collector, [*sent, *some])


def _dump(said: Any) -> str:
    return json.dumps(said, ensure_ascii=False)


def _lines(calls: list[dict]) -> str:
    return "\n".join(map(_dump, calls))


def _batches(calls: list[dict]) -> str:
    return "\n".join(_dump({"batch": [call]}) for call in calls)


async def _drain(url: str, folder: Path, some: list[Longest]) -> None:
    ids, found = MadeIds("demo-app"), []
    for place, each in enumerate(some):
        raw = _dump(each.call).encode()
        found.append(read_event(raw, place, ids, Envelope(), WEBHOOK_LIMITS))
    rows = [each for each in found if isinstance(each, Row)]
    bad = [each for each in found if isinstance(each, Bad)]
    spool = Spool(folder, 10_000_000)
    spool.append(new_token(), [Parcel("demo-app", rows, bad, now())])
    intake = Intake(url, spool)
    await intake.start()
    while spool.has_backlog:
        await asyncio.sleep(0.05)
    await intake.stop()


def test_from_segments_own_tables(collector: Running):
    tables = SegmentTables(collector.warehouse)
    landed = 0
    for alphabet in ALPHABETS:
        for each in longest.calls("tables", alphabet, size=8_000):
            said = each.call
            row = {
                "id": said.get("messageId") or said.get("message_id"),
                "event": "e", "event_text": said.get("event"), "user_id": said.get("userId"),
                "anonymous_id": said.get("anonymousId"),
                "context_library_name": said.get("context", {}).get("library", {}).get("name"),
                "name": json.dumps(said.get("traits") or said.get("properties")),
                "received_at": "2026-03-10T12:00:05Z",
            }  # fmt: skip
            if row["event_text"]:
                tables.insert("everything", row)
                landed += len(row["id"]) <= 500
    found = land_warehouse_calls(collector.warehouse, tables.schema, "tables", say=quiet)
    assert (found.landed, found.unread) == (landed, [])
    assert found.quarantined > 0
    assert {each["reason"] for each in collector.quarantine()} == {"message_id_too_long"}
    tables.execute("drop schema production cascade")


def test_what_an_earlier_version_let_in_is_found_by_its_id(collector: Running):
    assert longest.land_as_before(collector.warehouse) == len(collector.events())
    for each in longest.calls("before", "emoji", size=20_000):
        if each.reason is None and len(json.dumps(each.call)) < 30_000:
            answer = collector.post("/v1/batch", {"batch": [each.call]}).json()
            assert (answer["accepted"], answer["duplicates"]) == (0, 1)
