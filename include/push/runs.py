"""Who may push: one run a destination, claimed in `sync.runs`, and never stuck.

A run is alive while somebody who works for it holds its advisory lock (gone with the process, at
once) or while its lease lasts (the gaps between the tasks of a DAG). Whoever comes next closes
the run of a dead owner, with the reason.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg

from include.connections import Destination
from include.errors import BusyError, ServiceError
from include.push import ledger
from include.push.ledger import ClaimLostError
from include.push.plainly import plainly
from include.warehouse.connection import connect

# The first number of the advisory locks: "push" in ASCII. The second is the run's number.
LOCK_CLASS = 0x70757368
PART_LOCK_CLASS = LOCK_CLASS + 1

# For the gaps between a DAG's tasks, a scheduler's restart included.
LEASE_SECONDS = 900

# For the time between the button and the DAG's first task.
QUEUE_SECONDS = 300

# How the id of a DAG run begins that the page's button has triggered; and a scheduled one's.
BUTTON_RUN = "button__"
SCHEDULED_RUN = "scheduled__"

ENDED = ("success", "partial", "failed", "timed_out", "cancelled", "held")


@dataclass(frozen=True)
class ActiveRun:
    """The run that holds the claim."""

    run_id: int
    status: str
    trigger: str
    requested_by: str
    started_at: datetime

    def __str__(self) -> str:
        since = self.started_at.astimezone(UTC)
        minutes = int((datetime.now(UTC) - since).total_seconds() // 60)
        return (
            f"run {self.run_id}, asked for by {self.requested_by} ({self.trigger}), "
            f"{self.status} since {since:%Y-%m-%d %H:%M} UTC ({minutes} min)"
        )


@dataclass(frozen=True)
class Request:
    """What is asked for when a run is opened; see `include.push.steps.open_run`."""

    destination: str
    trigger: str
    requested_by: str
    owner: str | None = None
    models: list[str] | None = None
    limit: int | None = None
    full: bool = False


def trigger_of(dag_run_id: str) -> str:
    """Who started a DAG run, by its id: `schedule`, `button`, or `api` (by hand in Airflow)."""
    if dag_run_id.startswith(SCHEDULED_RUN):
        return "schedule"
    return "button" if dag_run_id.startswith(BUTTON_RUN) else "api"


@plainly
def queue_run(url: str, to: Destination, *, trigger: str, requested_by: str) -> int:
    """Reserve the destination for a DAG run that is about to be triggered.

    The reservation lapses after five minutes. Raises `BusyError` when another run is active.
    """
    with connect(url, application_name="push queue", autocommit=True) as connection:
        return claim(
            connection,
            Request(to.destination, trigger, requested_by),
            status="queued",
            lease_seconds=QUEUE_SECONDS,
        )


@plainly
def active_run(url: str, to: Destination) -> ActiveRun | None:
    """The run that is queued or running now; one whose owner is dead is closed first."""
    with connect(url, application_name="push runs", autocommit=True) as connection:
        close_dead_run(connection, to.destination)
        return _active(connection, to.destination)


@plainly
def unfinished_run(url: str, to: Destination, owner: str) -> int | None:
    """The run that this owner has opened and that has not ended; also one that only plans."""
    with connect(url, application_name="push runs", autocommit=True) as connection:
        row = connection.execute(
            """
            select run_id from sync.runs
            where destination = %s and owner = %s and finished_at is null
            """,
            [to.destination, owner],
        ).fetchone()
    return None if row is None else row[0]


@plainly
def close_run(url: str, run_id: int, status: str, reason: str) -> bool:
    """End a run from outside: `failed`, `timed_out`, `cancelled`. False when it had ended already.

    Its unsent objects are counted as such, what was on its way as errors of unknown outcome.
    """
    if status not in ENDED:
        raise ValueError(f"a run cannot end as {status!r}")
    with connect(url, application_name="push runs", autocommit=True) as connection:
        return end(connection, run_id, status, reason)


def claim(
    connection: psycopg.Connection,
    request: Request,
    *,
    status: str = "running",
    lease_seconds: float = LEASE_SECONDS,
    hold_lock: bool = False,
) -> int:
    """Take the destination for a new run and return its number.

    The same `owner` asking again gets the run that it has. With `hold_lock` the connection keeps
    the run's advisory lock from the first moment. Raises `BusyError` when another run is active.
    """
    while True:
        with connection.transaction():
            run_id = _insert(connection, request, status, lease_seconds)
            if run_id is not None:
                if hold_lock:
                    _lock(connection, run_id)
                return run_id
        holder = connection.execute(
            """
            select run_id from sync.runs
            where destination = %s and owner = %s and status = 'running'
            """,
            [request.destination, request.owner],
        ).fetchone()
        if holder is not None:
            return holder[0]
        if not close_dead_run(connection, request.destination):
            active = _active(connection, request.destination)
            if active is not None:
                raise BusyError(f"Another push is active: {active}. Nothing was sent.")


def start_queued(connection: psycopg.Connection, run_id: int, request: Request) -> bool:
    """Turn a reservation into the running run. False when it lapsed or was closed."""
    started = connection.execute(
        """
        update sync.runs
        set status = 'running', owner = %(owner)s, models = %(models)s,
            object_limit = %(limit)s, is_full = %(full)s,
            lease_until = clock_timestamp() + %(lease)s * interval '1 second'
        where
            run_id = %(run_id)s and destination = %(destination)s
            and (status = 'queued' or status = 'running' and owner = %(owner)s)
        """,
        {**_parameters(request), "run_id": run_id, "lease": LEASE_SECONDS},
    )
    return started.rowcount == 1


def close_dead_run(connection: psycopg.Connection, destination: str) -> bool:
    """Close the active run of the destination if nobody is left to work for it."""
    dead = connection.execute(
        """
        select run_id, status, requested_by from sync.runs
        where
            destination = %s and status in ('queued', 'running')
            and lease_until < clock_timestamp()
        """,
        [destination],
    ).fetchone()
    if dead is None:
        return False
    run_id, status, requested_by = dead
    if status == "queued":
        reason = f"reserved by {requested_by}, and never started"
    else:
        reason = "its process ended without a word (killed, or its machine was lost)"
    return end(connection, run_id, "failed", reason, only_if_dead=True)


def end(
    connection: psycopg.Connection,
    run_id: int,
    status: str,
    reason: str | None,
    *,
    only_if_dead: bool = False,
) -> bool:
    """Set an active run's last status and settle its books. False when it was not active.

    A dry run is active until it has ended.

    `only_if_dead`: also False when somebody holds the run's lock, or has renewed its lease.
    """
    with connection.transaction():
        if only_if_dead and has_workers(connection, run_id):
            return False
        ended = connection.execute(
            """
            update sync.runs
            set status = %(status)s, reason = %(reason)s, finished_at = clock_timestamp()
            where
                run_id = %(run_id)s
                and (status in ('queued', 'running') or is_dry and finished_at is null)
                and (not %(only_if_dead)s or lease_until < clock_timestamp())
            """,
            {
                "run_id": run_id,
                "status": status,
                "reason": reason,
                "only_if_dead": only_if_dead,
            },
        )
        if ended.rowcount == 0:
            return False
        settle_books(connection, run_id)
    return True


def settle_books(connection: psycopg.Connection, run_id: int) -> None:
    """What is on its way has an unknown outcome, what was not sent is counted as such."""
    ledger.settle(connection, run_id)
    connection.execute(
        """
        update sync.run_models
        set
            not_sent = added + changed + removed + invalid - synced - errors - held,
            finished_at = coalesce(finished_at, clock_timestamp())
        where run_id = %s
        """,
        [run_id],
    )


def renew_lease(connection: psycopg.Connection, run_id: int) -> str | None:
    """Keep the claim for the time after this step; says who asked the run to stop, if somebody did.

    Raises `ClaimLostError` when it is gone.
    """
    renewed = connection.execute(
        """
        update sync.runs set lease_until = clock_timestamp() + %s * interval '1 second'
        where run_id = %s and status = 'running' and owner is not null
        returning cancel_requested_by
        """,
        [LEASE_SECONDS, run_id],
    ).fetchone()
    if renewed is not None:
        return renewed[0]
    row = connection.execute(
        "select status, cancel_requested_by from sync.runs where run_id = %s", [run_id]
    ).fetchone()
    if row is None or row[0] != "running":
        raise ClaimLostError(f"Run {run_id} was closed while it was being worked on.")
    return row[1]


class Claim:
    """Holds the run's lock while a step works; several workers of one run hold it together.

    Used with `with`; raises `ClaimLostError` when the run is not running (any more).
    """

    def __init__(self, url: str, run_id: int, *, alone_in: str | None = None) -> None:
        """`alone_in` names a part of the run that only one may work at; others wait."""
        self._url = url
        self._run_id = run_id
        self._alone_in = alone_in
        self._connection: psycopg.Connection | None = None
        # who asked the run to stop, as of the last look
        self.cancelled_by: str | None = None

    def __enter__(self) -> "Claim":
        self._take()
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection is not None:
            self._connection.close()

    def keep(self) -> None:
        """Renew the lease, and take the lock again if Postgres was restarted meanwhile."""
        try:
            if self._connection is None:
                self._take()
            else:
                self.cancelled_by = renew_lease(self._connection, self._run_id)
        except (psycopg.OperationalError, psycopg.InterfaceError, ServiceError):
            # Not back yet: the next call tries again, and who writes the ledger waits by itself.
            if self._connection is not None:
                self._connection.close()
            self._connection = None

    def _take(self) -> None:
        self._connection = connect(
            self._url, application_name=f"push run {self._run_id}", autocommit=True
        )
        _lock(self._connection, self._run_id)
        if self._alone_in is not None:
            self._connection.execute(
                "select pg_advisory_lock(%s, hashtext(%s))",
                [PART_LOCK_CLASS, f"{self._run_id}/{self._alone_in}"],
            )
        self.cancelled_by = renew_lease(self._connection, self._run_id)


def _lock(connection: psycopg.Connection, run_id: int) -> None:
    connection.execute("select pg_advisory_lock_shared(%s, %s)", [LOCK_CLASS, run_id])


def has_workers(connection: psycopg.Connection, run_id: int) -> bool:
    """Whether somebody works for the run; if not, nobody begins to until this transaction ends."""
    # Free for us alone only when nobody holds it; let go at the end of the transaction.
    row = connection.execute(
        "select pg_try_advisory_xact_lock(%s, %s)", [LOCK_CLASS, run_id]
    ).fetchone()
    return row is None or not row[0]


def _insert(
    connection: psycopg.Connection, request: Request, status: str, lease_seconds: float
) -> int | None:
    row = connection.execute(
        """
        insert into sync.runs (
            destination, trigger, requested_by, owner, status, models, object_limit, is_full,
            lease_until
        )
        values (
            %(destination)s, %(trigger)s, %(requested_by)s, %(owner)s, %(status)s, %(models)s,
            %(limit)s, %(full)s, clock_timestamp() + %(lease)s * interval '1 second'
        )
        on conflict (destination) where status in ('queued', 'running') do nothing
        returning run_id
        """,
        {**_parameters(request), "status": status, "lease": lease_seconds},
    ).fetchone()
    return None if row is None else row[0]


def _parameters(request: Request) -> dict:
    return {
        "destination": request.destination,
        "trigger": request.trigger,
        "requested_by": request.requested_by,
        "owner": request.owner,
        "models": request.models or None,
        "limit": request.limit,
        "full": request.full,
    }


def _active(connection: psycopg.Connection, destination: str) -> ActiveRun | None:
    row = connection.execute(
        """
        select run_id, status, trigger, requested_by, started_at from sync.runs
        where destination = %s and status in ('queued', 'running')
        """,
        [destination],
    ).fetchone()
    return None if row is None else ActiveRun(*row)
