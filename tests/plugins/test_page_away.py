"""What the page says while Postgres or one of Airflow's processes is away, and that it goes on."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from include.settings import Settings
from include.warehouse import embedded
from tests.plugins.conftest import Airflow

playwright = pytest.importorskip(
    "playwright.sync_api", reason="no playwright: install requirements.txt"
)
expect = playwright.expect
expect.set_options(timeout=40_000)  # how long a state may take; nothing here measures time
PAGE = "/plugin/planhat-segment"
BARE = "Internal Server Error"
PATHS = ["/api/push", "/api/tracking", "/api/metrics", "/api/usage", "/api/held", "/api/runs/1",
         "/api/alerts", "/api/companies", "/api/quarantine", "/api/receipts"]  # fmt: skip


@pytest.fixture
def away(airflow: Airflow, server: Settings) -> Iterator:
    """`with away():` neither Airflow's database nor the warehouse lets anybody in."""

    def let(admin: psycopg.Connection, allowed: bool) -> None:
        for name in ("airflow", "page"):
            admin.execute(f"alter database {name} with allow_connections {allowed}")
        if not allowed:
            admin.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where datname in ('airflow', 'page')"
            )

    with psycopg.connect(embedded.server_url(server, "postgres"), autocommit=True) as admin:

        @contextmanager
        def gone() -> Iterator[None]:
            let(admin, False)
            try:
                yield
            finally:
                let(admin, True)

        yield gone


def signed_in(airflow: Airflow, browser, user: str = "operator"):
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.add_cookies([{"name": "_token", "value": airflow.token(user), "url": airflow.url}])
    return context, context.new_page()


def test_without_postgres_every_route_answers_with_a_line(airflow, away) -> None:
    headers = {"Cookie": f"_token={airflow.token('admin')}"}
    with airflow.client("admin") as by_token, airflow.client(None, headers=headers) as by_cookie:
        with away():
            for client in (by_token, by_cookie):
                for path in PATHS:
                    answer = client.get(path)
                    assert answer.status_code == 503, path
                    assert "Postgres does not answer" in answer.json()["detail"], path
                page = client.get("/", headers={"Accept": "text/html"})
                assert page.status_code == 503
                assert "Postgres does not answer" in page.text
                assert 'http-equiv="refresh"' in page.text
            pressed = by_cookie.post("/api/push", json={})
            assert (pressed.status_code, pressed.text == BARE) == (503, False)
        for path in PATHS:
            assert by_cookie.get(path).status_code == 200, path
    assert airflow.runs() == []


def test_airflow_s_own_addresses_are_answered_as_ever(airflow) -> None:
    with airflow.client("viewer") as client:
        client.base_url = airflow.url
        assert client.get("/api/v2/version").status_code == 200
        assert client.get("/api/v2/dags/nobody").status_code == 404


def test_postgres_away_is_said_on_the_open_page_and_gone_when_it_is_back(
    airflow, browser, away
) -> None:
    context, page = signed_in(airflow, browser)
    page.goto(airflow.url + "/planhat-segment/")
    expect(page.locator("#mark")).to_have_text("ON")
    with away():
        expect(page.locator("#trouble")).to_contain_text("Postgres does not answer")
        # the figures are those that were seen last
        expect(page.locator("#mark")).to_have_text("ON")
    expect(page.locator("#trouble")).to_be_hidden(timeout=30_000)
    context.close()


def test_a_page_that_is_opened_while_postgres_is_away_comes_by_itself(
    airflow, browser, away
) -> None:
    context, page = signed_in(airflow, browser)
    inner, framed = context.new_page(), context.new_page()
    with away():
        for each, path in ((page, "/planhat-segment/"), (framed, PAGE + "/planhat-segment/")):
            each.goto(airflow.url + path)
            expect(each.get_by_text("Postgres does not answer")).to_be_visible()
            assert BARE not in each.content()
        # whose files came before
        inner.route("**/api/**", lambda route: route.fulfill(status=500, body=BARE))
    inner.goto(airflow.url + "/planhat-segment/")
    expect(inner.locator("#trouble")).to_contain_text("Airflow cannot answer")
    expect(inner.get_by_text("Loading…")).to_have_count(0)
    expect(inner.get_by_text(BARE)).to_have_count(0)
    inner.unroute("**/api/**")
    expect(inner.locator("#trouble")).to_be_hidden(timeout=30_000)
    expect(inner.get_by_text("Nothing has been pushed yet")).to_be_visible()
    expect(page.locator("#mark")).to_have_text("ON")
    context.close()


def test_an_answer_that_does_not_come_is_said_and_taken_back_when_it_does(airflow, browser) -> None:
    context, page = signed_in(airflow, browser)
    held = []

    def hold(route):
        held.append(route)

    page.route("**/api/push", hold)
    page.goto(airflow.url + "/planhat-segment/")
    expect(page.locator("#trouble")).to_contain_text("No answer for some seconds")
    held.pop().continue_()
    expect(page.locator("#trouble")).to_be_hidden()
    expect(page.locator("#mark")).to_have_text("ON")
    context.close()


def beats(airflow: Airflow, **seconds: float) -> None:
    """Heartbeats of Airflow's processes, so many seconds ago, as those write them."""
    with psycopg.connect(airflow.metadata, autocommit=True) as connection:
        connection.execute("delete from job")
        for name, ago in seconds.items():
            connection.execute(
                "insert into job (job_type, state, latest_heartbeat, start_date) "
                "values (%s, 'running', now() - %s * interval '1 second', now())",
                [name, ago],
            )


def test_a_process_that_does_not_answer_is_said_beside_the_button_until_it_does(
    airflow, browser
) -> None:
    beats(airflow, SchedulerJob=0, DagProcessorJob=0, TriggererJob=0)
    context, page = signed_in(airflow, browser)
    page.goto(airflow.url + "/planhat-segment/")
    said = page.locator("#push-silent")
    expect(page.locator("#mark")).to_have_text("ON")
    expect(said).to_have_text("")

    for job, name in (
        ("SchedulerJob", "scheduler"), ("DagProcessorJob", "DAG processor"),
        ("TriggererJob", "triggerer"),
    ):  # fmt: skip
        late = {"SchedulerJob": -3600, "DagProcessorJob": -3600, "TriggererJob": -3600, job: 60}
        beats(airflow, **late)
        expect(said).to_have_text(re.compile(f"^Airflow's {name} has not answered since"))
    beats(airflow)
    expect(said).to_contain_text("Airflow's scheduler has never answered")
    beats(airflow, SchedulerJob=-3600, DagProcessorJob=-3600)
    expect(said).to_have_text("")
    context.close()


# Signed out


def test_a_browser_that_is_signed_out_is_led_to_the_sign_in_and_back(airflow, browser) -> None:
    for path in ("/planhat-segment/?section=usage", PAGE, PAGE + "/planhat-segment/#section=usage"):
        context, page = signed_in(airflow, browser, "viewer")
        page.goto(airflow.url + path)
        where = page if path.startswith("/planhat") else page.frame_locator("iframe")
        expect(where.locator("#mark")).to_have_text("ON")
        context.clear_cookies()
        page.reload()
        page.get_by_label("Username").fill("viewer")
        page.get_by_label("Password").fill("viewer")
        page.get_by_role("button", name="Sign in").click()
        expect(where.locator("#mark")).to_have_text("ON")
        if "usage" in path and path.startswith("/planhat"):
            expect(page.get_by_role("tab", name="Usage")).to_have_attribute("aria-selected", "true")
        context.close()


def test_who_is_signed_out_while_the_page_is_open_is_told_with_the_way(airflow, browser) -> None:
    context, page = signed_in(airflow, browser, "viewer")
    page.goto(airflow.url + PAGE)
    frame = page.frame_locator("iframe")
    expect(frame.locator("#mark")).to_have_text("ON")
    context.clear_cookies()
    frame.get_by_role("tab", name="Company metrics").click()
    frame.get_by_role("link", name="sign in again").click()
    expect(page.get_by_label("Username")).to_be_visible()
    context.close()


def test_a_frame_that_is_loaded_signed_out_leads_its_page_to_the_sign_in(airflow, browser) -> None:
    context, page = signed_in(airflow, browser, "viewer")
    page.goto(airflow.url + PAGE)
    expect(page.frame_locator("iframe").locator("#mark")).to_have_text("ON")
    context.clear_cookies()
    page.frames[-1].evaluate("location.reload()")
    expect(page.get_by_label("Username")).to_be_visible()
    context.close()
