"""What an automation in Planhat says to have changed is marked, and nothing else of it is kept."""

import threading

import pytest

from include.collector.sources import add_key, add_source
from tests.include.collector.conftest import Running
from tests.include.planhat.world import ident

PATH = "/planhat/changed"
BODY = {"model": "EndUser", "_id": ident(11).upper(), "event": "updated", "sentAt": "2026-03-04"}


def marks(collector: Running) -> list[tuple]:
    rows = collector.rows("select * from raw_planhat.changed order by model, planhat_id")
    return [(row["model"], row["planhat_id"], row["event"], row["source"]) for row in rows]


def test_an_object_is_marked_once_however_often_it_is_said(collector: Running):
    for event in ("created", "updated"):
        answer = collector.post(PATH, {**BODY, "event": event}, key="demo-planhat")
        assert (answer.status_code, answer.json()) == (200, {"success": True})
    bearer = {"Authorization": "Bearer demo-planhat"}
    other = {"model": "company", "_id": ident(1)}
    assert collector.post(PATH, other, key=None, headers=bearer).status_code == 200
    assert marks(collector) == [
        ("company", ident(1), None, "demo-planhat"),
        ("enduser", ident(11), "updated", "demo-planhat"),
    ]
    assert collector.events() == []
    assert 'planhat_changes_total{source="demo-planhat"} 3' in collector.get("/metrics").text


def test_only_a_source_of_planhat_may_say_so(collector: Running):
    for key in ("demo-app", "demo-token", "nobody", None):
        assert collector.post(PATH, BODY, key=key).status_code == 401
    add_source(collector.warehouse, "changes", kind="planhat")
    key = add_key(collector.warehouse, "changes")
    assert collector.post(PATH, BODY, key=key).status_code == 200
    assert [each[3] for each in marks(collector)] == ["changes"]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"7", b'{"model": "Company"}', b'{"_id": "' + ident(1).encode() + b'"}',
        {**BODY, "_id": "1"}, {**BODY, "_id": 1}, {**BODY, "_id": ident(1) + "0"},
        {**BODY, "model": ""}, {**BODY, "model": "a b"}, {**BODY, "model": 5},
        {**BODY, "event": 5}, {**BODY, "model": "m" * 99},
    ],
    ids=str,
)  # fmt: skip
def test_a_body_that_names_no_object_is_refused_with_the_reason(collector: Running, body: object):
    answer = collector.post(PATH, body, key="demo-planhat")
    assert answer.status_code == 400
    assert answer.json()["code"] == "no_change"
    assert marks(collector) == []


def test_a_large_body_is_refused_and_a_get_is_not_answered(collector: Running):
    assert (
        collector.post(PATH, {**BODY, "event": "x" * 5_000}, key="demo-planhat").status_code == 413
    )
    assert collector.get(PATH).status_code == 405
    assert (
        collector.post(PATH, {**BODY, "event": "\x00" * 200}, key="demo-planhat").status_code == 200
    )


def test_many_at_once_are_all_marked(collector: Running):
    def say(number: int) -> None:
        body = {"model": "company", "_id": ident(number)}
        assert collector.post(PATH, body, key="demo-planhat").status_code == 200

    threads = [threading.Thread(target=say, args=[number]) for number in range(1, 20)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(marks(collector)) == 19
