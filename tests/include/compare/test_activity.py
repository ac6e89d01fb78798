"""On which day an enduser was last active."""

from tests.include.compare.world import World


def test_the_same_last_day_is_equal(world: World) -> None:
    person = world.person(active="2026-03-10")
    world.used(person["_id"], "2026-03-03", "2026-03-10")
    # the day is UTC's
    late = world.person(lastActive="2026-03-15T23:59:59.999Z")
    world.used(late["_id"], "2026-03-15")
    # not read yet
    world.used(world.created("new"), "2026-03-04")
    world.person(externalId="new", active="2026-03-04")
    # both say: after these days
    since = world.person(active="2026-03-20")
    world.used(since["_id"], "2026-03-10", "2026-03-18")
    assert world.outcomes("activity") == {"equal": 4}


def test_whoever_is_ours_alone_has_a_reason(world: World) -> None:
    world.used(world.person(active="2026-02-20")["_id"], "2026-03-10")
    world.used(world.person()["_id"], "2026-03-10")
    world.used(world.created("nobody"), "2026-03-10")
    world.used(world.created("twin", withheld="shared_address"), "2026-03-10")
    shared = world.person(email="team@acme.test", active="2026-02-20")
    world.person(email="TEAM@acme.test")
    world.used(shared["_id"], "2026-03-10")
    assert world.outcomes("activity") == {
        "ours_only earlier_in_planhat": 1,
        "ours_only never_active": 1,
        "ours_only not_in_planhat": 1,
        "ours_only shared_address": 1,
        "ours_only shared_address_in_planhat": 1,
    }


def test_whoever_is_theirs_alone_has_a_reason(world: World) -> None:
    world.person(active="2026-03-10")
    world.person(active="2026-03-10", externalId="lost")
    world.unresolved("unknown_company", user_id="lost", events=3)
    world.person(active="2026-03-10", email="many@acme.test")
    world.unresolved("ambiguous_enduser", "2026-03-12", email="many@acme.test")
    moved = world.person(active="2026-03-10", externalId="moved")
    world.created("moved", "2025-01-01", company_id=world.other, email="x@y.z")
    beats = world.person(active="2026-03-10")
    world.used(beats["_id"], "2026-03-10", counts=False)
    # nothing here, and Planhat's last is after these days
    world.person(active="2026-03-16")
    assert moved["_id"] != beats["_id"]
    assert world.outcomes("activity") == {
        "theirs_only no_call": 1,
        "theirs_only unknown_company": 1,
        "theirs_only ambiguous_enduser": 1,
        "theirs_only another_company": 1,
        "theirs_only not_counted": 1,
        "theirs_only since_then": 1,
    }


def test_another_day_has_a_reason(world: World) -> None:
    for theirs, ours in (("10", "11"), ("11", "10"), ("12", "05"), ("05", "12")):
        world.used(world.person(active=f"2026-03-{theirs}")["_id"], f"2026-03-{ours}")
    lost = world.person(active="2026-03-12", externalId="lost")
    world.used(lost["_id"], "2026-03-05")
    world.unresolved("no_company", "2026-03-11", user_id="lost")
    # before what calls have of it
    early = world.person(active="2026-03-12", externalId="early")
    world.used(early["_id"], "2026-03-05")
    world.unresolved("no_company", "2026-03-05", user_id="early")
    beats = world.person(active="2026-03-12")
    world.used(beats["_id"], "2026-03-05")
    world.used(beats["_id"], "2026-03-12", counts=False)
    assert world.outcomes("activity") == {
        "different next_day": 2,
        "different later_in_planhat": 2,
        "different earlier_in_planhat": 1,
        "different no_company": 1,
        "different not_counted": 1,
    }


def test_whoever_was_active_on_no_such_day_is_left_out(world: World) -> None:
    world.used(world.person(active="2026-03-01")["_id"], "2026-03-01")
    world.person(active=None)
    # here on these days, there since: the next build may have it
    world.used(world.person(active="2026-03-16")["_id"], "2026-03-10")
    (section,) = world.compare("activity").sections
    assert (section.ours, section.theirs) == (0, 0)
    assert section.remarks == (
        "1 enduser left out: active in Planhat after these days, and not here yet. On which of "
        "them they were last, Planhat does not say any more.",
    )


def test_archived_ones_are_compared_as_others(world: World) -> None:
    gone = world.person(active="2026-03-10", archived=True)
    world.used(gone["_id"], "2026-03-10")
    world.used(world.person(active="2026-03-10", archived=True)["_id"], "2026-03-11")
    assert world.outcomes("activity") == {"equal": 1, "different next_day": 1}
