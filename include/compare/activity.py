"""On which day an enduser was last active, as calls say it and as Planhat does.

Planhat keeps one time of each enduser: the last. Of whoever has been active there after the chosen
days it does not say any more on which of them that was. If calls say so too, the two agree; if they
have something of these days and nothing since, nothing is said.
"""

import psycopg

from include.compare.days import Days
from include.compare.tables import ELSEWHERE, UNRESOLVED
from include.counting import counted


def compare_activity(connection: psycopg.Connection, days: Days) -> tuple[int, int, list[str]]:
    """Write the outcomes; how many endusers are ours, how many theirs, and remarks."""
    limits = {"first": days.first, "last": days.last}
    connection.execute(_OURS, limits)
    connection.execute(_CALL_DAYS, limits)
    connection.execute("create index on call_day (enduser_id)")
    connection.execute("analyze call_day")
    connection.execute(_PAIR, limits)
    connection.execute("analyze activity_pair")
    connection.execute(_BOTH, limits)
    connection.execute(_OURS_ONLY, limits)
    connection.execute(_THEIRS_ONLY, limits)
    ours, theirs, left_out = connection.execute(
        """
        select
            count(*) filter (where ours is not null and not is_left_out),
            count(*) filter (where theirs is not null and not is_left_out),
            count(*) filter (where is_left_out)
        from activity_pair
        """
    ).fetchone()  # type: ignore[misc]
    remarks = []
    if left_out:
        remarks.append(
            f"{counted(left_out, 'enduser')} left out: active in Planhat after these days, and not "
            "here yet. On which of them they were last, Planhat does not say any more."
        )
    return ours, theirs, remarks


# `active_on`: the last of these days; `is_later`: active after them. Of whom the last build did not
# have as an enduser of Planhat, the pair counts.
_OURS = """
    create temporary table our_activity as
    select
        usage.object_id as id, coalesce(them.id, ours.their_id) as their_id,
        max(usage.activity_date) filter (where usage.activity_date <= %(last)s) as active_on,
        bool_or(usage.activity_date > %(last)s) as is_later
    from marts.usage_daily as usage
    left join their_enduser as them on usage.object_id = them.id
    left join our_enduser as ours on usage.object_id = ours.id
    where usage.object_type = 'enduser' and usage.activity_date >= %(first)s
    group by 1, 2
"""

# Days with any calls, also with none that counts.
_CALL_DAYS = """
    create temporary table call_day as
    select distinct enduser_id, activity_date
    from intermediate.int_usage__object_enduser_days
    where
        object_type = 'company' and enduser_id <> ''
        and activity_date between %(first)s and %(last)s
"""

# The day after the chosen ones stands for all that follow.
_PAIR = """
    create temporary table activity_pair as
    select
        coalesce(theirs.id, ours.their_id, ours.id) as id,
        theirs.id is not null as is_there,
        coalesce(theirs.company_id, created.company_id) as company_id,
        theirs.external_id, theirs.email, theirs.active_on as their_last,
        created.withheld,
        case
            when ours.is_later and theirs.active_on > %(last)s then %(last)s::date + 1
            else ours.active_on
        end as ours,
        case
            when theirs.active_on > %(last)s then %(last)s::date + 1
            when theirs.active_on >= %(first)s then theirs.active_on
        end as theirs,
        coalesce(
            theirs.active_on > %(last)s and ours.active_on is not null and not ours.is_later, false
        ) as is_left_out
    from our_activity as ours
    full join (
        select * from their_enduser
        where active_on is not null or id in (select their_id from our_activity)
    ) as theirs
        on ours.their_id = theirs.id
    left join our_enduser as created
        on ours.id = created.id and created.found_by is distinct from 'id'
"""

# Whether calls of these days carry nothing of theirs but what does not count.
_NOT_COUNTED = """
    exists (
        select from call_day
        where call_day.enduser_id = them.id and call_day.activity_date between {first} and {last}
    )
"""

# Planhat books the activity of an address that several have on any of them.
_SHARED = """
    them.email is not null and exists (
        select from their_enduser as twin where twin.email = them.email and twin.id <> them.id
    )
"""

_BOTH = f"""
    insert into outcome
    select
        'activity', case when ours = theirs then 'equal' else 'different' end,
        case
            when ours = theirs then null
            when theirs > ours then coalesce(
                {UNRESOLVED.format(first="ours + 1", last="theirs")},
                case
                    when {_NOT_COUNTED.format(first="ours + 1", last="theirs")} then 'not_counted'
                    when {ELSEWHERE} then 'another_company'
                    when theirs = ours + 1 then 'next_day'
                    else 'later_in_planhat'
                end
            )
            when theirs = ours - 1 then 'next_day'
            when {_SHARED} then 'shared_address_in_planhat'
            else 'earlier_in_planhat'
        end,
        id, company_id, null, null, ours::text, theirs::text
    from activity_pair as them
    where ours is not null and theirs is not null and not is_left_out
"""  # noqa: S608

_OURS_ONLY = f"""
    insert into outcome
    select
        'activity', 'ours_only',
        case
            when not is_there then coalesce(withheld, 'not_in_planhat')
            when {_SHARED} then 'shared_address_in_planhat'
            when their_last is null then 'never_active'
            else 'earlier_in_planhat'
        end,
        id, company_id, null, null, ours::text, their_last::text
    from activity_pair as them
    where ours is not null and theirs is null and not is_left_out
"""  # noqa: S608

_THEIRS_ONLY = f"""
    insert into outcome
    select
        'activity', 'theirs_only',
        coalesce(
            {UNRESOLVED.format(first="%(first)s", last="%(last)s")},
            case
                when {_NOT_COUNTED.format(first="%(first)s", last="%(last)s")} then 'not_counted'
                when {ELSEWHERE} then 'another_company'
                when their_last > %(last)s then 'since_then'
                else 'no_call'
            end
        ),
        id, company_id, null, null, null, their_last::text
    from activity_pair as them
    where theirs is not null and ours is null and not is_left_out
"""  # noqa: S608
