"""The sample's other objects: what was sold, said and done, in Planhat's shapes and odd names."""

import random
from collections.abc import Callable, Iterator
from typing import Any

from include.sample.accounts import TEAM, Account, accounts, mrr, owner
from include.sample.base_date import FIELD, WORKSPACE_ID
from include.sample.customers import CUSTOMERS, assets, projects
from include.sample.days import Days
from include.sample.identifiers import planhat_id

Fields = dict[str, Any]

_EURO = {
    "_id": planhat_id("currency", "EUR"), "symbol": "EUR", "rate": 1, "isBase": True,
    "overrides": {},
}  # fmt: skip
_CUSTOMER_OF = {customer.company_id: customer for customer in CUSTOMERS}


def others(days: Days) -> dict[str, list[Fields]]:
    """Every object but companies and endusers, by model."""
    found: dict[str, list[Fields]] = {
        "user": list(_users()),
        "workspace": [_workspace(days)],
        "campaign": list(_campaigns(days)),
        "issue": list(_issues(days)),
    }
    for number, account in enumerate(accounts()):
        rng = random.Random(f"objects/{account.id}")  # noqa: S311
        for model, write in _PER_ACCOUNT.items():
            found.setdefault(model, []).extend(write(account, number, days, rng))
    return found


def _id(model: str, account: Account, number: int) -> str:
    return planhat_id(model, f"{account.id}/{number}")


def _users() -> Iterator[Fields]:
    for key, first, last, roles, inactive in TEAM:
        yield {
            "_id": planhat_id("user", key), "email": f"{first}.{last}@vendor.example".lower(),
            "nickName": first, "firstName": first, "lastName": last, "roles": roles,
            "externalId": f"staff-{key}", "inactive": inactive,
        }  # fmt: skip


def _workspace(days: Days) -> Fields:
    return {
        "_id": WORKSPACE_ID, "name": "Sample customer base",
        "custom": {FIELD: days.base.isoformat()},
    }  # fmt: skip


def _campaigns(days: Days) -> Iterator[Fields]:
    chosen = accounts()[:6]
    for number, (name, account) in enumerate(
        zip(("Winter Onboarding", "Mobile Launch", "Renewal Outreach") * 2, chosen, strict=True)
    ):
        yield {
            "_id": planhat_id("campaign", str(number)), "companyId": account.id, "name": name,
            "status": ("Running", "Done")[number % 2], "startDate": days.iso(60 - 9 * number),
            "custom": {"Channels": ["Email", "In-app"][: 1 + number % 2]},
        }  # fmt: skip


def _issues(days: Days) -> Iterator[Fields]:
    every = accounts()
    titles = (
        "Export fails for long reports", "Offline mode on tablets", "Search misses new documents",
        "Single sign-on with two domains", "Slow dashboard on Mondays", "Wrong time zone in mails",
        "Bulk upload of drawings", "Checklist templates per site",
    )  # fmt: skip
    for number, title in enumerate(titles):
        rng = random.Random(f"issue/{number}")  # noqa: S311
        about = rng.sample(every[:27], 1 + number % 4)
        yield {
            "_id": planhat_id("issue", str(number)),
            "title": title,
            "companyIds": [account.id for account in about],
            "enduserIds": [account.endusers[0][0] for account in about],
            "sourceId": f"JIRA-{310 + number}",
            "priority": rng.choice(("Low", "Medium", "High")),
            "status": rng.choice(("Open", "In Progress", "Closed")),
            "mrrCombined": round(sum(mrr(account) for account in about), 2),
            "createdAt": days.iso(80 - 7 * number, "11:20"),
            "updatedAt": days.iso(20 - 2 * number, "16:45"),
        }


_Random = random.Random


def _assets(account: Account, number: int, days: Days, rng: _Random) -> Iterator[Fields]:
    customer = _CUSTOMER_OF.get(account.id)
    for at, external_id in enumerate(assets(customer) if customer else ()):
        yield {
            "_id": _id("asset", account, at), "companyId": account.id,
            "name": f"{account.country} Unit {at + 1}", "externalId": external_id,
            "sourceId": f"erp-{number}-{at}", "serialNumber": f"SN{rng.randrange(10**7):07}",
            "value": rng.choice((1200, 4800.5, 15000)), "_currency": "EUR",
            "installDate": days.iso(rng.randrange(100, 700)),
            "status": rng.choice(("In Use", "In Use", "In Service")), "ownerId": owner(number),
            "custom": {"Site Name": f"Site {at + 1}", "Modules": ["Scan", "Report"][: 1 + at % 2]},
        }  # fmt: skip


def _projects(account: Account, number: int, days: Days, rng: _Random) -> Iterator[Fields]:
    customer = _CUSTOMER_OF.get(account.id)
    for at, external_id in enumerate(projects(customer) if customer else ()):
        value = round(mrr(account) / 4, 2)
        yield {
            "_id": _id("project", account, at), "companyId": account.id,
            "name": ("Rollout", "Paperless Sites", "Audit Year")[at % 3],
            "externalId": external_id, "sourceId": f"prj-{number}-{at}", "currency": "EUR",
            "startDate": days.iso(rng.randrange(40, 200)), "endDate": days.iso(-30 * (at + 1)),
            "mrr": value, "arr": round(value * 12, 2), "nrr": 500 * at,
            "custom": {"Sponsor Role": "COO", "Go-Live Confirmed": at % 2 == 0},
        }  # fmt: skip


def _licenses(account: Account, number: int, days: Days, rng: _Random) -> Iterator[Fields]:
    began = 25 if account.course == "new" else rng.randrange(200, 340)
    lost = account.course == "churned"
    for at, product in enumerate(("Platform", "Mobile")[: 1 + number % 2]):
        value = round(mrr(account) * (0.8, 0.2)[at], 2)
        yield {
            "_id": _id("license", account, at), "companyId": account.id, "_currency": _EURO,
            "fromDate": days.iso(began), "toDate": days.iso(began - 365), "product": product,
            "externalId": f"sub-{number:03}-{at}", "sourceId": f"billing-{5000 + 2 * number + at}",
            "fixedPeriod": True, "mrr": 0 if lost else value, "value": round(value * 12, 2),
            "renewalStatus": "lost" if lost else ("renewed" if at else "ongoing"),
            "autoRenews": number % 3 != 0, "renewalPeriod": 12, "noticePeriod": 3,
            "renewalDaysFromNow": 365 - began, "updatedAt": days.iso(0, "03:10"),
            "custom": {"Price Book": "2026", "Discounts": ["Volume"] if number % 4 == 0 else []},
        }  # fmt: skip


def _sales(account: Account, number: int, days: Days, rng: _Random) -> Iterator[Fields]:
    for at in range(1 + number % 2):
        yield {
            "_id": _id("sale", account, at), "companyId": account.id, "_currency": "EUR",
            "salesDate": days.iso(rng.randrange(3, 300)),
            "value": rng.choice((950, 2400.75, 7800)),
            "product": rng.choice(("Training", "Scanner Kit", "Workshop")),
            "externalId": f"order-{number:03}-{at}", "sourceId": f"shop-{700 + 2 * number + at}",
            "custom": {"Delivered By": "Partner" if at else "Vendor"},
        }  # fmt: skip


def _invoices(account: Account, number: int, days: Days, rng: _Random) -> Iterator[Fields]:
    if account.course == "new":
        return
    for at in range(4):
        sent = 30 * at + 5
        paid = None if at == 0 else days.number(sent - rng.randrange(5, 29))
        status = "paid" if paid else "overdue" if account.course == "shrinking" else "pending"
        yield {
            "_id": _id("invoice", account, at), "cId": account.id, "cName": account.name,
            "extId": f"inv-{number:03}-{at}", "sourceId": f"billing-inv-{100 * number + at}",
            "currency": "EUR", "invoiceDate": days.number(sent), "dueDate": days.number(sent - 30),
            "paidDate": paid, "invoiceNo": f"{26_000 + 10 * number + at:06}",
            "amountTotal": round(mrr(account) * 1.25, 2), "status": status,
        }  # fmt: skip


def _opportunities(account: Account, number: int, days: Days, rng: _Random) -> Iterator[Fields]:
    if number % 3 == 2:
        return
    status = ("active", "won", "lost")[number % 5 % 3]
    value = round(mrr(account) * 0.4, 2)
    yield {
        "_id": _id("opportunity", account, 0), "companyId": account.id,
        "title": f"{account.name}: more sites", "salesStage": rng.choice(("Demo", "Offer")),
        "dealDate": days.iso(rng.randrange(10, 80)),
        "closeDate": None if status == "active" else days.iso(rng.randrange(1, 9)),
        "externalId": f"deal-{number:03}", "sourceId": f"crm-deal-{number}", "_currency": "EUR",
        "ownerId": owner(number), "mrr": value, "arr": round(value * 12, 2), "nrr": 0,
        "contractLength": rng.choice((12, 24, 36)), "status": status,
        "custom": {
            "Forecast Category": rng.choice(("Commit", "Best Case")),
            "Competitors": ["Pen & Paper", "Spreadsheets"][: number % 3],
            "Discount Percent": rng.choice((0, 5, 12.5)),
        },
    }  # fmt: skip


def _churns(account: Account, number: int, days: Days, rng: _Random) -> Iterator[Fields]:
    if account.course not in ("churned", "shrinking"):
        return
    lost = account.course == "churned"
    yield {
        "_id": _id("churn", account, 0), "companyId": account.id, "isChurn": lost,
        "churnReason": rng.choice(("Price", "Missing Feature", "Acquired")) if lost else "Fewer "
        "seats", "externalId": f"churn-{number:03}", "createDate": days.iso(rng.randrange(5, 40)),
    }  # fmt: skip


def _nps(account: Account, number: int, days: Days, rng: _Random) -> Iterator[Fields]:
    middle = {"growing": 9, "shrinking": 5, "churned": 3}.get(account.course, 8)
    for at, (enduser, email) in enumerate(account.endusers[:3]):
        score = max(0, min(10, middle + rng.randrange(-2, 3)))
        yield {
            "_id": _id("nps", account, at), "cId": account.id, "email": email, "euId": enduser,
            "campaignId": planhat_id("campaign", str(at)), "score": score,
            "comment": None if at else f"“{'Great' if score > 8 else 'Fine'}”, said on site",
            "sourceId": f"survey-{number}-{at}", "dateSent": days.iso(50 - at, "07:00"),
            "dateAnswered": days.iso(48 - at, "13:37"),
        }  # fmt: skip


def _conversations(account: Account, number: int, days: Days, rng: _Random) -> Iterator[Fields]:
    subjects = (
        ("email", "Question about offline mode"), ("call", "Quarterly review"),
        ("note", "Champion is leaving in spring"),
    )  # fmt: skip
    for at, (kind, subject) in enumerate(subjects):
        yield {
            "_id": _id("conversation", account, at), "companyId": account.id, "subject": subject,
            "type": kind, "date": days.iso(rng.randrange(2, 80), "14:05"),
            "users": [{"id": owner(number), "isOwner": True}],
            "endusers": [{"id": enduser} for enduser, _ in account.endusers[:at]],
            "externalId": f"conv-{number:03}-{at}", "activityTags": [kind.title()] if at else [],
            "archived": number % 9 == 8,
            "custom": {"Mood": rng.choice(("Good", "Neutral", "Tense"))},
        }  # fmt: skip


def _tasks(account: Account, number: int, days: Days, rng: _Random) -> Iterator[Fields]:
    for at, main_type in enumerate(("task", "event")[: 1 + number % 2]):
        start = rng.randrange(-20, 30)
        yield {
            "_id": _id("task", account, at), "mainType": main_type, "companyId": account.id,
            "action": ("Prepare renewal", "On-site workshop")[at],
            "startTime": days.iso(start, "09:00"), "endTime": days.iso(start, "10:30"),
            "dateDone": days.iso(start - 1, "10:30") if start > 5 else None,
            "type": ("to-do", "meeting")[at], "ownerId": owner(number),
            "status": "done" if start > 5 else "open",
        }  # fmt: skip


def _tickets(account: Account, number: int, days: Days, rng: _Random) -> Iterator[Fields]:
    for at, (_, email) in enumerate(account.endusers[: number % 4]):
        yield {
            "_id": _id("ticket", account, at), "companyId": account.id,
            "sourceId": f"desk-{9000 + 10 * number + at}", "email": email,
            "title": rng.choice(("Cannot sign in", "Report is empty", "Sync takes long")),
            "type": rng.choice(("Question", "Problem")), "severity": rng.choice(("low", "high")),
            "product": "Platform", "status": rng.choice(("open", "pending", "solved")),
            "timeSpent": rng.randrange(3, 90),
        }  # fmt: skip


def _objectives(account: Account, number: int, days: Days, rng: _Random) -> Iterator[Fields]:
    yield {
        "_id": _id("objective", account, 0), "companyId": account.id,
        "name": rng.choice(("Fewer paper forms", "Faster inspections", "One system per site")),
        "health": rng.randrange(2, 10), "sourceId": f"goal-{number}",
        "custom": {"Target Date": days.day(-90).isoformat(), "Measures": ["Adoption"]},
    }  # fmt: skip


_PER_ACCOUNT: dict[str, Callable[[Account, int, Days, _Random], Iterator[Fields]]] = {
    "asset": _assets,
    "project": _projects,
    "license": _licenses,
    "sale": _sales,
    "invoice": _invoices,
    "opportunity": _opportunities,
    "churn": _churns,
    "nps": _nps,
    "conversation": _conversations,
    "task": _tasks,
    "ticket": _tickets,
    "objective": _objectives,
}
