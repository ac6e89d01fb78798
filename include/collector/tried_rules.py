"""What a field rule would do, told from calls that have landed; nothing is changed or counted."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

import psycopg

from include.collector.field_rules import FieldRules
from include.privacy.field_rules import Rule, in_force, key_paths, refuse
from include.privacy.keys import warehouse_key
from include.warehouse.connection import connect

# Calls that are looked at, those that landed last.
MOST_CALLS = 200_000
STEP = 5_000
# A member's name may be anything, somebody's address too: told are names as programs have them.
LONGEST_NAME = 40

_LAST = """
select events.payload::text, events.source, events.type
from raw_segment.events
where
    events.load_id >= coalesce(
        (select min(load_id) from raw_segment.loads where loaded_at >= now() - %(span)s), 0
    )
    and exists (select from raw_segment.loads where loaded_at >= now() - %(span)s)
order by events.load_id desc
limit %(most)s
"""


@dataclass
class Tried:
    """How many of the calls that were looked at each rule would change, and where.

    `paths`: calls by rule and path, where `…` stands for a name that may say something of somebody.
    """

    calls: int = 0
    touched: int = 0
    by_rule: Counter[int] = field(default_factory=Counter)
    paths: Counter[tuple[int, str]] = field(default_factory=Counter)

    @property
    def was_cut(self) -> bool:
        return self.calls >= MOST_CALLS


def try_rules(url: str, rule: Rule | None = None, span: timedelta = timedelta(days=1)) -> Tried:
    """What `rule`, as if it were alone, would have changed of the calls that landed within `span`;
    None: all those in force, of calls that landed before they were.

    Raises `FieldRuleError` for what is no rule.
    """
    tried = Tried()
    options = "-c default_transaction_read_only=on"
    with connect(url, application_name="operators: field rules", options=options) as connection:
        if rule is not None:
            refuse(connection, rule)
        rules = [rule] if rule is not None else in_force(connection)
        key = warehouse_key(connection)
        every = FieldRules(key, rules, key_paths(connection))
        with connection.cursor("tried") as cursor:
            cursor.itersize = STEP
            cursor.execute(_LAST, {"span": span, "most": MOST_CALLS})
            _look(cursor, every, tried)
    return tried


def _look(calls: psycopg.ServerCursor, every: FieldRules, tried: Tried) -> None:
    for payload, source, kind in calls:
        tried.calls += 1
        rules = every.of(source)
        if rules is None:
            continue
        found: list[tuple[int, tuple[str, ...]]] = []
        rules.payload(payload.encode(), kind, partial(_note, found))
        places = {(rule, _told(path)) for rule, path in found}
        tried.touched += bool(places)
        tried.paths.update(places)
        tried.by_rule.update({rule for rule, _ in places})


def _note(found: list[tuple[int, tuple[str, ...]]], rule: int, path: tuple[str, ...]) -> None:
    found.append((rule, path))


def _told(path: Iterable[str]) -> str:
    return ".".join(name if _is_a_name(name) else "…" for name in path)


def _is_a_name(name: str) -> bool:
    return len(name) <= LONGEST_NAME and name.replace("$", "_").isidentifier() and name.isascii()
