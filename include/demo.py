"""`make demo`: the whole path with a sample customer base, from an empty machine to a push report.

While Airflow starts, the sample is put into the played Planhat and read through its API, its usage
sent over HTTP with the real Segment client, and the first build made. The people whom calls created
are sent to Planhat and read back from it. Then both push DAGs are switched on and triggered, as an
operator would: Planhat's models go to Segment, metrics and usage to Planhat. Running it again
changes nothing: the sample is a function of its base date, which the warehouse keeps.
"""

import threading
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from psycopg import sql

from include import airflow_api, services
from include.airflow_process import sign_in
from include.build import build
from include.connections import PlanhatConnection
from include.errors import ServiceError, SettingError
from include.planhat.api.reading import read_api
from include.planhat.models import BY_NAME
from include.played_planhat.place import address, played_connection
from include.push import switches
from include.push.catalogue import read_catalogue
from include.push.push import push
from include.push.report import ModelReport, Report, load_report
from include.settings import Settings
from include.warehouse.connection import connect

PUSH_DAG = "push_planhat_to_segment"
TO_PLANHAT_DAG = "push_usage_to_planhat"
PAGE = "/plugin/planhat-segment"

# Seconds of silence after which a line says what is still going on.
SILENCE = 5.0
RUN_PATIENCE = 900.0


def demo(settings: Settings, *, say: Callable[[str], None] = print) -> None:
    """Run the demo and print its table. Services stay up.

    Raises `ProblemError` in one line when anything on the way does not work, also when the books of
    the push do not agree with the tables.
    """
    refuse_real_systems(settings)
    with speaking(say) as voice, ThreadPoolExecutor(max_workers=1) as pool:
        voice.doing("starting Postgres, the collector and a played Planhat")
        with services.starting(settings):
            services.clear_the_way(settings)
            url = services.start_warehouse(settings, say=voice.say)
            services.start_played_planhat(settings, say=voice.say)
            services.start_collector(settings, say=voice.say)
        services.wait_for_played_planhat(settings, say=voice.say)
        airflow = pool.submit(_start_airflow, settings, voice.say)
        _load_and_send(settings, url, voice)
        voice.doing("building the warehouse")
        build(url, settings, requested_by="make demo", say=voice.say)
        people = _send_people(settings, url, voice)
        _wait_for_airflow(settings, airflow, voice)
        report = _push(settings, url, PUSH_DAG, voice)
        usage = _push(settings, url, TO_PLANHAT_DAG, voice)
        voice.doing("comparing with the tables")
        rows = count_rows(url, [each.model for each in report.models])
        models = _pushed_models(url)
        receipts = count_receipts(url, planhat_connection(settings).destination)
        outcome = _outcome_of_calls(url)
    for line in [
        *table(report.models, rows), *table_to_planhat(people, usage, receipts), "", *outcome, "",
        *_addresses(settings),
    ]:  # fmt: skip
        print(line)
    check(report, rows, models)
    check_to_planhat(people, usage, receipts)


def refuse_real_systems(settings: Settings) -> None:
    """Raise `SettingError` where the sample would end up in somebody's systems or beside them."""
    named = {
        "AIRFLOW_CONN_WAREHOUSE": settings.airflow_conn_warehouse,
        "AIRFLOW_CONN_SEGMENT": settings.airflow_conn_segment,
        "AIRFLOW_CONN_PLANHAT": settings.airflow_conn_planhat,
        "AIRFLOW_CONN_SEGMENT_API": settings.airflow_conn_segment_api,
        "PLANHAT_EXPORTS_DIR": settings.planhat_exports_dir,
    }
    for name, value in named.items():
        if value:
            raise SettingError(
                f"{name} is set, and the demo's invented customers belong into no real system: "
                f"run it without, `make demo {name}=`."
            )
    if settings.has_exports:
        raise SettingError(
            f"{settings.exports_dir} holds exports, which are read in the place of the demo's "
            "played Planhat: move them away, or take another DATA_DIR."
        )


class Voice:
    """Says lines with the seconds since the start, and what is going on when it is long silent."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._started = self._spoke = time.monotonic()
        self._doing = "starting"
        self._lock = threading.Lock()

    def say(self, line: str) -> None:
        """Say a line; several threads may."""
        with self._lock:
            self._spoke = time.monotonic()
            for part in line.splitlines():
                self._say(f"[{self._spoke - self._started:3.0f} s] {part}")

    def doing(self, what: str) -> None:
        """Say what begins now."""
        self._doing = what
        self.say(f"{what[0].upper()}{what[1:]} …")

    def fill_silence(self, ended: threading.Event) -> None:
        """Until `ended`, say what is going on whenever nobody said anything for a while."""
        while not ended.wait(0.5):
            if time.monotonic() - self._spoke > SILENCE:
                self.say(f"  still {self._doing}")


@contextmanager
def speaking(say: Callable[[str], None]) -> Iterator[Voice]:
    """A `Voice` that is never silent for long."""
    voice, ended = Voice(say), threading.Event()
    thread = threading.Thread(target=voice.fill_silence, args=[ended], daemon=True)
    thread.start()
    try:
        yield voice
    finally:
        ended.set()
        thread.join()


def _start_airflow(settings: Settings, say: Callable[[str], None]) -> None:
    with services.starting(settings):
        services.start_airflow(settings, say=say)


def _load_and_send(settings: Settings, url: str, voice: Voice) -> None:
    from include.sample.load import load
    from include.sample.send import send
    from include.sample.traffic import calls

    voice.doing("reading the sample customer base from a played Planhat, through its API")
    planhat = played_connection(address(settings))
    loaded = load(url, planhat, say=lambda line: None)
    voice.say(
        f"{sum(each.considered for each in loaded.report.models):,} objects of "
        f"{len(loaded.report.models)} models read; usage up to {loaded.base_date}"
    )
    voice.doing("sending the sample's usage with the Segment client library")
    report = send(
        f"http://127.0.0.1:{settings.collector_port}",
        "demo-app",
        calls(loaded.base_date),
        tenant_token="demo-token",  # noqa: S106  the demo's own, on the embedded server only
        say=voice.say,
    )
    report.raise_if_incomplete()


def _wait_for_airflow(settings: Settings, started: Future[None], voice: Voice) -> None:
    voice.doing("waiting for Airflow")
    started.result()  # raises what went wrong in its thread
    services.wait_for_airflow(settings, say=voice.say)


def _send_people(settings: Settings, url: str, voice: Voice) -> Report:
    """Send the endusers that calls created to Planhat, and read them back, under their new ids."""
    voice.doing("sending people whom calls created to Planhat, and reading them back")
    planhat = planhat_connection(settings)
    with connect(url, application_name="demo", autocommit=True) as connection:
        # nobody else ever sent anything to this one
        connection.execute(
            "update sync.planhat_outbound set since = '2000-01-01', changed_by = 'make demo'"
            " where model = 'activity' and since is null"
        )
    report = push(
        url, planhat, settings, models=["enduser"], requested_by="make demo",
        say=lambda line: None,
    )  # fmt: skip
    read_api(url, planhat, models=[BY_NAME["enduser"]], say=lambda line: None)
    return report


def planhat_connection(settings: Settings) -> PlanhatConnection:
    """The played Planhat."""
    return played_connection(address(settings))


def _push(settings: Settings, url: str, dag_id: str, voice: Voice) -> Report:
    """Trigger a push DAG and wait; return its report."""
    with airflow_api.AirflowApi(settings, "admin", sign_in(settings)["admin"]) as api:
        where = "Planhat" if dag_id == TO_PLANHAT_DAG else "Segment"
        voice.doing(f"pushing to {where} through Airflow")
        api.wait_for_dag(dag_id, patience=90, say=voice.say)
        api.unpause(dag_id)
        for run_id in api.active_runs(dag_id):
            voice.say("another push is under way: waiting for its end")
            api.wait_for_run(dag_id, run_id, patience=RUN_PATIENCE, say=voice.say)
        run_id = api.trigger(dag_id, {}, "make demo")
        state = api.wait_for_run(dag_id, run_id, patience=RUN_PATIENCE, say=voice.say)
        where = f"{airflow_api.address(settings)}/dags/{dag_id}/runs/{run_id}"
    with connect(url, application_name="demo", autocommit=True) as connection:
        run = connection.execute(
            "select max(run_id) from sync.runs where owner = %s", [run_id]
        ).fetchone()
        if run is None or run[0] is None:
            raise ServiceError(f"The push's DAG run {state} before it opened a push: see {where}")
        if state != "success":
            voice.say(f"the DAG run failed: see {where}")
        return load_report(connection, run[0])


def _outcome_of_calls(url: str) -> list[str]:
    """What became of the landed calls, as lines."""
    with connect(url, application_name="demo", autocommit=True) as connection:
        rows = connection.execute(
            "select reason, count(*) from marts.event_resolution"
            " where reason is distinct from 'receipt' group by reason order by 2 desc"
        ).fetchall()
        returned = connection.execute(
            "select count(*) from raw_segment.events where source = 'demo-planhat'"
        ).fetchone()
    counts = dict[str | None, int](rows)
    resolved = counts.pop(None, 0)
    width = max((len(str(reason)) for reason in counts), default=0)
    return [
        f"Calls resolved: {resolved:,}. Unresolved, by reason: {sum(counts.values()):,}",
        *[f"  {reason:<{width}}  {count:>6,}" for reason, count in counts.items()],
        f"Pushed calls that came back as receipts: {returned[0] if returned else 0:,}",
    ]


def _pushed_models(url: str) -> list[str]:
    """Those that a push to Segment sends when it is asked for none by name."""
    with connect(url, application_name="demo", autocommit=True) as connection:
        return list(switches.active(connection, read_catalogue()))


def count_rows(url: str, models: list[str]) -> dict[str, int]:
    """How many rows each outbound table has."""
    with connect(url, application_name="demo", autocommit=True) as connection:
        return {
            model: connection.execute(
                sql.SQL("select count(*) from {}").format(sql.Identifier("planhat", model))
            ).fetchone()[0]  # type: ignore[index]
            for model in models
        }


def count_receipts(url: str, destination: str) -> dict[str, tuple[int, int]]:
    """Of each model that went to Planhat: what was seen there again, of what it acknowledged."""
    with connect(url, application_name="demo", autocommit=True) as connection:
        rows = connection.execute(
            "select model, count(seen_back_at), count(*) from sync.objects"
            " where destination = %s and acknowledged_at is not null group by model",
            [destination],
        ).fetchall()
    return {model: (seen, acknowledged) for model, seen, acknowledged in rows}


@dataclass(frozen=True)
class _Column:
    head: str
    values: list[int]


def table(models: list[ModelReport], rows: dict[str, int]) -> list[str]:
    """The table Model, Objects synced, Errors, with the unchanged ones and the tables' own rows."""
    columns = [
        _Column("Objects synced", [each.synced for each in models]),
        _Column("Errors", [each.errors for each in models]),
        _Column("Unchanged", [each.unchanged for each in models]),
        _Column("Rows in planhat.*", [rows[each.model] for each in models]),
    ]
    width = max(len("Model"), *(len(each.model) for each in models))
    head = "  ".join(["Model".ljust(width), *(each.head for each in columns)])
    lines = ["", head, "─" * len(head)]
    for number, each in enumerate(models):
        cells = [f"{column.values[number]:>{len(column.head)},}" for column in columns]
        lines.append("  ".join([each.model.ljust(width), *cells]))
    totals = [f"{sum(column.values):>{len(column.head)},}" for column in columns]
    return [*lines, "─" * len(head), "  ".join(["all".ljust(width), *totals])]


def table_to_planhat(
    people: Report, usage: Report, receipts: dict[str, tuple[int, int]]
) -> list[str]:
    """The table of what went to Planhat; activities cannot be read back."""
    head = "To Planhat  Objects synced  Errors  Withheld  Receipts"
    lines = ["", head, "─" * len(head)]
    for model, synced, errors, withheld in _sent_to_planhat(people, usage):
        seen, acknowledged = receipts.get(model, (0, 0))
        receipt = "none to be had" if model == "activity" else f"{seen:,} of {acknowledged:,}"
        lines.append(f"{model:<10}  {synced:>14,}  {errors:>6,}  {withheld:>8,}  {receipt}")
    return lines


def _sent_to_planhat(people: Report, usage: Report) -> list[tuple[str, int, int, int]]:
    """By model: synced and errors of both runs, and what the last one withheld."""
    first = {each.model: each for each in people.models}
    return [
        (
            each.model,
            each.synced + (first[each.model].synced if each.model in first else 0),
            each.errors + (first[each.model].errors if each.model in first else 0),
            each.withheld,
        )
        for each in usage.models
    ]


def check_to_planhat(people: Report, usage: Report, receipts: dict[str, tuple[int, int]]) -> None:
    """Raise `ServiceError` unless both runs succeeded and what can be seen in Planhat is there."""
    for report in (people, usage):
        if report.status != "success":
            reason = report.reason or "one of its tasks failed"
            raise ServiceError(f"Push {report.run_id} to Planhat is {report.status}: {reason}.")
    for model in ("enduser", "metric"):
        seen, acknowledged = receipts.get(model, (0, 0))
        if not seen or seen != acknowledged:
            raise ServiceError(
                f"Planhat acknowledged {acknowledged:,} of {model}, and shows {seen:,} of them."
            )


def check(report: Report, rows: dict[str, int], models: Collection[str]) -> None:
    """Raise `ServiceError` unless the push succeeded and was about exactly the tables' rows."""
    if report.status != "success":
        reason = report.reason or "one of its tasks failed"
        raise ServiceError(f"Push {report.run_id} is {report.status}: {reason}.")
    if missing := set(models) - {each.model for each in report.models}:
        raise ServiceError(f"Push {report.run_id} says nothing of {', '.join(sorted(missing))}.")
    for each in report.models:
        done = each.synced - each.removed + each.unchanged
        if each.errors or done != rows[each.model]:
            raise ServiceError(
                f"Push {report.run_id}, {each.model}: {each.synced} synced, {each.unchanged} "
                f"unchanged, {each.errors} errors, but planhat.{each.model} has "
                f"{rows[each.model]} rows"
            )


def _addresses(settings: Settings) -> list[str]:
    passwords = sign_in(settings)
    return [
        f"The integration's page  {airflow_api.address(settings)}{PAGE}",
        "Sign in with            "
        + ", ".join(f"{name} / {password}" for name, password in passwords.items()),
        'The warehouse           psql "$(make -s url)"   or   make psql',
        f"Planhat                 {address(settings)} {services.NOT_THE_REAL_ONE}",
        "Everything stays up; `make down` stops it.",
    ]
