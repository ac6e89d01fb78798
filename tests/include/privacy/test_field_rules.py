"""Field rules as settings: what is one, who set it and when, and what is refused in a line."""

import psycopg
import pytest

from include.collector.sources import add_source
from include.privacy.field_rules import FieldRuleError, Rule, add, in_force, lift, listed
from tests.conftest import copied


@pytest.fixture(scope="module")
def empty(server):
    """One warehouse for all that is refused: nothing is written."""
    with copied(server, "field_rules_refused") as url:
        yield url


def path(field: str, action: str = "drop", **more) -> Rule:
    return Rule("path", action, field, **more)


def test_a_rule_is_ended_and_never_changed_so_its_history_stays(warehouse):
    first = add(warehouse, path("traits.phone"), by="ada")
    assert add(warehouse, path("traits.phone"), by="ben") == first
    second = add(warehouse, path("traits.phone", "truncate", length=3), by="ben")
    lift(warehouse, second, by="cleo")

    with psycopg.connect(warehouse) as connection:
        assert in_force(connection) == []
        rows = [
            (each["words"], each["changed_by"], each["lifted_by"]) for each in listed(connection)
        ]
    assert rows == [
        ("drop traits.phone, of all calls of all sources", "ada", "ben"),
        ("truncate traits.phone to 3 characters, of all calls of all sources", "ben", "cleo"),
    ]
    with pytest.raises(FieldRuleError, match=f"No rule {second} is in force"):
        lift(warehouse, second, by="ada")


def test_what_is_read_is_what_was_written(warehouse):
    add_source(warehouse, "web")
    rule = Rule("path", "allow", r"traits.a\.b", "web", "identify", None, ("a b", "c,d"))
    number = add(warehouse, rule, by="ada")
    ip = add(warehouse, Rule("ip", "truncate"), by="ada")

    with psycopg.connect(warehouse) as connection:
        assert [(each.rule_id, each.steps) for each in in_force(connection)] == [
            (number, ("traits", "a.b")), (ip, ())
        ]  # fmt: skip
        assert in_force(connection)[0].allowed == ("a b", "c,d")


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        *[(path(each, action), "cannot be ruled away") for action in ("drop", "hash") for each in
          ("messageId", "message_id", "type", "timestamp", "sentAt", "received_at", "event",
           "integrations.All", "originalTimestamp")],
        (path("*"), "begins with a member"),
        (path("*.x"), "begins with a member"),
        (path("userId"), "can be hashed, and nothing else"),
        (path("user_id", "truncate", length=2), "can be hashed, and nothing else"),
        (path("previousId", "allow", allowed=("x",)), "can be hashed, and nothing else"),
        (path("traits.email", "truncate", length=2), "several would be one"),
        (path("traits", "truncate", length=2), "several would be one"),
        (path("properties.*", "truncate", length=2), "several would be one"),
        (path("traits.x", "truncate"), "LENGTH="),
        (path("traits.x", "drop", length=3), "belongs to truncate"),
        (path("traits", "allow"), "Say which members"),
        (path("traits", "allow", allowed=("a\nb",)), "line breaks"),
        (path("traits.x", "redact"), "is one of drop, hash"),
        (path("traits.x", "burn"), "is one of drop, hash"),
        (path("traits..x"), "no path"), (path(".x"), "no path"), (path("x."), "no path"),
        (path("x\\"), "no path"), (path("\\"), "A path has"), (path("."), "A path has"),
        (path("a." * 10 + "b"), "A path has"), (path("a" * 501), "A path has"),
        (path("x\0"), "NUL"), (path("traits.x", source="nobody"), "no source nobody"),
        (Rule("ip", "hash"), "is one of drop, truncate"),
        (Rule("ip", "drop", "traits"), "takes no path"),
        (Rule("card_numbers", "drop"), "is one of redact"),
        (Rule("elsewhere", "drop"), "is one of nothing"),
    ],
    ids=lambda value: f"{value.what} {value.path[:30]} {value.action}"
    if isinstance(value, Rule) else None,
)  # fmt: skip
def test_what_would_harm_a_call_is_refused_in_a_line(empty, rule, why):
    with pytest.raises(FieldRuleError, match=why) as refused:
        add(empty, rule, by="ada")
    assert "\n" not in str(refused.value)
    with psycopg.connect(empty) as connection:
        assert in_force(connection) == []
