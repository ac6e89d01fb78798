"""What a plan left out, each object with its reason: withheld by a rule, or waiting for an answer;
and those of unknown outcome as they are now, which somebody may answer for."""

from typing import Any, Literal

import psycopg

from include.page.records import linked, record
from include.push.to_planhat.unknown import IS_UNKNOWN
from include.warehouse.reading import one, rows, shortened

OBJECTS_A_PAGE = 50

_UNKNOWN = f"from sync.objects as ledger where destination = %(destination)s and {IS_UNKNOWN}"

Which = Literal["withheld", "waiting"]


def left_out(
    connection: psycopg.Connection,
    run_id: int,
    *,
    which: Which,
    model: str | None = None,
    with_payload: bool,
    link: str | None = None,
    offset: int = 0,
) -> dict[str, Any]:
    """What a run's plan left out, fifty at a time: `{"total", "reasons", "rows", "with_payload"}`.

    Of one `model` or all; `which`: withheld by a rule, or of unknown outcome. `reasons` has how
    many there are of each code. Empty once the next run has planned.
    """
    asked = {
        "run_id": run_id, "model": model, "is_waiting": which == "waiting", "offset": offset,
        "with_payload": with_payload,
    }  # fmt: skip
    of_them = (
        "from sync.left_out where run_id = %(run_id)s and model = coalesce(%(model)s, model) "
        "and is_waiting = %(is_waiting)s "
    )
    reasons = rows(
        connection,
        f"select code, count(*) as objects {of_them} group by code order by objects desc, code",
        asked,
    )
    found = rows(
        connection,
        "select model, object_id, code, message, case when %(with_payload)s then payload end as "
        f"payload, {record('payload', 'model')} {of_them} order by model, code, object_id "
        f"limit {OBJECTS_A_PAGE} offset %(offset)s",
        asked,
    )
    return {
        "total": sum(row["objects"] for row in reasons),
        "reasons": reasons,
        "rows": [_shown(row, link) for row in found],
        "with_payload": with_payload,
    }


def count_unknown(connection: psycopg.Connection, destination: str) -> dict[str, int]:
    """How many objects of each model wait for somebody's answer."""
    found = rows(
        connection,
        f"select model, count(*) as objects {_UNKNOWN} group by model order by model",
        {"destination": destination},
    )
    return {row["model"]: row["objects"] for row in found}


def unknown(
    connection: psycopg.Connection,
    destination: str,
    model: str,
    *,
    with_payload: bool,
    link: str | None = None,
    offset: int = 0,
) -> dict[str, Any]:
    """A model's objects of unknown outcome, those sent last first: `{"total", "rows", …}`.

    `stored_otherwise` is what was there when it was read back, where it can be.
    """
    asked = {
        "destination": destination, "model": model, "offset": offset,
        "with_payload": with_payload,
    }  # fmt: skip
    of_them = f"{_UNKNOWN} and model = %(model)s"
    total = one(connection, f"select count(*) as total {of_them}", asked)
    sent = "coalesce(sent_payload, payload)"
    found = rows(
        connection,
        "select model, object_id, coalesce(sent_at, acknowledged_at) as sent_at, stored_otherwise, "
        f"case when %(with_payload)s then {sent} end as payload, {record(sent, 'model')} {of_them} "
        f"order by sent_at desc, object_id limit {OBJECTS_A_PAGE} offset %(offset)s",
        asked,
    )
    return {
        "total": total["total"] if total else 0,
        "rows": [_shown(row, link) for row in found],
        "with_payload": with_payload,
    }


def _shown(row: dict[str, Any], link: str | None) -> dict[str, Any]:
    return {**linked(row, link), "object_id": shortened(row["object_id"])}
