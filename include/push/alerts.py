"""Whether a run's end is news, or that none comes: one alert per change of state.

What was told last is kept per destination, so that neither a repeated task nor a second failure of
the same kind tells it twice. Whoever delivers the alert is given by the caller.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg

from include.connections import Destination
from include.counting import counted
from include.push import destinations, runs
from include.push.plainly import plainly
from include.schedule import last_due
from include.warehouse.connection import connect

WELL = "well"
LATE = "late"

# Told already that pushes do not work: that none comes is no news then.
KNOWN_TO_FAIL = ("failed", "timed_out", LATE)

NO_RUN = "No push was made: the logs of Build and Plan say why."


@dataclass(frozen=True)
class Alert:
    """What is told. `state` is `well`, `late` or a run's status; no personal data in the texts."""

    state: str
    before: str
    subject: str
    text: str

    @property
    def fields(self) -> dict[str, str]:
        """The states, for a webhook."""
        return {"state": self.state, "before": self.before}


Tell = Callable[[Alert], None]


@plainly
def tell_change(url: str, to: Destination, run_id: int | None, tell: Tell) -> Alert | None:
    """Call `tell` if the state differs from what was told last; None when it was not called.

    `run_id` None: the push did not come as far as a run, which is a failure. What `tell` raises is
    raised, and the change counts as not told: the next run tries again.
    """
    with connect(url, application_name="push alerts") as connection:
        found = _state(connection, run_id)
        if found is None:
            return None
        before = _told_last(connection, to.destination)
        return _change(connection, to.destination, before, *found, run_id, tell)


@plainly
def tell_late(
    url: str,
    to: Destination,
    cron: str,
    timezone: str,
    *,
    is_active: bool,
    tell: Tell,
    now: datetime | None = None,
) -> Alert | None:
    """Call `tell` once when no push has begun for longer than the schedule allows.

    For something that runs while the push itself does not. `is_active`: the data push is switched
    on; while it is off nothing is missing, and what was due before it was switched on is not
    missed. Also tells, once, that a push was made after all, where nobody else did (a push from
    the command line). What `tell` raises is raised, and told the next time.
    """
    now = now or datetime.now(UTC)
    with connect(url, application_name="push alerts") as connection:
        late_after, newest, newest_at = connection.execute(
            """
            select threshold.value::float, newest.run_id, newest.worked_at
            from (
                select max(value) as value from sync.thresholds where threshold = 'push_alert_late'
            ) as threshold
            left join lateral (
                -- one that got as far as a plan; at work until it ends
                select run_id, coalesce(finished_at, started_at) as worked_at from sync.runs
                where destination = %s and not is_dry and planned_at is not null
                order by started_at desc limit 1
            ) as newest on true
            """,
            [to.destination],
        ).fetchone()  # type: ignore[misc]
        before = _told_last(connection, to.destination)
        (active_since,) = connection.execute(
            """
            update sync.told_states
            set active_since = case when %(is_active)s then coalesce(active_since, %(now)s) end
            where destination = %(destination)s
            returning active_since
            """,
            {"is_active": is_active, "now": now, "destination": to.destination},
        ).fetchone()  # type: ignore[misc]
        if not is_active or not late_after:
            return None
        due = last_due(cron, timezone, now - timedelta(minutes=late_after))
        if newest_at is not None and newest_at >= due:
            made = _state(connection, newest) if before == LATE else None
            return made and _change(connection, to.destination, before, *made, newest, tell)
        if before in KNOWN_TO_FAIL or active_since > due or runs.active_run(url, to):
            return None
        last = f"the last was at {_clock(newest_at)}" if newest_at else "there never was one"
        text = (
            f"A push was due at {_clock(due)} and none has begun; {last}. Look in Airflow at the "
            "runs of Push Planhat to Segment, at import errors, and whether the scheduler runs."
        )
        return _change(connection, to.destination, before, LATE, text, newest, tell)


def _told_last(connection: psycopg.Connection, destination: str) -> str:
    """The state that was told last. Two that ask at once wait for each other here."""
    connection.execute(
        "insert into sync.told_states (destination) values (%s) on conflict do nothing",
        [destination],
    )
    (before,) = connection.execute(
        "select state from sync.told_states where destination = %s for update", [destination]
    ).fetchone()  # type: ignore[misc]
    return before


def _change(
    connection: psycopg.Connection,
    destination: str,
    before: str,
    state: str,
    text: str,
    run_id: int | None,
    tell: Tell,
) -> Alert | None:
    if state == before:
        return None
    push = f"Push to {destinations.kind_of(connection, destination).title()}"
    subject = f"{push} is well again" if state == WELL else f"{push}: {state}"
    alert = Alert(state, before, subject, text)
    tell(alert)
    connection.execute(
        """
        update sync.told_states set state = %s, run_id = %s, told_at = clock_timestamp()
        where destination = %s
        """,
        [state, run_id, destination],
    )
    return alert


def _state(connection: psycopg.Connection, run_id: int | None) -> tuple[str, str] | None:
    """The run's state and what to say of it; None where it says nothing of how pushes fare."""
    if run_id is None:
        return "failed", NO_RUN
    row = connection.execute(
        """
        select
            runs.status,
            coalesce(runs.reason, runs.status),
            coalesce(sum(synced), 0)::bigint,
            coalesce(sum(errors), 0)::bigint,
            coalesce(sum(held), 0)::bigint,
            runs.status = 'partial' and coalesce(sum(errors), 0) < (
                select value from sync.thresholds where threshold = 'push_alert_errors'
            ),
            runs.is_dry
        from sync.runs
        left join sync.run_models on runs.run_id = run_models.run_id
        where runs.run_id = %s
        group by runs.run_id
        """,
        [run_id],
    ).fetchone()
    if row is None:
        return None
    status, why, synced, errors, held, is_small, is_dry = row
    if is_dry or status in ("queued", "running", "cancelled"):
        return None
    counts = f"{synced:,} synced, {counted(errors, 'error')}, {held:,} held"
    return (WELL if status == "success" or is_small else status), f"Run {run_id}: {why} ({counts})"


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
