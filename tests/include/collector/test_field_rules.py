"""Field rules against a reference that decodes, changes and compares; and what must not slip by."""

import json
import random
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from include.collector.event import Bad, Envelope, Row, read_wanted
from include.collector.field_rules import FieldRules, SourceRules
from include.collector.made_ids import MadeIds
from include.collector.options import Limits
from include.collector.screening import Screen
from include.privacy.field_rules import Rule
from include.privacy.keys import HashKey

KEY = HashKey(b"k" * 32)
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
KEYS = [
    ("user_id", "userId"), ("user_id", "user_id"), ("email", "traits.email"),
    ("anonymous_id", "anonymousId"),
]  # fmt: skip


def rules_of(*rules: Rule) -> SourceRules:
    found = FieldRules(KEY, rules, KEYS).of("web")
    assert found is not None
    return found


def path(field: str, action: str = "drop", **more: Any) -> Rule:
    return Rule("path", action, field, **{"rule_id": 1, **more})


def read(raw: dict | bytes, *rules: Rule, context: dict | None = None) -> Row | Bad:
    text = raw if isinstance(raw, bytes) else json.dumps(raw).encode()
    envelope = Envelope.of({"context": json.dumps(context).encode() if context else None})
    screen = Screen(None, rules_of(*rules))
    found = read_wanted(text, 0, MadeIds("web"), envelope, Limits(), screen, NOW)
    assert found is not None
    return found


def track(**said: Any) -> dict:
    return {"type": "track", "event": "E", "messageId": "m", **said}


def left(call: dict | bytes, *rules: Rule, **more: Any) -> dict:
    row = read(call, *rules, **more)
    assert isinstance(row, Row), row
    return json.loads(row.payload)


# The reference: on decoded values, one rule after the other, in the order that the docs say: what
# holds others first.

ORDER = ("drop", "allow", "truncate", "hash")


def reference(call: dict, rules: list[Rule]) -> dict:
    def turn(rule: Rule) -> tuple[int, int, int]:
        return len(rule.steps), ORDER.index(rule.action), rule.rule_id

    for rule in sorted(rules, key=turn):
        call = changed_at(call, rule.steps, rule)
    return call


def changed_at(value: Any, steps: tuple, rule: Rule) -> Any:
    if isinstance(value, list):
        return [changed_at(each, steps, rule) for each in value]
    if not isinstance(value, dict):
        return value
    first, *rest = steps
    found = {}
    for name, inner in value.items():
        if first is not None and name != first:
            found[name] = inner
        elif rest:
            found[name] = changed_at(inner, tuple(rest), rule)
        elif rule.action == "allow":
            kept = only(inner, rule.allowed)
            if kept is not Ellipsis:
                found[name] = kept
        elif rule.action != "drop":
            found[name] = leaves(inner, rule)
    return found


def only(value: Any, allowed: tuple[str, ...]) -> Any:
    if isinstance(value, dict):
        return {name: inner for name, inner in value.items() if name in allowed}
    if isinstance(value, list):
        return [one for each in value if (one := only(each, allowed)) is not Ellipsis]
    return None if value is None else ...


def leaves(value: Any, rule: Rule) -> Any:
    if isinstance(value, dict):
        return {name: leaves(inner, rule) for name, inner in value.items()}
    if isinstance(value, list):
        return [leaves(each, rule) for each in value]
    text = str(value)
    if value is None or isinstance(value, bool) or text.startswith("hashed-"):
        return value
    if rule.action == "truncate":
        return text[: rule.length] if len(text) > rule.length else value
    form = text.strip().lower() if "@" in text else text.strip()
    return "hashed-" + KEY.hash("field", form).hex() if form else value


NAMES = ["a", "b", "ip", "é", "a.b", "", "*", 'q"uote', "日本", "hashed-"]


def value(random: random.Random, depth: int) -> Any:
    kind = random.randrange(9 if depth else 5)
    if kind == 0:
        return random.choice([None, True, False])
    if kind == 1:
        return random.randrange(10**9)
    if kind in (2, 3, 4):
        return random.choice(
            ["", " ", "x", "Ann@Example.com", "ünïcode 日本", 'with "quotes" \\', "17"]
        )
    if kind in (5, 6, 7):
        return {random.choice(NAMES): value(random, depth - 1) for _ in range(random.randrange(5))}
    return [value(random, depth - 1) for _ in range(random.randrange(4))]


def some_rules(random: random.Random) -> list[Rule]:
    found = {}
    for number in range(random.randrange(1, 8)):
        steps = [random.choice(["properties", "stuff"])]
        steps += [
            random.choice(["*", *(re.sub(r"([.\\*])", r"\\\1", each) for each in NAMES if each)])
            for _ in range(random.randrange(4))
        ]
        action = random.choice(ORDER)
        found[".".join(steps)] = Rule(
            "path", action, ".".join(steps), length=random.randrange(1, 4),
            allowed=("a", "é"), rule_id=number,
        )  # fmt: skip
    return list(found.values())


def written(value: Any, random: random.Random) -> str:
    """JSON as some client writes it: letters escaped, slashes too, white space anywhere."""
    text = json.dumps(value, ensure_ascii=random.random() < 0.5)
    if random.random() < 0.5:
        text = re.sub(
            r'"(\w+)"',
            lambda found: '"' + "".join(
                f"\\u{ord(each):04x}" if random.random() < 0.3 else each for each in found[1]
            ) + '"',
            text,
        )  # fmt: skip
    return text.replace(": ", random.choice([":", " : ", ":\n"])) if '": "' not in text else text


@pytest.mark.parametrize("seed", range(300))
def test_any_rules_leave_of_any_call_what_the_reference_leaves(seed):
    draw = random.Random(seed)
    rules = some_rules(draw)
    call = track(properties=value(draw, 4), stuff=value(draw, 4))
    if not isinstance(call["properties"], (dict, list, type(None))):
        call["properties"] = {"a": call["properties"]}
    wanted = reference(call, rules)
    raw = written(call, draw).encode()
    assert json.loads(raw) == call

    row = read(raw, *rules)
    assert isinstance(row, Row)
    assert json.loads(row.payload) == wanted
    # what comes from a spool is looked at once more, as bytes: nothing is changed twice
    again, by = rules_of(*rules).payload(row.payload, "track")
    assert json.loads(again) == wanted
    assert by == ""
    # from the bytes alone, the same
    alone, touched = rules_of(*rules).payload(raw, "track")
    assert json.loads(alone) == wanted
    assert touched == row.rules.decode()
    if wanted != call:
        assert touched


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        (rb'{%s,"context":{"\u0069p":"1.2.3.4"}}', {}),
        (rb'{%s,"\u0063ontext":{"\u0069\u0070":"1.2.3.4"}}', {}),
        (b'{%s,"context":{"ip":"1.2.3.4"},"context":{"a":1}}', {"a": 1}),
        (b'{%s,"context":{"ip":"1.2.3.4","ip":null}}', {}),
        (b'{%s,"context":{"a":1e2,"ip":["1.2.3.4"]}}', {"a": 100}),
        (b'{%s,"context":[{"ip":"1.2.3.4"}]}', [{}]),
    ],
)  # fmt: skip
def test_names_that_are_escaped_doubled_or_in_a_list_do_not_slip_by(raw, kept):
    rules = rules_of(path("context.ip"))
    raw %= b'"type":"track","event":"E"'
    stored, _ = rules.payload(raw, "track")

    assert b"1.2.3.4" not in stored
    assert left(raw, path("context.ip"))["context"] == kept


def test_a_rule_reaches_what_a_batch_says_for_all_its_calls():
    call = left(
        track(context={"page": 1}), path("context.ip"), context={"ip": "1.2.3.4", "os": "x"}
    )

    assert call["context"] == {"page": 1, "os": "x"}


def test_numbers_and_members_that_no_rule_names_stay_as_they_were_written():
    raw = (
        b'{"type":"track","event":"E","properties":{"sum":1.10,"big":12345678901234567890.5},'
        b'"context":{"ip":"::1","x":1E5}}'
    )
    row = read(raw, path("context.ip"))

    assert b'{"sum":1.10,"big":12345678901234567890.5}' in row.payload
    assert b'"x":1E5' in row.payload


def test_a_hash_is_that_of_the_list_of_suppressed_people_and_one_for_each_spelling():
    rules = [path(each, "hash", rule_id=number) for number, each in enumerate(
        ("userId", "traits.email", "traits.mail", "traits.number"))]  # fmt: skip
    one = left(track(user_id=" U-1", traits={"email": " Ann@Example.com", "number": 17.0}), *rules)
    other = left(track(userId="U-1", traits={"mail": "ann@example.COM", "number": "17"}), *rules)

    assert one["user_id"] == other["userId"] == "hashed-" + KEY.hash("user_id", "U-1").hex()
    assert one["traits"]["email"] == "hashed-" + KEY.hash("email", "ann@example.com").hex()
    assert other["traits"]["mail"] == "hashed-" + KEY.hash("field", "ann@example.com").hex()
    assert one["traits"]["number"] == other["traits"]["number"]


def test_an_alias_names_a_device_as_its_calls_do():
    rules = [path("anonymousId", "hash"), path("previousId", "hash", rule_id=2)]
    alias = left({"type": "alias", "userId": "u", "previousId": "a-1", "messageId": "m"}, *rules)
    call = left(track(anonymousId="a-1"), *rules)

    assert alias["previousId"] == call["anonymousId"]


@pytest.mark.parametrize(
    ("address", "short"),
    [
        ("203.0.113.77", "203.0.113.0"), (" 203.0.113.77", "203.0.113.0"),
        ("2001:db8:1:2:3::4", "2001:db8:1::"), ("::ffff:203.0.113.77", "203.0.113.0"),
        ("fe80::1%eth0", "fe80::"), ("203.0.113.0", "203.0.113.0"), (None, None),
        ("203.0.113.77, 10.0.0.1", ...), ("somewhere", ...), (7, ...), (["203.0.113.77"], ...),
    ],
)  # fmt: skip
def test_an_address_is_cut_to_its_network_or_goes(address, short):
    call = left(track(context={"ip": address, "x": 1}), Rule("ip", "truncate", rule_id=1))

    assert call["context"] == ({"x": 1} if short is ... else {"ip": short, "x": 1})


def test_a_user_agent_keeps_of_each_version_the_first_number():
    agent = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Chrome/120.0.6099.71"
    data = {
        "brands": [{"brand": "Chromium", "version": "120"}],
        "architecture": "arm",
        "model": "x",
    }
    call = left(
        track(context={"userAgent": agent, "userAgentData": data}),
        Rule("user_agent", "truncate", rule_id=1),
    )

    assert call["context"]["userAgent"] == (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_0_0) Chrome/120.0.0.0"
    )
    assert call["context"]["userAgentData"] == {"brands": data["brands"]}


CARDS = ["4111 1111 1111 1111", "378282246310005", "5555-5555-5555-4444", 4111111111111111]
NO_CARDS = ["4111111111111112", "123456789012", "1700000000000", 1700000000000, "x4111111111111111"]
SECRETS = [
    "sk_live_" + "a1" * 12, "AKIA" + "A" * 16, "ghp_" + "b" * 36,
    f"eyJ{'a' * 9}.eyJ{'b' * 9}.{'c' * 9}",
]  # fmt: skip


def test_cards_and_secrets_are_written_over_wherever_they_stand_but_not_in_keys():
    found = left(
        track(
            userId="4111111111111111",
            properties={"cards": CARDS, "others": NO_CARDS, "text": f"my key {SECRETS[0]}, ok"},
            traits={"deep": [{"x": each} for each in SECRETS], CARDS[0]: 1},
        ),
        Rule("card_numbers", "redact", rule_id=1), Rule("secrets", "redact", rule_id=2),
    )  # fmt: skip

    assert found["userId"] == "4111111111111111"
    assert found["properties"]["cards"] == ["[card number]"] * 4
    assert found["properties"]["others"] == NO_CARDS
    assert found["properties"]["text"] == "my key [secret], ok"
    assert found["traits"]["deep"] == [{"x": "[secret]"}] * len(SECRETS)
    assert found["traits"]["[card number]"] == 1


def test_a_rule_is_of_its_source_and_type_alone():
    every = FieldRules(KEY, [path("traits.x", source="web", type="identify")], KEYS)

    assert every.of("shop") is None
    web = every.of("web")
    assert web is not None
    assert web.payload(b'{"traits":{"x":1}}', "track") == (b'{"traits":{"x":1}}', "")
    assert web.payload(b'{"traits":{"x":1}}', "identify") == (b'{"traits":{}}', "1")


def test_what_a_call_is_known_by_stays_whatever_a_table_says():
    call = track(timestamp="2026-01-01T00:00:00Z", integrations={"All": False})
    rules = [path(each, rule_id=number) for number, each in enumerate((*call, "*", "*.All"))]

    assert left(call, *rules) == call


def test_a_made_id_is_that_of_the_call_as_it_came():
    call = {
        "type": "track",
        "event": "E",
        "timestamp": "2026-01-01T10:00:00Z",
        "context": {"ip": "1"},
    }
    ruled = read(call, path("context.ip"))
    other = read(call, path("context.other"))

    assert ruled.message_id == other.message_id
    assert (ruled.rules, other.rules) == (b"1", b"")


@pytest.mark.parametrize(
    ("raw", "reason", "kept"),
    [
        (b'{"type":"track","context":{"ip":"1.2.3.4"},"x":1}', "missing_event", '"x":1'),
        (b'{"context":{"ip":"1.2.3.4"},"x":1}', "missing_type", '"x":1'),
        (b'{"type":"page","context":{"ip":"1.2.3.4"},"x":"\\u0000"}', "nul_character", "u0000"),
        (b'{"type":"track","event":"E","context":{"ip":"1.2.3.4"},"x":NaN}', "malformed_json", ""),
        (b'{"type":"track","event":"E","context":{"ip":"1.2.3.4"', "malformed_json", ""),
        (b'["1.2.3.4"]', "not_an_object", ""),
        (b'{"type":"track","event":"E","context":{"ip":"1.2.3.4\xff"}}', "invalid_utf8", ""),
        (b"\xff1\x00.\x002\x00.3.4", "invalid_utf8", ""),
    ],
)  # fmt: skip
def test_of_what_cannot_be_read_no_text_is_kept_and_the_rest_is_ruled(raw, reason, kept):
    bad = read(raw, path("context.ip"))

    assert isinstance(bad, Bad)
    assert bad.reason == reason
    assert "2.3.4" not in bad.text
    if kept:
        assert (kept in bad.text, bad.rules) == (True, "1")
    else:
        assert (bad.text, bad.rules) == ("", "0")
        assert re.search(r"in its \d+ bytes, which are not kept", bad.detail)


def test_what_a_batch_says_and_cannot_be_stored_stays_unusable_and_is_not_kept():
    context = json.dumps({"ip": "1.2.3.4", "deep": 1}).encode().replace(b"1}", b'"\\u0000"}')
    envelope = Envelope.of({"context": context})
    screen = Screen(None, rules_of(path("context.ip")))
    bad = read_wanted(b'{"type":"page"}', 0, MadeIds("web"), envelope, Limits(), screen, NOW)

    assert isinstance(bad, Bad)
    assert "1.2.3.4" not in bad.all_text
    again = Envelope.from_text(bad.envelope)
    assert set(again.unusable) == {"context"}


def test_deep_and_long_calls_are_ruled_too():
    deep: Any = "4111111111111111"
    for _ in range(90):
        deep = [{"a": deep}]
    deep = {"a": deep}
    call = {"type": "page", "messageId": "m", "properties": deep}
    bad = read(call, path("properties", "hash"))
    assert isinstance(bad, Bad)  # more than 100 levels
    assert "4111111111111111" not in bad.text
    call["properties"] = {"a": [[[{"b": "4111111111111111"}]]]}
    row = read(call, path("properties", "hash"))
    assert isinstance(row, Row)
    assert "4111111111111111" not in str(json.loads(row.payload))


def test_contexts_that_are_alike_or_many_are_ruled_each_by_itself():
    rules = rules_of(Rule("ip", "truncate", rule_id=3), path("context.os", rule_id=5))
    for _ in range(2):
        for number in range(1_200):
            said = {
                "ip": f"10.0.{number % 256}.7",
                "n": number,
                **({"os": 1} if number % 2 else {}),
            }
            call = track(context=said)
            changed, by = rules.call(call, json.dumps(call).encode(), "track")
            left_of_it = {"ip": f"10.0.{number % 256}.0", "n": number}
            assert json.loads(changed)["context"] == left_of_it
            assert by == ("3,5" if number % 2 else "3")
