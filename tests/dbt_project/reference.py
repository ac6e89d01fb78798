"""The rules once more, in plain Python: what the tables must say of a few calls and objects.

Written from the rules (docs/identity.md), one function each, and never from the models: it looks
at every call again for every question, which is slow and easy to read. The numbers in the
docstrings are those of the rules. An enduser that calls created has no `_id`; here it is named
`created:<company _id>:<user id or address>`.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
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


@dataclass(frozen=True)
class PlanhatObject:
    """An object as Planhat last had it."""

    model: str
    id: str
    fields: Mapping[str, Any]
    is_deleted: bool = False

    @property
    def company_id(self) -> str:
        return self.fields["companyId"]

    @property
    def external_id(self) -> str | None:
        return as_key(self.fields.get("externalId"))

    @property
    def email(self) -> str:
        return fold(self.fields["email"])

    @property
    def is_primary(self) -> bool:
        return self.fields.get("primary") is True


@dataclass(frozen=True)
class Rules:
    """Every setting that an outcome depends on, as it stands at the end."""

    # (switch, is_on, valid_from), beside: all on since ever
    switches: tuple[tuple[str, bool, datetime], ...] = ()
    # metric → SUM or LAST
    metrics: Mapping[str, str] = field(default_factory=dict)
    # (model, company or '', _id, external id, the last read that had it)
    former_keys: tuple[tuple[str, str, str, str, int], ...] = ()
    # the customer's own, beside BLOCKED
    blocked: frozenset[str] = frozenset()
    # (type, event) → (is it usage, with which weight)
    usage_events: Mapping[tuple[str, str], tuple[bool, Decimal]] = field(default_factory=dict)
    # model → further names of its objects' keys, after those of OBJECT_NAMES
    object_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    # key → further places, after those of PLACES
    places: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


# 3.1 Keys

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
BLOCKED = frozenset({
    "-1", "anonymous", "null", "(null)", "<null>", "none", "nil", "nan", "undefined",
    "[object object]",
})  # fmt: skip
BLOCKED_PATTERN = re.compile(r"^[0-]*$")
LONGEST_KEY = 500


# Unicode's White_Space, and what nobody sees
BLANKS = "".join(
    chr(point)
    for first, last in (
        (0x09, 0x0D), (0x20, 0x20), (0x85, 0x85), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A),
        (0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000),
        (0xAD, 0xAD), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x2064), (0x2066, 0x2069),
        (0xFEFF, 0xFEFF),
    )
    for point in range(first, last + 1)
)  # fmt: skip


def fold(address: str) -> str:
    """An address as addresses are compared."""
    return address.strip(BLANKS).lower()


def as_address(user_id: str) -> str | None:
    """A user id that has the form of an address, as addresses are compared."""
    return fold(user_id) if re.fullmatch(r"[^@\s]+@[^@\s]+", user_id) else None


def find(payload: Mapping[str, Any], path: str) -> Any:
    """The value at a path like `context.traits.email`; None without one."""
    value: Any = payload
    for name in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value


def as_text(value: Any) -> str | None:
    """The text of a string or a number; of nothing else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if isinstance(value, str):
        return value
    digits = format(Decimal(repr(value)), "f")
    return digits.partition(".")[0] if float(value).is_integer() else digits


def as_key(value: Any) -> str | None:
    """A key's text: of a string or number, neither blank nor too long. Nothing else is a key."""
    text = (as_text(value) or "").strip(BLANKS)
    return text if text and len(text) <= LONGEST_KEY else None


def find_keys(payload: Mapping[str, Any], paths: Iterable[str]) -> list[str]:
    """What stands in these places and is not blank, in order; blocked values too."""
    found = (as_key(find(payload, path)) for path in paths)
    return [value for value in found if value is not None]


@dataclass(frozen=True)
class Keys:
    """A call's own keys. `is_blocked`: it has identifiers, and every one of them is blocked."""

    user_id: str | None
    email: str | None
    # only where nothing else tells the person
    property_email: str | None
    anonymous_id: str | None
    company: str | None
    previous_id: str | None
    is_blocked: bool

    @property
    def names_person(self) -> bool:
        return self.user_id is not None or self.email is not None


# 3.9 Time

YEAR_2000 = datetime(2000, 1, 1, tzinfo=UTC)


def read_time(value: Any) -> datetime | None:
    """A time as clients write it: ISO 8601, without a zone UTC, or seconds or milliseconds since
    1970. None: it cannot be read."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    if re.fullmatch("[0-9]{9,10}|[0-9]{12,13}", str(value)):
        unit = timedelta(seconds=1) if len(str(value)) <= 10 else timedelta(milliseconds=1)
        return datetime(1970, 1, 1, tzinfo=UTC) + int(value) * unit
    if isinstance(value, int):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def find_event_at(call: LandedCall) -> tuple[datetime, str]:
    """When it happened, and which clock says so (3.9).

    A sentAt that cannot be read corrects nothing, and of the client's two times the first that can
    be read counts.
    """
    payload, received_at = call.payload, call.received_at

    def said(*names: str) -> Any:
        return next((payload[name] for name in names if payload.get(name) is not None), None)

    stamp = read_time(said("timestamp"))
    original = read_time(said("originalTimestamp", "original_timestamp"))
    sent_at = read_time(said("sentAt", "sent_at"))
    moment = stamp or original
    if said("receivedAt", "received_at") is not None:
        moment, clock = stamp, "segment"
    elif moment and sent_at:
        moment, clock = received_at - (sent_at - moment), "sent_at"
    else:
        clock = "timestamp" if stamp else "original_timestamp"
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


@dataclass(frozen=True)
class Linked:
    """The keys that a call is resolved by (3.2); `link` is the call that lent them."""

    user_id: str | None
    email: str | None
    company: str | None
    link: "Call | None" = None


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

    def is_blocked(self, value: str) -> bool:
        """3.1: a value that never identifies anyone."""
        return (
            value.lower() in BLOCKED
            or BLOCKED_PATTERN.match(value) is not None
            or value in self.rules.blocked
        )

    def candidates(self, key: str) -> list[str]:
        """3.1: what the call has in the places of this key, blocked values too."""
        paths = PLACES[key] + tuple(self.rules.places.get(key, ()))
        if self.type == "group":
            # its traits describe the company: they name nobody, and groupId is what it is about
            if key == "property_email":
                paths = ()
            if key in ("user_id", "email"):
                paths = tuple(path for path in paths if not path.startswith("traits."))
            if key == "company":
                paths = ("groupId", "group_id", *paths)
        return find_keys(self.payload, paths)

    def first(self, candidates: Iterable[str]) -> str | None:
        """3.1: the first that is not blocked."""
        return next((value for value in candidates if not self.is_blocked(value)), None)

    @cached_property
    def keys(self) -> Keys:
        users, devices = self.candidates("user_id"), self.candidates("anonymous_id")
        addresses = [fold(value) for value in self.candidates("email")]
        others = [fold(value) for value in self.candidates("property_email")]
        identifiers = users + addresses + others + devices
        user_id, email = self.first(users), self.first(addresses)
        return Keys(
            user_id=user_id,
            email=email,
            property_email=self.first(others) if not (user_id or email) else None,
            anonymous_id=self.first(devices),
            company=self.first(self.candidates("company")),
            previous_id=self.first(self.candidates("previous_id"))
            if self.type == "alias"
            else None,
            is_blocked=bool(identifiers) and all(self.is_blocked(each) for each in identifiers),
        )

    def object_key(self, model: str) -> str | None:
        """3.1: by which key the call names an object of this model."""
        names = OBJECT_NAMES.get(model, ()) + tuple(self.rules.object_names.get(model, ()))
        paths = [
            f"{place}.{name}" for name in names for place in ("properties", "traits", "context")
        ]
        return self.first(find_keys(self.payload, paths))

    # 3.6, the reasons that a call has by itself

    @cached_property
    def out_of_scope(self) -> str | None:
        """Why the call takes no part at all: 3.11, 3.6, 3.12; None if it does."""
        if self.message_id.startswith("planhat-") or self.landed.source_kind == "planhat":
            return "receipt"
        if self._is_suppressed():
            return "suppressed"
        if self.type not in ("identify", "track", "group", "page", "screen", "alias"):
            return "unsupported_type"
        section = "company_metrics" if self.type == "group" else "user_tracking"
        return None if self._is_on(section) else "section_off"

    def _is_suppressed(self) -> bool:
        """3.6: `Planhat: false`, or `All: false` without Planhat being named."""
        integrations = self.payload.get("integrations")
        if not isinstance(integrations, Mapping):
            return False
        if "Planhat" in integrations:
            return integrations["Planhat"] is False
        return integrations.get("All") is False

    def _is_on(self, switch: str) -> bool:
        """3.5, 3.12: the switch's value in force when the call was received."""
        since = [
            (valid_from, is_on)
            for name, is_on, valid_from in self.rules.switches
            if name == switch and valid_from <= self.received_at
        ]
        return max(since)[1] if since else True

    @property
    def may_create(self) -> bool:
        """3.5: identify and track, received while auto-create was on."""
        return self.type in ("identify", "track") and self._is_on("auto_create")

    @property
    def may_create_by_property_email(self) -> bool:
        """3.1: whom it knows by an address among its properties alone."""
        return self.may_create and self._is_on("create_by_property_email")

    # 3.7

    @property
    def event(self) -> str | None:
        """The name that usage counts it under; None: never usage."""
        if self.type == "track":
            name = as_text(self.payload.get("event"))
            return (name or "").strip(BLANKS)[:500].strip(BLANKS) or "(unnamed)"
        return self.type if self.type in ("page", "screen") else None

    @property
    def weight(self) -> Decimal | None:
        """3.7: how much it weighs as usage; None: it is none."""
        if self.event is None:
            return None
        default = (self.type == "track", Decimal(1))
        is_counted, weight = self.rules.usage_events.get((self.type, self.event), default)
        return weight if is_counted else None


class Reference:
    """Everything that the tables must say of one world.

    `landed` is in the order in which the calls became durable; of one message id the first counts
    (3.10).
    """

    def __init__(
        self, landed: Iterable[LandedCall], objects: Iterable[PlanhatObject], rules: Rules
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
        # who left Planhat is recognised still (3.5), in companies that are there
        self.endusers = [
            each
            for each in self.objects
            if each.model == "enduser" and each.company_id in self.companies
        ]

    # 3.2 Whose an anonymous call is

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
        """3.2: an alias between two known user ids, which is a conflict."""
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

    def linked(self, call: Call) -> Linked:
        """3.2: the call's keys, those of its nearest link where it has none of its own."""
        keys = call.keys
        if call.type == "group":
            return Linked(None, None, keys.company)
        own = Linked(keys.user_id, keys.email or keys.property_email, keys.company)
        if keys.names_person or keys.anonymous_id is None:
            return own
        links = self.links.get(keys.anonymous_id, [])
        before = [link for link in links if link.order <= call.order]
        if not links:
            return own
        nearest = before[-1] if before else links[0]
        said = nearest.keys
        return Linked(said.user_id, said.email, keys.company or said.company, nearest)

    # 3.3 Which company

    def known_company(self, key: str | None) -> str | None:
        """The company in Planhat that calls name by this key; of several the smallest _id."""
        if key is None:
            return None
        same = [id_ for id_, company in self.companies.items() if company.external_id == key]
        return min(same, default=None) or self.former("company", "", key, self.companies)

    def former(self, model: str, company: str, key: str, there: Iterable[str]) -> str | None:
        """3.3: the last of those who had this key, if one alone was the last."""
        held = [
            (read, id_)
            for named, within, id_, was, read in self.rules.former_keys
            if (named, within, was) == (model, company, key) and id_ in there
        ]
        last = [id_ for read, id_ in held if read == max(held)[0]]
        return last[0] if len(last) == 1 else None

    @cached_property
    def naming(self) -> list[tuple[Call, str]]:
        """The identify, group and track calls that name a known company, with the company."""
        named = (
            (call, self.known_company(call.keys.company))
            for call in self.in_scope
            if call.type in ("identify", "group", "track")
        )
        return [(call, company) for call, company in named if company]

    @staticmethod
    def first_tier(people: list[PlanhatObject], *said: set[str]) -> set[str]:
        """3.3: Planhat's, of those deleted only without others; else the first that is said."""
        there = {each.company_id for each in people if not each.is_deleted}
        tiers = (there, {each.company_id for each in people}, *said)
        return next((tier for tier in tiers if tier), set())

    def companies_of_user(self, user_id: str) -> set[str]:
        named = [(call.type, to) for call, to in self.naming if call.keys.user_id == user_id]
        people = (self.by_external_id(company, user_id) for company in self.companies)
        return self.first_tier(
            [each for each in people if each],
            {company for type_, company in named if type_ != "track"},
            {company for type_, company in named},
        )

    def companies_of_email(self, email: str) -> set[str]:
        named = [
            (call.type, company)
            for call, company in self.naming
            if call.type != "group" and call.keys.email == email
        ]
        return self.first_tier(
            [each for each in self.endusers if each.email == email],
            {company for type_, company in named if type_ != "track"},
            {company for type_, company in named},
        )

    def nearest_company(self, user_id: str, call: Call) -> str | None:
        """3.3(3): the one of theirs that the user's nearest naming call says."""
        theirs = self.companies_of_user(user_id)
        named = [
            (each, company)
            for each, company in self.naming
            if each.keys.user_id == user_id and company in theirs
        ]
        before = [company for each, company in named if each.order <= call.order]
        if before:
            return before[-1]
        return named[0][1] if named else None

    def company_of_primary(self, email: str) -> str | None:
        """3.3(4): of several companies the only one in which such an enduser is primary."""
        primary = {
            each.company_id
            for each in self.endusers
            if each.email == email and each.is_primary and not each.is_deleted
        }
        return min(primary) if len(primary) == 1 else None

    def last_email(self, user_id: str) -> str | None:
        """3.3(4): u's e-mail, whatever the company."""
        said = [
            call.keys.email
            for call in self.in_scope
            if call.type != "alias" and call.keys.user_id == user_id and call.keys.email
        ]
        return said[-1] if said else as_address(user_id)

    def find_company(self, linked: Linked, call: Call) -> tuple[str | None, str]:  # noqa: PLR0911
        """3.3: the company and what matched it; without one the reason."""
        if company := self.known_company(linked.company):
            return company, "company_key"
        of_user = self.companies_of_user(linked.user_id) if linked.user_id else set()
        if len(of_user) == 1:
            return min(of_user), "user_id"
        if of_user and (company := self.nearest_company(linked.user_id or "", call)):
            return company, "user_nearest_call"
        email = linked.email or (self.last_email(linked.user_id) if linked.user_id else None)
        of_email = self.companies_of_email(email) if email else set()
        if len(of_email) == 1:
            return min(of_email), "email"
        if of_email and (company := self.company_of_primary(email or "")):
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

    # 3.4 Which enduser

    def by_external_id(self, company_id: str, user_id: str) -> PlanhatObject | None:
        """Planhat's enduser with this external id; who is there before who was deleted."""
        same = [
            each
            for each in self.endusers
            if (each.company_id, each.external_id) == (company_id, user_id)
        ]
        there = {
            each.id: each
            for each in self.endusers
            if each.company_id == company_id and not each.is_deleted
        }
        if all(each.is_deleted for each in same) and (
            had := self.former("enduser", company_id, user_id, there)
        ):
            return there[had]
        return min(same, key=lambda each: (each.is_deleted, each.id), default=None)

    def with_email(self, company_id: str, email: str) -> list[PlanhatObject]:
        """Planhat's endusers with this address; those deleted only if there is nobody else."""
        same = [
            each for each in self.endusers if (each.company_id, each.email) == (company_id, email)
        ]
        return [each for each in same if not each.is_deleted] or same

    @staticmethod
    def only_or_primary(people: list[PlanhatObject]) -> PlanhatObject | None:
        if len(people) == 1 or (people and all(each.is_deleted for each in people)):
            return min(people, key=lambda each: each.id)
        primary = [each for each in people if each.is_primary]
        return primary[0] if len(primary) == 1 else None

    def email_of_user(self, company_id: str, user_id: str) -> str | None:
        """3.4: u's e-mail, that of u's last call in this company that tells one."""
        said = [
            call.keys.email
            for call in self.in_scope
            if call.type != "alias"
            and call.keys.user_id == user_id
            and call.keys.email
            and self.company_of(call) == company_id
        ]
        return said[-1] if said else as_address(user_id)

    def company_of(self, call: Call) -> str | None:
        if call.type == "group":
            return self.known_company(call.keys.company)
        return self.located[call.message_id][1]

    @cached_property
    def users_here(self) -> set[tuple[str, str]]:
        """3.4: company and user id of every call that is in a company and has one."""
        here = {(self.company_of(call), call.keys.user_id) for call in self.in_scope}
        here |= {(company, linked.user_id) for linked, company, _ in self.located.values()}
        return {(company, user) for company, user in here if company and user}

    def planhats(self, company_id: str, user_id: str) -> tuple[PlanhatObject | None, str]:
        """3.4: Planhat's enduser of a user id and what matched it."""
        if person := self.by_external_id(company_id, user_id):
            return person, "external_id"
        email = self.email_of_user(company_id, user_id)
        person = self.only_or_primary(self.with_email(company_id, email)) if email else None
        return person, "user_email"

    @cached_property
    def created_users(self) -> dict[tuple[str, str], Call]:
        """3.5: created endusers by company and user id, with the call that created each."""
        created: dict[tuple[str, str], Call] = {}
        for call in self.in_scope:
            linked, company, _ = self.located.get(call.message_id, (None, None, ""))
            if not (linked and company and linked.user_id and call.may_create):
                continue
            if self.planhats(company, linked.user_id)[0] is None:
                created.setdefault((company, linked.user_id), call)
        return created

    def people_of_users_with(self, company_id: str, email: str) -> set[str]:
        """3.4: the endusers, Planhat's or created, of user ids here whose e-mail it is."""
        people = (
            self._person_of_user_id(company, user_id)
            for company, user_id in self.users_here
            if company == company_id and self.email_of_user(company, user_id) == email
        )
        return {each for each in people if each}

    @cached_property
    def created_emails(self) -> dict[tuple[str, str], Call]:
        """3.5: endusers created from an address alone."""
        created: dict[tuple[str, str], Call] = {}
        for call in self.in_scope:
            linked, company, _ = self.located.get(call.message_id, (None, None, ""))
            if not (linked and company and linked.email and call.may_create) or linked.user_id:
                continue
            if not (call.keys.email or linked.link or call.may_create_by_property_email):
                continue
            if self.with_email(company, linked.email):
                continue
            if not self.people_of_users_with(company, linked.email):
                created.setdefault((company, linked.email), call)
        return created

    def find_by_user_id(self, company_id: str, user_id: str) -> tuple[str | None, str]:
        """3.4, with u: the enduser and what matched it; without one the reason."""
        person, matched_by = self.planhats(company_id, user_id)
        if person:
            return (None, "deleted_enduser") if person.is_deleted else (person.id, matched_by)
        if (company_id, user_id) in self.created_users:
            return f"created:{company_id}:{user_id}", "created_user"
        return None, "unknown_enduser"

    def find_by_email(  # noqa: PLR0911
        self, company_id: str, email: str
    ) -> tuple[str | None, str]:
        """3.4, without u."""
        people = self.with_email(company_id, email)
        if people:
            if all(each.is_deleted for each in people):
                return None, "deleted_enduser"
            person = self.only_or_primary(people)
            return (person.id, "email") if person else (None, "ambiguous_enduser")
        users = self.people_of_users_with(company_id, email)
        if len(users) > 1:
            return None, "ambiguous_enduser"
        for only in users:
            if only.startswith("created:"):
                return only, "created_user_email"
            gone = any(each.id == only and each.is_deleted for each in self.endusers)
            return (None, "deleted_enduser") if gone else (only, "email_of_user")
        if (company_id, email) in self.created_emails:
            return f"created:{company_id}:{email}", "created_email"
        return None, "unknown_enduser"

    # 3.6 What becomes of a call

    def resolve(self, call: Call) -> Resolved:
        """3.6: where a call belongs, or the first reason that applies."""
        if call.out_of_scope:
            return Resolved(reason=call.out_of_scope)
        if call.type == "group":
            return self._resolve_group(call)
        linked, company, how = self.located[call.message_id]
        matched_by = how if company else None
        if linked.user_id is None and linked.email is None:
            reason = "blocked_identity" if call.keys.is_blocked else "no_identity"
            return Resolved(company, matched_by, reason=reason)
        if company is None:
            return Resolved(reason=how)
        if linked.user_id:
            enduser, how = self.find_by_user_id(company, linked.user_id)
        else:
            enduser, how = self.find_by_email(company, linked.email or "")
        if enduser is None:
            return Resolved(company, matched_by, reason=how)
        return Resolved(company, matched_by, enduser, how)

    def _resolve_group(self, call: Call) -> Resolved:
        """3.3, 3.8: a group call is about the company that it names, and nothing else."""
        if company := self.known_company(call.keys.company):
            return Resolved(company, "company_key", matched_by="group")
        if call.keys.company:
            return Resolved(reason="unknown_company")
        return Resolved(reason="blocked_identity" if call.candidates("company") else "no_identity")

    @cached_property
    def resolutions(self) -> dict[str, Resolved]:
        """Per message id."""
        return {call.message_id: self.resolve(call) for call in self.calls}

    def named_objects(self, call: Call) -> dict[str, str | None]:
        """3.1, 3.6: per model that the call names an object of: the object, None if unknown.

        Without a company nothing is known.
        """
        company = self.resolutions[call.message_id].company_id
        named: dict[str, str | None] = {}
        for model in {*OBJECT_NAMES, *self.rules.object_names}:
            if key := call.object_key(model):
                same = [
                    each.id
                    for each in self.objects
                    if each.model == model
                    and each.company_id == company
                    and each.external_id == key
                    and not each.is_deleted
                ]
                named[model] = min(same, default=None)
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
                "company_reason": None,
            }
            if call.out_of_scope is None:
                linked = self.linked(call)
                objects = self.named_objects(call)
                row |= {
                    "user_id": linked.user_id,
                    "email": linked.email,
                    "anonymous_id": call.keys.anonymous_id,
                    "company_key": linked.company,
                    "linked_by_message_id": linked.link and linked.link.message_id,
                    "asset_id": objects.get("asset"),
                    "project_id": objects.get("project"),
                    "object_reason": "unknown_object" if None in objects.values() else None,
                }
                if (
                    linked.company
                    and (resolved.company_matched_by or "company_key") != "company_key"
                ):
                    row["company_reason"] = "unknown_company"
            rows[call.message_id] = row
        return rows

    def usage_daily(self) -> dict[tuple[str, str, date, str], dict[str, Any]]:
        """3.7: marts.usage_daily by object type, object, day and event."""
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

    # 3.8 Metrics

    def _metric_values(self) -> Iterable[tuple[Call, str, Any]]:
        for call in self.in_scope:
            traits = call.payload.get("traits")
            if call.type == "group" and isinstance(traits, Mapping):
                for metric in self.rules.metrics:
                    if metric in traits:
                        yield call, metric, traits[metric]

    @staticmethod
    def _is_number(value: Any) -> bool:
        return isinstance(value, int | float | Decimal) and not isinstance(value, bool)

    def company_metrics(self) -> dict[tuple[str, str, date], dict[str, Any]]:
        """3.8: marts.company_metrics by company, metric and day."""
        values: dict[tuple[str, str, date], list[Decimal]] = defaultdict(list)
        for call, metric, value in self._metric_values():
            company = self.resolutions[call.message_id].company_id
            if company and self._is_number(value):
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
        """3.8: marts.metric_rejections by message id and metric."""
        return {
            (call.message_id, metric): {
                "company_id": self.resolutions[call.message_id].company_id,
                "reason": "null_value" if value is None else "not_a_number",
            }
            for call, metric, value in self._metric_values()
            if not self._is_number(value)
        }

    # 3.5 Created endusers

    def endusers_created(self) -> dict[str, dict[str, Any]]:
        """Rows of marts.endusers whose origin is segment, by their name here."""
        rows = {}
        created = [(key, call, True) for key, call in self.created_users.items()]
        created += [(key, call, False) for key, call in self.created_emails.items()]
        for (company, key), call, is_user in created:
            name = f"created:{company}:{key}"
            seen = [
                each for each in self.calls if self.resolutions[each.message_id].enduser_id == name
            ]
            rows[name] = {
                "company_id": company,
                "external_id": key if is_user else None,
                "email": self.email_of_user(company, key) if is_user else key,
                "name": self._attribute(seen, "name"),
                "created_by_message_id": call.message_id,
                "first_seen_at": seen[0].event_at,
                "last_seen_at": seen[-1].event_at,
            }
        return rows

    @staticmethod
    def _attribute(calls: list[Call], attribute: str) -> str | None:
        """3.5: the value of the last identify that carries it; an explicit null clears."""
        said = []
        for call in calls:
            places = (find(call.payload, path) for path in ("traits", "context.traits"))
            carried = [
                traits[attribute]
                for traits in places
                if isinstance(traits, Mapping) and attribute in traits
            ]
            if call.type == "identify" and carried:
                said.append(carried[0])
        return said[-1] if said else None

    # 3.2, 3.4 Conflicts

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
            led[key] = (self.find_by_user_id(company, user_id)[0], of_email)
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
            users = self.people_of_users_with(company_id, email)
            return min(users) if len(users) == 1 else self.find_by_email(company_id, email)[0]
        person = self.only_or_primary(people)
        return person.id if person else None

    def _has_other_external_id(self, enduser_id: str, user_id: str) -> bool:
        known = {each.id: each.external_id for each in self.endusers}
        known |= {f"created:{company}:{user}": user for company, user in self.created_users}
        return known.get(enduser_id) not in (None, "", user_id)
