"""People whom Planhat has made in these days, beside those whom calls have created."""

from include.compare.days import Days
from tests.include.compare.world import DAYS, World


def test_who_was_made_there_and_is_named_by_calls_is_equal(world: World) -> None:
    # read and built since; not read yet, found by external id, by address
    world.named(world.person())
    world.created("new")
    world.person(externalId="new", email="NEW@acme.test ")
    world.created("mail@acme.test", external_id=None, email="mail@acme.test")
    # as the hosted integration names who has no user id
    world.person(externalId="mail@acme.test", email="mail@acme.test")
    world.created("bare", external_id=None, email="bare@acme.test")
    world.person(externalId=None, email="bare@acme.test", archived=True)
    assert world.outcomes("endusers") == {"equal": 4}


def test_who_is_not_there_has_a_reason(world: World) -> None:
    world.created("nobody")
    world.created("moved")
    world.person(externalId="moved", email="x@y.z", companyId=world.other, made="2025-01-01")
    world.created("twin", withheld="shared_address")
    # known here as another one, by the rules
    world.created("rules")
    world.named(world.person(externalId="rules", made="2025-01-01"), "2025-01-01")
    assert world.outcomes("endusers") == {
        "ours_only not_there": 1,
        "ours_only another_company": 1,
        "ours_only shared_address": 1,
        "ours_only somebody_else": 1,
    }


def test_who_is_there_alone_has_a_reason(world: World) -> None:
    world.person()
    world.person(externalId="elsewhere")
    world.created("elsewhere", "2025-01-01", company_id=world.other)
    world.person(externalId="lost")
    world.unresolved("unknown_company", user_id="lost", company_key="typo")
    world.person(externalId="many", email="many@acme.test")
    world.unresolved("ambiguous_enduser", email="many@acme.test", company_id=world.acme, events=2)
    world.unresolved("no_company", email="many@acme.test")
    # of another company, and not of these days
    world.unresolved("unknown_company", user_id="p1", company_id=world.other, events=9)
    world.unresolved("unknown_company", "2026-03-01", user_id="p1", events=9)
    # calls name one of two
    world.named(world.person(externalId="u", email="u@acme.test"))
    world.person(externalId="u", email="other@acme.test")
    assert world.outcomes("endusers") == {
        "equal": 1,
        "theirs_only no_call": 1,
        "theirs_only another_company": 1,
        "theirs_only unknown_company": 1,
        "theirs_only ambiguous_enduser": 1,
        "theirs_only twice_in_planhat": 1,
    }


def test_what_differs_says_in_what(world: World) -> None:
    world.created("one")
    world.person(externalId="one", email="another@acme.test")
    world.created("two")
    world.person(externalId="2", email="two@acme.test")
    # read and built: found by its address, and calls carry another user id
    three = world.person(externalId="3", email="three@acme.test")
    world.named(three)
    world.put(
        "intermediate.int_identity__keyset_endusers", enduser_id=three["_id"], user_id="auth|3"
    )
    world.created("four", withheld="former_external_id")
    world.person(externalId="four", email="four@acme.test")
    found = world.compare("endusers")
    (section,) = found.sections
    assert {each.code: each.count for each in section.reasons} == {
        "another_address": 1, "another_external_id": 2, "former_external_id": 1,
    }  # fmt: skip
    assert section.different == 4
    shown = {example.theirs: example.ours for each in section.reasons for example in each.examples}
    assert shown["3"] == "auth|3"
    assert shown["2"] == "two"
    # an address that is somebody's external id is not said
    assert "ours auth|3, theirs 3" in str(found)
    assert "@" not in str(found)


def test_who_was_made_on_other_days_is_left_out(world: World) -> None:
    world.created("before", "2026-03-01")
    world.created("first", "2026-03-02")
    world.created("last", "2026-03-15")
    world.created("after", "2026-03-16")
    world.person("2026-03-01")
    world.person("2026-03-02")
    world.person("2026-03-16", createdAt="2026-03-15T23:59:59.999Z")
    world.person("2026-03-16", createdAt="2026-03-16T00:00:00.000Z")
    # UTC, whatever the text says
    world.person(createdAt="2026-03-16T00:30:00+02:00")
    (section,) = world.compare("endusers").sections
    assert (section.ours, section.theirs) == (2, 3)
    # one is on these days there, or here: then the pair is
    world.person("2026-03-15", externalId="before")
    world.person("2026-03-16", externalId="last")
    (section,) = world.compare("endusers").sections
    assert (section.ours, section.theirs, section.ours_only) == (3, 5, 1)
    assert {each.code for each in section.reasons if each.outcome == "different"} == {
        "another_address"
    }
    (section,) = world.compare("endusers", days=Days(DAYS.last, DAYS.last)).sections
    assert (section.ours, section.theirs) == (2, 4)


def test_whom_we_made_is_nobody_of_the_integrations(world: World) -> None:
    ours = world.person()
    world.run(
        "insert into raw_planhat.objects (model, planhat_id, payload, made_by_us)"
        " values ('enduser', %s, '{}', true)", [ours["_id"]],
    )  # fmt: skip
    assert world.outcomes("endusers") == {}


def test_a_time_that_nobody_can_read_is_said(world: World) -> None:
    world.person(None)
    world.person(createdAt="yesterday")
    world.person(createdAt=1772700000000)
    (section,) = world.compare("endusers").sections
    assert section.theirs_only == 1
    assert section.remarks == (
        "Planhat does not say when it made 2 of 3 endusers: those that calls do not name are not "
        "compared.",
    )
