"""Messages in the library's own shape: what arrives equals what `Client(send=False)` builds."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row
from segment.analytics.client import Client
from segment.analytics.request import DatetimeSerializer

from include import __version__
from include.push.catalogue import FOLDERS, read_catalogue
from include.push.to_segment.messages import ENVELOPE_BYTES, FLOAT_BYTES, message_bytes
from tests.include.push.played_segment import PlayedSegment
from tests.include.push.world import COMPANY, ENDUSER, LICENSE, World

# One value of every kind that has ever gone wrong, by the column's type.
ODD: dict[str, list[Any]] = {
    "text": [
        "", " ", "Ünïcödé 🚀 \u2028", 'quote " back \\ slash', "line\nbreak\ttab", "0", "null"],
    "numeric": [
        Decimal("0.1") + Decimal("0.2"), Decimal("100"), Decimal("100.00"), Decimal("-0.000001"),
        Decimal("12345678901234567890"), Decimal("0.12345678901234567890"), Decimal("1e-20"),
    ],
    "integer": [0, -1, 2**31 - 1],
    "bigint": [2**53 + 1],
    "boolean": [True, False],
    "date": [date(2026, 1, 1), date(2024, 2, 29), date(1970, 1, 1)],
    "timestamptz": [
        datetime(2026, 3, 29, 1, 30, tzinfo=UTC), datetime(2025, 12, 31, 23, 59, 59, 999999, UTC),
        datetime(2026, 1, 1, 0, 0, 0, 500000, UTC),
    ],
    "jsonb": [
        {}, [], [1, "zwei", None, 2.5], {"Renewal Owner": ["a", "b"], "Größe": None},
        {"Seats": 3, "Rate": 0.30000000000000004, "Big": 2**60, "Is new": True},
    ],
}  # fmt: skip


def library_message(call: str, event: str | None, ids: dict, values: dict, rest: dict) -> dict:
    """What the library builds from raw Python values, as it would travel."""
    client = Client("key", send=False)
    if call == "group":
        _, message = client.group(**ids, traits=values, **rest)
    elif call == "identify":
        _, message = client.identify(**ids, traits=values, **rest)
    else:
        _, message = client.track(**ids, event=event, properties=values, **rest)
    assert message["context"]["library"]["name"] == "analytics-python"
    message["context"]["library"] = {"name": "planhat-segment", "version": __version__}
    return json.loads(json.dumps(message, cls=DatetimeSerializer))


def rows_of(world: World, model: str) -> dict[str, dict]:
    """The outbound rows as the driver gives them: Decimals, dates, datetimes."""
    with psycopg.connect(world.url, row_factory=dict_row) as connection:
        connection.execute("set timezone = 'UTC'")
        rows = connection.execute(f"select * from planhat.{model}").fetchall()
    return {row.pop("object_id"): row for row in rows}


def assert_equal_to_the_library(
    world: World, model: str, call: str, event: str | None, *, about: str | None = None
) -> int:
    """`about`: the model of those whom its rows are about, which is sent first."""
    with PlayedSegment() as segment:
        if about is not None:
            assert world.push(segment.connection, models=[about]).status == "success"
            segment.messages.clear()
        report = world.push(segment.connection, models=[model])
        assert report.status == "success", report.table()
        compared = 0
        rows = rows_of(world, model)
        for sent in segment.messages:
            key = (sent.get("traits") or sent.get("properties"))["planhat_id"]
            ids = {"user_id": sent["userId"], "anonymous_id": sent["anonymousId"]}
            if call == "group":
                ids["group_id"] = sent["groupId"]
            rest = {
                "timestamp": datetime.fromisoformat(sent["timestamp"]),
                "message_id": sent["messageId"],
            }
            built = library_message(call, event, ids, rows[key], rest)
            # Also the same types (1 is not 1.0), the same order of the message's own keys.
            assert json.dumps(sorted_values(built)) == json.dumps(sorted_values(sent))
            compared += 1
        assert compared == len(rows)
        return compared


def sorted_values(message: dict) -> dict:
    """The traits in one order: jsonb has its own."""
    return {
        key: dict(sorted(value.items())) if key in ("traits", "properties") else value
        for key, value in json.loads(json.dumps(message, sort_keys=False)).items()
    }


@pytest.mark.parametrize(
    ("model", "described"), [("company", COMPANY), ("enduser", ENDUSER), ("license", LICENSE)]
)
def test_every_call_with_every_odd_value_equals_the_library_s(
    world: World, model: str, described: dict
) -> None:
    if model != "company":
        world.model(model, described)
    put_odd_rows(world, model)
    compared = assert_equal_to_the_library(world, model, described["call"], described.get("event"))
    assert compared >= 7


@pytest.mark.parametrize("model", sorted(read_catalogue()))
def test_every_pushed_model_of_the_project_equals_the_library_s(world: World, model: str) -> None:
    world.run("drop table planhat.company")
    (world.folder / "company.yml").unlink()
    described = read_catalogue()[model]
    for file in FOLDERS["segment"].glob("*.yml"):
        (world.folder / file.name).write_text(file.read_text())
    world.create_from_yaml(model)
    put_odd_rows(world, model)
    if people := described.about or described.before:
        world.create_from_yaml(people)
    if described.about is not None:
        put_odd_rows(world, described.about)
    compared = assert_equal_to_the_library(
        world, model, described.call, described.event, about=described.about
    )
    assert compared >= 7


def put_odd_rows(world: World, model: str) -> None:
    """Seven rows or more that between them hold every odd value in every column of its type."""
    columns = world.columns[model]
    keys = ("object_id", "planhat_id", "external_id", "company_id", "company_external_id")
    for number in range(max(len(ODD[kind]) for kind in set(columns.values()) & set(ODD))):
        values = {
            name: ODD[kind][number % len(ODD[kind])]
            for name, kind in columns.items()
            if name not in keys and kind in ODD
        }
        world.put(model, f"o{number}", external_id=f"x{number}", **values)


def test_a_numeric_is_a_float_even_when_it_is_whole(world: World, segment: PlayedSegment) -> None:
    # A warehouse fixes a column's type by its first value: 100 must not make it an integer.
    world.put("company", "c1", mrr=Decimal("100"), seats=3)
    world.push(segment.connection)
    traits = segment.latest()["c1"]["traits"]
    assert (type(traits["mrr"]), type(traits["seats"])) == (float, int)


def test_a_decimal_arrives_exactly_where_a_json_number_can_hold_it(
    world: World, segment: PlayedSegment
) -> None:
    world.put("company", "c1", mrr=Decimal("0.1") + Decimal("0.2"))
    world.push(segment.connection)
    assert segment.sent_values("mrr")["c1"] == 0.3


@pytest.mark.parametrize(
    ("model", "described"), [("company", COMPANY), ("enduser", ENDUSER), ("license", LICENSE)]
)
def test_the_planned_bytes_are_never_below_the_message_s_size(
    world: World, segment: PlayedSegment, model: str, described: dict
) -> None:
    if model != "company":
        world.model(model, described)
    put_odd_rows(world, model)
    for number, odd in enumerate(ODD["text"]):
        world.put(model, f"ö{number}{odd}", external_id=f"Größe 🚀 {odd} {number}")
    world.put(model, "whole", **dict.fromkeys(numbers_of(world, model), Decimal(12345678901234568)))
    report = world.push(segment.connection, models=[model])
    assert report.status == "success", report.table()
    around = ENVELOPE_BYTES + FLOAT_BYTES * len(numbers_of(world, model))
    planned = dict(world.run("select message_id, bytes from sync.planned"))
    assert len(planned) == len(segment.messages) > 10
    for message in segment.messages:
        # one for the comma, one for the space after it
        size = message_bytes(message) + 2
        assert size <= planned[message["messageId"]] + around <= 6 * size


def numbers_of(world: World, model: str) -> list[str]:
    return [name for name, kind in world.columns[model].items() if kind == "numeric"]
