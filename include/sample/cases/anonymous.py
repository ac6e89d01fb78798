"""Cases of §3.2: whose an event is that carries nothing but an anonymous id."""

from collections.abc import Iterator

from include.sample.cases.story import Case, Outcome, Story, found, unresolved
from include.sample.days import Days


def cases(days: Days) -> Iterator[Case]:
    """Every case of this rule."""
    for write in (
        _browsing_before_identify,
        _browsing_after_identify,
        _shared_device,
        _company_of_the_link,
        _own_company_beside_the_link,
        _alias_links,
        _alias_between_users,
        _link_by_email,
        _never_identified,
        _blank_user_id,
        _late_identify,
        _expired_link,
    ):
        yield write(days)


def _browsing_before_identify(days: Days) -> Case:
    story = Story(
        days, "browsing-before-identify", "3.2",
        "Somebody browses without signing in and is identified after: the browsing becomes theirs.",
    )  # fmt: skip
    user, device = story.name("u"), story.name("a")
    person = story.enduser("harbor", "ada", externalId=user)
    outcome = found("harbor", person, by="user_id")
    story.call("page", 30, "09:00", outcome, anonymous_id=device, name="Pricing")
    story.track(30, "09:10", outcome, anonymous_id=device, event="Demo Requested")
    story.identify(30, "09:30", outcome, anonymous_id=device, user_id=user)
    return story.case()


def _browsing_after_identify(days: Days) -> Case:
    story = Story(
        days, "browsing-after-identify", "3.2",
        "After signing in, a device's anonymous events stay its last user's, days later too.",
    )  # fmt: skip
    user, device = story.name("u"), story.name("a")
    person = story.enduser("harbor", "bo", externalId=user)
    outcome = found("harbor", person, by="user_id")
    story.identify(30, "10:00", outcome, anonymous_id=device, user_id=user)
    story.track(28, "10:00", outcome, anonymous_id=device)
    story.call("screen", 27, "10:00", outcome, anonymous_id=device, name="Inbox")
    return story.case()


def _shared_device(days: Days) -> Case:
    story = Story(
        days, "shared-device", "3.2",
        "A device changes hands within a day: what came before anybody signed in is the first "
        "user's, then each event is the last user's before it.",
    )  # fmt: skip
    device = story.name("a")
    one, two = story.name("u1"), story.name("u2")
    first = found("harbor", story.enduser("harbor", "cleo", externalId=one), by="user_id")
    second = found("lumen", story.enduser("lumen", "dag", externalId=two), by="user_id")
    story.track(29, "16:00", first, anonymous_id=device)
    story.identify(28, "09:00", first, anonymous_id=device, user_id=one)
    story.track(28, "10:00", first, anonymous_id=device)
    story.identify(28, "11:00", second, anonymous_id=device, user_id=two)
    story.track(28, "12:00", second, anonymous_id=device)
    # A track with a user id is a link too.
    story.track(28, "13:00", first, anonymous_id=device, user_id=one)
    story.track(28, "14:00", first, anonymous_id=device)
    return story.case()


def _company_of_the_link(days: Days) -> Case:
    story = Story(
        days, "company-of-the-link", "3.2 3.3(1)",
        "An anonymous event that names no company takes the one its link named, though the same "
        "user's last call of that day names another.",
    )  # fmt: skip
    user, device = story.name("u"), story.name("a")
    at_harbor = story.enduser("harbor", "edda", externalId=user)
    at_lumen = story.enduser("lumen", "edda", externalId=user)
    story.identify(
        27, "09:00", found("lumen", at_lumen), company="lumen", user_id=user, anonymous_id=device
    )
    story.track(27, "10:00", found("lumen", at_lumen), anonymous_id=device)
    story.identify(27, "15:00", found("harbor", at_harbor), company="harbor", user_id=user)
    return story.case()


def _own_company_beside_the_link(days: Days) -> Case:
    story = Story(
        days, "own-company-beside-the-link", "3.2 3.3(1)",
        "An anonymous event that names its company keeps it; only the person comes from the link.",
    )  # fmt: skip
    user, device = story.name("u"), story.name("a")
    at_harbor = story.enduser("harbor", "finn", externalId=user)
    at_lumen = story.enduser("lumen", "finn", externalId=user)
    story.identify(
        26, "09:00", found("lumen", at_lumen), company="lumen", user_id=user, anonymous_id=device
    )
    story.track(26, "10:00", found("harbor", at_harbor), company="harbor", anonymous_id=device)
    return story.case()


def _alias_links(days: Days) -> Case:
    story = Story(
        days, "alias-links", "3.2",
        "An alias from an anonymous id to a user id links that device, before and after.",
    )  # fmt: skip
    user, device = story.name("u"), story.name("a")
    person = story.enduser("harbor", "gil", externalId=user)
    outcome = found("harbor", person, by="user_id")
    story.track(26, "11:00", outcome, anonymous_id=device, event="Demo Requested")
    story.call("alias", 26, "12:00", outcome, previous_id=device, user_id=user)
    story.track(26, "13:00", outcome, anonymous_id=device)
    return story.case()


def _alias_between_users(days: Days) -> Case:
    story = Story(
        days, "alias-between-users", "3.2",
        "An alias between two known user ids links nothing: each keeps its own events, and the "
        "conflict is recorded.",
    )  # fmt: skip
    one, two = story.name("u1"), story.name("u2")
    first = found("harbor", story.enduser("harbor", "hana", externalId=one), by="user_id")
    second = found("harbor", story.enduser("harbor", "ivar", externalId=two), by="user_id")
    story.track(26, "14:00", first, user_id=one)
    story.track(26, "14:30", second, user_id=two)
    story.call("alias", 26, "15:00", second.but(conflict=True), previous_id=one, user_id=two)
    story.track(26, "16:00", first, user_id=one)
    return story.case()


def _link_by_email(days: Days) -> Case:
    story = Story(
        days, "link-by-email", "3.2 3.3(4) 3.4",
        "A form tells only an address: the device's events become that address's enduser's.",
    )  # fmt: skip
    device = story.name("a")
    person = story.enduser("lumen", "jana")
    outcome = found("lumen", person, "email", "email")
    story.call("page", 25, "09:00", outcome, anonymous_id=device, name="Webinar")
    story.identify(
        25, "09:10", outcome, anonymous_id=device,
        traits={"email": story.email("jana", "lumen")},
    )  # fmt: skip
    return story.case()


def _never_identified(days: Days) -> Case:
    story = Story(
        days, "never-identified", "3.2 3.6",
        "Nobody ever signs in on this device: its events have no identity; one that names its "
        "company is that company's unattributed activity.",
    )  # fmt: skip
    device = story.name("a")
    story.call("page", 25, "10:00", unresolved("no_identity"), anonymous_id=device, name="Docs")
    story.track(
        25, "10:10", unresolved("no_identity", "harbor"), company="harbor", anonymous_id=device
    )
    return story.case()


def _blank_user_id(days: Days) -> Case:
    story = Story(
        days, "blank-user-id", "3.1 3.2",
        "A blank user id is as if absent; the call is an anonymous one.",
    )  # fmt: skip
    user, device = story.name("u"), story.name("a")
    person = story.enduser("harbor", "kaya", externalId=user)
    outcome = found("harbor", person, by="user_id")
    for clock, blank in (("11:00", ""), ("12:00", " \u00a0\n")):
        body = {"type": "track", "event": "Checklist Completed", "userId": blank}
        story.raw(25, clock, outcome, {**body, "anonymousId": device})
    story.identify(25, "13:00", outcome, user_id=user, anonymous_id=device)
    return story.case()


def _late_identify(days: Days) -> Case:
    story = Story(
        days, "late-identify", "3.2 3.9",
        "An identify arrives after everything else, but happened between two anonymous events: it "
        "links by when it happened.",
    )  # fmt: skip
    device = story.name("a")
    one, two = story.name("u1"), story.name("u2")
    first = found("harbor", story.enduser("harbor", "lars", externalId=one), by="user_id")
    second = found("harbor", story.enduser("harbor", "mona", externalId=two), by="user_id")
    story.identify(24, "12:00", first, user_id=one, anonymous_id=device)
    story.track(24, "13:00", first, anonymous_id=device)
    story.track(24, "15:00", second, anonymous_id=device)
    story.identify(24, "14:00", second, user_id=two, anonymous_id=device, is_late=True)
    return story.case()


def _expired_link(days: Days) -> Case:
    story = Story(
        days, "expired-link", "3.2 3.6",
        "Links expire after a week. Within it a device's anonymous events are its last user's; "
        "later ones are whose who signs in next, and nobody's if nobody does.",
        needs_history=True,
    )  # fmt: skip
    story.expect("thresholds", ("link_expires_days", 7))
    device = story.name("a")
    one, two = story.name("u1"), story.name("u2")
    first = found("harbor", story.enduser("harbor", "ylva", externalId=one), by="user_id")
    second = found("lumen", story.enduser("lumen", "yrsa", externalId=two), by="user_id")

    def track(days_ago: int, outcome: Outcome, **user: str) -> None:
        story.track(
            days_ago, "09:00", outcome, anonymous_id=device,
            received_at=days.at(days_ago, "09:00:01"), **user,
        )  # fmt: skip

    track(40, first, user_id=one)
    track(33, first)
    track(32, second)
    track(20, second, user_id=two)
    track(12, unresolved("no_identity"))
    return story.case()
