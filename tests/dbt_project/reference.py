"""The rules once more, in plain Python: what the tables must say of a few calls and objects.

Written from the rules (docs/identity.md), one function each, and never from the models: it looks
at every call again for every question, which is slow and easy to read. The numbers in the
docstrings are those of the rules. An enduser that calls created has no `_id`; here it is named
`created:<company _id>:<user id>`, or `created:<company _id>:<address> (e-mail)`: a user id may
look like an address.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any

# What a world consists of


@dataclass(frozen=True)
class LandedCall:
    """One row of raw_segment.events, with the kind of the source that it came by."""

    message_id: str
    type: str
    received_at: datetime
    payload: Mapping[str, Any]
    source_kind: str = "product"
    # §3.9: the source's relays strip receivedAt, so originalTimestamp is looked at first
    is_original_first: bool = False


@dataclass(frozen=True)
class PlanhatObject:
    """An object as Planhat last had it."""

    model: str
    id: str
    fields: Mapping[str, Any]
    is_deleted: bool = False
    # §3.5: an enduser that calls created here and that was sent to Planhat
    is_ours: bool = False

    @property
    def company_id(self) -> str:
        return self.fields["companyId"]

    @property
    def external_id(self) -> str | None:
        return as_key(self.fields.get("externalId"))

    @property
    def email(self) -> str | None:
        return fold(as_key(self.fields.get("email")))

    @property
    def is_primary(self) -> bool:
        return self.fields.get("primary") is True


@dataclass(frozen=True)
class FormerKey:
    """§3.3: an external id that an object had once; `company_id` is '' for companies."""

    model: str
    company_id: str
    id: str
    external_id: str
    last_read_id: int


@dataclass(frozen=True)
class Block:
    """§3.1: a row of the customer's list: for a key or "all"; a value, a pattern or a domain."""

    value: str
    key: str = "all"
    kind: str = "value"


@dataclass(frozen=True)
class Rules:
    """Every setting that an outcome depends on, as it stands at the end."""

    # (switch, is_on, valid_from), beside DEFAULTS since ever
    switches: tuple[tuple[str, bool, datetime], ...] = ()
    # metric → SUM or LAST
    metrics: Mapping[str, str] = field(default_factory=dict)
    # the customer's own, beside what is always blocked
    blocked: frozenset[Block] = frozenset()
    # §3.1: addresses and domains of people whose calls are left out
    excluded: frozenset[str] = frozenset()
    # §3.3: a further key of a company → its _id
    aliases: Mapping[str, str] = field(default_factory=dict)
    # §3.2: None: never
    link_expires_days: int | None = None
    # (type, event) → (is it usage, with which weight)
    usage_events: Mapping[tuple[str, str], tuple[bool, Decimal]] = field(default_factory=dict)
    # model → further names of its objects' keys, after those of OBJECT_NAMES
    object_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    # key → further places, after those of PLACES
    places: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


# §3.1 Keys

PLACES = {
    "user_id": ("userId", "user_id", "traits.id"),
    "email": ("traits.email", "context.traits.email"),
    "property_email": ("properties.email",),
    "anonymous_id": ("anonymousId", "anonymous_id"),
    "company": (
        "traits.company_id", "traits.companyId", "traits.company.id",
        "properties.company_id", "properties.companyId",
        "properties.customer_id", "properties.customerId",
        "context.groupId", "context.group_id",
        "context.traits.company_id", "context.traits.companyId", "context.traits.company.id",
        "groupId", "group_id",
        "properties.companyExternalId", "properties.company_external_id",
        "traits.companyExternalId", "traits.company_external_id",
    ),
    "previous_id": ("previousId", "previous_id"),
}  # fmt: skip
OBJECT_NAMES = {
    "asset": ("asset_id", "assetId", "assetExternalId", "asset_external_id"),
    "project": ("project_id", "projectId", "projectExternalId", "project_external_id"),
}
PLACEHOLDERS = {
    "-1", "anonymous",
    "null", "(null)", "<null>", "none", "nil", "nan", "undefined", "[object object]",
}  # fmt: skip
LONGEST_KEY = 500
# White_Space of Unicode, and what cannot be seen
BLANKS = "".join(
    chr(code)
    for first, last in (
        (0x09, 0x0D), (0x20, 0x20), (0x85, 0x85), (0xA0, 0xA0), (0x1680, 0x1680),
        (0x2000, 0x200A), (0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000),
        (0xAD, 0xAD), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x2064), (0x2066, 0x2069),
        (0xFEFF, 0xFEFF),
    )
    for code in range(first, last + 1)
)  # fmt: skip
DEFAULTS = {"block_bots": False}


def find(payload: Mapping[str, Any], path: str) -> Any:
    """The value at a path like `context.traits.email`; None without one."""
    value: Any = payload
    for name in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value


def as_text(value: Any) -> str | None:
    """The text of a string or a number; of nothing else. A number without exponent or zero
    fraction.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    digits = format(Decimal(str(value)), "f")
    return re.sub(r"\.0+$", "", digits)


def as_key(value: Any) -> str | None:
    """A key's text: of a string or number, cut at both ends, neither blank nor too long."""
    text = (as_text(value) or "").strip(BLANKS)
    return text if 0 < len(text) <= LONGEST_KEY else None


def fold(address: str | None) -> str | None:
    """An address as addresses are compared."""
    return address and address.lower()


def is_address(text: str) -> bool:
    """§3.4: it has the form of an e-mail address."""
    return re.fullmatch(r"[^@\s]+@[^@\s]+", text) is not None


def find_keys(payload: Mapping[str, Any], paths: Iterable[str]) -> list[str]:
    """What stands in these places and is not blank, in order; blocked values too."""
    found = (as_key(find(payload, path)) for path in paths)
    return [value for value in found if value is not None]


@dataclass(frozen=True)
class Keys:
    """A call's own keys. `is_blocked`: it has identifiers, and every one of them is blocked."""

    user_id: str | None
    email: str | None
    # §3.1: of the properties; for this call alone, and only where nothing else says who it is
    property_email: str | None
    anonymous_id: str | None
    company: str | None
    previous_id: str | None
    is_blocked: bool

    @property
    def names_person(self) -> bool:
        return self.user_id is not None or self.email is not None


# §3.9 Time

YEAR_2000 = datetime(2000, 1, 1, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ISO_8601 = re.compile(
    r"(\d{4})(-?)(\d\d)\2(\d\d)"
    r"(?:[Tt ](\d\d)(?:(:?)(\d\d)(?:\6(\d\d)(?:[.,](\d+))?)?)?"
    r"([Zz]|[+-]\d\d(?::?\d\d)?)?)?"
)
RFC_2822 = re.compile(
    r"(?:[A-Z][a-z]{2}, )?\d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d(?::\d\d)? (?:[+-]\d{4}|GMT|UT)"
)
SINCE_1970 = re.compile(r"(\d{9,10}|\d{12,13})(?:\.\d+)?")


def read_time(value: Any) -> datetime | None:
    """A time as clients write it: ISO 8601, RFC 2822 or digits since 1970; without a zone it is
    UTC. Read whole; None: it cannot be.
    """
    text = as_text(value)
    if text is None:
        return None
    try:
        if found := SINCE_1970.fullmatch(text):
            seconds = Decimal(text) / (1000 if len(found[1]) > 10 else 1)
            return EPOCH + timedelta(microseconds=int(seconds * 1_000_000))
        if not isinstance(value, str):
            return None
        if RFC_2822.fullmatch(text):
            return parsedate_to_datetime(text.replace(" UT", " GMT")).astimezone(UTC)
        return _read_iso_8601(text)
    except ValueError:
        return None


def _read_iso_8601(text: str) -> datetime | None:
    found = ISO_8601.fullmatch(text)
    if not found:
        return None
    year, dash, month, day, hour, colon, minute, second, fraction, zone = found.groups()
    if minute and bool(dash) != bool(colon):
        return None  # half extended, half basic
    moment = datetime(
        int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0),
        int((fraction or "0")[:6].ljust(6, "0")), UTC,
    )  # fmt: skip
    if zone and zone not in "Zz":
        digits = zone[1:].replace(":", "").ljust(4, "0")
        hours, minutes = int(digits[:2]), int(digits[2:])
        if hours > 23 or minutes > 59:
            return None
        ahead = timedelta(hours=hours, minutes=minutes)
        moment = moment + ahead if zone[0] == "-" else moment - ahead
    return moment


def find_event_at(call: LandedCall) -> tuple[datetime, str]:
    """When it happened, and which clock says so (§3.9).

    Of the client's times the first that can be read counts, and a sentAt that cannot be read
    corrects nothing.
    """
    payload, received_at = call.payload, call.received_at

    def said(camel: str, snake: str) -> Any:
        return payload.get(camel) if payload.get(camel) is not None else payload.get(snake)

    moment, clock = None, "received_at"
    if said("receivedAt", "received_at") is not None:
        moment, clock = read_time(payload.get("timestamp")), "segment"
    else:
        clocks = [
            ("timestamp", payload.get("timestamp")),
            ("original_timestamp", said("originalTimestamp", "original_timestamp")),
        ]
        for name, value in reversed(clocks) if call.is_original_first else clocks:
            if moment is None and (moment := read_time(value)):
                clock = name
        sent_at = read_time(said("sentAt", "sent_at"))
        if moment and sent_at:
            moment, clock = received_at - (sent_at - moment), "sent_at"
    if moment is None or moment < YEAR_2000 or moment > received_at + timedelta(days=1):
        return received_at, "received_at"
    return moment, clock


@dataclass(frozen=True)
class Resolved:
    """What a call resolves to; columns of marts.event_resolution. None: the table says null."""

    company_id: str | None = None
    company_matched_by: str | None = None
    enduser_id: str | None = None
    matched_by: str | None = None
    reason: str | None = None
    # §3.3: it named a company that nobody knows, and found another way
    company_reason: str | None = None


@dataclass(frozen=True)
class Linked:
    """The keys that a call is resolved by (§3.2); `link` is the call that lent them."""

    user_id: str | None
    email: str | None
    company: str | None
    link: "Call | None" = None
    # §3.1: the e-mail is that of the properties
    is_property_email: bool = False


class Call:
    """A landed call with what the first rules say of it alone."""

    def __init__(self, landed: LandedCall, rules: Rules) -> None:
        self.landed = landed
        self.rules = rules
        self.message_id = landed.message_id
        self.type = landed.type
        self.payload = landed.payload
        self.received_at = landed.received_at
        self.event_at, self.event_at_source = find_event_at(landed)
        self.day: date = self.event_at.astimezone(UTC).date()
        # "Order" of the rules
        self.order = (self.event_at, self.message_id)

    def is_blocked(self, key: str, value: str) -> bool:
        """§3.1: a value that never identifies anyone, or not as this key."""
        return (
            value.lower() in PLACEHOLDERS
            or re.fullmatch("[0-]*", value) is not None
            or any(_is_blocked_by(row, key, value) for row in self.rules.blocked)
        )

    def candidates(self, key: str) -> list[str]:
        """§3.1: what the call has in the places of this key, blocked values too."""
        paths = PLACES[key] + tuple(self.rules.places.get(key, ()))
        if self.type == "group":
            # its traits describe the company: they name nobody, and groupId is what it is about
            if key in ("user_id", "email"):
                paths = tuple(path for path in paths if not path.startswith("traits."))
            if key == "company":
                paths = ("groupId", "group_id", *paths)
        return find_keys(self.payload, paths)

    def first(self, key: str, candidates: Iterable[str]) -> str | None:
        """§3.1: the first that is not blocked."""
        return next((value for value in candidates if not self.is_blocked(key, value)), None)

    @cached_property
    def keys(self) -> Keys:
        users, devices = self.candidates("user_id"), self.candidates("anonymous_id")
        addresses = [value.lower() for value in self.candidates("email")]
        of_properties = [value.lower() for value in self.candidates("property_email")]
        if self.type == "group":
            of_properties = []
        if self.is_bot:
            return Keys(None, None, None, None, None, None, is_blocked=True)
        user_id, email = self.first("user_id", users), self.first("email", addresses)
        property_email = self.first("email", of_properties)
        device = self.first("anonymous_id", devices)
        previous = self.candidates("previous_id") if self.type == "alias" else []
        return Keys(
            user_id=user_id,
            email=email,
            property_email=property_email,
            anonymous_id=device,
            company=self.first("company", self.candidates("company")),
            previous_id=self.first("anonymous_id", previous),
            is_blocked=bool(users + addresses + of_properties + devices)
            and not any((user_id, email, property_email, device)),
        )

    @property
    def is_bot(self) -> bool:
        """§3.1: a bot's user agent, while those are blocked."""
        agent = find(self.payload, "context.userAgent")
        # a telephone may be called Cubot
        is_bot = isinstance(agent, str) and re.search(r"(?<!cu)bot\b|crawler|spider", agent, re.I)
        return bool(is_bot) and self._is_on("block_bots")

    def object_key(self, model: str) -> str | None:
        """§3.1: by which key the call names an object of this model."""
        names = OBJECT_NAMES.get(model, ()) + tuple(self.rules.object_names.get(model, ()))
        paths = [
            f"{place}.{name}" for name in names for place in ("properties", "traits", "context")
        ]
        return self.first("object", find_keys(self.payload, paths))

    # §3.6, the reasons that a call has by itself

    @cached_property
    def out_of_scope(self) -> str | None:
        """Why the call takes no part at all: §3.11, §3.6, §3.12; None if it does."""
        if self.message_id.startswith("planhat-") or self.landed.source_kind == "planhat":
            return "receipt"
        if self._is_suppressed():
            return "suppressed"
        if self.type not in ("identify", "track", "group", "page", "screen", "alias"):
            return "unsupported_type"
        section = "company_metrics" if self.type == "group" else "user_tracking"
        return None if self._is_on(section) else "section_off"

    def _is_suppressed(self) -> bool:
        """§3.6: `Planhat: false`, or `All: false` without Planhat being named."""
        integrations = self.payload.get("integrations")
        if not isinstance(integrations, Mapping):
            return False
        if "Planhat" in integrations:
            return integrations["Planhat"] is False
        return integrations.get("All") is False

    def _is_on(self, switch: str) -> bool:
        """§3.5, §3.12: the switch's value in force when the call was received."""
        since = [
            (valid_from, is_on)
            for name, is_on, valid_from in self.rules.switches
            if name == switch and valid_from <= self.received_at
        ]
        return max(since)[1] if since else DEFAULTS.get(switch, True)

    def may_create(self, linked: Linked) -> bool:
        """§3.5: identify and track, received while auto-create was on."""
        if linked.is_property_email and not self._is_on("create_by_property_email"):
            return False
        return self.type in ("identify", "track") and self._is_on("auto_create")

    # §3.7

    @property
    def event(self) -> str | None:
        """The name that usage counts it under; None: never usage.

        §3.7: of a page or screen it is its own name where a setting is about that one.
        """
        said = self.payload.get("event" if self.type == "track" else "name")
        name = (as_text(said) or "").strip(BLANKS)[:500].strip(BLANKS)
        if self.type == "track":
            return name or "(unnamed)"
        if self.type not in ("page", "screen"):
            return None
        return name if (self.type, name) in self.rules.usage_events else self.type

    @property
    def weight(self) -> Decimal | None:
        """§3.7: how much it weighs as usage; None: it is none."""
        if self.event is None:
            return None
        default = (self.type == "track", Decimal(1))
        is_counted, weight = self.rules.usage_events.get((self.type, self.event), default)
        return weight if is_counted else None


def _is_blocked_by(row: Block, key: str, value: str) -> bool:
    """§3.1: a row of the customer's list, and a value that stands for this key."""
    if row.key not in ("all", key):
        return False
    if row.kind == "domain":
        return key in ("user_id", "email") and value.lower().endswith("@" + row.value.lower())
    said, meant = (value, row.value.lower()) if key == "email" else (value, row.value)
    if row.kind == "pattern":
        return re.fullmatch(".*".join(map(re.escape, meant.split("*"))), said, re.S) is not None
    return said == meant


class Reference:
    """Everything that the tables must say of one world.

    `landed` is in the order in which the calls became durable; of one message id the first counts
    (§3.10).
    """

    def __init__(
        self,
        landed: Iterable[LandedCall],
        objects: Iterable[PlanhatObject],
        rules: Rules,
        former_keys: Iterable[FormerKey] = (),
    ) -> None:
        first: dict[str, LandedCall] = {}
        for each in landed:
            first.setdefault(each.message_id, each)
        self.rules = rules
        self.calls = sorted((Call(each, rules) for each in first.values()), key=lambda c: c.order)
        self.in_scope = [call for call in self.calls if call.out_of_scope is None]
        self.objects = list(objects)
        self.companies = {
            each.id: each
            for each in self.objects
            if each.model == "company" and not each.is_deleted
        }
        # who left Planhat is recognised still (§3.5), in companies that are there; who was created
        # here counts as created
        self.endusers = [
            each
            for each in self.objects
            if each.model == "enduser" and each.company_id in self.companies and not each.is_ours
        ]
        self.former_keys = list(former_keys)

    # §3.2 Whose an anonymous call is

    @cached_property
    def known_user_ids(self) -> set[str]:
        """What an alias may not take for an anonymous id."""
        said = {call.keys.user_id for call in self.in_scope if call.type != "alias"}
        return {each for each in said if each} | {
            each.external_id
            for each in self.objects
            if each.model == "enduser" and each.external_id
        }

    def is_alias_of_two_users(self, call: Call) -> bool:
        """§3.2: an alias between two known user ids, which is a conflict."""
        ids = {call.keys.previous_id, call.keys.user_id}
        return call.type == "alias" and len(ids) == 2 and ids <= self.known_user_ids

    @cached_property
    def links(self) -> dict[str, list[Call]]:
        """Per anonymous id the calls, in order, that say whose it is.

        An alias says it of its own anonymous id like any call, and of its previous id only if that
        is an anonymous id: no known user id.
        """
        links: dict[str, list[Call]] = defaultdict(list)
        for call in self.in_scope:
            keys = call.keys
            devices = {keys.anonymous_id} if keys.names_person else set()
            if keys.user_id and keys.previous_id not in self.known_user_ids:
                devices.add(keys.previous_id)
            for device in devices - {None}:
                links[device].append(call)
        return links

    def nearest_link(self, call: Call) -> Call | None:
        """§3.2: the last before that has not expired, else the first after."""
        links = self.links.get(call.keys.anonymous_id or "", [])
        before = [link for link in links if link.order <= call.order]
        after = [link for link in links if link.order > call.order]
        days = self.rules.link_expires_days
        if before and (days is None or call.event_at <= before[-1].event_at + timedelta(days)):
            return before[-1]
        return next(iter(after), None)

    def linked(self, call: Call) -> Linked:
        """§3.2: the call's keys, those of its nearest link where it has none of its own."""
        keys = call.keys
        if call.type == "group":
            return Linked(None, None, keys.company)
        if keys.names_person:
            return Linked(keys.user_id, keys.email, keys.company)
        if nearest := self.nearest_link(call):
            said = nearest.keys
            return Linked(said.user_id, said.email, keys.company or said.company, nearest)
        email = keys.property_email
        return Linked(None, email, keys.company, is_property_email=email is not None)

    # §3.3 Which company

    def former_holder(
        self, model: str, company_id: str, key: str, there: Iterable[PlanhatObject]
    ) -> PlanhatObject | None:
        """§3.3: the last whose external id it was, if that one is there still: who is in Planhat
        before who was deleted; None if that does not decide. Asked only where no undeleted object
        has it as its own.
        """
        known = {each.id: each for each in self.objects if each.model == model}
        rows = [
            row
            for row in self.former_keys
            if (row.model, row.company_id) == (model, company_id)
            and as_key(row.external_id) == key
            and row.id in known
        ]
        rows = [row for row in rows if not known[row.id].is_deleted] or rows
        last = max((row.last_read_id for row in rows), default=None)
        holders = {row.id for row in rows if row.last_read_id == last}
        found = [each for each in there if holders == {each.id}]
        return found[0] if found else None

    def known_company(self, key: str | None) -> str | None:
        """The company in Planhat that calls name by this key; of several the smallest _id."""
        if key is None:
            return None
        same = [id_ for id_, company in self.companies.items() if company.external_id == key]
        if same:
            return min(same)
        if self.rules.aliases.get(key) in self.companies:
            return self.rules.aliases[key]
        holder = self.former_holder("company", "", key, self.companies.values())
        return holder and holder.id

    @cached_property
    def naming(self) -> list[tuple[Call, str]]:
        """The identify, group and track calls that name a known company, with the company."""
        named = (
            (call, self.known_company(call.keys.company))
            for call in self.in_scope
            if call.type in ("identify", "group", "track")
        )
        return [(call, company) for call, company in named if company]

    def named_with(self, key: str, value: str, types: Iterable[str]) -> set[str]:
        """The known companies that calls of these types name together with a key."""
        return {
            company
            for call, company in self.naming
            if call.type in types and getattr(call.keys, key) == value
        }

    def companies_of_user(self, user_id: str) -> set[str]:
        """§3.3: Planhat's endusers say it; else identify and group calls; else tracks."""
        people = {
            company: person
            for company in self.companies
            if (person := self.by_external_id(company, user_id))
        }
        there = {company for company, person in people.items() if not person.is_deleted}
        return (
            there
            or set(people)
            or self.named_with("user_id", user_id, ("identify", "group"))
            or self.named_with("user_id", user_id, ("track",))
        )

    def companies_of_email(self, email: str) -> set[str]:
        """§3.3: likewise, from identify and track calls."""
        people = [each for each in self.endusers if each.email == email]
        return (
            {each.company_id for each in people if not each.is_deleted}
            or {each.company_id for each in people}
            or self.named_with("email", email, ("identify",))
            or self.named_with("email", email, ("track",))
        )

    def nearest_company(self, user_id: str, several: set[str], call: Call) -> str | None:
        """§3.3(3): the one that the user's nearest call names that names one of them."""
        named = [
            (each, company)
            for each, company in self.naming
            if each.keys.user_id == user_id and company in several
        ]
        before = [company for each, company in named if each.order <= call.order]
        if before:
            return before[-1]
        return named[0][1] if named else None

    def company_of_primary(self, email: str, several: set[str]) -> str | None:
        """§3.3(4): of several companies the only one in which somebody with it is primary."""
        primary = {
            each.company_id
            for each in self.endusers
            if each.email == email and each.is_primary and not each.is_deleted
        }
        return min(primary & several) if len(primary & several) == 1 else None

    def find_company(self, linked: Linked, call: Call) -> tuple[str | None, str]:  # noqa: PLR0911
        """§3.3: the company and what matched it; without one the reason."""
        if company := self.known_company(linked.company):
            return company, "company_key"
        of_user = self.companies_of_user(linked.user_id) if linked.user_id else set()
        if len(of_user) == 1:
            return min(of_user), "user_id"
        if of_user and (company := self.nearest_company(linked.user_id or "", of_user, call)):
            return company, "user_nearest_call"
        email = linked.email or (linked.user_id and self.email_of(linked.user_id))
        of_email = self.companies_of_email(email) if email else set()
        if len(of_email) == 1:
            return min(of_email), "email"
        if of_email and (company := self.company_of_primary(email or "", of_email)):
            return company, "email_primary"
        if linked.company:
            return None, "unknown_company"
        return None, "ambiguous_enduser" if of_user or of_email else "no_company"

    @cached_property
    def located(self) -> dict[str, tuple[Linked, str | None, str]]:
        """Per call that is about a person: its keys, its company, and how or why not."""
        located = {}
        for call in self.in_scope:
            if call.type != "group":
                linked = self.linked(call)
                located[call.message_id] = (linked, *self.find_company(linked, call))
        return located

    # §3.4 Which enduser

    @cached_property
    def tellings(self) -> list[tuple[Call, str | None]]:
        """The calls that say which e-mail a user id has, with what they say."""
        return [
            (call, call.keys.email)
            for call in self.in_scope
            if call.type in ("identify", "track", "page", "screen", "group") and call.keys.user_id
        ]

    def email_of(self, user_id: str) -> str | None:
        """§3.4, as §3.3(4) asks: u's e-mail, in whichever company."""
        said = [email for call, email in self.tellings if email and call.keys.user_id == user_id]
        return said[-1] if said else _as_address(user_id)

    def company_of(self, call: Call) -> str | None:
        if call.type == "group":
            return self.known_company(call.keys.company)
        return self.located[call.message_id][1]

    def email_of_user(self, company_id: str, user_id: str) -> str | None:
        """§3.4: u's e-mail, that of u's last call in this company that carries one; else u."""
        said = [
            email
            for call, email in self.tellings
            if email and call.keys.user_id == user_id and self.company_of(call) == company_id
        ]
        return said[-1] if said else _as_address(user_id)

    def by_external_id(self, company_id: str, user_id: str) -> PlanhatObject | None:
        """Planhat's enduser with this external id; who is there before who had it once, and that
        before who was deleted.
        """
        here = [each for each in self.endusers if each.company_id == company_id]
        same = [each for each in here if each.external_id == user_id]
        there = [each for each in same if not each.is_deleted]
        if not there and (holder := self.former_holder("enduser", company_id, user_id, here)):
            return holder
        return min(there or same, key=lambda each: each.id, default=None)

    def with_email(self, company_id: str, email: str) -> list[PlanhatObject]:
        """Planhat's endusers with this address; those deleted only if there is nobody else."""
        same = [
            each for each in self.endusers if (each.company_id, each.email) == (company_id, email)
        ]
        return [each for each in same if not each.is_deleted] or same

    @staticmethod
    def only_or_primary(people: list[PlanhatObject]) -> PlanhatObject | None:
        if len(people) == 1:
            return people[0]
        primary = [each for each in people if each.is_primary]
        return primary[0] if len(primary) == 1 else None

    def planhats(self, company_id: str, user_id: str) -> tuple[PlanhatObject | None, str]:
        """§3.4: Planhat's enduser of a user id and what matched it; of several with the address
        who are all deleted, one.
        """
        if person := self.by_external_id(company_id, user_id):
            return person, "external_id"
        email = self.email_of_user(company_id, user_id)
        people = self.with_email(company_id, email) if email else []
        if people and people[0].is_deleted:
            return min(people, key=lambda each: each.id), "user_email"
        return self.only_or_primary(people), "user_email"

    def is_excluded(self, linked: Linked) -> bool:
        """§3.1: the e-mail that the call carries, or the user's, or its domain, is left out."""
        emails = {linked.email, self.email_of(linked.user_id) if linked.user_id else None} - {None}
        domains = {email.rpartition("@")[2] for email in emails if email}
        return bool((emails | domains) & {fold(each) for each in self.rules.excluded})

    def creating(self) -> Iterable[tuple[Call, Linked, str]]:
        """§3.5: the calls that may create, with their keys and company."""
        for call in self.in_scope:
            if call.message_id in self.located:
                linked, company, _ = self.located[call.message_id]
                if company and call.may_create(linked) and not self.is_excluded(linked):
                    yield call, linked, company

    @cached_property
    def created_users(self) -> dict[tuple[str, str], Call]:
        """§3.5: created endusers by company and user id, with the call that created each."""
        created: dict[tuple[str, str], Call] = {}
        for call, linked, company in self.creating():
            if linked.user_id and self.planhats(company, linked.user_id)[0] is None:
                created.setdefault((company, linked.user_id), call)
        return created

    def led_to(self, company_id: str, email: str) -> dict[str, bool]:
        """§3.4: the endusers to whom a user id here leads whose e-mail it is; is each deleted?"""
        users = {
            user_id
            for call in self.in_scope
            if self.company_of(call) == company_id and (user_id := self._user_id_of(call))
        }
        led: dict[str, bool] = {}
        for user_id in users:
            if self.email_of_user(company_id, user_id) != email:
                continue
            person, _ = self.planhats(company_id, user_id)
            if person:
                led[person.id] = person.is_deleted
            elif (company_id, user_id) in self.created_users:
                led[f"created:{company_id}:{user_id}"] = False
        return led

    def _user_id_of(self, call: Call) -> str | None:
        """Its own or the one that its link lends it; an alias names one as any call does."""
        if call.type == "group":
            return call.keys.user_id
        return self.located[call.message_id][0].user_id

    @cached_property
    def created_emails(self) -> dict[tuple[str, str], Call]:
        """§3.5: endusers created from an address alone."""
        created: dict[tuple[str, str], Call] = {}
        for call, linked, company in self.creating():
            if linked.user_id or not linked.email or self.with_email(company, linked.email):
                continue
            if not self.led_to(company, linked.email):
                created.setdefault((company, linked.email), call)
        return created

    def find_by_user_id(self, company_id: str, user_id: str) -> tuple[str | None, str]:
        """§3.4, with u: the enduser and what matched it; without one the reason."""
        person, matched_by = self.planhats(company_id, user_id)
        if person:
            return (None, "deleted_enduser") if person.is_deleted else (person.id, matched_by)
        if (company_id, user_id) in self.created_users:
            return f"created:{company_id}:{user_id}", "created_user"
        return None, "unknown_enduser"

    def find_by_email(self, company_id: str, email: str) -> tuple[str | None, str]:
        """§3.4, without u."""
        people = self.with_email(company_id, email)
        if people:
            if all(each.is_deleted for each in people):
                return None, "deleted_enduser"
            person = self.only_or_primary(people)
            return (person.id, "email") if person else (None, "ambiguous_enduser")
        if led := self.led_to(company_id, email):
            return self._only_led_to(led)
        if (company_id, email) in self.created_emails:
            return f"created:{company_id}:{email} (e-mail)", "created_email"
        return None, "unknown_enduser"

    @staticmethod
    def _only_led_to(led: Mapping[str, bool]) -> tuple[str | None, str]:
        if len(led) > 1:
            return None, "ambiguous_enduser"
        [(only, is_deleted)] = led.items()
        if is_deleted:
            return None, "deleted_enduser"
        return only, "created_user_email" if only.startswith("created:") else "email_of_user"

    # §3.6 What becomes of a call

    def resolve(self, call: Call) -> Resolved:
        """§3.6: where a call belongs, or the first reason that applies."""
        if call.out_of_scope:
            return Resolved(reason=call.out_of_scope)
        return self._resolve_group(call) if call.type == "group" else self._resolve_person(call)

    def _resolve_person(self, call: Call) -> Resolved:
        linked, company, how = self.located[call.message_id]
        found = Resolved(
            company,
            how if company else None,
            company_reason="unknown_company"
            if company and linked.company and how != "company_key"
            else None,
        )
        if linked.user_id is None and linked.email is None:
            reason = "blocked_identity" if call.keys.is_blocked else "no_identity"
            return replace(found, reason=reason)
        if self.is_excluded(linked):
            return replace(found, reason="blocked_identity")
        if company is None:
            return replace(found, reason=how)
        if linked.user_id:
            enduser, how = self.find_by_user_id(company, linked.user_id)
        else:
            enduser, how = self.find_by_email(company, linked.email or "")
        if enduser is None:
            return replace(found, reason=how)
        return replace(found, enduser_id=enduser, matched_by=how)

    def _resolve_group(self, call: Call) -> Resolved:
        """§3.3, §3.8: a group call is about the company that it names, and nothing else."""
        company = self.known_company(call.keys.company)
        if self.is_excluded(Linked(call.keys.user_id, call.keys.email, call.keys.company)):
            return Resolved(company, company and "company_key", reason="blocked_identity")
        if company:
            return Resolved(company, "company_key", matched_by="group")
        if call.keys.company:
            return Resolved(reason="unknown_company")
        is_blocked = call.is_bot or call.candidates("company")
        return Resolved(reason="blocked_identity" if is_blocked else "no_identity")

    @cached_property
    def resolutions(self) -> dict[str, Resolved]:
        """Per message id."""
        return {call.message_id: self.resolve(call) for call in self.calls}

    def named_objects(self, call: Call) -> dict[str, str | None]:
        """§3.1, §3.6: per model that the call names an object of: the object, None if unknown.

        Without a company nothing is known.
        """
        company = self.resolutions[call.message_id].company_id
        named: dict[str, str | None] = {}
        for model in {*OBJECT_NAMES, *self.rules.object_names}:
            if key := call.object_key(model):
                here = [
                    each
                    for each in self.objects
                    if each.model == model and each.company_id == company and not each.is_deleted
                ]
                same = [each.id for each in here if each.external_id == key]
                holder = self.former_holder(model, company or "", key, here)
                named[model] = min(same, default=holder and holder.id)
        return named

    # What the tables say

    def event_resolution(self) -> dict[str, dict[str, Any]]:
        """marts.event_resolution by message id, the columns that the rules are about."""
        rows = {}
        for call in self.calls:
            resolved = self.resolutions[call.message_id]
            row: dict[str, Any] = {
                "type": call.type,
                "event_at": call.event_at,
                "event_at_source": call.event_at_source,
                "company_id": resolved.company_id,
                "company_matched_by": resolved.company_matched_by,
                "enduser_id": resolved.enduser_id,
                "matched_by": resolved.matched_by,
                "reason": resolved.reason,
                "company_reason": resolved.company_reason,
            }
            if call.out_of_scope is None:
                linked = self.linked(call)
                objects = self.named_objects(call)
                row |= {
                    "user_id": linked.user_id,
                    "email": linked.email,
                    # shown of a bot, too
                    "anonymous_id": call.first("anonymous_id", call.candidates("anonymous_id")),
                    "company_key": linked.company,
                    "linked_by_message_id": linked.link and linked.link.message_id,
                    "asset_id": objects.get("asset"),
                    "project_id": objects.get("project"),
                    "object_reason": "unknown_object" if None in objects.values() else None,
                }
            rows[call.message_id] = row
        return rows

    def usage_daily(self) -> dict[tuple[str, str, date, str], dict[str, Any]]:
        """§3.7: marts.usage_daily by object type, object, day and event."""
        counted: dict[tuple[str, str, date, str], list[Call]] = defaultdict(list)
        unattributed: dict[tuple[str, str, date, str], int] = defaultdict(int)
        for call in self.in_scope:
            resolved = self.resolutions[call.message_id]
            if call.weight is None or call.event is None or resolved.company_id is None:
                continue
            if resolved.enduser_id is None:
                unattributed["company", resolved.company_id, call.day, call.event] += 1
                continue
            about = {
                **self.named_objects(call),
                "enduser": resolved.enduser_id,
                "company": resolved.company_id,
            }
            for object_type, object_id in about.items():
                if object_id:
                    counted[object_type, object_id, call.day, call.event].append(call)
        return {
            key: {
                "activities": len(counted[key]),
                "weight": sum((call.weight or Decimal(0) for call in counted[key]), Decimal(0)),
                "endusers": len(
                    {self.resolutions[call.message_id].enduser_id for call in counted[key]}
                ),
                "unattributed": unattributed.get(key, 0),
            }
            for key in {*counted, *unattributed}
        }

    # §3.8 Metrics

    def _metric_values(self) -> Iterable[tuple[Call, str, Any]]:
        for call in self.in_scope:
            traits = call.payload.get("traits")
            if call.type == "group" and isinstance(traits, Mapping) and not call.is_bot:
                for metric in self.rules.metrics:
                    if metric in traits:
                        yield call, metric, traits[metric]

    @staticmethod
    def _is_number(value: Any) -> bool:
        return isinstance(value, int | float | Decimal) and not isinstance(value, bool)

    def company_metrics(self) -> dict[tuple[str, str, date], dict[str, Any]]:
        """§3.8: marts.company_metrics by company, metric and day."""
        values: dict[tuple[str, str, date], list[Decimal]] = defaultdict(list)
        for call, metric, value in self._metric_values():
            resolved = self.resolutions[call.message_id]
            company = resolved.company_id
            if company and resolved.reason is None and self._is_number(value):
                values[company, metric, call.day].append(Decimal(str(value)))
        return {
            (company, metric, day): {
                "aggregation": self.rules.metrics[metric],
                "value": sum(those) if self.rules.metrics[metric] == "SUM" else those[-1],
                "calls": len(those),
            }
            for (company, metric, day), those in values.items()
        }

    def metric_rejections(self) -> dict[tuple[str, str], dict[str, Any]]:
        """§3.8: marts.metric_rejections by message id and metric."""
        return {
            (call.message_id, metric): {
                "company_id": self.resolutions[call.message_id].company_id,
                "reason": "null_value" if value is None else "not_a_number",
            }
            for call, metric, value in self._metric_values()
            if not self._is_number(value)
        }

    # §3.5 Created endusers

    def endusers_created(self) -> dict[str, dict[str, Any]]:
        """Rows of marts.endusers whose origin is segment, by their name here."""
        rows = {}
        created = [(key, call, True) for key, call in self.created_users.items()]
        created += [(key, call, False) for key, call in self.created_emails.items()]
        for (company, key), call, is_user in created:
            name = f"created:{company}:{key}" + ("" if is_user else " (e-mail)")
            seen = [
                each for each in self.calls if self.resolutions[each.message_id].enduser_id == name
            ]
            rows[name] = {
                "company_id": company,
                "external_id": key if is_user else None,
                "email": self._shown_email(company, key, seen) if is_user else key,
                "name": self._attribute(seen, "name"),
                "created_by_message_id": call.message_id,
                "first_seen_at": seen[0].event_at,
                "last_seen_at": seen[-1].event_at,
            }
        return rows

    @staticmethod
    def _attribute(calls: list[Call], attribute: str) -> str | None:
        """§3.5: the value of the last identify that carries it; an explicit null clears."""
        said = [
            place[attribute]
            for call in calls
            if call.type == "identify"
            for place in _first_with(call, attribute)
        ]
        return said[-1] if said else None

    def _shown_email(self, company_id: str, user_id: str, seen: list[Call]) -> str | None:
        """§3.5: u's e-mail, unless an identify after the last that says it has an explicit null."""
        told = [
            (call.order, email)
            for call, email in self.tellings
            if email and call.keys.user_id == user_id and self.company_of(call) == company_id
        ]
        told += [
            (call.order, None)
            for call in seen
            if call.type == "identify"
            and call.keys.email is None
            and any(place["email"] is None for place in _first_with(call, "email"))
        ]
        return max(told, key=lambda each: each[0])[1] if told else _as_address(user_id)

    # §3.2, §3.4 Conflicts

    def identity_conflicts(self) -> dict[tuple[str | None, ...], dict[str, Any]]:
        """marts.identity_conflicts by kind, company, user id, e-mail and previous id."""
        calls: dict[tuple[str | None, ...], list[Call]] = defaultdict(list)
        led: dict[tuple[str | None, ...], tuple[str | None, str | None]] = {}
        for call in self.in_scope:
            user_id, email = call.keys.user_id, call.keys.email
            if self.is_alias_of_two_users(call):
                key = ("alias_of_two_users", None, user_id, None, call.keys.previous_id)
                calls[key].append(call)
                led[key] = (None, None)
            # of its own keys: what a call borrows, its link says already
            company = self.resolutions[call.message_id].company_id
            if call.type == "group" or not (company and user_id and email):
                continue
            of_user = self._person_of_user_id(company, user_id)
            of_email = self._person_of_email(company, email)
            if of_user and of_email and of_user != of_email:
                kind = "user_id_and_email"
            elif of_email and self._has_other_external_id(of_email, user_id):
                kind = "external_id_of_email"
            else:
                continue
            key = (kind, company, user_id, email, None)
            calls[key].append(call)
            # whose call is left out, that is nobody's
            is_left_out = self.resolutions[call.message_id].reason == "blocked_identity"
            led[key] = (
                None if is_left_out else self.find_by_user_id(company, user_id)[0],
                of_email,
            )
        return {
            key: {
                "user_enduser_id": led[key][0],
                "email_enduser_id": led[key][1],
                "stood_enduser_id": led[key][0],
                "calls": len(those),
                "first_seen_at": those[0].event_at,
                "last_seen_at": those[-1].event_at,
            }
            for key, those in calls.items()
        }

    def _person_of_user_id(self, company_id: str, user_id: str) -> str | None:
        """Who u leads to, deleted or not."""
        person, _ = self.planhats(company_id, user_id)
        return person.id if person else self.find_by_user_id(company_id, user_id)[0]

    def _person_of_email(self, company_id: str, email: str) -> str | None:
        """Who m leads to, deleted or not."""
        people = self.with_email(company_id, email)
        if not people:
            led = self.led_to(company_id, email)
            return min(led) if len(led) == 1 else self.find_by_email(company_id, email)[0]
        if people[0].is_deleted:
            return min(each.id for each in people)
        person = self.only_or_primary(people)
        return person.id if person else None

    def _has_other_external_id(self, enduser_id: str, user_id: str) -> bool:
        """Planhat's or a created one's."""
        external_ids = {each.external_id for each in self.endusers if each.id == enduser_id} | {
            key for company, key in self.created_users if f"created:{company}:{key}" == enduser_id
        }
        return bool(external_ids - {None, user_id})


def _as_address(user_id: str) -> str | None:
    return fold(user_id) if is_address(user_id) else None


def _first_with(call: Call, attribute: str) -> list[Mapping[str, Any]]:
    """§3.5: the first place of traits and context.traits that carries an attribute, if any does."""
    places = (find(call.payload, path) for path in ("traits", "context.traits"))
    carrying = [each for each in places if isinstance(each, Mapping) and attribute in each]
    return carrying[:1]
