"""Cases of §3.3: which company a call belongs to."""

from collections.abc import Iterator

from include.sample.cases.story import (
    Case,
    Outcome,
    Story,
    company_id,
    created,
    external_id,
    found,
    unresolved,
)
from include.sample.days import Days


def cases(days: Days) -> Iterator[Case]:
    """Every case of this rule."""
    for write in (
        _named_company_wins,
        _only_company_of_user,
        _same_external_id_twice,
        _nearest_call_by_order,
        _several_never_named,
        _unknown_company,
        _unknown_company_known_user,
        _deleted_company,
        _nobody_knows_the_user,
        _named_once,
        _email_named_once,
        _group_call_ties,
        _stray_track,
        _company_by_email_only,
        _email_in_two_companies,
        _email_of_the_primary,
        _email_with_company_key,
        _company_without_external_id,
        _former_keys,
        _company_alias,
    ):
        yield write(days)


def _named_company_wins(days: Days) -> Case:
    story = Story(
        days, "named-company-wins", "3.3(1) 3.4 3.5",
        "A call names a company: the person is looked for only there, although Planhat has the "
        "user id in another company. There they are created. A call that names none is where "
        "Planhat has the user.",
    )  # fmt: skip
    user = story.name("u")
    person = story.enduser("lumen", "nils", externalId=user)
    outcome = created("harbor", user)
    story.identify(40, "09:00", outcome, company="harbor", user_id=user)
    story.track(39, "09:00", found("lumen", person, by="user_id"), user_id=user)
    return story.case()


def _only_company_of_user(days: Days) -> Case:
    story = Story(
        days, "only-company-of-user", "3.3(2)",
        "A call names no company; the user id has an enduser in one company only.",
    )  # fmt: skip
    user = story.name("u")
    person = story.enduser("harbor", "olga", externalId=user)
    story.track(40, "10:00", found("harbor", person, by="user_id"), user_id=user)
    return story.case()


def _same_external_id_twice(days: Days) -> Case:
    story = Story(
        days, "same-external-id-twice", "3.3(1) 3.4",
        "Endusers of two companies have the externalId “admin-1”; the company key decides.",
    )  # fmt: skip
    at_harbor = story.enduser("harbor", "admin", externalId="admin-1")
    at_lumen = story.enduser("lumen", "admin", externalId="admin-1")
    story.track(40, "11:00", found("harbor", at_harbor), company="harbor", user_id="admin-1")
    story.track(40, "12:00", found("lumen", at_lumen), company="lumen", user_id="admin-1")
    return story.case()


def _nearest_call_by_order(days: Days) -> Case:
    story = Story(
        days, "nearest-call-by-order", "3.3(3)",
        "A consultant works for two customers. A call that names neither belongs to the one named "
        "last before it, within a day too; before all of them, to the first one named. A third "
        "customer, in which Planhat does not have them, says nothing of where they are.",
    )  # fmt: skip
    user = story.name("u")
    at_harbor = story.enduser("harbor", "pia", externalId=user)
    at_lumen = story.enduser("lumen", "pia", externalId=user)
    story.track(45, "10:00", found("harbor", at_harbor, by="user_nearest_call"), user_id=user)
    story.identify(40, "10:00", found("harbor", at_harbor), company="harbor", user_id=user)
    story.track(35, "10:00", found("harbor", at_harbor, by="user_nearest_call"), user_id=user)
    # The same day: in the morning they were still with the one, in the evening with the other.
    story.track(30, "08:00", found("harbor", at_harbor, by="user_nearest_call"), user_id=user)
    story.track(30, "16:00", found("lumen", at_lumen), company="lumen", user_id=user)
    story.track(30, "17:00", created("quay", user), company="quay", user_id=user)
    story.track(30, "18:00", found("lumen", at_lumen, by="user_nearest_call"), user_id=user)
    story.track(20, "10:00", found("lumen", at_lumen, by="user_nearest_call"), user_id=user)
    return story.case()


def _several_never_named(days: Days) -> Case:
    story = Story(
        days, "several-never-named", "3.3(3) 3.6",
        "The user id has endusers in two companies and no call ever names one: nobody is picked "
        "at random.",
    )  # fmt: skip
    user = story.name("u")
    story.enduser("harbor", "quin", externalId=user)
    story.enduser("lumen", "quin", externalId=user)
    story.track(40, "13:00", unresolved("ambiguous_enduser"), user_id=user)
    return story.case()


def _unknown_company(days: Days) -> Case:
    story = Story(
        days, "unknown-company", "3.3 3.6",
        "A call names a company that Planhat does not have (yet), and nothing else leads to one.",
    )  # fmt: skip
    user = story.name("u")
    story.identify(
        40, "14:00", unresolved("unknown_company"), user_id=user,
        traits={"company_id": "not-in-planhat-yet", "email": story.email("rolf", "elsewhere")},
    )  # fmt: skip
    story.track(
        39, "14:00", unresolved("unknown_company"), user_id=user,
        context={"groupId": "not-in-planhat-yet"},
    )  # fmt: skip
    story.call(
        "group", 39, "15:00", unresolved("unknown_company"), user_id=user,
        group_id="not-in-planhat-yet", traits={"api_calls": 10},
    )  # fmt: skip
    return story.case()


def _unknown_company_known_user(days: Days) -> Case:
    story = Story(
        days, "unknown-company-known-user", "3.3(2)",
        "A call names a company that Planhat does not have, but its user id has one company: the "
        "next rule applies, and the call says beside it that the company is unknown.",
    )  # fmt: skip
    user = story.name("u")
    person = story.enduser("harbor", "sanna", externalId=user)
    story.track(
        40, "15:00",
        found("harbor", person, by="user_id").but(company_reason="unknown_company"),
        user_id=user, context={"groupId": "not-in-planhat-either"},
    )  # fmt: skip
    return story.case()


def _deleted_company(days: Days) -> Case:
    story = Story(
        days, "deleted-company", "3.0 3.3 3.6",
        "A company that was deleted in Planhat is no known company.",
    )  # fmt: skip
    user = story.name("u")
    story.track(40, "16:00", unresolved("unknown_company"), company="mill", user_id=user)
    story.call(
        "group", 40, "16:30", unresolved("unknown_company"), user_id=user,
        group_id=external_id("mill"), traits={"api_calls": 5},
    )  # fmt: skip
    return story.case()


def _nobody_knows_the_user(days: Days) -> Case:
    story = Story(
        days, "nobody-knows-the-user", "3.3 3.6",
        "A user id that neither Planhat nor any call ties to a company.",
    )  # fmt: skip
    story.track(39, "09:00", unresolved("no_company"), user_id=story.name("u"))
    return story.case()


def _named_once(days: Days) -> Case:
    story = Story(
        days, "named-once", "3.3(2) 3.5",
        "One identify names the company of a new user; their calls before and after, which name "
        "none, follow.",
    )  # fmt: skip
    user = story.name("u")
    story.track(39, "10:00", created("harbor", user, by="user_id"), user_id=user)
    story.identify(38, "10:00", created("harbor", user), company="harbor", user_id=user)
    story.track(37, "10:00", created("harbor", user, by="user_id"), user_id=user)
    return story.case()


def _email_named_once(days: Days) -> Case:
    story = Story(
        days, "email-named-once", "3.3(4) 3.4 3.5",
        "A new address is named together with a company once; a later call with the address alone "
        "follows.",
    )  # fmt: skip
    address = story.email("tove")
    story.identify(
        39, "11:00", created("harbor", address, "created_email"), company="harbor",
        anonymous_id=story.name("a1"), traits={"email": address},
    )  # fmt: skip
    story.track(
        38, "11:00", created("harbor", address, "created_email", "email"),
        anonymous_id=story.name("a2"), properties={"email": address},
    )  # fmt: skip
    return story.case()


def _group_call_ties(days: Days) -> Case:
    story = Story(
        days, "group-call-ties", "3.3 3.5 3.8",
        "A group call is the company's, and ties its user id to it: the track after it, which "
        "names none, is there.",
    )  # fmt: skip
    user = story.name("u")
    story.call(
        "group", 39, "12:00",
        Outcome(company_id("harbor"), matched_by="group", company_matched_by="company_key",
                unsaid=frozenset({"enduser"})),
        user_id=user, group_id=external_id("harbor"),
    )  # fmt: skip
    story.track(39, "13:00", created("harbor", user, by="user_id"), user_id=user)
    return story.case()


def _stray_track(days: Days) -> Case:
    story = Story(
        days, "stray-track", "3.3 3.3(2)",
        "A supporter impersonates a user for one track in another company: the track is there, but "
        "an identify said where the user is, and calls that name none stay there.",
    )  # fmt: skip
    user = story.name("u")
    story.identify(39, "14:00", created("harbor", user), company="harbor", user_id=user)
    story.track(38, "14:00", created("lumen", user), company="lumen", user_id=user)
    story.track(37, "14:00", created("harbor", user, by="user_id"), user_id=user)
    return story.case()


def _company_by_email_only(days: Days) -> Case:
    story = Story(
        days, "company-by-email-only", "3.3(4) 3.4",
        "A new user id comes with an address that Planhat has in one company: the call is that "
        "enduser's, and so is a call with the user id alone, whose e-mail it is.",
    )  # fmt: skip
    user = story.name("u")
    person = story.enduser("lumen", "ulla")
    story.identify(
        38, "09:00", found("lumen", person, "user_email", "email"), user_id=user,
        traits={"email": story.email("ulla", "lumen")},
    )  # fmt: skip
    story.track(38, "10:00", found("lumen", person, "user_email", "email"), user_id=user)
    return story.case()


def _email_in_two_companies(days: Days) -> Case:
    story = Story(
        days, "email-in-two-companies", "3.3(4) 3.6",
        "Two companies have the same address on purpose, and none or both of the endusers are "
        "primary: nobody is picked at random.",
    )  # fmt: skip
    for key, primary in (("none", False), ("both", True)):
        address = story.email(key, "shared")
        for company in ("harbor", "lumen"):
            story.enduser(company, key, email=address, primary=primary)
        story.track(
            38, f"1{1 + primary}:00", unresolved("ambiguous_enduser"),
            anonymous_id=story.name(key), properties={"email": address},
        )  # fmt: skip
    return story.case()


def _email_of_the_primary(days: Days) -> Case:
    story = Story(
        days, "email-of-the-primary", "3.3(4) 3.4",
        "Two companies have the same address and in one alone an enduser with it is primary: "
        "theirs. Two primary ones of one company are still one company, in which a user id of "
        "their own tells them apart.",
    )  # fmt: skip
    address = story.email("viggo", "shared")
    story.enduser("harbor", "viggo", email=address)
    primary = story.enduser("lumen", "viggo", email=address, primary=True)
    story.track(
        38, "13:00", found("lumen", primary, "email", "email_primary"),
        anonymous_id=story.name("a"), properties={"email": address},
    )  # fmt: skip
    both, user = story.email("both", "shared"), story.name("u")
    story.enduser("harbor", "vera", email=both)
    for key in ("vera", "vincent"):
        story.enduser("lumen", key, email=both, primary=True)
    story.identify(
        38, "13:30", created("lumen", user, by="email_primary"), user_id=user,
        traits={"email": both},
    )  # fmt: skip
    return story.case()


def _email_with_company_key(days: Days) -> Case:
    story = Story(
        days, "email-with-company-key", "3.3(1) 3.4",
        "Two companies have the same address; the company key decides, even against primary.",
    )  # fmt: skip
    address = story.email("wilma", "shared")
    plain = story.enduser("harbor", "wilma", email=address)
    story.enduser("lumen", "wilma", email=address, primary=True)
    story.track(
        38, "14:00", found("harbor", plain, "email"), company="harbor",
        anonymous_id=story.name("a"), properties={"email": address},
    )  # fmt: skip
    return story.case()


def _company_without_external_id(days: Days) -> Case:
    story = Story(
        days, "company-without-external-id", "3.3(2)",
        "A company without an externalId cannot be named by a call, but its endusers lead to it.",
    )  # fmt: skip
    user = story.name("u")
    person = story.enduser("quiet", "xenia", externalId=user)
    story.track(38, "15:00", found("quiet", person, by="user_id"), user_id=user)
    return story.case()


def _former_keys(days: Days) -> Case:
    story = Story(
        days, "former-keys", "3.3(1) 3.3(2) 3.4",
        "Planhat gave a company and a person other external ids. Calls that still carry the old "
        "ones lead to them as before, for nobody else has those.",
    )  # fmt: skip
    user = story.name("u")
    person = story.enduser("quay", "yves", externalId=f"{user}-new")
    story.earlier("company", company_id("quay"), externalId="north-quay-2019")
    story.earlier("enduser", person, externalId=user)
    story.track(
        38, "16:00", found("quay", person), user_id=user,
        context={"groupId": "north-quay-2019"},
    )  # fmt: skip
    story.track(38, "16:30", found("quay", person, by="user_id"), user_id=user)
    story.track(38, "17:00", found("quay", person), company="quay", user_id=f"{user}-new")
    return story.case()


def _company_alias(days: Days) -> Case:
    story = Story(
        days, "company-alias", "3.3(1) 3.4",
        "Two customers merged. Calls still name the one that Planhat has no more: an alias leads "
        "from its key to the other.",
    )  # fmt: skip
    user = story.name("u")
    person = story.enduser("quay", "zoltan", externalId=user)
    story.track(
        38, "18:00", found("quay", person), user_id=user, context={"groupId": "quay-marine"}
    )
    return story.case()
