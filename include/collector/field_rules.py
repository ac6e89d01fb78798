"""Field rules: what is left out of a call, hashed or cut before it is stored (docs/privacy.md).

A call that no rule can touch is told by the members that it has, once it is decoded. In another one
only the members on a rule's path are taken apart; everything else of it is passed on as it stands.
Every rule gives the same when it is done again, because what goes to a spool or the quarantine is
looked at once more when it comes from there.
"""

import re
from collections.abc import Callable, Collection, Iterable
from decimal import Decimal
from functools import partial
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, NamedTuple

import msgspec

from include.blank import cut
from include.collector.detectors import DETECTORS, Detector
from include.privacy.field_rules import (
    ANY,
    IP,
    KEPT,
    PATH,
    SPELLINGS,
    USER_AGENT,
    Rule,
    Steps,
    steps_of,
)
from include.privacy.keys import HASHED, MARK, HashKey

# Where clients, and Segment behind them, write these.
_PLACES: dict[str, tuple[Steps, ...]] = {
    IP: (("context", "ip"), ("request_ip",)),
    USER_AGENT: (
        ("context", "userAgent"), ("context", "user_agent"),
        ("context", "userAgentData"), ("context", "user_agent_data"),
    ),
}  # fmt: skip
# What a browser says to everybody; the rest of it is asked for, and tells machines apart.
_BRIEF = frozenset(("brands", "mobile", "platform"))
# Quicker than a reader of addresses, which reads the others.
_FOUR_NUMBERS = re.compile(r"([0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3})\.([0-9]{1,3})")
_VERSION = re.compile(r"(\d+)((?:[._]\d+)+)")

# Of two rules for one place. A hash is last, so that nothing is cut off it.
_ORDER = ("drop", "allow", "truncate", "hash")

# Rule 0 of the books: a text that could not be read, and was not kept.
WITHHELD = "0"
# Of a member that could not be stored; a text there is no object, so it stays unusable.
_NOT_KEPT = '"not kept, because of field rules"'

# Of the kinds of keys those that are hashed as `sync.suppressed` has them.
_KINDS = {
    "user_id": "user_id", "anonymous_id": "anonymous_id", "email": "email",
    "property_email": "email",
}  # fmt: skip
_END_OF_FRACTION = re.compile(r"\.0+$")

_BACKSLASH = ord("\\")
_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_exactly = msgspec.json.Decoder(float_hook=Decimal).decode
_text = msgspec.json.Decoder(str).decode
_encode = msgspec.json.Encoder().encode
UNREADABLE = (msgspec.DecodeError, UnicodeError, RecursionError, ArithmeticError)

# What is left of what stands at a place, None for nothing; and whether that is a change.
_Left = tuple[bytes | None, bool]
_Doing = Callable[[bytes, Any], _Left]
_NESTED: frozenset[type] = frozenset((dict, list))
# So many of what clients say of themselves are remembered by each worker.
_CONTEXTS = 512
_LONGEST_CONTEXT = 2_048
# Where keys stand in a call: member by member, at the end the kind of key.
_Keys = dict[str, Any]
# What is told of a member that was changed: the rule's number and the path.
Told = Callable[[int, tuple[str, ...]], None]


class _Act(NamedTuple):
    """What one rule does with what stands at its place."""

    order: int
    rule: int
    do: _Doing


class _Node:
    """A member on the path of rules, and what is done there.

    Of members that are named beside a star, what is done by the star is theirs as well, so that a
    member is looked at once.
    """

    __slots__ = ("acts", "any", "drops", "goes_on", "members", "names")

    def __init__(self) -> None:
        self.members: dict[str, _Node] = {}
        self.any: _Node | None = None
        self.acts: list[_Act] = []
        self.goes_on = False
        self.names: frozenset[str] = frozenset()
        # the rule by which nothing of it stays: then the others do not count
        self.drops: int | None = None

    def at(self, step: str | None) -> "_Node":
        if step is not ANY:
            return self.members.setdefault(step, _Node())
        if self.any is None:
            self.any = _Node()
        return self.any

    def finish(self) -> "_Node":
        """Have stars among the named, and all in its order; no path is added from then on."""
        if self.any is not None:
            for node in self.members.values():
                node.take_in(self.any)
            self.any.finish()
        for node in self.members.values():
            node.finish()
        self.acts.sort(key=_in_order)
        self.goes_on = bool(self.members or self.any)
        self.names = frozenset(self.members)
        if self.acts and self.acts[0].order == _ORDER.index("drop"):
            self.drops = self.acts[0].rule
        return self

    def take_in(self, other: "_Node") -> None:
        """Do as well what is done at another."""
        self.acts += other.acts
        for name, node in other.members.items():
            self.at(name).take_in(node)
        if other.any is not None:
            self.at(ANY).take_in(other.any)


class FieldRules:
    """All rules in force, by source. `keys`: kind and path of each, as identity looks for them."""

    def __init__(self, key: HashKey, rules: Iterable[Rule], keys: Iterable[tuple[str, str]]):
        self._key = key
        self._rules = list(rules)
        self._keys = _tree(keys)
        self._of: dict[str, SourceRules | None] = {}

    def of(self, source: str) -> "SourceRules | None":
        """What they say of a source's calls; None for nothing."""
        if source not in self._of:
            rules = [each for each in self._rules if each.source in ("", source)]
            self._of[source] = SourceRules(self._key, rules, self._keys) if rules else None
        return self._of[source]


class SourceRules:
    """The rules of one source."""

    def __init__(self, key: HashKey, rules: list[Rule], keys: _Keys):
        self._of = {
            kind: _TypeRules(key, [each for each in rules if each.type in ("", kind)], keys)
            for kind in {"", *(each.type for each in rules)}
        }
        # of what nobody knows the type of
        self._all = _TypeRules(key, rules, keys)

    def call(self, call: dict[str, Any], payload: bytes, kind: str) -> tuple[bytes, str]:
        """A call as it may land, and by which rules it was changed: `3,17`, or nothing.

        `call` is `payload` decoded. In what comes back a member may stand twice, the first time
        with what a rule leaves out: only Postgres, which keeps the last, may be given it.
        """
        rules = self._of.get(kind) or self._of[""]
        names = rules.touched(call, payload)
        if not names:
            return (payload, "") if names is not None else rules.changed(payload)
        return rules.appended(payload, names) or rules.changed(payload)

    def payload(self, payload: bytes, kind: str, told: Told | None = None) -> tuple[bytes, str]:
        """The same of a call that is not decoded; what comes back may be stored anywhere.

        `payload` is the JSON of an object. `told` is called for each member that is changed.
        """
        rules = self._of.get(kind) or self._of[""]
        return rules.changed(payload, told) if rules.may_name(payload) else (payload, "")

    def text(self, text: str, kind: object) -> tuple[str | None, str]:
        """The same of a text that goes to the quarantine; None for one that is no JSON object, in
        which no rule can be followed.
        """
        try:
            changed, by = self._rules_of(kind).changed(text.encode())
            return changed.decode(), by
        except UNREADABLE:
            return None, WITHHELD

    def envelope(self, envelope: str, kind: object) -> tuple[str, str]:
        """The same of what a batch says for all its calls, as it is kept beside one of them."""
        return self._rules_of(kind).envelope(envelope)

    def _rules_of(self, kind: object) -> "_TypeRules":
        if not isinstance(kind, str) or not kind:
            return self._all
        return self._of.get(kind) or self._of[""]


class _TypeRules:
    """The rules of one type of call."""

    def __init__(self, key: HashKey, rules: list[Rule], keys: _Keys):
        self._keys = keys
        self._root = _Node()
        self._detectors = [
            (each.rule_id, DETECTORS[each.what]) for each in rules if each.what in DETECTORS
        ]
        names = set()
        for rule in rules:
            for steps in _places(rule):
                node = self._root
                for step in steps:
                    node = node.at(step)
                node.acts.append(_Act(_ORDER.index(rule.action), rule.rule_id, _doing(rule, key)))
                names.add(_encode(next(each for each in reversed(steps) if each is not ANY)))
        self._root.finish()
        self._top = frozenset(self._root.members)
        self._members = tuple(
            (name, node, None if node.acts or node.any else node.names)
            for name, node in self._root.members.items()
        )
        # Readers of those members alone, which costs a third of taking the whole call apart.
        self._fields = {name: f"member_{number}" for number, name in enumerate(self._root.members)}
        self._said = {name: b"," + _encode(name) + b":" for name in self._root.members}
        # What a client says of itself is the same in call after call.
        self._contexts: dict[bytes, tuple[bytes | None, str]] = {}
        self._parts = _reader({field: name for name, field in self._fields.items()})
        # what a text must have for a rule to have to do with it
        needles = [re.escape(each) for each in sorted(names)]
        self._named = re.compile(b"|".join(needles)).search if needles else None

    def touched(self, call: dict[str, Any], payload: bytes) -> list[str] | None:
        """The members of a call that rules may have to do with, None for all; quick, and never one
        too few.
        """
        if self._detectors and self._is_suspect(payload):
            return None
        if self._top.isdisjoint(call):
            return []
        found = []
        for name, node, names in self._members:
            value = call.get(name)
            if names is not None and type(value) is dict and names.isdisjoint(value):
                continue
            if name in call and (node.acts or _reaches(node, value)):
                found.append(name)
        return found

    def may_name(self, payload: bytes) -> bool:
        """The same of the bytes of a call, in which a member may stand twice."""
        if self._named is not None and self._named(payload) is not None:
            return True
        if self._detectors and self._is_suspect(payload):
            return True
        # an escaped letter may hide a name
        return _BACKSLASH in payload and bool(self._top or self._detectors)

    def _is_suspect(self, payload: bytes) -> bool:
        return _BACKSLASH in payload or any(
            detector.suspects(payload) for _, detector in self._detectors
        )

    def appended(self, payload: bytes, names: list[str]) -> tuple[bytes, str] | None:
        """See `SourceRules.call`: the members of these names as rules leave them, at the object's
        end, where they win. None when one of them goes.
        """
        parts, by, text = self._parts(payload), "", b""
        for name in names:
            left, rules = self._member(name, bytes(getattr(parts, self._fields[name])))
            if left is None:
                return None
            text += left
            by = united(by, rules) if by else rules
        if not by:
            return payload, ""
        head = payload if payload[-1:] == b"}" else payload.rstrip()
        return head[:-1] + text + b"}", by

    def _member(self, name: str, raw: bytes) -> tuple[bytes | None, str]:
        """`,"name":` and what is left of a member, and by which rules."""
        is_known = name == "context" and len(raw) <= _LONGEST_CONTEXT
        if is_known and (known := self._contexts.get(raw)) is not None:
            return known
        done = _Done(None)
        left = _left(self._root.members[name], raw, self._keys.get(name), (name,), done)
        found = (None if left is None else self._said[name] + left), written(done.rules)
        if is_known:
            if len(self._contexts) >= _CONTEXTS:
                self._contexts.clear()
            self._contexts[raw] = found
        return found

    def changed(self, payload: bytes, told: Told | None = None) -> tuple[bytes, str]:
        """See `SourceRules.payload`. Raises what decoding does for what is no JSON object."""
        # Written anew from its members, also if none is changed: of a name that stands twice the
        # first value is read by nobody, and would be kept.
        members, done = _object(payload), _Done(told)
        names = [name for name in self._root.members if name in members]
        _change(self._root, names, members, self._keys, (), done)
        for rule, detector in self._detectors:
            _look(detector, members, self._keys, partial(done.add, rule))
        return _encode(members), written(done.rules) if done.rules else ""

    def envelope(self, envelope: str) -> tuple[str, str]:
        """See `SourceRules.envelope`. What is unusable there is not kept: a replay finds it so."""
        said = _object(envelope.encode())
        unusable = said.pop("unusable", None)
        changed, by = self.changed(_encode(said))
        if unusable is None:
            return changed.decode(), by
        parts = _exactly(unusable)
        for each in parts.values():
            each["text"] = _NOT_KEPT
        kept = {**_object(changed), "unusable": msgspec.Raw(_encode(parts))}
        return _encode(kept).decode(), united(by, WITHHELD)


class _Done:
    """Which rules have changed a call; `told` is called for each member."""

    __slots__ = ("_told", "rules")

    def __init__(self, told: Told | None):
        self.rules: set[int] = set()
        self._told = told

    def add(self, rule: int, path: tuple[str, ...]) -> None:
        self.rules.add(rule)
        if self._told is not None:
            self._told(rule, path)


def _change(
    node: _Node, names: Iterable[str], members: dict[str, msgspec.Raw], keys: Any,
    path: tuple[str, ...], done: _Done,
) -> None:  # fmt: skip
    """Change these members of an object in place."""
    for name in names:
        inner = node.members.get(name) or node.any
        assert inner is not None, "only names that rules have to do with"
        if inner.drops is not None:
            del members[name]
            done.add(inner.drops, (*path, name))
            continue
        inner_keys = keys.get(name) if type(keys) is dict else None
        left = _left(inner, bytes(members[name]), inner_keys, (*path, name), done)
        if left is None:
            del members[name]
        else:
            members[name] = msgspec.Raw(left)


def _left(node: _Node, raw: bytes, keys: Any, path: tuple[str, ...], done: _Done) -> bytes | None:
    """What is left of a member; None for nothing."""
    for act in node.acts:
        left, is_changed = act.do(raw, keys)
        if is_changed:
            done.add(act.rule, path)
        if left is None:
            return None
        raw = left
    return _within(node, raw, keys, path, done) if node.goes_on else raw


def _within(node: _Node, raw: bytes, keys: Any, path: tuple[str, ...], done: _Done) -> bytes:
    """A list on the path stands for each of its elements; identity looks into none."""
    start = raw[:1]
    if start == b"{":
        members = _object(raw)
        names: Iterable[str] = list(members)
        if node.any is None:
            names = node.names.intersection(members)
        if names:
            _change(node, names, members, keys, path, done)
        return _encode(members)
    if start == b"[":
        found = [_within(node, bytes(each), None, path, done) for each in _list(raw)]
        return _encode([msgspec.Raw(each) for each in found])
    return raw


def _reader(names: dict[str, str]) -> Callable[[bytes], Any]:
    """Reads some members of an object: `names` by field."""
    fields = [(field, msgspec.Raw, msgspec.Raw(b"")) for field in names]
    part = msgspec.defstruct("Parts", fields, rename=names, gc=False)
    return msgspec.json.Decoder(part).decode


def written(rules: Collection[int]) -> str:
    """Numbers of rules as a call keeps them."""
    if len(rules) == 1:
        return str(*rules)
    return ",".join(map(str, sorted(rules)))


def united(one: str, other: str) -> str:
    """Both, each number once."""
    if not one or not other or one == other:
        return one or other
    return written({*map(int, one.split(",")), *map(int, other.split(","))})


def _in_order(act: _Act) -> tuple[int, int]:
    return act.order, act.rule


def _reaches(node: _Node, value: Any) -> bool:
    """Whether a member on a path under the node is there."""
    if type(value) is dict:
        if node.any is not None:
            return _reaches_any(node, value)
        if node.names.isdisjoint(value):
            return False
        for name in node.names.intersection(value):
            inner = node.members[name]
            if inner.acts or _reaches(inner, value[name]):
                return True
        return False
    return type(value) is list and any(_reaches(node, each) for each in value)


def _reaches_any(node: _Node, value: dict[str, Any]) -> bool:
    star = node.any
    if star is None or (
        not star.acts and node.names.isdisjoint(value)
        and _NESTED.isdisjoint(map(type, value.values()))
    ):  # fmt: skip
        return False
    for name, each in value.items():
        inner = node.members.get(name) or node.any
        if inner and (inner.acts or (type(each) in _NESTED and _reaches(inner, each))):
            return True
    return False


def _places(rule: Rule) -> tuple[Steps, ...]:
    """The paths of a rule. What a call cannot do without is on none, whatever a table says."""
    if rule.what != PATH:
        return _PLACES.get(rule.what, ())
    steps = rule.steps
    if not steps or steps[0] is ANY or steps[0] in KEPT:
        return ()
    first = steps[0]
    spellings = next((pair for pair in SPELLINGS.items() if first in pair), (first,))
    return tuple((name, *steps[1:]) for name in spellings)


def _tree(keys: Iterable[tuple[str, str]]) -> _Keys:
    root: _Keys = {}
    alias = [("anonymous_id", name) for name in ("previousId", "previous_id")]
    for kind, path in (*alias, *keys):
        steps = [step or "*" for step in steps_of(path)]
        node = root
        for step in steps[:-1]:
            inner = node.get(step)
            if type(inner) is not dict:
                inner = node[step] = {}
            node = inner
        if type(node.get(steps[-1])) is not dict:
            node[steps[-1]] = _KINDS.get(kind, "field")
    return root


# What is done


def _doing(rule: Rule, key: HashKey) -> _Doing:
    if rule.action == "drop":
        return lambda raw, keys: (None, True)
    if rule.what == IP:
        return _short_address
    if rule.what == USER_AGENT:
        return _brief_agent
    if rule.action == "allow":
        allowed = frozenset(rule.allowed)
        return lambda raw, keys: _only(allowed, raw)
    if rule.action == "truncate":
        length = rule.length or 1
        return lambda raw, keys: _each(raw, keys, lambda leaf, _: _cut_to(length, leaf))
    return lambda raw, keys: _each(raw, keys, lambda leaf, kind: _hashed(key, leaf, kind))


def _each(raw: bytes, keys: Any, change: Callable[[bytes, Any], bytes]) -> _Left:
    """Change every text and number at a place, and within it."""
    if raw[:1] == b"{":
        members, is_changed = _object(raw), False
        for name, value in members.items():
            inner = keys.get(name) if type(keys) is dict else None
            left, is_other = _each(bytes(value), inner, change)
            members[name] = msgspec.Raw(left or b"null")
            is_changed = is_changed or is_other
        return _encode(members), is_changed
    if raw[:1] == b"[":
        found = [_each(bytes(each), None, change) for each in _list(raw)]
        texts = [msgspec.Raw(left or b"null") for left, _ in found]
        return _encode(texts), any(is_other for _, is_other in found)
    if raw[:1] in b"tfn":  # true, false and null name nobody
        return raw, False
    left = change(raw, keys)
    return left, left is not raw


def _hashed(key: HashKey, raw: bytes, kind: Any) -> bytes:
    text = _said(raw)
    form = cut(text)
    if not form or HASHED.fullmatch(form):
        return raw
    kind = kind if type(kind) is str else "field"
    if kind == "email" or (kind == "field" and "@" in form):
        form = form.lower()
    return _encode(MARK + key.hash(kind, form).hex())


def _cut_to(length: int, raw: bytes) -> bytes:
    text = _said(raw)
    if len(text) <= length or HASHED.fullmatch(text):
        return raw
    return _encode(text[:length])


def _said(raw: bytes) -> str:
    """A text, or a number as keys have it."""
    if raw[:1] == b'"':
        return _text(raw)
    number = _exactly(raw)
    if isinstance(number, int):
        return str(number)
    return _END_OF_FRACTION.sub("", f"{number:f}")


def _only(allowed: frozenset[str], raw: bytes) -> _Left:
    """Of an object these members; of a list its objects, so; nothing of anything else."""
    if raw[:1] == b"{":
        members = _object(raw)
        kept = {name: value for name, value in members.items() if name in allowed}
        return _encode(kept), len(kept) < len(members)
    if raw[:1] == b"[":
        found = [_only(allowed, bytes(each)) for each in _list(raw)]
        kept_ones = [msgspec.Raw(left) for left, _ in found if left is not None]
        return _encode(kept_ones), any(is_changed for _, is_changed in found)
    return (raw, False) if raw == b"null" else (None, True)


def _short_address(raw: bytes, keys: Any) -> _Left:
    """Without what tells a machine in its network; nothing where that cannot be told."""
    if raw == b"null":
        return raw, False
    if raw[:1] != b'"':
        return None, True
    text = _text(raw)
    if (found := _FOUR_NUMBERS.fullmatch(text)) is not None:
        return (raw, False) if found[2] == "0" else (_encode(f"{found[1]}.0"), True)
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None, True
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    bits = 24 if address.version == 4 else 48
    short = str(
        ip_network(f"{str(address).partition('%')[0]}/{bits}", strict=False).network_address
    )
    return (raw, False) if short == text else (_encode(short), True)


def _brief_agent(raw: bytes, keys: Any) -> _Left:
    """Of each version the first number; of what browsers tell beside it, what all of them do."""
    if raw == b"null":
        return raw, False
    if raw[:1] == b"{":
        return _only(_BRIEF, raw)
    if raw[:1] != b'"':
        return None, True
    text = _text(raw)
    brief = _VERSION.sub(lambda found: found[1] + re.sub(r"\d+", "0", found[2]), text)
    return (raw, False) if brief == text else (_encode(brief), True)


# What is found


def _look(
    detector: Detector, call: dict[str, msgspec.Raw], keys: _Keys,
    told: Callable[[tuple[str, ...]], None],
) -> None:  # fmt: skip
    """Write over what a detector finds in a call: in names too, and in no key of anybody's."""
    for name, value in call.items():
        if name not in KEPT or name == "event":
            inner = _redacted(detector, bytes(value), keys.get(name), (name,), told)
            call[name] = msgspec.Raw(inner)


def _redacted(
    detector: Detector, raw: bytes, keys: Any, path: tuple[str, ...],
    told: Callable[[tuple[str, ...]], None],
) -> bytes:  # fmt: skip
    if type(keys) is str or raw[:1] in b"tfn":
        return raw
    if raw[:1] == b"{":
        members = {}
        for name, value in _object(raw).items():
            inner = keys.get(name) if type(keys) is dict else None
            left = _redacted(detector, bytes(value), inner, (*path, name), told)
            if (named := detector.without(name)) != name:
                told((*path, name))
            members[named] = msgspec.Raw(left)
        return _encode(members)
    if raw[:1] == b"[":
        found = [_redacted(detector, bytes(each), None, path, told) for each in _list(raw)]
        return _encode([msgspec.Raw(each) for each in found])
    text = _said(raw)
    without = detector.without(text)
    if without == text:
        return raw
    told(path)
    return _encode(without)
