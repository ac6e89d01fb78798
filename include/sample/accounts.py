"""The sample's companies and endusers, in Planhat's shapes."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from include.sample import known
from include.sample.cases import COMPANIES, GONE_COMPANIES, company_id
from include.sample.customers import CUSTOMERS, Customer, enduser_id, people
from include.sample.days import Days
from include.sample.identifiers import planhat_id

Fields = dict[str, Any]


@dataclass(frozen=True)
class Account:
    """A company with what its other objects need to know of it."""

    id: str
    name: str
    external_id: str | None
    domain: str
    country: str
    # steady, growing, shrinking, churned, new, seasonal
    course: str
    # (_id, email) of its endusers
    endusers: tuple[tuple[str, str], ...] = ()


# Team members in Planhat: (key, first name, last name, roles, inactive).
TEAM = (
    ("csm-1", "Alva", "Lind", ["CSM"], False),
    ("csm-2", "Bruno", "Keller", ["CSM"], False),
    ("csm-3", "Cecilia", "Marek", ["CSM", "Renewals"], False),
    ("lead", "Dario", "Conti", ["Team Lead", "Admin"], False),
    ("support", "Elena", "Brandt", ["Support"], False),
    ("former", "Filip", "Nyberg", ["CSM"], True),
)


def owner(number: int) -> str:
    """The `_id` of the team member who owns the account of this number."""
    return planhat_id("user", TEAM[number % 3][0])


def accounts() -> list[Account]:
    """Every company of the sample but those that Planhat has no more."""
    found = [_of_customer(customer) for customer in CUSTOMERS]
    courses = ("growing", "shrinking", "steady", "churned", "new", "shrinking", "growing", "new")
    for each, course in zip(known.KNOWN, courses, strict=True):
        endusers = tuple(
            (planhat_id("enduser", known.user_id(each, at)), f"user{at + 1}@{each.key}.example")
            for at in range(each.endusers)
        )
        found.append(
            Account(
                each.company_id, each.name, each.key, f"{each.key}.example", "Sweden", course,
                endusers,
            )
        )  # fmt: skip
    for key, (name, external_id) in COMPANIES.items():
        found.append(
            Account(company_id(key), name, external_id, f"{key}.example", "Sweden", "steady")
        )
    return found


def _of_customer(customer: Customer) -> Account:
    endusers = tuple(
        (enduser_id(customer, person), person.email)
        for person in people(customer)
        if person.in_planhat
    )
    return Account(
        customer.company_id, customer.name, customer.key, customer.domain, customer.country,
        customer.course, endusers,
    )  # fmt: skip


def companies(days: Days) -> Iterator[Fields]:
    """Company objects."""
    for number, account in enumerate(accounts()):
        yield company(account, number, days)


def gone_companies(days: Days) -> Iterator[Fields]:
    """Companies that Planhat had at an earlier read."""
    for key, (name, external_id) in GONE_COMPANIES.items():
        account = Account(company_id(key), name, external_id, f"{key}.example", "Sweden", "churned")
        yield company(account, 99, days)


_PHASES = {
    "steady": "Adoption", "growing": "Expansion", "shrinking": "At Risk", "churned": "Offboarding",
    "new": "Onboarding", "seasonal": "Adoption",
}  # fmt: skip
_HEALTH = {
    "steady": 7, "growing": 9, "shrinking": 4, "churned": 1, "new": 6, "seasonal": 6,
}  # fmt: skip


def mrr(account: Account) -> float:
    """Monthly recurring revenue: what its people pay for, to the cent."""
    rng = random.Random(f"mrr/{account.id}")  # noqa: S311
    return round((10 + len(account.endusers)) * rng.choice((29.5, 35, 42.25, 55)), 2)


def company(account: Account, number: int, days: Days) -> Fields:
    """One company object."""
    rng = random.Random(f"company/{account.id}")  # noqa: S311
    is_lost = account.course == "churned"
    since = rng.randrange(20, 30) if account.course == "new" else rng.randrange(300, 1500)
    monthly = 0 if is_lost else mrr(account)
    fields: Fields = {
        "_id": account.id,
        "name": account.name,
        "externalId": account.external_id,
        "sourceId": f"crm-{1000 + number}",
        "owner": owner(number),
        "coOwner": owner(number + 1) if number % 4 == 0 else None,
        "phase": _PHASES[account.course],
        "status": ("lost" if number % 2 else "canceled") if is_lost else "customer",
        "domains": [account.domain],
        "h": _HEALTH[account.course],
        "csmScore": max(1, min(5, _HEALTH[account.course] // 2 + rng.randrange(2))),
        "customerFrom": days.iso(since),
        "customerTo": days.iso(30) if is_lost else None,
        "renewalDate": None if is_lost else days.iso(-rng.randrange(15, 350)),
        "mrr": monthly,
        "mrrTotal": round(monthly * 1.0, 2),
        "nrr30": 0 if is_lost else rng.choice((0, 0, 250, 1200.5)),
        "lastTouch": days.iso(rng.randrange(1, 40), "10:30"),
        "tags": rng.sample(["Reference", "Pilot", "Strategic", "Multi-site"], number % 3),
        "country": account.country,
        "createdAt": days.iso(since + 60, "08:15"),
        "updatedAt": days.iso(0, "03:10"),
        "custom": {
            "Renewal Risk": {"shrinking": "High", "churned": "Lost"}.get(account.course, "Low"),
            "Regions": rng.sample(["EMEA", "Americas", "APAC"], 1 + number % 2),
            "Seats Purchased": 5 * (2 + len(account.endusers) // 5),
            "Is Reference": number % 6 == 0,
            "Signed On": days.day(since + 20).isoformat(),
            "Average Deal Size (€)": round(monthly * 12 / 1.1, 2),
        },
    }
    if account.external_id is None:
        del fields["externalId"]
    return fields


def endusers(days: Days) -> Iterator[Fields]:
    """Enduser objects of ordinary and known customers; the cases bring their own."""
    for customer in CUSTOMERS:
        for person in people(customer):
            if not person.in_planhat:
                continue
            fields: Fields = {
                "_id": enduser_id(customer, person),
                "companyId": customer.company_id,
                "companyName": customer.name,
                "email": person.email,
                "firstName": person.first_name,
                "lastName": person.last_name,
                "name": f"{person.first_name} {person.last_name}",
                "sourceId": f"crm-{person.user_id}",
                "position": person.position,
                "phone": f"+46 8 5550 {person.number:04}" if person.number % 3 == 0 else None,
                "tags": ["Champion"] if person.number == 0 else [],
                "featured": person.number < 2,
                "primary": person.number == 0,
                "archived": False,
                "createdAt": days.iso(200, "09:00"),
                "updatedAt": days.iso(0, "03:10"),
                "custom": {
                    "Preferred Language": ("English", "Swedish", "German")[person.number % 3],
                    "Newsletters": ["Product", "Events"][: person.number % 3],
                },
            }
            if customer.style != "email":
                fields["externalId"] = person.user_id
            yield fields
    for each in known.KNOWN:
        for number in range(each.endusers):
            yield {
                "_id": planhat_id("enduser", known.user_id(each, number)),
                "companyId": each.company_id,
                "companyName": each.name,
                "email": f"user{number + 1}@{each.key}.example",
                "name": f"User {number + 1}",
                "externalId": known.user_id(each, number),
                "position": "Planner",
                "tags": [],
                "featured": False,
                "primary": number == 0,
                "archived": False,
                "updatedAt": days.iso(0, "03:10"),
                "custom": {},
            }
