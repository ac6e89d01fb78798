"""`tell`: everything that an id stands for, asked of the warehouse and of nothing else."""

import psycopg
from psycopg import errors

from include.errors import ServiceError
from include.warehouse.reading import read_only
from include.why import calls, outbound, subjects, to_planhat
from include.why.asking import Asker, has_tables
from include.why.story import Chapter, Step, Story

LONGEST_ID = 1_000
WHAT = (
    "a message id, a user id, an e-mail, an anonymous id, the id of a company (Planhat's or its "
    "external id), of an enduser, or of any object in Planhat"
)
# What tells that a build was made: the last tables of each kind that a story is read from.
BUILT = (
    "marts.event_resolution", "marts.endusers", "marts.companies", "marts.usage_daily",
    "marts.usage_trends", "marts.unresolved_daily", "marts.identity_conflicts",
    "intermediate.int_identity__key_companies", "intermediate.int_identity__links",
    "intermediate.int_identity__own_keys", "intermediate.int_identity__known_companies",
    "staging.stg_segment__group_traits",
)  # fmt: skip


def tell(url: str, identifier: str, *, with_persons: bool = True) -> Story:
    """The story of one id, in order: received, resolved, counted, pushed, acknowledged, seen back.

    Blanks around `identifier` do not matter. An id that stands for several things gets a chapter
    for each; one that is not known gets a `hint`. Without `with_persons` no payload is read, and
    other keys and names of people than the one asked about are hidden. Nothing is written. Raises
    `ServiceError` when the warehouse does not answer or has no tables.
    """
    asked = identifier.replace("\0", "").strip()
    if not asked:
        return Story(asked, hint=f"Say what to look for: {WHAT}.")
    if len(asked) > LONGEST_ID:
        return Story(asked[:100] + "…", hint=f"No id has more than {LONGEST_ID:,} characters.")
    try:
        with read_only(url) as connection:
            if not has_tables(connection, "raw_segment.events", "sync.objects"):
                raise ServiceError("The warehouse has no tables yet: `make up` makes them.")
            is_built = has_tables(connection, *BUILT)
            return _story(Asker(connection, asked, with_persons, is_built))
    except errors.QueryCanceled:
        raise ServiceError(
            "The warehouse took longer than 5 seconds to answer. Try again; if it stays so, look "
            "whether a full rebuild is running."
        ) from None
    except psycopg.Error as error:
        detail = error.diag.message_primary or type(error).__name__
        raise ServiceError(
            f"The warehouse answered with an error ({detail}). While a full build replaces its "
            "tables, try again in a minute."
        ) from None


def _story(asker: Asker) -> Story:
    chapters = [*calls.chapters_of(asker, asker.identifier), *_message(asker)]
    if asker.is_built:
        chapters += _subjects(asker)
    chapters += subjects.objects(asker, asker.identifier)
    if not any(each.kind in ("enduser", "company") for each in chapters):
        chapters += subjects.deleted_enduser(asker, asker.identifier)
    if not chapters:
        chapters += to_planhat.objects(asker, asker.identifier)
    if chapters:
        return Story(asker.identifier, tuple(chapters))
    hint = f"Nothing here is called “{asker.identifier[:200]}”. It may be {WHAT}."
    if not asker.is_built:
        hint += " Nothing has been built yet, so only message ids and objects can be told: "
        hint += "run `make build`."
    elif asker.identifier.startswith("planhat-"):
        hint += " The ledger keeps the last message of each object; an older one is not kept."
    return Story(asker.identifier, hint=hint)


def _subjects(asker: Asker) -> list[Chapter]:
    key = asker.identifier
    chapters = [
        *subjects.enduser(asker, key),
        *subjects.companies(asker, key),
        *subjects.user_id(asker, key),
        *subjects.anonymous_id(asker, key),
    ]
    if "@" in key:
        chapters += subjects.email(asker, key.casefold())
    return chapters or subjects.unknown_company(asker, key)


def _message(asker: Asker) -> list[Chapter]:
    """A message that we pushed and that has not come back: only the ledger knows it."""
    message_id = asker.identifier
    if not message_id.startswith("planhat-"):
        return []
    landed = asker.one(
        "select 1 from raw_segment.events where message_key = md5(%s)::uuid", message_id
    )
    sent = None if landed else outbound.sent_as(asker, message_id)
    if sent is None:
        return []
    about = Step(
        "About", f"Pushed for the {sent['model']} {sent['object_id']}.", refs=(sent["object_id"],)
    )
    steps = (about, *outbound.steps_of(asker, sent["model"], sent["object_id"]))
    return [Chapter("message", f"Message {message_id}", steps)]
