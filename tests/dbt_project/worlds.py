"""Random small worlds: a few Planhat objects, settings and calls whose keys collide on purpose.

A world is written with `~` where its own prefix belongs and `Number` where its own numbers do, so
that any number of worlds, each rendered under a number of its own, share one warehouse without
meeting. What cannot be a world's own is the same for all of them: switches, the names of keys,
the weight of page and screen calls (`SHARED`).
"""

import hashlib
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from tests.dbt_project.reference import (
    Block,
    FormerKey,
    LandedCall,
    PlanhatObject,
    Reference,
    Rules,
    as_key,
)

ROUNDS = 7
# Settings change in these; in the others only calls and objects come, and a build looks at those.
SETTINGS_ROUNDS = (0, 3, 5)
START = datetime(2026, 3, 2, tzinfo=UTC)
# Later than everything that can happen in a world.
AS_OF = (START + timedelta(days=30)).date()
SOURCES = {
    "any-order-app": "product",
    "any-order-relay": "product",
    "any-order-planhat": "planhat",
}
# The sources whose originalTimestamp is looked at before their timestamp.
ORIGINAL_FIRST = {"any-order-relay"}


@dataclass(frozen=True)
class Number:
    """A JSON number of the world's own; `Number(1, as_text=True)` is the same as text, and
    `Number(1, has_fraction=True)` the same number with a fraction of zero.
    """

    last: int
    as_text: bool = False
    has_fraction: bool = False


@dataclass(frozen=True)
class Call:
    """A call that lands in a round; `minute` is when it is received, counted from START."""

    round: int
    message_id: str
    minute: float
    body: dict[str, Any]
    source: str = "any-order-app"


@dataclass(frozen=True)
class Change:
    """What a read of Planhat finds in a round of one object; fields None: it is not there."""

    round: int
    model: str
    name: str
    fields: dict[str, Any] | None


@dataclass(frozen=True)
class Setting:
    """A row of a table of sync that an operator writes in a round; value None: takes away.

    A value that begins with `company ` names a company of the world.
    """

    round: int
    table: str
    key: tuple[str, ...]
    value: Any


@dataclass(frozen=True)
class World:
    calls: tuple[Call, ...] = ()
    changes: tuple[Change, ...] = ()
    settings: tuple[Setting, ...] = ()

    @property
    def size(self) -> int:
        return len(self.calls) + len(self.changes) + len(self.settings)

    def without(self, dropped: set[int]) -> "World":
        """The same without the elements at these positions: calls, then changes, then settings."""
        elements = [*self.calls, *self.changes, *self.settings]
        kept = [each for number, each in enumerate(elements) if number not in dropped]
        return World(
            tuple(each for each in kept if isinstance(each, Call)),
            tuple(each for each in kept if isinstance(each, Change)),
            tuple(each for each in kept if isinstance(each, Setting)),
        )

    def __str__(self) -> str:
        lines = []
        for number in range(ROUNDS):
            lines.append(f"round {number + 1}")
            for setting in self.settings:
                if setting.round == number:
                    lines.append(f"  sync.{setting.table} {setting.key}: {setting.value}")
            for change in self.changes:
                if change.round == number:
                    what = "is gone" if change.fields is None else json.dumps(_shown(change.fields))
                    lines.append(f"  {change.model} {change.name} {what}")
            for call in self.calls:
                if call.round == number:
                    received = START + timedelta(minutes=call.minute)
                    lines.append(
                        f"  {call.message_id} received {received:%m-%d %H:%M:%S} by {call.source}: "
                        + json.dumps(_shown(call.body))
                    )
        return "\n".join(lines)


# What is the same for all worlds


def _minutes(day: int, hour: float = 0) -> float:
    return day * 24 * 60 + hour * 60


SWITCHES = (
    (0, "company_metrics", False, _minutes(1)),
    (0, "company_metrics", True, _minutes(1, 12)),
    (0, "auto_create", False, _minutes(2, 12)),
    (3, "auto_create", True, _minutes(3, 12)),
    (5, "user_tracking", False, _minutes(4)),
    (5, "user_tracking", True, _minutes(4, 6)),
    (3, "create_by_property_email", False, _minutes(2, 18)),
    (5, "create_by_property_email", True, _minutes(5)),
    (3, "block_bots", True, _minutes(3)),
    (0, "enduser_alerts", True, _minutes(0)),
)
SHARED = (
    Setting(0, "blocked_identities", ("all", "value", "kiosk"), True),
    Setting(3, "blocked_identities", ("user_id", "value", "guest"), True),
    Setting(3, "thresholds", ("link_expires_days",), (2, "days", "how long a link counts")),
    Setting(0, "usage_events", ("screen", "screen"), (True, "0.5")),
    Setting(3, "usage_events", ("track", "(unnamed)"), (True, "2")),
    Setting(3, "usage_events", ("page", "Home"), (True, "2")),
    Setting(3, "object_keys", ("license", "license_id"), 1),
    Setting(3, "key_names", ("user_id", "properties.user_ref"), 4),
    Setting(5, "key_names", ("company", "context.company_ref"), 19),
)


# From a world to what lands and what must come out


@dataclass(frozen=True)
class Rendered:
    """A world under its number: with ids that no other world has."""

    number: int
    world: World

    @property
    def prefix(self) -> str:
        return f"w{self.number:06}"

    def text(self, value: str) -> str:
        whole = value.replace("~", self.prefix)
        return whole[1:].upper() if whole.startswith("^") else whole

    def value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Number):
            number = 10_000_000_000 + self.number * 100 + value.last
            if value.has_fraction:
                return float(number)
            return str(number) if value.as_text else number
        if isinstance(value, dict):
            return {self.text(name): self.value(each) for name, each in value.items()}
        return [self.value(each) for each in value] if isinstance(value, list) else value

    def planhat_id(self, model: str, name: str) -> str:
        """24 digits; which of two is smaller does not depend on the world's number."""
        return f"{self.number:06}" + hashlib.sha256(f"{model}/{name}".encode()).hexdigest()[:18]

    def fields(self, change: Change) -> dict[str, Any]:
        fields = self.value(change.fields)
        if "companyId" in fields:
            fields["companyId"] = self.planhat_id("company", fields["companyId"])
        return {"_id": self.planhat_id(change.model, change.name), **fields}

    def landed(self) -> list[tuple[int, str, LandedCall]]:
        """Round, source and row of every call, in the order in which they become durable."""
        rows = []
        for call in sorted(self.world.calls, key=lambda call: call.round):
            body = self.value(call.body)
            message_id = self.text(call.message_id)
            received_at = START + timedelta(minutes=call.minute)
            row = LandedCall(
                message_id, body["type"], received_at, body, SOURCES[call.source],
                call.source in ORIGINAL_FIRST,
            )  # fmt: skip
            rows.append((call.round, call.source, row))
        return rows

    def own_settings(self) -> list[Setting]:
        return [
            replace(
                each,
                key=tuple(self.text(part) for part in each.key),
                value=self.planhat_id("company", each.value[-1])
                if isinstance(each.value, str) and each.value.startswith("company ")
                else each.value,
            )
            for each in self.world.settings
        ]

    def rules(self) -> Rules:
        rows: dict[str, dict[tuple[str, ...], Any]] = {}
        for each in sorted([*SHARED, *self.own_settings()], key=lambda each: each.round):
            rows.setdefault(each.table, {})[each.key] = each.value
        rows = {
            table: {key: value for key, value in those.items() if value is not None}
            for table, those in rows.items()
        }
        usage_events = rows.get("usage_events", {}).items()
        places: dict[str, tuple[str, ...]] = {}
        for key, path in rows["key_names"]:
            places[key] = (*places.get(key, ()), path)
        names: dict[str, tuple[str, ...]] = {}
        for model, name in rows["object_keys"]:
            names[model] = (*names.get(model, ()), name)
        return Rules(
            switches=tuple(
                (switch, is_on, START + timedelta(minutes=minute))
                for _, switch, is_on, minute in SWITCHES
            ),
            metrics={metric: value for (metric,), value in rows.get("company_metrics", {}).items()},
            blocked=frozenset(
                Block(value, key, kind) for key, kind, value in rows["blocked_identities"]
            ),
            excluded=frozenset(value for _, value in rows.get("excluded", {})),
            aliases={alias: value for (alias,), value in rows.get("company_aliases", {}).items()},
            link_expires_days=rows["thresholds"]["link_expires_days",][0],
            usage_events={
                (type_, event): (value[0], Decimal(value[1]))
                for (type_, event), value in usage_events
            },
            object_names=names,
            places=places,
        )

    def objects(self) -> list[PlanhatObject]:
        """Every object as it was last seen, and whether it is still there."""
        last: dict[tuple[str, str], PlanhatObject] = {}
        for change in sorted(self.world.changes, key=lambda change: change.round):
            key = (change.model, self.planhat_id(change.model, change.name))
            if change.fields is not None:
                last[key] = PlanhatObject(*key, self.fields(change))
            elif key in last:
                last[key] = replace(last[key], is_deleted=True)
        return list(last.values())

    def former_keys(self) -> list[tuple[int, FormerKey]]:
        """The round in which a read finds another external id on an object, or none, and the key
        that it had until then; the reads are numbered like the rounds.
        """
        before: dict[tuple[str, str], tuple[int, str, str]] = {}
        found = []
        for change in sorted(self.world.changes, key=lambda change: change.round):
            if change.fields is None:
                continue
            key = (change.model, self.planhat_id(change.model, change.name))
            fields = self.fields(change)
            external_id = as_key(fields.get("externalId"))
            round_, company, former = before.get(key, (0, "", ""))
            if former and former != external_id:
                found.append((change.round, FormerKey(*key[:1], company, key[1], former, round_)))
            if external_id:
                company = fields["companyId"] if change.model != "company" else ""
                before[key] = (change.round, company, external_id)
            else:
                before.pop(key, None)
        return found

    def reference(self) -> Reference:
        return Reference(
            (row for _, _, row in self.landed()),
            self.objects(),
            self.rules(),
            (row for _, row in self.former_keys()),
        )


def _shown(value: Any) -> Any:
    if isinstance(value, Number):
        return f"<number {value.last}{' as text' if value.as_text else ''}>"
    if isinstance(value, dict):
        return {name: _shown(each) for name, each in value.items()}
    return [_shown(each) for each in value] if isinstance(value, list) else value


# Values: few, so that they meet

_USERS = ("~u1", "~u1", "~u2", "~u3")
_EMAILS = ("~m1@x.example", "~m1@x.example", "~m2@x.example")
_ADDRESSES = ("~m1@x.example", "^~M2@x.example", "~m4@~.example")
_DEVICES = ("~a1", "~a2")
_COMPANY_KEYS = ("~c1", "~c1", "~c1", "~c2", "~c2", "~c3")
_COMPANIES = ("A", "A", "A", "B", "B", "C")
_BLOCKED = (
    "null", "-1", "0000-0000", "undefined", "anonymous", "kiosk", "guest", "~blocked", "~blocked-7",
    "(NULL)", "<null>", "None", "nil", "NaN", "[object Object]", " undefined\u200b",
)  # fmt: skip
_NO_KEYS = ("", "  ", "\u00a0\u200b\t\n", None, True, ["~u1"], {"id": "~u1"}, "x" * 501)
_COMPANY_PLACES = (
    "properties.company_id", "properties.companyId", "properties.customer_id",
    "properties.customerId", "properties.companyExternalId", "properties.company_external_id",
    "traits.company_id", "traits.companyId", "traits.company", "traits.companyExternalId",
    "traits.company_external_id", "context.groupId", "context.group_id",
    "context.traits.company_id", "context.traits.companyId", "context.traits.company",
    "context.company_ref", "groupId", "group_id",
)  # fmt: skip
_OBJECT_NAMES = (
    "asset_id", "asset_id", "asset_id", "assetId", "assetExternalId", "asset_external_id",
    "project_id", "project_id", "projectExternalId", "license_id", "license_id", "license_id",
)  # fmt: skip
_UNREADABLE = (
    "yesterday, about noon", "2031-13-45T99:00:00Z", "", True, "2026-02-30T10:00:00Z",
    "2026-03-02T10:30:00 GMT+02:00", "2026-03-02 10:30 p.m.", "2026-W10-1", "2026-061",
    "2026-03-02T10:30:00 Europe/Stockholm", 17724420000, "now", "Mon, 02 Mar 2026 10:30:00 EST",
    "20260302T10:30", "2026-03-02T10:30:00+25:00", 1772442, "2026-03-02T1030Z extra",
)  # fmt: skip
_INTEGRATIONS = (
    {"All": False},
    {"Planhat": False},
    {"All": False, "Planhat": True},
    {"All": True, "Planhat": False},
    {"All": True},
    {"All": False, "Planhat": {"region": "eu"}},
    "none",
)
_SETTINGS = (
    ("blocked_identities", ("all", "value", "~blocked"), (True,)),
    ("blocked_identities", ("all", "pattern", "~blocked*"), (True,)),
    ("blocked_identities", ("user_id", "value", "~u3"), (True,)),
    ("blocked_identities", ("user_id", "pattern", "*~u2"), (True,)),
    ("blocked_identities", ("email", "value", "~M2@x.example"), (True,)),
    ("blocked_identities", ("email", "pattern", "~m2@*.example"), (True,)),
    ("blocked_identities", ("all", "domain", "~.example"), (True,)),
    ("blocked_identities", ("user_id", "domain", "~.example"), (True,)),
    ("blocked_identities", ("anonymous_id", "value", "~a2"), (True,)),
    ("blocked_identities", ("company", "value", "~c2"), (True,)),
    ("blocked_identities", ("object", "pattern", "~o2*"), (True,)),
    ("excluded", ("email", "~m2@x.example"), (True,)),
    ("excluded", ("domain", "~.example"), (True,)),
    ("company_aliases", ("~c3",), ("company A", "company B")),
    ("company_aliases", ("~nowhere",), ("company A", "company B")),
    ("company_metrics", ("~seats",), ("SUM", "LAST")),
    ("company_metrics", ("~seats",), ("LAST",)),
    ("company_metrics", ("~calls",), ("SUM", "LAST")),
    ("usage_events", ("track", "~Clicked"), ((False, "1"), (True, "3"))),
    ("usage_events", ("track", "~Opened"), ((True, "0.25"),)),
    ("usage_events", ("page", "~Docs"), ((True, "3"), (False, "1"))),
    ("usage_events", ("screen", "~Docs"), ((False, "1"), (True, "3"))),
)
# When calls are received: on quiet days, or around the switches; often at the same time.
_RECEIVED = tuple(_minutes(*at) for at in ((0, 9), (2, 9), (3, 15), (5, 9), (5, 10), (6, 1)))
_RECEIVED_NEAR_SWITCHES = tuple(
    _minutes(*at)
    for at in ((1, 0), (1, 6), (1, 12), (2, 12), (2, 18), (3, 12), (4, 0), (4, 5), (4, 6))
)
_HAPPENED = tuple(
    START + timedelta(minutes=_minutes(*at))
    for at in ((-1, 9), (0, 8), (0, 9), (1, 9), (2, 9), (2, 23.5), (3, 0), (3, 9), (4, 2))
)


def draw_worlds(count: int, seed: int) -> list[World]:
    """The same worlds for the same seed, wherever and beside whatever they are drawn."""
    numbers = random.Random(seed)
    return [make_world(numbers.getrandbits(64)) for _ in range(count)]


def make_world(number: int) -> World:
    """The world of this number: at most fourteen calls, twelve objects, three settings."""
    return _Maker(random.Random(number)).world()


def iso(moment: datetime) -> str:
    """As Segment's libraries write it."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _put(body: dict[str, Any], path: str, value: Any) -> None:
    *folders, name = path.split(".")
    for folder in folders:
        body = body.setdefault(folder, {})
    body[name] = value


class _Maker:
    """Makes one world out of one stream of chance."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        # most of a world's calls are about one thing, or it is about nothing in particular
        self.theme = self.pick(
            ("any", "any", "user", "user", "email", "email", "device", "metrics")
        )
        self.moments = self.chance.sample(_HAPPENED, 9 if self.theme == "any" else 4)

    def pick(self, values: Sequence[Any]) -> Any:
        return self.chance.choice(values)

    def happens(self, share: float) -> bool:
        return self.chance.random() < share

    def often(self, usual: Sequence[Any], *rare: tuple[float, Sequence[Any]]) -> Any:
        """One of the usual values, or with these shares one of the others."""
        at = self.chance.random()
        for share, values in rare:
            if at < share:
                return self.pick(values)
            at -= share
        return self.pick(usual)

    def world(self) -> World:
        things = [("company", name) for name in self.pick(("AB", "AB", "AB", "ABC", "A"))]
        for model, number in (("enduser", 5), ("asset", 3), ("project", 2), ("license", 2)):
            names = "12345"[: self.chance.randint(0, number)]
            things += [(model, name) for name in names]
        own = self.chance.sample(_SETTINGS, self.pick((1, 1, 2, 3)))
        if self.theme == "metrics":
            own = [("company_metrics", ("~seats",), ("LAST", "SUM")), *own[:1]]
        return World(
            tuple(self.call() for _ in range(self.chance.randint(2, 14))),
            tuple(change for thing in things for change in self.changes(*thing)),
            tuple(row for setting in own for row in self.settings(*setting)),
        )

    # Calls

    def call(self) -> Call:
        """A call of any type; its message id may be another's too, or have our own prefix."""
        types = (
            "track", "track", "track", "identify", "identify", "group", "alias", "page", "screen",
        )  # fmt: skip
        if self.theme == "metrics" and self.happens(0.7):
            types = ("group",)
        if self.theme == "device":
            types = (*types, "alias", "alias")
        body: dict[str, Any] = {"type": self.often(types, (0.02, ("delete", "import")))}
        if self.happens(0.05):
            agents = ("Mozilla/5.0 (compatible; Googlebot/2.1)", "Mozilla/5.0 (X11; Linux x86_64)")
            _put(body, "context.userAgent", self.pick(agents))
        self.say_who(body)
        self.say_company(body)
        self.say_what(body)
        minute = self.often(_RECEIVED, (0.3, _RECEIVED_NEAR_SWITCHES))
        body |= self.stamps(START + timedelta(minutes=minute))
        prefix = self.often(("~-",), (0.02, ("planhat-~-",)))
        body["messageId"] = f"{prefix}{self.chance.randint(1, 40):02}"
        source = self.often(
            ("any-order-app",), (0.02, ("any-order-planhat",)), (0.1, ("any-order-relay",))
        )
        return Call(self.chance.randrange(ROUNDS), body["messageId"], minute, body, source)

    def say_who(self, body: dict[str, Any]) -> None:
        """Whose a call is, in the usual places and in every odd one."""
        if self.theme == "user" and self.happens(0.7):
            body["userId"] = "~u1"
            return
        if self.theme == "email" and self.happens(0.7):
            _put(body, "context.traits.email", self.pick(_EMAILS))
            if self.happens(0.5):
                body["userId"] = self.pick(("~u1", "~u2"))
            return
        if self.theme == "device" and self.happens(0.7):
            body["anonymousId"] = self.pick(("~a1", "~a1", "~a1", "~u2"))
            if self.happens(0.4):
                body["userId"] = self.pick(("~u1", "~u2"))
            return
        who = self.pick(
            ("u", "u", "u", "um", "um", "m", "m", "a", "a", "ua", "ua", "uma", "ma", "")
        )
        if "u" in who:
            place = self.often(("userId",), (0.2, ("user_id", "traits.id")))
            _put(body, place, self.user_id())
            if self.happens(0.1):
                _put(
                    body, self.pick(("userId", "traits.id", "properties.user_ref")), self.user_id()
                )
        if "m" in who:
            usual = "traits.email" if body["type"] == "identify" else "context.traits.email"
            for _ in range(self.pick((1, 1, 1, 2))):
                odd = ("context.traits.email", "traits.email", "properties.email")
                _put(body, self.often((usual,), (0.5, odd)), self.email())
        if "a" in who:
            device = self.often(
                _DEVICES, (0.1, ("undefined", "~blocked", "", Number(2), "~u1", "~u2"))
            )
            _put(body, self.pick(("anonymousId", "anonymousId", "anonymous_id")), device)

    def user_id(self) -> Any:
        odd = (
            Number(1), Number(1, as_text=True), Number(1, has_fraction=True), "~a1",
            "\u00a0~u1\u200b", "\ufeff~u2\t",
        )  # fmt: skip
        return self.often(
            _USERS, (0.08, odd), (0.08, _BLOCKED), (0.04, _NO_KEYS), (0.1, _ADDRESSES)
        )

    def email(self) -> Any:
        return self.often(
            _EMAILS,
            (0.15, ("^~m1@x.example", "  ~m2@x.example ", "^\u2003~m3@x.example\u00ad")),
            (0.1, ("null", "", None, Number(5), "~m3@x.example")),
            (0.08, ("~m4@~.example",)),
        )

    def say_company(self, body: dict[str, Any]) -> None:
        """Which company a call names, if any; sometimes two."""
        usual = {"identify": "traits.company_id", "group": "groupId"}.get(
            body["type"], "context.groupId"
        )
        least = 1 if body["type"] == "group" and self.happens(0.9) else 0
        for _ in range(max(least, self.pick((0, 0, 1, 1, 1, 2)))):
            place = self.often((usual,), (0.35, _COMPANY_PLACES))
            usual_keys = _COMPANY_KEYS if self.theme == "any" else ("~c1", "~c1", "~c2")
            odd = (
                "null",
                "",
                "~nowhere",
                Number(3),
                Number(3, has_fraction=True),
                ["~c1"],
                " ~c1\n",
            )
            key = self.often(usual_keys, (0.12, odd))
            _put(body, place, {"id": key} if place.endswith(".company") else key)

    def say_what(self, body: dict[str, Any]) -> None:
        """What a call says beside its keys."""
        if body["type"] == "track":
            odd = (None, "", " ", "\u2007\u200b", 7, "~Long" * 99, "\u3000~Clicked ")
            name = self.often(("~Clicked", "~Opened"), (0.1, odd))
            if name is not None or self.happens(0.5):
                body["event"] = name
        if body["type"] in ("page", "screen") and self.happens(0.6):
            body["name"] = self.often(
                ("Home", "~Docs", " ~Docs\u00a0"),
                (0.2, ("home", "", 7, None, "~Docs\u200b~", "page")),
            )
        if body["type"] == "identify" and self.happens(0.5):
            place = self.often(("traits.name",), (0.3, ("context.traits.name",)))
            _put(body, place, self.pick(("Ada", "Bo", "Cy", None)))
        if body["type"] == "identify" and self.happens(0.1):
            # clears the e-mail that is shown
            _put(body, self.pick(("traits.email", "context.traits.email")), None)
        if body["type"] == "alias":
            previous = self.often(_DEVICES, (0.5, (*_USERS, "~u2", "~a3", "null", "")))
            body[self.pick(("previousId", "previousId", "previous_id"))] = previous
        if body["type"] == "group":
            for trait in self.pick((("~seats",), ("~seats",), ("~seats", "~calls"))):
                odd = ("12", True, None, [1], {"a": 1}, "NaN")
                _put(body, f"traits.{trait}", self.often((1, 2, 0.5, -3, 0), (0.25, odd)))
        if self.happens(0.3):
            for _ in range(self.pick((1, 2, 3))):
                place = self.pick(("properties", "properties", "traits", "context"))
                key = self.often(("~o1", "~o2"), (0.15, ("null", Number(4), "~o3", "", ["~o1"])))
                _put(body, f"{place}.{self.pick(_OBJECT_NAMES)}", key)
        if self.happens(0.06):
            body["integrations"] = self.pick(_INTEGRATIONS)
        if self.happens(0.02):
            body[self.pick(("traits", "properties", "context"))] = self.pick(("odd", [1], None))

    def stamps(self, received_at: datetime) -> dict[str, Any]:
        """The times that a call carries; usually one that can be believed."""
        moment = min(self.pick(self.moments), received_at)
        if self.happens(0.6):
            return {"timestamp": iso(moment)}
        if self.happens(0.3):
            return {"timestamp": self.spelled(moment)}
        skew = timedelta(hours=self.pick((0, 2, -3)))
        other = iso(self.pick(_HAPPENED))
        absurd = self.pick(
            (
                "1999-12-31T23:59:59.999Z",
                "2000-01-01T00:00:00.000Z",
                "1970-01-01T00:00:00Z",
                iso(received_at + timedelta(days=1)),
                iso(received_at + timedelta(days=1, milliseconds=1)),
                iso(received_at + timedelta(hours=23)),
            )
        )
        sent, said = iso(received_at + skew), iso(moment + skew)
        elsewhere = moment.replace(tzinfo=None) + timedelta(hours=9)
        received = iso(received_at)
        return self.pick(
            (
                {},
                {"originalTimestamp": iso(moment), "timestamp": other},
                {"original_timestamp": iso(moment)},
                {"originalTimestamp": iso(moment), "timestamp": self.pick(_UNREADABLE)},
                {"sent_at": sent, "timestamp": said},
                {"sentAt": sent, "timestamp": said},
                {"sentAt": sent, "originalTimestamp": said, "timestamp": other},
                {"sentAt": sent},
                {"sentAt": absurd, "timestamp": iso(moment)},
                {"receivedAt": received, "timestamp": iso(moment), "sentAt": other,
                 "originalTimestamp": other},
                {"receivedAt": received, "timestamp": absurd},
                {"received_at": received, "timestamp": iso(moment), "sentAt": other},
                {"receivedAt": received, "originalTimestamp": iso(moment)},
                {"timestamp": self.pick(_UNREADABLE)},
                {"originalTimestamp": self.pick(_UNREADABLE), "timestamp": iso(moment)},
                {"sentAt": self.pick(_UNREADABLE), "timestamp": iso(moment)},
                {"timestamp": absurd},
                {"timestamp": elsewhere.isoformat(timespec="seconds") + "+09:00"},
            )
        )  # fmt: skip

    def spelled(self, moment: datetime) -> Any:
        """The same moment as other clients write it."""
        there = moment.astimezone(timezone(timedelta(hours=self.pick((-7, 0, 2)))))
        offset = there.strftime("%z")
        seconds = moment.timestamp()
        return self.pick(
            (
                int(seconds), str(int(seconds)), int(seconds * 1000), str(int(seconds * 1000)),
                there.strftime("%a, %d %b %Y %H:%M:%S ") + offset,
                moment.strftime("%d %b %Y %H:%M:%S GMT"),
                there.strftime("%Y%m%dT%H%M%S") + offset,
                there.strftime("%Y-%m-%dT%H:%M") + offset[:3],
                there.strftime("%Y-%m-%d %H:%M:%S,25") + f"{offset[:3]}:{offset[3:]}",
                moment.strftime("%Y-%m-%dT%H:%M:%S.1234567"),
                moment.strftime("%Y-%m-%d"),
            )
        )  # fmt: skip

    # Objects of Planhat

    def changes(self, model: str, name: str) -> list[Change]:
        """What becomes of one object: it appears, changes, goes, comes back."""
        if model == "company" and self.theme != "any":
            return [Change(self.chance.randrange(ROUNDS), model, name, self.fields(model, name))]
        rounds = self.pick(
            ((0,), (0,), (1,), (2,), (6,), (0, 1), (0, 4), (2, 4), (1, 2, 6), (0, 2, 4), (2, 4, 6))
        )
        found = []
        for number in rounds:
            is_gone = number > rounds[0] and self.happens(0.25 if model == "company" else 0.45)
            fields = None if is_gone else self.fields(model, name)
            found.append(Change(number, model, name, fields))
        return found

    def fields(self, model: str, name: str) -> dict[str, Any]:
        """An object in Planhat's shape, as far as the rules look at it."""
        if model == "company":
            usual = {"A": "~c1", "B": "~c2", "C": "~c3"}[name]
            odd = (
                "~c1",
                "~c2",
                None,
                Number(3, as_text=True),
                Number(3, has_fraction=True),
                "~c2 ",
            )
            key = self.often((usual,), (0.3, odd))
            return {"name": "~ company", **({"externalId": key} if key else {})}
        company = self.often(_COMPANIES, (0.05, ("Z",)))
        if model != "enduser":
            return {
                "name": "~ thing", "companyId": company, "externalId": self.pick(("~o1", "~o2")),
            }  # fmt: skip
        odd = (None, None, None, None, None, Number(1, as_text=True), "~u1\u200b", *_ADDRESSES[:1])
        external_id = self.often(("~u1", "~u1", "~u2", "~u3"), (0.5, odd))
        odd = ("^~m1@x.example", "~m3@x.example", "\u00a0~m2@x.example", "~m4@~.example")
        email = self.pick((*_EMAILS, *odd))
        if self.theme == "email":
            # known by their ids alone, or their address in several companies
            external_id, email = self.pick(
                (("~u1", "~m3@x.example"), ("~u2", "~m3@x.example"), (None, "~m1@x.example"))
            )
        return {
            "companyId": company,
            "email": email,
            "primary": self.happens(0.3),
            **({"externalId": external_id} if external_id else {}),
        }

    # Settings

    def settings(self, table: str, key: tuple[str, ...], values: tuple[Any, ...]) -> list[Setting]:
        """A setting of the world's own, perhaps changed or taken back later."""
        first = Setting(self.pick(SETTINGS_ROUNDS), table, key, self.pick(values))
        rounds = [number for number in SETTINGS_ROUNDS if number > first.round]
        if not rounds or self.happens(0.6):
            return [first]
        later = self.pick(tuple(rounds))
        return [first, Setting(later, table, key, self.pick((None, *values)))]
