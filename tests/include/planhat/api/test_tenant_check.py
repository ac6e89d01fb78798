"""`make planhat CHECK=1` against the played Planhat in four moods."""

from dataclasses import replace

import psycopg
import pytest

from include.planhat.api.errors import TokenError
from include.planhat.api.findings import Findings, known
from include.planhat.api.tenant_check import check_tenant
from include.planhat.models import MODELS
from include.played_planhat.app import PlayedPlanhat
from include.played_planhat.serve import running
from tests.include.planhat.api.world import World
from tests.include.planhat.world import ident


@pytest.fixture
def world(world: World) -> World:
    """A tenant with a little of everything."""
    world.have(*range(1, 31), externalId=None)
    world.have_people(*range(100, 110))
    world.have_people(110, archived=True)
    licence = {"_id": ident(200), "companyId": ident(1), "_currency": "EUR", "value": 5,
               "fromDate": "2026-01-01"}  # fmt: skip
    world.played.documents.load("licenses", [licence])
    fields = [("Company", "Plan"), ("Company", "plan"), ("EndUser", "Seat")]
    world.played.documents.load("customfields", [
        {"_id": ident(300 + at), "parent": parent, "name": name, "type": "text"}
        for at, (parent, name) in enumerate(fields)
    ])  # fmt: skip
    return world


def check(world: World, **switches: object) -> tuple[Findings, str]:
    """Turn the played one so, and check it: what was found, and what was said."""
    world.played.switches = world.played.switches.turned(**switches)
    said: list[str] = []
    found = check_tenant(world.url, world.connection, options=world.options, say=said.append)
    with psycopg.connect(world.url) as connection:
        assert known(connection, world.connection.tenant) == found
    return found, "\n".join(said)


def line(said: str, word: str) -> str:
    return next(each for each in said.splitlines() if each.split()[0] == word)


def test_the_first_mood_gives_all_that_is_asked_for(world: World):
    found, said = check(world, cap="none", quota=200)
    assert {each.access for each in found.models.values()} == {"yes"}
    companies = found.models["companies"]
    assert (companies.rows, companies.is_clamped, companies.is_sorted) == (30, False, True)
    assert companies.limit == 2_000
    assert (found.currency, found.has_archived, found.reads_metrics) == ("object", True, True)
    assert found.custom_fields["EndUser"] == {"Seat": "text"}
    assert "knows the token: it is the right region" in said
    assert "30 rows, all in one page: too few to see where pages end" in line(said, "companies")
    assert "differ in letter case only: Company: Plan, plan" in said
    assert "200 calls a minute, told by x-ratelimit-limit" in said
    # reading only
    assert {each.method for each in world.played.requests.all} == {"GET"}


def test_the_second_mood_cuts_pages_without_a_word_and_is_as_it_was_long_ago(world: World):
    world.pages_of(7)
    found, said = check(
        world, quota=200, quota_headers="old", currency="string", unknown_company="missing"
    )
    assert found.models["companies"].is_clamped
    assert "pages end at 7 rows without a word" in line(said, "companies")
    assert (found.currency, found.unknown_company) == ("text", "missing")
    assert found.quota_headers == ("x-rate-limit-limit", "x-rate-limit-remaining")
    assert world.counts() == {"added": 30}


def test_the_third_mood_refuses_large_pages_and_some_models_and_says_no_quota(world: World):
    found, said = check(
        world, cap="refuse", caps={"companies": 1_500}, sorts=False, quota_headers="none",
        denied_reads=["nps", "users", "dimensiondata"], quota=500,
    )  # fmt: skip
    companies = found.models["companies"]
    assert (companies.is_refused, companies.limit, companies.is_sorted) == (True, 1_000, False)
    assert found.models["nps"].access == "denied"
    assert "may not read it (403)" in line(said, "nps")
    assert "a limit above 1,000 is refused; not in the order" in line(said, "companies")
    assert "can not be read back" in said
    assert "a number that no answer says" in said
    world.played.requests.all.clear()
    world.read()
    # what was refused then is not asked for again
    asked = {each.query.get("limit") for each in world.played.requests.of("GET", "companies")}
    assert asked == {"1000"}


def test_the_fourth_mood_is_another_region_and_the_right_one_is_named(world: World):
    world.played.switches = world.played.switches.turned(wrong_region=True)
    with pytest.raises(TokenError, match="of another region"):
        check_tenant(world.url, world.connection, options=world.options, say=print)
    mine = PlayedPlanhat()
    with running(mine) as address:
        regions = ["http://127.0.0.1:9", world.connection.host, address]
        with pytest.raises(TokenError, match="that is your region") as failed:
            check_tenant(
                world.url, world.connection, options=world.options, regions=regions, say=print
            )
    assert address.split("//")[1] in str(failed.value)
    assert world.played.token not in str(failed.value)
    assert {each.method for each in mine.requests.all} == {"GET"}


def test_a_tenant_without_its_own_token_or_some_models_is_told_so(world: World):
    for path in ("workspaces", "campaigns"):
        del world.played.documents.of[path]
    world.connection = replace(world.connection, tenant_token=None)
    found, said = check(world)
    assert found.models["workspaces"].access == "missing"
    assert "the tenant has no such model" in line(said, "workspaces")
    assert "tenant token    is not set" in said
    assert set(found.models) == {model.path for model in MODELS}
