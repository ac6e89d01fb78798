"""What the people of ordinary customers do in the product, day by day."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from include.sample.calls import Call
from include.sample.customers import CUSTOMERS, Customer, Person, assets, people, projects
from include.sample.days import DAYS_OF_USAGE, Days

# Monday to Sunday.
_WEEKDAYS = (1.1, 1.25, 1.2, 1.1, 0.85, 0.16, 0.1)
# When sessions begin, from 7 to 17 o'clock.
_HOURS = (3, 8, 12, 11, 9, 5, 7, 10, 9, 6, 3)

# (event, how often, properties beside the common ones)
_EVENTS: tuple[tuple[str, int, dict[str, tuple[Any, ...]]], ...] = (
    ("Document Opened", 24, {"document_type": ("Checklist", "Drawing", "Permit", "Manual")}),
    ("Search Performed", 14, {"results": (0, 1, 3, 8, 21, 55)}),
    ("Checklist Completed", 12, {"items": (5, 8, 12, 20), "passed": (True, True, True, False)}),
    ("Comment Added", 10, {"length": (12, 40, 90, 260)}),
    ("Dashboard Viewed", 10, {"dashboard": ("Safety", "Overview", "Costs")}),
    ("Task Assigned", 8, {"priority": ("low", "normal", "high")}),
    ("File Uploaded", 6, {"megabytes": (0.2, 1.4, 3.75, 18.0)}),
    ("Inspection Started", 5, {"method": ("scan", "manual")}),
    ("Inspection Finished", 4, {"minutes": (4, 11, 25), "defects": (0, 0, 0, 1, 3)}),
    ("Report Exported", 3, {"format": ("pdf", "xlsx")}),
    ("Milestone Reached", 2, {}),
    ("Invite Sent", 1, {"role": ("viewer", "editor")}),
)
_OF_AN_ASSET = {"Inspection Started", "Inspection Finished"}
_OF_A_PROJECT = {"Task Assigned", "Milestone Reached"}
_PAGES = ("Overview", "Documents", "Reports", "Settings", "Sign In")

# Sessions an enduser has on a usual day; makes about 20,000 calls in all.
_SESSIONS_PER_ENDUSER = 0.147


def calls(days: Days) -> Iterator[Call]:
    """The calls of all ordinary customers, and of visitors who never become one."""
    for customer in CUSTOMERS:
        crowd = people(customer)
        for days_ago in range(DAYS_OF_USAGE - 1, -1, -1):
            yield from _Day(customer, crowd, days, days_ago).calls()
    yield from _visitors(days)


class _Day:
    """One customer's day. Its own random numbers, so that no day depends on another."""

    def __init__(self, customer: Customer, crowd: list[Person], days: Days, days_ago: int) -> None:
        self.customer = customer
        self.crowd = crowd
        self.days = days
        self.days_ago = days_ago
        self.rng = random.Random(f"usage/{customer.key}/{days_ago}")  # noqa: S311
        self.count = 0

    def calls(self) -> Iterator[Call]:
        level = self.customer.level(self.days_ago)
        if level <= 0:
            return
        weekday = _WEEKDAYS[self.days.day(self.days_ago).weekday()]
        wanted = len(self.crowd) * _SESSIONS_PER_ENDUSER * level * weekday
        wanted *= self.rng.uniform(0.75, 1.25)
        sessions = int(wanted) + (self.rng.random() < wanted % 1)
        # The first of a company's people use the product most.
        weights = [1 / (2 + person.number) for person in self.crowd]
        for person in self.rng.choices(self.crowd, weights, k=sessions):
            yield from self._session(person)
        if self.customer.style in ("group", "properties"):
            yield self._snapshot()

    def _call(self, type_: str, at: datetime, **arguments: Any) -> Call:
        self.count += 1
        message_id = f"sample-{self.customer.key}-{self.days_ago}-{self.count}"
        return Call(type_, message_id, at, **arguments)

    def _session(self, person: Person) -> Iterator[Call]:
        hour = self.rng.choices(range(7, 18), _HOURS)[0]
        at = self.days.at(self.days_ago, f"{hour:02}:{self.rng.randrange(60):02}")
        platform = "ios" if person.is_mobile else "web"
        device = f"device-{person.user_id}"
        if self.rng.random() < 0.12:
            # Not signed in yet: whose page this is shows only from the identify after it.
            yield self._call("page", at, anonymous_id=device, name="Sign In")
            at += timedelta(seconds=self.rng.randrange(20, 90))
        # Addresses that Planhat knows must be told often enough to be learned early.
        if self.customer.style == "email" or self.rng.random() < 0.15:
            yield self._identify(person, at, device)
            at += timedelta(seconds=2)
        yield self._track(person, at, "Signed In", {"platform": platform})
        for _ in range(self.rng.randrange(1, 6)):
            at += timedelta(seconds=self.rng.randrange(20, 400))
            if self.rng.random() < 0.12:
                yield self._view(person, at)
            yield self._track(person, at, *self._event(platform))
            if self.rng.random() < 0.22:
                at += timedelta(seconds=15)
                yield self._track(person, at, "Heartbeat", {"platform": platform})

    def _event(self, platform: str) -> tuple[str, dict[str, Any]]:
        event, _, choices = self.rng.choices(_EVENTS, [often for _, often, _ in _EVENTS])[0]
        properties = {name: self.rng.choice(values) for name, values in choices.items()}
        if event in _OF_AN_ASSET and (known := assets(self.customer)):
            properties["asset_id"] = self.rng.choice(known)
        if event in _OF_A_PROJECT and (known := projects(self.customer)):
            properties["projectExternalId"] = self.rng.choice(known)
        return event, {**properties, "platform": platform}

    def _track(self, person: Person, at: datetime, event: str, properties: dict[str, Any]) -> Call:
        context: dict[str, Any] = {}
        if self.customer.style in ("group", "email"):
            context = {"groupId": self.customer.key}
        elif self.customer.style == "properties":
            properties = {**properties, "company_id": self.customer.key}
        return self._call(
            "track", at, user_id=self._user_id(person), event=event, properties=properties,
            context=context,
        )  # fmt: skip

    def _view(self, person: Person, at: datetime) -> Call:
        return self._call(
            "screen" if person.is_mobile else "page", at, user_id=self._user_id(person),
            name=self.rng.choice(_PAGES[:-1]),
        )  # fmt: skip

    def _identify(self, person: Person, at: datetime, device: str) -> Call:
        traits = {
            "email": person.email,
            "name": f"{person.first_name} {person.last_name}",
            "title": person.position,
            "company_id": self.customer.key,
        }
        return self._call(
            "identify", at, user_id=self._user_id(person), anonymous_id=device, traits=traits
        )

    def _user_id(self, person: Person) -> str:
        # What the product calls its users; of the style "email" Planhat knows addresses only.
        return f"auth0|{person.user_id}" if self.customer.style == "email" else person.user_id

    def _snapshot(self) -> Call:
        level = self.customer.level(self.days_ago)
        return self._call(
            "group", self.days.at(self.days_ago, "22:30"), user_id="nightly-job",
            group_id=self.customer.key,
            traits={
                "api_calls": int(900 * level * self.rng.uniform(0.7, 1.3)),
                "seats_used": max(1, round(len(self.crowd) * min(level, 1.0))),
                "storage_gb": round(4 + (DAYS_OF_USAGE - self.days_ago) * 0.11, 2),
                "open_tickets": self.rng.randrange(6),
                "plan": "Premium" if self.customer.endusers > 12 else "Standard",
            },
        )  # fmt: skip


def _visitors(days: Days) -> Iterator[Call]:
    """Visitors of the website who never sign in, and trials whose company nobody knows yet."""
    rng = random.Random("usage/visitors")  # noqa: S311
    for days_ago in range(DAYS_OF_USAGE - 1, -1, -1):
        for number in range(rng.randrange(1, 4)):
            yield Call(
                "page", f"sample-visitor-{days_ago}-{number + 1}",
                days.at(days_ago, f"{rng.randrange(8, 20):02}:{rng.randrange(60):02}"),
                anonymous_id=f"visitor-{days_ago}-{number + 1}",
                name=rng.choice(("Home", "Pricing", "Customers", "Docs")),
            )  # fmt: skip
    for days_ago in range(24, -1, -1):
        for number in range(rng.randrange(1, 5)):
            trial = rng.choice(("trial-kestrel", "trial-osprey", "trial-heron"))
            yield Call(
                "track", f"sample-trial-{days_ago}-{number + 1}",
                days.at(days_ago, f"{rng.randrange(8, 18):02}:{rng.randrange(60):02}"),
                user_id=f"{trial}-owner", event=rng.choice(("Signed In", "Document Opened")),
                context={"groupId": trial},
            )  # fmt: skip
