"""A stored plan for people: samples of it, and the whole of it as a file that can be sent later."""

import json
from collections.abc import Iterator
from pathlib import Path

import psycopg

from include.errors import ProblemError
from include.private_files import open_private

# For each model and action.
SAMPLES = 3

# What changed, column by column; a json column as a whole.
_ROWS = """
    select
        planned.model,
        planned.action,
        planned.object_id,
        planned.message_id,
        case planned.action when 'changed' then coalesce(
            (
                select jsonb_object_agg(key, jsonb_build_array(before.value, after.value))
                from jsonb_each(ledger.payload) as before
                full join jsonb_each(planned.payload) as after using (key)
                where before.value is distinct from after.value
            ),
            '{}'
        ) end as changes,
        case planned.action when 'added' then planned.payload end as payload
    from sync.planned
    inner join sync.runs on planned.run_id = runs.run_id
    left join sync.objects as ledger
        on
            ledger.destination = runs.destination
            and ledger.model = planned.model
            and ledger.object_id = planned.object_id
    where planned.run_id = %(run_id)s
"""


def samples(connection: psycopg.Connection, run_id: int) -> list[dict]:
    """A few objects of each model and action: `{"model", "action", "object_id", "changes"}`.

    `changes` is `{column: [before, after]}`; None for what is added or removed.
    """
    rows = connection.execute(
        f"""
        select model, action, object_id, changes
        from (
            select *, row_number() over (partition by model, action order by object_id) as number
            from ({_ROWS}) as plan
        ) as numbered
        where number <= %(samples)s
        order by model, action, object_id
        """,  # noqa: S608
        {"run_id": run_id, "samples": SAMPLES},
    ).fetchall()
    return [
        {"model": model, "action": action, "object_id": object_id, "changes": changes}
        for model, action, object_id, changes in rows
    ]


def write_plan(connection: psycopg.Connection, run_id: int, file: Path) -> int:
    """Write the run's plan as JSON lines, the first one about the whole; returns the objects.

    The file is readable by its owner alone: it holds what is known of people.
    """
    destination, models, limit, is_full = connection.execute(
        "select destination, models, object_limit, is_full from sync.runs where run_id = %s",
        [run_id],
    ).fetchone()  # type: ignore[misc]
    head = {
        "destination": destination,
        "models": models,
        "limit": limit,
        "full": is_full,
        "plans": plan_fingerprints(connection, run_id),
    }
    count = 0
    try:
        with open_private(file) as output:
            output.write(json.dumps(head) + "\n")
            for row in _stream(connection, run_id):
                output.write(json.dumps(row, ensure_ascii=False) + "\n")
                count += 1
    except OSError as error:
        raise ProblemError(f"The plan cannot be written to {file}: {error.strerror}.") from None
    return count


def read_plan_head(file: Path) -> dict:
    """The first line of a plan's file. Raises `ProblemError` when it is none."""
    try:
        with file.open(encoding="utf-8") as lines:
            head = json.loads(lines.readline())
        if not isinstance(head, dict) or not isinstance(head.get("plans"), dict):
            raise ValueError
    except OSError as error:
        raise ProblemError(f"The plan {file} cannot be read: {error.strerror}.") from None
    except ValueError:
        raise ProblemError(f"{file} is no plan: `make plan` writes one.") from None
    return head


def plan_fingerprints(connection: psycopg.Connection, run_id: int) -> dict[str, str]:
    """Each planned model's fingerprint: the same for plans that would send the same messages."""
    return dict(
        connection.execute(
            """
            select model, plan_fingerprint from sync.run_models
            where run_id = %s and plan_fingerprint is not null order by model
            """,
            [run_id],
        ).fetchall()
    )


def _stream(connection: psycopg.Connection, run_id: int) -> Iterator[dict]:
    with connection.transaction(), connection.cursor(name="plan_file") as cursor:
        cursor.execute(_ROWS + " order by planned.model, planned.position", {"run_id": run_id})
        for model, action, object_id, message_id, changes, payload in cursor:
            row = {
                "model": model,
                "action": action,
                "object_id": object_id,
                "message_id": message_id,
            }
            if changes is not None:
                row["changes"] = changes
            if payload is not None:
                row["payload"] = payload
            yield row
