"""What operators say of identity: blocked, excluded, further keys, how long a link holds.

Each is kept with who and since when, listed, taken back, and refused in words where it can mean
nothing. The page and the command line change it here. The rules are docs/identity.md's.
"""

import math
from typing import Any

import psycopg
from psycopg import sql

from include.blank import BLANK, cut
from include.page.changes import ChangeError, Place, changing
from include.warehouse.connection import connect
from include.warehouse.reading import one, rows, shortened
from include.why.asking import HIDDEN

# So many rows of each setting are on the page; the command line lists all.
ROWS_SHOWN = 200

# Constraints of the tables (migrations 0019, 0026 and 0034) and what is said to whoever breaks one.
_REFUSALS = {
    "a_value_says_something": "What is blank blocks nothing.",
    "a_value_is_short": "What has more than 500 characters is no key.",
    "an_alias_is_short": "What has more than 500 characters is no key.",
    "a_pattern_must_say_more_than_anything": "A pattern needs more than stars: it would block all.",
    "a_domain_is_what_follows_the_at_sign": "A domain is what follows the @, such as example.com.",
    "only_user_ids_and_emails_have_a_domain": "Only e-mails, and user ids that are one, have one.",
    "blocked_identities_key_check": "A row is for all keys, or user_id, email, anonymous_id, "
    "company or object.",
    "blocked_identities_kind_check": "What is blocked is a value, a pattern or a domain.",
    "excluded_kind_check": "Excluded is an email or a domain.",
    "an_email_has_an_at_sign": "An e-mail has an @ with something on both sides.",
    "an_alias_is_one_step": "An alias is one step: what it leads to, or what leads to it, is one.",
    "an_alias_leads_to_another": "An alias leads to a company, not to itself.",
    "company_aliases_planhat_id_check": "The company is named by its _id in Planhat: 24 digits.",
}
# A link that is older than a century is one that never expires.
LONGEST_DAYS = 36_500
# Where the last build keeps the keys that calls carry.
_SEEN = {
    "user_id": ("int_identity__own_keys", "user_id"),
    "email": ("int_identity__own_keys", "email"),
    "anonymous_id": ("int_identity__links", "anonymous_id"),
    "company": ("int_identity__own_keys", "company_key"),
    "object": ("int_identity__mentions", "object_key"),
}
# Patterns and domains are looked for in all that calls carry.
_PATIENCE = "set local statement_timeout = '20s'"


# What is said


def said(
    connection: psycopg.Connection, *, with_persons: bool = True, limit: int | None = None
) -> dict[str, Any]:
    """What is set now: `{"blocked", "excluded", "aliases", "links"}`, each with who and since when.

    An alias has the `company` that it leads to, None where Planhat has it no more; `links` is
    `{"days", …}`, None for never. What may be somebody's key is told only with `with_persons`; at
    most `limit` rows of each.
    """
    found = _said(connection, limit)
    for row in [*found["blocked"], *found["excluded"]]:
        is_hidden = not with_persons and row["kind"] != "domain"
        row["shown"] = HIDDEN if is_hidden else shortened(row["value"])
        row["value"] = None if is_hidden else row["value"]
    for row in found["aliases"]:
        row["shown"] = shortened(row["alias"])
        row["company"] = shortened(row["company"])
    return found


def _said(connection: psycopg.Connection, limit: int | None) -> dict[str, Any]:
    return {
        "blocked": rows(
            connection,
            "select key, kind, value, changed_by, valid_from from sync.blocked_identities "
            "order by kind, lower(value), value, key limit %s",
            limit,
        ),
        "excluded": rows(
            connection,
            "select kind, value, changed_by, valid_from from sync.excluded "
            "order by kind, lower(value), value limit %s",
            limit,
        ),
        "aliases": rows(
            connection,
            "select alias, company_aliases.planhat_id, payload ->> 'name' as company, "
            "changed_by, valid_from from sync.company_aliases left join raw_planhat.objects "
            "on model = 'company' and objects.planhat_id = company_aliases.planhat_id "
            "and deleted_at is null order by lower(alias), alias limit %s",
            limit,
        ),
        "links": one(
            connection,
            "select value as days, changed_by, valid_from from sync.thresholds "
            "where threshold = 'link_expires_days'",
        ),
    }


# Blocked and excluded


def block(place: Place, value: str, *, key: str, kind: str, by: str) -> None:
    """Block a value, pattern or domain for one key, or for `all`; again changes nothing.

    Raises `ChangeError` for what blocks nothing, and for a pattern or domain that blocks all that
    calls carry of a key, or most of it, with how many those are.
    """
    _refuse_blank(value, "blocks nothing")
    with changing(place, "operators: identity") as connection:
        _refuse_most(connection, value, key=key, kind=kind)
        _write(
            connection,
            "insert into sync.blocked_identities (value, key, kind, changed_by) "
            "values (%s, %s, %s, %s) on conflict do nothing",
            [value, key, kind, by],
        )


def unblock(place: Place, value: str, *, key: str, kind: str) -> None:
    """Take back what was blocked. Raises `ChangeError` when it is not blocked so."""
    _take_back(
        place,
        "delete from sync.blocked_identities where value = %s and key = %s and kind = %s",
        [value, key, kind],
        "That is not blocked, with this key and kind.",
    )


def exclude(place: Place, value: str, *, kind: str, by: str) -> None:
    """Let all calls of people with this e-mail, or of this domain, count for nobody.

    Raises `ChangeError` for what is neither, and for a domain that most e-mails have.
    """
    _refuse_blank(value, "excludes nobody")
    with changing(place, "operators: identity") as connection:
        _refuse_most(connection, value, key="email", kind=kind)
        _write(
            connection,
            "insert into sync.excluded (kind, value, changed_by) values (%s, %s, %s) "
            "on conflict do nothing",
            [kind, value, by],
        )


def readmit(place: Place, value: str, *, kind: str) -> None:
    """Let them count again. Raises `ChangeError` when they are not excluded so."""
    _take_back(
        place,
        "delete from sync.excluded where value = %s and kind = %s",
        [value, kind],
        f"No such {kind} is excluded.",
    )


# Further keys of companies


def alias_company(place: Place, alias: str, company: str, *, by: str) -> str:
    """Let calls name a company by a further key, for merges; return the company's name.

    `company` is its _id in Planhat, or its external id. Raises `ChangeError` for a company that is
    not in Planhat, for a key that a company has, which would outrank it, and for what leads on
    from alias to alias.
    """
    _refuse_blank(alias, "names no company: type the key that calls carry")
    with changing(place, "operators: identity") as connection:
        if owners := _companies(connection, f"{_KEY} = %(text)s", alias):
            raise ChangeError(f"{owners[0][1]} has the key “{alias}” itself, which outranks it.")
        planhat_id, name = _company(connection, company)
        _write(
            connection,
            "insert into sync.company_aliases (alias, planhat_id, changed_by) "
            "values (%s, %s, %s) on conflict (alias) do update set "
            "planhat_id = excluded.planhat_id, changed_by = excluded.changed_by, "
            "valid_from = now() where company_aliases.planhat_id <> excluded.planhat_id",
            [cut(alias), planhat_id, by],
        )
    return name


def drop_alias(place: Place, alias: str) -> None:
    """Take an alias back. Raises `ChangeError` when there is none of that key."""
    _take_back(
        place,
        "delete from sync.company_aliases where alias = %s",
        [alias],
        "No such alias is set.",
    )


def dismiss_alias(url: str, alias: str, planhat_id: str, *, by: str) -> None:
    """Let a proposed alias be proposed no more. Raises `ChangeError` when it is not proposed."""
    with connect(url, application_name="operators: identity") as connection:
        try:
            proposed = connection.execute(
                "select from marts.company_alias_proposals where alias = %s and company_id = %s",
                [alias, planhat_id],
            ).fetchone()
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
            proposed = None  # nothing was built
        if proposed is None:
            raise ChangeError("No such alias is proposed any more.")
        connection.execute(
            "insert into sync.dismissed_aliases (alias, planhat_id, changed_by) "
            "values (%s, %s, %s) on conflict do nothing",
            [alias, planhat_id, by],
        )


def propose_again(url: str, alias: str, planhat_id: str) -> None:
    """Take a dismissal back. Raises `ChangeError` when that alias was not dismissed."""
    _take_back(
        url,
        "delete from sync.dismissed_aliases where alias = %s and planhat_id = %s",
        [alias, planhat_id],
        "No such proposal was dismissed.",
    )


# The external id as keys are compared: a number from its digits.
_KEY = (
    "btrim(case when jsonb_typeof(payload -> 'externalId') = 'number' "
    "then regexp_replace(payload ->> 'externalId', '[.]0+$', '') "
    "else payload ->> 'externalId' end, %(blank)s)"
)


def _companies(connection: psycopg.Connection, condition: str, text: str) -> list[tuple[str, str]]:
    """`[(Planhat's id, name)]` of companies that are in Planhat."""
    return connection.execute(
        "select planhat_id, coalesce(payload ->> 'name', planhat_id) "  # noqa: S608
        f"from raw_planhat.objects where model = 'company' and deleted_at is null and {condition} "
        "order by planhat_id limit 2",
        {"text": cut(text), "blank": BLANK},
    ).fetchall()


def _company(connection: psycopg.Connection, text: str) -> tuple[str, str]:
    """The one that is meant."""
    _refuse_blank(text, "is no company: say its _id in Planhat, or its external id")
    by_id = _companies(connection, "planhat_id = %(text)s", text)
    found = by_id or _companies(connection, f"{_KEY} = %(text)s", text)
    if len(found) > 1:
        raise ChangeError(f"Several companies have the external id “{text}”: say the _id of one.")
    if found:
        return found[0]
    chained = connection.execute(
        "select from sync.company_aliases where alias = %s", [cut(text)]
    ).fetchone()
    if chained is not None:
        raise ChangeError(_REFUSALS["an_alias_is_one_step"])
    raise ChangeError(f"Planhat has no company “{text}”, or has it no more.")


# Links


def expire_links(place: Place, days: float | None, *, by: str) -> None:
    """Let a link say nothing of calls that happen so many days after it; None: links never expire.

    Raises `ChangeError` for what is no number of days above 0.
    """
    if days is not None and not (math.isfinite(days) and 0 < days <= LONGEST_DAYS):
        raise ChangeError(
            f"A link lives more than 0 days and at most {LONGEST_DAYS:,}; "
            "without a number it never expires."
        )
    with changing(place, "operators: identity") as connection:
        connection.execute(
            "update sync.thresholds set value = %s, changed_by = %s, valid_from = now() "
            "where threshold = 'link_expires_days' and value is distinct from %s",
            [days, by, days],
        )


# What is refused


def _write(connection: psycopg.Connection, statement: str, values: list[object]) -> None:
    try:
        connection.execute(statement, values)
    except psycopg.errors.CheckViolation as refused:
        name = refused.diag.constraint_name or ""
        raise ChangeError(_REFUSALS.get(name, f"It was refused: {name}.")) from None


def _take_back(place: Place, statement: str, values: list[object], none: str) -> None:
    with changing(place, "operators: identity") as connection:
        if connection.execute(statement, values).rowcount == 0:
            raise ChangeError(none)


def _refuse_blank(value: str, what: str) -> None:
    if not cut(value):
        raise ChangeError(f"What is blank {what}.")
    if "\0" in value:
        raise ChangeError("A key cannot hold the character NUL.")


def _refuse_most(connection: psycopg.Connection, value: str, *, key: str, kind: str) -> None:
    """Refuse what would leave nothing, or little, of what calls carry of a key.

    A domain may have all of a few: on the first day everybody is of one's own staff.
    """
    patterns = {"pattern": cut(value), "domain": f"*@{cut(value)}"}
    if kind not in patterns:
        return
    connection.execute(_PATIENCE)
    most, few = _guards(connection)
    for name in _SEEN:
        if key not in ("all", name) or (kind == "domain" and name not in ("user_id", "email")):
            continue
        seen, blocked = _count(connection, name, patterns[kind])
        is_all = seen == blocked and seen > 0
        if (is_all and kind == "pattern") or (blocked >= few and blocked > most * seen):
            raise ChangeError(
                f"“{value}” would block {'every' if is_all else 'most of the'} "
                f"{name.replace('_', ' ')}{'' if is_all else 's'} that calls carry: "
                f"{blocked:,} of {seen:,}."
            )


def _guards(connection: psycopg.Connection) -> tuple[float, float]:
    """Which share of a key's values is too much, and from how many of them on."""
    found: dict[str, float] = dict(
        connection.execute(
            "select threshold, value::float8 from sync.thresholds "
            "where threshold in ('block_guard_share', 'block_guard_from')"
        ).fetchall()
    )
    return found["block_guard_share"], found["block_guard_from"]


def _count(connection: psycopg.Connection, key: str, pattern: str) -> tuple[int, int]:
    """How many values of a key there are, and how many of them fit; none before the first build."""
    table, column = _SEEN[key]
    named = connection.execute("select to_regclass(%s)", [f"intermediate.{table}"]).fetchone()
    if named == (None,):
        return 0, 0
    likeness = pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    # addresses are compared in small letters
    folded = "lower({0}) like lower(%s)" if key == "email" or "*@" in pattern else "{0} like %s"
    try:
        found = connection.execute(
            sql.SQL(
                f"select count(*), count(*) filter (where {folded}) "  # noqa: S608
                "from (select distinct {0} from intermediate.{1} where {0} is not null) as seen"
            ).format(sql.Identifier(column), sql.Identifier(table)),
            [likeness.replace("*", "%")],
        ).fetchone()
    except psycopg.errors.QueryCanceled:
        raise ChangeError(
            "Looking for what it would block took longer than 20 seconds: try again when no build "
            "is running."
        ) from None
    return found or (0, 0)
