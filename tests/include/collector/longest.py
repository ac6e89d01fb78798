"""The longest of every text that a call has, for every way in: alone, and all of them at once.

The texts are random, so that no compression makes them fit where they would not. What lands of them
is a build's to live with: tests of the models land the same, and what an earlier version let in.
"""

import json
import random
from typing import Any, NamedTuple

import psycopg

# More than an entry of a Postgres index may have, in bytes.
TOO_LONG_FOR_AN_INDEX = 2_750

ALPHABETS = {
    "letters": "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
    "accents": "".join(map(chr, range(0xC0, 0x250))),
    "emoji": "".join(map(chr, range(0x1F300, 0x1F5FF))),
}


class Longest(NamedTuple):
    """A call of which something is long, and why it does not land; None: it does."""

    name: str
    call: dict[str, Any]
    reason: str | None


def text(alphabet: str, *, characters: int = 0, size: int = 0, seed: object = "") -> str:
    """A text of so many characters, or of at least `size` bytes."""
    letters = ALPHABETS[alphabet]
    characters = characters or -(-size // min(len(each.encode()) for each in letters))
    return "".join(random.Random(f"{alphabet} {seed}").choices(letters, k=characters))


def calls(way: str, alphabet: str, size: int = TOO_LONG_FOR_AN_INDEX) -> list[Longest]:
    """Calls with ids of their own for a way in; their unbounded texts have `size` bytes."""

    def long(seed: str) -> str:
        return text(alphabet, size=size, seed=(way, seed))

    def message_id(name: str, characters: int = 60) -> str:
        head = f"{way} {alphabet} {name} "
        return head + text(alphabet, characters=characters - len(head), seed=name)

    def call(name: str, **said: Any) -> dict[str, Any]:
        known = {"type": "track", "event": "E", "userId": f"u {way}", "messageId": message_id(name)}
        return known | said

    everything: dict[str, Any] = {
        "event": long("event"),
        "userId": long("user"),
        "anonymousId": long("anonymous"),
        "timestamp": long("timestamp"),
        "context": {"library": {"name": long("library")}, "groupId": long("group")},
        "properties": {"asset_id": long("asset"), long("property"): long("value")},
    }
    most = text(alphabet, characters=100, seed=way)
    return [
        Longest("an id of 500", call("", messageId=message_id("most", 500)), None),
        Longest(
            "an id of 501", call("", messageId=message_id("more", 501)), "message_id_too_long"
        ),
        Longest(
            "an id of 501 in snake_case",
            call("", messageId=None, message_id=message_id("snake", 501)),
            "message_id_too_long",
        ),
        Longest("a type of 100", call("type", type=most), None),
        Longest("a type of 101", call("types", type=most + most[0]), "type_too_long"),
        *(Longest(f"a long {name}", call(name, **{name: value}), None)
          for name, value in everything.items()),
        Longest("traits of a person", call(
            "identify", type="identify",
            traits={"email": long("email") + "@x.example", long("trait"): long("value")},
        ), None),
        Longest("figures of a company", call(
            "group", type="group", groupId=long("group"), traits={long("figure"): 7}), None),
        Longest("an alias", call("alias", type="alias", previousId=long("previous")), None),
        Longest(
            "everything", everything | {"type": "track", "messageId": message_id("all", 500)}, None
        ),
        Longest(
            "more than everything", everything | {"type": most * 2, "messageId": long("id")},
            "type_too_long",
        ),
    ]  # fmt: skip


def land_as_before(url: str) -> int:
    """Rows as an earlier version let them in: no text had a bound. How many."""
    rows = []
    for alphabet in ALPHABETS:
        for longest in calls("before", alphabet, size=20_000):
            call = longest.call
            said = call.get("messageId") or call["message_id"]
            rows += [
                (said, call["type"], json.dumps(call)),
                (said * 40, call["type"], json.dumps(call | {"messageId": said * 40})),
                (said[::-1], call["type"] * 30, json.dumps(call | {"type": call["type"] * 30})),
            ]
    with psycopg.connect(url) as connection:
        load = connection.execute(
            "insert into raw_segment.loads default values returning load_id"
        ).fetchone()
        assert load
        with connection.cursor() as cursor:
            cursor.executemany(
                "insert into raw_segment.events"
                " (message_id, source, type, received_at, payload, load_id)"
                " values (%s, 'demo-app', %s, now(), %s::jsonb, %s)",
                [(*row, load[0]) for row in rows],
            )
    return len(rows)
