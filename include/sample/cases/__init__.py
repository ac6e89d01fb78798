"""Every difficult case of the rules: a sentence, Planhat objects, calls, and what must come out.

Rule numbers are those of `docs/identity.md`. The outcomes were derived from the rules, not from
the models that implement them: a test compares the two.
"""

from include.sample.cases import (
    anonymous,
    companies,
    endusers,
    keys,
    metrics,
    outcomes,
    times,
)
from include.sample.cases.story import (
    COMPANIES,
    GONE_COMPANIES,
    Case,
    Created,
    Metric,
    Outcome,
    Person,
    Step,
    Switch,
    company_id,
    external_id,
)
from include.sample.days import Days

__all__ = [
    "COMPANIES", "GONE_COMPANIES", "Case", "Created", "Days", "Metric", "Outcome", "Person",
    "Step", "Switch", "all_cases", "company_id", "external_id", "live_cases",
]  # fmt: skip


def all_cases(days: Days) -> list[Case]:
    """Every case, also those that can only be shown with a chosen `received_at`."""
    groups = (keys, anonymous, companies, endusers, outcomes, times, metrics)
    return [case for group in groups for case in group.cases(days)]


def live_cases(days: Days) -> list[Case]:
    """The cases that the sample exports and sends."""
    return [case for case in all_cases(days) if not case.needs_history]
