"""Stories of what went to Planhat: the sample's cases, pushed to a played Planhat for real."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from include.connections import PlanhatConnection
from include.played_planhat.app import PlayedPlanhat
from include.played_planhat.faults import Fault
from include.push.push import push
from include.push.report import Report
from include.push.to_planhat.planning import WITHHELD
from include.settings import Settings
from include.why import Story, tell
from tests.conftest import copied
from tests.dbt_project.test_made_by_us import play
from tests.include.push.to_planhat.world import QUICK
from tests.include.why.test_telling import steps, text


@dataclass
class Sent:
    """A warehouse of which everything was pushed to Planhat, but one activity has no outcome."""

    url: str
    to: PlanhatConnection

    def ask(self, identifier: str) -> Story:
        return tell(self.url, identifier)

    def one(self, query: str, *values: object) -> tuple:
        with psycopg.connect(self.url, autocommit=True) as connection:
            found = connection.execute(query, values).fetchone()  # type: ignore[arg-type]
        assert found is not None, query
        return found


@pytest.fixture(scope="module")
def sent(
    server: Settings, stories: str, served_planhat: tuple[PlayedPlanhat, str]
) -> Iterator[Sent]:
    played, address = served_planhat
    played.reset()
    to = PlanhatConnection(address, played.token, played.tenant_token, address)
    with copied(server, "sent_stories", template="stories") as url:
        play(url, played)
        played.switches = played.switches.turned(aggregation="LAST")
        played.sinks.aggregations["api_calls"] = "SUM"
        with psycopg.connect(url) as connection:
            # days that are long over; a push takes no build that somebody set to look back
            connection.execute("update sync.builds set is_as_of_set = false")
            connection.execute("update sync.planhat_outbound set since = '2026-02-20'")
        played.faults.waiting = [Fault("lost", "POST", "analytics/bulk")]
        _push(url, to, server, models=["activity"], limit=1)
        report = _push(url, to, server)
        assert report.total("synced") > 20, report.table()
        assert report.total("waiting") == 1
        yield Sent(url, to)


def _push(url: str, to: PlanhatConnection, settings: Settings, **options: Any) -> Report:
    given = {"requested_by": "a test", "say": lambda line: None, "options": QUICK, **options}
    return push(url, to, settings, **given)


def test_a_created_enduser_says_when_it_was_made_there_and_that_it_was_seen(sent: Sent):
    (enduser_id,) = sent.one("select object_id from to_planhat.enduser where first_name = 'Rosa'")
    story = sent.ask(enduser_id)
    (took,) = steps(story, "To Planhat")
    assert re.search(
        r"^http://127.0.0.1:\d+ \(tenant …0001\) took the enduser on .* in run 3 \(command, ",
        took.text,
    )
    assert took.payload["last_name"] == "Okafor"
    assert steps(story, "Receipt")[0].text.startswith("Seen there on ")
    assert "a model that is switched off" in text(story)
    assert tell(sent.url, enduser_id, with_persons=False).chapters[0].steps[-1].payload is None


@pytest.mark.parametrize("reason", ["no_address", "shared_address", "address_in_planhat"])
def test_who_is_kept_from_planhat_says_why(sent: Sent, reason: str):
    (enduser_id,) = sent.one(
        "select object_id from to_planhat.enduser where withheld = %s limit 1", reason
    )
    story = sent.ask(enduser_id)
    (withheld,) = steps(story, "Withheld")
    assert withheld.state == "missing"
    assert withheld.text == f"Kept from Planhat ({reason}): {WITHHELD[reason]}."
    assert not steps(story, "To Planhat")


def test_a_company_says_which_metrics_went_and_were_seen_and_segments_way_once(sent: Sent):
    # declared metrics, and a measure that the sample chose
    company_id, values = sent.one(
        "select planhat_id, count(*) from to_planhat.metric"
        " group by 1 order by count(distinct dimension) desc limit 1"
    )
    story = sent.ask(company_id)
    (metrics,) = steps(story, "Metrics to Planhat")
    assert metrics.text.startswith(f"{values} values taken by http://127.0.0.1:")
    assert metrics.text.endswith(": active_people, api_calls, seats_used, storage_gb.")
    assert metrics.more == (f"{values} of them were seen there.",)
    assert len(steps(story, "Outbound")) == 1
    # what is Segment's says nothing of Planhat, which never gets a company
    assert [each.text for each in steps(story, "Pushed")] == []
    assert len(steps(story, "Answered")) == 1


def test_a_call_with_a_metric_says_what_planhat_took_of_its_day(sent: Sent):
    (message_id,) = sent.one(
        "select message_id from marts.event_resolution"
        " inner join staging.stg_segment__group_traits using (event_seq)"
        " where trait = 'api_calls' and reason is null and event_date = '2026-03-20' limit 1"
    )
    took = [each.text for each in steps(sent.ask(message_id), "To Planhat")]
    assert any("took api_calls 7 (SUM) on " in each for each in took), took


def test_activities_are_summed_of_an_enduser_and_told_of_a_call(sent: Sent):
    enduser_id, count, days = sent.one(
        "select payload ->> 'enduser_id', sum((payload ->> 'count')::int), count(*)"
        " from sync.objects where model = 'activity' and acknowledged_at is not null"
        " group by 1 order by 3 desc, 1 limit 1"
    )
    (summed,) = steps(sent.ask(enduser_id), "Activities to Planhat")
    noun = "day and event" if days == 1 else "days and events"
    assert summed.text.startswith(f"{days} {noun} taken by http://127.0.0.1:")
    assert f"{count} activities in all; they cannot be read back." in summed.more
    message_id, event = sent.one(
        "select message_id, event from marts.event_resolution where enduser_id = %s"
        " and type = 'track' and reason is null and event_date >= '2026-02-20'"
        " order by event_at desc limit 1",
        enduser_id,
    )
    story = sent.ask(message_id)
    (took,) = steps(story, "To Planhat")
    assert f"of “{event}” on " in took.text
    assert steps(story, "Receipt")[0].text == "None: activities cannot be read back."


def test_a_call_of_a_day_before_sending_began_says_so(sent: Sent):
    found = sent.one(
        "select message_id from marts.event_resolution inner join marts.usage_daily"
        " on object_type = 'enduser' and object_id = enduser_id and activity_date = event_date"
        " and usage_daily.event = event_resolution.event"
        " inner join raw_planhat.objects on planhat_id = enduser_id and objects.model = 'enduser'"
        " where event_date < '2026-02-20' limit 1"
    )
    (said,) = steps(sent.ask(found[0]), "To Planhat")
    assert said.text == "Not sent: activities are sent from 2026-02-20 on, when sending began."


def test_what_is_of_unknown_outcome_says_so_under_its_own_id_and_its_endusers(sent: Sent):
    object_id, enduser_id = sent.one(
        "select object_id, sent_payload ->> 'enduser_id' from sync.objects"
        " where sent_version is not null"
    )
    story = sent.ask(object_id)
    assert story.chapters[0].title == f"Activity to Planhat {object_id}"
    (unknown,) = steps(story, "Sent")
    assert unknown.state == "waiting"
    assert "`make answer TO=planhat MODEL=activity ANSWER=arrived`" in unknown.more[0]
    assert steps(story, "About")[0].refs == (enduser_id,)
    (summed,) = steps(sent.ask(enduser_id), "Activities to Planhat")
    assert summed.state == "waiting"
    assert summed.more[-1].startswith("Of 1 day and event nobody knows whether they arrived")


def test_a_metric_of_a_day_is_told_under_its_own_id(sent: Sent):
    object_id, planhat_id = sent.one(
        "select object_id, payload ->> 'planhat_id' from sync.objects where model = 'metric'"
        " order by 1 limit 1"
    )
    story = sent.ask(object_id)
    assert steps(story, "About")[0].refs == (planhat_id,)
    assert steps(story, "Receipt")[0].text.startswith("Seen there on ")


def test_whom_we_made_says_so_under_planhats_id_and_is_linked(sent: Sent):
    (enduser_id,) = sent.one("select object_id from to_planhat.enduser where first_name = 'Rudi'")
    planhat_id = "66b0c1d2e3f4a5b6c7d8e901"
    # as the next read and build leave it
    sent.one(
        "insert into raw_planhat.objects (model, planhat_id, payload, made_by_us)"
        " values ('enduser', %s, %s, true) returning 1", planhat_id, Jsonb({}),
    )  # fmt: skip
    sent.one(
        "update marts.endusers set enduser_id = %s where enduser_id = %s returning 1",
        planhat_id, enduser_id,
    )  # fmt: skip
    story = sent.ask(planhat_id)
    assert "we made it in Planhat, where it has this id" in text(story)
    assert " took the enduser on " in steps(story, "To Planhat")[0].text
    pattern = "https://app.example/{model}/{id}"
    assert story.lines(pattern)[1] == f"  https://app.example/enduser/{planhat_id}"
    assert story.as_dict(pattern)["chapters"][0]["planhat_url"].endswith(planhat_id)
    assert story.as_dict()["chapters"][0]["planhat_url"] is None


def test_before_the_first_push_to_planhat_a_created_enduser_says_that_there_was_none(
    story_of: Callable[..., Story], stories: str
):
    with psycopg.connect(stories) as connection:
        (enduser_id,) = connection.execute(
            "select object_id from to_planhat.enduser where withheld is null limit 1"
        ).fetchone()  # type: ignore[misc]
    (step,) = steps(story_of(enduser_id), "To Planhat")
    assert (step.text, step.state) == ("Not yet: nothing was ever pushed to Planhat.", "waiting")
