"""Which date a warehouse's sample has: the last day of its usage, fixed by the first load.

It is kept where it cannot get lost alone: in the sample's own workspace object in
`raw_planhat.objects`. A warehouse that is made anew gets a new one.
"""

from datetime import UTC, date, datetime, timedelta

from include.sample.identifiers import planhat_id
from include.warehouse.connection import connect

WORKSPACE_ID = planhat_id("workspace", "sample")
FIELD = "Sample Base Date"


def stored(url: str) -> date | None:
    """The base date of the sample in this warehouse; None when it holds no sample."""
    with connect(url, application_name="sample", autocommit=True) as connection:
        row = connection.execute(
            "select payload->'custom'->>%s from raw_planhat.objects"
            " where model = 'workspace' and planhat_id = %s",
            [FIELD, WORKSPACE_ID],
        ).fetchone()
    return date.fromisoformat(row[0]) if row and row[0] else None


def for_first_load() -> date:
    """The last whole UTC day: no call of the sample lies in the future, and no day is half full."""
    return datetime.now(UTC).date() - timedelta(days=1)
