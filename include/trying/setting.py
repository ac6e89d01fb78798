"""Settings that are tried: read from one line each, and refused as the page would refuse them.

    sync.blocked_identities + kiosk@example.com     sets a row; further words say which kind:
    sync.blocked_identities + test-* kind=pattern   key=user_id, kind=domain
    sync.blocked_identities - kiosk@example.com     takes it back
    sync.thresholds health_weight_breadth=2         gives a value

Several are parted by a semicolon. What a table's rows would be is found by making the change in a
transaction that is rolled back, by the functions that make it on the page.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql

from include.errors import SettingError
from include.nearest import refuse_unknown
from include.page import changes, identities

_FORM = re.compile(r"^(?:sync\.)?(?P<table>\w+)\s*(?P<sign>[+-]?)\s*(?P<said>.*)$", re.DOTALL)
_WORD = re.compile(r"^(?P<rest>.*\S)\s+(?P<name>key|kind|position)=(?P<value>\S+)$", re.DOTALL)
_EXAMPLE = "sync.blocked_identities + kiosk@example.com"


@dataclass(frozen=True)
class Change:
    """One change of one settings table. `sign`: + sets, - takes back, = gives a value."""

    table: str
    sign: str
    name: str
    value: str = ""
    words: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        said = f"{self.name}={self.value}" if self.value else self.name
        words = "".join(f" {name}={value}" for name, value in self.words.items())
        sign = "" if self.sign == "=" else f"{self.sign} "
        return f"sync.{self.table} {sign}{said}{words}"


def read(texts: Sequence[str]) -> list[Change]:
    """The changes that are meant. Raises `SettingError` for what is none."""
    return [_read(text) for whole in texts for text in whole.split(";") if text.strip()]


def _read(text: str) -> Change:
    found = _FORM.match(text.strip())
    if found is None or not found["said"].strip():
        raise SettingError(f"SETTING={text.strip()!r} is no change of a setting: {_EXAMPLE}")
    refuse_unknown([found["table"]], _APPLIED, "setting that can be tried")
    said, words = found["said"].strip(), {}
    while word := _WORD.match(said):
        said = word["rest"]
        words[word["name"]] = word["value"]
    # a name may hold what parts it from a value: the last one does
    name, parted, value = said.rpartition("=")
    if not parted:
        name, value = said, ""
    sign = found["sign"] or "="
    if sign == "=" and not parted:
        raise SettingError(
            f"SETTING={text.strip()!r} says neither + nor - nor a value: {_EXAMPLE},"
            " sync.thresholds health_weight_breadth=2"
        )
    return Change(found["table"], sign, name.strip(), value.strip(), words)


def rows_with(
    holder: psycopg.Connection, wanted: Sequence[Change], *, by: str
) -> dict[str, list[dict[str, Any]]]:
    """The rows of each table that the changes would change; nothing is kept.

    Raises `ChangeError` and `SettingError` for what is refused, and for what is so already.
    """
    rows = {}
    with holder.transaction(force_rollback=True):
        for change in wanted:
            before = _rows(holder, change.table)
            try:
                with holder.transaction():
                    _APPLIED[change.table](holder, change, by)
            except (psycopg.errors.IntegrityError, psycopg.errors.DataError) as refused:
                why = refused.diag.message_primary or type(refused).__name__
                raise SettingError(f"{change} is refused: {why}") from None
            rows[change.table] = _rows(holder, change.table)
            if rows[change.table] == before:
                raise SettingError(f"{change}: that is so already, there is nothing to try.")
    return rows


def _rows(holder: psycopg.Connection, table: str) -> list[dict[str, Any]]:
    row = holder.execute(
        sql.SQL(
            "select coalesce(jsonb_agg(each order by to_jsonb(each)), '[]') from {} as each"
        ).format(sql.Identifier("sync", table))
    ).fetchone()
    return row[0]  # type: ignore[index]


# How each table is changed

_Apply = Callable[[psycopg.Connection, Change, str], None]


def _blocked(holder: psycopg.Connection, change: Change, by: str) -> None:
    key, kind = change.words.get("key", "all"), change.words.get("kind", "value")
    value = _whole(change)
    if change.sign == "-":
        identities.unblock(holder, value, key=key, kind=kind)
    else:
        identities.block(holder, value, key=key, kind=kind, by=by)


def _excluded(holder: psycopg.Connection, change: Change, by: str) -> None:
    value = _whole(change)
    kind = "email" if "@" in value else "domain"
    if change.sign == "-":
        identities.readmit(holder, value, kind=kind)
    else:
        identities.exclude(holder, value, kind=kind, by=by)


def _alias(holder: psycopg.Connection, change: Change, by: str) -> None:
    if change.sign == "-":
        identities.drop_alias(holder, _whole(change))
    else:
        identities.alias_company(holder, change.name, _value(change, "the company"), by=by)


def _metric(holder: psycopg.Connection, change: Change, by: str) -> None:
    if change.sign == "-":
        changes.delete_metric(holder, _whole(change))
    else:
        changes.declare_metric(holder, change.name, change.value or "SUM", by=by)


def _switch(holder: psycopg.Connection, change: Change, by: str) -> None:
    changes.set_switch(holder, change.name, _is_on(change), by=by)


def _threshold(holder: psycopg.Connection, change: Change, by: str) -> None:
    names = [name for (name,) in holder.execute("select threshold from sync.thresholds order by 1")]
    refuse_unknown([change.name], names, "threshold")
    if change.name.startswith("push_guard_"):
        raise SettingError("Guards change no table: `make plan` says what they hold.")
    if change.name == "link_expires_days":
        is_never = change.value == "never"
        identities.expire_links(holder, None if is_never else _number(change), by=by)
        return
    holder.execute(
        "update sync.thresholds set value = %s, changed_by = %s, valid_from = now()"
        " where threshold = %s and value is distinct from %s",
        [_number(change), by, change.name, _number(change)],
    )


def _usage_event(holder: psycopg.Connection, change: Change, by: str) -> None:
    kind, parted, event = change.name.partition(":")
    if not parted or kind not in ("track", "page", "screen"):
        kind, event = "track", change.name
    event = event.strip()
    if change.sign == "-":
        holder.execute(
            "delete from sync.usage_events where type = %s and event = %s", [kind, event]
        )
        return
    counted = change.value != "off"
    weight = _number(change) if counted and change.value not in ("", "on") else 1
    holder.execute(
        "insert into sync.usage_events (type, event, counted, weight, changed_by)"
        " values (%(type)s, %(event)s, %(counted)s, %(weight)s, %(by)s)"
        " on conflict (type, event) do update set counted = excluded.counted,"
        " weight = excluded.weight, changed_by = excluded.changed_by, valid_from = now()"
        " where (usage_events.counted, usage_events.weight)"
        " is distinct from (excluded.counted, excluded.weight)",
        {"type": kind, "event": event, "counted": counted, "weight": weight, "by": by},
    )


def _place_of(table: str, key: str, path: str) -> _Apply:
    """How a key's names in calls are changed: the last one, or the one at `position`."""
    names = {"table": sql.Identifier("sync", table), "key": sql.Identifier(key)}
    names["path"] = sql.Identifier(path)

    def apply(holder: psycopg.Connection, change: Change, by: str) -> None:
        said = [change.name, _value(change, "where it stands in a call")]
        if change.sign == "-":
            holder.execute(
                sql.SQL("delete from {table} where {key} = %s and {path} = %s").format(**names),
                said,
            )
            return
        position = change.words.get("position")
        if position is not None:
            if not position.isdecimal() or not 0 < int(position) < 1_000:
                raise SettingError(f"position is a number from 1 on, not {position!r}.")
            # in two steps, as no two may have the same in between
            for step in (sql.SQL("-(position + 1)"), sql.SQL("-position")):
                holder.execute(
                    sql.SQL(
                        "update {table} set position = {step} where {key} = %s and"
                        " (position < 0 or position >= %s)"
                    ).format(**names, step=step),
                    [change.name, int(position)],
                )
        holder.execute(
            sql.SQL(
                "insert into {table} ({key}, {path}, position, changed_by) select %s, %s,"
                " coalesce(%s, coalesce(max(position), 0) + 1), %s from {table} where {key} = %s"
                " on conflict ({key}, {path}) do nothing"
            ).format(**names),
            [*said, position and int(position), by, change.name],
        )

    return apply


_APPLIED: dict[str, _Apply] = {
    "blocked_identities": _blocked,
    "excluded": _excluded,
    "company_aliases": _alias,
    "company_metrics": _metric,
    "switches": _switch,
    "thresholds": _threshold,
    "usage_events": _usage_event,
    "key_names": _place_of("key_names", "key", "path"),
    "object_keys": _place_of("object_keys", "model", "property"),
}


def _whole(change: Change) -> str:
    """What stands there, where nothing has a value: a user id may hold an equals sign."""
    return f"{change.name}={change.value}" if change.value else change.name


def _value(change: Change, what: str) -> str:
    if not change.value:
        raise SettingError(f"{change} does not say {what}: write it behind an equals sign.")
    return change.value


def _is_on(change: Change) -> bool:
    if change.sign != "=" or change.value not in ("on", "off"):
        raise SettingError(f"{change}: a switch is on or off, as in sync.switches auto_create=off")
    return change.value == "on"


def _number(change: Change) -> float:
    try:
        number = float(change.value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise SettingError(f"{change}: {change.value!r} is no number.")
    return number
