"""Names in camelCase and snake_case by every route; what was sent is what is stored."""

import itertools
import json

import pytest

from include.collector.event import Envelope, Row, read_event
from include.collector.made_ids import MadeIds
from include.collector.options import Limits
from tests.include.collector.conftest import Running

# Segment's name and the partner form's, of each that the partner form has.
NAMES = {
    "userId": "user_id", "anonymousId": "anonymous_id", "groupId": "group_id",
    "previousId": "previous_id", "sentAt": "sent_at", "receivedAt": "received_at",
    "originalTimestamp": "original_timestamp",
}  # fmt: skip
SNAKE = {"type": "track", "event": "Opened", "message_id": "m", "user_id": "u"}


def stored(call: dict, envelope: Envelope) -> dict:
    raw = json.dumps(call).encode()
    row = read_event(raw, 0, MadeIds("s"), envelope, Limits())
    assert isinstance(row, Row)
    return json.loads(row.payload)


@pytest.mark.parametrize("name", NAMES)
def test_the_partner_form_says_each_name_once_or_both_stay(name: str):
    known = {"type": "x", "messageId": "m"}
    other = NAMES[name]
    partner = Envelope(partner=True)
    placed = known | {name: "b"}
    for call in ({other: "b"}, {name: None, other: "b"}, {other: "b", name: None}, {name: "b"}):
        assert stored(known | call, partner) == placed
    for one, two in itertools.product(["", " ", 0, False, "a"], [None, "", "b", {"c": 1}]):
        try:
            call = known | {name: one, other: two}
            assert stored(call, partner) == call
        except AssertionError:
            pytest.fail(f"{call} is not what is stored")


@pytest.mark.parametrize("name", NAMES)
def test_every_other_route_stores_the_names_that_were_sent(name: str):
    for call in ({NAMES[name]: "b"}, {name: None, NAMES[name]: "b"}, {name: "a", NAMES[name]: "b"}):
        call |= {"type": "x", "message_id": "m"}
        assert stored(call, Envelope()) == call


@pytest.mark.parametrize(
    ("path", "key"),
    [("/v1/batch", "demo-app"), ("/v1/track", "demo-app"), ("/webhook", "demo-app"),
     ("/dock/segment", "demo-token")],
)  # fmt: skip
def test_a_message_id_in_snake_case_is_the_id_by_every_route(
    collector: Running, path: str, key: str
):
    for second in ("00", "30"):  # the client tried again
        call = SNAKE | {"sent_at": f"2026-11-28T10:00:{second}Z"}
        body = {"batch": [call]} if path == "/v1/batch" else call
        assert collector.post(path, body, key=key).status_code == 200
    (event,) = collector.events()
    assert event["message_id"] == "m"
    (books,) = collector.rows("select * from raw_segment.intake")
    assert (books["duplicates"], books["differing"], books["made_ids"]) == (1, 0, 0)


def test_when_a_batch_was_sent_is_said_in_either_spelling(collector: Running):
    time, own = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"
    for number, name in enumerate(("sentAt", "sent_at")):
        calls = [{"type": "x", "messageId": f"{number}-{n}"} for n in range(2)]
        calls[1]["sent_at"] = own
        batch = {"batch": calls, name: time}
        for body in (json.dumps(batch), json.dumps(batch)[:-1] + ', "more": NaN}'):
            collector.post("/v1/batch", body)
    payloads = [each["payload"] for each in collector.events()]
    assert [each.get("sentAt") for each in payloads] == [time, None] * 2
    assert [each.get("sent_at") for each in payloads] == [None, own] * 2
    assert collector.books()["duplicates"] == 4
