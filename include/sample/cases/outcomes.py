"""Cases of §3.6, §3.7 and §3.10 to §3.13: what counts, what is left out, and what counts once."""

from collections.abc import Iterator

from include.sample.cases.story import (
    Case,
    Outcome,
    Story,
    Switch,
    company_id,
    external_id,
    found,
    unresolved,
)
from include.sample.days import Days


def cases(days: Days) -> Iterator[Case]:
    """Every case of these rules."""
    for write in (
        _suppressed,
        _unsupported_type,
        _no_identity_at_all,
        _bots,
        _delete,
        _heartbeat,
        _weighted_event,
        _page_and_screen,
        _identify_is_no_usage,
        _once,
        _receipt,
        _section_off,
    ):
        yield write(days)


def _suppressed(days: Days) -> Case:
    story = Story(
        days, "suppressed", "3.6",
        "The customer opts a call out of all integrations, or of Planhat: it is kept and not used, "
        "before any other reason.",
    )  # fmt: skip
    user = story.name("u")
    story.enduser("harbor", "gry", externalId=user)
    outcome = Outcome(
        reason="suppressed", counted=False, unsaid=frozenset({"company_id", "company_matched_by"})
    )
    for hour, integrations in ((9, {"All": False}), (10, {"Planhat": False})):
        story.track(
            14, f"{hour:02}:30", outcome, user_id=user, company="harbor",
            integrations=integrations,
        )  # fmt: skip
    story.track(
        14, "11:30", outcome, user_id=story.name("nobody"), integrations={"Planhat": False},
        context={"groupId": "not-in-planhat"},
    )  # fmt: skip
    return story.case()


def _unsupported_type(days: Days) -> Case:
    story = Story(
        days, "unsupported-type", "3.6",
        "A call of a type that is none of Segment's: kept, with its reason, whoever it names.",
    )  # fmt: skip
    user = story.name("u")
    story.enduser("harbor", "hedda", externalId=user)
    story.raw(
        14, "13:00",
        Outcome(reason="unsupported_type", counted=False,
                unsaid=frozenset({"company_id", "company_matched_by"})),
        {"type": "import", "userId": user},
    )  # fmt: skip
    return story.case()


def _no_identity_at_all(days: Days) -> Case:
    story = Story(
        days, "no-identity-at-all", "3.6",
        "A call without a user id, an address or an anonymous id; Segment's own servers would drop "
        "it after answering 200.",
    )  # fmt: skip
    story.raw(14, "14:00", unresolved("no_identity"), {"type": "track", "event": "Job Finished"})
    return story.case()


def _bots(days: Days) -> Case:
    story = Story(
        days, "bots", "3.1 3.6",
        "Calls of a bot's user agent are left out from the moment on at which somebody says so; "
        "what was received before counts, and a telephone may be called Cubot.",
        needs_history=True,
    )  # fmt: skip
    story.expect("switches", Switch("block_bots", True, days.at(30, "00:00")))
    user = story.name("u")
    counted = found("harbor", story.enduser("harbor", "ottar", externalId=user), by="user_id")
    bot = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
    phone = "Mozilla/5.0 (Linux; Android 9; CUBOT NOTE S)"
    for days_ago, agent, outcome in (
        (31, bot, counted),
        (29, bot, unresolved("blocked_identity")),
        (29, phone, counted),
    ):
        story.track(
            days_ago, "09:00", outcome, user_id=user, context={"userAgent": agent},
            received_at=days.at(days_ago, "09:00:01"),
        )  # fmt: skip
    return story.case()


def _delete(days: Days) -> Case:
    story = Story(
        days, "delete", "3.6 3.13",
        "A deletion request lands like any call; it is no usage, and forgets nobody by itself.",
    )  # fmt: skip
    user = story.name("u")
    person = story.enduser("lumen", "ilse", externalId=user)
    story.track(14, "14:30", found("lumen", person, by="user_id"), user_id=user)
    story.raw(
        13, "09:00",
        Outcome(reason="unsupported_type", counted=False,
                unsaid=frozenset({"company_id", "company_matched_by"})),
        {"type": "delete", "userId": user},
    )  # fmt: skip
    return story.case()


def _heartbeat(days: Days) -> Case:
    story = Story(
        days, "heartbeat", "3.7",
        "A heartbeat is resolved like any event, but a row of sync.usage_events says that it is no "
        "usage.",
    )  # fmt: skip
    user = story.name("u")
    person = story.enduser("lumen", "jonna", externalId=user)
    outcome = found("lumen", person, by="user_id")
    for minute in (0, 15, 30, 45):
        story.track(
            13, f"10:{minute:02}", outcome.but(counted=False), event="Heartbeat", user_id=user
        )
    story.track(13, "11:00", outcome.but(counted=True, weight=1), user_id=user)
    return story.case()


def _weighted_event(days: Days) -> Case:
    story = Story(
        days, "weighted-event", "3.7",
        "A report exported is worth three clicks: one activity with weight 3.",
    )  # fmt: skip
    user = story.name("u")
    person = story.enduser("lumen", "kira", externalId=user)
    outcome = found("lumen", person, by="user_id")
    story.track(
        13, "12:00", outcome.but(counted=True, weight=3), event="Report Exported", user_id=user
    )
    return story.case()


def _page_and_screen(days: Days) -> Case:
    story = Story(
        days, "page-and-screen", "3.7",
        "Page calls are no usage unless a row says so: here one page does, by its name, and all "
        "screens, with half the weight.",
    )  # fmt: skip
    user = story.name("u")
    person = story.enduser("lumen", "lova", externalId=user)
    outcome = found("lumen", person, by="user_id")
    story.call("page", 13, "13:00", outcome.but(counted=False), user_id=user, name="Reports")
    story.call(
        "page",
        13,
        "13:05",
        outcome.but(counted=True, weight=1),
        user_id=user,
        name="Order Confirmed",
    )
    story.call(
        "screen", 13, "13:10", outcome.but(counted=True, weight=0.5), user_id=user, name="Inbox"
    )
    return story.case()


def _identify_is_no_usage(days: Days) -> Case:
    story = Story(
        days, "identify-is-no-usage", "3.7",
        "An identify is resolved and is no activity.",
    )  # fmt: skip
    user = story.name("u")
    person = story.enduser("lumen", "maja", externalId=user)
    story.identify(
        13, "14:00", found("lumen", person, by="user_id").but(counted=False), user_id=user
    )
    return story.case()


def _once(days: Days) -> Case:
    story = Story(
        days, "once", "3.10",
        "One message id comes twice with two payloads: the first that became durable counts.",
    )  # fmt: skip
    user = story.name("u")
    person = story.enduser("lumen", "nadja", externalId=user)
    outcome = found("lumen", person, by="user_id").but(counted=True)
    first = story.track(13, "15:00", outcome, event="Comment Added", user_id=user)
    story.track(13, "15:00:01", None, event="File Uploaded", user_id=user, message_id=first)
    return story.case()


def _receipt(days: Days) -> Case:
    story = Story(
        days, "receipt", "3.11",
        "A call whose message id has our own prefix is our own call coming back, whatever source "
        "it came by: it neither creates anybody nor ties the user to the company it names.",
    )  # fmt: skip
    user = story.name("u")
    story.identify(
        12, "09:00",
        Outcome(reason="receipt", counted=False,
                unsaid=frozenset({"company_id", "company_matched_by"})),
        company="harbor", user_id=user, message_id="planhat-sample-case-receipt-1",
    )  # fmt: skip
    story.track(12, "10:00", unresolved("no_company"), user_id=user)
    return story.case()


def _section_off(days: Days) -> Case:
    story = Story(
        days, "section-off", "3.6 3.12",
        "User tracking, and later company metrics, are switched off for a day: calls received then "
        "are landed and not counted, calls received before and after are.",
        needs_history=True,
    )  # fmt: skip
    user = story.name("u")
    person = story.enduser("lumen", "olea", externalId=user)
    outcome = found("lumen", person, by="user_id").but(counted=True)
    off = Outcome(
        reason="section_off", counted=False, unsaid=frozenset({"company_id", "company_matched_by"})
    )
    for switch, days_ago in (("user_tracking", 20), ("company_metrics", 18)):
        story.expect(
            "switches",
            Switch(switch, False, days.at(days_ago, "00:00")),
            Switch(switch, True, days.at(days_ago - 1, "00:00")),
        )
    for days_ago, expected in ((21, outcome), (20, off), (19, outcome), (18, outcome)):
        story.track(
            days_ago, "09:00", expected, user_id=user, received_at=days.at(days_ago, "09:00:01")
        )
    # It happened while the section was on and was received while it was off.
    story.track(21, "23:00", off, user_id=user, received_at=days.at(20, "01:00"))
    grouped = Outcome(
        company_id("lumen"), matched_by="group", company_matched_by="company_key",
        unsaid=frozenset({"enduser"}),
    )  # fmt: skip
    for days_ago, expected in ((20, grouped), (18, off), (17, grouped)):
        story.call(
            "group", days_ago, "10:00", expected, user_id=user, group_id=external_id("lumen"),
            traits={"section_probe": 1}, received_at=days.at(days_ago, "10:00:01"),
        )  # fmt: skip
    return story.case()
