"""The last comparisons, kept: the page shows the newest."""

import psycopg
from psycopg.types.json import Jsonb

from include.compare.report import Comparison

# Of a tenant; older ones are deleted.
KEPT = 50
# Of each reason: the page asks for them every few seconds.
EXAMPLES = 3


def keep(
    connection: psycopg.Connection, tenant: str, comparison: Comparison, requested_by: str
) -> None:
    """Keep one, and no more than so many."""
    with connection.transaction():
        connection.execute(
            "insert into sync.comparisons (tenant, since, until, compared_at, requested_by, found)"
            " values (%s, %s, %s, %s, %s, %s)",
            [
                tenant, comparison.days.first, comparison.days.last, comparison.compared_at,
                requested_by, Jsonb(comparison.as_dict(EXAMPLES)),
            ],
        )  # fmt: skip
        connection.execute(
            """
            delete from sync.comparisons
            where tenant = %(tenant)s and comparison_id not in (
                select comparison_id from sync.comparisons where tenant = %(tenant)s
                order by comparison_id desc limit %(kept)s
            )
            """,
            {"tenant": tenant, "kept": KEPT},
        )
