"""The same calls through the collector and from Segment's tables are the same rows in staging."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from include.build import build
from include.collector.load import load_files
from include.collector.sources import add_source
from include.settings import Settings
from tests.dbt_project.conftest import ask, module_settings, module_warehouse  # noqa: F401
from tests.dbt_project.landing import land_objects
from tests.include.segment_warehouse.segment_tables import LOADED, SegmentTables

AS_OF = date(2026, 3, 11)

# As Segment delivers them to both: with its own time of receipt, `timestamp` corrected.
CALLS = [
    # who somebody is, in the spelling of a browser; an array and an object among the traits
    {
        "type": "identify", "userId": "u1", "anonymousId": "a1",
        "traits": {
            "email": " Ada@Acme.example ", "firstName": "Ada", "lastName": "L", "title": "CTO",
            "companyId": "c1", "age": 36, "tags": ["x", "y"], "address": {"city": "London"},
        },
    },
    # … and of a server
    {"type": "identify", "userId": "u2", "traits": {"company": {"id": "c1"}, "name": "Bea"}},
    # by an e-mail address alone
    {"type": "identify", "anonymousId": "a3", "traits": {"email": "cy@acme.example"}},
    # the company as group, with figures, a text and a fraction
    {
        "type": "group", "userId": "u1", "groupId": "c1",
        "traits": {"name": "Acme", "seats": 25, "monthlySpend": 99.5, "isPaying": True},
    },
    # usage: the company by its properties, by the context, by what the context knows of the user
    {
        "type": "track", "userId": "u1", "event": "Report Viewed",
        "properties": {"companyId": "c1", "rows": 7, "asset_id": "as1"},
    },
    {
        "type": "track", "userId": "u2", "event": "Report Viewed",
        "context": {"groupId": "c1", "userAgent": "x", "library": {"name": "node"}},
    },
    {
        "type": "track", "anonymousId": "a4", "event": "Board Opened",
        "context": {"traits": {"email": "Di@acme.example", "company_id": "c1"}},
        "properties": {"projectId": "p1", "duration": 1.5, "is_first": False},
    },
    # an event whose name has what no table's name has
    {"type": "track", "userId": "u2", "event": "Group's 1st!", "properties": {"email": "e@f"}},
    # a track that belongs to a group: not the group of the call
    {"type": "track", "userId": "u2", "event": "Joined", "properties": {"group_id": "g7"}},
    # nobody but a device
    {"type": "track", "anonymousId": "a1", "event": "Joined"},
    {"type": "page", "userId": "u1", "properties": {"url": "/", "company_id": "c1"}},
    {"type": "screen", "anonymousId": "a1", "properties": {"name": "Home"}},
    {"type": "alias", "userId": "u1", "previousId": "a1"},
]  # fmt: skip


def calls(prefix: str) -> list[dict]:
    """All of them, a minute apart, with ids and people of their own."""
    return [
        call
        | {
            "messageId": f"{prefix}{number}",
            "timestamp": f"2026-03-10T11:{number:02}:00.250+00:00",
            "originalTimestamp": f"2026-03-10T11:{number:02}:30.250+00:00",
            "sentAt": f"2026-03-10T11:{number:02}:32+00:00",
            "receivedAt": f"2026-03-10T11:{number:02}:02+00:00",
        }
        for number, call in enumerate(CALLS, start=1)
    ]


@pytest.fixture(scope="module")
def built(
    module_warehouse: str,  # noqa: F811
    module_settings: Settings,  # noqa: F811
    tmp_path_factory: pytest.TempPathFactory,
) -> Settings:
    """A build over both: the collector's as `c-…`, those of Segment's tables as `w-…`."""
    land_objects(module_warehouse, "company", [{"_id": "p1", "name": "A", "externalId": "c1"}])
    add_source(module_warehouse, "web")
    file: Path = tmp_path_factory.mktemp("calls") / "calls.jsonl"
    file.write_text("\n".join(map(json.dumps, calls("c-"))))
    load_files(module_warehouse, [file], "web", lambda line: None)
    SegmentTables(module_warehouse).load(calls("w-"), loaded_at=LOADED)
    settings = replace(module_settings, segment_warehouse_schema="production")
    build(module_warehouse, settings, requested_by="test", as_of=AS_OF, say=lambda line: None)
    return settings


def sides(ask, query: str) -> tuple[list, list]:  # noqa: F811
    """What the query tells of the collector's calls and of the tables': rows after the id."""
    found: dict[str, list] = {"c": [], "w": []}
    for row in ask(query):
        way, number = row.pop("message_id").split("-")
        found[way].append((int(number), row))
    assert found["c"]
    return sorted(found["c"], key=repr), sorted(found["w"], key=repr)


def test_every_call_is_the_same_row_of_staging(built, ask):  # noqa: F811
    collected, loaded = sides(
        ask,
        "select message_id, type, event, keyset, user_ids, emails, company_keys, mention,"
        " anonymous_ids, previous_ids, event_at, event_date, event_at_source, has_receipt_id,"
        " is_suppressed"
        " from staging.stg_segment__calls join staging.stg_segment__keysets using (keyset)",
    )
    assert len(collected) == len(CALLS)
    assert loaded == collected
    assert collected[0][1]["event_at"] == datetime(2026, 3, 10, 11, 1, 0, 250_000, tzinfo=UTC)
    assert collected[0][1]["event_at_source"] == "segment"


def test_the_time_of_receipt_is_segment_s(built, ask):  # noqa: F811
    found = ask("select received_at from staging.stg_segment__calls where message_id = 'w-1'")
    assert found == [{"received_at": datetime(2026, 3, 10, 11, 1, 2, tzinfo=UTC)}]


def test_the_attributes_of_identifies_are_the_same(built, ask):  # noqa: F811
    collected, loaded = sides(
        ask,
        "select c.message_id, t.attribute, t.value from staging.stg_segment__identify_traits as t"
        " join staging.stg_segment__calls as c using (event_seq)",
    )
    assert loaded == collected


def test_the_figures_of_groups_are_the_same_under_segment_s_names(built, ask):  # noqa: F811
    collected, loaded = sides(
        ask,
        "select c.message_id, t.trait, t.value_type, t.value, t.value_text"
        " from staging.stg_segment__group_traits as t"
        " join staging.stg_segment__calls as c using (event_seq)",
    )
    in_snake_case = {"monthlySpend": "monthly_spend", "isPaying": "is_paying"}
    for _, row in collected:
        row["trait"] = in_snake_case.get(row["trait"], row["trait"])
    assert sorted(loaded, key=repr) == sorted(collected, key=repr)


def test_the_objects_that_are_named_are_the_same(built, ask):  # noqa: F811
    collected, loaded = sides(
        ask,
        "select c.message_id, t.model, t.object_keys, t.mention"
        " from staging.stg_segment__mentions as t"
        " join staging.stg_segment__calls as c using (mention)",
    )
    assert loaded == collected


def test_they_are_resolved_alike(built, ask):  # noqa: F811
    collected, loaded = sides(
        ask,
        "select message_id, company_id, enduser_id, matched_by, reason, object_reason"
        " from marts.event_resolution",
    )
    assert loaded == collected
    assert {row["matched_by"] for _, row in collected} >= {"created_user", "group"}


def test_the_next_build_reads_what_is_new_first_and_none_is_made_when_nothing_is(
    built, module_warehouse, ask,  # noqa: F811
):  # fmt: skip
    def builds() -> int:
        build(module_warehouse, built, requested_by="test", as_of=AS_OF, say=lambda line: None)
        return ask("select count(*)::int as builds from sync.builds")[0]["builds"]

    assert builds() == 1
    late = {"type": "identify", "messageId": "late-1", "userId": "u1", "traits": {"phone": "1"}}
    SegmentTables(module_warehouse).load(
        [late | {"receivedAt": "2026-03-10T11:00:00+00:00"}], loaded_at=LOADED
    )
    assert builds() == 2
    assert ask("select type from staging.stg_segment__calls where message_id = 'late-1'") == [
        {"type": "identify"}
    ]
