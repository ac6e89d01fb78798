"""People: those whom the hosted integration has created in these days, and whom we would have.

Nothing in Planhat says who created an enduser. So theirs are all that it made in these days; who
was made by hand, or by a CRM, is *theirs only* if no call names them.

Ours are people whom calls created here: those whom Planhat does not have yet, and those whom it
made in these days and calls name. One whom Planhat has, and the last build knew, is found by its
id; one that was made since, by company and external id, else by company and address.
"""

import psycopg
from psycopg import sql

from include.compare.days import Days
from include.compare.tables import ELSEWHERE, UNRESOLVED, outbound, union


def compare_endusers(connection: psycopg.Connection, days: Days) -> tuple[int, int]:
    """Write the outcomes of `pair`; how many are ours, and how many theirs."""
    limits = {"first": days.first, "last": days.last}
    connection.execute(
        """
        update our_enduser as ours set is_in = (
            ours.made_on is null
            or ours.made_on between %(first)s and %(last)s
            or exists (
                select from their_enduser as them
                where them.id = ours.their_id and them.made_on between %(first)s and %(last)s
            )
        )
        """,
        limits,
    )
    connection.execute(
        """
        update their_enduser as them set is_in = (
            them.made_on between %(first)s and %(last)s and not them.is_ours
            or exists (select from our_enduser as ours where ours.their_id = them.id and ours.is_in)
        )
        """,
        limits,
    )
    connection.execute(_PAIRS)
    connection.execute(_OURS_ONLY)
    connection.execute(_THEIRS_ONLY, limits)
    (ours,) = connection.execute("select count(*) from our_enduser where is_in").fetchone()  # type: ignore[misc]
    (theirs,) = connection.execute("select count(*) from their_enduser where is_in").fetchone()  # type: ignore[misc]
    return ours, theirs


def pair(connection: psycopg.Connection, days: Days) -> None:
    """Make `our_enduser`; `their_id` is its pair in `their_enduser`."""
    created = union(outbound("enduser"), ("object_id", "company_id", "external_id", "email"))
    connection.execute(
        sql.SQL(
            """
            create temporary table our_enduser as
            select
                created.object_id as id, created.company_id, created.external_id, created.email,
                (endusers.first_seen_at at time zone 'UTC')::date as made_on, created.withheld,
                null::text as their_id, null::text as found_by, false as is_in
            from ({created}) as created
            left join marts.endusers on created.object_id = endusers.enduser_id
            union all
            select
                named.enduser_id, named.company_id, named.external_id, named.email,
                them.made_on, null, them.id, 'id', false
            from named_enduser as named
            inner join their_enduser as them on named.enduser_id = them.id
            where not them.is_ours and them.made_on between {first} and {last}
            """
        ).format(created=created, first=days.first, last=days.last)
    )
    for key in ("external_id", "email"):
        connection.execute(
            sql.SQL(
                """
                with ours as (
                    select
                        id, company_id, {key},
                        row_number() over (partition by company_id, {key} order by id) as place
                    from our_enduser
                    where their_id is null and {key} is not null
                ),
                theirs as (
                    select
                        id, company_id, {key},
                        row_number() over (partition by company_id, {key} order by id) as place
                    from their_enduser
                    where
                        {key} is not null
                        -- whom the last build knew, it knew to be somebody else
                        and not exists (
                            select from marts.endusers where endusers.enduser_id = their_enduser.id
                        )
                        and not exists (
                            select from our_enduser where our_enduser.their_id = their_enduser.id
                        )
                )
                update our_enduser set their_id = theirs.id, found_by = {word}
                from ours inner join theirs using (company_id, {key}, place)
                where our_enduser.id = ours.id
                """
            ).format(key=sql.Identifier(key), word=key)
        )
    connection.execute("create index on our_enduser (id)")
    connection.execute("create index on our_enduser (their_id)")
    connection.execute("analyze our_enduser")


# The integration's external id is the user id, else the address.
_PAIRS = """
    insert into outcome
    select
        'endusers', case when reason is null then 'equal' else 'different' end, reason,
        their_id, company_id, null, made_on, ours, theirs
    from (
        select
            ours.their_id, ours.company_id, them.made_on,
            coalesce(called.user_id, ours.external_id) as ours, them.external_id as theirs,
            case
                when ours.withheld is not null then ours.withheld
                when
                    ours.found_by = 'external_id' and ours.email is distinct from them.email
                    then 'another_address'
                when
                    ours.found_by = 'email' and ours.external_id is distinct from them.external_id
                    and not (ours.external_id is null and lower(them.external_id) = them.email)
                    then 'another_external_id'
                when
                    ours.found_by = 'id' and them.external_id is not null
                    and lower(them.external_id) is distinct from them.email
                    and called.user_id is not null and not called.has_theirs
                    then 'another_external_id'
            end as reason
        from our_enduser as ours
        inner join their_enduser as them on ours.their_id = them.id
        left join lateral (
            select
                min(keysets.user_id) as user_id,
                coalesce(bool_or(keysets.user_id = them.external_id), false) as has_theirs
            from intermediate.int_identity__keyset_endusers as keysets
            where
                keysets.enduser_id = ours.id and ours.found_by = 'id'
                and keysets.user_id is not null
        ) as called on true
        where ours.is_in
    ) as paired
"""

_OURS_ONLY = """
    insert into outcome
    select
        'endusers', 'ours_only',
        case
            when withheld is not null then withheld
            when
                exists (
                    select from their_enduser as twin
                    where
                        twin.company_id = them.company_id
                        and (twin.external_id = them.external_id or twin.email = them.email)
                )
                then 'somebody_else'
            when
                exists (
                    select from their_enduser as elsewhere
                    where
                        (elsewhere.external_id = them.external_id or elsewhere.email = them.email)
                        and elsewhere.company_id <> them.company_id
                )
                then 'another_company'
            else 'not_there'
        end,
        id, company_id, null, made_on, external_id, null
    from our_enduser as them
    where is_in and their_id is null
"""

_THEIRS_ONLY = f"""
    insert into outcome
    select
        'endusers', 'theirs_only',
        case
            when
                exists (
                    select from their_enduser as twin
                    inner join our_enduser as ours on twin.id = ours.their_id
                    where
                        twin.id <> them.id and twin.company_id = them.company_id
                        and (twin.external_id = them.external_id or twin.email = them.email)
                )
                then 'twice_in_planhat'
            when {ELSEWHERE} then 'another_company'
            else coalesce({UNRESOLVED.format(first="%(first)s", last="%(last)s")}, 'no_call')
        end,
        id, company_id, null, made_on, null, external_id
    from their_enduser as them
    where is_in and not exists (select from our_enduser as ours where ours.their_id = them.id)
"""  # noqa: S608
