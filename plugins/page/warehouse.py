"""Airflow's connections `warehouse` and `segment`, else the project's settings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
from airflow.exceptions import AirflowNotFoundException
from airflow.models.connection import Connection

from include.connections import postgres_url, segment_connection_of
from include.errors import ServiceError
from include.settings import SegmentConnection, load_settings, segment_connection
from include.warehouse.connection import unreachable, warehouse_url


def current_url() -> str:
    """`postgresql://…`. Raises `ProblemError` when none is set or none was ever started."""
    try:
        return postgres_url(Connection.get_connection_from_secrets("warehouse"))
    except AirflowNotFoundException:
        return warehouse_url(load_settings())


def current_segment() -> SegmentConnection:
    """The push's destination. Raises `ProblemError` when none is set."""
    try:
        return segment_connection_of(Connection.get_connection_from_secrets("segment"))
    except AirflowNotFoundException:
        return segment_connection(load_settings())


@asynccontextmanager
async def one_asker() -> AsyncIterator[None]:
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
            await connection.execute("select pg_advisory_lock(hashtext('push button'))")
        except psycopg.errors.LockNotAvailable:
            raise ServiceError("Somebody else is starting a push right now. Try again.") from None
        yield
