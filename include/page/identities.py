"""What operators say of identity: blocked, excluded, further keys, how long a link holds.

Each is kept with who and since when, and refused in words where it can mean nothing. The rules are
docs/identity.md's.
"""

import psycopg
from psycopg import sql

from include.page.changes import ChangeError
from include.warehouse.connection import connect

# Constraints of the tables (migration 0019) and what is said to whoever breaks one.
_REFUSALS = {
    "a_pattern_must_say_more_than_anything": "A pattern needs more than stars: it would block all.",
    "a_domain_is_what_follows_the_at_sign": "A domain is what follows the @, such as example.com.",
    "only_user_ids_and_emails_have_a_domain": "Only e-mails, and user ids that are one, have one.",
    "blocked_identities_key_check": "A row is for all keys, or user_id, email, anonymous_id, "
    "company or object.",
    "blocked_identities_kind_check": "What is blocked is a value, a pattern or a domain.",
    "excluded_kind_check": "Excluded is an email or a domain.",
    "an_email_has_an_at_sign": "An e-mail has an @ with something on both sides.",
    "links_live_some_time": "A link lives more than 0 days; without a number it never expires.",
    "an_alias_is_one_step": "An alias is one step: what it leads to, or what leads to it, is one.",
    "an_alias_leads_to_another": "An alias leads to a company, not to itself.",
    "company_aliases_alias_check": "Type the key that calls name the company by.",
    "company_aliases_planhat_id_check": "The company is named by its _id in Planhat: 24 digits.",
}
# Where the last build keeps the keys that calls carry.
_SEEN = {"user_id": "user_id", "email": "email", "company": "company_key"}


def block(url: str, value: str, *, key: str, kind: str, by: str) -> None:
    """Block a value, pattern or domain for one key, or for `all`; again changes nothing.

    Raises `ChangeError` for what blocks nothing, and for a pattern that blocks every one of a key
    that calls carry, with how many those are.
    """
    with connect(url, application_name="operators: identity") as connection:
        if kind == "pattern":
            _refuse_everything(connection, value, key)
        _write(
            connection,
            "insert into sync.blocked_identities (value, key, kind, changed_by) "
            "values (%s, %s, %s, %s) on conflict do nothing",
            [value, key, kind, by],
        )


def exclude(url: str, value: str, *, kind: str, by: str) -> None:
    """Let all calls of people with this e-mail, or of this domain, count for nobody.

    Raises `ChangeError` for what is neither.
    """
    with connect(url, application_name="operators: identity") as connection:
        _write(
            connection,
            "insert into sync.excluded (kind, value, changed_by) values (%s, %s, %s) "
            "on conflict do nothing",
            [kind, value, by],
        )


def alias_company(url: str, alias: str, planhat_id: str, *, by: str) -> None:
    """Let calls name a company of Planhat's by a further key, for merges.

    Raises `ChangeError` for a company that is not in Planhat, for a key that a company has, which
    would outrank it, and for what leads on from alias to alias.
    """
    with connect(url, application_name="operators: identity") as connection:
        if owner := _company(connection, "payload ->> 'externalId' = %s", alias):
            raise ChangeError(f"{owner} has the key “{alias}” itself, which outranks an alias.")
        # first, for it names what is wrong with a chain, whose end is no company either
        with connection.transaction():
            _write(
                connection,
                "insert into sync.company_aliases (alias, planhat_id, changed_by) "
                "values (%s, %s, %s) on conflict (alias) do update set "
                "planhat_id = excluded.planhat_id, changed_by = excluded.changed_by, "
                "valid_from = now()",
                [alias, planhat_id, by],
            )
            if not _company(connection, "planhat_id = %s", planhat_id):
                raise ChangeError(f"Planhat has no company {planhat_id}, or has it no more.")


def expire_links(url: str, days: float | None, *, by: str) -> None:
    """Let a link say nothing of calls that happen so many days after it; None: links never expire.

    Raises `ChangeError` for 0 and less.
    """
    with connect(url, application_name="operators: identity") as connection:
        _write(
            connection,
            "update sync.thresholds set value = %s, changed_by = %s, valid_from = now() "
            "where threshold = 'link_expires_days'",
            [days, by],
        )


def _write(connection: psycopg.Connection, statement: str, values: list[object]) -> None:
    try:
        connection.execute(statement, values)
    except psycopg.errors.CheckViolation as refused:
        name = refused.diag.constraint_name or ""
        raise ChangeError(_REFUSALS.get(name, f"It was refused: {name}.")) from None


def _refuse_everything(connection: psycopg.Connection, pattern: str, key: str) -> None:
    """Of whichever key the pattern would leave nothing."""
    built = connection.execute(
        "select to_regclass('intermediate.int_identity__own_keys') is not null"
    ).fetchone()
    if built != (True,):
        return
    likeness = pattern.strip().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    for name, column in _SEEN.items():
        if key not in ("all", name):
            continue
        seen, blocked = connection.execute(
            sql.SQL(
                "select count(distinct {0}), count(distinct {0}) filter (where {0} like %s) "
                "from intermediate.int_identity__own_keys"
            ).format(sql.Identifier(column)),
            [likeness.replace("*", "%")],
        ).fetchone() or (0, 0)
        if seen and seen == blocked:
            raise ChangeError(
                f"“{pattern}” would block every {name.replace('_', ' ')} that calls carry: "
                f"{blocked:,} of {seen:,}."
            )


def _company(connection: psycopg.Connection, condition: str, value: str) -> str | None:
    """The name of a company that is in Planhat."""
    row = connection.execute(
        "select payload ->> 'name' from raw_planhat.objects "  # noqa: S608
        f"where model = 'company' and deleted_at is null and {condition} limit 1",
        [value],
    ).fetchone()
    return row[0] if row else None
