"""What is kept of a payload: what the models of `staging` read, and nothing else.

A build makes the same of it as of the whole payload. Where keys and objects are named, and which
metrics are declared, is asked when it is thinned: what is named later is not in it any more.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import psycopg
from psycopg import sql

# As the macro `is_bot` looks for them; a test compares. A user agent is kept as this word, or not.
BOTS = r"(?<!cu)bot\M|crawler|spider|slurp|headlesschrome|phantomjs|lighthouse"
_BOT = '"bot"'

_CLOCKS = (
    "timestamp", "originalTimestamp", "original_timestamp", "sentAt", "sent_at", "receivedAt",
    "received_at",
)  # fmt: skip
# Those of stg_segment__identify_traits.
_ATTRIBUTES = (
    "name", "firstName", "first_name", "lastName", "last_name", "phone", "position", "title",
    "email",
)  # fmt: skip
# Of a text that is no text, as much as anybody reads.
_LONGEST_TEXT = 200


@dataclass
class Place:
    """What is kept at one place of a payload."""

    # a string, number, boolean or null
    is_value: bool = False
    # that, or of what is none the beginning of its text: it is read as a text whatever it is
    is_text: bool = False
    # of an object; of a list all of it where a name is a number
    members: dict[str, "Place"] = field(default_factory=dict)
    # SQL of `value`, in the place of all that
    instead: sql.Composable | None = None
    # SQL of `key` and `value`, before what the members' own places say
    others: sql.Composable | None = None

    def at(self, *names: str) -> "Place":
        """The place there, made where there is none yet."""
        place = self
        for name in names:
            place = place.members.setdefault(name, Place())
        return place


def kept_payload(connection: psycopg.Connection) -> sql.Composable:
    """SQL of what is kept of `payload`, a JSON object, of a call of `type`."""
    paths = [
        (key, path.split("."))
        for key, path in connection.execute("select key, path from sync.key_names")
    ]
    objects = [
        [place, *name.split(".")]
        for (name,) in connection.execute("select property from sync.object_keys")
        for place in ("properties", "traits", "context")
    ]
    metrics = [row[0] for row in connection.execute("select metric from sync.company_metrics")]
    return sql.SQL(
        "coalesce(case when type = 'group' then {} when type = 'identify' then {} else {} end,"
        " '{{}}'::jsonb)"
    ).format(
        *(
            _members(sql.SQL("payload"), shape)
            for shape in (
                _group(paths, objects, metrics),
                _identify(paths, objects),
                _any_call(paths, objects),
            )
        )
    )


def _any_call(paths: Iterable[tuple[str, list[str]]], objects: list[list[str]]) -> Place:
    payload = Place()
    for names in [path for _, path in paths] + objects:
        payload.at(*names).is_value = True
    for name in ("type", "event", "name", "previousId", "previous_id"):
        payload.at(name).is_value = True
    for name in _CLOCKS:
        payload.at(name).is_text = True
    for name in ("name", "version"):
        payload.at("context", "library", name).is_text = True
    payload.at("context", "userAgent").instead = sql.SQL(
        "case when value #>> '{{}}' ~* {} then {}::jsonb end"
    ).format(sql.Literal(BOTS), sql.Literal(_BOT))
    # only whether it is false is read, and whether it is there
    for name in ("All", "Planhat"):
        payload.at("integrations", name).instead = sql.SQL("to_jsonb(value <> 'false')")
    return payload


def _identify(paths: Iterable[tuple[str, list[str]]], objects: list[list[str]]) -> Place:
    payload = _any_call(paths, objects)
    for name in _ATTRIBUTES:
        payload.at("traits", name).is_value = True
        payload.at("context", "traits", name).is_value = True
    return payload


def _group(
    paths: Iterable[tuple[str, list[str]]], objects: list[list[str]], metrics: list[str]
) -> Place:
    """Its traits and properties are the company's: of those, numbers and declared metrics."""
    of_company = [
        (key, path)
        for key, path in paths
        if key in ("company", "anonymous_id")
        or not (key == "property_email" or path[0] == "traits")
    ]
    payload = _any_call(of_company, objects)
    # whether there is one is asked of them too
    for key, path in paths:
        if key == "property_email" and not payload.at(*path).is_value:
            payload.at(*path).instead = sql.SQL(
                "case when jsonb_typeof(value) in ('string', 'number') then to_jsonb(0) end"
            )
    for name in ("groupId", "group_id"):
        payload.at(name).is_value = True
    declared = sql.Literal(metrics)
    payload.at("traits").others = sql.SQL(
        "case when jsonb_typeof(value) = 'number' then value when key = any ({}::text[]) then"
        " case when jsonb_typeof(value) = 'string' then to_jsonb(left(value #>> '{{}}', 100))"
        " else value end end"
    ).format(declared)
    return payload


def _members(value: sql.Composable, place: Place) -> sql.Composable:
    """SQL of an object of what is kept of an object's members; null of none."""
    branches = [
        sql.SQL("when {} then {}").format(sql.Literal(name), _kept(each))
        for name, each in place.members.items()
    ]
    kept = sql.SQL("case key {} end").format(sql.SQL(" ").join(branches))
    if place.others is not None:
        kept = sql.SQL("coalesce({}, {})").format(place.others, kept)
    return sql.SQL(
        "(select jsonb_object_agg(key, kept) from (select key, {} as kept"
        # worked out once: else it is for the condition too, and so at each depth twice as often
        " from jsonb_each({}) as member (key, value) offset 0) as members where kept is not null)"
    ).format(kept, value)


_VALUE = sql.SQL("case when jsonb_typeof(value) not in ('object', 'array') then value end")


def _kept(place: Place) -> sql.Composable:
    if place.instead is not None:
        return place.instead
    if place.is_text:
        return sql.SQL(
            "case when jsonb_typeof(value) in ('object', 'array')"
            " then to_jsonb(left(value #>> '{{}}', {})) else value end"
        ).format(sql.Literal(_LONGEST_TEXT))
    if not place.members and place.others is None:
        return _VALUE
    inner = _members(sql.SQL("value"), place)
    in_lists = any(re.fullmatch(r"-?\d+", name) for name in place.members)
    return sql.SQL(
        "case jsonb_typeof(value) when 'object' then {} when 'array' then {}{} end"
    ).format(
        inner,
        sql.SQL("value" if in_lists else "null"),
        sql.SQL(" else value" if place.is_value else ""),
    )
