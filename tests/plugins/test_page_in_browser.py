"""The page in a real browser, inside a real Airflow: seen, pressed, read and pushed by keyboard."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import psycopg
import pytest

from include.compare import Comparison, Days
from include.compare.kept import keep
from include.compare.report import Example, Reason, Section
from include.played_planhat.faults import Fault
from include.push.runs import Claim
from tests.dbt_project.landing import land_calls
from tests.include.page.world import (
    HOSTILE,
    add_active_run,
    add_call,
    add_company,
    add_error,
    add_findings,
    add_held_plan,
    add_run,
    add_unresolved,
    make_marts,
)
from tests.include.why.test_telling import UNRESOLVED
from tests.include.why.world import quarantine
from tests.plugins.conftest import APP_LINK, DESTINATION, FORGET, PUBLIC, TO_PLANHAT

playwright = pytest.importorskip(
    "playwright.sync_api", reason="no playwright: install requirements.txt"
)
expect = playwright.expect
expect.set_options(timeout=20_000)  # how long a state may take; nothing here measures time

PAGE = "/plugin/planhat-segment"


@pytest.fixture
def connection(airflow) -> Iterator[psycopg.Connection]:
    with psycopg.connect(airflow.warehouse, autocommit=True) as connection:
        yield connection


@pytest.fixture
def open_as(airflow, browser) -> Iterator[Callable]:
    """`open_as(user)` → (Airflow's page, the frame of ours); what a script complains of fails."""
    contexts, complaints = [], []

    def open_page(user: str, path: str = PAGE, **options):
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}} | options)
        contexts.append(context)
        context.add_cookies([{"name": "_token", "value": airflow.token(user), "url": airflow.url}])
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda said: complaints.append(said.text) if "Content Security" in said.text else None,
        )
        page.on(
            "request",
            lambda asked: (
                complaints.append(asked.url)
                if not asked.url.startswith((airflow.url, "data:", "blob:"))
                else None
            ),
        )
        page.goto(airflow.url + path)
        frame = page.frame_locator('iframe[title="Planhat ⇄ Segment"]')
        # the first answers are there
        expect((frame if path == PAGE else page).locator("#mark")).to_have_text(
            re.compile("ON|OFF")
        )
        return page, frame

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def test_a_person_signs_in_and_finds_the_page_in_the_navigation(airflow, browser):
    context = browser.new_context()
    page = context.new_page()
    page.goto(airflow.url)
    page.get_by_label("Username").fill("viewer")
    page.get_by_label("Password").fill("viewer")
    page.get_by_role("button", name="Sign in").click()

    page.get_by_role("link", name=re.compile("Planhat")).click()

    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("heading", name="Planhat ⇄ Segment")).to_be_visible()
    expect(frame.get_by_text("Nothing has been pushed yet")).to_be_visible()
    expect(frame.locator("#mark")).to_have_text("ON")
    context.close()


def test_a_viewer_reads_the_table_and_why_the_button_is_not_for_them(open_as, connection, airflow):
    add_run(
        connection,
        models={
            "company": {"considered": 40, "unchanged": 30, "added": 10, "synced": 10},
            "nps": {"considered": 5, "unchanged": 5},
        },
    )

    _, frame = open_as("viewer")

    row = frame.get_by_role("row", name=re.compile("^Company"))
    expect(row.get_by_role("cell")).to_have_text(
        ["10", "0", "40", "30", "10", "0", "0", "0", "0", "0"]
    )
    expect(frame.get_by_role("row", name=re.compile("^NPS"))).to_be_visible()
    expect(frame.get_by_role("row", name=re.compile("^Total"))).to_contain_text("10")
    button = frame.get_by_role("button", name="Push data to Segment")
    expect(button).to_have_attribute("aria-disabled", "true")
    expect(button).to_have_accessible_description(re.compile("not trigger the push"))
    expect(frame.get_by_role("button", name="Deactivate")).to_have_count(0)
    button.press("Enter")
    expect(frame.locator("#push-answer")).to_contain_text("Not pushed.")
    assert airflow.runs() == []


def test_an_operator_pushes_by_keyboard_alone_and_watches_it_finish(open_as, connection, airflow):
    page, frame = open_as("operator")
    button = frame.get_by_role("button", name="Push data to Segment")
    expect(button).to_have_attribute("aria-disabled", "false")

    for _ in range(40):
        page.keyboard.press("Tab")
        if button.evaluate("element => element === document.activeElement"):
            break
    page.keyboard.press("Enter")

    expect(frame.locator("#push-answer")).to_contain_text("Triggered.")
    expect(frame.locator("#push-reason")).to_contain_text("is queued in Airflow")
    (run,) = airflow.runs()
    # the DAG's part, as its tasks would write it
    run_id = add_active_run(connection, owner=run["dag_run_id"])
    expect(frame.locator("#push-reason")).to_contain_text("by operator, in model enduser, 61%")
    expect(frame.get_by_role("progressbar")).to_have_attribute("value", "61")
    connection.execute(
        "update sync.run_models set synced = added, finished_at = now() where run_id = %s", [run_id]
    )
    connection.execute(
        "update sync.runs set status = 'success', finished_at = now() where run_id = %s", [run_id]
    )
    airflow.forget_runs()
    expect(frame.locator("#push-answer")).to_have_text(
        "The push has ended: success, 100 synced, 0 errors."
    )
    expect(button).to_have_attribute("aria-disabled", "false")


def test_a_push_that_was_too_quick_to_be_seen_active_still_says_how_it_ended(
    open_as, connection, airflow
):
    _, frame = open_as("operator")
    frame.get_by_role("button", name="Push data to Segment").click()
    expect(frame.locator("#push-reason")).to_contain_text("is queued in Airflow")
    (run,) = airflow.runs()
    add_run(connection, owner=run["dag_run_id"], trigger="button")
    airflow.forget_runs()
    expect(frame.locator("#push-answer")).to_contain_text("The push has ended: success")


def test_a_push_is_stopped_while_its_warehouse_is_built(open_as, connection, airflow):
    _, frame = open_as("operator")
    frame.get_by_role("button", name="Push data to Segment").click()
    frame.get_by_role("button", name="Stop this push").click()
    frame.get_by_role("button", name="Stop it", exact=True).click()

    expect(frame.locator("#push-progress")).to_contain_text(
        "operator asked it to stop: the build goes on to its end, and nothing is sent."
    )
    (run,) = airflow.runs()
    assert connection.execute("select owner, requested_by from sync.stop_requests").fetchall() == [
        (run["dag_run_id"], "operator")
    ]


def test_a_push_that_failed_before_it_began_says_so_to_who_pressed(open_as, airflow):
    _, frame = open_as("operator")
    frame.get_by_role("button", name="Push data to Segment").click()
    expect(frame.locator("#push-reason")).to_contain_text("is queued in Airflow")
    (run,) = airflow.runs()
    airflow.fail_run(run["dag_run_id"])
    expect(frame.locator("#push-answer")).to_contain_text("failed in Airflow before anything")


def test_every_number_of_a_run_opens_the_objects_behind_it(open_as, connection):
    add_held_plan(connection, DESTINATION, started_at=datetime.now(UTC))
    connection.execute("update sync.objects set acknowledged_at = '2026-03-02 12:00:00+00'")
    _, frame = open_as("viewer")
    run = frame.locator("#push-run")

    run.get_by_role("button", name="Changed of Enduser: 1, show them").press("Enter")
    changed = run.get_by_role("region", name="What the run planned of Enduser")
    expect(changed.get_by_role("row")).to_have_count(2)
    expect(changed).to_contain_text("email")
    # another number of the row takes its place
    run.get_by_role("button", name="Considered of Enduser: 1, show them").press("Enter")
    expect(changed).to_have_count(0)
    ledger = run.get_by_role("region", name="Objects of Enduser as Segment has acknowledged them")
    expect(ledger.get_by_role("row")).to_have_count(3)
    expect(ledger).to_contain_text("2026-03-02 12:00:00")

    frame.get_by_text("Receipts: which messages came back").click()
    frame.get_by_role("button", name="Enduser: 2 not come back yet, show them").click()
    receipts = frame.locator("#push-receipts").get_by_role(
        "region", name="Objects of Enduser as Segment has acknowledged them"
    )
    expect(receipts.get_by_role("row")).to_have_count(3)


def test_the_story_of_a_call_is_told_in_the_readers_zone(open_as, airflow):
    call = {"messageId": "m1", "type": "track", "event": "Opened", "userId": "u"}
    land_calls(airflow.warehouse, [call], received_at="2026-03-02T20:00:00Z")
    _, frame = open_as("viewer", timezone_id="Asia/Tokyo")
    frame.get_by_role("tab", name="Why").click()

    frame.get_by_label("Message id, user id").fill("m1")
    frame.get_by_role("button", name="Tell its story").click()

    expect(frame.locator("#why-story")).to_contain_text("2026-03-03 05:00:00 Asia/Tokyo")
    expect(frame.locator("#why-story")).not_to_contain_text("UTC")


def test_models_and_a_dry_run_are_chosen_and_nothing_else_is_sent(open_as, airflow):
    _, frame = open_as("operator")
    frame.get_by_text("Choose models, dry run").click()
    form = frame.locator("#push-form")
    form.get_by_role("checkbox", name="Enduser", exact=True).check()
    form.get_by_label("Dry run").check()

    frame.get_by_role("button", name="Show what would be pushed").click()

    expect(frame.locator("#push-answer")).to_contain_text("Triggered.")
    assert [run["conf"] for run in airflow.runs()] == [{"models": ["enduser"], "dry_run": True}]
    expect(form.get_by_label("Dry run")).not_to_be_checked()


def test_an_integration_that_is_off_says_so_and_is_switched_on(open_as, airflow):
    airflow.set_paused(True)
    _, frame = open_as("operator")
    expect(frame.locator("#mark")).to_have_text("OFF")
    expect(frame.locator("#push-reason")).to_contain_text("Activate it first")

    frame.get_by_role("button", name="Activate").click()

    expect(frame.locator("#mark")).to_have_text("ON")
    expect(frame.get_by_role("button", name="Push data to Segment")).to_have_attribute(
        "aria-disabled", "false"
    )


def test_errors_open_their_objects_with_code_message_and_attempts(open_as, connection):
    run_id = add_run(connection, "partial", models={"enduser": {"changed": 3, "errors": 2}})
    add_error(connection, run_id, object_id="64f0", payload={"email": "p@company.example"})
    add_error(connection, run_id, object_id="64f1", attempts=12)
    _, frame = open_as("operator")

    frame.get_by_role("button", name="2 errors of Enduser: show them").press("Enter")

    row = frame.get_by_role("row", name=re.compile("^64f0"))
    expect(row).to_contain_text("too_large")
    expect(row).to_contain_text("Segment takes 32,768")
    row.get_by_text("Show").click()
    expect(row).to_contain_text("p@company.example")
    expect(frame.get_by_role("row", name=re.compile("^64f1"))).to_contain_text("12")


def test_a_held_plan_is_looked_at_and_approved(open_as, connection):
    add_held_plan(connection, DESTINATION)
    _, frame = open_as("operator")
    plans = frame.get_by_role("region", name="Plans that wait for an answer")

    plans.get_by_role("button", name="Enduser: what would change").click()
    expect(plans).to_contain_text("old@company.example → new@company.example")
    plans.get_by_role("button", name="Approve: Enduser").click()
    plans.get_by_role("button", name="Send all of it").click()

    expect(plans).to_contain_text("operator said: send all of it")
    assert connection.execute("select answer from sync.plan_answers").fetchall() == [("all",)]


def test_a_dry_run_says_what_would_be_sent(open_as, connection):
    counts = {"considered": 9, "added": 7, "not_sent": 7, "to_send": 5}
    add_run(connection, "dry_run", is_dry=True, models={"company": counts})
    _, frame = open_as("viewer")

    frame.get_by_role("button", name=re.compile("^Open the run of")).click()

    run = frame.locator("#push-run")
    expect(run.get_by_role("columnheader", name="Would be sent")).to_be_visible()
    expect(run.get_by_role("row", name=re.compile("Total"))).to_contain_text("5")
    expect(run).not_to_contain_text("Not sent")
    expect(run).not_to_contain_text("Objects synced")


def test_an_earlier_run_opens_from_the_history_and_closes_again(open_as, connection):
    add_run(connection, "failed", models={"company": {"errors": 7, "added": 7}}, reason="Refused.")
    add_run(connection, "success", started_at=datetime.now(UTC))
    connection.execute(
        "insert into sync.plan_warnings values (1, 'company', 1, 'two keys will be one column')"
    )
    _, frame = open_as("viewer")
    table = frame.get_by_role("region", name="Runs, newest first")

    table.get_by_role("button", name=re.compile("2026-03-02")).click()

    expect(frame.get_by_role("heading", name="Run 1")).to_be_visible()
    expect(frame.get_by_text("Refused.")).to_be_visible()
    expect(frame.get_by_text("1 warning of the plan; all of it is sent")).to_be_visible()
    expect(frame.get_by_text("two keys will be one column")).to_be_visible()
    frame.get_by_role("button", name="Back to the last sync").click()
    expect(frame.get_by_role("heading", name="Last sync")).to_be_visible()


def test_an_unresolved_reason_opens_with_what_would_resolve_it(open_as, connection):
    make_marts(connection)
    add_unresolved(connection, "unknown_company", 5, company_key="acme")
    _, frame = open_as("viewer")

    frame.get_by_role("tab", name="User tracking").click()
    frame.get_by_role("button", name="Unknown company: its events").click()

    events = frame.get_by_role("region", name=re.compile("^Events unresolved for the reason"))
    expect(events).to_contain_text("Give its company in Planhat the external id “acme”")
    # Enter on its sample tells the story: here of a call that no longer exists
    events.get_by_role("button", name="msg-1").press("Enter")
    expect(frame.get_by_role("tab", name="Why")).to_have_attribute("aria-selected", "true")
    expect(frame.locator("#why-story")).to_contain_text("Nothing here is called “msg-1”")


def test_people_are_looked_at_then_forgotten_and_their_receipts_are_kept(told, open_as, tmp_path):
    with psycopg.connect(told.warehouse, autocommit=True) as connection:
        email, company = connection.execute(
            "select email, company_id from marts.endusers where email is not null"
            " and (select count(*) from marts.endusers as e where e.email = endusers.email) = 1"
            " order by email limit 1"
        ).fetchone()
        page, frame = open_as("operator")
        frame.get_by_role("tab", name="User tracking").click()
        card = frame.locator("#tracking-forgetting")
        card.get_by_label("Whom:").fill(f"{email}\n{company}")
        card.get_by_label("because").fill("asked by letter")
        card.get_by_role("button", name="Show what would go").click()

        lines = card.get_by_role("region", name="Whom each line means")
        expect(lines.get_by_role("row").nth(1)).to_contain_text("one person, by 1 enduser")
        expect(lines.get_by_role("row").nth(2)).to_contain_text("is a company")
        expect(card.get_by_role("button", name=re.compile("^Forget"))).to_have_count(0)
        card.get_by_role("button", name="Leave these lines out").click()
        card.get_by_role("button", name=re.compile("^Forget 1 person and [0-9]+ call")).click()
        expect(card.get_by_text("This cannot be taken back.")).to_be_visible()
        card.get_by_role("button", name=re.compile("^Yes, forget 1 person")).click()

        expect(card.locator("#forget-said")).to_contain_text("1 person asked for. It begins now")
        expect(card.get_by_label("Whom:")).to_have_value("")
        waiting = card.get_by_role("region", name="Requests to forget somebody that wait")
        expect(waiting).to_contain_text(email)
        expect(waiting).to_contain_text("asked by letter")
        assert [run["conf"] for run in told.runs(FORGET)] == [{}]
        # the DAG's part, as its task would write it
        connection.execute(
            "insert into sync.forgettings (requested_by, reason, hashes, step) values"
            " ('operator', 'asked by letter', array['a1', 'b2'], 'builds')"
        )
        connection.execute("update sync.forget_requests set forgetting_id = 1")
        expect(card.get_by_role("region", name="People who are being")).to_contain_text("builds")
        expect(waiting).to_have_count(0)
        connection.execute(
            "update sync.forgettings set finished_at = now(),"
            " done = '{\"raw_segment.events\": 1204}'"
        )
        connection.execute("update sync.forget_requests set finished_at = now(), asked = null")
        card.get_by_text("Receipts: 1").click()
        expect(card.get_by_role("region", name="Receipts, the newest")).to_contain_text("1,204")
        with page.expect_download() as kept:
            card.get_by_role("link", name="Download all receipts").click()
    kept.value.save_as(tmp_path / "receipts.json")
    (receipt,) = json.loads((tmp_path / "receipts.json").read_text())
    assert (receipt["reason"], receipt["hashes"]) == ("asked by letter", ["a1", "b2"])


def test_the_story_of_a_call_of_each_reason_is_told_by_keyboard_and_leads_on(told, open_as):
    page, frame = open_as("operator")
    frame.get_by_role("tab", name="Why").click()
    box = frame.get_by_label("Message id, user id")
    for reason, (case, number) in UNRESOLVED.items():
        box.fill(f"sample-case-{case}-{number}")
        page.keyboard.press("Enter")
        story = frame.get_by_role("region", name=f"Call sample-case-{case}-{number}", exact=True)
        expect(story.get_by_role("listitem").filter(has_text="Unresolved")).to_contain_text(reason)
        expect(story).to_contain_text("What resolves it:")

    box.fill("sample-case-user-id-in-traits-2")
    page.keyboard.press("Enter")
    expect(frame.get_by_role("listitem").filter(has_text="Answered")).to_contain_text(
        "answered 200 for version 1"
    )
    frame.get_by_text("Payload").first.click()
    expect(frame.locator("#why-story pre").first).to_contain_text("messageId")
    frame.get_by_role("listitem").filter(has_text="Company").get_by_role("button").click()
    expect(frame.get_by_role("heading", name=re.compile("^Company "))).to_be_visible()


def test_a_new_tenant_token_is_shown_once_and_section_1_says_what_to_type(open_as, connection):
    connection.execute("insert into raw_segment.sources (source) values ('app')")
    connection.execute(
        "insert into raw_segment.source_keys (key_hash, kind, source) "
        "values ('\\x00', 'tenant_token', 'app')"
    )
    _, frame = open_as("operator")
    frame.get_by_role("tab", name="User tracking").click()
    setup = frame.locator("#tracking-setup")
    expect(setup).to_contain_text(f"{PUBLIC}/webhook")
    expect(setup).not_to_contain_text("127.0.0.1")
    expect(setup).to_contain_text("cannot point here")

    setup.get_by_role("button", name="Rotate the tenant token of app").click()
    setup.get_by_role("button", name="Make a new token").click()

    field = setup.get_by_label("New tenant token of app")
    expect(field).to_have_value(re.compile(r"^[\w-]{32}$"))
    setup.get_by_role("button", name="Done").click()
    expect(field).to_have_count(0)
    expect(setup.get_by_text("until")).to_have_count(1)


def test_a_push_is_asked_to_stop_on_the_second_press(open_as, connection, airflow):
    run_id = add_active_run(connection)
    with Claim(airflow.warehouse, run_id):  # somebody works for it, who will see it
        _, frame = open_as("operator")

        frame.get_by_role("button", name="Stop this push").click()
        frame.get_by_role("button", name="Stop it").click()

        expect(frame.locator("#push-progress")).to_contain_text("operator asked it to stop")
    assert connection.execute("select cancel_requested_by from sync.runs").fetchall() == [
        ("operator",)
    ]


def test_what_was_sent_to_planhat_stands_with_what_it_was_made_of_and_is_answered(
    open_as, airflow, world, people
):
    world.enduser(0)
    world.enduser(1, email=None, withheld="no_address")
    world.value(0, 3)
    world.activity(people[0], 2)
    world.played.faults.waiting = [Fault("lost", "POST", "analytics/bulk")]
    world.push()
    _, frame = open_as("operator")
    frame.get_by_role("tab", name="User tracking").click()
    run = frame.locator("#sent-people-run")

    # synced, errors, held, withheld, unknown
    enduser = run.get_by_role("row", name=re.compile("^Enduser"))
    expect(enduser.get_by_role("cell")).to_have_text(
        ["1", "0", "0", "1", "0", "2", "0", "1", "0", "0"]
    )
    activity = run.get_by_role("row", name=re.compile("^Activity"))
    expect(activity.get_by_role("cell").nth(1)).to_have_text("1")
    expect(run).not_to_contain_text("Metric")
    expect(run).to_contain_text("of Planhat's calls")
    enduser.get_by_role("button", name="Withheld of Enduser: 1, show them").click()
    withheld = run.get_by_role("region", name="Objects of Enduser that a rule withholds")
    expect(withheld).to_contain_text("Planhat takes no enduser without one")

    unknown = frame.locator("#sent-people-unknown")
    unknown.get_by_role("button", name="1 of Activity of unknown outcome: show them").click()
    objects = unknown.get_by_role("region", name="Objects of Activity of unknown outcome")
    expect(objects.get_by_role("link", name="in Planhat")).to_have_attribute(
        "href", APP_LINK.format(model="enduser", Model="EndUser", id=people[0]["_id"])
    )
    unknown.get_by_role("button", name="It arrived: all of Activity").click()
    unknown.get_by_role("button", name="They are there").click()
    expect(unknown).to_be_empty()

    button = frame.get_by_role("button", name="Push usage to Planhat")
    button.click()
    expect(frame.locator("#sent-people-answer")).to_contain_text("Triggered.")
    expect(frame.locator("#sent-people-reason")).to_contain_text("is queued in Airflow")
    assert len(airflow.runs(TO_PLANHAT)) == 1

    frame.get_by_role("tab", name="Company metrics").click()
    metrics = frame.locator("#sent-metrics-run")
    expect(metrics.get_by_role("row", name=re.compile("^Metric"))).to_be_visible()
    expect(metrics).not_to_contain_text("Enduser")
    expect(frame.locator("#sent-metrics-reason")).to_contain_text("is queued in Airflow")
    frame.locator("#sent-metrics-receipts").get_by_text("Receipts: what Planhat has of it").click()
    frame.get_by_role("button", name="Metric: 1 seen in planhat, show them").click()
    expect(frame.locator("#sent-metrics-receipts")).to_contain_text("as Planhat has acknowledged")


def test_without_a_connection_to_planhat_the_section_says_what_to_set(open_as, airflow):
    airflow.connect_planhat(None)
    _, frame = open_as("operator")
    frame.get_by_role("tab", name="User tracking").click()
    expect(frame.locator("#sent-people-state")).to_contain_text("Not connected")
    expect(frame.locator("#sent-people-reason")).to_contain_text("docs/planhat.md")
    button = frame.get_by_role("button", name="Push usage to Planhat")
    expect(button).to_have_attribute("aria-disabled", "true")


def test_where_a_push_goes_stands_beside_the_button_and_a_stopped_resync_is_taken_back(
    open_as, connection
):
    connection.execute(
        "insert into sync.resyncs (destination, model, generation, requested_by) "
        "values (%s, 'company', 1, 'ada')",
        [DESTINATION],
    )
    _, frame = open_as("operator")
    place = frame.locator("#push-destination")
    expect(place).to_contain_text("Goes to http://127.0.0.1:9.")
    expect(place).to_contain_text("Segment has nothing of ours yet at http://127.0.0.1:9")

    connection.execute(
        "insert into sync.objects (destination, model, object_id, acknowledged_at) "
        "values (%s, 'company', 'c1', now())",
        [DESTINATION],
    )
    _, frame = open_as("operator")
    place = frame.locator("#push-destination")
    expect(place).to_contain_text("A full resync that ada asked for at")
    expect(place).not_to_contain_text("nothing of ours")
    place.get_by_role("button", name="Take the full resync back").click()
    place.get_by_role("button", name="Take it back").click()
    expect(place).not_to_contain_text("resync")
    assert connection.execute("select taken_back_by from sync.resyncs").fetchall() == [
        ("operator",)
    ]


def test_quarantined_calls_and_receipts_are_opened(open_as, connection, airflow):
    quarantine(airflow.warehouse, {"event": HOSTILE["markup"]})
    connection.execute(
        "insert into raw_segment.sources (source) values ('demo-app') on conflict do nothing"
    )
    connection.execute(
        "insert into sync.objects (destination, model, object_id, acknowledged_at, seen_back_at) "
        "values ('api.segment.io#1', 'company', '1', now(), now())"
    )
    _, frame = open_as("operator")

    frame.get_by_text("Receipts: which messages came back").click()
    expect(frame.get_by_role("row", name=re.compile("Company"))).to_contain_text("api.segment.io")
    frame.get_by_role("tab", name="User tracking").click()
    frame.get_by_text("Quarantined calls: what").click()
    row = frame.locator("#tracking-quarantine").get_by_role("row", name=re.compile("too_large"))
    row.get_by_text("Show").click()
    expect(row).to_contain_text("<script>")


def test_a_run_in_airflow_opens_on_the_page(open_as, connection):
    add_run(connection, owner="manual__2026-03-02T12:00:00+00:00", models={"nps": {"synced": 3}})

    page, _ = open_as(
        "viewer",
        path="/planhat-segment/?dag_run=manual__2026-03-02T12%3A00%3A00%2B00%3A00",
    )

    expect(page.get_by_role("heading", name="Run 1")).to_be_visible()


def test_tabs_are_walked_with_the_arrow_keys(open_as):
    page, frame = open_as("viewer")
    expect(frame.get_by_text("Nothing has been pushed yet")).to_be_visible()
    frame.get_by_role("tab", name="Data push").focus()

    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")

    expect(frame.get_by_role("tab", name="Company metrics")).to_be_focused()
    expect(frame.get_by_text("No metric is declared yet.")).to_be_visible()
    expect(frame.get_by_role("tabpanel")).to_have_count(1)


def test_a_tab_pressed_before_the_scripts_are_there_is_not_lost(airflow, browser):
    context = browser.new_context()
    context.add_cookies([{"name": "_token", "value": airflow.token("viewer"), "url": airflow.url}])
    page = context.new_page()
    held = []

    def hold(route):
        held.append(route)

    page.route("**/static/page.js", hold)
    page.goto(airflow.url + PAGE)
    tab = page.frame_locator("iframe").get_by_role("tab", name="Company metrics")
    expect(tab).to_be_disabled()

    held[0].continue_()
    tab.click()

    expect(tab).to_have_attribute("aria-selected", "true")
    context.close()


def test_an_answer_that_a_later_one_overtook_is_not_drawn(open_as, connection):
    page, frame = open_as("viewer")
    tab = frame.get_by_role("tab", name="Data push")
    held = []

    def hold(route):
        held.append((route, route.fetch()))

    page.route("**/api/push", hold, times=1)
    tab.click()
    while not held:
        page.wait_for_timeout(100)
    add_run(connection, models={"company": {"considered": 4, "added": 4, "synced": 4}})
    tab.click()
    row = frame.get_by_role("row", name=re.compile("^Company"))
    expect(row).to_be_visible()

    route, old = held[0]
    with page.expect_response("**/api/push"):
        route.fulfill(response=old)

    page.wait_for_timeout(500)
    # at once: the next answer would bring it back
    assert row.is_visible()


def test_hostile_names_are_text_wherever_they_appear(open_as, connection):
    run_id = add_run(
        connection,
        "partial",
        models={"enduser": {"changed": 4, "errors": 4}},
        reason=HOSTILE["markup"],
        trigger="button",
        requested_by=HOSTILE["right to left"],
    )
    for name, text in HOSTILE.items():
        add_error(
            connection, run_id, object_id=f"{name}: {text}", message=text, payload={text: text}
        )
        # of the length that they may have
        connection.execute("insert into raw_segment.sources (source) values (%s)", [text[:80]])
        connection.execute("insert into sync.company_metrics (metric) values (%s)", [text[:500]])
    make_marts(connection)
    for text in HOSTILE.values():
        keys = {"company_key": text, "user_id": text}
        add_unresolved(connection, "unknown_company", 1, sample=text, **keys)
    page, frame = open_as("admin")

    frame.get_by_role("button", name="4 errors of Enduser: show them").click()
    expect(frame.get_by_role("row", name=re.compile("^markup"))).to_contain_text("<script>")
    connection.execute(
        "insert into marts.endusers (enduser_id, origin, company_id, name, created_by_message_id) "
        "values (%(text)s, 'segment', 'c0', %(text)s, %(text)s)",
        {"text": HOSTILE["markup"]},
    )
    for number, text in enumerate(HOSTILE.values()):
        add_company(connection, f"c{number}", text)
        connection.execute(
            "insert into raw_planhat.objects (model, planhat_id, payload) "
            "values ('asset', %s, jsonb_build_object('name', %s::text, 'companyId', %s::text))",
            [f"a{number}", text, f"c{number}"],
        )
        connection.execute(
            "insert into marts.usage_alerts values "
            "('company', %s, 'drop', '2026-03-01', null, 1, 9), "
            "('asset', %s, 'drop', '2026-03-01', null, 1, 9)",
            [f"c{number}", f"a{number}"],
        )
        connection.execute(
            "insert into marts.company_metrics values (%s, %s, '2026-03-01', 1, 'SUM')",
            [f"c{number}", HOSTILE["markup"]],
        )
    for tab in ("User tracking", "Company metrics", "Usage"):
        frame.get_by_role("tab", name=tab).click()
        if tab == "Company metrics":
            frame.get_by_role("button", name=re.compile("^<script>.*its companies")).click()
            frame.get_by_role("button", name=re.compile("^<script>.* of <script>")).click()
            expect(frame.locator("#metrics-declared canvas")).to_be_visible()
        if tab == "Usage":
            frame.get_by_role("button", name="Assets 4").click()
            alerts = frame.locator("#alert-list")
            # the asset, its company, and the button that acknowledges
            expect(alerts.get_by_role("button", name="<script>")).to_have_count(3)
        if tab == "User tracking":
            frame.get_by_role("button", name="1 enduser created from Segment: show them").click()
            created = frame.get_by_role("region", name=re.compile("^Endusers created"))
            expect(created.get_by_role("button", name="<script>")).to_have_count(3)
            frame.get_by_role("button", name="Unknown company: its events").click()
            events = frame.get_by_role("region", name=re.compile("^Events unresolved"))
            expect(events.get_by_role("button", name="<script>")).to_be_visible()
        expect(frame.get_by_role("tabpanel").get_by_text("<script>").first).to_be_visible()
        assert_no_sideways_scrolling(page)

    assert page.frames[-1].title() == "Planhat ⇄ Segment"
    assert (
        page.frames[-1].evaluate("document.querySelectorAll('main script, main img').length") == 0
    )


def test_a_metric_is_declared_with_enter_changed_and_deleted(open_as, connection):
    page, frame = open_as("operator")
    frame.get_by_role("tab", name="Company metrics").click()
    frame.get_by_label("Trait, as it is sent").fill("Seats used")
    frame.get_by_label("read as").select_option("LAST")

    frame.get_by_label("Trait, as it is sent").press("Enter")

    row = frame.get_by_role("row", name=re.compile("^Seats used"))
    expect(row).to_contain_text("by operator")
    expect(frame.get_by_label("Trait, as it is sent")).to_have_value("")
    assert metrics(connection) == [("Seats used", "LAST", "operator")]

    row.get_by_role("button", name="Read Seats used as SUM").press("Enter")
    page.keyboard.press("Enter")  # the second step has the focus
    expect(row.get_by_role("cell").first).to_have_text("SUM")

    row.get_by_role("button", name="Delete Seats used").click()
    expect(row).to_contain_text("The events stay")
    row.get_by_role("button", name="Delete this metric").click()
    expect(frame.get_by_text("No metric is declared yet.")).to_be_visible()
    assert metrics(connection) == []


def test_a_candidate_is_declared_with_one_press(open_as, connection):
    make_marts(connection)
    connection.execute("insert into marts.metric_candidates values ('seats', 9, 2, 5, now())")
    _, frame = open_as("operator")
    frame.get_by_role("tab", name="Company metrics").click()

    frame.get_by_role("button", name="Declare seats as LAST").click()

    expect(frame.get_by_text("No undeclared numeric trait")).to_be_visible()
    assert metrics(connection) == [("seats", "LAST", "operator")]


def test_a_viewer_sees_the_metrics_and_nothing_to_change_them_with(open_as, connection):
    connection.execute("insert into sync.company_metrics (metric) values ('seats')")
    _, frame = open_as("viewer")

    frame.get_by_role("tab", name="Company metrics").click()

    expect(frame.get_by_role("row", name=re.compile("^seats"))).to_be_visible()
    # one that opens its companies, and one that says why it cannot be pressed
    buttons = frame.get_by_role("tabpanel").get_by_role("button")
    expect(buttons).to_have_count(2)
    expect(buttons.last).to_have_attribute("aria-disabled", "true")


def test_a_switch_says_what_is_lost_and_turns_on_the_second_press(open_as, connection):
    _, frame = open_as("operator")
    frame.get_by_role("tab", name="User tracking").click()

    frame.get_by_role("button", name="Auto-create endusers: switch off").click()
    expect(frame.get_by_text("create no enduser")).to_be_visible()
    frame.get_by_role("button", name="Cancel").click()
    frame.get_by_role("button", name="Auto-create endusers: switch off").click()
    frame.get_by_role("button", name="Switch off", exact=True).click()

    expect(frame.get_by_role("button", name="Auto-create endusers: switch on")).to_be_visible()
    turned = connection.execute(
        "select switch, is_on, changed_by from sync.switches where changed_by <> 'default'"
    ).fetchall()
    assert turned == [("auto_create", False, "operator")]


def test_a_model_is_pushed_once_somebody_switches_it_on(open_as, connection):
    _, frame = open_as("operator")
    frame.get_by_role("button", name="The model enduser_usage: switch on").click()
    expect(
        frame.get_by_text("what a model that changes daily costs in calls a month")
    ).to_be_visible()
    frame.get_by_role("button", name="Switch on", exact=True).click()
    expect(frame.get_by_role("button", name="The model enduser_usage: switch off")).to_be_visible()
    assert connection.execute(
        "select model, is_active, changed_by from sync.segment_outbound"
    ).fetchall() == [("enduser_usage", True, "operator")]


def test_a_section_is_switched_on_from_a_past_day_on(open_as, connection):
    connection.execute(
        "insert into sync.switches (switch, is_on, valid_from, changed_by) values "
        "('user_tracking', false, '2026-03-10', 'ada')"
    )
    _, frame = open_as("operator")
    frame.get_by_role("tab", name="User tracking").click()

    frame.get_by_role("button", name="User tracking: switch on").click()
    frame.get_by_label("Count calls received from this day on").fill("2999-01-01")
    frame.get_by_role("button", name="Switch on", exact=True).click()
    expect(frame.locator("#tracking-outcomes [role=alert]:visible")).to_have_text(
        "2999-01-01 is still to come: choose a day in the past."
    )
    frame.get_by_label("Count calls received from this day on").fill("2026-03-12")
    frame.get_by_role("button", name="Switch on", exact=True).click()

    expect(frame.get_by_text("since 2026-03-12")).to_be_visible()
    frame.get_by_role("button", name="User tracking: count from an earlier day on").click()
    frame.get_by_label("Count calls received from this day on").fill("2026-03-11")
    frame.get_by_role("button", name="Count from that day on").click()
    expect(frame.get_by_text("since 2026-03-11")).to_be_visible()
    turned = connection.execute(
        "select is_on, valid_from::date::text, changed_by from sync.switches "
        "where changed_by <> 'default' and switch = 'user_tracking' order by valid_from"
    ).fetchall()
    assert turned == [(False, "2026-03-10", "ada"), (True, "2026-03-11", "operator")]


def test_settings_of_identity_are_said_refused_beside_their_field_and_taken_back(
    open_as, connection
):
    make_marts(connection)
    add_findings(connection)
    _, frame = open_as("operator")
    frame.get_by_role("tab", name="User tracking").click()

    frame.get_by_label("What is blocked").fill("**")
    frame.get_by_label("Block the").select_option("pattern")
    frame.get_by_label("What is blocked").press("Enter")
    expect(frame.locator("#block-problem")).to_contain_text("A pattern needs more than stars")
    frame.get_by_label("What is blocked").fill("test-*")
    frame.locator("#block-key").select_option("user id")
    frame.get_by_label("What is blocked").press("Enter")
    row = frame.locator("#identity-blocked").get_by_role("row", name=re.compile(r"^test-\*"))
    expect(row).to_contain_text("user id")
    expect(row).to_contain_text("by operator")
    expect(frame.locator("#block-problem")).to_be_hidden()
    expect(frame.get_by_label("What is blocked")).to_have_value("")

    frame.get_by_label("E-mail or domain of who").fill("nobody")
    frame.get_by_role("button", name="Exclude", exact=True).click()
    expect(frame.locator("#exclude-problem")).to_contain_text("An e-mail has an @")
    frame.get_by_label("Exclude the").select_option("domain")
    frame.get_by_label("E-mail or domain of who").fill("own.example")
    frame.get_by_role("button", name="Exclude", exact=True).click()
    expect(frame.locator("#identity-excluded")).to_contain_text("own.example")

    frame.get_by_label("Calls that name", exact=True).fill("acme")
    frame.get_by_label("are about the company").fill("acme")
    frame.get_by_role("button", name="Set alias").click()
    expect(frame.locator("#alias-problem")).to_contain_text("Acme has the key “acme” itself")

    frame.get_by_label("Days, or nothing").fill("0")
    frame.get_by_role("button", name="Save").click()
    expect(frame.locator("#links-problem")).to_contain_text("more than 0 days")
    frame.get_by_label("Days, or nothing").fill("30")
    frame.get_by_role("button", name="Save").click()
    expect(frame.locator("#identity-links")).to_contain_text("A link holds 30 days.")
    frame.get_by_role("button", name="Save").click()
    expect(frame.locator("#identity-links")).to_contain_text("Links never expire.")

    row.get_by_role("button", name="Take back test-*").click()
    expect(row).to_contain_text("identify again")
    row.get_by_role("button", name="Take it back").click()
    expect(frame.locator("#identity-blocked")).to_contain_text("Nothing is blocked beside")
    assert connection.execute("select count(*) from sync.blocked_identities").fetchone() == (0,)

    _, frame = open_as("viewer")
    frame.get_by_role("tab", name="User tracking").click()
    expect(frame.locator("#identity-excluded")).to_contain_text("own.example")
    card = frame.locator("#tracking-identity")
    expect(card.get_by_role("button")).to_have_count(0)
    expect(card.get_by_role("textbox")).to_have_count(0)


def test_somebody_is_suppressed_with_a_reason_and_named_nowhere(open_as, connection):
    connection.execute("truncate sync.suppressed")
    _, frame = open_as("operator")
    frame.get_by_role("tab", name="User tracking").click()
    said = frame.locator("#identity-suppressed")
    expect(said).to_have_text("Nobody is suppressed.")

    frame.get_by_label("User id, e-mail or anonymous id").fill("ada@example.com")
    frame.locator("#suppress-reason").fill("asked by letter")
    frame.locator("#suppress-reason").press("Enter")

    expect(said).to_contain_text("2 keys suppressed, 0 no more")
    expect(said).to_contain_text("by operator")
    expect(frame.locator("body")).not_to_contain_text("ada@example.com")
    frame.get_by_label("What is done").select_option("Suppress no more")
    frame.get_by_label("User id, e-mail or anonymous id").fill("nobody@example.com")
    frame.locator("#suppress-reason").fill("a mistake")
    frame.locator("#suppress-reason").press("Enter")
    expect(frame.get_by_role("alert")).to_contain_text("Nobody of these ids is suppressed")
    connection.execute("truncate sync.suppressed")


def test_every_figure_of_user_tracking_opens_the_list_that_it_counts(open_as, connection):
    make_marts(connection)
    add_company(connection, "c1", "Northwind")
    add_findings(connection)
    for number in range(3):
        add_call(connection, number)
    add_call(connection, 3, reason="no_company", company_id=None, enduser_id=None)
    connection.execute(
        "insert into marts.endusers values "
        "('e1', 'planhat', 'c1', 'Ada', null, null, '2026-03-01'), "
        "('e2', 'segment', 'c1', 'Bob', null, 'call-1', '2026-03-02')"
    )
    _, frame = open_as("operator")
    frame.get_by_role("tab", name="User tracking").click()
    outcomes = frame.locator("#tracking-outcomes")

    for figure, listed, rows in (
        ("4 events: show them", "Events, those received last first", 5),
        ("3 resolved events: show them", "Resolved events, those", 4),
        ("1 unresolved event: show them", "Unresolved events, those", 2),
        ("2 endusers: show them", "Endusers, those", 3),
        ("1 enduser created from Segment: show them", "Endusers created from Segment, those", 2),
    ):
        outcomes.get_by_role("button", name=figure).press("Enter")
        expect(outcomes.get_by_role("region", name=listed).get_by_role("row")).to_have_count(rows)
        # one at a time
        expect(outcomes.locator(".opened")).to_have_count(1)

    found = frame.locator("#tracking-found")
    found.get_by_role("button", name="Time that cannot be read: 42 times, show them").click()
    expect(found.get_by_role("region", name=re.compile("^Time that cannot"))).to_contain_text(
        "99/99/9999"
    )
    found.get_by_text("How late calls arrive").click()
    expect(found.get_by_role("region", name=re.compile("^How long after"))).to_contain_text("20.0%")
    found.get_by_role("button", name="2 companies that calls name and Planhat lacks").click()
    unknown = found.get_by_role("region", name=re.compile("^Companies that calls name"))
    expect(unknown.get_by_role("row")).to_have_count(3)
    expect(found).to_contain_text("create the company in Planhat")
    # one that Planhat has under another id becomes an alias
    unknown.get_by_role("button", name="Make globex an alias").click()
    expect(frame.get_by_label("Calls that name", exact=True)).to_have_value("globex")
    frame.get_by_label("are about the company").fill("acme")
    frame.get_by_role("button", name="Set alias").click()
    expect(frame.locator("#identity-aliases")).to_contain_text("globex")
    assert connection.execute("select alias, changed_by from sync.company_aliases").fetchall() == [
        ("globex", "operator")
    ]


def test_companies_that_look_like_one_are_proposed_saved_or_dismissed(open_as, connection):
    make_marts(connection)
    add_findings(connection)
    _, frame = open_as("operator")
    frame.get_by_role("tab", name="User tracking").click()
    card = frame.locator("#tracking-proposals")
    twin = card.get_by_role("row", name=re.compile("^twin"))
    expect(twin).to_contain_text("merge them there")
    expect(twin.get_by_role("button", name=re.compile("^Set the alias"))).to_have_count(0)

    card.get_by_role("button", name="Dismiss the alias twin").click()
    expect(card).to_contain_text("Dismissed: 1")
    card.get_by_text("Dismissed: 1").click()
    dismissed = card.get_by_role("region", name="Proposals that were dismissed")
    expect(dismissed).to_contain_text("by operator")
    dismissed.get_by_role("button", name="Propose the alias twin again").click()
    expect(card).not_to_contain_text("Dismissed")

    card.get_by_role("button", name="Set the alias acme-old for Acme").click()
    expect(card).to_contain_text("1,200 calls of 12 users on 30 days move to Acme")
    card.get_by_role("button", name="Set the alias", exact=True).click()
    expect(frame.locator("#identity-aliases")).to_contain_text("acme-old")
    expect(card).not_to_contain_text("acme-old")
    assert connection.execute("select alias, planhat_id from sync.company_aliases").fetchall() == [
        ("acme-old", "a" * 24)
    ]

    _, frame = open_as("viewer")
    frame.get_by_role("tab", name="User tracking").click()
    card = frame.locator("#tracking-proposals")
    expect(card.get_by_role("row", name=re.compile("^twin"))).to_be_visible()
    expect(card.get_by_role("button", name=re.compile("Dismiss"))).to_have_count(0)


def test_a_comparison_with_planhat_opens_its_reasons_and_leads_to_the_next(
    open_as, connection, airflow
):
    connection.execute("delete from sync.comparisons")
    page, frame = open_as("operator")
    frame.get_by_role("tab", name="User tracking").click()
    card = frame.locator("#tracking-compared")
    expect(card).to_contain_text("Not compared yet")
    expect(card.get_by_role("link", name="trigger it in Airflow")).to_have_attribute(
        "href", f"{airflow.url}/dags/compare_with_planhat"
    )

    different = Reason("different", "another_value", 2, (
        Example("c1", None, "seats", "2026-03-10", "4", HOSTILE["markup"]),
    ))  # fmt: skip
    found = Comparison(
        Days(date(2026, 3, 2), date(2026, 3, 15)), "api.planhat.example",
        (Section("metrics", 7, 7, equal=5, different=2, reasons=(different,)),),
    )  # fmt: skip
    keep(connection, "a-tenant", found, "ada")

    metrics = card.get_by_role("row", name=re.compile("^Metrics by day"))
    expect(metrics.get_by_role("cell")).to_have_text(["5", "0", "0", "2"])
    expect(card).to_contain_text("2026-03-02 to 2026-03-15 (UTC)")
    expect(card).to_contain_text("by ada with api.planhat.example")
    metrics.get_by_role("button", name="Metrics by day, different: 2, show why").press("Enter")
    why = card.get_by_role("region", name="Metrics by day, different: why")
    expect(why).to_contain_text(different.meaning)
    expect(why).to_contain_text(f"ours 4 theirs {HOSTILE['markup']}"[:40])
    card.get_by_role("link", name="trigger it in Airflow").click()
    expect(page).to_have_url(re.compile("/dags/compare_with_planhat"))


def test_a_company_is_found_by_its_name_and_opens_with_charts_and_health(open_as, connection):
    make_marts(connection)
    add_company(connection, "c1", "Northwind", trend="down", change_30d=-0.4)
    add_company(connection, "c2", HOSTILE["markup"], trend="up")
    connection.execute("insert into marts.company_health values ('c1', 5.25, 4, 10, 7, null)")
    connection.execute(
        "insert into marts.usage_alerts values ('company', 'c1', 'drop', '2026-03-01', null, 1, 9)"
    )
    _, frame = open_as("viewer")
    frame.get_by_role("tab", name="Usage").click()
    expect(frame.locator("#company-list").get_by_text("<script>")).to_be_visible()
    expect(frame.get_by_role("region", name=re.compile("^Alerts"))).to_contain_text("Northwind")

    frame.get_by_label("Name, external id or Planhat id").press_sequentially("northw")
    expect(frame.locator("#company-list").get_by_role("row")).to_have_count(2)
    frame.locator("#company-list").get_by_role("button", name="Northwind", exact=True).press(
        "Enter"
    )

    company = frame.locator("#company")
    expect(company.get_by_role("heading", name="Northwind")).to_be_focused()
    expect(company.get_by_role("link", name="in Planhat").first).to_have_attribute(
        "href", APP_LINK.format(model="company", Model="Company", id="c1")
    )
    expect(company.locator("canvas")).to_be_visible()
    expect(company.locator(".parts")).to_contain_text("no data")
    expect(company).to_contain_text("-40% against the 30 before")
    company.get_by_text("Figures").click()
    expect(company.get_by_role("row", name="2026-03-02")).to_contain_text("7")
    company.get_by_role("button", name="Close").click()
    expect(company).to_be_hidden()


def test_an_operator_takes_notice_of_an_alert_by_keyboard_and_a_viewer_cannot(open_as, connection):
    make_marts(connection)
    add_company(connection, "c1", "Northwind")
    add_company(connection, "c2", "Southbank")
    connection.execute(
        "insert into marts.usage_alerts values "
        "('company', 'c1', 'drop', '2026-03-01', null, 1, 9), "
        "('company', 'c2', 'stopped', '2026-03-01', null, 0, 9)"
    )
    _, frame = open_as("viewer")
    frame.get_by_role("tab", name="Usage").click()
    alerts = frame.locator("#usage-base").get_by_role("region", name=re.compile("^Alerts"))
    expect(alerts.get_by_role("row")).to_have_count(3)
    expect(alerts.get_by_role("button", name="Acknowledge")).to_have_count(0)

    _, frame = open_as("operator")
    frame.get_by_role("tab", name="Usage").click()
    alerts = frame.locator("#usage-base").get_by_role("region", name=re.compile("^Alerts"))
    alerts.get_by_role("button", name="Acknowledge: Drop of Northwind").press("Enter")
    expect(alerts.get_by_role("row")).to_have_count(2)
    expect(alerts).not_to_contain_text("Northwind")
    noticed = connection.execute(
        "select object_id, kind, acknowledged_by from sync.alerts_acknowledged"
    ).fetchall()
    assert noticed == [("c1", "drop", "operator")]


def test_companies_of_one_trend_are_shown_and_said_how_many(open_as, connection):
    make_marts(connection)
    for number in range(60):
        add_company(connection, f"c{number:02}", trend="up" if number else "stopped")
    _, frame = open_as("viewer")
    frame.get_by_role("tab", name="Usage").click()
    expect(frame.get_by_text("1–50 of 60")).to_be_visible()  # noqa: RUF001

    frame.get_by_role("button", name="Next").click()
    expect(frame.get_by_text("51–60 of 60")).to_be_visible()  # noqa: RUF001
    frame.get_by_role("button", name="Stopped 1").click()

    expect(frame.get_by_text("1 company")).to_be_visible()


def test_with_ten_thousand_companies_one_is_found_lists_are_short_and_axe_is_content(
    open_as, connection
):
    make_marts(connection)
    add_many_companies(connection, 10_000)
    connection.execute("insert into sync.company_metrics (metric) values ('seats')")
    page, _ = open_as("admin", path="/planhat-segment/?section=usage", bypass_csp=True)
    listed = page.locator("#company-list")
    expect(listed).to_contain_text("1–50 of 10,000")  # noqa: RUF001
    expect(listed.get_by_role("row")).to_have_count(51)
    alerts = page.locator("#alert-list")
    expect(alerts).to_contain_text("1–50 of 1,000")  # noqa: RUF001
    page.evaluate(axe_script())
    assert findings(page) == [], "Usage"

    page.get_by_label("Name, external id or Planhat id").fill("number 7777 ")
    expect(listed.get_by_role("row")).to_have_count(2)
    listed.get_by_role("button", name="Number 7777 Limited", exact=True).press("Enter")
    company = page.locator("#company")
    expect(company.get_by_role("heading", name="Number 7777 Limited")).to_be_focused()
    expect(company.locator("canvas").first).to_be_visible()
    alerts.get_by_role("button", name="Next").press("Enter")
    expect(alerts).to_contain_text("51–100 of 1,000")  # noqa: RUF001

    page.get_by_role("tab", name="Company metrics").click()
    page.get_by_role("button", name="seats: its companies and charts").click()
    companies = page.get_by_role("region", name=re.compile("^Companies with values of seats"))
    expect(companies.get_by_role("row")).to_have_count(51)
    page.get_by_label("Find a company with seats").fill("number 7777 ")
    companies.get_by_role("button", name=re.compile("Number 7777 Limited")).press("Enter")
    expect(companies.locator("canvas")).to_be_visible()
    assert findings(page) == [], "Company metrics"
    assert_no_sideways_scrolling(page)


def add_many_companies(connection, number: int) -> None:
    """So many companies with a day of usage and a value of the metric seats; 1 in 10 an alert."""
    for statement in (
        "insert into marts.companies (company_id, name, external_id) "
        "select 'c' || n, 'Number ' || n || ' Limited', 'x' || n from generate_series(1, %s) as n",
        "insert into marts.usage_trends (object_type, object_id, as_of_date, activities_30d, trend,"
        " last_activity_at) select 'company', 'c' || n, '2026-03-02', n, 'up', '2026-03-02' "
        "from generate_series(1, %s) as n",
        "insert into marts.usage_daily select 'company', 'c' || n, '2026-03-02', 'Opened', n "
        "from generate_series(1, %s) as n",
        "insert into marts.usage_alerts select 'company', 'c' || 10 * n, 'drop', '2026-03-02', "
        "null, 1, 9 from generate_series(1, %s / 10) as n",
        "insert into marts.company_metrics select 'c' || n, 'seats', '2026-03-02', n, 'SUM' "
        "from generate_series(1, %s) as n",
    ):
        connection.execute(statement, [number])
    connection.execute("analyze")


def metrics(connection) -> list[tuple]:
    return connection.execute(
        "select metric, aggregation, changed_by from sync.company_metrics"
    ).fetchall()


@pytest.mark.parametrize("width", [360, 800])
def test_on_a_narrow_window_nothing_runs_out_of_the_page(open_as, connection, width):
    add_run(connection, models={"conversation": {"considered": 1_000_000, "synced": 1_000_000}})
    add_active_run(connection)

    page, _ = open_as(
        "operator", path="/planhat-segment/", viewport={"width": width, "height": 700}
    )

    expect(page.get_by_role("row", name=re.compile("^Conversation"))).to_be_visible()
    assert_no_sideways_scrolling(page)


def test_the_page_follows_airflows_light_and_dark(open_as):
    page, frame = open_as("viewer", color_scheme="light")
    expect(frame.locator("html")).to_have_attribute("data-theme", "light")

    page.evaluate("document.documentElement.classList.replace('light', 'dark')")

    expect(frame.locator("html")).to_have_attribute("data-theme", "dark")
    expect(frame.locator("body")).not_to_have_css("background-color", "rgb(255, 255, 255)")


def test_times_are_in_the_readers_zone_and_the_zone_is_said(open_as, connection):
    add_run(connection, seconds=0)

    _, frame = open_as("viewer", timezone_id="Asia/Tokyo")

    expect(frame.get_by_text("Times in Asia/Tokyo")).to_be_visible()
    expect(frame.locator("#push-state")).to_contain_text("2026-03-02 21:00:00")  # noon in UTC


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_any_tab(open_as, connection, airflow, scheme, width):
    run_id = add_run(
        connection, "partial", models={"enduser": {"changed": 1, "errors": 1}}, reason="1 failed"
    )
    add_error(connection, run_id)
    add_active_run(connection)
    quarantine(airflow.warehouse, {"event": "x"})
    connection.execute("insert into raw_segment.sources (source) values ('app')")
    make_marts(connection)
    add_unresolved(connection, "unknown_company", 5, company_key="acme")
    connection.execute("insert into marts.metric_candidates values ('seats', 9, 2, 5, now())")
    connection.execute("insert into sync.company_metrics (metric) values ('exports')")
    add_settings_and_findings(connection)
    page, _ = open_as("admin", path="/planhat-segment/", color_scheme=scheme, bypass_csp=True,
                      viewport={"width": width, "height": 844})  # fmt: skip
    page.get_by_text("Choose models, dry run").click()
    page.get_by_role("button", name="1 error of Enduser: show them").click()
    page.get_by_text("too_large").wait_for()
    page.evaluate(axe_script())

    add_company(connection, "c1", "Northwind", trend="down")
    connection.execute("insert into marts.company_health values ('c1', 5.25, 4, 10, 7, null)")

    found = {}
    for tab in ("Data push", "User tracking", "Company metrics", "Usage", "Why"):
        page.get_by_role("tab", name=tab).click()
        if tab == "User tracking":
            open_all_of_tracking(page)
        if tab == "Usage":
            page.get_by_role("button", name="Northwind", exact=True).click()
            page.locator("#company canvas").wait_for()
        if tab == "Why":
            page.get_by_label("Message id, user id").fill("64f0")
            page.get_by_role("button", name="Tell its story").click()
            page.locator("#why-story .card").wait_for()
        found[tab] = findings(page)

    add_held_plan(connection, DESTINATION, started_at=datetime.now(UTC))
    page.get_by_role("tab", name="Data push").click()
    page.get_by_role("button", name="Enduser: what would change").click()
    page.get_by_text("new@company.example").wait_for()
    page.get_by_role("button", name="Refuse: Enduser").click()
    found["a held plan"] = findings(page)
    assert {where: each for where, each in found.items() if each} == {}


def add_settings_and_findings(connection) -> None:
    add_findings(connection)
    add_call(connection, 1)
    for statement in (
        "sync.blocked_identities (value) values ('kiosk')",
        "sync.excluded (kind, value) values ('domain', 'own.example')",
        "sync.company_aliases (alias, planhat_id) values ('merged', repeat('a', 24))",
        "sync.dismissed_aliases values ('twin', repeat('a', 24))",
    ):
        connection.execute(f"insert into {statement}")


def open_all_of_tracking(page) -> None:
    page.get_by_role("button", name="Unknown company: its events").click()
    page.get_by_text("external id “acme”").wait_for()
    page.get_by_text("Quarantined calls: what").click()
    page.locator("#tracking-quarantine table").wait_for()
    page.get_by_role("button", name="6 events: show them").click()
    page.get_by_role("region", name="Events, those received").wait_for()
    page.get_by_role("button", name="2 companies that calls name").click()
    page.get_by_text("create the company in Planhat").wait_for()
    page.get_by_text("How late calls arrive").click()
    page.get_by_role("region", name=re.compile("^How long after")).wait_for()
    page.get_by_role("button", name="Set the alias acme-old for Acme").click()
    page.get_by_text("Dismissed: 1").click()
    page.get_by_label("Whom:").fill("somebody")
    page.get_by_label("because", exact=True).last.fill("asked")
    page.get_by_role("button", name="Show what would go").click()
    page.locator("#forget-problem:visible").wait_for()
    page.get_by_role("button", name="User tracking: switch off").click()
    page.get_by_label("What is blocked").fill("  ")
    page.get_by_role("button", name="Block", exact=True).click()
    page.locator("#block-problem:visible").wait_for()
    assert_no_sideways_scrolling(page)


def axe_script() -> str:
    axe = pytest.importorskip("axe_playwright_python", reason="no axe: install requirements.txt")
    return (Path(axe.__file__).parent / "axe.min.js").read_text()


def findings(page) -> list[tuple[str, str]]:
    """What axe holds against the page as it is now, of any impact: (rule, the first element)."""
    page.wait_for_timeout(300)
    found = page.evaluate("axe.run()")
    assert found["passes"]
    return [(each["id"], each["nodes"][0]["html"]) for each in found["violations"]]


def assert_no_sideways_scrolling(page) -> None:
    """Neither Airflow's page nor ours is wider than its window; tables scroll by themselves."""
    widths = page.frames[-1].evaluate(
        "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    assert widths[0] <= widths[1]


def test_field_rules_are_told_with_what_they_did_and_who_set_them(open_as, connection):
    rules = "insert into sync.field_rules (what, path, action, changed_by, lifted_at, lifted_by)"
    connection.execute(
        f"{rules} values ('path', 'traits.phone', 'drop', 'ada', now(), 'ben'),"
        " ('ip', null, 'truncate', 'cleo', null, null)"
    )
    _, frame = open_as("operator")
    frame.get_by_role("tab", name="User tracking").click()
    table = frame.get_by_role("region", name="Field rules, in force and lifted")
    expect(table).to_contain_text("truncate IP address, of all calls of all sources")
    expect(table).to_contain_text("drop traits.phone")
    expect(table).to_contain_text("by ben")
    connection.execute("truncate sync.field_rules")
