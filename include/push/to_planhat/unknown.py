"""Objects of which nobody knows whether they arrived in Planhat, and what a person says of them.

An activity, or a sum that is not read back yet: sent again by itself it might count twice.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg

from include.connections import Destination
from include.errors import ProblemError
from include.push.plainly import plainly
from include.push.runs import close_dead_run
from include.push.settled import AS_SENT, NOTHING_SENT
from include.warehouse.connection import connect

ANSWERS = ("arrived", "again")

# Of a row of the ledger (`ledger`): it was sent, and a repeat would count twice. Endusers and LAST
# metrics go again by themselves.
WAITS = """
    ledger.sent_version is not null
    and (ledger.sent_payload ? 'activity_date' or ledger.sent_payload ->> 'aggregation' = 'SUM')
"""

# The same, and what is there otherwise than it was sent: what a person may answer for.
IS_UNKNOWN = f"({WAITS} or ledger.stored_otherwise is not null)"


@dataclass(frozen=True)
class UnknownObject:
    """One that was sent without an answer, or that the destination has otherwise."""

    model: str
    object_id: str
    sent_at: datetime
    # what it has instead, where that was read back
    stored_otherwise: dict | None

    def __str__(self) -> str:
        at = f"{self.sent_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        if self.stored_otherwise:
            return f"{self.model} {self.object_id}: sent at {at}, and {self.stored_otherwise} there"
        return f"{self.model} {self.object_id}: sent at {at}, and nobody knows whether it arrived"


@plainly
def unknown_objects(url: str, to: Destination, model: str | None = None) -> list[UnknownObject]:
    """Those that wait for an answer, in the order of their ids; of a push that died, too."""
    with connect(url, application_name="push unknown", autocommit=True) as connection:
        close_dead_run(connection, to.destination)
        rows = _find(connection, to.destination, model)
    return [UnknownObject(*row) for row in rows]


@plainly
def answer_unknown(
    url: str,
    to: Destination,
    model: str,
    answer: str,
    *,
    answered_by: str,
    object_id: str | None = None,
    looked_at: int | None = None,
) -> int:
    """Say of a model's objects, or of one, that they `arrived`, or are to be sent `again`.

    Returns of how many. Raises `ProblemError` for another word, where none waits, and where there
    are not as many (any more) as somebody has `looked_at`.
    """
    if answer not in ANSWERS:
        raise ProblemError(f"An answer is {' or '.join(ANSWERS)}, not {answer!r}.")
    with connect(url, application_name="push unknown") as connection:
        waiting = [row[1] for row in _find(connection, to.destination, model)]
        chosen = [each for each in waiting if object_id in (None, each)]
        if not chosen:
            which = f"{model} {object_id}" if object_id else model
            raise ProblemError(f"No {which} has an unknown outcome: there is nothing to answer.")
        if looked_at not in (None, len(chosen)):
            raise ProblemError(
                f"Of {len(chosen):,} objects of {model} nobody knows the outcome by now, not of "
                f"{looked_at:,}: look again."
            )
        connection.execute(
            _ARRIVED if answer == "arrived" else _AGAIN, [to.destination, model, chosen]
        )
        connection.execute(
            """
            insert into sync.outcome_answers (destination, model, object_id, answer, answered_by)
            select %s, %s, unnest(%s::text[]), %s, %s
            """,
            [to.destination, model, chosen, answer, answered_by],
        )
    return len(chosen)


def _find(
    connection: psycopg.Connection, destination: str, model: str | None
) -> list[tuple[str, str, datetime, dict | None]]:
    return connection.execute(
        f"""
        select model, object_id, coalesce(sent_at, acknowledged_at), stored_otherwise
        from sync.objects as ledger
        where
            destination = (
                select destination from sync.destinations
                where destination = %(destination)s and kind = 'planhat'
            )
            and (%(model)s::text is null or model = %(model)s)
            and {IS_UNKNOWN}
        order by model, object_id
        """,  # noqa: S608
        {"destination": destination, "model": model},
    ).fetchall()


# As if its answer had come.
_ARRIVED = f"""
    update sync.objects
    set
        seen_back_at = case when stored_otherwise is not null then clock_timestamp() end,
        stored_otherwise = null,
        {AS_SENT}
    where destination = %s and model = %s and object_id = any(%s)
"""  # noqa: S608

# As if it had not been sent; of what is there otherwise, the difference from that.
_AGAIN = f"""
    update sync.objects
    set
        row_hash = null,
        version = greatest(version, sent_version),
        payload = case
            when stored_otherwise is not null then payload || stored_otherwise
            else payload
        end,
        stored_otherwise = null,
        {NOTHING_SENT}
    where destination = %s and model = %s and object_id = any(%s)
"""  # noqa: S608
