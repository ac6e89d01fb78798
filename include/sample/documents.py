"""The sample's Planhat objects, as documents that Planhat has: now, and at an earlier read."""

from datetime import date
from typing import Any

from include.planhat.models import MODELS
from include.sample import accounts
from include.sample.cases import live_cases
from include.sample.days import Days
from include.sample.objects import others

Fields = dict[str, Any]


def objects(base_date: date) -> dict[str, list[Fields]]:
    """Every Planhat object of the sample by model, all eighteen of them, sorted by `_id`."""
    days = Days(base_date)
    found = others(days)
    found["company"] = list(accounts.companies(days))
    found["enduser"] = list(accounts.endusers(days))
    for case in live_cases(days):
        for model, fields in case.objects:
            found[model].append(fields)
    return {model.name: sorted(found[model.name], key=lambda each: each["_id"]) for model in MODELS}


def gone_objects(base_date: date) -> dict[str, list[Fields]]:
    """Companies and endusers that Planhat had at an earlier read and has no more, by model."""
    days = Days(base_date)
    found: dict[str, list[Fields]] = {
        "company": list(accounts.gone_companies(days)),
        "enduser": [],
    }
    for case in live_cases(days):
        for model, fields in case.gone:
            found[model].append(fields)
    return found


def earlier_objects(base_date: date) -> dict[str, list[Fields]]:
    """Companies and endusers as an earlier read found them, those since deleted included."""
    now, gone = objects(base_date), gone_objects(base_date)
    then = {
        (model, fields["_id"]): fields
        for case in live_cases(Days(base_date))
        for model, fields in case.earlier
    }
    return {
        model: [
            *({**each, **then.get((model, each["_id"]), {})} for each in now[model]),
            *gone[model],
        ]
        for model in gone
    }
