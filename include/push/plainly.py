"""A lost database, said in one line whatever the step."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

import psycopg

from include.errors import ServiceError
from include.warehouse.connection import unreachable

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def plainly(
    step: Callable[Concatenate[str, Parameters], Result],
) -> Callable[Concatenate[str, Parameters], Result]:
    """Let `step(url, …)` raise `ServiceError` where Postgres was lost while it worked."""

    @wraps(step)
    def said(url: str, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        try:
            return step(url, *args, **kwargs)
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            raise ServiceError(unreachable(url, error)) from None

    return said
