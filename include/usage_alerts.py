"""Alerts of usage told once each: what `marts.usage_alerts` has that nobody was told of yet.

What was told is kept in `sync.alerts_sent` and never vanishes: when calls that came late, or
somebody matched anew, unmake an alert, it closes there as *corrected*, and that is told once too.
Sending and recording are one transaction, recorded last: a crash between the two repeats one
message at most, and loses none.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg
from psycopg.rows import class_row

from include.warehouse.connection import connect

# So many are named in one message; the rest is counted.
NAMED = 100

# Older ones, counted back from the day that was looked at last, are history, and not news.
NEWS_DAYS = 14

# Characters of a name.
LONGEST_NAME = 80

# Joined to `marts.usage_alerts as alerts`: the object, `objects`, and its company, `companies`.
# Our copy of Planhat names assets, projects, any further model.
OBJECTS_OF_ALERTS = """
    left join marts.endusers
        on alerts.object_type = 'enduser' and alerts.object_id = endusers.enduser_id
    left join raw_planhat.objects
        on alerts.object_type = objects.model and alerts.object_id = objects.planhat_id
    left join marts.companies
        on companies.company_id = case alerts.object_type
            when 'company' then alerts.object_id
            when 'enduser' then endusers.company_id
            else objects.payload ->> 'companyId'
        end
"""


_SAME_ALERT = """
    alerts.object_type = sent.object_type
    and alerts.object_id = sent.object_id
    and alerts.kind = sent.kind
    and alerts.opened_on = sent.opened_on
"""

# What `alerts` is about is there still.
_IS_THERE = """
    case alerts.object_type
        when 'company' then exists (
            select from marts.companies
            where company_id = alerts.object_id and deleted_at is null
        )
        when 'enduser' then exists (
            select from marts.endusers where enduser_id = alerts.object_id
        )
        else not exists (
            select from raw_planhat.objects
            where
                model = alerts.object_type and planhat_id = alerts.object_id
                and deleted_at is not null
        )
    end
"""


@dataclass(frozen=True)
class UsageAlert:
    """One row of `marts.usage_alerts`, with the company that it is about."""

    object_type: str
    object_id: str
    kind: str
    opened_on: date
    closed_on: date | None
    activities: int
    expected: int
    company: str | None
    # of an asset, a project or any further model
    name: str | None = None
    # it was told, and holds no longer: what is known now says that it never was
    is_corrected: bool = False

    def __str__(self) -> str:
        if self.is_corrected:
            return f"{self._who()}: corrected, the {self.kind} of {self.opened_on} holds no longer"
        closed = f" (over since {self.closed_on})" if self.closed_on else ""
        return f"{self._who()}: {self._what()}{closed}"

    @property
    def fields(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "object_type": self.object_type,
            "object_id": self.object_id,
            "name": self.name,
            "company": self.company,
            "kind": self.kind,
            "opened_on": self.opened_on.isoformat(),
            "closed_on": self.closed_on and self.closed_on.isoformat(),
            "closed_reason": self._closed_reason(),
            "activities": self.activities,
            "expected": self.expected,
        }

    def _closed_reason(self) -> str | None:
        if self.is_corrected:
            return "corrected"
        return "over" if self.closed_on else None

    def _who(self) -> str:
        # Persons by their id alone: a message travels further than the page.
        if self.object_type == "company":
            return f"{self.company} ({self.object_id})" if self.company else self.object_id
        of = f" of {self.company}" if self.company else ""
        named = f"{self.name} ({self.object_id})" if self.name else self.object_id
        return f"{self.object_type} {named}{of}"

    def _what(self) -> str:
        if self.kind == "stopped":
            return (
                f"stopped, no activity for 30 days on {self.opened_on}, "
                f"{self.expected:,} in the 30 before"
            )
        return (
            f"{self.kind}, {self.activities:,} activities in the week before {self.opened_on}, "
            f"where about {self.expected:,} are usual"
        )


@dataclass(frozen=True)
class UsageNews:
    """One message about the alerts of one look: the first hundred by name, the rest counted."""

    alerts: list[UsageAlert]
    total: int
    # how many of them are corrections of earlier ones
    corrected: int = 0

    @property
    def subject(self) -> str:
        """How many, and how many earlier ones hold no longer."""
        opened = self.total - self.corrected
        parts = [_count(opened, "usage alert")] if opened else []
        parts += [_count(self.corrected, "usage alert") + " corrected"] if self.corrected else []
        return ", ".join(parts)

    @property
    def text(self) -> str:
        """A line an alert."""
        more = self.total - len(self.alerts)
        rest = [f"… and {more:,} more: see the page, tab Usage"] if more else []
        return "\n".join([*map(str, self.alerts), *rest])

    @property
    def fields(self) -> dict[str, Any]:
        """The same for a webhook."""
        return {
            "total": self.total,
            "corrected": self.corrected,
            "alerts": [each.fields for each in self.alerts],
        }


def _count(number: int, what: str) -> str:
    return f"1 {what}" if number == 1 else f"{number:,} {what}s"


def tell_usage_alerts(url: str, tell: Callable[[UsageNews], None]) -> UsageNews | None:
    """Call `tell` with the alerts that opened since the last look, and with those told earlier that
    hold no longer; None when there are none.

    At the very first look over a history only those of the last 14 days that are still open are
    told; the rest is recorded as seen. Later looks tell every alert that opened since 14 days
    before the one before, also when it is over by now. An object that is gone is no news. One that
    was corrected and holds again is told again. What `tell` raises is raised, and everything is
    told the next time.
    """
    with connect(url, application_name="usage alerts") as connection:
        # Two at once would both tell.
        connection.execute("select pg_advisory_xact_lock(hashtext('usage alerts'))")
        if not _is_built(connection):
            return None
        total = _record_new(connection) + _record_again(connection)
        corrected = _record_corrected(connection)
        _record_over(connection)
        news = None
        if total + corrected:
            news = UsageNews(_named(connection), total + corrected, corrected)
            tell(news)
        return news


def _is_built(connection: psycopg.Connection) -> bool:
    (is_built,) = connection.execute(
        "select to_regclass('marts.usage_alerts') is not null"
        " and to_regclass('marts.usage_trends') is not null"
    ).fetchone()  # type: ignore[misc]
    return is_built


def _record_new(connection: psycopg.Connection) -> int:
    """Record what was not seen before, in this transaction; return how many of it are news."""
    row = connection.execute(
        f"""
        with looked as (
            select
                coalesce(
                    (select max(as_of_date) from marts.usage_trends), current_date
                ) as through,
                (select checked_through from sync.alerts_checked) as before
        ),

        checked as (
            insert into sync.alerts_checked (checked_through)
            select through from looked
            on conflict (is_only_row) do update
            set
                checked_through = greatest(
                    alerts_checked.checked_through, excluded.checked_through
                ),
                checked_at = clock_timestamp()
        ),

        recorded as (
            insert into sync.alerts_sent (
                object_type, object_id, kind, opened_on, activities, expected, sent_at
            )
            select
                alerts.object_type,
                alerts.object_id,
                alerts.kind,
                alerts.opened_on,
                alerts.activities,
                alerts.expected,
                case
                    when
                        alerts.opened_on >= coalesce(looked.before, looked.through) - %(days)s
                        and (looked.before is not null or alerts.closed_on is null)
                        and {_IS_THERE}
                        then now()
                end
            from marts.usage_alerts as alerts
            cross join looked
            where not exists (
                select from sync.alerts_sent as known
                where
                    known.object_type = alerts.object_type
                    and known.object_id = alerts.object_id
                    and known.kind = alerts.kind
                    and known.opened_on = alerts.opened_on
            )
            returning sent_at
        )

        select count(sent_at) from recorded
        """,  # noqa: S608
        {"days": NEWS_DAYS},
    ).fetchone()
    return row[0]  # type: ignore[index]


def _record_again(connection: psycopg.Connection) -> int:
    """What was corrected, and holds again: told again. Return how many."""
    return connection.execute(
        f"""
        update sync.alerts_sent as sent
        set sent_at = now(), closed_on = null, closed_reason = null, correction_sent_at = null
        from marts.usage_alerts as alerts
        where sent.closed_reason = 'corrected' and {_SAME_ALERT}
        """  # noqa: S608
    ).rowcount


def _record_corrected(connection: psycopg.Connection) -> int:
    """What was told and is not in the marts any more; return how many of it are news.

    A build that looks back from an earlier day knows no later alerts: they stay as they are.
    """
    row = connection.execute(
        f"""
        with looked as (
            select max(as_of_date) as through from marts.usage_trends
        ),

        corrected as (
            update sync.alerts_sent as alerts
            set
                closed_on = looked.through,
                closed_reason = 'corrected',
                correction_sent_at = case when {_IS_THERE} then now() end
            from looked
            where
                alerts.sent_at is not null
                and alerts.closed_reason is distinct from 'corrected'
                and alerts.opened_on <= looked.through
                and not exists (
                    select from marts.usage_alerts as sent where {_SAME_ALERT}
                )
            returning alerts.correction_sent_at
        )

        select count(correction_sent_at) from corrected
        """  # noqa: S608
    ).fetchone()
    return row[0]  # type: ignore[index]


def _record_over(connection: psycopg.Connection) -> None:
    """When what was told was over; it may be found to last after all."""
    connection.execute(
        f"""
        update sync.alerts_sent as sent
        set
            closed_on = alerts.closed_on,
            closed_reason = case when alerts.closed_on is not null then 'over' end
        from marts.usage_alerts as alerts
        where
            {_SAME_ALERT}
            and sent.closed_on is distinct from alerts.closed_on
            -- a build that looks back from an earlier day does not know that it was over since
            and coalesce(sent.closed_on, '-infinity')
            <= (select max(as_of_date) from marts.usage_trends)
        """  # noqa: S608
    )


def _named(connection: psycopg.Connection) -> list[UsageAlert]:
    """The first hundred of this transaction's: companies before the rest, what is gone first, and
    corrections last.
    """
    with connection.cursor(row_factory=class_row(UsageAlert)) as cursor:
        return cursor.execute(
            f"""
            select
                alerts.object_type,
                alerts.object_id,
                alerts.kind,
                alerts.opened_on,
                alerts.closed_on,
                alerts.closed_reason is not distinct from 'corrected' as is_corrected,
                round(coalesce(alerts.activities, 0))::bigint as activities,
                round(coalesce(alerts.expected, 0))::bigint as expected,
                -- one line, whatever it holds
                left(
                    regexp_replace(companies.name, '[[:cntrl:][:space:]]+', ' ', 'g'), %(longest)s
                ) as company,
                -- a person's name stays in the warehouse
                case when alerts.object_type not in ('company', 'enduser') then left(
                    regexp_replace(
                        objects.payload ->> 'name', '[[:cntrl:][:space:]]+', ' ', 'g'
                    ),
                    %(longest)s
                ) end as name
            from sync.alerts_sent as alerts
            {OBJECTS_OF_ALERTS}
            -- the time of this transaction
            where now() in (alerts.sent_at, alerts.correction_sent_at)
            order by
                is_corrected,
                alerts.object_type <> 'company',
                array_position(array['stopped', 'drop', 'spike'], alerts.kind),
                alerts.expected desc nulls last,
                alerts.object_type,
                alerts.object_id,
                alerts.opened_on
            limit %(named)s
            """,  # noqa: S608
            {"named": NAMED, "longest": LONGEST_NAME},
        ).fetchall()
