"""What a try says is what would be: the same rows, moves and pushes as after the build."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import psycopg
import pytest

from include.push.alongside import plan_alongside
from include.settings import Settings
from include.trying.report import NOTHING, markdown
from tests.include.trying.conftest import Seen, read_all, read_models
from tests.parts import usually

IDENTITY = "models/intermediate/identity"
KEYSET_ENDUSERS = f"{IDENTITY}/int_identity__keyset_endusers.sql"


@dataclass(frozen=True)
class Case:
    """An edit (file, old, new) and a setting, as it is tried and as somebody would make it."""

    edits: tuple[tuple[str, str, str], ...] = ()
    setting: str = ""
    made: str = ""


CASES = {
    "a rule of identity": Case(
        edits=(
            (
                KEYSET_ENDUSERS,
                "when reason is not null then reason",
                "when user_id like '%company%' then 'unknown_enduser'\n"
                "            when reason is not null then reason",
            ),
            (
                KEYSET_ENDUSERS,
                "case when not is_deleted and is_excluded is not true then person_id end",
                "case when not is_deleted and is_excluded is not true"
                " and (user_id not like '%company%') is not false then person_id end",
            ),
        )
    ),
    "a pushed column, and a measure": Case(
        edits=(
            ("models/planhat/company.sql", "companies.name,", "upper(companies.name) as name,"),
            (
                "models/intermediate/usage/int_usage__object_windows.sql",
                "sum(activities)::bigint as activities_total",
                "sum(activities)::bigint * 2 as activities_total",
            ),
        )
    ),
    "somebody blocked, and health": Case(
        setting=(
            "sync.blocked_identities + {email}; sync.thresholds health_weight_breadth=2;"
            " sync.usage_events Checklist Completed=3"
        ),
        made=(
            "insert into sync.blocked_identities (value) values ('{email}');"
            "update sync.thresholds set value = 2 where threshold = 'health_weight_breadth';"
            "insert into sync.usage_events (type, event, weight)"
            " values ('track', 'Checklist Completed', 3)"
        ),
    ),
}
MORE = {
    "a key's name": Case(
        setting="sync.key_names - company=properties.company_id",
        made="delete from sync.key_names where path = 'properties.company_id'",
    ),
}


@pytest.mark.usefixtures("tables_alone")
@pytest.mark.parametrize("name", usually(list(CASES), [*CASES, *MORE]))
def test_a_try_says_what_a_build_would_make(
    name: str, truth: str, settings: Settings, edit, trying_in: Callable[..., Seen], build_it
):
    case = {**CASES, **MORE}[name]
    email = _somebody(truth)
    before, everything = read_models(truth), read_all(truth)
    plans = _plans(truth, settings)
    for one in case.edits:
        edit(*one)
    wanted = (case.setting.format(email=email),) if case.setting else ()

    # as a pull request's workflow asks
    seen = trying_in(settings=wanted, since="HEAD" if case.edits else "")

    # nothing of the truth was touched, and nothing is left
    assert read_all(truth) == everything
    if case.made:
        with psycopg.connect(truth) as connection:
            connection.execute(case.made.format(email=email).encode())
    build_it()
    after = read_models(truth)
    assert after != before
    # every relation of the try is what the build makes
    assert {
        name
        for name in after
        # who set it, and when, is another
        if not name.startswith("staging.stg_settings") and after[name] != seen.relations.get(name)
    } == set()

    # and so is what it says of them
    found = seen.found
    assert found.exit_code == 2
    assert "The next push would say" in markdown(found)
    said = {each.relation: (each.added, each.changed, each.gone) for each in found.tables}
    assert {relation: (a + c, g + c) for relation, (a, c, g) in said.items()} == {
        relation: _differences(before[relation], after[relation]) for relation in said
    }
    unsaid = {name for name in after if after[name] != before[name]} - set(said)
    assert {name for name in unsaid if name.startswith(("marts", "planhat", "to_planhat"))} <= {
        "marts.event_resolution"
    }
    assert _moves(before, after) == (found.moved.events, dict(found.moved.by_reason))
    for destination, planned in _plans(truth, settings).items():
        otherwise = {(model, key) for model, key, *_ in planned ^ plans[destination]}
        assert sum(each.added + each.changed + each.removed for each in found.pushed) == len(
            otherwise
        )
        assert {each.model for each in found.pushed} == {model for model, _ in otherwise}


def test_other_words_change_nothing_outside(edit, trying_in: Callable[..., Seen]):
    edit("models/planhat/company.yml", "One row a customer account.", "One row an account.")
    found = trying_in(since="HEAD").found
    assert found.exit_code == 0
    assert NOTHING in markdown(found)


def test_a_test_that_fails_is_said(edit, trying_in: Callable[..., Seen]):
    edit(
        "models/marts/usage/company_health.yml",
        "        data_tests: [unique, not_null]\n",
        "        data_tests: [unique, not_null, {accepted_values: {arguments: {values: [x]}}}]\n",
    )
    found = trying_in(since="HEAD").found
    assert found.exit_code == 2
    (failed,) = found.failed_tests
    assert failed.name.startswith("accepted_values_company_health_company_id")
    assert "1 test fails" in markdown(found)


def _somebody(url: str) -> str:
    """Who is the only one known by an address, and has many calls."""
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "select email from marts.event_resolution where email is not null and is_resolved"
            " group by email order by count(*) desc, email limit 1"
        ).fetchone()
    assert row is not None
    return row[0]


def _plans(url: str, settings: Settings) -> dict[str, set]:
    with psycopg.connect(url) as connection:
        names = connection.execute("select distinct destination from sync.objects").fetchall()
    assert names
    return {name: plan_alongside(url, settings, name) for (name,) in names}


def _differences(before: Counter, after: Counter) -> tuple[int, int]:
    return (after - before).total(), (before - after).total()


def _moves(before: dict[str, Counter], after: dict[str, Counter]) -> tuple[int, dict[str, int]]:
    def owners(relations: dict[str, Counter]) -> dict[int, tuple]:
        rows = [json.loads(text) for text in relations["marts.event_resolution"]]
        return {
            row["event_seq"]: (row["company_id"], row["enduser_id"], row["reason"]) for row in rows
        }

    then, now = owners(before), owners(after)
    moved = [each for each in then if then[each] != now[each]]
    reasons = Counter(
        f"{then[each][2] or 'resolved'} → {now[each][2] or 'resolved'}" for each in moved
    )
    return len(moved), dict(reasons)
