"""What a run planned, object by object: what a held plan would change, and what was sent."""

from typing import Any

import psycopg

from include.page.records import linked, record
from include.warehouse.reading import rows, shortened

OBJECTS_A_PAGE = 50


def changes(
    connection: psycopg.Connection,
    run_id: int,
    *,
    model: str | None = None,
    with_values: bool,
    action: str | None = None,
    link: str | None = None,
    offset: int = 0,
) -> dict[str, Any]:
    """What a run planned, fifty objects at a time: `{"total", "actions", "rows"}`.

    Of one `model`, or of all; of one `action`, or of all. Each row names the model, the object, the
    action, its `outcome` (`acknowledged`, `refused`, null: not sent, or not answered yet) and the
    fields that differ from what was acknowledged; `fields` is `{name: [before, after]}`
    only for who may see values (`with_values`), else `{name: null}`. Empty once the next run has
    planned.
    """
    actions = rows(
        connection,
        "select action, count(*) as objects from sync.planned "
        "where run_id = %s and model = coalesce(%s, model) and action = coalesce(%s, action) "
        "group by action order by action",
        run_id, model, action,
    )  # fmt: skip
    found = rows(
        connection,
        f"""
        select
            planned.model, planned.object_id, planned.action,
            {record("planned.payload", "planned.model")},
            planned.payload as after, ledger.payload as before,
            case
                when ledger.message_id = planned.message_id then 'acknowledged'
                when exists (
                    select from sync.run_errors as failed
                    where
                        failed.run_id = planned.run_id
                        and failed.model = planned.model
                        and failed.object_id = planned.object_id
                ) then 'refused'
            end as outcome
        from sync.planned
        inner join sync.runs on planned.run_id = runs.run_id
        left join sync.objects as ledger
            on
                runs.destination = ledger.destination
                and planned.model = ledger.model
                and planned.object_id = ledger.object_id
        where
            planned.run_id = %s and planned.model = coalesce(%s, planned.model)
            and planned.action = coalesce(%s, planned.action)
        order by planned.model, planned.position
        limit %s offset %s
        """,  # noqa: S608
        run_id, model, action, OBJECTS_A_PAGE, offset,
    )  # fmt: skip
    return {
        "total": sum(row["objects"] for row in actions),
        "actions": {row["action"]: row["objects"] for row in actions},
        "rows": [
            linked(
                {
                    "model": row["model"],
                    "object_id": shortened(row["object_id"]),
                    "action": row["action"],
                    "outcome": row["outcome"],
                    "fields": _difference(row, with_values),
                    "planhat_model": row["planhat_model"],
                    "planhat_id": row["planhat_id"],
                },
                link,
            )
            for row in found
        ],
        "with_values": with_values,
    }


def _difference(row: dict[str, Any], with_values: bool) -> dict[str, Any]:
    before, after = row["before"] or {}, row["after"] or {}
    if row["action"] == "removed":
        return {}
    names = [name for name in after if before.get(name) != after[name]]
    return {
        name: [_value(before.get(name)), _value(after[name])] if with_values else None
        for name in names
    }


def _value(value: Any) -> Any:
    return shortened(value, 200) if isinstance(value, str) else value
