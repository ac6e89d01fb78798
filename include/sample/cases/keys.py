"""Cases of §3.1: which keys an event carries, under which names, and which never count."""

from collections.abc import Iterator
from typing import Any

from include.sample.cases.story import (
    Case,
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
        _user_id_in_traits,
        _snake_case,
        _partner_form,
        _email_folded,
        _email_places,
        _invited_colleague,
        _company_key_names,
        _company_key_order,
        _ids_as_numbers,
        _blocked_falls_through,
        _blocked_values,
        _blocked_anonymous_id,
        _customers_blocklist,
        _blocked_pattern,
        _excluded_staff,
        _objects_named,
        _objects_unknown,
    ):
        yield write(days)


def _user_id_in_traits(days: Days) -> Case:
    story = Story(
        days, "user-id-in-traits", "3.1 3.4",
        "An identify without userId says who it is in traits.id; later tracks use the userId.",
    )  # fmt: skip
    user = story.name("u")
    person = story.enduser("harbor", "ines", externalId=user)
    story.identify(
        24, "09:00", found("harbor", person), company="harbor",
        anonymous_id=story.name("a"), traits={"id": user},
    )  # fmt: skip
    story.track(24, "10:00", found("harbor", person, by="user_id"), user_id=user)
    return story.case()


def _snake_case(days: Days) -> Case:
    story = Story(
        days, "snake-case", "3.1",
        "A client writes every key in snake_case: user_id, anonymous_id, group_id.",
    )  # fmt: skip
    user = story.name("u")
    person = story.enduser("harbor", "milan", externalId=user)
    body: dict[str, Any] = {"type": "track", "event": "Checklist Completed", "user_id": user}
    story.raw(23, "09:00", found("harbor", person, by="user_id"), body)
    story.raw(23, "10:00", found("harbor", person), {**body, "group_id": external_id("harbor")})
    # The anonymous id of this call links the page before it (§3.2).
    device = story.name("a")
    story.raw(
        22, "09:00", found("harbor", person, by="user_id"),
        {"type": "page", "name": "Pricing", "anonymous_id": device},
    )  # fmt: skip
    story.raw(22, "09:30", found("harbor", person, by="user_id"), {**body, "anonymous_id": device})
    return story.case()


def _partner_form(days: Days) -> Case:
    story = Story(
        days, "partner-form", "3.1 3.4",
        "Segment's partner form: one event a request, user_id in snake_case, company in "
        "traits.companyId, signed in with the tenant token.",
    )  # fmt: skip
    user = story.name("u")
    person = story.enduser("lumen", "petra", externalId=user)
    story.raw(
        22, "11:00", found("lumen", person),
        {
            "type": "identify",
            "user_id": user,
            "traits": {
                "name": "Petra Novak",
                "email": story.email("petra", "lumen"),
                "companyId": external_id("lumen"),
            },
        },
        path="/dock/segment",
    )  # fmt: skip
    return story.case()


def _email_folded(days: Days) -> Case:
    story = Story(
        days, "email-folded", "3.1 3.3(4) 3.4",
        "An address with blanks and capitals is the same address, in Planhat too.",
    )  # fmt: skip
    lower = story.enduser("lumen", "kim")
    upper = story.enduser("lumen", "Juno", email=story.email("Juno", "lumen").upper())
    story.track(
        21, "09:00", found("lumen", lower, "email", "email"), anonymous_id=story.name("a1"),
        properties={"email": f"  {story.email('KIM', 'lumen').title()} "},
    )  # fmt: skip
    story.track(
        21, "09:30", found("lumen", upper, "email", "email"), anonymous_id=story.name("a2"),
        properties={"email": story.email("juno", "lumen")},
    )  # fmt: skip
    # as pasted: a zero-width space before it, a no-break space and a line's end behind it
    story.track(
        21, "10:00", found("lumen", lower, "email", "email"), anonymous_id=story.name("a3"),
        properties={"email": f"\u200b{story.email('kim', 'lumen')}\u00a0\n"},
    )  # fmt: skip
    return story.case()


def _email_places(days: Days) -> Case:
    story = Story(
        days, "email-places", "3.1",
        "An address stands in traits or context.traits, the first counts; without one, and nothing "
        "else that tells a person, in properties.",
    )  # fmt: skip
    first, second = story.enduser("lumen", "first"), story.enduser("lumen", "second")
    one, two = story.email("first", "lumen"), story.email("second", "lumen")
    to_first = found("lumen", first, "email", "email")
    to_second = found("lumen", second, "email", "email")
    story.identify(
        21, "11:00", to_first, anonymous_id=story.name("a1"),
        traits={"email": one}, context={"traits": {"email": two}},
    )  # fmt: skip
    story.track(
        21, "12:00", to_second, anonymous_id=story.name("a2"),
        context={"traits": {"email": two}}, properties={"email": one},
    )  # fmt: skip
    story.track(
        21, "13:00", to_first, anonymous_id=story.name("a3"),
        context={"traits": {"email": " "}}, properties={"email": one},
    )  # fmt: skip
    return story.case()


def _invited_colleague(days: Days) -> Case:
    story = Story(
        days, "invited-colleague", "3.1 3.2 3.5",
        "An event carries somebody else's address among its properties. With a user id, or a "
        "device that a link knows, it is the inviter's; alone it is the invited one's, creates "
        "them, and says nothing of any other call.",
    )  # fmt: skip
    user, device = story.name("u"), story.name("a1")
    invited = story.email("invited")
    inviter = created("harbor", user)
    story.identify(
        22, "11:00", inviter, company="harbor", user_id=user, anonymous_id=device,
        traits={"email": story.email("host")},
    )  # fmt: skip
    for name, value in (("user_id", user), ("anonymous_id", device)):
        story.track(
            21, "11:30", inviter, event="Colleague Invited", company="harbor",
            properties={"email": invited}, **{name: value},
        )  # fmt: skip
    story.track(
        21, "12:30", created("harbor", invited, "created_email"), event="Invitation Opened",
        company="harbor", anonymous_id=story.name("a2"), properties={"email": invited},
    )  # fmt: skip
    # it links no device, and ties no company to the address
    story.track(
        21, "13:30", unresolved("no_identity", "harbor"), company="harbor",
        anonymous_id=story.name("a2"),
    )  # fmt: skip
    story.track(
        21, "14:30", unresolved("no_company"), anonymous_id=story.name("a3"),
        properties={"email": invited},
    )  # fmt: skip
    return story.case()


def _company_key_names(days: Days) -> Case:
    story = Story(
        days, "company-key-names", "3.1 3.3(1)",
        "Every name under which a call may name its company, in camelCase and snake_case.",
    )  # fmt: skip
    user = story.name("u")
    person = story.enduser("harbor", "noor", externalId=user)
    key = external_id("harbor")
    outcome = found("harbor", person)
    in_traits: list[dict[str, Any]] = [
        {"company_id": key}, {"companyId": key}, {"company": {"id": key}},
        {"companyExternalId": key}, {"company_external_id": key},
    ]  # fmt: skip
    in_properties: list[dict[str, Any]] = [
        {"company_id": key}, {"companyId": key}, {"customer_id": key}, {"customerId": key},
        {"companyExternalId": key}, {"company_external_id": key},
    ]  # fmt: skip
    in_context: list[dict[str, Any]] = [
        {"groupId": key}, {"group_id": key}, {"traits": {"company_id": key}},
        {"traits": {"companyId": key}}, {"traits": {"company": {"id": key}}},
    ]  # fmt: skip
    clock = iter(f"{hour:02}:{minute:02}" for hour in range(8, 12) for minute in (0, 10, 20, 30))
    for traits in in_traits:
        story.identify(20, next(clock), outcome, user_id=user, traits=traits)
    for properties in in_properties:
        story.track(20, next(clock), outcome, user_id=user, properties=properties)
    for context in in_context:
        story.track(19, next(clock), outcome, user_id=user, context=context)
    for name in ("groupId", "group_id"):
        body = {"type": "track", "event": "Checklist Completed", "userId": user, name: key}
        story.raw(18, f"{9 + len(name)}:00", outcome, body)
    return story.case()


def _company_key_order(days: Days) -> Case:
    story = Story(
        days, "company-key-order", "3.1 3.3(1)",
        "A call names two companies: the name that stands first in the list counts.",
    )  # fmt: skip
    user = story.name("u")
    at_harbor = story.enduser("harbor", "sol", externalId=user)
    at_lumen = story.enduser("lumen", "sol", externalId=user)
    harbor, lumen = external_id("harbor"), external_id("lumen")
    story.identify(
        18, "09:00", found("harbor", at_harbor), user_id=user,
        traits={"company_id": harbor, "companyExternalId": lumen}, context={"groupId": lumen},
    )  # fmt: skip
    story.track(
        18, "10:00", found("lumen", at_lumen), user_id=user,
        properties={"customer_id": lumen, "companyExternalId": harbor},
        context={"groupId": harbor},
    )  # fmt: skip
    story.track(
        18, "11:00", found("harbor", at_harbor), user_id=user,
        context={"groupId": harbor, "traits": {"company_id": lumen}},
        properties={"companyExternalId": lumen},
    )  # fmt: skip
    return story.case()


def _ids_as_numbers(days: Days) -> Case:
    story = Story(
        days, "ids-as-numbers", "3.1 3.3(1)",
        "A client sends its ids as JSON numbers, 90210.0 too; Planhat keeps them as text.",
    )  # fmt: skip
    person = story.enduser("brightwater", "adeola", externalId="90210")
    story.identify(
        17, "09:00", found("brightwater", person), user_id=90210, traits={"company_id": 4711}
    )
    story.raw(
        17, "10:00", found("brightwater", person),
        {
            "type": "track", "event": "Checklist Completed", "userId": 90210.0,
            "properties": {"customerId": 4711},
        },
    )  # fmt: skip
    return story.case()


def _blocked_falls_through(days: Days) -> Case:
    story = Story(
        days, "blocked-falls-through", "3.1",
        "A value that never identifies anyone is as if absent: the next name of the list is used.",
    )  # fmt: skip
    user = story.name("u")
    person = story.enduser("harbor", "lena", externalId=user)
    story.identify(
        17, "11:00", found("harbor", person), user_id="00000000-0000-0000-0000-000000000000",
        traits={"id": user, "company_id": "null"}, context={"groupId": external_id("harbor")},
    )  # fmt: skip
    story.identify(
        17, "12:00", found("harbor", person, by="user_id"), user_id="-1",
        traits={"id": user, "company_id": "undefined"},
    )  # fmt: skip
    return story.case()


def _blocked_values(days: Days) -> Case:
    story = Story(
        days, "blocked-values", "3.1 3.6",
        "Placeholders that broken clients send as user ids identify nobody.",
    )  # fmt: skip
    values = ("0", "0000-0000", "-1", "null", "undefined", "anonymous", "None", "[object Object]")
    for hour, value in enumerate(values, 9):
        story.track(16, f"{hour:02}:00", unresolved("blocked_identity"), user_id=value)
    return story.case()


def _blocked_anonymous_id(days: Days) -> Case:
    story = Story(
        days, "blocked-anonymous-id", "3.1 3.2 3.6",
        "All devices of a broken client share the anonymous id “undefined”: it links nobody.",
    )  # fmt: skip
    user = story.name("u")
    person = story.enduser("harbor", "otto", externalId=user)
    story.identify(
        16, "09:30", found("harbor", person, by="user_id"), user_id=user, anonymous_id="undefined"
    )
    story.track(16, "10:30", unresolved("blocked_identity"), anonymous_id="undefined")
    return story.case()


def _customers_blocklist(days: Days) -> Case:
    story = Story(
        days, "customers-blocklist", "3.1 3.4 3.6",
        "The customer blocks the shared sign-in “kiosk”: alone it is nobody, beside an address "
        "the address decides.",
    )  # fmt: skip
    person = story.enduser("harbor", "wanda")
    story.track(16, "13:00", unresolved("blocked_identity"), user_id="kiosk")
    story.track(
        16, "14:00", found("harbor", person, "email", "email"), user_id="kiosk",
        properties={"email": story.email("wanda")},
    )  # fmt: skip
    return story.case()


def _blocked_pattern(days: Days) -> Case:
    story = Story(
        days, "blocked-pattern", "3.1 3.4 3.6",
        "Load tests sign in as loadtest-1, loadtest-2 …: one pattern of the customer's blocks such "
        "user ids. Alone they are nobody, beside an address the address decides, and a company "
        "key may look so.",
    )  # fmt: skip
    person = story.enduser("harbor", "xara")
    story.track(16, "15:00", unresolved("blocked_identity"), user_id="loadtest-1")
    story.track(
        16, "15:10", unresolved("blocked_identity", "harbor"), company="harbor",
        user_id="loadtest-22",
    )  # fmt: skip
    story.track(
        16, "15:20", found("harbor", person, "email", "email"), user_id="loadtest-1",
        properties={"email": story.email("xara")},
    )  # fmt: skip
    story.track(
        16, "15:30", unresolved("unknown_company"), user_id=story.name("u"),
        context={"groupId": "loadtest-1"},
    )  # fmt: skip
    return story.case()


def _excluded_staff(days: Days) -> Case:
    story = Story(
        days, "excluded-staff", "3.1 3.6",
        "One's own staff is excluded by the domain of their addresses: a call that tells one, and "
        "every other call of that user id, counts for nobody and creates nobody.",
    )  # fmt: skip
    user = story.name("u")
    outcome = unresolved("blocked_identity", "harbor")
    story.track(16, "16:00", outcome, company="harbor", user_id=user)
    story.identify(
        16, "16:10", outcome, company="harbor", user_id=user,
        traits={"email": "Sam@Ourselves.example"},
    )  # fmt: skip
    return story.case()


def _objects_named(days: Days) -> Case:
    story = Story(
        days, "objects-named", "3.1 3.7",
        "Events name assets, projects and a license; two companies use the same externalId for "
        "different assets, and each event means its own company's.",
    )  # fmt: skip
    user = story.name("u")
    at_harbor = story.enduser("harbor", "rui", externalId=user)
    at_lumen = story.enduser("lumen", "rui", externalId=user)
    asset = {
        company: story.object("asset", company, "forklift", name="Scanner 7", externalId="asset-7")
        for company in ("harbor", "lumen")
    }
    project = story.object("project", "harbor", "rollout", name="Rollout", externalId="project-7")
    license_ = story.object(
        "license", "harbor", "premium", externalId="license-7", product="Premium", value=1200,
        _currency=_currency("EUR"), fromDate=days.iso(200), toDate=days.iso(-165),
        renewalStatus="ongoing", fixedPeriod=True,
    )  # fmt: skip
    to_harbor = found("harbor", at_harbor)
    for hour, name in enumerate(("asset_id", "assetId", "assetExternalId", "asset_external_id"), 8):
        story.track(
            15, f"{hour:02}:00", to_harbor.but(objects={"asset": asset["harbor"]}, counted=True),
            user_id=user, company="harbor", properties={name: "asset-7"},
        )  # fmt: skip
    story.track(
        15, "12:00", found("lumen", at_lumen).but(objects={"asset": asset["lumen"]}, counted=True),
        user_id=user, company="lumen", properties={"asset_id": "asset-7"},
    )  # fmt: skip
    story.track(
        15, "13:00",
        to_harbor.but(objects={"asset": asset["harbor"], "project": project}, counted=True),
        user_id=user, company="harbor",
        properties={"asset_id": "asset-7", "project_id": "project-7"},
    )  # fmt: skip
    story.track(
        15, "14:00", to_harbor.but(objects={"project": project}, counted=True), user_id=user,
        context={"groupId": external_id("harbor"), "projectExternalId": "project-7"},
    )  # fmt: skip
    story.track(
        15, "15:00", to_harbor.but(objects={"license": license_}, counted=True), user_id=user,
        company="harbor", properties={"license_id": "license-7"},
    )  # fmt: skip
    return story.case()


def _objects_unknown(days: Days) -> Case:
    story = Story(
        days, "objects-unknown", "3.1 3.6",
        "An event names an asset that nobody knows, or one of another company: it still counts for "
        "its enduser and company, and says so apart.",
    )  # fmt: skip
    user = story.name("u")
    person = story.enduser("harbor", "ewa", externalId=user)
    story.object("asset", "lumen", "chair", name="Chair 9", externalId="asset-of-lumen-only")
    known = story.object("asset", "harbor", "dock", name="Dock 9", externalId="asset-9")
    outcome = found("harbor", person).but(object_reason="unknown_object", counted=True)
    for hour, asset in ((9, "no-such-asset"), (10, "asset-of-lumen-only")):
        story.track(
            14, f"{hour:02}:00", outcome, user_id=user, company="harbor",
            properties={"asset_id": asset},
        )  # fmt: skip
    story.track(
        14, "11:00", outcome.but(objects={"asset": known}), user_id=user, company="harbor",
        properties={"asset_id": "asset-9", "project_id": "no-such-project"},
    )  # fmt: skip
    # A blocked object key is as if absent: nothing was named.
    story.track(
        14, "12:00", found("harbor", person).but(counted=True), user_id=user, company="harbor",
        properties={"asset_id": "null"},
    )  # fmt: skip
    # The user's enduser is created here, so that this company too has named an unknown object.
    story.track(
        14, "13:00", created("lumen", user).but(object_reason="unknown_object", counted=True),
        user_id=user, company="lumen", properties={"asset_id": "asset-9"},
    )  # fmt: skip
    return story.case()


def _currency(code: str) -> dict[str, Any]:
    return {
        "_id": company_id(f"currency/{code}"), "symbol": code, "rate": 1, "isBase": True,
        "overrides": {},
    }  # fmt: skip
