"""What operators change on the page, kept with who and since when."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time

import psycopg

from include.errors import ProblemError
from include.nearest import unknown
from include.push import switches
from include.push.pushed_models import pushed_models
from include.warehouse.connection import connect

AGGREGATIONS = ("SUM", "LAST")
# Sections can count from a day in the past on; the others are as they were when a call came.
SECTIONS = ("user_tracking", "company_metrics")
SWITCHES = (
    *SECTIONS, "auto_create", "block_bots", "create_by_property_email", "enduser_alerts",
    "forget_delete_calls",
)  # fmt: skip
LONGEST_NAME = 200


# The warehouse's URL; or a connection, in whose transaction a change is made (include/trying).
Place = str | psycopg.Connection


class ChangeError(ProblemError):
    """What was asked for is no valid change; nothing was changed."""


@contextmanager
def changing(place: Place, application_name: str) -> Iterator[psycopg.Connection]:
    """A connection that commits in the end, if it is not somebody else's."""
    if isinstance(place, psycopg.Connection):
        with place.transaction():
            yield place
    else:
        with connect(place, application_name=application_name) as connection:
            yield connection


def declare_metric(place: Place, metric: str, aggregation: str, *, by: str) -> None:
    """Declare a numeric trait of group calls as a metric, or read a declared one differently.

    `metric` is the trait's name exactly as it is sent. Its values are there at once, from all
    history. Raises `ChangeError` for a blank or overlong name or an unknown aggregation.
    """
    if not metric.strip():
        raise ChangeError("Type the trait's name, as it is sent in the group call.")
    if len(metric) > LONGEST_NAME:
        raise ChangeError(f"A trait's name has at most {LONGEST_NAME} characters.")
    if "\0" in metric:
        raise ChangeError("A trait's name cannot hold the character NUL.")
    if aggregation not in AGGREGATIONS:
        raise ChangeError(f"A metric is read as {' or '.join(AGGREGATIONS)}.")
    with changing(place, "operators page: change") as connection:
        connection.execute(
            "insert into sync.company_metrics (metric, aggregation, changed_by) "
            "values (%s, %s, %s) on conflict (metric) do update set "
            "aggregation = excluded.aggregation, changed_by = excluded.changed_by, "
            "valid_from = now() where company_metrics.aggregation <> excluded.aggregation",
            [metric, aggregation, by],
        )


def delete_metric(place: Place, metric: str) -> None:
    """Take a metric's declaration back, and with it its values; the events stay.

    Raises `ChangeError` when no such metric is declared.
    """
    with changing(place, "operators page: change") as connection:
        gone = connection.execute(
            "delete from sync.company_metrics where metric = %s", [metric.replace("\0", "")]
        )
        if gone.rowcount == 0:
            raise ChangeError("No metric of that name is declared.")


def acknowledge_alert(
    url: str, object_type: str, object_id: str, kind: str, opened_on: date, *, by: str
) -> None:
    """Take notice of an open alert of usage: it is not among the open ones any more.

    Whoever did so first is kept. Raises `ChangeError` when no such alert is open.
    """
    key = [text.replace("\0", "") for text in (object_type, object_id, kind)]
    with connect(url, application_name="operators page: change") as connection:
        found = connection.execute(
            "select from marts.usage_alerts where object_type = %s and object_id = %s "
            "and kind = %s and opened_on = %s and closed_on is null",
            [*key, opened_on],
        ).fetchone()
        if found is None:
            raise ChangeError("No such alert is open any more.")
        connection.execute(
            "insert into sync.alerts_acknowledged "
            "(object_type, object_id, kind, opened_on, acknowledged_by) "
            "values (%s, %s, %s, %s, %s) on conflict do nothing",
            [*key, opened_on, by],
        )


def set_switch(
    place: Place, switch: str, is_on: bool, *, by: str, since: date | None = None
) -> None:
    """Turn a switch from now on: a call uses the value in force when it was received.

    A section may be switched on from the beginning of a past day (UTC) on: it then counts as on
    from there, whatever was set meanwhile. Nothing is written when it stands so already. Raises
    `ChangeError` for an unknown switch, a day to come, and for what cannot be in the past.

    `push_<model>`: whether a push to Segment that names no model sends it, from the next one on.
    """
    is_of_model = switch.startswith(switches.PREFIX)
    if switch not in SWITCHES and not is_of_model:
        raise ChangeError(
            f"There is no switch of that name: there are {', '.join(SWITCHES)}, and "
            f"{switches.PREFIX}<model>."
        )
    if since is not None and not (is_on and switch in SECTIONS):
        raise ChangeError(
            "Only a section can be changed for a day in the past, and only be switched on: "
            "what counted already stays."
        )
    if is_of_model:
        model = switch.removeprefix(switches.PREFIX)
        if problem := unknown([model], pushed_models(), "pushed model"):
            raise ChangeError(problem)
        if not isinstance(place, str):
            raise ChangeError("Which models are pushed is no matter of a build.")
        return switches.turn(place, model, is_on, by=by)
    with changing(place, "operators page: change") as connection:
        # One at a time: two who turn it at once leave one new row, not two that disagree.
        connection.execute("select pg_advisory_xact_lock(hashtext('switch ' || %s))", [switch])
        begins = connection.execute("select clock_timestamp()").fetchone()[0]  # type: ignore[index]
        if since is not None:
            midnight = datetime.combine(since, time(), UTC)
            if midnight > begins:
                raise ChangeError(f"{since} is still to come: choose a day in the past.")
            begins = midnight
        # what was set since then is replaced by what is said now
        replaced = connection.execute(
            "delete from sync.switches where switch = %s and valid_from >= %s", [switch, begins]
        )
        stands = connection.execute(
            "select is_on from sync.switches where switch = %s and valid_from < %s "
            "order by valid_from desc limit 1",
            [switch, begins],
        ).fetchone()
        if replaced.rowcount or stands != (is_on,):
            connection.execute(
                "insert into sync.switches (switch, is_on, changed_by, valid_from) "
                "values (%s, %s, %s, %s)",
                [switch, is_on, by, begins],
            )
