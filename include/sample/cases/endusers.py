"""Cases of §3.4 and §3.5: which enduser of a company, and who is created."""

from collections.abc import Iterator

from include.sample.cases.story import (
    Case,
    Created,
    Person,
    Story,
    Switch,
    company_id,
    created,
    external_id,
    found,
    unresolved,
)
from include.sample.days import Days


def cases(days: Days) -> Iterator[Case]:
    """Every case of these rules."""
    for write in (
        _external_id_before_email,
        _email_learned,
        _email_changes,
        _same_email_one_primary,
        _same_email_user_id_unknown,
        _same_email_without_user_id,
        _email_of_a_user,
        _user_id_is_an_address,
        _created_then_email,
        _created_twice_one_email,
        _user_and_email_disagree,
        _email_of_another_external_id,
        _created_by_track,
        _not_created_by_others,
        _page_of_a_created_enduser,
        _attributes_of_the_last_identify,
        _attributes_in_context,
        _usage_updates_no_field,
        _deleted_enduser,
        _auto_create_switched_off,
    ):
        yield write(days)


def _external_id_before_email(days: Days) -> Case:
    story = Story(
        days, "external-id-before-email", "3.4",
        "A user id that is an enduser's externalId wins; the address it comes with is the same "
        "person's.",
    )  # fmt: skip
    user = story.name("u")
    person = story.enduser("harbor", "yara", externalId=user)
    story.identify(
        36, "09:00", found("harbor", person), company="harbor", user_id=user,
        traits={"email": story.email("yara")},
    )  # fmt: skip
    return story.case()


def _email_learned(days: Days) -> Case:
    story = Story(
        days, "email-learned", "3.4",
        "Planhat knows the address only. One identify tells it together with the user id: that "
        "serves the user's later and earlier tracks.",
    )  # fmt: skip
    user = story.name("u")
    person = story.enduser("harbor", "zoe")
    outcome = found("harbor", person, "user_email")
    story.track(36, "10:00", outcome, company="harbor", user_id=user)
    story.identify(
        35, "10:00", outcome, company="harbor", user_id=user,
        traits={"email": story.email("zoe")},
    )  # fmt: skip
    story.track(34, "10:00", outcome, company="harbor", user_id=user)
    story.track(33, "10:00", found("harbor", person, "user_email", "user_id"), user_id=user)
    return story.case()


def _email_changes(days: Days) -> Case:
    story = Story(
        days, "email-changes", "3.4",
        "A user's address changes: the last one tells who they are, for all their calls. The first "
        "identify carries an address of somebody else then, which is recorded.",
    )  # fmt: skip
    user = story.name("u")
    story.enduser("harbor", "old")
    person = story.enduser("harbor", "new")
    outcome = found("harbor", person, "user_email")
    story.identify(
        36, "11:00", outcome.but(conflict=True), company="harbor", user_id=user,
        traits={"email": story.email("old")},
    )  # fmt: skip
    story.track(35, "11:00", outcome, company="harbor", user_id=user)
    story.identify(
        34, "11:00", outcome, company="harbor", user_id=user,
        traits={"email": story.email("new")},
    )  # fmt: skip
    return story.case()


def _same_email_one_primary(days: Days) -> Case:
    story = Story(
        days, "same-email-one-primary", "3.4",
        "Two endusers of one company share the user's address, exactly one is primary: that one.",
    )  # fmt: skip
    user, address = story.name("u"), story.email("shared")
    story.enduser("harbor", "second", email=address)
    primary = story.enduser("harbor", "first", email=address, primary=True)
    story.identify(
        36, "12:00", found("harbor", primary, "user_email"), company="harbor", user_id=user,
        traits={"email": address},
    )  # fmt: skip
    return story.case()


def _same_email_user_id_unknown(days: Days) -> Case:
    story = Story(
        days, "same-email-user-id-unknown", "3.4 3.5",
        "Two endusers of one company share the user's address and none is primary: with a user id "
        "of their own they are somebody new.",
    )  # fmt: skip
    user, address = story.name("u"), story.email("shared")
    story.enduser("harbor", "first", email=address)
    story.enduser("harbor", "second", email=address)
    story.identify(
        36, "13:00", created("harbor", user), company="harbor", user_id=user,
        traits={"email": address},
    )  # fmt: skip
    return story.case()


def _same_email_without_user_id(days: Days) -> Case:
    story = Story(
        days, "same-email-without-user-id", "3.4 3.6",
        "Two endusers of one company share an address and none is primary; a call with the address "
        "alone is nobody's, but the company's unattributed activity.",
    )  # fmt: skip
    address = story.email("shared", "lumen")
    story.enduser("lumen", "first", email=address)
    story.enduser("lumen", "second", email=address)
    story.track(
        36, "14:00", unresolved("ambiguous_enduser", "lumen"), company="lumen",
        anonymous_id=story.name("a"), properties={"email": address},
    )  # fmt: skip
    return story.case()


def _email_of_a_user(days: Days) -> Case:
    story = Story(
        days, "email-of-a-user", "3.4",
        "Planhat knows the user id and an old address. An identify tells the new one: a call with "
        "that alone is the same enduser's, for it leads to nobody else.",
    )  # fmt: skip
    user, address = story.name("u"), story.email("new")
    person = story.enduser("harbor", "old", externalId=user)
    story.identify(
        36, "14:30", found("harbor", person), company="harbor", user_id=user,
        traits={"email": address},
    )  # fmt: skip
    story.track(
        35, "14:30", found("harbor", person, "email_of_user"), company="harbor",
        anonymous_id=story.name("a"), properties={"email": address},
    )  # fmt: skip
    return story.case()


def _user_id_is_an_address(days: Days) -> Case:
    story = Story(
        days, "user-id-is-an-address", "3.3(4) 3.4",
        "The user id is an address, and no call tells another: it leads to Planhat's enduser with "
        "that address, and to its company.",
    )  # fmt: skip
    address = story.email("una")
    person = story.enduser("harbor", "una")
    story.track(36, "14:45", found("harbor", person, "user_email", "email"), user_id=address)
    story.track(
        35, "14:45", found("harbor", person, "user_email"), company="harbor",
        user_id=address.title(),
    )  # fmt: skip
    return story.case()


def _created_then_email(days: Days) -> Case:
    story = Story(
        days, "created-then-email", "3.4 3.5",
        "A new user is created with an address; a call with the address alone is theirs.",
    )  # fmt: skip
    user, address = story.name("u"), story.email("amir")
    first = story.identify(
        36, "15:00", created("harbor", user), company="harbor", user_id=user,
        traits={"email": address},
    )  # fmt: skip
    story.track(
        35, "15:00", created("harbor", user, "created_user_email"), company="harbor",
        anonymous_id=story.name("a1"), properties={"email": address},
    )  # fmt: skip
    story.track(
        34, "15:00", created("harbor", user, "created_user_email", "email"),
        anonymous_id=story.name("a2"), properties={"email": address},
    )  # fmt: skip
    story.expect("people", Person(Created(company_id("harbor"), user), {"email": address}, first))
    return story.case()


def _created_twice_one_email(days: Days) -> Case:
    story = Story(
        days, "created-twice-one-email", "3.4 3.6",
        "Two new users of one company come with the same address; a call with the address alone "
        "could be either's.",
    )  # fmt: skip
    address = story.email("desk")
    for hour, user in ((9, story.name("u1")), (10, story.name("u2"))):
        story.identify(
            35, f"{hour:02}:30", created("harbor", user), company="harbor", user_id=user,
            traits={"email": address},
        )  # fmt: skip
    story.track(
        35, "11:30", unresolved("ambiguous_enduser", "harbor"), company="harbor",
        anonymous_id=story.name("a"), properties={"email": address},
    )  # fmt: skip
    return story.case()


def _user_and_email_disagree(days: Days) -> Case:
    story = Story(
        days, "user-and-email-disagree", "3.4",
        "The user id is one enduser's externalId, the address another's: the user id stands, the "
        "conflict is recorded, the two are never merged.",
    )  # fmt: skip
    user = story.name("u")
    person = story.enduser("harbor", "bela", externalId=user)
    story.enduser("harbor", "cira")
    story.identify(
        35, "12:30", found("harbor", person).but(conflict=True), company="harbor", user_id=user,
        traits={"email": story.email("cira")},
    )  # fmt: skip
    return story.case()


def _email_of_another_external_id(days: Days) -> Case:
    story = Story(
        days, "email-of-another-external-id", "3.4",
        "The address leads to an enduser whose externalId is another user id: the user id's own "
        "outcome (by its address) stands, and the conflict is recorded.",
    )  # fmt: skip
    person = story.enduser("harbor", "dina", externalId=story.name("other"))
    story.identify(
        35, "13:30", found("harbor", person, "user_email").but(conflict=True), company="harbor",
        user_id=story.name("u"), traits={"email": story.email("dina")},
    )  # fmt: skip
    return story.case()


def _created_by_track(days: Days) -> Case:
    story = Story(
        days, "created-by-track", "3.5",
        "A track with a new user id and a known company creates the enduser.",
    )  # fmt: skip
    user = story.name("u")
    first = story.track(35, "14:30", created("lumen", user), company="lumen", user_id=user)
    story.track(34, "14:30", created("lumen", user), company="lumen", user_id=user)
    story.expect("people", Person(Created(company_id("lumen"), user), {}, first))
    return story.case()


def _not_created_by_others(days: Days) -> Case:
    story = Story(
        days, "not-created-by-others", "3.5 3.6",
        "Page, screen and alias calls never create anybody.",
    )  # fmt: skip
    outcome = unresolved("unknown_enduser", "harbor")
    user = story.name("u1")
    story.call("page", 34, "09:30", outcome, company="harbor", user_id=user, name="Reports")
    story.call("screen", 34, "10:30", outcome, company="harbor", user_id=user, name="Inbox")
    story.call(
        "alias", 34, "11:30", outcome, company="harbor", user_id=story.name("u2"),
        previous_id=story.name("a"),
    )  # fmt: skip
    return story.case()


def _page_of_a_created_enduser(days: Days) -> Case:
    story = Story(
        days, "page-of-a-created-enduser", "3.5",
        "A page call is not what creates an enduser, but it is theirs once a track has, though the "
        "track came later.",
    )  # fmt: skip
    user = story.name("u")
    outcome = created("harbor", user)
    story.call("page", 34, "12:30", outcome, company="harbor", user_id=user, name="Reports")
    first = story.track(34, "13:30", outcome, company="harbor", user_id=user)
    story.expect("people", Person(Created(company_id("harbor"), user), {}, first))
    return story.case()


def _attributes_of_the_last_identify(days: Days) -> Case:
    story = Story(
        days, "attributes-of-the-last-identify", "3.5",
        "A created enduser has each attribute from the last identify that carries it; an explicit "
        "null clears it. The last is the last that happened, not the last that arrived.",
    )  # fmt: skip
    user, cleared = story.name("u1"), story.name("u2")
    outcome = created("harbor", user)
    address = story.email("rosa")
    first = story.identify(
        34, "14:00", outcome, company="harbor", user_id=user,
        traits={"name": "R. Okafor", "email": address},
    )  # fmt: skip
    story.identify(
        32, "14:00", outcome, company="harbor", user_id=user, traits={"name": "Rosa Okafor"}
    )
    story.identify(
        33, "14:00", outcome, company="harbor", user_id=user, traits={"name": "Rosa O."},
        is_late=True,
    )  # fmt: skip
    story.expect(
        "people",
        Person(
            Created(company_id("harbor"), user), {"name": "Rosa Okafor", "email": address}, first
        ),
    )
    outcome = created("harbor", cleared)
    first = story.identify(
        34, "15:00", outcome, company="harbor", user_id=cleared, traits={"name": "Sam Ek"}
    )
    story.identify(33, "15:00", outcome, company="harbor", user_id=cleared, traits={"name": None})
    story.expect("people", Person(Created(company_id("harbor"), cleared), {"name": None}, first))
    return story.case()


def _attributes_in_context(days: Days) -> Case:
    story = Story(
        days, "attributes-in-context", "3.5",
        "RudderStack's browser SDK puts what it knows of a person into context.traits: attributes "
        "are looked for there too.",
    )  # fmt: skip
    user, address = story.name("u"), story.email("rudi")
    first = story.raw(
        31, "14:00", created("harbor", user),
        {
            "type": "identify", "userId": user,
            "context": {
                "traits": {
                    "email": address, "first_name": "Rudi", "lastName": "Nine",
                    "company_id": external_id("harbor"),
                }
            },
        },
    )  # fmt: skip
    said = {"email": address, "name": "Rudi Nine", "first_name": "Rudi", "last_name": "Nine"}
    story.expect("people", Person(Created(company_id("harbor"), user), said, first))
    return story.case()


def _usage_updates_no_field(days: Days) -> Case:
    story = Story(
        days, "usage-updates-no-field", "3.7",
        "An identify for an enduser that Planhat has changes none of its fields.",
    )  # fmt: skip
    user = story.name("u")
    person = story.enduser("harbor", "ylva", externalId=user, name="Ylva Dahl")
    story.identify(
        33, "09:00", found("harbor", person), company="harbor", user_id=user,
        traits={"name": "Somebody Else"},
    )  # fmt: skip
    story.expect("people", Person(person, {"name": "Ylva Dahl", "email": story.email("ylva")}))
    return story.case()


def _deleted_enduser(days: Days) -> Case:
    story = Story(
        days, "deleted-enduser", "3.5 3.6",
        "An enduser who was deleted in Planhat is recognised, by user id and by address, and not "
        "created again; nor is one of several deleted ones with the same address.",
    )  # fmt: skip
    user = story.name("u")
    story.enduser("harbor", "emil", externalId=user, gone=True)
    story.enduser("harbor", "freja", gone=True)
    outcome = unresolved("deleted_enduser", "harbor")
    story.track(33, "10:30", outcome, company="harbor", user_id=user)
    story.identify(33, "11:30", outcome, company="harbor", user_id=user)
    story.track(
        33, "12:30", outcome, company="harbor", anonymous_id=story.name("a"),
        properties={"email": story.email("freja")},
    )  # fmt: skip
    for key in ("first", "second"):
        story.enduser("harbor", key, email=story.email("both"), gone=True)
    story.identify(
        33, "13:30", outcome, company="harbor", user_id=story.name("u2"),
        traits={"email": story.email("both")},
    )  # fmt: skip
    return story.case()


def _auto_create_switched_off(days: Days) -> Case:
    story = Story(
        days, "auto-create-switched-off", "3.5 3.6",
        "Auto-create is switched off: who was created before stays, a call received after creates "
        "nobody, although it says that it happened before.",
        needs_history=True,
    )  # fmt: skip
    user, late = story.name("u1"), story.name("u2")
    story.expect("switches", Switch("auto_create", False, days.at(30, "00:00")))
    first = story.track(
        31, "09:00", created("harbor", user), company="harbor", user_id=user,
        received_at=days.at(31, "09:00:01"),
    )  # fmt: skip
    story.track(
        29, "09:00", created("harbor", user), company="harbor", user_id=user,
        received_at=days.at(29, "09:00:01"),
    )  # fmt: skip
    for days_ago in (29, 31):
        story.track(
            days_ago, "10:00", unresolved("unknown_enduser", "harbor"), company="harbor",
            user_id=late, received_at=days.at(29, "10:00:01"),
        )  # fmt: skip
    story.expect("people", Person(Created(company_id("harbor"), user), {}, first))
    return story.case()
