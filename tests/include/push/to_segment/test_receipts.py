"""Pushed messages that come back through the collector."""

from psycopg.types.json import Jsonb

from include.push.to_segment.receipts import receipts
from tests.include.push.played_segment import PlayedSegment
from tests.include.push.world import World


def come_back(world: World, *messages: dict) -> None:
    for message in messages:
        world.run(
            """
            with load as (insert into raw_segment.loads default values returning load_id)
            insert into raw_segment.events (message_id, source, type, received_at, payload, load_id)
            select %s, 'demo-planhat', %s, now(), %s, load_id from load
            """,
            [message["messageId"], message["type"], Jsonb(message)],
        )


def test_what_came_back_and_what_is_missing(world: World, segment: PlayedSegment) -> None:
    world.fill("company", 3)
    world.push(segment.connection)
    come_back(world, *segment.messages[:2])
    (company,) = receipts(world.url, segment.connection)
    assert (company.model, company.acknowledged, company.seen_back, company.missing) == (
        "company", 3, 2, 1,
    )  # fmt: skip
    assert company.oldest_missing_at is not None


def test_a_new_version_waits_for_its_own_receipt(world: World, segment: PlayedSegment) -> None:
    world.put("company", "c1", name="A")
    world.push(segment.connection)
    come_back(world, *segment.messages)
    assert receipts(world.url, segment.connection)[0].seen_back == 1
    world.put("company", "c1", name="B")
    world.push(segment.connection)
    assert receipts(world.url, segment.connection)[0].seen_back == 0
