"""When the schedule builds again after failures: at once, then less and less often.

What failed for its code or settings fails again, at the cost of a build each minute. So while
nothing but rows is new, a build by the schedule waits; who asks for one gets it.
"""

from datetime import datetime

import psycopg

from include.build.inputs import Inputs
from include.build.records import BuildError, same_but_rows

LONGEST_MINUTES = 15


class TooSoonError(BuildError):
    """The same has failed a moment ago, and is not tried yet."""


def check_patience(holder: psycopg.Connection, inputs: Inputs) -> None:
    """Raise `TooSoonError` until it is time to try again what has failed since the last success."""
    condition, values = same_but_rows(inputs)
    row = holder.execute(
        f"""
        with failed as (
            select build_id, finished_at, reason, count(*) over () as failures
            from sync.builds
            where
                status = 'failed'
                and build_id > coalesce(
                    (select max(build_id) from sync.builds where status = 'success'), 0
                )
                and {condition}
            order by build_id desc
            limit 1
        ),

        waiting as (
            select
                *,
                finished_at + make_interval(
                    mins => least(%(longest)s, power(2, least(failures, 10) - 1)::integer)
                ) as next_at
            from failed
            where failures > 1
        )

        select build_id, reason, failures, next_at from waiting where next_at > clock_timestamp()
        """,  # noqa: S608
        {**values, "longest": LONGEST_MINUTES},
    ).fetchone()
    if row is not None:
        raise TooSoonError(_in_words(*row))


def _in_words(build_id: int, reason: str, failures: int, next_at: datetime) -> str:
    return (
        f"Not built: the same has failed {failures} times, last as build {build_id} ({reason}). "
        f"The schedule tries again after {next_at:%H:%M} UTC, and as soon as a file or a setting "
        "has changed; make build tries at once."
    )
