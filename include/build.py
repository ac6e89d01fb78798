"""One dbt build: under the lock, with its window and settings written down, in this process.

dbt runs inside the process that holds the lock, so that neither can outlive the other. What a
build saw and what became of each model stands in `sync.builds`.
"""

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import Conninfo
from psycopg.types.json import Jsonb

from include import rules
from include.build_failures import reason
from include.collector.books import check_books
from include.connections import LIBPQ_OPTIONS
from include.errors import BusyError, ProblemError
from include.segment_warehouse.landing import land_warehouse_calls
from include.settings import ROOT, Settings
from include.warehouse.connection import connect
from include.warehouse.migrate import check_migrated

PROJECT = ROOT / "dbt_project"
LOCK = "select pg_try_advisory_lock(hashtext('planhat-segment build'))"
# The tables whose rows are settings of a build: written down whole with each build.
SETTINGS_TABLES = (
    "switches", "company_metrics", "key_names", "object_keys", "blocked_identities", "excluded",
    "company_aliases", "usage_events", "thresholds",
)  # fmt: skip
# What a build's sessions have beyond the server's settings.
_SESSION = {
    "maintenance_work_mem": "256MB",  # indexes of millions of rows are made without files
    "max_parallel_maintenance_workers": "1",  # beside the session: models are made side by side
    "parallel_tuple_cost": "0.01",  # reading a call costs far more than handing it over
}
PATIENCE_SECONDS = 30 * 60
SAY_EVERY_SECONDS = 5


class BuildError(ProblemError):
    """A model or a test failed; the message names them."""


@dataclass(frozen=True)
class BuildReport:
    """A finished build. `is_reused`: an earlier one that already saw everything there is to see;
    `waits_for_rules`: or all that there is until somebody accepts the new rules.
    """

    build_id: int
    started_at: datetime
    seconds: float
    models: int
    tests: int
    is_reused: bool = False
    waits_for_rules: bool = False

    def __str__(self) -> str:
        if self.is_reused:
            return f"build {self.build_id} of {self.started_at:%H:%M:%S} UTC is up to date"
        return (
            f"build {self.build_id}: {self.models} models, {self.tests} tests, {self.seconds:.1f} s"
        )


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
    say: Callable[[str], None] = print,
) -> BuildReport:
    """Bring staging, intermediate, marts and planhat up to date with what has landed.

    `as_of` is the day that windows, trends and alerts look back from: the last full UTC day before
    `today` (default: the clock's), if nobody sets it. With `since`, a successful
    build that began after it is used instead of a new one. A build that would see nothing new is
    not made; `full` always is, from scratch. When the rules have changed since the last one, it is
    the last one that is returned until somebody accepts what they move (`accept`). Raises
    `BuildError` naming what failed, `BusyError` when another build holds the lock for more than
    half an hour.
    """
    last_full_day = (today or datetime.now(UTC).date()) - timedelta(days=1)
    check_migrated(url)
    with connect(url, application_name=f"build for {requested_by}", autocommit=True) as holder:
        _take_lock(holder, say)
        if settings.segment_warehouse_schema:
            # before the window is taken, so that this build sees what it lands
            land_warehouse_calls(
                url, settings.segment_warehouse_schema, settings.segment_warehouse_source, say=say
            )
        holder.execute(
            "update sync.builds set status = 'interrupted', finished_at = clock_timestamp(),"
            " reason = 'its process ended before it did' where status = 'running'"
        )
        inputs = _read_inputs(
            holder, as_of or last_full_day, is_set=as_of not in (None, last_full_day)
        )
        if not full and (finished := _still_good(holder, inputs, since)):
            say(str(finished))
            return finished
        if accept:
            rules.accept(holder, by=requested_by)
        elif rules.find_waiting(holder, settings):
            return _wait(holder, url, settings, inputs, say)
        because = "asked for" if full else _full_because(holder, inputs)
        build_id, started_at = _open(holder, inputs, requested_by=requested_by, because=because)
        say(f"build {build_id} as of {inputs.as_of}, requested by {requested_by}")
        if because:
            say(f"  from scratch: {because}")
        with ThreadPoolExecutor(max_workers=1) as beside:
            # done before dbt has read its project, and its first model asks for calls
            summary = beside.submit(_summarize_loads, url, say)
            nodes, error = _run_dbt(url, settings, as_of=inputs.as_of, full=bool(because), say=say)
        summary.result()
        report = _close(holder, build_id, started_at, nodes, error)
    _check_books(url, say)
    return report


def _wait(
    holder: psycopg.Connection,
    url: str,
    settings: Settings,
    inputs: "_Inputs",
    say: Callable[[str], None],
) -> BuildReport:
    """Make nothing new: say what the new rules would move, and go on from the last build."""

    def build_alongside() -> None:
        (window,) = holder.execute("select pg_current_snapshot()::text").fetchone()  # type: ignore[misc]
        alongside = {"alongside": rules.ALONGSIDE, "alongside_window": window}
        _, error = _run_dbt(
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
    return replace(_report(*row, is_reused=True), waits_for_rules=True)  # type: ignore[misc]


# The lock


def _take_lock(holder: psycopg.Connection, say: Callable[[str], None]) -> None:
    began = said = time.monotonic()
    while not holder.execute(LOCK).fetchone()[0]:  # type: ignore[index]
        now = time.monotonic()
        if now - began > PATIENCE_SECONDS:
            raise BusyError(f"Gave up waiting for another build: {_who_builds(holder)}.")
        if said == began or now - said > SAY_EVERY_SECONDS:
            say(f"waiting for another build: {_who_builds(holder)}")
            said = now
        time.sleep(0.5)


def _who_builds(holder: psycopg.Connection) -> str:
    row = holder.execute(
        "select build_id, requested_by, started_at from sync.builds where status = 'running'"
        " order by build_id desc limit 1"
    ).fetchone()
    if row is None:
        return "it is just starting"
    return f"number {row[0]}, requested by {row[1]}, since {row[2].astimezone(UTC):%H:%M:%S} UTC"


# What a build sees


@dataclass(frozen=True)
class _Inputs:
    as_of: date
    # by somebody, to look at another day
    is_as_of_set: bool
    settings: dict[str, Any]
    code_fingerprint: str


def _read_inputs(holder: psycopg.Connection, as_of: date, *, is_set: bool) -> _Inputs:
    rows = {
        table: holder.execute(
            sql.SQL(
                "select coalesce(jsonb_agg(to_jsonb(each) order by to_jsonb(each)), '[]')"
                " from sync.{} as each"
            ).format(sql.Identifier(table))
        ).fetchone()[0]  # type: ignore[index]
        for table in SETTINGS_TABLES
    }
    rows["sources"] = holder.execute(
        "select coalesce(jsonb_agg(jsonb_build_object('source', source, 'kind', kind,"
        " 'original_timestamp_first', original_timestamp_first) order by source), '[]')"
        " from raw_segment.sources"
    ).fetchone()[0]  # type: ignore[index]
    return _Inputs(as_of, is_set, rows, _fingerprint_of_code())


def _fingerprint_of_code() -> str:
    """A hash over every file of the dbt project that can change a table."""
    digest = hashlib.sha256()
    for folder in ("models", "macros", "materializations", "seeds", "tests"):
        for file in sorted((PROJECT / folder).rglob("*")):
            if file.suffix in (".sql", ".yml", ".csv") and file.name != "unit_tests.yml":
                digest.update(str(file.relative_to(PROJECT)).encode() + b"\0")
                digest.update(file.read_bytes())
    digest.update((PROJECT / "dbt_project.yml").read_bytes())
    return digest.hexdigest()[:16]


def _still_good(
    holder: psycopg.Connection, inputs: _Inputs, since: datetime | None
) -> BuildReport | None:
    """The last build, if it began after `since` or if nothing that it would see has changed."""
    last = holder.execute(
        """
        select
            build_id, started_at, extract(epoch from finished_at - started_at)::float8, nodes,
            coalesce(started_at >= %(since)s, false)
            or (
                as_of_date = %(as_of)s
                and is_as_of_set = %(is_set)s
                and settings = %(settings)s
                and code_fingerprint = %(code)s
                and cluster_id = (select system_identifier from pg_control_system())
                and not exists (
                    select 1 from raw_segment.loads
                    where
                        loads.transaction_id >= pg_snapshot_xmin(builds.window_to)
                        and not pg_visible_in_snapshot(loads.transaction_id, builds.window_to)
                )
                and not exists (
                    select 1 from raw_planhat.reads
                    where
                        not pg_visible_in_snapshot(reads.transaction_id, builds.window_to)
                        and reads.considered - reads.unchanged + reads.deleted + reads.rejected > 0
                )
            )
        from sync.builds
        where status = 'success' and build_id = (select max(build_id) from sync.builds)
        """,
        {
            "since": since,
            "as_of": inputs.as_of,
            "is_set": inputs.is_as_of_set,
            "settings": Jsonb(inputs.settings),
            "code": inputs.code_fingerprint,
        },
    ).fetchone()
    if last is None or not last[4]:
        return None
    return _report(last[0], last[1], last[2], last[3], is_reused=True)


def _full_because(holder: psycopg.Connection, inputs: _Inputs) -> str | None:
    """Why the tables must be made from scratch: None when what they hold can be built on."""
    last = holder.execute(
        "select code_fingerprint, cluster_id, (select system_identifier from pg_control_system())"
        " from sync.builds where status = 'success' order by build_id desc limit 1"
    ).fetchone()
    if last is None:
        return "the first build"
    code, cluster, this_cluster = last
    if cluster != this_cluster:
        # Another cluster counts its transactions anew: what was committed elsewhere is committed.
        for table in ("raw_segment.loads", "raw_planhat.reads"):
            holder.execute(
                sql.SQL("update {} set transaction_id = pg_current_xact_id()").format(
                    sql.SQL(table)
                )
            )
        return "the warehouse was restored into another cluster"
    if code != inputs.code_fingerprint:
        return "the dbt project has changed"
    return None


def _open(
    holder: psycopg.Connection, inputs: _Inputs, *, requested_by: str, because: str | None
) -> tuple[int, datetime]:
    row = holder.execute(
        """
        insert into sync.builds (
            requested_by, as_of_date, is_as_of_set, is_full, full_because, window_from, window_to,
            settings, code_fingerprint, rules_version, cluster_id
        )
        select
            %(requested_by)s, %(as_of)s, %(is_set)s, %(because)s::text is not null, %(because)s,
            (select window_to from sync.builds where status = 'success'
             order by build_id desc limit 1),
            pg_current_snapshot(), %(settings)s, %(code)s, %(rules)s,
            (select system_identifier from pg_control_system())
        returning build_id, started_at
        """,
        {
            "requested_by": requested_by,
            "as_of": inputs.as_of,
            "is_set": inputs.is_as_of_set,
            "because": because,
            "settings": Jsonb(inputs.settings),
            "code": inputs.code_fingerprint,
            "rules": rules.current_version(),
        },
    ).fetchone()
    return row[0], row[1]  # type: ignore[index]


def _summarize_loads(url: str, say: Callable[[str], None]) -> None:
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


# dbt


def _run_dbt(
    url: str,
    settings: Settings,
    *,
    as_of: date,
    full: bool,
    say: Callable[[str], None],
    alongside: Mapping[str, str] | None = None,
) -> tuple[list[dict[str, Any]], str | None]:
    """Every node's result, and what went wrong before there was any."""
    from dbt.cli.main import dbtRunner

    variables = {"as_of": str(as_of), **(alongside or {})}
    arguments = ["run" if alongside else "build", *dbt_options(settings), "--log-level", "none"]
    arguments += ["--vars", json.dumps(variables)]
    if not alongside:
        # Unit tests belong to `make test`: a build proves its data, not its rules.
        arguments += ["--exclude-resource-type", "unit_test"]
    if full:
        arguments.append("--full-refresh")
    with _environment(warehouse_environment(url)):
        outcome = dbtRunner(callbacks=[_progress(say)]).invoke(arguments)
    results = getattr(outcome.result, "results", None) or []
    nodes = [_node(result) for result in results]
    if outcome.success:
        return nodes, None
    failed = [node for node in nodes if node["status"] in ("error", "fail", "runtime error")]
    if failed:
        names = "; ".join(f"{node['node']} ({node['message']})" for node in failed[:3])
        more = f" and {len(failed) - 3} more" if len(failed) > 3 else ""
        return nodes, f"{names}{more}"
    return nodes, reason(str(outcome.exception or "dbt failed without a reason"))


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """These variables for dbt, and for nothing that this process connects to or starts later."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def warehouse_environment(url: str) -> dict[str, str]:
    """The variables that `dbt_project/profiles.yml` reads the connection from."""
    parts = {name: str(value) for name, value in conninfo_to_dict(url).items()}
    names = {each.keyword.decode(): each.envvar for each in Conninfo.get_defaults()}
    return {
        # how to encrypt, and whatever else the connection says: libpq reads it from there
        **{
            variable.decode(): parts[name]
            for name, variable in names.items()
            if variable and name in parts and name in LIBPQ_OPTIONS
        },
        "WAREHOUSE_HOST": parts.get("host", "127.0.0.1"),
        "WAREHOUSE_PORT": parts.get("port", "5432"),
        "WAREHOUSE_USER": parts.get("user", ""),
        "WAREHOUSE_PASSWORD": parts.get("password", ""),
        "WAREHOUSE_DATABASE": parts.get("dbname", ""),
        # Times without a zone are UTC, whatever the server's setting says.
        "PGTZ": "UTC",
        "PGOPTIONS": " ".join(
            [parts.get("options", ""), *(f"-c {name}={value}" for name, value in _SESSION.items())]
        ).strip(),
    }


def dbt_options(settings: Settings) -> list[str]:
    """The options of every dbt command: where the project is, and where dbt may write.

    That folder is made here, for its owner alone: dbt's log quotes rows.
    """
    scratch = settings.data_dir / "dbt"
    scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
    return [
        "--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT),
        "--target-path", str(scratch / "target"), "--log-path", str(scratch / "logs"),
        "--threads", str(settings.dbt_threads),
    ]  # fmt: skip


def _progress(say: Callable[[str], None]) -> Callable[[Any], None]:
    said, done = time.monotonic(), 0

    def on_event(event: Any) -> None:
        nonlocal said, done
        if event.info.name in ("LogModelResult", "LogTestResult"):
            now = time.monotonic()
            done += 1
            if now - said > SAY_EVERY_SECONDS:
                # the two events name the same number differently
                total = getattr(event.data, "total", None) or event.data.num_models
                say(f"  {done} of {total} built")
                said = now

    return on_event


def _check_books(url: str, say: Callable[[str], None]) -> None:
    """Say where the collector's books and what has landed disagree; that stops no build."""
    differences = check_books(url).differences
    for difference in differences[:3]:
        say(f"  the collector's books differ: {difference}")
    if len(differences) > 3:
        say(f"  and {len(differences) - 3} differences more")


def _node(result: Any) -> dict[str, Any]:
    rows = (result.adapter_response or {}).get("rows_affected")
    return {
        "node": result.node.name,
        "kind": str(result.node.resource_type),
        "status": str(result.status),
        "seconds": round(result.execution_time, 3),
        "rows": rows if isinstance(rows, int) and rows >= 0 else None,
        # only of what failed: a database's message may quote a value
        "message": reason(result.message) if str(result.status) != "success" else None,
    }


def _close(
    holder: psycopg.Connection,
    build_id: int,
    started_at: datetime,
    nodes: list[dict[str, Any]],
    error: str | None,
) -> BuildReport:
    seconds = holder.execute(
        """
        update sync.builds
        set status = %s, reason = %s, nodes = %s, finished_at = clock_timestamp()
        where build_id = %s
        returning extract(epoch from finished_at - started_at)::float8
        """,
        ["failed" if error else "success", error, Jsonb(nodes), build_id],
    ).fetchone()[0]  # type: ignore[index]
    if error:
        raise BuildError(f"Build {build_id} failed: {error}")
    return _report(build_id, started_at, seconds, nodes)


def _report(
    build_id: int,
    started_at: datetime,
    seconds: float,
    nodes: list[dict[str, Any]],
    is_reused: bool = False,
) -> BuildReport:
    kinds = [node["kind"] for node in nodes]
    return BuildReport(
        build_id=build_id,
        started_at=started_at.astimezone(UTC),
        seconds=seconds,
        models=kinds.count("model"),
        tests=kinds.count("test"),
        is_reused=is_reused,
    )
