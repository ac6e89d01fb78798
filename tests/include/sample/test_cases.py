from collections import Counter
from datetime import date, timedelta

import pytest

from include.planhat.check import Found, check
from include.planhat.models import BY_NAME
from include.sample.calls import RawCall, messages
from include.sample.cases import Case, Created, Days, all_cases, live_cases

DAYS = Days(date(2026, 3, 14))
CASES = all_cases(DAYS)
STEPS = [(case, step) for case in CASES for step in case.steps]

# The rules of identity, usage, metrics, time and sections.
RULES = [f"3.{number}" for number in range(1, 14)]

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@pytest.mark.parametrize("rule", [*RULES, "3.3(1)", "3.3(2)", "3.3(3)", "3.3(4)"])
def test_every_rule_has_a_case(rule: str):
    assert [case.name for case in CASES if rule in case.rules]


def test_every_reason_has_a_case_that_can_be_delivered_or_needs_history():
    seen = {step.outcome.reason for _, step in STEPS if step.outcome} - {None}
    assert seen == {
        "suppressed", "unsupported_type", "section_off", "blocked_identity", "no_identity",
        "unknown_company", "ambiguous_enduser", "no_company", "deleted_enduser",
        "unknown_enduser", "receipt",
    }  # fmt: skip
    live = {step.outcome.reason for case in live_cases(DAYS) for step in case.steps if step.outcome}
    assert seen - live == {"section_off"}


def test_every_way_to_match_an_enduser_and_a_company_has_a_case():
    assert {step.outcome.matched_by for _, step in STEPS if step.outcome} - {None} == {
        "external_id", "user_email", "created_user", "email", "created_user_email", "email_of_user",
        "created_email", "group",
    }  # fmt: skip
    assert {step.outcome.company_matched_by for _, step in STEPS if step.outcome} - {None} == {
        "company_key", "user_id", "user_nearest_call", "email", "email_primary",
    }  # fmt: skip


def test_each_case_has_a_name_of_its_own_and_says_what_it_is():
    assert len({case.name for case in CASES}) == len(CASES)
    for case in CASES:
        assert case.sentence.endswith(".")
        assert case.rules
        assert case.steps


@each_case
def test_an_outcome_is_either_resolved_or_has_a_reason(case: Case):
    for step in case.steps:
        if (outcome := step.outcome) is None:
            continue
        assert (outcome.matched_by is None) == (outcome.reason is not None)
        if outcome.reason is not None:
            assert outcome.enduser is None
            assert not outcome.counted
        elif outcome.matched_by != "group":
            assert outcome.enduser is not None
        assert (outcome.company_id is None) == (outcome.company_matched_by is None)
        assert isinstance(outcome.enduser, Created) == str(outcome.matched_by).startswith("created")


@each_case
def test_planhats_objects_of_a_case_are_ones_that_the_reader_takes(case: Case):
    for model, fields in (*case.objects, *case.gone):
        row = check(BY_NAME[model], Found("case", 1, "", fields=fields))
        assert row.problem is None, row.problem


@each_case
def test_endusers_expected_of_planhat_are_in_planhat(case: Case):
    known = {fields["_id"]: fields for model, fields in case.objects if model == "enduser"}
    for step in case.steps:
        if step.outcome and isinstance(step.outcome.enduser, str):
            assert known[step.outcome.enduser]["companyId"] == step.outcome.company_id


def test_no_identity_is_shared_by_two_cases():
    owners: dict[str, set[str]] = {}
    for case in CASES:
        for message in messages([step.call for step in case.steps]):
            names = [message.get(n) for n in ("userId", "user_id", "anonymousId", "anonymous_id")]
            places = [message.get("traits"), message.get("properties")]
            places += [(message.get("context") or {}).get("traits")]
            for place in places:
                if isinstance(place, dict):
                    names += [place.get("id"), place.get("email")]
            for name in filter(None, map(str, filter(None, names))):
                owners.setdefault(name.strip().casefold(), set()).add(case.name)
    shared = {name for name, cases in owners.items() if len(cases) > 1}
    blocked = {
        "0", "0000-0000", "-1", "null", "undefined", "anonymous", "kiosk",
        "00000000-0000-0000-0000-000000000000",
    }  # fmt: skip
    # The nightly job sends the numbers of one company.
    assert shared - blocked <= {"nightly-job", ""}


def test_message_ids_are_unique_short_and_only_the_receipts_has_our_prefix():
    ids = Counter(step.call.message_id for _, step in STEPS)
    assert {name for name, count in ids.items() if count > 1} == {"sample-case-once-1"}
    assert all(len(name) <= 100 for name in ids)
    assert {name for name in ids if name.startswith("planhat-")} == {
        "planhat-sample-case-receipt-1"
    }


def test_only_cases_with_history_choose_when_a_call_was_received():
    for case, step in STEPS:
        assert (step.received_at is not None) == case.needs_history, case.name
    assert {case.name for case in CASES if case.needs_history} == {
        "auto-create-switched-off", "section-off", "clocks", "expired-link", "bots",
    }  # fmt: skip


def test_calls_of_a_live_case_lie_in_the_window_and_apart_from_midnight():
    for case in live_cases(DAYS):
        for step in case.steps:
            assert DAYS.base - timedelta(days=60) <= step.call.at.date() <= DAYS.base
            assert 7 <= step.call.at.hour < 22, case.name


def test_what_the_library_builds_is_what_was_meant():
    sent = messages([step.call for _, step in STEPS])
    for (_, step), message in zip(STEPS, sent, strict=True):
        assert message["messageId"] == step.call.message_id
        if isinstance(step.call, RawCall):
            assert message == step.call.body
        else:
            assert message["type"] == step.call.type
            assert message["timestamp"].startswith(step.call.at.isoformat()[:16])


def test_a_case_is_the_same_every_time():
    assert all_cases(DAYS) == CASES
