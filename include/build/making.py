"""A build from the lock to its report."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import psycopg

from include import rules
from include.build.after_failures import check_patience
from include.build.dbt import Dbt, run_dbt
from include.build.failures import reason
from include.build.inputs import Inputs, read_inputs
from include.build.lock import take_lock
from include.build.new_rows import run_for_new_rows
from include.build.records import (
    BuildError,
    BuildReport,
    changed_since,
    close_build,
    distrust_marks,
    full_because,
    new_rows,
    note_interrupted,
    open_build,
    report_of,
    sees_rows_only,
    still_good,
    what_it_did,
)
from include.collector.books import check_books
from include.segment_warehouse.landing import land_warehouse_calls
from include.settings import Settings
from include.warehouse.connection import connect
from include.warehouse.migrate import check_migrated


def build(  # noqa: PLR0913
    url: str,
    settings: Settings,
    *,
    requested_by: str,
    as_of: date | None = None,
    today: date | None = None,
    full: bool = False,
    since: datetime | None = None,
    accept: bool = False,
    is_scheduled: bool = False,
    say: Callable[[str], None] = print,
) -> BuildReport:
    """Bring staging, intermediate, marts and planhat up to date with what has landed.

    `as_of` is the day that windows, trends and alerts look back from: the last full UTC day before
    `today` (default: the clock's), if nobody sets it. With `since`, a successful
    build that began after it is used instead of a new one. A build that would see nothing new is
    not made; `full` always is, from scratch. When the rules have changed since the last one, it is
    the last one that is returned until somebody accepts what they move (`accept`). One by the
    schedule (`is_scheduled`) is not tried each minute while it fails: `TooSoonError`. Raises
    `BuildError` naming what failed, `BusyError` when another build holds the lock for more than
    half an hour.
    """
    last_full_day = (today or datetime.now(UTC).date()) - timedelta(days=1)
    check_migrated(url)
    with connect(url, application_name=f"build for {requested_by}", autocommit=True) as holder:
        take_lock(holder, say)
        if settings.segment_warehouse_schema:
            # before the window is taken, so that this build sees what it lands
            land_warehouse_calls(
                url, settings.segment_warehouse_schema, settings.segment_warehouse_source, say=say
            )
        note_interrupted(holder)
        inputs = read_inputs(
            holder, as_of or last_full_day, is_set=as_of not in (None, last_full_day)
        )
        if not full and (finished := still_good(holder, inputs, since)):
            say(str(finished))
            return finished
        if accept:
            rules.accept(holder, by=requested_by)
        elif rules.find_waiting(holder, settings):
            return _wait(holder, url, settings, inputs, say)
        if is_scheduled and not full:
            check_patience(holder, inputs)
        because = "asked for" if full else full_because(holder, inputs)
        rows_only = not because and sees_rows_only(holder, inputs)
        build_id, started_at = open_build(
            holder, inputs, requested_by=requested_by, because=because, rows_only=rows_only
        )
        say(f"build {build_id} as of {inputs.as_of}, requested by {requested_by}")
        if because:
            say(f"  from scratch: {because}")
        elif changed := changed_since(holder, inputs):
            say(f"  {changed}: what is made of that is compared with what is there")
        with ThreadPoolExecutor(max_workers=1) as beside:
            # done before dbt has read its project, and its first model asks for calls
            summary = beside.submit(summarize_loads, url, say)
            if rows_only:
                new = new_rows(holder, build_id)
                with Dbt(url, settings, as_of=inputs.as_of, say=say) as dbt:
                    nodes, error = run_for_new_rows(dbt, holder, build_id, new, say)
            else:
                nodes, error = run_dbt(
                    url, settings, as_of=inputs.as_of, full=bool(because), say=say
                )
        summary.result()
        distrust_marks(holder, build_id, inputs.settings, inputs.setting_changes)
        if not because:
            for line in what_it_did(holder, build_id):
                say(f"  {line}")
        report = close_build(holder, build_id, started_at, nodes, error)
    _check_books(url, say)
    return report


def _wait(
    holder: psycopg.Connection,
    url: str,
    settings: Settings,
    inputs: "Inputs",
    say: Callable[[str], None],
) -> BuildReport:
    """Make nothing new: say what the new rules would move, and go on from the last build."""

    def build_alongside() -> None:
        (window,) = holder.execute("select pg_current_snapshot()::text").fetchone()  # type: ignore[misc]
        alongside = {"alongside": rules.ALONGSIDE, "alongside_window": window}
        _, error = run_dbt(
            url, settings, as_of=inputs.as_of, full=True, say=say, alongside=alongside
        )
        if error is not None:
            raise BuildError(f"The new rules cannot be shown, their build failed: {error}")

    waiting = rules.show(
        holder, url, settings,
        code_fingerprint=inputs.code_fingerprint, build=build_alongside, say=say,
    )  # fmt: skip
    for line in waiting.lines:
        say(line)
    row = holder.execute(
        "select build_id, started_at, extract(epoch from finished_at - started_at)::float8, nodes"
        " from sync.builds where status = 'success' order by build_id desc limit 1"
    ).fetchone()
    return replace(report_of(*row, is_reused=True), waits_for_rules=True)  # type: ignore[misc]


def summarize_loads(url: str, say: Callable[[str], None]) -> None:
    """Tell the small index over load ids of the calls that came since the last time.

    A vacuum does, when a fifth of the table is new; until then, who looks for new calls reads all
    that the index does not know. A build without it is slower and no less right, so it goes on.
    """
    try:
        with connect(url, application_name="build", autocommit=True) as connection:
            # under way, a vacuum does it itself; who waits for one for a second ends it
            connection.execute("set lock_timeout = '500ms'")
            connection.execute("select brin_summarize_new_values('raw_segment.events_load_id')")
    except psycopg.errors.LockNotAvailable:
        pass
    except psycopg.Error as error:
        say(f"  slower: raw_segment.events_load_id knows no new calls ({reason(str(error))})")


def _check_books(url: str, say: Callable[[str], None]) -> None:
    """Say where the collector's books and what has landed disagree; that stops no build."""
    differences = check_books(url).differences
    for difference in differences[:3]:
        say(f"  the collector's books differ: {difference}")
    if len(differences) > 3:
        say(f"  and {len(differences) - 3} differences more")
