"""What a difficult case consists of, and how one is written down."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from include.sample.calls import AnyCall, Call, RawCall
from include.sample.days import Days
from include.sample.identifiers import planhat_id


@dataclass(frozen=True)
class Created:
    """An enduser made from Segment calls: its company's `_id`; its user id, or else its email."""

    company_id: str
    key: str


@dataclass(frozen=True)
class Outcome:
    """What the rules say of one call. Columns are those of `marts.event_resolution`.

    `enduser` is a Planhat `_id`, a `Created`, or None. `unsaid` names what the rules leave open
    for this call; a test must not compare it. `counted`, `weight`, `conflict`, `event_at` are None
    where the case is not about them; `event_at` may be "received_at".
    """

    company_id: str | None = None
    enduser: str | Created | None = None
    matched_by: str | None = None
    company_matched_by: str | None = None
    reason: str | None = None
    object_reason: str | None = None
    company_reason: str | None = None
    # the objects named and found, by model
    objects: Mapping[str, str] = field(default_factory=dict)
    # usage: counted at all, and with which weight
    counted: bool | None = None
    weight: float | None = None
    # True: this call has a row in marts.identity_conflicts
    conflict: bool | None = None
    event_at: datetime | str | None = None
    unsaid: frozenset[str] = frozenset()

    def but(self, **changes: Any) -> "Outcome":
        """The same with some columns changed."""
        return replace(self, **changes)


@dataclass(frozen=True)
class Step:
    """One call of a case with its outcome; None: the call does not become a row of its own."""

    call: AnyCall
    outcome: Outcome | None
    # sent after everything else, although it happened earlier
    is_late: bool = False
    # for cases that need history: when the call is to have been received
    received_at: datetime | None = None


@dataclass(frozen=True)
class Person:
    """An enduser as `marts.endusers` must have it after all calls of the case."""

    enduser: str | Created
    attributes: Mapping[str, str | None]
    created_by_message_id: str | None = None


@dataclass(frozen=True)
class Switch:
    """A switch of `sync.switches` that a case with history changes."""

    switch: str
    is_on: bool
    valid_from: datetime


@dataclass(frozen=True)
class Metric:
    """A row of `marts.company_metrics`."""

    company_id: str
    metric: str
    day: date
    value: float
    aggregation: str


@dataclass(frozen=True)
class Case:
    """One difficult case: a sentence, the Planhat objects it needs, its calls, what must come out.

    `rules` are the numbers of the rules that give the outcome. `gone` are objects that Planhat had
    at an earlier read and has no more, `earlier` fields of objects as that read found them. With
    `needs_history` it can only be shown by writing events with a chosen `received_at`: it is not
    part of what the sample sends or exports.
    """

    name: str
    rules: tuple[str, ...]
    sentence: str
    objects: tuple[tuple[str, dict[str, Any]], ...]
    gone: tuple[tuple[str, dict[str, Any]], ...]
    earlier: tuple[tuple[str, dict[str, Any]], ...]
    steps: tuple[Step, ...]
    people: tuple[Person, ...] = ()
    metrics: tuple[Metric, ...] = ()
    # (company _id, metric, how many values were rejected)
    rejections: tuple[tuple[str, str, int], ...] = ()
    # (trait, how often it was seen)
    candidates: tuple[tuple[str, int], ...] = ()
    switches: tuple[Switch, ...] = ()
    # (threshold, value) of sync.thresholds, for a case with history
    thresholds: tuple[tuple[str, int], ...] = ()
    needs_history: bool = False


# The companies in which the cases play: key → (name, externalId).
COMPANIES: dict[str, tuple[str, str | None]] = {
    "harbor": ("Harbor & Pine Logistics", "harbor-pine"),
    "lumen": ("Lumen Dental Group", "lumen-dental"),
    "brightwater": ("Brightwater Schools", "4711"),
    "quiet": ("Quiet Valley Farms", None),
    "quay": ("North Quay Insurance", "north-quay"),
}
# In Planhat at an earlier read only.
GONE_COMPANIES: dict[str, tuple[str, str | None]] = {
    "mill": ("Old Mill Outfitters", "old-mill"),
}


def company_id(key: str) -> str:
    """The `_id` of one of the cases' companies."""
    return planhat_id("company", f"case/{key}")


def external_id(key: str) -> str:
    """The externalId of one of the cases' companies."""
    found = {**COMPANIES, **GONE_COMPANIES}[key][1]
    assert found is not None
    return found


def found(
    company: str, enduser: str, matched_by: str = "external_id", by: str = "company_key"
) -> Outcome:
    """Resolved to an enduser of Planhat; `by` is how the company was found."""
    return Outcome(company_id(company), enduser, matched_by, by)


def created(
    company: str, key: str, matched_by: str = "created_user", by: str = "company_key"
) -> Outcome:
    """Resolved to an enduser that a Segment call created."""
    return Outcome(company_id(company), Created(company_id(company), key), matched_by, by)


def unresolved(reason: str, company: str | None = None, by: str = "company_key") -> Outcome:
    """Not resolved; with a company it is that company's unattributed activity."""
    if company is None:
        return Outcome(reason=reason, counted=False)
    return Outcome(company_id(company), company_matched_by=by, reason=reason, counted=False)


class Story:
    """Writes one case down: objects, then calls in the order in which they are told."""

    def __init__(
        self, days: Days, name: str, rules: str, sentence: str, *, needs_history: bool = False
    ) -> None:
        self.days = days
        self._case = Case(
            name, tuple(rules.split()), sentence, (), (), (), (), needs_history=needs_history
        )
        self._objects: list[tuple[str, dict[str, Any]]] = []
        self._gone: list[tuple[str, dict[str, Any]]] = []
        self._earlier: list[tuple[str, dict[str, Any]]] = []
        self._steps: list[Step] = []
        self._more: dict[str, list[Any]] = {}

    def name(self, part: str) -> str:
        """A user id, anonymous id … that no other case has."""
        return f"{self._case.name}-{part}"

    def email(self, part: str, company: str = "harbor") -> str:
        """An address that no other case has."""
        return f"{part}.{self._case.name}@{company}.example"

    def message_id(self, number: int | None = None) -> str:
        """The id of the case's call of this number, from 1; without a number, of the next one."""
        return f"sample-case-{self._case.name}-{number or len(self._steps) + 1}"

    def enduser(self, company: str, key: str, *, gone: bool = False, **fields: Any) -> str:
        """An enduser in Planhat; fields as Planhat names them. Returns its `_id`."""
        return self.object(
            "enduser",
            company,
            key,
            gone=gone,
            **{
                "email": self.email(key, company),
                "companyName": {**COMPANIES, **GONE_COMPANIES}[company][0],
                "primary": False,
                "featured": False,
                "archived": False,
                "tags": [],
                **fields,
            },
        )

    def object(
        self, model: str, company: str, key: str, *, gone: bool = False, **fields: Any
    ) -> str:
        """An object of any model in Planhat. Returns its `_id`."""
        identifier = planhat_id(model, f"case/{self._case.name}/{company}/{key}")
        target = self._gone if gone else self._objects
        target.append((model, {"_id": identifier, "companyId": company_id(company), **fields}))
        return identifier

    def earlier(self, model: str, identifier: str, **fields: Any) -> None:
        """An object of Planhat, a company's too, as an earlier read found it."""
        self._earlier.append((model, {"_id": identifier, **fields}))

    def call(
        self,
        type_: str,
        days_ago: int,
        clock: str,
        outcome: Outcome | None,
        *,
        company: str | None = None,
        is_late: bool = False,
        received_at: datetime | None = None,
        **arguments: Any,
    ) -> str:
        """A call through the library. `company` names a company the usual way of its type: in
        traits of an identify, in the context's groupId otherwise. Returns its message id.
        """
        if company is not None:
            if type_ == "identify":
                traits = {**arguments.get("traits", {}), "company_id": external_id(company)}
                arguments["traits"] = traits
            else:
                context = {**arguments.get("context", {}), "groupId": external_id(company)}
                arguments["context"] = context
        arguments.setdefault("message_id", self.message_id())
        call = Call(type_, at=self.days.at(days_ago, clock), **arguments)
        self._steps.append(Step(call, outcome, is_late, received_at))
        return call.message_id

    def identify(self, days_ago: int, clock: str, outcome: Outcome | None, **more: Any) -> str:
        return self.call("identify", days_ago, clock, outcome, **more)

    def track(
        self,
        days_ago: int,
        clock: str,
        outcome: Outcome | None,
        event: str = "Checklist Completed",
        **more: Any,
    ) -> str:
        return self.call("track", days_ago, clock, outcome, event=event, **more)

    def raw(
        self,
        days_ago: int,
        clock: str,
        outcome: Outcome | None,
        body: Mapping[str, Any],
        *,
        path: str = "/v1/batch",
        received_at: datetime | None = None,
        stamped: bool = True,
    ) -> str:
        """A call that the library refuses; `stamped` adds the timestamp of the day and clock."""
        at = self.days.at(days_ago, clock)
        message_id = self.message_id()
        stamp = {"timestamp": at.isoformat(timespec="milliseconds")} if stamped else {}
        call = RawCall(message_id, at, {**stamp, **body, "messageId": message_id}, path)
        self._steps.append(Step(call, outcome, received_at=received_at))
        return message_id

    def expect(self, kind: str, *what: Any) -> None:
        """More that must come out: people, metrics, rejections, candidates; or what to set:
        switches, thresholds.
        """
        self._more.setdefault(kind, []).extend(what)

    def case(self) -> Case:
        """The case as it stands."""
        more: dict[str, Any] = {kind: tuple(what) for kind, what in self._more.items()}
        return replace(
            self._case,
            objects=tuple(self._objects),
            gone=tuple(self._gone),
            earlier=tuple(self._earlier),
            steps=tuple(self._steps),
            **more,
        )
