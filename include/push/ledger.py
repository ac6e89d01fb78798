"""What left and what was acknowledged: the transactions around each batch.

A batch is a range of the run's plan. It is committed as `sent` before it leaves, and acknowledged
together with its counts after. Each transaction holds the run's row while it writes, so that a
run that was closed meanwhile (its owner was taken for dead) cannot write any more.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import psycopg
from psycopg import sql

from include.errors import BusyError
from include.push.failures import record_failures


class ClaimLostError(BusyError):
    """The run was closed while somebody still worked for it; nothing more may be written."""


@dataclass(frozen=True)
class Range:
    """A batch: positions `first` to `last`, both included, of one model's plan."""

    run_id: int
    model: str
    first: int
    last: int

    @property
    def parameters(self) -> dict[str, int | str]:
        """For the queries below."""
        return {
            "run_id": self.run_id,
            "model": self.model,
            "first": self.first,
            "last": self.last,
        }

    @property
    def count(self) -> int:
        """How many objects: a plan's positions have no gaps."""
        return self.last - self.first + 1

    def halves(self) -> tuple["Range", "Range"]:
        """Two batches of what this one holds; it holds two objects or more."""
        middle = self.first + self.count // 2
        return replace(self, last=middle - 1), replace(self, first=middle)


@dataclass(frozen=True)
class Failure:
    """Why one object of a batch did not arrive."""

    position: int
    code: str
    message: str


def mark_sent(connection: psycopg.Connection, batch: Range) -> str | None:
    """Commit that the batch's outcome is unknown from now on; return its rows.

    As JSON, for `messages.build_messages`. None: the run is to be cancelled. Raises
    `ClaimLostError` when the run is no longer running.
    """
    marked = connection.execute(_MARK_SENT, batch.parameters).fetchone()
    if marked is None:
        raise _claim_lost(connection, batch.run_id)
    return marked[0]


def forget_sent(connection: psycopg.Connection, batch: Range) -> None:
    """Take the mark back: the batch was refused as a whole, nothing of it arrived."""
    with connection.transaction():
        _hold_claim(connection, batch.run_id)
        connection.execute(
            """
            delete from sync.batches
            where
                run_id = %(run_id)s and model = %(model)s and first_position = %(first)s
                and status = 'sent'
            """,
            batch.parameters,
        )


def acknowledge(
    connection: psycopg.Connection,
    batch: Range,
    failures: Sequence[Failure] = (),
    *,
    has_user_ids: bool = True,
) -> tuple[int, int]:
    """Write the batch's objects into the ledger and count them; returns (synced, errors).

    `failures` are objects of the batch that the other side took and set aside. `has_user_ids`: some
    may have one, as Segment's do and Planhat's do not; looking for former owners in vain is dear
    while no statistics say yet how many rows of a new model the ledger has. Safe to repeat
    when nobody knows whether the first try was committed.
    """
    failed = [each.position for each in failures]
    synced = batch.last - batch.first + 1 - len(failed)
    # A pipeline: two round trips instead of seven, and the other connections wait here meanwhile.
    with connection.pipeline(), connection.transaction():
        claim = _ask_for_claim(connection, batch.run_id)
        finished = _finish_batch(connection, batch, "acknowledged", synced, len(failed))
        _check_claim(claim, connection, batch.run_id)
        if finished.fetchone() is None:
            return synced, len(failed)
        if has_user_ids:
            connection.execute(_TAKE_OVER, batch.parameters)
        connection.execute(_ACKNOWLEDGE, {**batch.parameters, "failed": failed})
        _record(connection, batch, failures)
        _count(connection, batch, synced, len(failed))
    return synced, len(failed)


def refuse(connection: psycopg.Connection, batch: Range, failures: Sequence[Failure]) -> int:
    """Count the batch's objects as errors: they certainly did not arrive. Returns how many."""
    with connection.transaction():
        _hold_claim(connection, batch.run_id)
        if _finish_batch(connection, batch, "refused", 0, len(failures)).fetchone():
            _record(connection, batch, failures)
            _count(connection, batch, 0, len(failures))
    return len(failures)


def leave_unknown(connection: psycopg.Connection, batch: Range, code: str, message: str) -> int:
    """Count the batch's objects as errors whose outcome nobody knows. Returns how many."""
    errors = batch.last - batch.first + 1
    with connection.transaction():
        _hold_claim(connection, batch.run_id)
        if _finish_batch(connection, batch, "unknown", 0, errors).fetchone():
            _remember_unknown(connection, batch, code, message)
            _count(connection, batch, 0, errors)
    return errors


def settle(connection: psycopg.Connection, run_id: int) -> None:
    """Of a run that ends: batches still marked as sent become errors with an unknown outcome.

    Within the caller's transaction, which has closed the run.
    """
    left = connection.execute(
        """
        select run_id, model, first_position, last_position from sync.batches
        where run_id = %s and status = 'sent'
        order by model, first_position
        """,
        [run_id],
    ).fetchall()
    for row in left:
        batch = Range(*row)
        errors = batch.last - batch.first + 1
        _finish_batch(connection, batch, "unknown", 0, errors)
        _remember_unknown(
            connection, batch, "outcome_unknown",
            "it was sent, and the run ended before the answer was recorded",
        )  # fmt: skip
        _count(connection, batch, 0, errors)


def known_batches(connection: psycopg.Connection, part: Range) -> list[tuple[int, int, bool]]:
    """Batches of the part so far, in order: (first, last, whether its outcome is still unknown)."""
    return connection.execute(
        """
        select first_position, last_position, status = 'sent' from sync.batches
        where
            run_id = %(run_id)s and model = %(model)s
            and first_position between %(first)s and %(last)s
        order by first_position
        """,
        part.parameters,
    ).fetchall()


def _hold_claim(connection: psycopg.Connection, run_id: int) -> None:
    """Keep the run open until this transaction ends."""
    _check_claim(_ask_for_claim(connection, run_id), connection, run_id)


def _ask_for_claim(connection: psycopg.Connection, run_id: int) -> psycopg.Cursor:
    return connection.execute(
        "select from sync.runs where run_id = %s and status = 'running' for share", [run_id]
    )


def _check_claim(answer: psycopg.Cursor, connection: psycopg.Connection, run_id: int) -> None:
    if answer.fetchone() is None:
        raise _claim_lost(connection, run_id)


def _claim_lost(connection: psycopg.Connection, run_id: int) -> ClaimLostError:
    row = connection.execute("select status from sync.runs where run_id = %s", [run_id]).fetchone()
    state = "gone" if row is None else row[0]
    return ClaimLostError(
        f"Run {run_id} is {state} by now: somebody closed it. Its ledger is left as it is."
    )


def _finish_batch(
    connection: psycopg.Connection, batch: Range, status: str, synced: int, errors: int
) -> psycopg.Cursor:
    """Write the batch's outcome; gives a row unless it has one already."""
    return connection.execute(
        """
        update sync.batches
        set status = %(status)s, synced = %(synced)s, errors = %(errors)s,
            finished_at = clock_timestamp()
        where
            run_id = %(run_id)s and model = %(model)s and first_position = %(first)s
            and last_position = %(last)s and status = 'sent'
        returning run_id
        """,
        {**batch.parameters, "status": status, "synced": synced, "errors": errors},
    )


def _record(connection: psycopg.Connection, batch: Range, failures: Sequence[Failure]) -> None:
    if not failures:
        return
    _record_planned(
        connection, batch,
        [each.position for each in failures],
        [each.code for each in failures],
        [each.message for each in failures],
    )  # fmt: skip


def _record_planned(
    connection: psycopg.Connection,
    batch: Range,
    positions: list[int],
    codes: list[str],
    messages: list[str],
) -> None:
    failed = sql.SQL(
        """
        select planned.object_id, failure.code, failure.message, planned.payload
        from unnest({}::bigint[], {}::text[], {}::text[]) as failure (position, code, message)
        inner join sync.planned
            on
                planned.run_id = {} and planned.model = {}
                and planned.position = failure.position
        """
    ).format(positions, codes, messages, batch.run_id, batch.model)
    record_failures(connection, batch.run_id, _destination(connection, batch), batch.model, failed)


def _remember_unknown(
    connection: psycopg.Connection, batch: Range, code: str, message: str
) -> None:
    connection.execute(_TAKE_OVER, batch.parameters)
    connection.execute(_REMEMBER_UNKNOWN, batch.parameters)
    failed = sql.SQL(
        """
        select object_id, {}::text as code, {}::text as message, payload
        from sync.planned
        where run_id = {} and model = {} and position between {} and {}
        """
    ).format(code, message, batch.run_id, batch.model, batch.first, batch.last)
    record_failures(connection, batch.run_id, _destination(connection, batch), batch.model, failed)


def _destination(connection: psycopg.Connection, batch: Range) -> str:
    row = connection.execute(
        "select destination from sync.runs where run_id = %s", [batch.run_id]
    ).fetchone()
    return row[0]  # type: ignore[index]


def _count(connection: psycopg.Connection, batch: Range, synced: int, errors: int) -> None:
    # Last in its transaction: the connections of one model wait for each other here.
    connection.execute(
        """
        update sync.run_models
        set synced = synced + %(synced)s, errors = errors + %(errors)s
        where run_id = %(run_id)s and model = %(model)s
        """,
        {**batch.parameters, "synced": synced, "errors": errors},
    )


# One statement, and so one transaction and one round trip. Reads what is to be sent as well.
_MARK_SENT = """
    with claim as (
        select cancel_requested_at is not null as is_cancelled
        from sync.runs
        where run_id = %(run_id)s and status = 'running'
        for share
    ),

    marked as (
        insert into sync.batches (run_id, model, first_position, last_position)
        select %(run_id)s, %(model)s, %(first)s, %(last)s
        from claim
        where not is_cancelled
        on conflict (run_id, model, first_position) do update
        set last_position = excluded.last_position, sent_at = excluded.sent_at
    )

    select
        case when not is_cancelled then (
            select json_agg(
                json_build_array(
                    call, event, user_id, anonymous_id, group_id, message_id, payload
                ) order by position
            )::text
            from sync.planned
            where
                run_id = %(run_id)s and model = %(model)s
                and position between %(first)s and %(last)s
        ) end
    from claim
"""

# A user id belongs to one object. It was free because its former owner is gone from the outbound
# table; should that one return, another id is decided for it (no hash: the plan looks closely).
# Of models whose objects become each other's as well.
_TAKE_OVER = """
    update sync.objects as former
    set user_id = null, row_hash = null
    from sync.planned
    inner join sync.runs on planned.run_id = runs.run_id
    where
        planned.run_id = %(run_id)s
        and planned.model = %(model)s
        and planned.position between %(first)s and %(last)s
        and planned.call = 'identify'
        and former.destination = runs.destination
        and (
            former.model = planned.model
            or runs.plan_settings -> 'relatives' -> planned.model ? former.model
        )
        and former.user_id = planned.user_id
        and former.object_id <> planned.object_id
"""

# A removal leaves payload and version behind, so that a return is seen as one.
_ACKNOWLEDGE = """
    insert into sync.objects as ledger (
        destination, model, object_id, row_hash, payload, fingerprint, version, generation,
        message_id, user_id, anonymous_id, first_acknowledged_at, acknowledged_at, removed_at
    )
    select
        runs.destination, planned.model, planned.object_id, planned.row_hash, planned.payload,
        planned.fingerprint, planned.version, planned.generation, planned.message_id,
        case planned.call when 'identify' then planned.user_id end,
        planned.anonymous_id, clock_timestamp(), clock_timestamp(),
        case planned.action when 'removed' then clock_timestamp() end
    from sync.planned
    inner join sync.runs on planned.run_id = runs.run_id
    where
        planned.run_id = %(run_id)s
        and planned.model = %(model)s
        and planned.position between %(first)s and %(last)s
        and planned.position <> all(%(failed)s::bigint[])
    on conflict (destination, model, object_id) do update
    set
        row_hash = excluded.row_hash,
        payload = case
            when excluded.removed_at is null then excluded.payload
            else coalesce(ledger.payload, ledger.sent_payload, excluded.payload)
        end,
        fingerprint = excluded.fingerprint,
        version = excluded.version,
        generation = excluded.generation,
        message_id = excluded.message_id,
        user_id = coalesce(ledger.user_id, excluded.user_id),
        anonymous_id = coalesce(ledger.anonymous_id, excluded.anonymous_id),
        first_acknowledged_at = coalesce(
            ledger.first_acknowledged_at, excluded.first_acknowledged_at
        ),
        acknowledged_at = excluded.acknowledged_at,
        removed_at = excluded.removed_at,
        seen_back_at = null,
        sent_payload = null,
        sent_fingerprint = null,
        sent_version = null,
        sent_generation = null,
        sent_message_id = null,
        sent_is_removal = null,
        sent_at = null
"""

# No hash: the next plan looks closely. A removal keeps what was sent and unknown before it.
_REMEMBER_UNKNOWN = """
    insert into sync.objects as ledger (
        destination, model, object_id, user_id, anonymous_id, sent_payload, sent_fingerprint,
        sent_version, sent_generation, sent_message_id, sent_is_removal, sent_at
    )
    select
        runs.destination, planned.model, planned.object_id,
        case planned.call when 'identify' then planned.user_id end,
        planned.anonymous_id,
        case when planned.action <> 'removed' then planned.payload end,
        planned.fingerprint, planned.version, planned.generation, planned.message_id,
        planned.action = 'removed', clock_timestamp()
    from sync.planned
    inner join sync.runs on planned.run_id = runs.run_id
    where
        planned.run_id = %(run_id)s
        and planned.model = %(model)s
        and planned.position between %(first)s and %(last)s
    on conflict (destination, model, object_id) do update
    set
        row_hash = null,
        user_id = coalesce(ledger.user_id, excluded.user_id),
        anonymous_id = coalesce(ledger.anonymous_id, excluded.anonymous_id),
        sent_payload = coalesce(excluded.sent_payload, ledger.sent_payload),
        sent_fingerprint = excluded.sent_fingerprint,
        sent_version = excluded.sent_version,
        sent_generation = excluded.sent_generation,
        sent_message_id = excluded.sent_message_id,
        sent_is_removal = excluded.sent_is_removal,
        sent_at = excluded.sent_at
"""
