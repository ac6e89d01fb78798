"""Every route of the page, asked over HTTP of a real api-server, as each kind of user."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import httpx
import psycopg
import pytest

from include.collector.sources import TENANT_TOKEN, add_key, add_source, key_hash
from include.privacy import suppression
from include.push.runs import Claim, trigger_of
from include.settings import ROOT
from include.warehouse.reading import NOT_BUILT, NOT_MIGRATED
from tests.dbt_project.landing import land_calls
from tests.include.page.world import (
    HOSTILE,
    add_active_run,
    add_company,
    add_error,
    add_findings,
    add_held_plan,
    add_run,
    add_unresolved,
    make_marts,
)
from tests.plugins.conftest import DESTINATION, PLANHAT, PUSH_DAG, TO_PLANHAT

READ = [
    "/",
    "/static/page.js",
    "/api/push",
    "/api/runs/1",
    "/api/runs/1/errors",
    "/api/tracking",
    "/api/tracking/no_company",
    "/api/quarantine",
    "/api/receipts",
    "/api/metrics",
    "/api/usage",
    "/api/held",
    "/api/planned/1?model=enduser",
    "/api/acknowledged?destination=d&model=enduser",
    "/api/received?source=app",
    "/api/calls?which=resolved",
    "/api/endusers?origin=segment",
    "/api/quality?finding=time_unreadable",
    "/api/unknown_companies",
    "/api/lateness",
    "/api/proposals",
    "/api/metric?metric=seats",
    "/api/metric/days?metric=seats&company_id=1",
    "/api/alerts",
    "/api/companies",
    "/api/companies/1",
    "/api/endusers/1",
    "/api/left_out/1?which=withheld",
    "/api/planhat/push",
    "/api/planhat/held",
    "/api/planhat/receipts",
    "/api/planhat/unknown?model=activity",
    "/api/forgetting",
    "/api/forgetting/receipts",
]
# for those who may edit the DAG: test_page_forgetting.py
EDITORS = ["/api/forgetting/receipts.json"]
# path, body, who may
WRITE = [
    ("/api/push", {}, {"user", "operator", "admin"}),
    ("/api/active", {"is_active": True}, {"user", "operator", "admin"}),
    ("/api/runs/1/cancel", {}, {"user", "operator", "admin"}),
    ("/api/stops", {"dag_run_id": "button__1"}, {"user", "operator", "admin"}),
    ("/api/resync/back", {}, {"user", "operator", "admin"}),
    ("/api/rules/accept", {}, {"user", "operator", "admin"}),
    ("/api/tokens", {"source": "app"}, {"user", "operator", "admin"}),
    # it only reads, but what is asked must not stand in an address
    ("/api/why", {"id": "somebody"}, {"viewer", "user", "operator", "admin"}),
    ("/api/metrics", {"metric": "seats", "aggregation": "LAST"}, {"user", "operator", "admin"}),
    ("/api/switches", {"switch": "auto_create", "is_on": False}, {"user", "operator", "admin"}),
    ("/api/blocked", {"value": "kiosk", "key": "user_id"}, {"user", "operator", "admin"}),
    ("/api/blocked/delete", {"value": "shared"}, {"user", "operator", "admin"}),
    ("/api/excluded", {"value": "own.example", "kind": "domain"}, {"user", "operator", "admin"}),
    ("/api/excluded/delete", {"value": "a@b.example"}, {"user", "operator", "admin"}),
    ("/api/suppressed", {"id": "ada", "reason": "asked"}, {"user", "operator", "admin"}),
    ("/api/suppressed/lift", {"id": "gone"}, {"user", "operator", "admin"}),
    ("/api/aliases", {"alias": "acme-old", "company": "acme"}, {"user", "operator", "admin"}),
    ("/api/aliases/delete", {"alias": "merged"}, {"user", "operator", "admin"}),
    ("/api/links", {"days": 30}, {"user", "operator", "admin"}),
    (
        "/api/proposals/dismiss",
        {"alias": "acme-old", "company_id": "a" * 24},
        {"user", "operator", "admin"},
    ),
    (
        "/api/proposals/back",
        {"alias": "merged", "company_id": "a" * 24},
        {"user", "operator", "admin"},
    ),
    ("/api/metrics/delete", {"metric": "declared"}, {"user", "operator", "admin"}),
    (
        "/api/alerts/acknowledge",
        {"object_type": "company", "object_id": "c1", "kind": "drop", "opened_on": "2026-03-01"},
        {"user", "operator", "admin"},
    ),
    (
        "/api/held",
        {"model": "enduser", "fingerprint": "f" * 32, "answer": "none"},
        {"user", "operator", "admin"},
    ),
    ("/api/planhat/push", {}, {"user", "operator", "admin"}),
    ("/api/planhat/active", {"is_active": True}, {"user", "operator", "admin"}),
    ("/api/planhat/runs/1/cancel", {}, {"user", "operator", "admin"}),
    ("/api/planhat/stops", {"dag_run_id": "button__1"}, {"user", "operator", "admin"}),
    (
        "/api/planhat/held",
        {"model": "enduser", "fingerprint": "f" * 32, "answer": "none"},
        {"user", "operator", "admin"},
    ),
    (
        "/api/planhat/unknown",
        {"model": "activity", "answer": "arrived", "looked_at": 1},
        {"user", "operator", "admin"},
    ),
    ("/api/forgetting/dismiss", {"request_id": 1}, {"user", "operator", "admin"}),
]
# what needs a warehouse that was really built: test_page_forgetting.py
OF_THE_BUILT = [
    ("/api/forgetting/look", {"ids": "somebody"}),
    ("/api/forgetting", {"ids": "somebody", "reason": "asked", "fingerprint": "x"}),
]
SIGNED_IN = ["viewer", "user", "operator", "admin"]


def add_open_alert(connection) -> None:
    """Marts with a company whose usage has dropped."""
    make_marts(connection)
    add_company(connection, "c1", "Northwind")
    connection.execute(
        "insert into marts.usage_alerts values ('company', 'c1', 'drop', '2026-03-01', null, 1, 9)"
    )


@pytest.fixture
def connection(airflow):
    with psycopg.connect(airflow.warehouse, autocommit=True) as connection:
        yield connection


@pytest.mark.starts
def test_every_route_of_the_app_is_in_these_lists(tmp_path):
    code = (
        "import sys; sys.path.insert(0, '.'); from plugins.page.app import create_app; "
        "print(*sorted({f'{m} {r.path}' for r in create_app().routes for m in r.methods}), "
        "sep='\\n')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False,
        # a home of its own: two processes that both make Airflow's default one disturb each other
        env={**os.environ, "AIRFLOW_HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    known = {f"GET {path}" for path in [*READ, *EDITORS]}
    known |= {f"POST {path}" for path, *_ in [*WRITE, *OF_THE_BUILT]}
    known = {
        line.partition("?")[0]
        .replace("/runs/1", "/runs/{run_id}")
        .replace("/tracking/no_company", "/tracking/{reason}")
        .replace("/companies/1", "/companies/{company_id}")
        .replace("/endusers/1", "/endusers/{enduser_id}")
        .replace("/planned/1", "/planned/{run_id}")
        .replace("/left_out/1", "/left_out/{run_id}")
        .replace("page.js", "{name}")
        for line in known
    }

    found = {line for line in done.stdout.splitlines() if line.startswith(("GET ", "POST "))}

    assert found == known


@pytest.mark.parametrize("path", [*READ, *EDITORS])
def test_an_anonymous_caller_gets_nothing(airflow, path):
    with airflow.client(None) as client:
        answer = client.get(path)

    assert answer.status_code == 401
    assert answer.json() == {"detail": "Not authenticated"}


@pytest.mark.parametrize(("path", "body", "allowed"), WRITE)
def test_an_anonymous_caller_changes_nothing(airflow, path, body, allowed):
    with airflow.client(None) as client:
        assert client.post(path, json=body).status_code == 401
    assert airflow.runs() == []


def test_everyone_who_may_see_the_dag_reads_every_route(airflow):
    for user in SIGNED_IN:
        with airflow.client(user) as client:
            for path in READ:
                assert client.get(path).status_code == 200, (user, path)


def add_interrupted_resync(connection):
    """A resync of company that one object has not been sent in."""
    connection.execute(
        "insert into sync.objects (destination, model, object_id, acknowledged_at) "
        "values (%s, 'company', 'c1', now())",
        [DESTINATION],
    )
    connection.execute(
        "insert into sync.resyncs (destination, model, generation, requested_by) "
        "values (%s, 'company', 1, 'ada') "
        "on conflict (destination, model, generation) do update set taken_back_at = null",
        [DESTINATION],
    )


@pytest.mark.parametrize(("path", "body", "allowed"), WRITE)
def test_changes_are_for_those_whom_airflow_lets(airflow, connection, path, body, allowed):
    for user in SIGNED_IN:
        airflow.forget_runs()
        connection.execute(
            "insert into sync.company_metrics (metric) values ('declared') on conflict do nothing"
        )
        connection.execute(
            "truncate sync.runs, sync.objects, sync.planned restart identity cascade"
        )
        if path.split("/")[2] in ("blocked", "excluded", "aliases", "proposals"):
            add_said(connection)
        if path.endswith("/dismiss") and "forgetting" in path:
            connection.execute("truncate sync.forget_requests restart identity")
            connection.execute(
                "insert into sync.forget_requests (asked, origin, requested_by)"
                " values ('somebody', 'page', 'ada')"
            )
        if path.endswith("/lift"):
            connection.execute("truncate sync.suppressed")
            suppression.suppress(airflow.warehouse, ["gone"], by="ada", reason="asked")
        to = DESTINATION
        if "/planhat/" in path:
            to = PLANHAT.destination
            add_planhat(connection)
        if path.endswith("/cancel"):
            add_active_run(connection, destination=to)
        if path.endswith("/stops"):
            trigger(airflow, PUSH_DAG if to == DESTINATION else TO_PLANHAT)
        if path.endswith("/resync/back"):
            add_interrupted_resync(connection)
        if path.endswith("/rules/accept"):
            add_waiting_rules(connection)
        if "/alerts/" in path:
            connection.execute("drop schema if exists marts, intermediate cascade")
            add_open_alert(connection)
        add_held_plan(connection, to)
        connection.execute(
            "insert into raw_segment.sources (source) values ('app') on conflict do nothing"
        )
        with airflow.client(user) as client:
            status = client.post(path, json=body).status_code
        connection.execute("truncate sync.builds, sync.rule_changes, raw_segment.events cascade")
        assert status == (200 if user in allowed else 403), user


def add_planhat(connection) -> None:
    """A tenant to which an activity was sent, without an answer."""
    connection.execute(
        "insert into sync.destinations (destination, kind, address) values (%s, 'planhat', %s)"
        " on conflict do nothing",
        [PLANHAT.destination, PLANHAT.host],
    )
    connection.execute(
        "insert into sync.objects (destination, model, object_id, sent_version, sent_payload,"
        " sent_at) values (%s, 'activity', 'a1', 1, '{\"activity_date\": \"2026-03-01\"}', now())",
        [PLANHAT.destination],
    )


def add_said(connection) -> None:
    """A row of each setting of identity, a dismissed proposal, and what else may be proposed."""
    connection.execute("drop schema if exists marts, intermediate cascade")
    connection.execute("truncate raw_planhat.objects")
    make_marts(connection)
    add_findings(connection)
    for statement in (
        "sync.blocked_identities (value) values ('shared')",
        "sync.excluded (kind, value) values ('email', 'a@b.example')",
        "sync.company_aliases (alias, planhat_id) values ('merged', repeat('a', 24))",
        "sync.dismissed_aliases (alias, planhat_id) values ('merged', repeat('a', 24))",
    ):
        connection.execute(f"insert into {statement} on conflict do nothing")


def trigger(airflow, dag_id=PUSH_DAG) -> str:
    """A push that waits in Airflow, `button__1` to it."""
    httpx.post(
        f"{airflow.url}/api/v2/dags/{dag_id}/dagRuns",
        headers={"Authorization": f"Bearer {airflow.token('admin')}"},
        json={"dag_run_id": "button__1", "logical_date": None},
        timeout=30,
    ).raise_for_status()
    return "button__1"


def add_waiting_rules(connection):
    """A history that a build by older rules has seen."""
    connection.execute(
        "with load as (insert into raw_segment.loads default values returning load_id) "
        "insert into raw_segment.events (message_id, source, type, received_at, payload, load_id) "
        "select 'older', 'app', 'track', now(), '{}', load_id from load"
    )
    connection.execute(
        "insert into sync.builds (requested_by, as_of_date, window_to, settings, code_fingerprint,"
        " status, finished_at, rules_version)"
        " values ('test', current_date, pg_current_snapshot(), '{}', '', 'success', now(), 1)"
    )


def test_a_forged_or_expired_token_gets_nothing(airflow):
    with airflow.client(None, headers={"Authorization": "Bearer x.y.z"}) as client:
        assert client.get("/api/push").status_code in (401, 403)


# Cross-site posts: the browser sends the cookie along, and nothing else of ours


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Requested-With": ""},
        {"X-Requested-With": "", "Content-Type": "text/plain"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://elsewhere.example"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_post_from_another_site_is_refused_although_the_cookie_is_there(airflow, headers):
    with airflow.client(None, cookies={"_token": airflow.token("admin")}) as client:
        assert client.get("/api/push").status_code == 200  # the cookie signs in
        for path, body, *_ in [*WRITE, *OF_THE_BUILT]:
            answer = client.post(path, json=body, headers=headers)
            assert answer.status_code == 403, path
            assert "from the page itself" in answer.json()["detail"]

    assert airflow.runs() == []


def test_a_preflight_of_another_site_is_granted_nothing(airflow):
    with airflow.client(None) as client:
        answer = client.options(
            "/api/push",
            headers={
                "Origin": "https://elsewhere.example",
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "x-requested-with",
            },
        )

    assert "access-control-allow-origin" not in answer.headers


def test_the_page_may_only_load_its_own_files_and_only_airflow_may_frame_it(airflow):
    with airflow.client("viewer") as client:
        for path in ("/", "/static/page.css", "/api/push"):
            headers = client.get(path).headers
            assert "default-src 'none'" in headers["content-security-policy"]
            assert "frame-ancestors 'self'" in headers["content-security-policy"]
            assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", ["..%2Fpage.py", "%2e%2e%2freading.py", "nothing.js", "static"])
def test_only_the_files_of_the_page_are_served(airflow, name):
    with airflow.client("admin") as client:
        assert client.get(f"/static/{name}").status_code == 404


# Section 3


def test_before_the_first_push_the_page_says_so_and_the_button_is_ready(airflow):
    with airflow.client("operator") as client:
        push = client.get("/api/push").json()

    assert push["is_active"] is True
    assert push["button"] == {"enabled": True}
    assert (push["last_run"], push["active_run"], push["history"]) == (None, None, [])
    assert push["next_run_at"]
    assert "enduser" in push["models"]


def test_a_viewer_sees_the_figures_and_why_the_button_is_not_for_them(airflow, connection):
    add_run(connection, models={"company": {"considered": 3, "added": 3, "synced": 3}})

    with airflow.client("viewer") as client:
        push = client.get("/api/push").json()

    assert push["may"] == {"push": False, "edit": False}
    assert push["button"]["code"] == "not_allowed"
    assert push["last_run"]["totals"]["synced"] == 3


def test_pressing_the_button_triggers_the_dag_as_the_person(airflow):
    with airflow.client("operator") as client:
        answer = client.post("/api/push", json={"models": ["enduser"], "dry_run": True})

    (run,) = airflow.runs()
    assert answer.json() == {"dag_run_id": run["dag_run_id"]}
    assert trigger_of(run["dag_run_id"]) == "button"
    assert run["triggering_user_name"] == "operator"
    assert run["conf"] == {"models": ["enduser"], "dry_run": True}
    assert "from the page" in run["note"]


def test_a_wish_that_is_no_wish_is_refused(airflow):
    with airflow.client("operator") as client:
        assert client.post("/api/push", json={"models": "enduser"}).status_code == 422
        assert client.post("/api/push", json={"dry_run": "perhaps"}).status_code == 422
        assert client.post("/api/push", content=b"{").status_code == 422
        # a model that is not pushed: the DAG's own parameters decide
    assert airflow.runs() == []


def test_while_the_dag_is_paused_nothing_is_pushed_and_the_mark_is_off(airflow):
    airflow.set_paused(True)

    with airflow.client("admin") as client:
        push = client.get("/api/push").json()
        answer = client.post("/api/push", json={})

    assert (push["is_active"], push["button"]["code"]) == (False, "not_active")
    assert push["next_run_at"] is None
    assert answer.status_code == 409
    assert "paused" in answer.json()["detail"]
    assert airflow.runs() == []


def test_the_switch_is_the_dags_pause_switch(airflow):
    with airflow.client("operator") as client:
        assert client.post("/api/active", json={"is_active": False}).status_code == 200
        assert client.get("/api/push").json()["is_active"] is False
        assert client.post("/api/active", json={"is_active": True}).status_code == 200
        assert client.get("/api/push").json()["is_active"] is True


def test_while_a_run_is_active_the_button_says_since_when_by_whom_where_and_how_far(
    airflow, connection
):
    add_active_run(connection)

    with airflow.client("admin") as client:
        push = client.get("/api/push").json()
        answer = client.post("/api/push", json={})

    assert push["button"]["code"] == "running"
    assert "by operator, in model enduser, 61%" in push["button"]["text"]
    assert push["active_run"]["percent"] == 61
    assert answer.status_code == 409
    assert airflow.runs() == []


def test_a_run_whose_owner_died_does_not_hold_the_button_back(airflow, connection):
    add_run(connection, "running", seconds=None)  # its lease ended long ago

    with airflow.client("admin") as client:
        push = client.get("/api/push").json()

    assert push["button"] == {"enabled": True}
    assert push["history"][0]["is_dead"] is True


def test_of_eight_who_press_together_one_triggers_and_seven_are_told(airflow):
    def press(number):
        with airflow.client("operator" if number % 2 else "admin") as client:
            return client.post("/api/push", json={})

    airflow.token("operator"), airflow.token("admin")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(press, range(8)))

    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    assert len(airflow.runs()) == 1
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert "was triggered at" in refused.json()["detail"]


def test_a_push_is_stopped_while_its_warehouse_is_built(airflow, connection):
    stopped = trigger(airflow)
    with airflow.client("operator") as client:
        assert client.post("/api/stops", json={"dag_run_id": "another"}).status_code == 409
        assert client.post("/api/stops", json={"dag_run_id": stopped}).status_code == 200
        push = client.get("/api/push").json()

    assert push["button"]["code"] == "queued"
    assert push["stops"] == {stopped: "operator"}


def test_a_push_that_failed_before_it_began_is_told_until_another_begins(airflow, connection):
    with airflow.client("operator") as client:
        dag_run_id = client.post("/api/push", json={}).json()["dag_run_id"]
        airflow.fail_run(dag_run_id)

        told = client.get("/api/push").json()
        add_run(connection, "failed", owner=dag_run_id)
        begun = client.get("/api/push").json()

    assert told["failed_before"]["dag_run_id"] == dag_run_id
    assert told["button"] == {"enabled": True}
    assert begun["failed_before"] is None


def test_a_run_is_asked_to_stop_by_the_person_once(airflow, connection):
    run_id = add_active_run(connection)

    with airflow.client("operator") as client, Claim(airflow.warehouse, run_id):
        assert client.post(f"/api/runs/{run_id}/cancel").status_code == 200
        again = client.post(f"/api/runs/{run_id}/cancel")
        run = client.get("/api/push").json()["active_run"]

    assert again.status_code == 409
    assert run["cancel_requested_by"] == "operator"


def test_a_run_that_nobody_works_for_ends_when_it_is_asked_to(airflow, connection):
    run_id = add_active_run(connection)

    with airflow.client("operator") as client:
        assert client.post(f"/api/runs/{run_id}/cancel").status_code == 200
        push = client.get("/api/push").json()

    assert push["active_run"] is None
    last = push["last_run"]
    assert (last["status"], last["reason"]) == ("cancelled", "cancelled by operator")
    assert (last["totals"]["synced"], last["totals"]["not_sent"]) == (61, 39)


def test_where_a_push_goes_is_said_and_a_stopped_resync_taken_back_once(airflow, connection):
    add_interrupted_resync(connection)
    with airflow.client("operator") as client:
        goes_to = client.get("/api/push").json()["goes_to"]
        run_id = add_active_run(connection, destination=DESTINATION)
        busy = client.post("/api/resync/back")
        client.post(f"/api/runs/{run_id}/cancel")
        taken = client.post("/api/resync/back")
        again = client.post("/api/resync/back")
        after = client.get("/api/push").json()["goes_to"]

    assert goes_to["name"] == "http://127.0.0.1:9"
    assert goes_to["resync"] == [{"model": "company", "left": 1}]
    assert (busy.status_code, again.status_code) == (409, 409)
    assert "A push is active" in busy.json()["detail"]
    assert taken.json() == {"taken_back": {"company": 1}}
    assert after == {"name": "http://127.0.0.1:9", "remarks": [], "resync": [], "rules": []}


# A field of each route as a hand slips, and what was meant.
SLIPS = [
    ("POST", "/api/push", {"dryrun": True}, "There is no field dryrun: did you mean dry_run?"),
    ("POST", "/api/push", {"model": ["nps"]}, "There is no field model: did you mean models?"),
    ("POST", "/api/push", {"models": ["nsp"]}, "There is no pushed model nsp: did you mean nps?"),
    ("POST", "/api/active", {"is_activ": True}, "There is no field is_activ"),
    ("POST", "/api/why", {"ids": "x"}, "There is no field ids: did you mean id?"),
    ("POST", "/api/metrics", {"metrics": "seats"}, "did you mean metric?"),
    ("POST", "/api/switches", {"is-on": True}, "There is no field is-on: did you mean is_on?"),
    ("POST", "/api/tokens", {"sources": "app"}, "did you mean source?"),
    ("POST", "/api/held", {"answers": "all"}, "did you mean answer?"),
    ("GET", "/api/companies?serach=x", None, "no parameter serach: did you mean search?"),
    ("GET", "/api/runs/1/errors?modle=x", None, "no parameter modle: did you mean model?"),
    ("GET", "/api/push?models=x", None, "There is no parameter models: it takes none."),
]


def test_a_field_that_a_route_does_not_know_is_refused_with_the_nearest(airflow):
    with airflow.client("admin") as client:
        for method, path, body, said in SLIPS:
            answer = client.request(method, path, json=body)
            assert answer.status_code == 422, path
            assert said in answer.json()["detail"], path
    assert airflow.runs() == []
    with airflow.client(None) as anonymous:
        assert anonymous.post("/api/push", json={"dryrun": True}).status_code == 401


def test_a_run_is_opened_by_its_dag_runs_id(airflow, connection):
    run_id = add_run(connection, owner="manual__2026-03-02T12:00:00+00:00")

    with airflow.client("viewer") as client:
        found = client.get("/api/runs/manual__2026-03-02T12%3A00%3A00%2B00%3A00").json()

    assert found["run"]["run_id"] == run_id


# Section 1


def test_a_new_tenant_token_is_told_once_and_works_beside_the_old_one(airflow, connection):
    add_source(airflow.warehouse, "app")
    add_key(airflow.warehouse, "app", "old-token", kind=TENANT_TOKEN)

    with airflow.client("operator") as client:
        answer = client.post("/api/tokens", json={"source": "app"})
        tracking = client.get("/api/tracking").text
        unknown = client.post("/api/tokens", json={"source": "no such"})

    token = answer.json()["token"]
    assert answer.headers["cache-control"] == "no-store"
    assert token not in tracking
    assert connection.execute(
        "select count(*) from raw_segment.source_keys where kind = 'tenant_token' "
        "and (key_hash = %s or key_hash = %s and valid_to > now() + interval '6 days')",
        [key_hash(token), key_hash("old-token")],
    ).fetchone() == (2,)
    assert unknown.status_code == 422
    assert "There is no source" in unknown.json()["detail"]


def test_unresolved_events_are_listed_and_their_keys_are_for_those_who_may_edit(
    airflow, connection
):
    make_marts(connection)
    add_unresolved(connection, "no_company", 3, email="p@company.example")

    with airflow.client("operator") as client:
        told = client.get("/api/tracking/no_company")
    with airflow.client("viewer") as client:
        hidden = client.get("/api/tracking/no_company")

    assert told.json()["rows"][0]["keys"] == {"email": "“p@company.example”"}
    assert hidden.json()["rows"][0]["events"] == 3
    assert "company.example" not in hidden.text


# Why


def test_a_story_is_told_and_its_payload_is_for_those_who_may_edit(airflow, connection):
    call = {"messageId": "m1", "type": "track", "event": "Opened", "userId": "a person"}
    land_calls(airflow.warehouse, [call], received_at="2026-03-02T12:00:00Z")

    with airflow.client("operator") as client:
        told = client.post("/api/why", json={"id": " m1 "}).json()
    with airflow.client("viewer") as client:
        hidden = client.post("/api/why", json={"id": "m1"})

    (chapter,) = told["chapters"]
    assert [step["name"] for step in chapter["steps"]] == ["Received", "Resolved"]
    assert chapter["steps"][0]["payload"]["userId"] == "a person"
    assert hidden.json()["chapters"][0]["steps"][0]["payload"] is None
    assert "a person" not in hidden.text


def test_an_id_of_nothing_and_no_id_are_answered_in_words(airflow):
    with airflow.client("viewer") as client:
        unknown = client.post("/api/why", json={"id": HOSTILE["markup"]}).json()
        empty = client.post("/api/why", json={"id": " "}).json()
        overlong = client.post("/api/why", json={"id": "x" * 2_001})

    assert unknown["chapters"] == []
    assert "Nothing here is called" in unknown["hint"]
    assert empty["hint"].startswith("Say what to look for")
    assert overlong.status_code == 422


# Held plans


def test_a_held_plan_is_shown_with_why_and_what_would_change(airflow, connection):
    run_id = add_held_plan(connection, DESTINATION)

    with airflow.client("operator") as client:
        (plan,) = client.get("/api/held").json()["plans"]
        found = client.get(f"/api/planned/{run_id}?model=enduser").json()

    assert (plan["model"], plan["changed"], plan["removed"]) == ("enduser", 1, 1)
    assert "half of it" in plan["reason"]
    assert found["rows"][0]["fields"] == {"email": ["old@company.example", "new@company.example"]}


def test_a_viewer_sees_which_fields_would_change_and_no_value(airflow, connection):
    run_id = add_held_plan(connection, DESTINATION)

    with airflow.client("viewer") as client:
        answer = client.get(f"/api/planned/{run_id}?model=enduser")

    assert answer.json()["rows"][0]["fields"] == {"email": None}
    assert "company.example" not in answer.text


def test_an_answer_is_for_the_plan_that_was_looked_at_and_no_other(airflow, connection):
    add_held_plan(connection, DESTINATION)
    asked = {"model": "enduser", "fingerprint": "e" * 32, "answer": "all"}

    with airflow.client("operator") as client:
        other = client.post("/api/held", json=asked)
        same = client.post("/api/held", json=asked | {"fingerprint": "f" * 32})
        wrong = client.post("/api/held", json=asked | {"answer": "perhaps"})
        nobody = client.post("/api/held", json=asked | {"model": "company"})

    assert (other.status_code, same.status_code) == (409, 200)
    assert "has changed" in other.json()["detail"]
    assert (wrong.status_code, nobody.status_code) == (422, 409)
    given = connection.execute("select model, answer, answered_by from sync.plan_answers")
    assert given.fetchall() == [("enduser", "all", "operator")]


# Errors, and whose data they hold


def test_an_error_opens_with_its_payload_only_for_those_who_may_edit_the_dag(airflow, connection):
    run_id = add_run(connection, "partial", models={"enduser": {"changed": 1, "errors": 1}})
    add_error(connection, run_id, payload={"email": "person@company.example"})

    for user, sees in {"viewer": False, "operator": True, "admin": True}.items():
        with airflow.client(user) as client:
            answer = client.get(f"/api/runs/{run_id}/errors", params={"model": "enduser"})
        assert ("person@company.example" in answer.text) is sees, user
        assert answer.json()["rows"][0]["code"] == "too_large"


def test_the_name_of_an_enduser_is_for_those_who_may_edit_the_dag(airflow, connection):
    make_marts(connection)
    add_company(connection, "c1")
    connection.execute(
        "insert into marts.endusers values ('e1', 'planhat', 'c1', 'Known Person', 'p@c.example')"
    )

    for user, sees in {"viewer": False, "operator": True}.items():
        with airflow.client(user) as client:
            answer = client.get("/api/companies/c1")
        assert ("Known Person" in answer.text) is sees, user
        assert answer.json()["endusers"][0]["enduser_id"] == "e1"


def test_companies_are_found_by_hostile_names_too(airflow, connection):
    make_marts(connection)
    for number, text in enumerate(HOSTILE.values()):
        add_company(connection, f"c{number}", text)

    with airflow.client("viewer") as client:
        for text in ("<script>", '\'Brien & "Sons"', "drop table", "עולם", "%", "_", "\\"):
            found = client.get("/api/companies", params={"search": text}).json()
            assert found["total"] == sum(text in name for name in HOSTILE.values()), text


def test_hostile_text_comes_as_data_and_never_as_a_page(airflow, connection):
    run_id = add_run(
        connection, "failed", reason=HOSTILE["markup"], requested_by=HOSTILE["right to left"]
    )
    for name, text in HOSTILE.items():
        add_error(connection, run_id, model=text[:50], object_id=name, message=text)

    with airflow.client("admin") as client:
        push = client.get("/api/push")
        errors = client.get(f"/api/runs/{run_id}/errors")
        by_model = client.get(
            f"/api/runs/{run_id}/errors", params={"model": HOSTILE["quotes"][:50]}
        )

    assert push.headers["content-type"] == "application/json"
    assert push.json()["last_run"]["reason"] == HOSTILE["markup"]
    assert errors.json()["total"] == len(HOSTILE)
    assert by_model.json()["total"] == 1


def test_an_id_that_is_no_id_is_answered_and_harms_nothing(airflow, connection):
    add_run(connection)
    with airflow.client("viewer") as client:
        for run_id in ("x", "1;drop table sync.runs", "9" * 400, "' or 1=1 --"):
            answer = client.get(f"/api/runs/{run_id}")
            assert answer.json() == {"run": None}, run_id
        assert client.get("/api/runs/1/errors", params={"offset": -1}).status_code == 422
    assert connection.execute("select count(*) from sync.runs").fetchone() == (1,)


# Sections 1 and 2, and a warehouse that is not ready


def test_the_sections_fail_apart_when_nothing_was_built(airflow):
    with airflow.client("viewer") as client:
        tracking = client.get("/api/tracking").json()
        metrics = client.get("/api/metrics").json()

    assert tracking["intake"]["switches"]["user_tracking"]["is_on"] is True
    assert tracking["outcomes"] == {"problem": NOT_BUILT}
    assert metrics["declared"] == {"declared": []}
    assert metrics["candidates"] == {"problem": NOT_BUILT}


def test_a_model_of_the_push_is_switched_on_and_off_again(airflow, connection):
    with airflow.client("operator") as client:
        before = client.get("/api/push").json()["switches"]
        assert {name: each["is_on"] for name, each in before.items()} == {
            "push_created_enduser": False, "push_enduser_usage": False,
        }  # fmt: skip
        wish = {"switch": "push_enduser_usage", "is_on": True}
        assert client.post("/api/switches", json=wish).status_code == 200
        turned = client.get("/api/push").json()["switches"]["push_enduser_usage"]
        assert (turned["is_on"], turned["changed_by"]) == (True, "operator")
        assert client.get("/api/planhat/push").json()["switches"] == {}
        refused = client.post(
            "/api/switches", json={"switch": "push_enduser_usages", "is_on": True}
        )
        assert refused.status_code == 422
        assert "enduser_usage" in refused.json()["detail"]


def test_a_metric_and_a_switch_are_kept_with_the_name_of_who_changed_them(airflow, connection):
    with airflow.client("operator") as client:
        client.post("/api/metrics", json={"metric": "Seats", "aggregation": "LAST"})
        client.post("/api/switches", json={"switch": "user_tracking", "is_on": False})
        metrics = client.get("/api/metrics").json()
        tracking = client.get("/api/tracking").json()

    (metric,) = metrics["declared"]["declared"]
    assert (metric["metric"], metric["aggregation"], metric["changed_by"]) == (
        "Seats",
        "LAST",
        "operator",
    )
    switch = tracking["intake"]["switches"]["user_tracking"]
    assert (switch["is_on"], switch["changed_by"]) == (False, "operator")


def test_a_change_that_is_none_is_refused_in_words(airflow):
    with airflow.client("operator") as client:
        for path, body, says in (
            ("/api/metrics", {"metric": " "}, "Type the trait's name"),
            ("/api/metrics", {"metric": "seats", "aggregation": "MAX"}, "SUM or LAST"),
            ("/api/metrics/delete", {"metric": "nobody's"}, "No metric of that name"),
            ("/api/switches", {"switch": "all", "is_on": True}, "no switch of that name"),
        ):
            answer = client.post(path, json=body)
            assert answer.status_code == 422, body
            assert says in answer.json()["detail"]


def test_unresolved_events_come_with_a_sample_and_what_would_resolve_them(airflow, connection):
    make_marts(connection)
    add_unresolved(connection, "unknown_company", 5)

    with airflow.client("viewer") as client:
        outcomes = client.get("/api/tracking").json()["outcomes"]

    assert outcomes["unresolved"] == 5
    assert outcomes["reasons"][0]["sample_message_id"] == "msg-1"
    assert "Planhat" in outcomes["reasons"][0]["remedy"]


def test_an_unmigrated_warehouse_has_words_and_a_button_that_says_so(airflow, lost_warehouse):
    lost_warehouse.execute("create database page template template0")

    with airflow.client("admin") as client:
        push = client.get("/api/push").json()
        answer = client.post("/api/push", json={})
        tracking = client.get("/api/tracking").json()

    assert push["problem"] == NOT_MIGRATED
    assert push["button"]["code"] == "warehouse"
    assert answer.status_code == 409
    assert tracking["intake"] == {"problem": NOT_MIGRATED}


def test_a_warehouse_that_is_gone_is_one_clear_line_everywhere(airflow, lost_warehouse):
    with airflow.client("admin") as client:
        push = client.get("/api/push").json()
        answer = client.post("/api/push", json={})

    assert "There is no database page" in push["problem"]
    assert answer.status_code == 503
    assert "There is no database page" in answer.json()["detail"]
    assert "planhat:" not in answer.text


def test_airflow_shows_the_page_in_its_navigation_on_dags_and_their_runs(airflow):
    answer = httpx.get(
        f"{airflow.url}/api/v2/plugins",
        headers={"Authorization": f"Bearer {airflow.token('viewer')}"},
        timeout=30,
    ).json()

    (plugin,) = answer["plugins"]
    assert {view["destination"] for view in plugin["external_views"]} == {
        "nav",
        "dag",
        "dag_run",
    }
    # relative, so that Airflow may live under a path
    assert all(view["href"].startswith("planhat-segment/") for view in plugin["external_views"])
    assert len({view["url_route"] for view in plugin["external_views"]}) == 3


# Alerts of usage


ALERT = {"object_type": "company", "object_id": "c1", "kind": "drop", "opened_on": "2026-03-01"}


def test_an_acknowledged_alert_is_shown_no_more_and_its_company_says_by_whom(airflow, connection):
    add_open_alert(connection)
    with airflow.client("viewer") as client:
        assert client.post("/api/alerts/acknowledge", json=ALERT).status_code == 403
        assert client.get("/api/usage").json()["alerts"] == {"company": 1}
        assert len(client.get("/api/alerts").json()["rows"]) == 1

    with airflow.client("operator") as client:
        answer = client.post("/api/alerts/acknowledge", json=ALERT)
    with airflow.client("admin") as client:
        again = client.post("/api/alerts/acknowledge", json=ALERT)
    with airflow.client("viewer") as client:
        shown = client.get("/api/alerts").json()["rows"]
        assert client.get("/api/usage").json()["alerts"] == {}
        (of_company,) = client.get("/api/companies/c1").json()["alerts"]

    assert (answer.status_code, again.status_code, shown) == (200, 200, [])
    # whoever was first
    assert of_company["acknowledged_by"] == "operator"
    assert of_company["acknowledged_at"] is not None


@pytest.mark.parametrize(
    "change",
    [{"object_id": "c2"}, {"kind": "spike"}, {"opened_on": "2026-03-02"}, {"object_id": "c1 "}],
)
def test_only_an_alert_that_is_open_can_be_acknowledged(airflow, connection, change):
    add_open_alert(connection)
    if change == {"object_id": "c1 "}:
        connection.execute("update marts.usage_alerts set closed_on = '2026-03-08'")
    with airflow.client("operator") as client:
        answer = client.post("/api/alerts/acknowledge", json=ALERT | change)

    assert answer.status_code == 422
    assert answer.json() == {"detail": "No such alert is open any more."}
    assert connection.execute("select count(*) from sync.alerts_acknowledged").fetchone() == (0,)
