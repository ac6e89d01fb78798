"""Whether a run's end is news: one alert per change of state, and one when it is well again.

What was told last is kept per destination, so that neither a repeated task nor a second failure of
the same kind tells it twice. Whoever delivers the alert is given by the caller.
"""

from collections.abc import Callable
from dataclasses import dataclass

import psycopg
import requests

from include.errors import ServiceError
from include.push.plainly import plainly
from include.settings import SegmentConnection
from include.warehouse.connection import connect

WELL = "well"

# How long a webhook may take, in seconds.
TIMEOUT = 10

NO_RUN = "No push was made: the logs of Build and Plan say why."


@dataclass(frozen=True)
class Alert:
    """What is told. `state` is `well` or a run's status; no personal data in either text."""

    state: str
    before: str
    subject: str
    text: str


@plainly
def tell_change(
    url: str, segment: SegmentConnection, run_id: int | None, tell: Callable[[Alert], None]
) -> Alert | None:
    """Call `tell` if the state differs from what was told last; None when it was not called.

    `run_id` None: the push did not come as far as a run, which is a failure. What `tell` raises is
    raised, and the change counts as not told: the next run tries again.
    """
    with connect(url, application_name="push alerts") as connection:
        found = _state(connection, run_id)
        if found is None:
            return None
        state, text = found
        connection.execute(
            "insert into sync.told_states (destination) values (%s) on conflict do nothing",
            [segment.destination],
        )
        # Two that end at once wait for each other here.
        (before,) = connection.execute(
            "select state from sync.told_states where destination = %s for update",
            [segment.destination],
        ).fetchone()  # type: ignore[misc]
        if state == before:
            return None
        subject = "Push to Segment is well again" if state == WELL else f"Push to Segment: {state}"
        alert = Alert(state, before, subject, text)
        tell(alert)
        connection.execute(
            """
            update sync.told_states set state = %s, run_id = %s, told_at = clock_timestamp()
            where destination = %s
            """,
            [state, run_id, segment.destination],
        )
        return alert


def post_alert(address: str, token: str | None, alert: Alert) -> None:
    """Post the alert to a webhook as JSON; `text` is what chats show.

    `token` is sent as a Bearer token. Raises `ServiceError` when it is not taken.
    """
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    body = {"text": f"{alert.subject}. {alert.text}", "state": alert.state, "before": alert.before}
    try:
        answer = requests.post(address, json=body, headers=headers, timeout=TIMEOUT)
        answer.raise_for_status()
    except requests.RequestException as error:
        # The address may hold a secret: it is not said.
        status = error.response.status_code if error.response is not None else type(error).__name__
        raise ServiceError(f"The webhook for alerts did not take it ({status}).") from None


def _state(connection: psycopg.Connection, run_id: int | None) -> tuple[str, str] | None:
    """The run's state and what to say of it; None where it says nothing of how pushes fare."""
    if run_id is None:
        return "failed", NO_RUN
    row = connection.execute(
        """
        select
            runs.status,
            format(
                'Run %%s: %%s (%%s synced, %%s errors, %%s held)', runs.run_id,
                coalesce(runs.reason, runs.status), coalesce(sum(synced), 0),
                coalesce(sum(errors), 0), coalesce(sum(held), 0)
            ),
            runs.status = 'partial' and coalesce(sum(errors), 0) < (
                select value from sync.thresholds where threshold = 'push_alert_errors'
            )
        from sync.runs
        left join sync.run_models on runs.run_id = run_models.run_id
        where runs.run_id = %s
        group by runs.run_id
        """,
        [run_id],
    ).fetchone()
    if row is None or row[0] in ("queued", "running", "cancelled", "dry_run"):
        return None
    status, text, is_small = row
    return (WELL if status == "success" or is_small else status), text
