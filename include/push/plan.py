"""What changed: one outbound table against the ledger, in SQL, stored as the run's plan.

Everything stays in the database: memory here does not grow with the number of objects. Rows are
told apart by a hash first, and by their whole payload only where the hash differs.
"""

import psycopg

from include.push import changes, guards, left_out, preflight, resync, storage
from include.push.catalogue import PushedModel
from include.push.kinds import planning_for
from include.push.plan_settings import PlanSettings

# Beyond this many objects a model is sent in several parts, each a task of its own.
PART_OBJECTS = 100_000

# What seems too large for memory is not hashed but searched for each row: 150,000 people took not
# 17 seconds but minutes without end. Postgres gives 4 MB, unless somebody says more.
_MEMORY = """
    select set_config('work_mem', '64MB', true)
    where pg_size_bytes(current_setting('work_mem')) < pg_size_bytes('64MB')
"""


def plan_model(connection: psycopg.Connection, model: PushedModel, plan: PlanSettings) -> None:
    """Plan one model within the caller's transaction (repeatable read, so that it sees one moment).

    Writes `sync.planned`, `sync.run_errors` for what cannot be sent, `sync.plan_warnings`, and the
    model's counts in `sync.run_models`. The table is what its YAML says: `contract.check` has
    looked.
    """
    # Casts from timestamps follow the session's zone.
    connection.execute("set local timezone = 'UTC'")
    connection.execute(_MEMORY)
    kind = planning_for(model)
    generation = _generation(connection, model, plan)
    changes.compare(connection, model, plan, generation)
    considered, are_there_any = preflight.count_rows(connection, model, plan.destination)
    preflight.find_bad_keys(connection, model, are_there_any=are_there_any)
    changes.find_candidates(connection)
    left_out.begin(connection)
    kind.leave_out(connection, model, plan)
    changes.compose(connection, model, plan, generation, kind.identity(model, plan))
    if not plan.dry:
        changes.refresh_hashes(connection, model, plan)
    false_alarms = connection.execute("delete from change where action is null").rowcount
    preflight.mark_invalid(connection, model)
    kind.mark_invalid(connection, model, plan)
    preflight.store_errors(connection, model, plan.run_id, plan.destination)
    kind.find_removals(connection, model, plan)
    storage.store_changes(connection, model, plan, generation)
    kind.store_removals(connection, model, plan, generation)
    left_out.store(connection, model, plan)
    _count(connection, model, plan, considered, false_alarms)
    if not model.is_retired:
        guards.judge(connection, model, plan)
    kind.conclude(connection, model, plan, generation)
    if not plan.dry:
        _remember_model(connection, model, plan)
    connection.execute("drop table compared, bad_key, candidate, change, removal, left_out")


def _remember_model(connection: psycopg.Connection, model: PushedModel, plan: PlanSettings) -> None:
    # For the day when its file is gone.
    connection.execute(
        """
        insert into sync.pushed_models (destination, model, removed_event)
        values (%s, %s, %s)
        on conflict (destination, model) do update
        set removed_event = excluded.removed_event, last_planned_at = now()
        """,
        [plan.destination, model.name, model.removed_event],
    )


def planned_parts(connection: psycopg.Connection, run_id: int) -> list[dict]:
    """`[{"model", "first", "last"}]` of everything the run has to send, in similar parts."""
    rows = connection.execute(
        """
        select model, to_send from sync.run_models
        where run_id = %s and to_send > 0
        order by model
        """,
        [run_id],
    ).fetchall()
    parts = []
    for model, count in rows:
        size = -(-count // -(-count // PART_OBJECTS))
        parts += [
            {"model": model, "first": first, "last": min(first + size - 1, count)}
            for first in range(1, count + 1, size)
        ]
    return parts


def _generation(connection: psycopg.Connection, model: PushedModel, plan: PlanSettings) -> int:
    """The resync generation that every object of the model must have been sent in."""
    generation, is_interrupted = resync.state(connection, plan.destination, model.name)
    # A real run's is begun with the run; a plan alone begins none.
    if plan.dry and plan.full and not is_interrupted:
        return resync.next_generation(connection, plan.destination, model.name)
    return generation


def _count(
    connection: psycopg.Connection,
    model: PushedModel,
    plan: PlanSettings,
    considered: int,
    false_alarms: int,
) -> None:
    """The model's counts. Each is counted by itself, so that the books can be checked later."""
    connection.execute(
        """
        with changes as (
            select
                count(*) filter (where code is null and action = 'added') as added,
                count(*) filter (where code is null and action = 'changed') as changed,
                count(*) filter (where code is not null) as invalid,
                count(*) filter (where code is null and action = 'changed' and is_repeated)
                    as repeated
            from change
        ),

        bad_keys as (
            select coalesce(sum(copies), 0)::bigint as invalid from bad_key
        ),

        candidates as (
            select count(*) as number from candidate
        ),

        removals as (
            select count(*) as removed from removal
        ),

        left_out as (
            select
                count(*) filter (where not is_waiting) as withheld,
                count(*) filter (where is_waiting) as waiting,
                count(*) filter (where is_gone) as gone
            from left_out
        ),

        stored as (
            select
                count(*) as to_send,
                coalesce(bit_xor(hashtextextended(message_id, 0)), 0) as low,
                coalesce(bit_xor(hashtextextended(message_id, 1)), 0) as high
            from sync.planned
            where run_id = %(run_id)s and model = %(model)s
        )

        update sync.run_models
        set
            -- what is there no more and yet waits, or is withheld, counts as well
            considered = %(considered)s + left_out.gone,
            unchanged = %(considered)s + left_out.gone - candidates.number - bad_keys.invalid
                - left_out.withheld - left_out.waiting + %(false_alarms)s,
            withheld = left_out.withheld,
            waiting = left_out.waiting,
            added = changes.added,
            changed = changes.changed,
            removed = removals.removed,
            invalid = changes.invalid + bad_keys.invalid,
            errors = changes.invalid + bad_keys.invalid,
            repeated = changes.repeated,
            to_send = stored.to_send,
            plan_fingerprint = md5(stored.to_send || '.' || stored.low || '.' || stored.high),
            planned_at = clock_timestamp()
        from changes, bad_keys, candidates, removals, left_out, stored
        where run_models.run_id = %(run_id)s and run_models.model = %(model)s
        """,
        {
            "run_id": plan.run_id,
            "model": model.name,
            "considered": considered,
            "false_alarms": false_alarms,
        },
    )
