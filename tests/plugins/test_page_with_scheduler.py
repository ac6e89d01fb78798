"""A day at the page with all of Airflow running: the project's own DAGs, a Segment over HTTP.

The other tests write what the push's tasks would; here they run. One story, because each push takes
half a minute.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from include.airflow_process import airflow_environment, database_url, sign_in
from include.collector.sources import add_demo_sources
from include.connections import PlanhatConnection
from include.planhat.api.client import ClientOptions
from include.planhat.api.reading import read_api
from include.played_planhat.app import PlayedPlanhat
from include.sample.calls import messages
from include.sample.cases import Days, live_cases
from include.sample.load import load
from include.settings import ROOT, Settings, load_settings
from tests.conftest import copied
from tests.dbt_project.landing import land_calls
from tests.include.push.played_segment import OK, Answer, PlayedSegment
from tests.include.running import free_port
from tests.include.sample.planhat import played_planhat
from tests.include.why.world import quietly
from tests.plugins.conftest import PUSH_DAG, end, wait_for

playwright = pytest.importorskip(
    "playwright.sync_api", reason="no playwright: install requirements.txt"
)
expect = playwright.expect

# Milliseconds that what Airflow does may take; nothing here measures time.
RUN = 240_000
expect.set_options(timeout=30_000)
NEVER = "0 0 29 2 *"


@dataclass
class Live:
    """A running Airflow: `passwords` by user; the Planhat that was read, and how."""

    url: str
    warehouse: str
    metadata: str
    passwords: dict[str, str]
    segment: PlayedSegment
    played: PlayedPlanhat
    planhat: PlanhatConnection


@pytest.fixture(scope="module")
def live(server: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Airflow's api-server and scheduler with the project's configuration; nothing built yet."""
    home = tmp_path_factory.mktemp("live")
    played = PlayedPlanhat()
    with (
        played_planhat(played) as planhat,
        copied(server, "live") as url,
        copied(server, "live_airflow", "template0") as own,
    ):
        customers(url, planhat)
        with PlayedSegment() as segment:
            port = str(free_port())
            scheme, host = segment.connection.host.split("://")
            given = {
                "DATA_DIR": str(home),
                "AIRFLOW_PORT": port,
                "AIRFLOW_CONN_WAREHOUSE": url,
                "AIRFLOW_CONN_SEGMENT": f"{scheme}://:{segment.connection.write_key}@{host}",
                "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database_url(own),
                "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
                # by the button alone
                **dict.fromkeys(("PUSH_CRON", "BUILD_CRON", "READ_PLANHAT_CRON"), NEVER),
            }
            settings = load_settings(given)
            others = {
                name: text for name, text in os.environ.items() if not name.startswith("AIRFLOW")
            }
            environment = airflow_environment(settings, {**others, **given})
            passwords = sign_in(settings)
            with processes(environment, home / "log.txt", port):
                address = f"http://127.0.0.1:{port}"
                yield Live(address, url, own, passwords, segment, played, planhat)


@contextmanager
def processes(environment: dict[str, str], log: Path, port: str) -> Iterator[None]:
    """An api-server and a scheduler, ended afterwards."""

    def start(*command: str) -> subprocess.Popen:
        with log.open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "airflow", *command], env=environment, cwd=ROOT,
                stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip

    for command in (["db", "migrate"], ["dags", "reserialize"]):
        assert start(*command).wait() == 0, log.read_text()[-3_000:]
    server = start("api-server")
    scheduler = start("scheduler", "--skip-serve-logs")
    try:
        wait_for(f"http://127.0.0.1:{port}/api/v2/version", server, log)
        yield
    finally:
        end(scheduler)
        end(server)


def customers(url: str, planhat: PlanhatConnection) -> None:
    """The sample's objects read, and the calls of its difficult cases landed; no build."""
    add_demo_sources(url)
    day = (datetime.now(UTC) - timedelta(days=1)).date()
    load(url, planhat, on=day, say=quietly)
    calls = messages([step.call for case in live_cases(Days(day)) for step in case.steps])
    first = list({call["messageId"]: call for call in reversed(calls)}.values())
    land_calls(url, first, received_at=f"{day}T12:00:00Z")


def lose_assets(live: Live, kept: int) -> None:
    """Planhat has only so many assets: the others were deleted there, and somebody says so of the
    reading.
    """
    assets = live.played.documents.of["assets"]
    for identifier in sorted(assets.by_id)[kept:]:
        assets.remove(identifier)
    at_once = ClientOptions(calls_per_second=None)
    read_api(live.warehouse, live.planhat, gone=["asset"], options=at_once, say=quietly)


def reach(page: Any, target: Any) -> None:
    """Walk to `target` with the tabulator alone."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if target.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError("It cannot be reached by keyboard.")


def test_an_operator_switches_it_on_pushes_mends_and_answers(live, browser):
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    sign_in_as(page, live, "operator")
    frame = page.frame_locator("iframe")

    an_empty_warehouse_has_words_and_the_switch_is_off(frame)
    one_object_is_refused_and_the_rest_is_pushed_by_keyboard(live, page, frame)
    the_runs_page_in_airflow_leads_back(live, page, frame)
    a_metric_is_declared_and_has_its_values(live, page, frame)
    a_large_removal_is_held_and_approved(live, frame)
    the_next_push_acts_on_the_answer(frame)

    assert complaints == []
    context.close()


def sign_in_as(page: Any, live: Live, user: str) -> None:
    page.goto(live.url)
    page.get_by_label("Username").fill(user)
    page.get_by_label("Password").fill(live.passwords[user])
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name=re.compile("Planhat")).click()


def an_empty_warehouse_has_words_and_the_switch_is_off(frame: Any) -> None:
    expect(frame.locator("#mark")).to_have_text("OFF")
    expect(frame.locator("#push-reason")).to_contain_text("Activate it first")
    expect(frame.locator("#push-run")).to_contain_text("Nothing has been pushed yet")
    for tab in ("User tracking", "Company metrics", "Usage"):
        frame.get_by_role("tab", name=tab).click()
        expect(frame.get_by_role("tabpanel")).to_contain_text("Nothing has been built yet")
    frame.get_by_role("tab", name="Data push").click()
    frame.get_by_role("button", name="Activate").click()
    expect(frame.locator("#mark")).to_have_text("ON")


def one_object_is_refused_and_the_rest_is_pushed_by_keyboard(
    live: Live, page: Any, frame: Any
) -> None:
    refused = min(live.played.documents.of["endusers"].by_id)

    def script(number: int, batch: list[dict]) -> Answer:
        ids = {(each.get("traits") or each.get("properties"))["planhat_id"] for each in batch}
        if refused in ids:
            return Answer(400, takes=False)
        # so long that somebody who watches sees it
        return Answer(delay=3) if len(ids) > 100 else OK

    live.segment.script = script
    button = push_button(frame)
    reach(page, button)
    page.keyboard.press("Enter")

    expect(frame.locator("#push-answer")).to_contain_text("Triggered.")
    expect(button).to_have_attribute("aria-disabled", "true")
    expect(frame.locator("#push-reason")).to_contain_text("by operator")
    expect(frame.get_by_role("progressbar")).to_be_visible(timeout=RUN)
    expect(frame.locator("#push-reason")).to_have_text(
        re.compile(r"A push is running since \d\d:\d\d by operator.*\d+%"), timeout=RUN
    )
    expect(frame.locator("#push-answer")).to_have_text(
        re.compile(r"The push has ended: partial, [\d,]+ synced, 1 error"), timeout=RUN
    )
    run = frame.locator("#push-run")
    row = run.get_by_role("row", name=re.compile("^Enduser"))
    expect(row.get_by_role("cell").first).to_have_text(f"{pushed(live, 'identify'):,}")
    expect(row.get_by_role("cell").nth(1)).to_have_text("1")
    assert refused not in live.segment.latest()
    expect(frame.locator("#push-history").get_by_role("row")).to_have_count(2)
    run.get_by_role("button", name="1 error of Enduser: show them").press("Enter")
    expect(run.get_by_role("row", name=re.compile(f"^{refused}"))).to_contain_text("400")


def the_runs_page_in_airflow_leads_back(live: Live, page: Any, frame: Any) -> None:
    frame.locator("#push-run").get_by_role("link", name="This run in Airflow").click()
    expect(page).to_have_url(re.compile(f"/dags/{PUSH_DAG}/runs/button__"))
    # the note is written when Airflow has ended the run, a moment after the push has
    note = wait_for_note(live, r"partial: [\d,]+ objects synced; 1 error")
    assert note.startswith("Pushed from the page")

    page.locator('a[href$="planhat-segment-run"]').click()
    expect(frame.get_by_role("heading", name="Run 1")).to_be_visible()


def a_metric_is_declared_and_has_its_values(live: Live, page: Any, frame: Any) -> None:
    page.goto(f"{live.url}/plugin/planhat-segment")
    frame.get_by_role("tab", name="Company metrics").click()
    frame.get_by_role("button", name="Declare batches_scanned as SUM").click()

    declared = frame.locator("#metrics-declared")
    row = declared.get_by_role("row", name=re.compile("^batches_scanned"))
    expect(row).to_contain_text("counted at the next build")
    declared.get_by_role("button", name="batches_scanned: its companies").click()
    declared.get_by_role("button", name=re.compile("^batches_scanned of .*, day by day")).click()
    expect(declared.locator("canvas")).to_be_visible()


def a_large_removal_is_held_and_approved(live: Live, frame: Any) -> None:
    """Planhat has lost a third of the assets: the next push holds that, sends the rest, asks."""
    lose_assets(live, kept=33)
    live.segment.script = lambda number, batch: OK
    frame.get_by_role("tab", name="Data push").click()
    push_button(frame).click()

    plans = frame.get_by_role("region", name="Plans that wait for an answer")
    expect(plans).to_contain_text("Asset", timeout=RUN)
    plans.get_by_role("button", name="Asset: what would change").click()
    expect(plans).to_contain_text("removed from Planhat")
    plans.get_by_role("button", name="Approve: Asset").click()
    plans.get_by_role("button", name="Send all of it").click()
    expect(plans).to_contain_text("operator said: send all of it")

    # the build in between has counted the metric, and what was refused was tried again
    frame.get_by_role("tab", name="Company metrics").click()
    row = frame.locator("#metrics-declared").get_by_role("row", name=re.compile("^batches_scanned"))
    expect(row.get_by_role("cell").nth(1)).to_have_text("1")
    assert min(live.played.documents.of["endusers"].by_id) in live.segment.latest()


def the_next_push_acts_on_the_answer(frame: Any) -> None:
    frame.get_by_role("tab", name="Data push").click()
    expect(push_button(frame)).to_have_attribute("aria-disabled", "false", timeout=RUN)
    push_button(frame).click()

    said = frame.locator("#push-answer")
    expect(said).to_contain_text("The push has ended: success", timeout=RUN)
    row = frame.locator("#push-run").get_by_role("row", name=re.compile("^Asset"))
    assert int(row.get_by_role("cell").first.inner_text()) > 10
    expect(frame.get_by_role("region", name="Plans that wait for an answer")).to_have_count(0)


def push_button(frame: Any) -> Any:
    return frame.get_by_role("button", name="Push data to Segment")


def pushed(live: Live, kind: str) -> int:
    """Objects that Segment has taken by calls of one kind."""
    return sum(each["type"] == kind for each in live.segment.latest().values())


def wait_for_note(live: Live, pattern: str) -> str:
    """The note of the push's only run, as Airflow keeps it, once it has such words."""
    content = ""
    deadline = time.monotonic() + 60
    with psycopg.connect(live.metadata, autocommit=True) as connection:
        while time.monotonic() < deadline and not re.search(pattern, content):
            time.sleep(0.5)
            (content,) = connection.execute(
                "select content from dag_run_note join dag_run on id = dag_run_id "
                "where dag_id = %s",
                [PUSH_DAG],
            ).fetchone() or ("",)
    assert re.search(pattern, content), content
    return content
