"""Field rules where calls come in: by every way, in every store, within seconds, counted."""

import json
from datetime import timedelta

import psycopg
import pytest

from include.collector.books import check_books
from include.collector.load import load_files
from include.collector.replay import replay
from include.collector.sources import add_source
from include.collector.tried_rules import try_rules
from include.privacy import field_rules, suppression
from include.privacy.field_rules import Rule
from include.settings import Settings
from include.warehouse import embedded
from include.why import tell
from tests.include.collector.conftest import Running, running
from tests.include.collector.test_suppression import stored, wait_until

ADDRESS = "203.0.113.77"


def call(message_id: str, **said) -> dict:
    return {
        "type": "track", "userId": "u", "event": "E", "messageId": message_id,
        "context": {"ip": ADDRESS}, **said,
    }  # fmt: skip


def add(url: str, what: str, action: str = "drop", **more) -> int:
    rule = Rule(what, action, **more) if what != "path" else Rule("path", action, **more)
    return field_rules.add(url, rule, by="tester")


def done(url: str) -> dict[int, int]:
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "select rule_id, sum(calls)::int from raw_segment.field_rule_hours group by 1"
        )
        return dict(rows.fetchall())


def wait_until_known(collector: Running, rule: int) -> None:
    """Until calls are changed by a rule; what was tried before that goes."""

    def is_known() -> bool:
        collector.post("/v1/batch", {"batch": [call("probe-77")]})
        with psycopg.connect(collector.warehouse) as connection:
            found = connection.execute("select field_rules from raw_segment.events").fetchone()
            connection.execute(
                "truncate raw_segment.events, raw_segment.intake, raw_segment.field_rule_hours"
            )
        return found is not None and str(rule) in found[0].split(",")

    wait_until(is_known)


def test_every_way_over_http_stores_what_the_rules_leave_and_counts_it(collector: Running):
    url = collector.warehouse
    ip = add(url, "ip")
    phone = add(url, "path", "hash", path="traits.phone", type="identify", source="demo-app")
    wait_until_known(collector, ip)

    batch = {"batch": [call("m1"), call("m2", context={}), {"type": "track", "x": 1}]}
    batch["context"] = {"ip": ADDRESS, "os": "x"}
    assert collector.post("/v1/batch", batch).json()["accepted"] == 2
    collector.post("/v1/identify", call("m3", type="identify", traits={"phone": "+49 1"}))
    collector.post("/webhook", [call("m4", traits={"phone": "+49 1"})])
    partner = {"type": "identify", "user_id": "x", "message_id": "m5", "traits": {"phone": "+49 1"}}
    collector.post("/dock/segment", partner, key="demo-token")
    collector.post("/v1/batch", content=f'{{"batch": [{{"context": {{"ip": "{ADDRESS}"}}}}, NaN]}}')
    escaped = json.dumps(call("m6")).replace('"ip"', '"\\u0069p"')
    collector.post("/v1/track", content=escaped)
    collector.post("/v1/track", call("m1"))

    rules = {each["message_id"]: each["field_rules"] for each in collector.events()}
    both = f"{ip},{phone}"
    assert rules == {
        "m1": f"{ip}", "m2": f"{ip}", "m3": both, "m4": f"{ip}", "m5": f"{phone}", "m6": f"{ip}"
    }  # fmt: skip
    assert ADDRESS not in stored(url)
    texts = {each["reason"]: each["payload"] for each in collector.quarantine()}
    assert texts["missing_event"] != "" == texts["malformed_json"]
    assert done(url) == {ip: 8, phone: 2, 0: 1}
    assert collector.books()["received"] == 10
    assert check_books(url).differences == []
    for rule in (ip, phone):
        field_rules.lift(url, rule, by="tester")


def test_what_waits_in_a_spool_is_ruled_before_and_again(own_server: Settings):
    url = embedded.server_url(own_server, "warehouse")
    ip = add(url, "ip")
    with running(url) as collector:
        embedded.stop(own_server)
        # of two members of one name the first is read by nobody, and must not be on the disk
        double = json.dumps(call("m1")).replace('"ip"', '"ip": null, "ip"', 1)[:-1]
        for text in (json.dumps(call("m0", traits={"x": "secret-1"})), double + ', "context": {}}'):
            assert collector.post("/v1/track", content=text).json()["accepted"] == 1
        spooled = b"".join(each.read_bytes() for each in collector.spooled())
        assert b"secret-1" in spooled
        assert ADDRESS.encode() not in spooled
        collector.stop()
    # one that starts without the warehouse knows the rules
    with running(url) as collector:
        collector.post("/v1/track", call("m2"))
        assert ADDRESS.encode() not in b"".join(e.read_bytes() for e in collector.spooled())
        collector.stop()
    embedded.start(own_server)
    trait = add(url, "path", "hash", path="traits.x")
    hashed = add(url, "path", "hash", path="userId")
    suppression.suppress(url, ["nobody"], by="tester", reason="asked")
    with running(url) as collector:
        collector.wait_until_drained()
        rules = {each["message_id"]: each["field_rules"] for each in collector.events()}
        assert rules == {
            "m0": f"{ip},{trait},{hashed}", "m1": f"{hashed}", "m2": f"{ip},{hashed}"
        }  # fmt: skip
        assert done(url) == {ip: 2, trait: 1, hashed: 3}
        assert check_books(url).differences == []
        assert "secret-1" not in stored(url)


def test_files_and_the_quarantine_are_ruled_and_ids_stay(warehouse, tmp_path):
    add_source(warehouse, "s")
    file = tmp_path / "calls.jsonl"
    untold = {"type": "page", "context": {"ip": ADDRESS}}
    bad = {"type": "track", "messageId": "bad", "context": {"ip": ADDRESS}}
    file.write_text("\n".join(json.dumps(each) for each in (call("a"), untold, bad)))
    ip = add(warehouse, "ip", "truncate")

    first = load_files(warehouse, [file], "s", say=lambda line: None)
    assert (first.landed, first.quarantined) == (2, 1)
    assert ADDRESS not in stored(warehouse)
    assert "203.0.113.0" in stored(warehouse)
    # lifted: the same calls are known all the same, also the one that has no id of its own
    field_rules.lift(warehouse, ip, by="tester")
    second = load_files(warehouse, [file], "s", say=lambda line: None)
    assert (second.landed, second.duplicates, second.quarantined) == (0, 2, 1)

    user = add(warehouse, "path", "hash", path="userId")
    with psycopg.connect(warehouse) as connection:
        connection.execute(
            "update raw_segment.quarantine set payload ="
            ' (payload::jsonb || \'{"event": "E", "userId": "u"}\')::text'
            " where quarantine_id = (select min(quarantine_id) from raw_segment.quarantine)"
        )
    again = replay(warehouse, say=lambda line: None)
    assert (again.landed, again.quarantined) == (1, 1)
    with psycopg.connect(warehouse) as connection:
        found = connection.execute(
            "select field_rules, payload ->> 'userId' from raw_segment.events"
            " where message_id = 'bad'"
        ).fetchone()
    assert found is not None
    assert found[0] == f"{ip},{user}"
    told = " ".join(" ".join(tell(warehouse, "bad").lines()).split())
    assert f"by field rule {ip}: truncate IP address, of all calls of all sources." in told
    assert f"by field rule {user}: hash userId" in told
    assert found[1].startswith("hashed-")
    assert check_books(warehouse).differences == []


def test_who_is_suppressed_is_told_by_a_hashed_id_too(warehouse, tmp_path):
    add_source(warehouse, "s")
    file = tmp_path / "calls.jsonl"
    file.write_text(json.dumps({"type": "track", "userId": "gone-7", "messageId": "bad"}))
    add(warehouse, "path", "hash", path="userId")
    load_files(warehouse, [file], "s", say=lambda line: None)
    assert "gone-7" not in stored(warehouse)

    suppression.suppress(warehouse, ["gone-7"], by="tester", reason="asked")
    assert replay(warehouse, say=lambda line: None).turned_away == 1


def test_a_trial_tells_paths_and_counts_and_changes_nothing(warehouse, tmp_path):
    add_source(warehouse, "s")
    file = tmp_path / "calls.jsonl"
    lines = [
        call("a", properties={"card": "x", "ann@example.com": 1}),
        call("b", properties={"card": None}),
        call("c", context={}),
    ]
    file.write_text("\n".join(json.dumps(each) for each in lines))
    load_files(warehouse, [file], "s", say=lambda line: None)
    before = stored(warehouse)

    found = try_rules(warehouse, Rule("path", "drop", "properties.*"))
    assert (found.calls, found.touched) == (3, 2)
    assert found.paths == {(0, "properties.card"): 2, (0, "properties.…"): 1}
    assert try_rules(warehouse, Rule("ip", "drop"), timedelta(0)).calls == 0
    assert stored(warehouse) == before
    with pytest.raises(field_rules.FieldRuleError):
        try_rules(warehouse, Rule("path", "drop", "messageId"))
