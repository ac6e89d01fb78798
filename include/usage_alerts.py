"""Alerts of usage told once each: what `marts.usage_alerts` has that nobody was told of yet.

What was sent is kept in `sync.alerts_sent`. Sending and recording are one transaction, recorded
last: a crash between the two repeats one message at most, and loses none.
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

    def __str__(self) -> str:
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
            "activities": self.activities,
            "expected": self.expected,
        }

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

    @property
    def subject(self) -> str:
        """How many."""
        return "1 usage alert" if self.total == 1 else f"{self.total:,} usage alerts"

    @property
    def text(self) -> str:
        """A line an alert."""
        more = self.total - len(self.alerts)
        rest = [f"… and {more:,} more: see the page, tab Usage"] if more else []
        return "\n".join([*map(str, self.alerts), *rest])

    @property
    def fields(self) -> dict[str, Any]:
        """The same for a webhook."""
        return {"total": self.total, "alerts": [each.fields for each in self.alerts]}


def tell_usage_alerts(url: str, tell: Callable[[UsageNews], None]) -> UsageNews | None:
    """Call `tell` with the alerts that opened since the last look; None when there are none.

    At the very first look over a history only those of the last 14 days that are still open are
    told; the rest is recorded as seen. Later looks tell every alert that opened since 14 days
    before the one before, also when it is over by now. An object that is gone is no news. What
    `tell` raises is raised, and everything is told the next time.
    """
    with connect(url, application_name="usage alerts") as connection:
        # Two at once would both tell.
        connection.execute("select pg_advisory_xact_lock(hashtext('usage alerts'))")
        if not _is_built(connection):
            return None
        total = _record_new(connection)
        news = None
        if total:
            news = UsageNews(_named(connection), total)
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
        """
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
            insert into sync.alerts_sent (object_type, object_id, kind, opened_on, sent_at)
            select
                alerts.object_type,
                alerts.object_id,
                alerts.kind,
                alerts.opened_on,
                case
                    when
                        alerts.opened_on >= coalesce(looked.before, looked.through) - %(days)s
                        and (looked.before is not null or alerts.closed_on is null)
                        and case alerts.object_type
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
        """,
        {"days": NEWS_DAYS},
    ).fetchone()
    return row[0]  # type: ignore[index]


def _named(connection: psycopg.Connection) -> list[UsageAlert]:
    """The first hundred of this transaction's: companies before the rest, what is gone first."""
    with connection.cursor(row_factory=class_row(UsageAlert)) as cursor:
        return cursor.execute(
            f"""
            select
                alerts.object_type,
                alerts.object_id,
                alerts.kind,
                alerts.opened_on,
                alerts.closed_on,
                round(alerts.activities)::bigint as activities,
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
            from marts.usage_alerts as alerts
            inner join sync.alerts_sent as sent
                on
                    alerts.object_type = sent.object_type
                    and alerts.object_id = sent.object_id
                    and alerts.kind = sent.kind
                    and alerts.opened_on = sent.opened_on
            {OBJECTS_OF_ALERTS}
            -- the time of this transaction
            where sent.sent_at = now()
            order by
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
