"""Alerts of usage are told once each, whatever happens in between."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest

from include.errors import ServiceError
from include.settings import ROOT
from include.usage_alerts import UsageNews, tell_usage_alerts
from tests.include.page.world import HOSTILE, make_marts
from tests.include.push.webhook import Webhook

TODAY = date(2026, 3, 30)


class Marts:
    """A warehouse whose marts a test writes as a build would."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self.connection = connection

    def run(self, query: str, *values: Any) -> list[tuple]:
        cursor = self.connection.execute(query, values)  # type: ignore[call-overload]
        return cursor.fetchall() if cursor.description else []

    def as_of(self, day: date) -> None:
        self.run("truncate marts.usage_trends")
        self.run("insert into marts.usage_trends (as_of_date) values (%s)", day)

    def company(self, company_id: str, name: str = "Northwind") -> None:
        self.run("insert into marts.companies (company_id, name) values (%s, %s)", company_id, name)

    def alert(
        self, object_id: str, opened: date, closed: date | None = None, *, kind: str = "drop",
        object_type: str = "company", activities: int = 10, expected: float = 100,
    ) -> None:  # fmt: skip
        self.run(
            "insert into marts.usage_alerts values (%s, %s, %s, %s, %s, %s, %s)",
            object_type, object_id, kind, opened, closed, activities, expected,
        )  # fmt: skip

    def seen(self) -> dict[str, bool]:
        """Which object's alerts were recorded, and whether they were sent."""
        return dict(self.run("select object_id, sent_at is not null from sync.alerts_sent"))


@pytest.fixture
def marts(warehouse: str) -> Iterator[Marts]:
    """As of a Monday, with one company."""
    with psycopg.connect(warehouse, autocommit=True) as connection:
        make_marts(connection)
        marts = Marts(connection)
        marts.as_of(TODAY)
        marts.company("p1")
        yield marts


def told(warehouse: str) -> list[str]:
    """The objects that the one message names, if there is one."""
    heard: list[UsageNews] = []
    tell_usage_alerts(warehouse, heard.append)
    assert len(heard) <= 1
    return [each.object_id for news in heard for each in news.alerts]


def test_an_alert_is_told_once_when_it_opens_and_not_when_it_closes(
    warehouse: str, marts: Marts
) -> None:
    assert told(warehouse) == []
    marts.alert("p1", TODAY)
    assert told(warehouse) == ["p1"]
    assert told(warehouse) == []
    marts.run("update marts.usage_alerts set closed_on = %s", TODAY + timedelta(7))
    assert told(warehouse) == []
    # The next one of the same object is another.
    marts.alert("p1", TODAY + timedelta(14), kind="spike")
    marts.as_of(TODAY + timedelta(14))
    assert told(warehouse) == ["p1"]


def test_a_history_that_is_seen_for_the_first_time_tells_what_is_open_and_recent(
    warehouse: str, marts: Marts
) -> None:
    for company in ("open", "open for 14 days", "open for 15 days", "over"):
        marts.company(company)
    marts.alert("open", TODAY)
    marts.alert("open for 14 days", TODAY - timedelta(14))
    marts.alert("open for 15 days", TODAY - timedelta(15))
    marts.alert("over", TODAY - timedelta(7), TODAY)
    assert sorted(told(warehouse)) == ["open", "open for 14 days"]
    assert marts.seen() == {
        "open": True, "open for 14 days": True, "open for 15 days": False, "over": False,
    }  # fmt: skip
    assert told(warehouse) == []


def test_what_opened_and_closed_while_nobody_looked_is_told_and_old_history_is_not(
    warehouse: str, marts: Marts
) -> None:
    told(warehouse)
    for company in ("meanwhile", "long ago"):
        marts.company(company)
    # No build for two months. And late data that change the history of a year ago.
    marts.as_of(TODAY + timedelta(60))
    marts.alert("meanwhile", TODAY + timedelta(7), TODAY + timedelta(14))
    marts.alert("long ago", TODAY - timedelta(365))
    assert told(warehouse) == ["meanwhile"]
    assert marts.seen() == {"meanwhile": True, "long ago": False}


def test_what_holds_no_longer_is_corrected_once_and_stays(warehouse: str, marts: Marts) -> None:
    marts.company("p2", "Kestrel")
    marts.alert("p1", TODAY)
    marts.alert("p2", TODAY)
    assert sorted(told(warehouse)) == ["p1", "p2"]
    # Calls came late: it was no drop, and never had been.
    marts.run("delete from marts.usage_alerts where object_id = 'p1'")
    marts.as_of(TODAY + timedelta(1))
    heard: list[UsageNews] = []
    tell_usage_alerts(warehouse, heard.append)
    (news,) = heard
    assert news.subject == "1 usage alert corrected"
    assert news.text == "Northwind (p1): corrected, the drop of 2026-03-30 holds no longer"
    assert news.fields["alerts"][0]["closed_reason"] == "corrected"
    assert told(warehouse) == []
    closed = "select object_id, closed_reason, closed_on from sync.alerts_sent order by object_id"
    assert marts.run(closed) == [("p1", "corrected", TODAY + timedelta(1)), ("p2", None, None)]
    # And it holds again, beside one that is new.
    marts.alert("p1", TODAY)
    marts.alert("p2", TODAY + timedelta(1), kind="spike")
    heard.clear()
    tell_usage_alerts(warehouse, heard.append)
    assert [(each.object_id, each.kind) for each in heard[0].alerts] == [
        ("p1", "drop"), ("p2", "spike"),
    ]  # fmt: skip
    assert heard[0].subject == "2 usage alerts"
    assert marts.run(closed)[0] == ("p1", None, None)


def test_a_build_that_looks_back_from_an_earlier_day_corrects_nothing(
    warehouse: str, marts: Marts
) -> None:
    marts.alert("p1", TODAY)
    marts.alert("p1", TODAY - timedelta(7), kind="spike")
    assert told(warehouse) == ["p1", "p1"]
    marts.run("update marts.usage_alerts set closed_on = %s where kind = 'spike'", TODAY)
    assert told(warehouse) == []
    marts.run("delete from marts.usage_alerts where kind = 'drop'")
    marts.run("update marts.usage_alerts set closed_on = null")
    marts.as_of(TODAY - timedelta(5))
    assert told(warehouse) == []
    assert sorted(marts.run("select kind, closed_reason from sync.alerts_sent")) == [
        ("drop", None), ("spike", "over"),
    ]  # fmt: skip


def test_objects_that_are_gone_are_no_news(warehouse: str, marts: Marts) -> None:
    marts.run("update marts.companies set deleted_at = now()")
    marts.alert("p1", TODAY)
    marts.alert("never a company", TODAY)
    marts.alert("never an enduser", TODAY, object_type="enduser")
    assert told(warehouse) == []
    assert set(marts.seen().values()) == {False}


def test_a_message_says_what_happened_and_names_no_person(warehouse: str, marts: Marts) -> None:
    marts.run(
        "insert into marts.endusers values ('e1', 'planhat', 'p1', 'Ada', 'ada@acme.example')"
    )
    marts.alert("p1", TODAY, kind="spike", activities=1234, expected=99.6)
    marts.alert("p1", TODAY, TODAY, kind="stopped", activities=0, expected=7)
    marts.alert("e1", TODAY, object_type="enduser")
    heard: list[UsageNews] = []
    # The first look is over a history: what is over by now is none of it.
    marts.run("insert into sync.alerts_checked (checked_through) values (%s)", TODAY)
    tell_usage_alerts(warehouse, heard.append)
    assert [news.subject for news in heard] == ["3 usage alerts"]
    assert heard[0].text.splitlines() == [
        "Northwind (p1): stopped, no activity for 30 days on 2026-03-30, 7 in the 30 before "
        "(over since 2026-03-30)",
        "Northwind (p1): spike, 1,234 activities in the week before 2026-03-30, where about 100 "
        "are usual",
        "enduser e1 of Northwind: drop, 10 activities in the week before 2026-03-30, where about "
        "100 are usual",
    ]
    assert "ada" not in str(heard[0].fields).lower()


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_a_name_stays_one_short_line(warehouse: str, marts: Marts, name: str) -> None:
    marts.run("update marts.companies set name = %s", f"{name}\r\nBcc: all@acme.example")
    marts.alert("p1", TODAY)
    heard: list[UsageNews] = []
    tell_usage_alerts(warehouse, heard.append)
    (line,) = heard[0].text.splitlines()
    assert len(line) < 250
    assert heard[0].subject == "1 usage alert"


def test_a_hundred_are_named_and_the_rest_is_counted(warehouse: str, marts: Marts) -> None:
    for number in range(130):
        marts.company(f"c{number:03}")
        marts.alert(f"c{number:03}", TODAY, expected=number)
    marts.alert("an asset", TODAY, object_type="asset", expected=10_000)
    heard: list[UsageNews] = []
    tell_usage_alerts(warehouse, heard.append)
    (news,) = heard
    assert (news.total, len(news.alerts), news.fields["total"]) == (131, 100, 131)
    assert news.alerts[0].object_id == "c129", "companies first, the largest before the rest"
    assert news.text.splitlines()[-1] == "… and 31 more: see the page, tab Usage"
    assert told(warehouse) == []


def test_an_asset_is_called_by_its_name_and_its_company(warehouse: str, marts: Marts) -> None:
    marts.run(
        "insert into raw_planhat.objects (model, planhat_id, payload, deleted_at) values "
        "('asset', 'a1', %s::jsonb, null), ('asset', 'a2', '{}', null), "
        "('asset', 'a3', '{}', now())",
        '{"name": "Line\\n3", "companyId": "p1"}',
    )
    for each in ("a1", "a2", "a3"):
        marts.alert(each, TODAY, object_type="asset", kind="stopped")
    heard: list[UsageNews] = []
    tell_usage_alerts(warehouse, heard.append)
    lines = heard[0].text.splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "asset Line 3 (a1) of Northwind",
        "asset a2",
    ], "in one line; what is gone is no news"
    assert heard[0].fields["alerts"][0]["name"] == "Line 3"


def test_what_could_not_be_told_is_told_the_next_time(warehouse: str, marts: Marts) -> None:
    def fail(news: UsageNews) -> None:
        raise ServiceError("nobody there")

    marts.alert("p1", TODAY)
    with pytest.raises(ServiceError):
        tell_usage_alerts(warehouse, fail)
    assert marts.seen() == {}
    assert told(warehouse) == ["p1"]


KILLED = """
import os, signal, sys
from include.usage_alerts import tell_usage_alerts
from include.webhook import post

def tell(news):
    post(sys.argv[2], None, news)
    os.kill(os.getpid(), signal.SIGKILL)  # sent, and not recorded

tell_usage_alerts(sys.argv[1], tell)
"""


def test_a_crash_after_sending_repeats_one_message_and_loses_none(
    warehouse: str, marts: Marts
) -> None:
    marts.alert("p1", TODAY)
    with Webhook() as webhook:
        killed = subprocess.run(
            [sys.executable, "-c", KILLED, warehouse, webhook.address],
            check=False, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert killed.returncode == -signal.SIGKILL
        assert [body["total"] for _, _, body in webhook.heard] == [1]
    assert marts.seen() == {}
    assert told(warehouse) == ["p1"]
    assert told(warehouse) == []


def test_of_two_that_look_at_once_one_tells(warehouse: str, marts: Marts) -> None:
    marts.alert("p1", TODAY)
    both = threading.Barrier(2)
    heard: list[UsageNews] = []

    def look() -> None:
        both.wait()
        tell_usage_alerts(warehouse, heard.append)

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [news.total for news in heard] == [1]


def test_before_the_first_build_there_is_nothing_to_tell(warehouse: str) -> None:
    assert told(warehouse) == []
