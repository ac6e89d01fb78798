"""A database that is lost or refuses, said in one line whatever the step."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

import psycopg

from include.errors import ServiceError
from include.warehouse.problems import line

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def plainly(
    step: Callable[Concatenate[str, Parameters], Result],
) -> Callable[Concatenate[str, Parameters], Result]:
    """Let `step(url, …)` raise `ServiceError` where Postgres does what a person can put right."""

    @wraps(step)
    def carefully(url: str, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        try:
            return step(url, *args, **kwargs)
        except psycopg.Error as error:
            if said := line(error):
                raise ServiceError(said) from None
            raise

    return carefully
