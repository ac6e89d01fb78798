"""Each call is in the table once, however often and by whichever way it comes."""

import asyncio
import json

import httpx

from tests.include.collector.conftest import Running


def call(message_id: str | int, **more) -> dict:
    known = {"type": "track", "userId": "u", "event": "E", "messageId": message_id}
    return {**known, **more}


def test_a_batch_sent_again_is_counted_and_lands_nothing(collector: Running):
    batch = {"batch": [call(f"m-{n}") for n in range(100)]}
    assert collector.post("/v1/batch", batch).json()["accepted"] == 100
    batch["batch"].append(call("new"))
    assert collector.post("/v1/batch", batch).json() == {
        "success": True, "accepted": 1, "duplicates": 100, "quarantined": []
    }  # fmt: skip
    assert len(collector.events()) == 101
    assert collector.books()["duplicates"] == 100


def test_a_duplicate_inside_a_batch_is_counted_and_the_first_stands(collector: Running):
    batch = {"batch": [call("m", event="first"), call("n"), call("m", event="second")]}
    assert collector.post("/v1/batch", batch).json()["duplicates"] == 1
    stored = {each["message_id"]: each["payload"] for each in collector.events()}
    assert stored["m"]["event"] == "first"


def test_a_message_id_is_one_across_sources(collector: Running):
    assert collector.post("/v1/track", call("m")).json()["accepted"] == 1
    assert collector.post("/v1/track", call("m"), key="demo-planhat").json()["duplicates"] == 1
    assert [each["source"] for each in collector.events()] == ["demo-app"]


def test_a_message_id_that_is_a_number_is_its_text(collector: Running):
    assert collector.post("/v1/track", call(17)).json()["accepted"] == 1
    assert collector.post("/v1/track", call("17")).json()["duplicates"] == 1


def test_requests_at_the_same_time_share_commits_and_each_gets_its_own_answer(
    collector: Running,
):
    async def send_all() -> list[dict]:
        async with httpx.AsyncClient(
            base_url=collector.url, auth=("demo-app", ""), timeout=60
        ) as client:
            answers = await asyncio.gather(
                *(
                    # half of the ids are sent twice, by different requests
                    client.post("/v1/track", content=json.dumps(call(f"m-{n % 200}")))
                    for n in range(300)
                )
            )
        return [answer.json() for answer in answers]

    answers = asyncio.run(send_all())
    assert sum(answer["accepted"] for answer in answers) == 200
    assert sum(answer["duplicates"] for answer in answers) == 100
    assert len(collector.events()) == 200
    (loads,) = collector.rows("select count(*) as loads from raw_segment.loads")
    assert loads["loads"] < 300, "no commit was shared"
    assert collector.books()["received"] == 300


def test_received_at_is_stamped_once(collector: Running):
    collector.post("/v1/track", call("m"))
    (before,) = collector.events()
    collector.post("/v1/track", call("m"))
    assert collector.events() == [before]
