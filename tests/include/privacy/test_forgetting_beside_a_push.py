"""Somebody is forgotten while a push sends them: nothing of theirs stays, and others are right."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from include.build import build
from include.privacy import forgetting
from include.push.push import push
from include.push.sending import DeliveryOptions, Patience
from include.settings import Settings
from tests.conftest import copied
from tests.include.privacy import people
from tests.include.privacy.people import HER_ID, TODAY, USER, WORD, builds, quietly
from tests.include.push.played_segment import OK, Answer, PlayedSegment
from tests.include.warehouse_asked import answers

pytestmark = pytest.mark.usefixtures("tables_alone")
BO = "e" * 23 + "2"


@pytest.fixture
def built(server: Settings) -> Iterator[str]:
    with copied(server, "test") as url:
        people.land_world(url)
        with psycopg.connect(url) as connection:
            # of a push to nowhere that the world has
            connection.execute("truncate sync.objects, sync.runs restart identity cascade")
        settings = replace(server, airflow_conn_warehouse=url)
        build(url, settings, requested_by="test", today=TODAY, say=quietly)
        yield url


def test_a_push_that_sends_somebody_is_waited_for_and_sends_the_others(
    built: str, server: Settings, tmp_path: Path
):
    settings = replace(server, airflow_conn_warehouse=built)
    is_waited_for, sends = threading.Event(), threading.Event()
    pushed, failed = [], []

    def hold_back(number: int, batch: list[dict]) -> Answer:
        sends.set()
        assert is_waited_for.wait(300)
        return OK

    def say(line: str) -> None:
        if "waits for the push" in line:
            is_waited_for.set()

    with PlayedSegment(hold_back) as segment:

        def send() -> None:
            # an answer that is held back is waited for
            patient = DeliveryOptions(patience=Patience(timeout=300))
            try:
                report = push(
                    built, segment.connection, settings, requested_by="test", say=quietly,
                    options=patient,
                )  # fmt: skip
                pushed.append(report)
            except BaseException as error:  # told by the test, not by the thread
                failed.append(error)
                sends.set()

        pusher = threading.Thread(target=send)
        pusher.start()
        try:
            assert sends.wait(300)
            assert failed == []
            with psycopg.connect(built) as connection:
                person = forgetting.find(connection, USER)
            forgetting.forget(
                built, tmp_path, [person], by="somebody", say=say, builds=builds(built, settings)
            )
            was_waited_for = is_waited_for.is_set()
        finally:
            is_waited_for.set()
            pusher.join()
        assert failed == []
        assert was_waited_for
        # what was planned was sent whole: no position of a plan is missing
        (report,) = pushed
        assert [each for each in report.models if each.planned != each.synced] == []
        assert report.status == "success"
        # planned before, she was sent; here nothing says so any more
        assert any(message.get("userId") == USER for message in segment.messages)
        assert people.tables_that_say(built, WORD, HER_ID) == {}
        ledger = answers(
            built,
            "select model, object_id, acknowledged_at is not null, payload ->> 'email'"
            " from sync.objects where model in ('company', 'enduser') order by 1, 2",
        )
        assert ledger == [
            ("company", people.COMPANY, True, None), ("enduser", BO, True, "bo@acme.example"),
        ]  # fmt: skip
        # the next one finds nothing of the others to say
        before = len(segment.messages)
        push(built, segment.connection, settings, requested_by="test", say=quietly)
        again = [message.get("userId") for message in segment.messages[before:]]
    assert "bo-user-22" not in again
    assert USER not in again
