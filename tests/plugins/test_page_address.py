"""What is shown and open is in the address: a reload, the way back and a sent link lead there."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import psycopg
import pytest

from tests.dbt_project.landing import land_calls
from tests.include.page.world import (
    add_company,
    add_error,
    add_held_plan,
    add_run,
    add_unresolved,
    make_marts,
)
from tests.plugins.conftest import DESTINATION, Airflow

playwright = pytest.importorskip(
    "playwright.sync_api", reason="no playwright: install requirements.txt"
)
expect = playwright.expect
expect.set_options(timeout=20_000)

# In Airflow's navigation, by itself, and on the tab of Airflow's page about the DAG.
PLACES = [
    "/plugin/planhat-segment",
    "/planhat-segment/",
    "/dags/push_planhat_to_segment/plugin/planhat-segment-dag",
]


@pytest.fixture
def connection(airflow: Airflow) -> Iterator[psycopg.Connection]:
    with psycopg.connect(airflow.warehouse, autocommit=True) as connection:
        yield connection


@pytest.fixture
def opened(airflow: Airflow, browser) -> Iterator[Callable]:
    """`opened(address)` → (Airflow's page, where ours is in it)."""
    contexts = []

    def open_page(address: str, user: str = "operator"):
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        contexts.append(context)
        context.add_cookies([{"name": "_token", "value": airflow.token(user), "url": airflow.url}])
        page = context.new_page()
        page.goto(address if "://" in address else airflow.url + address)
        alone = page.url.startswith(f"{airflow.url}/planhat-segment/")
        ours = page if alone else page.frame_locator('iframe[title="Planhat ⇄ Segment"]')
        expect(ours.locator("#mark")).to_have_text("ON")
        return page, ours

    yield open_page
    for context in contexts:
        context.close()


def chosen(ours, name: str) -> None:
    expect(ours.get_by_role("tab", name=name)).to_have_attribute("aria-selected", "true")


@pytest.mark.parametrize("place", PLACES)
def test_a_tab_and_what_is_open_survive_a_reload_a_sent_link_and_the_way_back(
    opened, connection, place: str
) -> None:
    make_marts(connection)
    add_company(connection, "c1", "Northwind")
    add_unresolved(connection, "unknown_company", 5, company_key="acme")
    page, ours = opened(place)

    ours.get_by_role("tab", name="User tracking").click()
    ours.get_by_role("button", name="Unknown company: its events").click()
    expect(ours.get_by_text("external id “acme”")).to_be_visible()
    ours.get_by_role("tab", name="Usage").click()
    ours.locator("#company-list").get_by_role("button", name="Northwind", exact=True).click()
    expect(ours.locator("#company canvas").first).to_be_visible()

    page.reload()
    chosen(ours, "Usage")
    expect(ours.locator("#company").get_by_role("heading", name="Northwind")).to_be_visible()
    _, sent = opened(page.url, "viewer")
    chosen(sent, "Usage")
    expect(sent.locator("#company").get_by_role("heading", name="Northwind")).to_be_visible()

    page.go_back()
    expect(ours.locator("#company")).to_be_hidden()
    chosen(ours, "Usage")
    page.go_back()
    chosen(ours, "User tracking")
    expect(ours.get_by_text("external id “acme”")).to_be_visible()
    page.go_back()
    expect(ours.get_by_text("external id “acme”")).to_have_count(0)
    chosen(ours, "User tracking")
    page.go_back()
    chosen(ours, "Data push")
    page.go_forward()
    page.go_forward()
    expect(ours.get_by_text("external id “acme”")).to_be_visible()
    assert place.rstrip("/") in page.url


def test_a_run_its_errors_and_what_is_inside_open_from_a_link(opened, connection) -> None:
    run_id = add_run(connection, "partial", models={"enduser": {"changed": 1, "errors": 1}})
    add_error(connection, run_id, object_id="64f0")
    add_run(connection, "success", started_at=datetime.now(UTC))
    page, ours = opened("/plugin/planhat-segment")
    ours.get_by_role("region", name="Runs, newest first").get_by_role(
        "button", name=re.compile("^Open the run of 2026-03-02")
    ).click()
    ours.get_by_role("button", name="1 error of Enduser: show them").click()
    ours.get_by_text("Receipts: which messages came back").click()
    expect(ours.get_by_role("row", name=re.compile("^64f0"))).to_be_visible()

    _, sent = opened(page.url)
    expect(sent.get_by_role("heading", name=f"Run {run_id}")).to_be_visible()
    expect(sent.get_by_role("row", name=re.compile("^64f0"))).to_be_visible()
    expect(sent.get_by_text("Segment has acknowledged nothing yet")).to_be_visible()
    sent.get_by_role("button", name="Back to the last sync").click()
    expect(sent.get_by_role("heading", name="Last sync")).to_be_visible()


def test_a_story_is_in_the_address_and_an_e_mail_is_not(opened, airflow) -> None:
    call = {"messageId": "m1", "type": "track", "event": "Opened", "userId": "u"}
    land_calls(airflow.warehouse, [call], received_at="2026-03-02T20:00:00Z")
    page, ours = opened("/plugin/planhat-segment")
    ours.get_by_role("tab", name="Why").click()
    for identifier in ("m1", "person@company.example"):
        ours.get_by_label("Message id, user id").fill(identifier)
        ours.get_by_role("button", name="Tell its story").click()
        expect(ours.locator("#why-story .card").first).to_contain_text(identifier)
    assert "company.example" not in page.url
    page.go_back()
    expect(ours.get_by_role("region", name="Call m1")).to_be_visible()
    _, sent = opened(page.url)
    expect(sent.get_by_role("region", name="Call m1")).to_be_visible()
    # no server is told what is looked at
    assert "m1" not in page.url.partition("#")[0]


@pytest.mark.parametrize(
    "fragment",
    ["#section=nothing", "#section=usage&company=%00", "#open=%27%5D&section=push&run=%ED%A0%80",
     "#" + "x" * 5_000, "#section=metrics&open=__proto__&open=", "#section=why&id=%F0%9F%92%A5"],
)  # fmt: skip
def test_an_address_that_is_none_shows_the_page(opened, fragment: str) -> None:
    page, ours = opened("/planhat-segment/" + fragment)
    expect(ours.get_by_role("tab", selected=True)).to_have_count(1)
    expect(ours.get_by_text("Loading…").locator("visible=true")).to_have_count(0)
    assert page.evaluate("document.querySelectorAll('main script').length") == 0


def test_a_link_of_before_is_understood(opened, connection) -> None:
    make_marts(connection)
    add_company(connection, "c1", "Northwind")
    for path in ("/planhat-segment/", "/plugin/planhat-segment"):
        _, ours = opened(path + "?section=usage&company=c1")
        expect(ours.locator("#company").get_by_role("heading", name="Northwind")).to_be_visible()


def test_totals_and_numbers_of_past_runs_open_their_objects(opened, connection) -> None:
    add_held_plan(connection, DESTINATION, started_at=datetime.now(UTC))
    connection.execute("update sync.objects set acknowledged_at = '2026-03-02 12:00:00+00'")
    failed = add_run(connection, "partial", models={"company": {"changed": 2, "errors": 2}})
    add_error(connection, failed, model="company", object_id="c1")
    _, ours = opened("/planhat-segment/", "viewer")
    run = ours.locator("#push-run")

    run.get_by_role("button", name=re.compile("^Changed of all models")).click()
    changed = run.get_by_role("region", name="What the run planned of all models")
    expect(changed.get_by_role("columnheader", name="Model")).to_be_visible()
    expect(changed.get_by_role("row")).to_have_count(2)
    run.get_by_role("button", name=re.compile("^Considered of all models")).click()
    expect(run.get_by_role("region", name=re.compile("^Objects of all models"))).to_be_visible()

    history = ours.locator("#push-history")
    history.get_by_role("button", name="2 errors of all models: show them").click()
    expect(history.get_by_role("row", name=re.compile("^c1"))).to_contain_text("Company")
    held = ours.locator("#push-held")
    held.get_by_role("button", name="1 removed of Enduser, held: show them").click()
    expect(held.get_by_role("row", name=re.compile("removed from Planhat"))).to_be_visible()


def test_numbers_of_what_came_in_and_of_companies_open(opened, connection) -> None:
    make_marts(connection)
    add_company(connection, "c1", "Northwind")
    add_unresolved(connection, "unknown_company", 5, company_key="acme")
    connection.execute("insert into raw_segment.sources (source) values ('app')")
    connection.execute(
        "insert into raw_segment.intake (source, hour, received, landed, quarantined) "
        "values ('app', date_trunc('hour', now()), 7, 5, 2)"
    )
    _, ours = opened("/planhat-segment/", "viewer")
    ours.get_by_role("tab", name="User tracking").click()
    ours.get_by_role("button", name="Unknown company: 5 events, show them").click()
    expect(ours.get_by_text("external id “acme”")).to_be_visible()
    ours.get_by_role("button", name="Quarantined of app: 2, day by day").click()
    expect(ours.get_by_role("figure").filter(has_text="Quarantined: calls a day")).to_be_visible()
    ours.get_by_role("tab", name="Usage").click()
    ours.get_by_role("button", name=re.compile("^Northwind: .* activities in 30 days")).click()
    expect(ours.locator("#company").get_by_role("heading", name="Northwind")).to_be_visible()
