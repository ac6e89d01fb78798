"""Cases of §3.8: numbers of a company, in group calls."""

from collections.abc import Iterator
from typing import Any

from include.sample.cases.story import Case, Metric, Outcome, Story, company_id, external_id
from include.sample.days import Days


def cases(days: Days) -> Iterator[Case]:
    """Every case of this rule."""
    for write in (_sums_and_lasts, _bad_values, _undeclared):
        yield write(days)


def _grouped() -> Outcome:
    return Outcome(
        company_id("quay"), matched_by="group", company_matched_by="company_key", counted=False,
        unsaid=frozenset({"enduser"}),
    )  # fmt: skip


def _group(story: Story, days_ago: int, clock: str, traits: dict[str, Any], **more: Any) -> None:
    story.call(
        "group", days_ago, clock, _grouped(), user_id="nightly-job",
        group_id=external_id("quay"), traits=traits, **more,
    )  # fmt: skip


def _sums_and_lasts(days: Days) -> Case:
    story = Story(
        days, "sums-and-lasts", "3.8",
        "Occurrences are added up within a day, of snapshots the last of the day counts, by when "
        "it was taken and not by when it arrived.",
    )  # fmt: skip
    _group(story, 12, "08:00", {"api_calls": 100, "seats_used": 10, "storage_gb": 1.5})
    _group(story, 12, "12:00", {"api_calls": 40, "seats_used": 12})
    _group(story, 12, "18:00", {"api_calls": 0.5, "seats_used": 11, "storage_gb": 2.25})
    _group(story, 12, "15:00", {"api_calls": 9, "seats_used": 99}, is_late=True)
    _group(story, 11, "08:00", {"api_calls": 7, "seats_used": 0})
    company = company_id("quay")
    story.expect(
        "metrics",
        Metric(company, "api_calls", days.day(12), 149.5, "SUM"),
        Metric(company, "seats_used", days.day(12), 11, "LAST"),
        Metric(company, "storage_gb", days.day(12), 2.25, "LAST"),
        Metric(company, "api_calls", days.day(11), 7, "SUM"),
        Metric(company, "seats_used", days.day(11), 0, "LAST"),
    )
    return story.case()


def _bad_values(days: Days) -> Case:
    story = Story(
        days, "bad-metric-values", "3.8",
        "Values of a declared metric that are no JSON numbers are rejected, each with its reason; "
        "the good ones of the same call count.",
    )  # fmt: skip
    for hour, value in enumerate(("12", "twelve", "NaN", True, [12], {"value": 12}), 8):
        _group(story, 10, f"{hour:02}:00", {"seats_used": value, "api_calls": 1})
    company = company_id("quay")
    story.expect("metrics", Metric(company, "api_calls", days.day(10), 6, "SUM"))
    story.expect("rejections", (company, "seats_used", 6))
    return story.case()


def _undeclared(days: Days) -> Case:
    story = Story(
        days, "undeclared-metric", "3.8",
        "A numeric trait that nobody declared is listed as a candidate with how often it was seen; "
        "text is none.",
    )  # fmt: skip
    for hour in (8, 10, 12):
        _group(
            story, 9, f"{hour:02}:00",
            {"batches_scanned": hour, "plan_name": "Premium", "industry": "Insurance"},
        )  # fmt: skip
    story.expect("candidates", ("batches_scanned", 3))
    return story.case()
