"""Alerts told over 40 weeks, looked at twice a day: none looks ahead, none vanishes.

The calls are played; weeks and alerts are the models' own SQL, compiled once by dbt and asked on
each as-of date, and what is told goes through the project's own telling.
"""

import json
import os
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from include.build import dbt_options, warehouse_environment
from include.settings import Settings
from include.usage_alerts import UsageNews, tell_usage_alerts

WEEKS = 40
FIRST_DAY = date(2025, 9, 1)
COMPANIES = ("steady", "growing", "seasonal", "silent", "busy", "rare")
# Stands in the compiled SQL where the as-of date belongs.
SOME_DAY = "1999-09-09"
Key = tuple[str, str, str, date]


@dataclass
class Week:
    """What one company does in one week: how many calls on which weekday."""

    calls: int
    days: range


def made_weeks(company: str, chance: random.Random) -> Iterator[Week]:
    """A habit with a deviation, with weeks that break it, and silences of more than 30 days."""
    usual = {"busy": 60, "rare": 3}.get(company, 20)
    silent_until = 0
    for number in range(WEEKS):
        if company in ("silent", "seasonal") and chance.random() < 0.06:
            silent_until = number + chance.randint(5, 7)
        calls = max(0, round(chance.gauss(usual, usual / 6)))
        if company == "growing":
            usual = round(usual * 1.04) + 1
        if chance.random() < 0.12:
            calls = chance.choice((0, usual * 4, usual // 5))
        yield Week(0 if number < silent_until else calls, range(7 if company == "busy" else 5))


def made_calls(chance: random.Random, *, is_late: bool) -> list[tuple]:
    """(company, happened_at, received_at, moved_at, moved_to): whose a call is may change once."""
    calls = []
    for company in COMPANIES:
        for number, week in enumerate(made_weeks(company, chance)):
            for _ in range(week.calls):
                day = FIRST_DAY + timedelta(days=7 * number + chance.choice(week.days))
                happened = datetime(day.year, day.month, day.day, tzinfo=UTC)
                happened += timedelta(minutes=chance.randrange(24 * 60))
                received, moved_at, moved_to = happened, None, None
                if is_late and chance.random() < 0.08:
                    received += timedelta(hours=chance.choice((1, 9, 30, 100, 300)))
                if is_late and chance.random() < 0.05:
                    moved_at = received + timedelta(days=chance.randint(1, 40))
                    moved_to = chance.choice(COMPANIES)
                calls.append((company, happened, received, moved_at, moved_to))
    return calls


@dataclass
class Played:
    """A warehouse in which time passes: what had landed at a moment, as alerts judge it."""

    url: str
    connection: psycopg.Connection
    weeks: str
    alerts: str
    told: list[tuple[date, UsageNews]] = field(default_factory=list)

    def build(self, moment: datetime, as_of: date) -> dict[Key, tuple]:
        """The alerts that a build of this moment makes."""
        self.connection.execute("update played.now set moment = %s", [moment])
        for name, query in (
            ("intermediate.int_usage__object_weeks", self.weeks),
            ("marts.usage_alerts", self.alerts),
        ):
            self.connection.execute(f"truncate {name}")
            self.connection.execute(f"insert into {name} {query.replace(SOME_DAY, str(as_of))}")
        self.connection.execute("truncate marts.usage_trends")
        self.connection.execute("insert into marts.usage_trends values (%s)", [as_of])
        return {
            (row[0], row[1], row[2], row[3]): row[4:]
            for row in self.connection.execute(
                "select object_type, object_id, kind, opened_on, closed_on, activities, expected "
                "from marts.usage_alerts"
            )
        }

    def tell(self, day: date) -> UsageNews | None:
        news = tell_usage_alerts(self.url, lambda news: self.told.append((day, news)))
        assert news is None or (news is self.told[-1][1] and len(news.alerts) == news.total)
        return news

    def kept(self) -> dict[Key, tuple[str | None, date | None]]:
        """What is kept of every alert that was told: why and when it closed."""
        return {
            (row[0], row[1], row[2], row[3]): row[4:]
            for row in self.connection.execute(
                "select object_type, object_id, kind, opened_on, closed_reason, closed_on "
                "from sync.alerts_sent where sent_at is not null"
            )
        }


def compiled(url: str, settings: Settings, folder: Path) -> dict[str, str]:
    """The SQL of the models that judge, over tables that are not there yet: all of it."""
    from dbt.cli.main import dbtRunner

    os.environ.update(warehouse_environment(url))
    models = (
        "stg_settings__thresholds", "stg_settings__switches", "int_usage__object_weeks",
        "usage_alerts",
    )  # fmt: skip
    outcome = dbtRunner().invoke(
        [
            "compile", "--select", *models, "--log-level", "none", *dbt_options(settings),
            "--target-path", str(folder), "--vars", json.dumps({"as_of": SOME_DAY}),
        ]
    )  # fmt: skip
    assert outcome.success, outcome.exception
    found = {each.node.name: each.node.compiled_code for each in outcome.result.results}
    return {name: found[name] for name in models}


@pytest.fixture
def play(warehouse: str, settings: Settings, tmp_path: Path) -> Iterator[Any]:
    texts = compiled(warehouse, settings, tmp_path)
    with psycopg.connect(warehouse, autocommit=True) as connection:

        def play(calls: list[tuple]) -> Played:
            connection.execute(
                """
                create schema played;
                create schema staging;
                create schema intermediate;
                create schema marts;
                create table played.now (moment timestamptz);
                insert into played.now values (null);
                create table played.calls (
                    company text, happened_at timestamptz, received_at timestamptz,
                    moved_at timestamptz, moved_to text
                );
                create view intermediate.int_usage__object_days as
                select
                    'company' as object_type,
                    case when moved_at <= moment then moved_to else company end as object_id,
                    (happened_at at time zone 'UTC')::date as activity_date,
                    count(*) as activities
                from played.calls
                cross join played.now
                where received_at <= moment
                group by 1, 2, 3;
                create table marts.usage_trends (as_of_date date);
                create table marts.companies (company_id text, name text, deleted_at timestamptz);
                create table marts.endusers (enduser_id text, company_id text)
                """
            )
            connection.cursor().executemany(
                "insert into played.calls values (%s, %s, %s, %s, %s)", calls
            )
            connection.cursor().executemany(
                "insert into marts.companies (company_id, name) values (%s, %s)",
                [(company, company) for company in COMPANIES],
            )
            for name in ("stg_settings__thresholds", "stg_settings__switches"):
                connection.execute(f"create view staging.{name} as {texts[name]}")
            for name, text in (
                ("intermediate.int_usage__object_weeks", texts["int_usage__object_weeks"]),
                ("marts.usage_alerts", texts["usage_alerts"]),
            ):
                connection.execute(f"create table {name} as {text} limit 0")
            return Played(
                warehouse, connection, texts["int_usage__object_weeks"], texts["usage_alerts"]
            )

        yield play


def days() -> Iterator[date]:
    for number in range(1, WEEKS * 7):
        yield FIRST_DAY + timedelta(days=number)


def moments(day: date) -> tuple[datetime, datetime]:
    """When a day is looked at: in the morning, and in the evening."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return midnight + timedelta(hours=6), midnight + timedelta(hours=18)


def assert_nothing_is_in_the_future(alerts: dict[Key, tuple], as_of: date) -> None:
    for key, (closed_on, *_) in alerts.items():
        assert key[3] <= as_of, key
        assert closed_on is None or key[3] < closed_on <= as_of, key


def test_with_nothing_late_a_day_says_what_a_later_replay_of_it_says(play: Any) -> None:
    played = play(made_calls(random.Random(1), is_late=False))
    said = {}
    for day in days():
        as_of = day - timedelta(days=1)
        morning, evening = (played.build(moment, as_of) for moment in moments(day))
        assert morning == evening, day
        assert_nothing_is_in_the_future(morning, as_of)
        said[as_of] = morning
        played.tell(day)
    kinds = Counter(key[2] for key in said[as_of])
    assert min(kinds[kind] for kind in ("drop", "spike", "stopped")) >= 2, kinds

    # what was told is never taken back, and is what the day's replay has
    for day, news in played.told:
        as_of = day - timedelta(days=1)
        assert not news.corrected
        for alert in news.alerts:
            key = (alert.object_type, alert.object_id, alert.kind, alert.opened_on)
            assert alert.opened_on == as_of
            assert key in said[as_of]
    # a week is no drop while it runs: none opens before the second day after it
    assert all(
        key[3].weekday() == 0 for alerts in said.values() for key in alerts if key[2] != "stopped"
    )
    end = moments(max(days()))[1]
    for as_of, alerts in said.items():
        assert played.build(end, as_of) == alerts, f"replayed as of {as_of}"


def test_what_no_longer_holds_closes_as_corrected_is_told_once_and_never_vanishes(
    play: Any,
) -> None:
    played = play(made_calls(random.Random(2), is_late=True))
    told: set[Key] = set()
    corrected: Counter[Key] = Counter()
    again: Counter[Key] = Counter()
    for day in days():
        as_of = day - timedelta(days=1)
        for moment in moments(day):
            alerts = played.build(moment, as_of)
            assert_nothing_is_in_the_future(alerts, as_of)
            news = played.tell(day)
            for alert in news.alerts if news else ():
                key = (alert.object_type, alert.object_id, alert.kind, alert.opened_on)
                if alert.is_corrected:
                    assert key in told
                    corrected[key] += 1
                else:
                    again[key] += key in told
                    told.add(key)
            kept = played.kept()
            assert set(kept) == told, "what was told is kept"
            for key, (reason, closed_on) in kept.items():
                assert (reason == "corrected") == (key not in alerts), key
                assert closed_on is None or closed_on <= as_of
                if key in alerts:
                    assert closed_on == alerts[key][0]
            # once, and once more for each time that it held again
            assert all(
                count == again[key] + (kept[key][0] == "corrected")
                for key, count in corrected.items()
            )
    assert len(corrected) >= 3, "a proof over alerts of which none was unmade would not be one"
    assert len(told) > len(corrected)
