"""Airflow's connections `warehouse`, `segment` and `planhat`, else the project's settings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
from airflow.exceptions import AirflowNotFoundException
from airflow.models.connection import Connection

from include.connections import (
    Destination,
    Kind,
    SegmentApiConnection,
    planhat_connection_of,
    postgres_url,
    segment_api_connection_of,
    segment_connection_of,
)
from include.errors import ServiceError, SettingError
from include.played_planhat.place import planhat_of
from include.settings import load_settings, segment_api_connection, segment_connection
from include.warehouse.connection import unreachable, warehouse_url


def current_url() -> str:
    """`postgresql://…`. Raises `ProblemError` when none is set or none was ever started."""
    try:
        return postgres_url(Connection.get_connection_from_secrets("warehouse"))
    except AirflowNotFoundException:
        return warehouse_url(load_settings())


def current(kind: Kind) -> Destination:
    """Where a push goes. Raises `ProblemError` when none is set, or what it lacks."""
    try:
        connection = Connection.get_connection_from_secrets(kind)
    except AirflowNotFoundException:
        return _set(kind)
    if kind == "segment":
        return segment_connection_of(connection)
    planhat = planhat_connection_of(connection)
    _ = planhat.sink_token  # nothing is sent without
    return planhat


def _set(kind: Kind) -> Destination:
    settings = load_settings()
    if kind == "segment":
        return segment_connection(settings)
    planhat = planhat_of(settings)
    if planhat is None:
        raise SettingError(
            "Planhat is not connected: there is no Airflow connection `planhat`, and "
            "AIRFLOW_CONN_PLANHAT is not set. docs/planhat.md says what it is."
        )
    _ = planhat.sink_token
    return planhat


def segment_api() -> SegmentApiConnection | None:
    """Segment's Public API; None where it is not connected. Raises `SettingError`."""
    try:
        return segment_api_connection_of(Connection.get_connection_from_secrets("segment_api"))
    except AirflowNotFoundException:
        return segment_api_connection(load_settings())


@asynccontextmanager
async def one_asker(kind: Kind) -> AsyncIterator[None]:
    """Held by one request at a time over all api-servers: a look and a trigger are one step.

    Of eight people who press the button together, one triggers and seven are told of that run.
    Raises `ServiceError` when the warehouse does not answer.
    """
    url = current_url()
    try:
        connection = await psycopg.AsyncConnection.connect(
            url, autocommit=True, connect_timeout=10, application_name="operators page: push"
        )
    except psycopg.OperationalError as error:
        raise ServiceError(unreachable(url, error)) from None
    async with connection:
        await connection.execute("set lock_timeout = '20s'")
        try:
            await connection.execute(
                "select pg_advisory_lock(hashtext('push button ' || %s))", [kind]
            )
        except psycopg.errors.LockNotAvailable:
            raise ServiceError("Somebody else is starting a push right now. Try again.") from None
        yield
