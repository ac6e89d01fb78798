"""Rules for what stands in calls: what is left out, hashed or cut before anything is stored.

A rule is a row of `sync.field_rules` that is ended and never changed. Page and command line write
them here; collectors know them within a few seconds (include/collector/field_rules.py).
"""

import re
from collections.abc import Iterable
from typing import Any

import msgspec
import psycopg
from psycopg.rows import dict_row, tuple_row

from include.errors import ProblemError
from include.warehouse.connection import connect

PATH, IP, USER_AGENT = "path", "ip", "user_agent"
DETECTORS = ("card_numbers", "secrets")
ACTIONS = {
    PATH: ("drop", "hash", "truncate", "allow"),
    IP: ("drop", "truncate"),
    USER_AGENT: ("drop", "truncate"),
    **dict.fromkeys(DETECTORS, ("redact",)),
}

# Between the members that a row allows.
LINE = "\n"
# Any member, in a path.
ANY = None
Steps = tuple[str | None, ...]

# Each rule is asked of each call.
MOST_RULES = 200
MOST_STEPS = 10
LONGEST_PATH = 500
MOST_ALLOWED = 100

# By which a call is told from others, sorted, understood and routed.
KEPT = {
    "messageId": "by which a call is told from others",
    "message_id": "by which a call is told from others",
    "type": "which says what a call is",
    "event": "which says what happened",
    "timestamp": "a time of the call", "originalTimestamp": "a time of the call",
    "original_timestamp": "a time of the call", "sentAt": "a time of the call",
    "sent_at": "a time of the call", "receivedAt": "a time of the call",
    "received_at": "a time of the call",
    "integrations": "where an opt-out stands",
}  # fmt: skip
# Of a call's own members: both spellings are one place.
SPELLINGS = {
    "userId": "user_id", "anonymousId": "anonymous_id", "groupId": "group_id",
    "previousId": "previous_id",
}  # fmt: skip

# Every key and path in a call where identity looks for it, objects included.
KEY_PATHS = r"""
select key, path from sync.key_names
union all
select model, parts.part || '.' || replace(replace(property, '\', '\\'), '.', '\.')
from sync.object_keys, (values ('properties'), ('traits'), ('context')) as parts (part)
order by 1, 2
"""

_STEP = re.compile(r"(?:[^.\\]|\\.)+", re.DOTALL)


class FieldRuleError(ProblemError):
    """What was asked for is no valid rule; nothing was changed."""


class Rule(msgspec.Struct, frozen=True, gc=False):
    """A rule as it is written. `source`, `type`: of all, if empty."""

    what: str
    action: str
    path: str = ""
    source: str = ""
    type: str = ""
    length: int | None = None
    allowed: tuple[str, ...] = ()
    rule_id: int = 0

    @property
    def steps(self) -> Steps:
        """The path, member by member; `ANY` for a star."""
        return steps_of(self.path)

    @property
    def words(self) -> str:
        """What it does, in a line."""
        place = {IP: "IP address", USER_AGENT: "user agent"}.get(self.what, self.path)
        if self.what in DETECTORS:
            place = self.what.replace("_", " ")
        more = {
            "truncate": f" to {self.length} characters" if self.length else "",
            "allow": f" only {', '.join(self.allowed)}",
        }.get(self.action, "")
        of = " ".join(filter(None, (self.type, "calls" if self.type else "")))
        scope = f"of {of or 'all calls'} of {self.source or 'all sources'}"
        return f"{self.action} {place}{more}, {scope}"


def steps_of(path: str) -> Steps:
    """`traits.phone` member by member; `\\.` is a dot within a name, and `*` any member."""
    return tuple(
        ANY if step == "*" else re.sub(r"\\(.)", r"\1", step, flags=re.DOTALL)
        for step in _STEP.findall(path)
    )


def add(url: str, rule: Rule, *, by: str) -> int:
    """Have a rule in force for what arrives from now on; its number.

    What has landed stays as it is. The same rule again changes nothing; another one for the same
    place ends the one before. Raises `FieldRuleError` with the reason why it is none.
    """
    with connect(url, application_name="operators: field rules") as connection:
        connection.execute("lock table sync.field_rules in share row exclusive mode")
        refuse(connection, rule)
        before = connection.execute(
            "select rule_id, action, length, coalesce(allowed, '') from sync.field_rules"
            " where what = %s and coalesce(path, '') = %s and coalesce(source, '') = %s"
            " and coalesce(type, '') = %s and lifted_at is null",
            [rule.what, rule.path, rule.source, rule.type],
        ).fetchone()
        if before is not None:
            if before[1:] == (rule.action, rule.length, LINE.join(rule.allowed)):
                return before[0]
            _lift(connection, before[0], by)
        elif len(in_force(connection)) >= MOST_RULES:
            raise FieldRuleError(f"There are {MOST_RULES} rules, which is the most: lift one.")
        (rule_id,) = connection.execute(
            "insert into sync.field_rules"
            " (source, type, what, path, action, length, allowed, changed_by)"
            " values (nullif(%s, ''), nullif(%s, ''), %s, nullif(%s, ''), %s, %s, nullif(%s, ''),"
            " %s) returning rule_id",
            [
                rule.source,
                rule.type,
                rule.what,
                rule.path,
                rule.action,
                rule.length,
                LINE.join(rule.allowed),
                by,
            ],
        ).fetchone()  # type: ignore[misc]
        return rule_id


def lift(url: str, rule_id: int, *, by: str) -> None:
    """End a rule: what arrives from now on is stored as it comes. Raises `FieldRuleError`."""
    with connect(url, application_name="operators: field rules") as connection:
        if not _lift(connection, rule_id, by):
            raise FieldRuleError(f"No rule {rule_id} is in force.")


def _lift(connection: psycopg.Connection, rule_id: int, by: str) -> bool:
    done = connection.execute(
        "update sync.field_rules set lifted_at = clock_timestamp(), lifted_by = %s"
        " where rule_id = %s and lifted_at is null",
        [by, rule_id],
    )
    return done.rowcount == 1


def lines(allowed: str) -> tuple[str, ...]:
    """The members that a row allows."""
    return tuple(allowed.split(LINE)) if allowed else ()


def in_force(connection: psycopg.Connection) -> list[Rule]:
    """The rules that count now."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        rows = cursor.execute(
            "select rule_id, coalesce(source, ''), coalesce(type, ''), what, coalesce(path, ''),"
            " action, length, coalesce(allowed, '') from sync.field_rules"
            " where lifted_at is null order by rule_id"
        ).fetchall()
    return [
        Rule(what, action, path, source, type_, length, lines(allowed), rule_id)
        for rule_id, source, type_, what, path, action, length, allowed in rows
    ]


def listed(connection: psycopg.Connection) -> list[dict[str, Any]]:
    """Those in force and those that were, with who and when, and how many calls each changed in
    the last 30 days; and in the end, without a rule, of how many calls no text was kept.
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(
            """
            with done as (
                select rule_id, sum(calls)::bigint as calls from raw_segment.field_rule_hours
                where hour >= now() - interval '30 days'
                group by rule_id
            )
            select
                rule_id, coalesce(source, '') as source, coalesce(type, '') as type, what,
                coalesce(path, '') as path, action, length, coalesce(allowed, '') as allowed,
                changed_by, valid_from, lifted_at, lifted_by,
                coalesce(done.calls, 0) as calls
            from sync.field_rules left join done using (rule_id)
            order by lifted_at is not null, rule_id
            """
        ).fetchall()
    for row in found:
        row["words"] = msgspec.convert(
            {**row, "allowed": lines(row["allowed"])}, Rule, strict=False
        ).words
    return found


def told(connection: psycopg.Connection) -> dict[str, Any]:
    """For the page: `{"rules", "withheld"}`."""
    return {"rules": listed(connection), "withheld": withheld(connection)}


def withheld(connection: psycopg.Connection) -> int:
    """Calls of the last 30 days that could not be read, of which no text was kept."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute(
            "select coalesce(sum(calls), 0)::bigint from raw_segment.field_rule_hours"
            " where rule_id = 0 and hour >= now() - interval '30 days'"
        ).fetchone()
    assert row is not None
    return row[0]


def refuse(connection: psycopg.Connection, rule: Rule) -> None:
    """Raise `FieldRuleError` for what is no rule, in a line."""
    if rule.action not in ACTIONS.get(rule.what, ()):
        allowed = ", ".join(ACTIONS.get(rule.what, ()))
        raise FieldRuleError(f"What a rule of this kind does is one of {allowed or 'nothing'}.")
    if (
        rule.source
        and not connection.execute(
            "select 1 from raw_segment.sources where source = %s", [rule.source]
        ).fetchone()
    ):
        raise FieldRuleError(f"There is no source {rule.source}.")
    if any("\0" in text for text in (rule.type, rule.path, *rule.allowed)):
        raise FieldRuleError("A rule cannot hold the character NUL.")
    if any(LINE in name or not name for name in rule.allowed):
        raise FieldRuleError("A member that stays has a name, without line breaks.")
    if rule.what == PATH:
        _refuse_path(connection, rule)
    elif rule.path or rule.length or rule.allowed:
        raise FieldRuleError("This rule takes no path, length or members.")


def _refuse_path(connection: psycopg.Connection, rule: Rule) -> None:
    steps = _readable_steps(rule.path)
    first = steps[0]
    if first is ANY:
        raise FieldRuleError("A path begins with a member of the call, such as traits, and no *.")
    if first in KEPT:
        raise FieldRuleError(f"{first}, {KEPT[first]}, cannot be ruled away.")
    if rule.action == "truncate" and not rule.length:
        raise FieldRuleError("Say how many characters stay: LENGTH=, 1 or more.")
    if rule.action == "allow" and not 0 < len(rule.allowed) <= MOST_ALLOWED:
        raise FieldRuleError(f"Say which members stay, at most {MOST_ALLOWED}: ALLOW=.")
    if rule.action != "truncate" and rule.length:
        raise FieldRuleError("LENGTH= belongs to truncate.")
    if rule.action != "allow" and rule.allowed:
        raise FieldRuleError("ALLOW= belongs to allow.")
    if first in identifiers() and rule.action != "hash":
        raise FieldRuleError(f"{first} says whose the call is: it can be hashed, and nothing else.")
    if rule.action == "truncate":
        for key, path in key_paths(connection):
            if _covers(steps, steps_of(path)):
                raise FieldRuleError(
                    f"{rule.path} is, or holds, {path}, where the key {key} is looked for: cut off,"
                    " several would be one. It can be hashed or dropped."
                )


def _readable_steps(path: str) -> Steps:
    steps = steps_of(path)
    if not steps or len(path) > LONGEST_PATH or len(steps) > MOST_STEPS:
        raise FieldRuleError(
            f"A path has 1 to {MOST_STEPS} members and at most {LONGEST_PATH} characters,"
            " such as traits.phone or properties.*."
        )
    # what is left between the members are single dots
    if _STEP.sub("", path) != "." * (len(steps) - 1) or path.endswith("."):
        raise FieldRuleError(f"{path} is no path: members are separated by one dot each.")
    return steps


def identifiers() -> set[str]:
    """The members of a call that say whose it is, in both spellings."""
    return {*SPELLINGS, *SPELLINGS.values()}


def key_paths(connection: psycopg.Connection) -> list[tuple[str, str]]:
    """Every key and path in a call where identity looks for it, objects included."""
    return [(key, path) for key, path in connection.execute(KEY_PATHS)]


def _covers(steps: Steps, key: Iterable[str | None]) -> bool:
    """Whether what stands at the path is the key, or holds it."""
    wanted = list(key)
    return len(steps) <= len(wanted) and all(
        one is ANY or one == other for one, other in zip(steps, wanted, strict=False)
    )
