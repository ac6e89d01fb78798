"""The client against the played Planhat: what it asks again, what it obeys, what it says."""

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import msgspec
import pytest

from include.connections import PlanhatConnection
from include.errors import SettingError
from include.planhat.api.answers import Quota, quota_of
from include.planhat.api.client import Client, StoppedError
from include.planhat.api.errors import (
    NoPermissionError,
    NotThereError,
    OddAnswerError,
    OutcomeUnknownError,
    PlanhatAwayError,
    PlanhatError,
    RefusedError,
    TokenError,
)
from include.played_planhat.faults import KINDS, Fault
from tests.include.planhat.api.conftest import QUICK
from tests.include.planhat.world import ident
from tests.include.played_planhat.test_documents_over_http import turn


@pytest.fixture
def acme(played):
    played.documents.load("companies", [{"_id": ident(1), "name": "Acme", "externalId": "acme"}])
    return played


def person(**fields: object) -> dict:
    return {"companyId": "extid-acme", "email": "a@x.example", "externalId": "a", **fields}


def test_a_page_is_its_rows_as_they_came_and_an_object_is_itself_or_none(client, acme):
    (row,) = client.page("companies", {"limit": 5, "select": "name"})
    assert msgspec.json.decode(row) == {"_id": ident(1), "name": "Acme"}
    assert msgspec.json.decode(client.object("companies", "extid-acme"))["_id"] == ident(1)
    assert client.object("companies", ident(2)) is None


@pytest.mark.parametrize("kind", KINDS)
def test_reads_are_asked_again_after_whatever_passes(client, acme, kind):
    acme.faults.waiting.append(Fault(kind, times=3, seconds=0.01))
    assert len(client.page("companies", {})) == 1
    assert len(acme.requests.all) == 4


@pytest.mark.parametrize("kind", [each for each in KINDS if each != "object"])
def test_what_does_not_pass_is_said_after_so_many_attempts_in_one_line(client, acme, kind):
    acme.faults.waiting.append(Fault(kind, times=9, seconds=0.01))
    with pytest.raises(PlanhatAwayError) as failed:
        client.page("companies", {})
    assert len(acme.requests.all) == 4
    assert "\n" not in str(failed.value)
    assert "companies" in str(failed.value)


def test_a_200_that_is_no_list_is_no_empty_one(client, acme):
    acme.faults.waiting.append(Fault("object", times=9))
    with pytest.raises(OddAnswerError, match="200 for companies, and not what is due"):
        client.page("companies", {})


def test_a_server_that_hangs_is_given_up_within_the_timeout(connection, warehouse, acme):
    acme.faults.waiting.append(Fault("hang", times=9, seconds=30))
    options = replace(QUICK, timeout=0.05, attempts=2)
    nowhere = replace(connection, host="http://127.0.0.1:9")
    for asked, why in ((connection, "it took too long"), (nowhere, "nobody listens there")):
        client = Client(asked, warehouse, options)
        with client, pytest.raises(PlanhatAwayError, match=why):
            client.page("companies", {})


@pytest.mark.parametrize("shape", ["json", "text", "empty"])
def test_errors_are_told_apart_by_what_one_can_do(client, played, shape):
    turn(played, error_body=shape, denied_reads=["nps"])
    with pytest.raises(NotThereError, match="404 for notes"):
        client.page("notes", {})
    with pytest.raises(NoPermissionError, match="may not use nps"):
        client.page("nps", {})
    with pytest.raises(RefusedError, match="400 for companies"):
        client.page("companies", {"limit": "many"})
    turn(played, error_body=shape, wrong_region=True)
    with pytest.raises(TokenError, match=r"another region.*api-eu2\.planhat\.com"):
        client.page("companies", {})
    # none of them is asked twice
    assert len(played.requests.all) == 4


@pytest.mark.parametrize("spelling", ["new", "old", "none"])
@pytest.mark.parametrize("retry_after", [True, False])
def test_the_quota_is_waited_for_in_any_spelling(client, acme, spelling, retry_after):
    turn(acme, quota=3, quota_seconds=0.05, quota_headers=spelling, retry_after=retry_after)
    for _ in range(10):
        assert len(client.page("companies", {})) == 1
    refused = [each for each in acme.requests.all if each.status == 429]
    if spelling == "new":
        assert refused == []
    assert client.quota.limit == (None if spelling == "none" else 3)


def test_headers_of_the_quota_are_read_in_either_spelling_and_as_seconds_or_a_time():
    assert quota_of({"x-ratelimit-limit": "200", "x-ratelimit-remaining": "0"}) == Quota(200, 0)
    assert quota_of({"x-rate-limit-limit": "200"}) == Quota(200)
    assert quota_of({"x-ratelimit-reset": "12.5"}).reset == 12.5
    assert quota_of({"retry-after": "7", "x-ratelimit-reset": "12"}).reset == 7
    for scale in (1, 1000):
        told = {"x-ratelimit-reset": str(int((time.time() + 60) * scale))}
        assert 50 < quota_of(told).reset <= 61
    for odd in ("", "soon", "nan", "-3", "inf"):
        assert quota_of({"x-ratelimit-reset": odd, "retry-after": odd}) == Quota()


def test_calls_of_several_clients_share_one_clock(connection, warehouse, acme):
    options = replace(QUICK, calls_per_second=50)

    def ask(count: int) -> None:
        with Client(connection, warehouse, options) as client:
            for _ in range(count):
                client.page("companies", {})

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(ask, [5, 5, 5]))
    times = [each.at for each in acme.requests.all]
    assert len(times) == 15
    # 15 places, a fiftieth of a second each, whoever takes them
    assert max(times) - min(times) >= 12 / 50


def test_bulk_calls_go_one_after_another_whoever_makes_them(connection, warehouse, acme):
    turn(acme, latency=0.02)

    def write(number: int) -> None:
        with Client(connection, warehouse, QUICK) as client:
            client.upsert("endusers", [person(externalId=f"{number}", email=f"{number}@x.example")])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(8)))
    assert acme.requests.most_bulk_at_once == 1
    assert len(acme.documents.of["endusers"].by_id) == 8


@pytest.mark.parametrize("status", [200, 206, 400])
@pytest.mark.parametrize("shape", ["object", "string", "message"])
def test_the_rows_of_a_bulk_answer_are_there_whatever_its_status(client, acme, shape, status):
    turn(acme, bulk_status=status, error_item=shape)
    answer = client.upsert("endusers", [person(), person(externalId="b", email="")])
    assert answer.status == status
    assert [each["externalId"] for each in answer.inserted] == ["a"]
    assert len(answer.failed) == 1
    again = client.upsert("endusers", [person()])
    assert (again.inserted, again.unchanged) == ((), 1)


def test_a_refused_permission_is_one_row_a_row(client, acme):
    turn(acme, denied_writes=["endusers"])
    answer = client.upsert("endusers", [person(), person(externalId="b")])
    assert (answer.status, len(answer.denied)) == (403, 2)
    turn(acme, bulk_rows=1)
    with pytest.raises(RefusedError, match="at most 1 objects"):
        client.upsert("endusers", [person(), person(externalId="b")])


@pytest.mark.parametrize("kind", ["lost", "cut", "half", "reset", "error", "throttle"])
def test_an_upsert_is_sent_again_and_makes_nobody_twice(client, acme, kind):
    acme.faults.waiting.append(Fault(kind, method="PUT", times=2))
    answer = client.upsert("endusers", [person()])
    assert len(answer.inserted) + answer.unchanged == 1
    assert len(acme.documents.of["endusers"].by_id) == 1


@pytest.mark.parametrize("kind", ["lost", "cut", "half", "reset", "error"])
def test_what_must_not_be_repeated_is_sent_once_and_said_to_be_unknown(client, acme, kind):
    acme.faults.waiting += [Fault(kind, method="POST", path="analytics", times=9)]
    acme.faults.waiting += [Fault(kind, method="POST", path="dimensiondata", times=9)]
    with pytest.raises(OutcomeUnknownError, match="whether it was done is not known"):
        client.activities([{"email": "a@x.example", "action": "Login"}])
    with pytest.raises(OutcomeUnknownError):
        client.metrics([{"dimensionId": "d", "value": 1}], repeat="never")
    assert len(acme.requests.all) == 2


def test_what_was_not_taken_may_be_sent_again_always(client, acme):
    client.upsert("endusers", [person()])
    acme.faults.waiting.append(Fault("throttle", method="POST", times=2))
    client.activities([{"externalId": "a", "action": "Login"}])
    acme.sinks.settle()
    assert [each.action for each in acme.sinks.activities] == ["Login"]


def test_metrics_that_are_written_wrong_come_back(client, acme):
    item = {"dimensionId": "d", "value": 1, "model": "Company", "externalId": "acme"}
    wrong = {**item, "value": "many"}
    assert client.metrics([item], repeat="harmless") == []
    (said,) = client.metrics([item, wrong], repeat="harmless")
    assert said["item"] == wrong


def test_sinks_need_the_tenants_token_and_get_no_other(connection, warehouse, acme, played):
    client = Client(replace(connection, tenant_token=None), warehouse, QUICK)
    with client, pytest.raises(SettingError, match="has no tenant token"):
        client.activities([])
    turn(played, sink_checks_tenant=True)
    stranger = "11111111-1111-1111-1111-111111111111"
    client = Client(replace(connection, tenant_token=stranger), warehouse, QUICK)
    with client, pytest.raises(NotThereError) as failed:
        client.activities([])
    assert stranger not in str(failed.value)


def test_a_token_that_is_revoked_in_the_middle_is_said_at_the_next_call(client, acme):
    assert client.page("companies", {})
    turn(acme, revoked=True)
    with pytest.raises(TokenError):
        client.page("companies", {})


def test_a_client_that_is_stopped_waits_for_nothing(connection, warehouse, acme):
    stopped = threading.Event()
    acme.faults.waiting.append(Fault("error", times=9))
    acme.faults.meanwhile = lambda method, path: None
    options = replace(QUICK, failed_wait=600, longest_failed_wait=600)
    with Client(connection, warehouse, options, stopped=stopped) as client:
        threading.Timer(0.05, stopped.set).start()
        with pytest.raises(StoppedError):
            client.page("companies", {})


def test_no_token_is_in_a_message_a_log_or_a_repr(connection, warehouse, played, caplog):
    caplog.set_level(logging.DEBUG)
    turn(played, revoked=True)
    said = [repr(connection)]
    for kind in (None, "error", "reset", "page", "hang"):
        played.faults.waiting = [Fault(kind, times=99, seconds=0.01)] if kind else []
        with Client(connection, warehouse, QUICK) as client:
            for call in (
                lambda: client.page("companies", {}),
                lambda: client.upsert("endusers", [person()]),
                lambda: client.activities([person()]),
                lambda: client.metrics([person()], repeat="never"),
            ):
                try:
                    call()
                except PlanhatError as error:
                    said.append(str(error))
    text = "\n".join([*said, caplog.text])
    assert len(said) > 10
    assert played.token not in text
    assert played.tenant_token not in text
    assert "a@x.example" not in text


def test_quota_and_tenant_have_names_without_their_secrets():
    first = PlanhatConnection("https://api.planhat.com", "token-one", "tenant")
    second = replace(first, token="token-two")
    assert first.tenant == second.tenant
    assert first.quota_name != second.quota_name
    assert "token-one" not in first.quota_name + first.tenant + first.place
