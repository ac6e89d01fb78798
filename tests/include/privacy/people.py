"""A small world with one person in every place where a person's data can stand."""

import json
from datetime import UTC, date, datetime, timedelta

import psycopg

from include.build import build
from include.build.lock import take_lock
from include.privacy.forgetting.doing import Builds
from include.settings import Settings
from tests.dbt_project.landing import land_calls, land_objects

TODAY = date(2026, 3, 11)
AT = datetime(2026, 3, 10, 12, tzinfo=UTC)

# Everything of hers has this word in it, and nothing of anybody else has.
WORD = "zsuzsanna"
USER = f"{WORD}-user-1"
EMAIL = f"{WORD}@acme.example"
DEVICE = f"{WORD}-device-1"
HER_ID = "e" * 23 + "1"
HER_ANSWER = "f" * 23 + "1"
COMPANY = "c" * 23 + "1"
ASSET = "a" * 23 + "1"


def quietly(line: str) -> None:
    """Says nothing."""


def builds(url: str, settings: Settings) -> Builds:
    """Builds of this world, as of its day."""
    return Builds(
        make=lambda: build(url, settings, requested_by="test", today=TODAY, say=quietly),
        lock=lambda holder: take_lock(holder, quietly),
    )


def land_world(url: str, *, with_her: bool = True) -> None:
    """Her company and its people: calls, Planhat's objects, quarantine, errors and ledger."""
    land_objects(url, "company", [{"_id": COMPANY, "name": "Acme", "externalId": "acme"}])
    land_objects(
        url, "asset", [{"_id": ASSET, "name": "Press", "externalId": "x1", "companyId": COMPANY}]
    )
    other = {"_id": "e" * 23 + "2", "email": "bo@acme.example", "companyId": COMPANY}
    land_objects(url, "enduser", [{**other, "externalId": "bo-user-22"}])
    land_calls(url, others_calls(with_her), received_at=AT)
    if with_her:
        land_her(url)


def others_calls(with_her: bool) -> list[dict]:
    """Two colleagues, one of whom invites her."""
    invited = {"email": EMAIL, "seats": 3} if with_her else {"seats": 3}
    return [
        _call("track", "bo-1", userId="bo-user-22", event="Opened", days=1),
        _call("track", "bo-2", userId="bo-user-22", event="Invited", properties=invited, days=2),
        _call("identify", "cy-1", userId="cy-user-33",
              traits={"company_id": "acme", "email": "cy@acme.example"}, days=3),
        _call("track", "cy-2", userId="cy-user-33", event="Opened", days=1),
        _call("group", "cy-3", userId="cy-user-33", groupId="acme", traits={"seats": 4}, days=3),
        # the device that she had used before
        _call("track", "cy-4", userId="cy-user-33", anonymousId="shared-device", event="Opened",
              days=0),
    ]  # fmt: skip


def her_calls() -> list[dict]:
    """Of every type, by every key, with her data in every place."""
    about = {"name": f"{WORD} of Acme", "phone": f"{WORD}-phone", "title": f"{WORD}-title"}
    return [
        _call("identify", f"{WORD}-1", userId=USER, anonymousId=DEVICE,
              traits={**about, "email": EMAIL, "company_id": "acme"}, days=5),
        _call("track", f"{WORD}-2", userId=USER, event="Opened",
              properties={"asset_id": "x1", "note": f"{WORD}-note"}, days=4),
        _call("track", f"{WORD}-3", userId=USER, event="Opened", days=4),
        _call("page", f"{WORD}-4", anonymousId=DEVICE, name=f"{WORD}-page", days=4),
        _call("track", f"{WORD}-5", anonymousId=DEVICE, event="Exported", days=3),
        _call("track", f"{WORD}-6", anonymousId="shared-device", userId=USER, event="Opened",
              days=3),
        _call("group", f"{WORD}-7", userId=USER, groupId="acme",
              traits={"seats": 5, "contact": f"{WORD}-contact"}, days=2),
        _call("alias", f"{WORD}-8", userId=USER, previousId=f"{WORD}-device-0", days=2),
        _call("screen", f"{WORD}-9", userId=USER, name=f"{WORD}-screen", days=2),
        # a company that Planhat has not, and a type that is none
        _call("track", f"{WORD}-10", userId=USER, event="Opened",
              properties={"company_id": "unknown"}, days=1),
        _call("delete", f"{WORD}-11", userId=USER, days=1),
        # what we sent ourselves, come back
        _call("identify", f"planhat-test-enduser-{HER_ID}-1.0-x", userId=USER,
              traits={"email": EMAIL}, days=0),
    ]  # fmt: skip


def land_her(url: str) -> None:
    """All of hers but the ledger, which a build must come before."""
    land_objects(
        url, "enduser",
        [{"_id": HER_ID, "email": EMAIL, "name": f"{WORD} of Acme", "externalId": USER,
          "companyId": COMPANY, "custom": {"Shoe size": f"{WORD}-shoes"}}],
    )  # fmt: skip
    land_objects(
        url, "nps",
        [{"_id": HER_ANSWER, "cId": COMPANY, "euId": HER_ID, "email": EMAIL, "score": 9,
          "comment": f"{WORD}-comment"}],
    )  # fmt: skip
    land_objects(
        url, "conversation",
        [{"_id": "d" * 23 + "1", "subject": f"Call with {EMAIL}", "companyId": COMPANY,
          "endusers": [{"id": HER_ID, "name": EMAIL}]}],
    )  # fmt: skip
    land_calls(url, her_calls(), received_at=AT)
    with psycopg.connect(url) as connection:
        connection.execute(
            "insert into raw_segment.quarantine (source, reason, detail, payload)"
            " values ('demo-app', 'too_large', '33,120 bytes', %s)",
            [json.dumps({"type": "track", "userId": USER, "event": f"{WORD}-event"})],
        )
        connection.execute(
            "insert into raw_planhat.rejects (model, file, line, planhat_id, code, reason, text)"
            " values ('enduser', 'endusers.csv', 7, %s, 'bad_date', 'no date', %s)",
            [HER_ID, f"{HER_ID},{EMAIL}"],
        )
        connection.execute(
            "insert into raw_planhat.former_keys values ('enduser', %s, %s, %s, 1)",
            [COMPANY, HER_ID, f"{WORD}-former"],
        )
        connection.execute(
            "insert into sync.excluded (kind, value) values ('email', %s)",
            [f"{WORD}@other.example"],
        )
        connection.execute("delete from sync.excluded where value like %s", [f"{WORD}%"])
        connection.execute(
            "insert into sync.runs (run_id, destination, trigger, requested_by, status)"
            " overriding system value values (1, 'segment', 'button', %s, 'success')",
            [EMAIL],
        )
        connection.execute(
            "insert into sync.run_errors (run_id, destination, model, object_id, code, message,"
            " payload) values (1, 'segment', 'enduser', %s, 'invalid', %s, %s)",
            [HER_ID, f"{EMAIL} is no address", json.dumps({"email": EMAIL})],
        )
        for model, object_id, payload in (
            ("enduser", HER_ID, {"email": EMAIL, "name": f"{WORD} of Acme"}),
            ("nps", HER_ANSWER, {"comment": f"{WORD}-comment", "email": EMAIL}),
            ("activity", f"{HER_ID} 2026-03-06 md5", {"count": 2}),
            ("company", COMPANY, {"name": "Acme"}),
        ):
            connection.execute(
                "insert into sync.objects (destination, model, object_id, payload, message_id)"
                " values ('segment', %s, %s, %s, %s)",
                [model, object_id, json.dumps(payload), f"planhat-test-{model}-{object_id}-1"],
            )
        connection.execute(
            "insert into sync.alerts_sent (object_type, object_id, kind, opened_on)"
            " values ('enduser', %s, 'stopped', '2026-03-01')",
            [HER_ID],
        )


def _call(type_: str, message_id: str, *, days: int, **said: object) -> dict:
    return {
        "type": type_, "messageId": message_id, "timestamp": f"{AT - timedelta(days=days):%FT%TZ}",
        **said,
    }  # fmt: skip


def land_delete_calls(url: str) -> None:
    """Of one who is forgotten by the switch, one from before it, and a company's id.

    As Segment's webhook says it: without a message id.
    """
    with psycopg.connect(url) as connection:
        connection.execute(
            "insert into sync.switches (switch, is_on, valid_from, changed_by)"
            " values ('forget_delete_calls', true, %s, 'ada')",
            [AT - timedelta(hours=1)],
        )
    for user, hours in (("di-user-44", 0), ("ed-user-55", 2), (COMPANY, 0)):
        call = {"type": "delete", "userId": user, "timestamp": f"{AT:%FT%TZ}"}
        land_calls(
            url, [{**call, "messageId": f"made-{user}"}], received_at=AT - timedelta(hours=hours)
        )


def tables_that_say(url: str, *words: str) -> dict[str, int]:
    """Of all tables of all schemas, as `information_schema` has them, the rows that say a word."""
    found: dict[str, int] = {}
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "select table_schema, table_name from information_schema.tables where table_schema"
            " not in ('pg_catalog', 'information_schema') and table_type = 'BASE TABLE'"
        ).fetchall()
        assert len(tables) > 80
        for schema, table in tables:
            query = psycopg.sql.SQL(
                "select count(*) from {} as each where exists ("
                "select from unnest(%s::text[]) as word"
                " where position(word in lower(each::text)) > 0)"
            ).format(psycopg.sql.Identifier(schema, table))
            count = connection.execute(query, [list(words)]).fetchone()[0]
            if count:
                found[f"{schema}.{table}"] = count
    return found
