"""Segment's own tables as a way in: each row once, whatever is in it, whenever it comes."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg.rows import dict_row

from include.collector.books import check_books
from include.collector.replay import replay
from include.collector.sources import SourceError, add_source
from include.errors import SettingError
from include.privacy.field_rules import Rule, add
from include.privacy.suppression import suppress
from include.segment_warehouse import landing
from include.segment_warehouse.landing import Landed, land_warehouse_calls
from tests.include.segment_warehouse.segment_tables import LOADED, SegmentTables

RECEIVED = "2026-03-10T12:00:05+00:00"


def call(number: int | str, kind: str = "track", **said) -> dict:
    """A call as Segment has it after it received it."""
    known = {
        "messageId": f"m-{number}",
        "type": kind,
        "userId": "u1",
        "timestamp": "2026-03-10T12:00:00+00:00",
        "receivedAt": RECEIVED,
    }
    if kind == "track":
        known["event"] = "Report Viewed"
    return known | said


@pytest.fixture
def tables(warehouse: str) -> SegmentTables:
    return SegmentTables(warehouse)


def land(tables: SegmentTables, **options) -> Landed:
    return land_warehouse_calls(
        tables.url, tables.schema, "segment-warehouse", say=lambda line: None, **options
    )


def rows(tables: SegmentTables, query: str) -> list[dict]:
    with psycopg.connect(tables.url, row_factory=dict_row) as connection:
        return connection.execute(query).fetchall()


def payloads(tables: SegmentTables) -> dict[str, dict]:
    found = rows(tables, "select message_id, payload from raw_segment.events")
    return {row["message_id"]: row["payload"] for row in found}


def figures(landed: Landed, table: str) -> tuple[int, int, int, int]:
    (found,) = [each for each in landed.tables if each.table == table]
    assert found.rows == found.landed + found.duplicates + found.quarantined + found.told
    assert found.problem is None
    return found.rows, found.landed, found.duplicates, found.quarantined


def books(tables: SegmentTables) -> tuple[int, int, int, int]:
    """The intake of the source, which always adds up and agrees with the tables."""
    (row,) = rows(
        tables,
        "select sum(received)::int as r, sum(landed)::int as l, sum(duplicates)::int as d,"
        " sum(quarantined)::int as q,"
        " (select count(*) from raw_segment.events where source = 'segment-warehouse') as events,"
        " (select count(*) from raw_segment.quarantine) as kept"
        " from raw_segment.intake where source = 'segment-warehouse'",
    )
    assert row["r"] == row["l"] + row["d"] + row["q"]
    assert (row["l"], row["q"]) == (row["events"], row["kept"])
    assert check_books(tables.url).differences == []
    return row["r"], row["l"], row["d"], row["q"]


# Once


def test_a_track_lands_once_with_the_properties_of_its_event_s_table(tables: SegmentTables):
    tables.load([call(1, properties={"rows": 7}), call(2, properties={"rows": 8})])
    landed = land(tables)
    assert figures(landed, "report_viewed") == (2, 2, 0, 0)
    (tracks,) = [each for each in landed.tables if each.table == "tracks"]
    assert (tracks.rows, tracks.told, tracks.landed, tracks.bare) == (2, 2, 0, 0)
    assert payloads(tables)["m-1"]["properties"] == {"rows": 7}
    assert books(tables) == (2, 2, 0, 0)


def test_reading_again_lands_and_counts_nothing(tables: SegmentTables):
    tables.load([call(1), call(2, "identify", traits={"name": "Ada"}), call(3, "group")])
    tables.insert("identifies", {"id": None, "user_id": "u9", "uuid_ts": LOADED.isoformat()})
    first = land(tables)
    assert (first.landed, first.quarantined) == (3, 1)
    counted = books(tables)
    loads = rows(tables, "select load_id from raw_segment.loads")
    for _ in range(2):
        again = land(tables)
        assert sum(each.rows for each in again.tables) == 0
    assert books(tables) == counted == (4, 3, 0, 1)
    # no build has anything to do because of it
    assert rows(tables, "select load_id from raw_segment.loads") == loads


def test_all_of_it_again_is_all_duplicates(tables: SegmentTables):
    tables.load([call(1), call(2, "identify")])
    land(tables)
    assert (land(tables, full=True).landed, land(tables, full=True).duplicates) == (0, 2)
    assert books(tables) == (6, 2, 4, 0)


def test_a_row_that_becomes_visible_late_lands(tables: SegmentTables):
    tables.load([call(1, "identify")], loaded_at=LOADED)
    for _ in range(2):  # the second finds nothing, and goes no further for it
        land(tables)
    tables.load([call(2, "identify")], loaded_at=LOADED - timedelta(hours=20))
    assert figures(land(tables), "identifies") == (1, 1, 0, 0)
    # beyond the margin only a full reading finds it
    tables.load([call(3, "identify")], loaded_at=LOADED - timedelta(hours=30))
    assert figures(land(tables), "identifies") == (0, 0, 0, 0)
    assert figures(land(tables, full=True), "identifies") == (3, 1, 2, 0)


def test_only_the_rows_within_the_margin_are_remembered(tables: SegmentTables):
    for day in range(5):
        tables.load([call(day, "identify")], loaded_at=LOADED - timedelta(days=day))
    land(tables)
    assert len(rows(tables, "select row_key from raw_segment.warehouse_rows")) == 2
    assert sum(each.rows for each in land(tables).tables) == 0


def test_a_load_time_in_the_future_hides_nothing(tables: SegmentTables):
    tables.load([call(1, "identify")], loaded_at=datetime(2999, 1, 1, tzinfo=UTC))
    land(tables)
    tables.load([call(2, "identify")], loaded_at=datetime.now(UTC))
    assert figures(land(tables), "identifies") == (1, 1, 0, 0)


def test_what_the_collector_landed_is_a_duplicate(tables: SegmentTables):
    with psycopg.connect(tables.url) as connection:
        connection.execute(
            "insert into raw_segment.events"
            " (message_id, source, type, received_at, payload, load_id)"
            " values ('m-1', 'web', 'identify', now(), '{}', 0)"
        )
    tables.load([call(1, "identify"), call(2, "identify")])
    assert figures(land(tables), "identifies") == (2, 1, 1, 0)
    assert books(tables) == (2, 1, 1, 0)


def test_an_id_that_is_there_twice_lands_once(tables: SegmentTables):
    tables.load([call(1, "identify"), call(1, "identify"), call(1, "group")])
    landed = land(tables)
    assert (landed.landed, landed.duplicates) == (1, 2)
    assert books(tables) == (3, 1, 2, 0)


def test_many_rows_land_in_several_transactions(
    tables: SegmentTables, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(landing, "STEP", 10)
    tables.load([call(1, "identify")])
    tables.execute(
        "insert into production.identifies (id, user_id, received_at, uuid_ts)"
        " select 'n-' || n, 'u', received_at, uuid_ts"
        " from production.identifies, generate_series(1, 34) as n"
    )
    assert figures(land(tables), "identifies") == (35, 35, 0, 0)
    assert books(tables) == (35, 35, 0, 0)
    found = rows(
        tables,
        "select count(distinct e.load_id) as used, count(distinct l.load_id) as loads"
        " from raw_segment.loads as l left join raw_segment.events as e using (load_id)",
    )
    assert found == [{"used": 4, "loads": 4}]


def test_two_readings_at_once_count_each_row_once(tables: SegmentTables):
    tables.load([call(n, "identify") for n in range(20)])
    tables.execute(
        "insert into production.identifies (id, received_at, uuid_ts)"
        " select id || '-' || n, received_at, uuid_ts"
        " from production.identifies, generate_series(1, 100) as n"
    )
    with ThreadPoolExecutor(2) as threads:
        both = list(threads.map(lambda _: land(tables), range(2)))
    assert sorted(each.landed for each in both) == [0, 2020]
    assert books(tables) == (2020, 2020, 0, 0)


def test_a_reading_that_was_interrupted_goes_on_and_counts_nothing_twice(
    tables: SegmentTables, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(landing, "STEP", 10)
    tables.load([call(n, "identify") for n in range(10, 40)])
    tables.execute(
        "create function fail() returns trigger language plpgsql as"
        " $$ begin raise division_by_zero; end $$"
    )
    tables.execute(
        "create trigger fail before insert on raw_segment.events"
        " for each row when (new.message_id = 'm-25') execute function fail()"
    )
    (first,) = land(tables).tables
    assert first.problem
    assert (first.landed, books(tables)) == (10, (10, 10, 0, 0))
    tables.execute("drop trigger fail on raw_segment.events")
    assert figures(land(tables), "identifies") == (20, 20, 0, 0)
    assert books(tables) == (30, 30, 0, 0)


# Tracks and the tables of events


def test_a_track_without_a_table_of_its_event_lands_without_properties(tables: SegmentTables):
    tables.load([call(1, properties={"rows": 7})], events=False)
    said: list[str] = []
    land_warehouse_calls(tables.url, tables.schema, "segment-warehouse", say=said.append)
    assert said == [
        "tracks: 1 new row: 1 landed, 0 were there, 0 quarantined, 1 of them without properties:"
        " in no table of an event"
    ]
    found = payloads(tables)["m-1"]
    assert (found["event"], found["properties"]) == ("Report Viewed", {})


def test_only_what_is_in_no_table_of_an_event_lands_without_properties(tables: SegmentTables):
    tables.load([call(n, properties={"rows": n}) for n in (1, 2)])
    tables.load([call(3, properties={"rows": 3})], events=False)  # of the same event
    tables.load([call(4, event="Joined", properties={"rows": 4})], events=False)
    landed = land(tables)
    (tracks,) = [each for each in landed.tables if each.table == "tracks"]
    assert (tracks.rows, tracks.told, tracks.landed, tracks.bare) == (4, 2, 2, 2)
    assert {id_: found["properties"] for id_, found in payloads(tables).items()} == {
        "m-1": {"rows": 1}, "m-2": {"rows": 2}, "m-3": {}, "m-4": {},
    }  # fmt: skip
    assert books(tables) == (4, 4, 0, 0)


def test_a_track_that_has_waited_in_vain_lands_without_properties(
    tables: SegmentTables, monkeypatch: pytest.MonkeyPatch
):
    tables.load([call(1)], events=False, loaded_at=datetime.now(UTC))
    assert land(tables).landed == 0
    monkeypatch.setattr(landing, "WAIT", timedelta(0))
    assert figures(land(tables), "tracks") == (1, 1, 0, 0)
    assert books(tables) == (1, 1, 0, 0)


def test_a_track_waits_while_its_event_s_table_may_still_be_loaded(tables: SegmentTables):
    now = datetime.now(UTC)
    tables.load([call(1, properties={"rows": 7})], events=False, loaded_at=now)
    (tracks,) = land(tables).tables
    assert (tracks.rows, tracks.waiting, tracks.landed) == (0, 1, 0)
    assert payloads(tables) == {}
    tables.insert(
        "report_viewed",
        {"id": "m-1", "event": "report_viewed", "event_text": "Report Viewed", "user_id": "u1",
         "rows": 7, "received_at": RECEIVED, "uuid_ts": now.isoformat()},
    )  # fmt: skip
    assert figures(land(tables), "report_viewed") == (1, 1, 0, 0)
    assert payloads(tables)["m-1"]["properties"] == {"rows": 7}
    assert books(tables) == (1, 1, 0, 0)


def test_roll_ups_views_and_other_tables_are_not_read(tables: SegmentTables):
    tables.load([call(1)])
    tables.insert("users", {"id": "u1", "email": "ada@acme.example", "received_at": RECEIVED})
    tables.insert("accounts", {"id": "c1", "name": "Acme", "received_at": RECEIVED})
    tables.insert("notes", {"id": "n1", "text": "of somebody else"})
    tables.execute(
        "create view production.a_report as select id, event, event_text from production.tracks"
    )
    assert [each.table for each in land(tables).tables] == ["report_viewed", "tracks"]


# Any column


def test_columns_of_any_type_become_json_of_that_type(tables: SegmentTables):
    types = {
        "price": "numeric(12, 2)", "share": "double precision", "is_new": "boolean",
        "seen_at": "timestamptz", "made_at": "timestamp", "day": "date", "details": "jsonb",
        "raw": "json", "tags": "text[]", "key": "uuid", "bits": "bytea", "span": "interval",
        "not_a_number": "numeric", "place": "point",
    }  # fmt: skip
    row = {
        "id": "m-1", "user_id": "42", "received_at": RECEIVED, "uuid_ts": LOADED.isoformat(),
        "price": "12.50", "share": 0.5, "is_new": True, "seen_at": "2026-03-10T13:00:00+01:00",
        "made_at": "2026-03-10T12:00:00", "day": "2026-03-10", "details": {"a": {"b": 1}},
        "raw": {"c": [1]}, "tags": "{x,y}", "key": "00000000-0000-0000-0000-000000000001",
        "bits": "\\x00ff", "span": "1 day", "not_a_number": "NaN", "place": "(1,2)",
    }  # fmt: skip
    tables.insert("identifies", row, types)
    assert figures(land(tables), "identifies") == (1, 1, 0, 0)
    assert payloads(tables)["m-1"]["traits"] == {
        "price": 12.50, "share": 0.5, "is_new": True, "seen_at": "2026-03-10T12:00:00+00:00",
        "made_at": "2026-03-10T12:00:00+00:00", "day": "2026-03-10", "details": {"a": {"b": 1}},
        "raw": {"c": [1]}, "tags": ["x", "y"], "key": "00000000-0000-0000-0000-000000000001",
        "bits": "\\x00ff", "span": "1 day", "not_a_number": "NaN", "place": "(1,2)",
    }  # fmt: skip


def test_a_bad_row_is_kept_with_its_reason_and_costs_no_neighbour(tables: SegmentTables):
    types = {
        "doc": "jsonb", "any": "json", "big": "numeric", "wide": "double precision",
        "received_at": "text",
    }  # fmt: skip
    deep = "[" * 101 + "]" * 101
    common = {"received_at": RECEIVED, "uuid_ts": LOADED.isoformat()}
    bad = {
        "missing_message_id": [{"id": None, "name": "nobody"}, {"id": "  "}],
        "too_large": [{"id": "large", "name": "x" * 3_000_000}],
        "too_deep": [{"id": "deep", "doc": json.loads(deep)}],
        "number_out_of_range": [
            {"id": "n1", "big": "1" + "0" * 400}, {"id": "n2", "wide": "1e305"},
            {"id": "n3", "doc": "[1e400]"},
        ],
        "unreadable_received_at": [
            {"id": "r1", "received_at": "yesterday"}, {"id": "r2", "received_at": "infinity"},
            {"id": "r3", "received_at": "4026-03-10"}, {"id": "r4", "received_at": "0026-03-10"},
        ],
    }  # fmt: skip
    for found in bad.values():
        for row in found:
            if row.get("doc") == "[1e400]":
                tables.insert("identifies", common | row | {"doc": None}, types)
                tables.execute("update production.identifies set doc = '[1e400]' where id = 'n3'")
            else:
                tables.insert("identifies", common | row, types)
    # jsonb holds no \u0000, json does: a text then
    tables.insert("identifies", common | {"id": "nul", "any": {"a": "\0"}}, types)
    tables.insert("identifies", common | {"id": "good", "name": "Ada"}, types)
    count = sum(map(len, bad.values()))
    assert figures(land(tables), "identifies") == (count + 2, 2, 0, count)
    assert books(tables) == (count + 2, 2, 0, count)
    assert set(payloads(tables)) == {"good", "nul"}
    assert payloads(tables)["nul"]["traits"]["any"] == '{"a": "\\u0000"}'
    kept = rows(tables, "select reason, detail, payload from raw_segment.quarantine")
    assert {row["detail"] for row in kept} == {"table identifies"}
    by_reason = {reason: [r for r in kept if r["reason"] == reason] for reason in bad}
    assert {reason: len(found) for reason, found in by_reason.items()} == {
        reason: len(found) for reason, found in bad.items()
    }
    assert json.loads(by_reason["missing_message_id"][0]["payload"])["type"] == "identify"
    assert len(by_reason["too_large"][0]["payload"]) < 200_000
    assert land(tables).quarantined == 0


def test_a_track_of_nothing_is_kept_with_its_reason(tables: SegmentTables):
    tables.load([call(1), call(2)], events=False)
    tables.execute("update production.tracks set event = '', event_text = null where id = 'm-1'")
    assert figures(land(tables), "tracks") == (2, 1, 0, 1)
    assert rows(tables, "select reason from raw_segment.quarantine") == [
        {"reason": "missing_event"}
    ]


def test_a_replay_gives_a_row_without_an_id_one_made_of_its_content(tables: SegmentTables):
    tables.insert("identifies", {"id": None, "user_id": "u1", "received_at": RECEIVED})
    assert land(tables).quarantined == 1
    replay(tables.url, say=lambda line: None)
    (found,) = rows(tables, "select message_id, received_at from raw_segment.events")
    assert found["message_id"].startswith("made-")
    assert found["received_at"] == datetime.fromisoformat(RECEIVED)


def test_a_new_column_is_read_from_when_it_appears(tables: SegmentTables):
    tables.load([call(1, "identify", traits={"name": "Ada"})])
    tables.insert("identifies", {"id": None, "uuid_ts": LOADED.isoformat()})
    land(tables)
    tables.load([call(2, "identify", traits={"name": "Bea", "jobTitle": "CTO"})])
    # the rows from before have it too now, empty: they are still the same rows
    assert figures(land(tables), "identifies") == (1, 1, 0, 0)
    assert payloads(tables)["m-2"]["traits"] == {"name": "Bea", "job_title": "CTO"}


def test_a_table_of_more_columns_than_a_function_takes_arguments(tables: SegmentTables):
    traits = {f"trait_{n}": n for n in range(300)}
    tables.load([call(1, "identify", traits=traits)])
    land(tables)
    assert payloads(tables)["m-1"]["traits"] == traits


def test_hostile_names_are_names_and_nothing_else(warehouse: str):
    schema = """pro'd"; drop schema raw_segment cascade; --%s{0}"""
    tables = SegmentTables(warehouse, schema)
    table = """x"; drop table raw_segment.events; -- %(a)s {name} $1 é"""
    column = """c"'); drop table raw_segment.events; -- %s {type} :y"""
    tables.insert(
        table,
        {"id": "m-1", "event": "x", "event_text": "X'); --%s{}", "uuid_ts": LOADED.isoformat(),
         column: "1'; --%s{}", f"context_{column}": 2, "context_traits_%s{0}": 3},
    )  # fmt: skip
    assert figures(land(tables), table) == (1, 1, 0, 0)
    found = payloads(tables)["m-1"]
    assert found["properties"] == {column: "1'; --%s{}"}
    assert found["context"] == {column: 2, "traits": {"%s{0}": 3}}
    assert found["event"] == "X'); --%s{}"


def test_the_context_is_nested_where_segment_s_own_is(tables: SegmentTables):
    tables.load([
        call(1, "identify", context={
            "groupId": "c1", "traits": {"email": "ada@acme.example", "company": {"id": "c2"}},
            "library": {"name": "node"}, "userAgent": "x", "page": {"url": "/"},
        }),
    ])  # fmt: skip
    tables.insert("identifies", {"id": "m-2", "uuid_ts": LOADED.isoformat(), "context_page": "p"})
    land(tables)
    found = payloads(tables)
    assert found["m-1"]["context"] == {
        "groupId": "c1", "traits": {"email": "ada@acme.example", "company_id": "c2"},
        "library": {"name": "node"}, "user_agent": "x", "page_url": "/",
    }  # fmt: skip
    # one key cannot be a text and an object
    assert found["m-2"]["context"] == {"page": "p"}


def test_times_without_a_zone_are_utc_whatever_the_server_s_is(tables: SegmentTables):
    tables.execute("alter database " + tables.url.rsplit("/", 1)[1].split("?")[0]
                   + " set timezone = 'America/New_York'")  # fmt: skip
    tables.load([call(1, "identify")])
    land(tables)
    (found,) = rows(
        tables, "select received_at, payload ->> 'timestamp' as at from raw_segment.events"
    )
    assert found["received_at"] == datetime.fromisoformat(RECEIVED)
    assert found["at"] == "2026-03-10T12:00:00+00:00"


def test_a_table_without_segment_s_times_lands_by_the_load_time(tables: SegmentTables):
    tables.insert(
        "identifies",
        {"id": "m-1", "loaded_at": "2026-03-10T12:30:00+00:00"}, {"loaded_at": "timestamptz"},
    )  # fmt: skip
    tables.insert("groups", {"id": "m-2", "group_id": "c1"})
    before = datetime.now(UTC)
    assert land(tables).landed == 2
    found = {row["message_id"]: row["received_at"] for row in rows(
        tables, "select message_id, received_at from raw_segment.events"
    )}  # fmt: skip
    assert found["m-1"] == datetime(2026, 3, 10, 12, 30, tzinfo=UTC)
    assert found["m-2"] >= before - timedelta(minutes=1)
    assert sum(each.rows for each in land(tables).tables) == 0


# What is wrong is said


def test_a_schema_that_is_not_there_is_one_clear_line(tables: SegmentTables):
    with pytest.raises(SettingError, match=r"no schema 'elsewhere'.*SEGMENT_WAREHOUSE_SCHEMA"):
        land_warehouse_calls(tables.url, "elsewhere", "segment-warehouse")
    with pytest.raises(SettingError, match="'production' has none of Segment's tables"):
        land(tables)
    assert rows(tables, "select source from raw_segment.sources") == []


def test_a_source_of_receipts_cannot_be_its_source(tables: SegmentTables):
    tables.load([call(1)])
    add_source(tables.url, "pushed", kind="planhat")
    with pytest.raises(SourceError, match="of kind planhat"):
        land_warehouse_calls(tables.url, tables.schema, "pushed")


def test_a_table_that_cannot_be_read_costs_the_others_nothing(tables: SegmentTables):
    tables.load([call(1), call(2, "identify"), call(3, "page")])
    tables.execute("create function production.fails() returns integer language sql as"
                   " $$ select 1 / 0 $$")  # fmt: skip
    tables.execute(
        "alter table production.report_viewed"
        " add column broken integer generated always as (1) stored, enable row level security,"
        " force row level security"
    )
    tables.execute("create policy p on production.report_viewed using (production.fails() > 0)")
    tables.execute("create role reader login password 'reader'")
    tables.execute("grant usage on schema raw_segment, production, sync to reader")
    tables.execute("grant all on all tables in schema raw_segment, production to reader")
    tables.execute("grant select on all tables in schema sync to reader")
    try:
        tables.execute("revoke all on production.pages from reader")
        said: list[str] = []
        host = tables.url.split("@", 1)[1]
        landed = land_warehouse_calls(
            f"postgresql://reader:reader@{host}", "production", "segment-warehouse",
            say=said.append,
        )  # fmt: skip
        assert landed.unread == ["pages", "report_viewed", "tracks"]
        assert landed.landed == 1
        assert said[1].endswith("could not be read: the warehouse's user has no permission to")
        assert said[2].endswith("could not be read: DivisionByZero (22012)")
        assert said[3].endswith("because the table of an event could not be read")
    finally:
        tables.execute("drop owned by reader")
        tables.execute("drop role reader")
    assert land(tables).landed == 2
    assert payloads(tables)["m-1"]["event"] == "Report Viewed"


# What a row says, and what it does not


def test_of_one_id_in_several_rows_the_first_that_was_received_lands(tables: SegmentTables):
    # in both orders of the table, and of what they say
    for number, order in enumerate((("05", "03", "04"), ("03", "05", "04"))):
        for second, name in zip(order, "cab", strict=True):
            said = {"receivedAt": f"2026-03-10T12:00:{second}+00:00", "traits": {"name": name}}
            tables.load([call(number, "identify", **said)])
    assert figures(land(tables), "identifies") == (6, 2, 4, 0)
    found = {id_: payload["receivedAt"][17:19] for id_, payload in payloads(tables).items()}
    assert found == {"m-0": "03", "m-1": "03"}
    assert books(tables) == (6, 2, 4, 0)


def test_a_table_of_calls_without_event_text_is_said(tables: SegmentTables):
    tables.load([call(1, "identify")])
    stamps = {"received_at": RECEIVED, "uuid_ts": LOADED.isoformat()}
    tables.insert("report_viewed", {"id": "m-2", "event": "report_viewed"} | stamps)
    tables.insert("board_opened", {"id": "m-3"} | stamps)
    tables.insert("users", {"id": "u1"} | stamps)
    tables.insert("notes", {"id": "n1", "text": "of somebody else"})
    said: list[str] = []
    landed = land_warehouse_calls(tables.url, tables.schema, "s", say=said.append)
    assert [each.table for each in landed.tables] == ["identifies"]
    assert [line.split(", because it has no event_text", 1)[0] for line in said[:-1]] == [
        "board_opened: not read", "report_viewed: not read"
    ]  # fmt: skip
    assert landed.unread == []


def test_a_time_that_is_a_text_is_stored_as_it_is_said(tables: SegmentTables):
    types = dict.fromkeys(
        ("timestamp", "original_timestamp", "sent_at", "received_at", "uuid_ts"), "text"
    )
    common = {"received_at": "1773144005000", "uuid_ts": "20260310T18Z", "user_id": "u"}
    said = {
        # by whoever reads it as it is understood, and none of it half
        "m-1": {"timestamp": "2026-03-10T12:00:00 GMT+02:00"},
        "m-2": {"timestamp": "Tue, 10 Mar 2026 12:00:00 GMT", "sent_at": "10:30 p.m."},
        # without a timestamp it is made, of what is understood
        "m-3": {"timestamp": " ", "original_timestamp": "20260310T120000Z",
                "sent_at": "2026-03-10T12:00:02,500Z"},
        "m-4": {"timestamp": None, "original_timestamp": "yesterday"},
    }  # fmt: skip
    for id_, row in said.items():
        tables.insert("identifies", {"id": id_} | common | row, types)
    assert figures(land(tables), "identifies") == (4, 4, 0, 0)
    stored = payloads(tables)
    assert stored["m-1"]["timestamp"] == said["m-1"]["timestamp"]
    assert (stored["m-2"]["timestamp"], stored["m-2"]["sentAt"]) == tuple(said["m-2"].values())
    assert stored["m-3"]["originalTimestamp"] == "20260310T120000Z"
    assert stored["m-3"]["timestamp"] == "2026-03-10T12:00:02.5+00:00"
    assert "timestamp" not in stored["m-4"]
    assert stored["m-4"]["originalTimestamp"] == "yesterday"
    assert {each["receivedAt"] for each in stored.values()} == {"2026-03-10T12:00:05+00:00"}


def test_the_column_of_a_write_key_is_no_data(tables: SegmentTables):
    keys = ("write_key", "writekey", "context_write_key", "context_integrations_write_key")
    tables.insert(
        "identifies",
        {"id": "m-1", "received_at": RECEIVED, "name": "Ada", "key": "kept"}
        | dict.fromkeys(keys, "SECRET"),
    )
    land(tables)
    assert payloads(tables)["m-1"]["traits"] == {"name": "Ada", "key": "kept"}
    assert "SECRET" not in json.dumps(payloads(tables))


def test_a_trait_is_kept_whose_name_is_a_column_of_other_tables(tables: SegmentTables):
    traits = {"event": "Expo", "event_text": "the fair", "group_id": "g", "previous_id": "p"}
    tables.load([call(1, "identify"), call(2)])
    for name, value in traits.items():
        tables.insert("identifies", {"id": f"m-{name}", name: value, "received_at": RECEIVED})
    land(tables)
    stored = payloads(tables)
    assert [stored[f"m-{name}"]["traits"] for name in traits] == [
        {name: value} for name, value in traits.items()
    ]
    assert stored["m-2"]["event"] == "Report Viewed"
    assert stored["m-2"]["properties"] == {}


def test_a_time_of_receipt_that_is_none_stays_for_whoever_repairs_it(tables: SegmentTables):
    tables.insert("identifies", {"id": "m-1", "received_at": "yesterday"}, {"received_at": "text"})
    land(tables)
    (kept,) = rows(tables, "select reason, payload::jsonb as payload from raw_segment.quarantine")
    assert (kept["reason"], kept["payload"]["receivedAt"]) == (
        "unreadable_received_at",
        "yesterday",
    )


@pytest.mark.parametrize("letter", ["x", "é", "🛖"])
def test_an_id_has_an_end(tables: SegmentTables, letter: str):
    row = {"received_at": RECEIVED, "uuid_ts": LOADED.isoformat()}
    for id_ in (letter * 500, letter * 501, f"\u200b\n{letter * 500}\u00a0", "\u200b \ufeff"):
        tables.insert("identifies", {"id": id_} | row)
    assert figures(land(tables), "identifies") == (4, 1, 1, 2)
    assert list(payloads(tables)) == [letter * 500]
    reasons = rows(tables, "select reason from raw_segment.quarantine order by reason")
    assert [row["reason"] for row in reasons] == ["message_id_too_long", "missing_message_id"]


def test_a_row_without_an_id_lands_with_the_one_that_it_was_kept_with(tables: SegmentTables):
    tables.insert("identifies", {"id": None, "user_id": "u", "received_at": RECEIVED})
    land(tables)
    land(tables, full=True)
    kept = rows(tables, "select message_id from raw_segment.quarantine")
    assert len(kept) == 2
    assert kept[0]["message_id"].startswith("made-")
    assert replay(tables.url, say=lambda line: None).landed == 1
    assert list(payloads(tables)) == [kept[0]["message_id"]]
    found = rows(tables, "select sum(made_ids)::int as made from raw_segment.intake")
    assert found == [{"made": 2}]


def test_rows_of_suppressed_people_land_nowhere_and_are_counted(tables: SegmentTables):
    suppress(tables.url, ["gone", "gone@example.com"], by="tester", reason="asked for it")
    tables.load(
        [
            call(1, userId="gone"),
            call(2),
            call(3, "identify", userId="u2", traits={"email": "Gone@example.com"}),
        ]
    )

    landed = land(tables)

    assert (landed.landed, landed.turned_away) == (1, 2)
    assert list(payloads(tables)) == ["m-2"]
    assert "gone" not in str(rows(tables, "select * from raw_segment.warehouse_rows"))
    (books,) = rows(tables, "select received, landed, turned_away from raw_segment.intake")
    assert books == {"received": 3, "landed": 1, "turned_away": 2}
    assert check_books(tables.url).differences == []
    assert land(tables).turned_away == 0  # read once


def test_rows_land_as_field_rules_leave_them_and_are_counted(tables: SegmentTables):
    ip = add(tables.url, Rule("ip", "truncate"), by="tester")
    plan = add(tables.url, Rule("path", "hash", "traits.plan", type="identify"), by="tester")
    tables.load(
        [
            call(1, context={"ip": "203.0.113.77"}),
            call(2, "identify", traits={"plan": "gold"}, context={"ip": "203.0.113.77"}),
            call(3),
        ]
    )

    assert land(tables).landed == 3
    stored = payloads(tables)
    assert "203.0.113.77" not in str(stored)
    assert stored["m-1"]["context"]["ip"] == "203.0.113.0"
    assert stored["m-2"]["traits"]["plan"].startswith("hashed-")
    found = rows(tables, "select field_rules from raw_segment.events order by message_id")
    assert [row["field_rules"] for row in found] == [f"{ip}", f"{ip},{plan}", ""]
    found = rows(tables, "select rule_id, calls from raw_segment.field_rule_hours order by 1")
    assert found == [{"rule_id": ip, "calls": 2}, {"rule_id": plan, "calls": 1}]
    assert check_books(tables.url).differences == []
