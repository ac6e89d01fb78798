"""A call in the address of an image lands, and whatever is sent, an image is the answer."""

import base64
import json
import random

import httpx
import pytest

from include.collector import pixel
from tests.include.collector.conftest import Running

CALL = {"writeKey": "demo-app", "userId": "ü-1?>", "messageId": "m-1", "event": "Mail Opened"}


def written(call: object, *, for_addresses: bool = False, padding: bool = True) -> str:
    raw = call if isinstance(call, bytes) else json.dumps(call, ensure_ascii=False).encode()
    encode = base64.urlsafe_b64encode if for_addresses else base64.b64encode
    text = encode(raw).decode()
    return text if padding else text.rstrip("=")


def show(collector: Running, kind: str, data: str | None, **more: str) -> httpx.Response:
    parameters = {**({"data": data} if data is not None else {}), **more}
    answer = collector.get(f"/v1/pixel/{kind}", params=parameters)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/gif"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.content.startswith(b"GIF89a")
    return answer


@pytest.mark.parametrize("kind", ["identify", "track", "group", "page", "screen", "alias"])
def test_every_type_lands_without_the_key(collector: Running, kind: str):
    show(collector, kind, written(CALL))
    [event] = collector.events()
    assert (event["type"], event["source"]) == (kind, "demo-app")
    assert event["payload"] == {
        "type": kind, "userId": "ü-1?>", "messageId": "m-1", "event": "Mail Opened"
    }  # fmt: skip


def test_every_length_in_every_spelling_of_base64_lands(collector: Running):
    """Of any length modulo 3, with letters that the two alphabets write differently."""
    n = 0
    for length in range(6):
        for for_addresses in (True, False):
            for padding in (True, False):
                n += 1
                call = {**CALL, "messageId": f"m-{n}", "userId": "ÿ?>~" * 3 + "x" * length}
                show(
                    collector,
                    "track",
                    written(call, for_addresses=for_addresses, padding=padding),
                )
    assert len(collector.events()) == n
    assert collector.quarantine() == []


def test_a_plus_that_became_a_space_and_a_broken_line_are_read(collector: Running):
    data = written({**CALL, "properties": {"t": "ûûûþþþ>>>~~~"}})
    assert "+" in data
    # As it stands in an address that nobody escaped.
    answer = httpx.get(f"{collector.url}/v1/pixel/track?data={data}")
    assert answer.status_code == 200
    show(collector, "track", data[:40] + "\r\n" + data[40:])
    assert len(collector.events()) == 1
    assert collector.books()["duplicates"] == 1


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (written(CALL)[:-8], "malformed_json"),  # cut short
        (written(CALL) + "!!", "malformed_base64"),
        (written(CALL) + "%22%3E", "malformed_base64"),
        (written(b'{"writeKey": "demo-app", "userId": }'), "malformed_json"),
        (written(b'{"writeKey": "demo-app", "userId": "\xff"}'), "invalid_utf8"),
        (written({"writeKey": "demo-app", "userId": "u"}), "missing_event"),
        (written({**CALL, "traits": "none"}), "wrong_shape"),
        (written(b'["writeKey", {"write_key": "demo-app"}]'), "not_an_object"),
    ],
)
def test_bad_data_of_a_known_key_is_an_image_and_kept_apart_with_its_reason(
    collector: Running, data: str, reason: str
):
    show(collector, "track", data)
    assert collector.events() == []
    [row] = collector.quarantine()
    assert (row["source"], row["reason"]) == ("demo-app", reason)
    assert "demo-app" not in row["payload"]
    assert collector.books()["quarantined"] == 1


@pytest.mark.parametrize(
    "data",
    [None, "", "====", "!", "a", written({**CALL, "writeKey": "nobody"}), written({"event": "E"}),
     written({**CALL, "writeKey": "demo-token"}), written([]), written(b"\xff\xfe"), "x" * 20_000],
)  # fmt: skip
def test_data_of_nobody_is_an_image_and_kept_nowhere(collector: Running, data: str | None):
    show(collector, "identify", data)
    assert collector.events() == collector.quarantine() == []
    assert "collector_pixels_refused_total" in collector.get("/metrics").text


def test_the_key_may_stand_in_the_address_too(collector: Running):
    show(collector, "page", written({"userId": "u", "messageId": "m-1"}), writeKey="demo-app")
    assert len(collector.events()) == 1


def test_whoever_only_looks_whether_there_is_an_image_makes_no_call(collector: Running):
    answer = collector.client.head(
        f"{collector.url}/v1/pixel/track", params={"data": written(CALL)}
    )
    assert answer.status_code == 200
    assert collector.events() == []


def test_another_type_is_no_route(collector: Running):
    assert collector.get("/v1/pixel/dance").status_code == 404
    assert collector.post("/v1/pixel/track", {}).status_code == 405


def test_what_was_written_is_read_whatever_it_is():
    chosen = random.Random(7)
    for length in range(200):
        raw = bytes(chosen.randrange(256) for _ in range(length))
        for for_addresses in (True, False):
            for padding in (True, False):
                data = written(raw, for_addresses=for_addresses, padding=padding)
                found = pixel.read(data)
                assert found.call == raw
                assert (found.detail is None) == (length > 0)
