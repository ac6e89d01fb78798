"""Puts calls and Planhat objects into a warehouse as if they had landed at a chosen time."""

import json
from datetime import datetime

import psycopg


def land_calls(
    url: str, calls: list[dict], *, received_at: datetime | str, source: str = "demo-app"
) -> None:
    """One load of calls; each carries its `messageId` and `type`, as a client would send them."""
    with psycopg.connect(url) as connection:
        connection.execute(
            "insert into raw_segment.sources (source, kind) values (%s, %s) on conflict do nothing",
            [source, "planhat" if "planhat" in source else "product"],
        )
        load_id = connection.execute(
            "insert into raw_segment.loads default values returning load_id"
        ).fetchone()[0]
        connection.cursor().executemany(
            "insert into raw_segment.events"
            " (message_id, source, type, received_at, payload, load_id)"
            " values (%s, %s, %s, %s, %s, %s)",
            [
                (call["messageId"], source, call["type"], received_at, json.dumps(call), load_id)
                for call in calls
            ],
        )


def land_objects(url: str, model: str, objects: list[dict], *, deleted: bool = False) -> None:
    """Objects of one model in Planhat's own shape, with their `_id`, and the log of the read."""
    with psycopg.connect(url) as connection:
        connection.cursor().executemany(
            "insert into raw_planhat.objects (model, planhat_id, payload, deleted_at)"
            " values (%s, %s, %s, case when %s then now() end)",
            [(model, each["_id"], json.dumps(each), deleted) for each in objects],
        )
        connection.execute(
            "insert into raw_planhat.reads"
            " (model, origin, considered, added, changed, returned, unchanged, deleted, withheld,"
            " rejected) values (%s, 'test', %s, %s, 0, 0, 0, 0, 0, 0)",
            [model, len(objects), len(objects)],
        )
