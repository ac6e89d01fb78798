"""Who an id is: the person, and all ids by which they are known here."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import psycopg

from include.counting import counted
from include.errors import ProblemError


class RefusedError(ProblemError):
    """The id is no single person's; the message says whose it is, and what to say instead."""


@dataclass(frozen=True)
class Person:
    """One person by all ids that are theirs alone. All empty: nobody here has that id."""

    asked: str
    enduser_ids: frozenset[str] = frozenset()
    user_ids: frozenset[str] = frozenset()
    emails: frozenset[str] = frozenset()
    anonymous_ids: frozenset[str] = frozenset()
    # of Planhat's objects that are somebody's answers (NPS)
    object_ids: frozenset[str] = field(default=frozenset())

    @property
    def is_known(self) -> bool:
        """Whether anything here has the id."""
        return bool(self.enduser_ids or self.user_ids or self.emails or self.anonymous_ids)

    @property
    def identifiers(self) -> frozenset[str]:
        """All of them."""
        return self.enduser_ids | self.user_ids | self.emails | self.anonymous_ids | self.object_ids

    @property
    def asked_by(self) -> frozenset[str]:
        """What asks for them: their ids, and what was asked, whoever had it."""
        return self.identifiers | {self.asked}

    def kinds(self) -> dict[str, frozenset[str]]:
        """By what they are, as they are hashed."""
        return {
            "enduser_id": self.enduser_ids,
            "user_id": self.user_ids,
            "email": self.emails,
            "anonymous_id": self.anonymous_ids,
        }

    def as_json(self) -> dict[str, Any]:
        """For `sync.forgettings`, while it is being done."""
        return {
            "asked": self.asked,
            **{f"{kind}s": sorted(ids) for kind, ids in self.kinds().items()},
            "object_ids": sorted(self.object_ids),
        }

    @classmethod
    def of_json(cls, said: dict[str, Any]) -> "Person":
        """What `as_json` made."""
        return cls(
            said["asked"],
            *(
                frozenset(said[name])
                for name in ("enduser_ids", "user_ids", "emails", "anonymous_ids", "object_ids")
            ),
        )


# An enduser of Planhat, deleted ones too, or one that calls created.
_ENDUSERS = """
    select enduser_id, company_id, external_id, email, origin, is_gone
    from (
        select enduser_id, company_id, external_id, email, origin, false as is_gone
        from marts.endusers
        union all
        select enduser_id, company_id, external_id, email, 'planhat', true
        from staging.stg_planhat__endusers
        where deleted_at is not null
    ) as enduser
"""


def find(connection: psycopg.Connection, asked: str) -> Person:
    """The person whom an id means: their id in Planhat or here, user id, e-mail or anonymous id.

    Asks the tables of the last build. Raises `RefusedError` for an id that is several people's, a
    company's, blocked or shared, with the numbers.
    """
    asked = asked.replace("\0", "").strip()
    if not asked:
        raise RefusedError("Say whom: make forget ID=<user id, e-mail or enduser id>.")
    by_id = connection.execute(_ENDUSERS + "where enduser_id = %s", [asked]).fetchall()
    found = (
        by_id
        or connection.execute(
            _ENDUSERS + "where external_id = %s or email = lower(%s)", [asked, asked]
        ).fetchall()
    )
    _refuse_companies(connection, asked, is_person=bool(found))
    if len({row[0] for row in found}) > 1:
        raise RefusedError(_several(asked, found))
    if not by_id:
        _refuse_blocked(connection, asked)
        _refuse_shared(connection, asked)
    if found:
        return _known(connection, asked, found[0])
    return _unknown_to_planhat(connection, asked)


def find_all(connection: psycopg.Connection, ids: Iterable[str]) -> list[Person]:
    """The people whom many ids mean, each once. Raises `RefusedError` for all that are refused."""
    found: dict[frozenset[str], Person] = {}
    refused = []
    for each in ids:
        try:
            person = find(connection, each)
        except RefusedError as problem:
            refused.append(str(problem))
            continue
        found.setdefault(person.identifiers or frozenset({person.asked}), person)
    if refused:
        more = f" And {len(refused) - 3:,} more." if len(refused) > 3 else ""
        raise RefusedError(" ".join(refused[:3]) + more)
    return list(found.values())


def _refuse_companies(connection: psycopg.Connection, asked: str, *, is_person: bool) -> None:
    row = connection.execute(
        "select company_id, (select count(*) from marts.endusers as e"
        " where e.company_id = c.company_id)"
        " from marts.companies as c where company_id = %s or external_id = %s limit 1",
        [asked, asked],
    ).fetchone()
    if row is not None and not is_person:
        raise RefusedError(
            f"{asked} is a company, with {counted(row[1], 'enduser')}. A company is forgotten in "
            "Planhat; here people are, by their own ids."
        )


def _several(asked: str, found: list[tuple]) -> str:
    people = sorted({(row[0], row[1] or "no company") for row in found})
    shown = "; ".join(f"ID={enduser} (company {company})" for enduser, company in people[:20])
    more = f"; and {len(people) - 20:,} more" if len(people) > 20 else ""
    return (
        f"{asked} is {len(people):,} people. Say which, each by an id of its own: {shown}{more}. "
        "For all of them put these ids into a file: make forget FILE=."
    )


def _refuse_blocked(connection: psycopg.Connection, asked: str) -> None:
    calls, is_taken = connection.execute(
        """
        select
            coalesce(sum(own_keys.calls), 0)::bigint,
            coalesce(bool_or(
                own_keys.user_id = %(asked)s
                or own_keys.email = lower(%(asked)s)
                or own_keys.property_email = lower(%(asked)s)
            ), true)
        from staging.stg_segment__keysets as keysets
        inner join intermediate.int_identity__own_keys as own_keys using (keyset)
        where
            %(asked)s = any (keysets.user_ids)
            or lower(%(asked)s) = any (keysets.emails)
        """,
        {"asked": asked},
    ).fetchone()  # type: ignore[misc]
    is_first = connection.execute(
        """
        select exists (
            select from sync.blocked_identities
            where kind = 'value' and value = %(asked)s and key in ('all', 'user_id', 'email')
        )
        """,
        {"asked": asked},
    ).fetchone()[0]  # type: ignore[index]
    if is_first or not is_taken:
        raise RefusedError(
            f"{asked} is blocked, or never the first key of a call: it identifies nobody, and "
            f"{counted(calls, 'call')} carry it. Forget people by their own ids."
        )


def _refuse_shared(connection: psycopg.Connection, asked: str) -> None:
    row = connection.execute(
        "select companies from intermediate.int_quality__shared_addresses"
        " where kind = 'address' and address = lower(%s)",
        [asked],
    ).fetchone()
    if row is not None:
        raise RefusedError(
            f"{asked} is shared: {row[0]:,} companies have it. Forget each of its people by the "
            "id of the enduser."
        )


def _known(connection: psycopg.Connection, asked: str, row: tuple) -> Person:
    """An enduser with all ids under which calls came to them, but for those of others too."""
    enduser_id, _, external_id, email, *_ = row
    keys = connection.execute(
        "select distinct user_id, email, anonymous_id from marts.event_resolution"
        " where enduser_id = %s",
        [enduser_id],
    ).fetchall()
    user_ids = {external_id, *(each[0] for each in keys)} - {None}
    emails = {email, *(each[1] for each in keys)} - {None}
    others = connection.execute(
        _ENDUSERS + "where enduser_id <> %s and (external_id = any (%s) or email = any (%s))",
        [enduser_id, list(user_ids), list(emails)],
    ).fetchall()
    user_ids -= {each[2] for each in others}
    emails -= {each[3] for each in others}
    anonymous = {each[2] for each in keys} - {None} | {
        row[0]
        for row in connection.execute(
            "select distinct links.anonymous_id from intermediate.int_identity__links as links"
            " inner join marts.event_resolution as calls on links.event_seq = calls.event_seq"
            " where calls.enduser_id = %s",
            [enduser_id],
        )
    }
    return _with_answers(
        connection,
        Person(
            asked,
            frozenset({enduser_id}),
            frozenset(user_ids),
            frozenset(emails),
            frozenset(anonymous - _of_others(connection, anonymous, enduser_id)),
        ),
    )


def _of_others(
    connection: psycopg.Connection, anonymous_ids: set[str], enduser_id: str
) -> set[str]:
    """Of the devices those that were also somebody else's: the device's id stays with them."""
    return {
        row[0]
        for row in connection.execute(
            """
            select distinct links.anonymous_id
            from intermediate.int_identity__links as links
            inner join marts.event_resolution as calls on links.event_seq = calls.event_seq
            where
                links.anonymous_id = any (%s)
                and calls.enduser_id is distinct from %s
            """,
            [list(anonymous_ids), enduser_id],
        )
    }


def _with_answers(connection: psycopg.Connection, person: Person) -> Person:
    rows = connection.execute(
        """
        select planhat_id from raw_planhat.objects
        where
            model = 'nps'
            and (payload ->> 'euId' = any (%s) or lower(payload ->> 'email') = any (%s))
        """,
        [list(person.enduser_ids), list(person.emails)],
    ).fetchall()
    return Person(
        person.asked, person.enduser_ids, person.user_ids, person.emails, person.anonymous_ids,
        frozenset(row[0] for row in rows),
    )  # fmt: skip


def _unknown_to_planhat(connection: psycopg.Connection, asked: str) -> Person:
    """Somebody whom calls name and nobody knows, a device, or nobody at all."""
    is_user, is_email = connection.execute(
        """
        select
            coalesce(bool_or(%(asked)s = any (user_ids)), false),
            coalesce(bool_or(
                lower(%(asked)s) = any (emails) or lower(%(asked)s) = any (property_emails)
            ), false)
        from staging.stg_segment__keysets
        """,
        {"asked": asked},
    ).fetchone()  # type: ignore[misc]
    if is_user or is_email:
        return Person(
            asked,
            user_ids=frozenset({asked} if is_user else ()),
            emails=frozenset({asked.lower()} if is_email else ()),
        )
    people = connection.execute(
        """
        select distinct calls.enduser_id
        from intermediate.int_identity__links as links
        inner join marts.event_resolution as calls on links.event_seq = calls.event_seq
        where links.anonymous_id = %s and calls.enduser_id is not null
        """,
        [asked],
    ).fetchall()
    if len(people) > 1:
        raise RefusedError(
            f"{asked} is the anonymous id of a device that {len(people):,} people signed in on. "
            f"Say which: {'; '.join(f'ID={row[0]}' for row in sorted(people)[:20])}."
        )
    if people:
        return find(connection, people[0][0])
    has_calls = connection.execute(
        "select exists (select from staging.stg_segment__calls where %s = any (anonymous_ids))",
        [asked],
    ).fetchone()[0]  # type: ignore[index]
    return Person(asked, anonymous_ids=frozenset({asked} if has_calls else ()))
