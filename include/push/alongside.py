"""What a push would send if the outbound tables were those of another schema; nothing is kept."""

from dataclasses import replace
from pathlib import Path

import psycopg

from include.push import switches
from include.push.catalogue import read_catalogue
from include.push.plan import plan_model
from include.push.plan_settings import PlanSettings
from include.settings import Settings
from include.warehouse.connection import connect


def plan_alongside(
    url: str,
    settings: Settings,
    destination: str,
    *,
    schema: str = "planhat",
    folder: Path | None = None,
) -> set[tuple[str, str, str, str]]:
    """`{(model, object_id, action, a hash of its payload)}` of a plan made by the push's own code.

    In one transaction that is rolled back: neither a run nor a plan of it stays. A model without a
    table in the schema has no row.
    """
    planned: set[tuple[str, str, str, str]] = set()
    with (
        connect(url, application_name="plan alongside", autocommit=True) as connection,
        connection.transaction(force_rollback=True),
    ):
        connection.execute("set transaction isolation level repeatable read")
        plan = dry_run(connection, settings, destination)
        for model in switches.active(connection, read_catalogue(folder)).values():
            (is_there,) = connection.execute(
                "select to_regclass(%s) is not null", [f"{schema}.{model.name}"]
            ).fetchone()  # type: ignore[misc]
            if not is_there:
                continue
            connection.execute(
                "insert into sync.run_models (run_id, model) values (%s, %s)",
                [plan.run_id, model.name],
            )
            plan_model(connection, replace(model, schema=schema), plan)
        planned.update(
            connection.execute(
                "select model, object_id, action, md5(coalesce(payload::text, '')) "
                "from sync.planned where run_id = %s",
                [plan.run_id],
            ).fetchall()
        )
    return planned


def dry_run(connection: psycopg.Connection, settings: Settings, destination: str) -> PlanSettings:
    """Open a run that sends nothing, in a transaction that the caller rolls back."""
    (environment,) = connection.execute("select environment from sync.environment").fetchone()  # type: ignore[misc]
    (run_id,) = connection.execute(
        "insert into sync.runs (destination, trigger, requested_by, owner, status, is_dry) "
        "values (%s, 'command', 'a comparison', 'alongside', 'dry_run', true) "
        "returning run_id",
        [destination],
    ).fetchone()  # type: ignore[misc]
    return PlanSettings(
        run_id,
        destination,
        settings.segment_environment or environment,
        settings.segment_service_id,
        dry=True,
    )
