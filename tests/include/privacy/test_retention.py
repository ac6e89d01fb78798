"""What is kept of old calls: every number stays, and what was said beside it goes."""

import random
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg import sql

from include.build import build
from include.build.lock import take_lock
from include.collector.books import check_books
from include.errors import ProblemError
from include.privacy.retention import keeping
from include.privacy.retention.kept import BOTS
from include.privacy.retention.rules import (
    ALL,
    Rule,
    cutoff_of,
    due_at,
    read_rules,
    remove_rule,
    set_rule,
)
from include.settings import ROOT, Settings
from include.why.telling import tell
from tests.conftest import copied
from tests.dbt_project import test_any_order as any_order
from tests.dbt_project.landing import land_calls, land_objects
from tests.dbt_project.worlds import ROUNDS, draw_worlds
from tests.include.privacy.people import quietly, tables_that_say

TODAY = any_order.AS_OF + timedelta(days=1)
LATER = datetime(2027, 6, 15, tzinfo=UTC)
WORD = "verbatim"
# Single calls, whose times are those of the call that stands for them.
BY_CALL = {
    "staging.stg_segment__calls", "intermediate.int_identity__calls",
    "intermediate.int_identity__links", "intermediate.int_identity__anonymous_calls",
    "intermediate.int_identity__call_resolutions", "intermediate.int_usage__object_calls",
    "marts.event_resolution", "intermediate.int_identity__call_objects",
}  # fmt: skip

Tables = dict[str, Counter]


def busy_calls(chance: random.Random, many: int) -> Iterator[dict]:
    """Few people and devices with many calls a day, at times that often are the same."""
    users = ["busy-1", "busy-2", "busy-3", "several-1"]
    devices = ["own-1", "own-2", "own-3", "shared-1"]
    start = datetime(2026, 3, 4, tzinfo=UTC)
    for number in range(many):
        user = chance.choice(users)
        device = devices[users.index(user)] if chance.random() < 0.8 else "shared-1"
        at = start + timedelta(days=chance.randrange(4), minutes=chance.randrange(0, 1440, 7))
        company = chance.choice(["acme", "globex"]) if user == "several-1" else "acme"
        said = {
            "messageId": f"busy-{chance.randrange(10**9):09}-{number}",
            "timestamp": at.isoformat(),
            "context": {"library": {"name": "lib", "version": "1"}, "ip": f"{WORD}-ip",
                        "userAgent": f"{WORD} googlebot" if chance.random() < 0.1 else WORD},
        }  # fmt: skip
        kind = chance.random()
        if number % 3 == 0:
            yield {
                **said,
                "type": "track",
                "userId": "steady-1",
                "anonymousId": "steady-device",
                "event": "Opened",
                "properties": {"company_id": company, "note": WORD},
            }
        elif kind < 0.05:
            yield {
                **said,
                "type": "identify",
                "userId": user,
                "anonymousId": device,
                "traits": {"company_id": company, "name": f"N {user}", "secret": WORD},
            }
        elif kind < 0.1:
            yield {
                **said,
                "type": "group",
                "userId": user,
                "groupId": company,
                "traits": {
                    "seats": chance.randrange(9),
                    "plan": WORD,
                    "declared": "many",
                    "company": {"id": company, "name": WORD},
                },
            }
        elif kind < 0.4:
            yield {
                **said,
                "type": "page",
                "anonymousId": device,
                "name": "Home",
                "properties": {"url": f"https://example.com/{WORD}"},
            }
        else:
            names = {"company_id": company} if chance.random() < 0.3 else {}
            yield {
                **said,
                "type": "track",
                "userId": user,
                "event": "Opened",
                **({"anonymousId": device} if chance.random() < 0.5 else {}),
                "properties": {"note": WORD, **names},
            }


@dataclass(frozen=True)
class World:
    url: str
    before: Tables
    due: keeping.Done
    # what was done before it was interrupted, and after
    interrupted: int
    done: keeping.Done
    after: Tables
    said: dict[str, int]
    # the next time: nothing, and with `always` nothing either
    again: tuple[keeping.Done | None, keeping.Done | None]
    # when more has landed
    later: Tables
    full: Tables


@pytest.fixture(scope="module")
def world(server: Settings) -> Iterator[World]:
    """Random worlds and busy people: built, kept as the rules say, and gone on with."""
    with copied(server, "test") as url:
        settings = replace(server, airflow_conn_warehouse=url)
        rendered = any_order.render(draw_worlds(60, 7))
        chance = random.Random(11)
        with psycopg.connect(url, autocommit=True) as connection:
            for number in range(ROUNDS):
                any_order.deliver(connection, rendered, number)
            connection.execute("insert into sync.company_metrics (metric) values ('declared')")
        for number, key in enumerate(("acme", "globex"), 1):
            land_objects(url, "company", [{"_id": f"{number:024}", "name": key, "externalId": key}])
        land(url, busy_calls(chance, 1_500), chance)
        book(url)
        build(url, settings, requested_by="test", today=TODAY, say=quietly)
        before = any_order.read_everything(url)
        set_rule(url, Rule(ALL, ALL, 1, 3), by="test")
        due, (interrupted, done) = keeping.count_due(url, now=LATER), keep_with_an_interruption(url)
        # tables that are made of calls by their order show only now what they make of it
        build(url, settings, requested_by="test", today=TODAY, say=quietly)
        after, said = any_order.read_everything(url), tables_that_say(url, WORD)
        again = keep(url), keep(url, always=True)
        # somebody whom calls had made is in Planhat, and calls of the same days come late
        known = {"_id": "e" * 24, "companyId": f"{1:024}", "externalId": "busy-2"}
        land_objects(url, "enduser", [known])
        land(url, busy_calls(chance, 150), chance)
        build(url, settings, requested_by="test", today=TODAY, say=quietly)
        later = any_order.read_everything(url)
        build(url, settings, requested_by="test", today=TODAY, full=True, say=quietly)
        full = any_order.read_everything(url)
        yield World(url, before, due, interrupted, done, after, said, again, later, full)


def land(url: str, calls: Iterable[dict], chance: random.Random) -> None:
    """Land calls as they happened, or some time later."""
    by_arrival: dict[datetime, list[dict]] = {}
    for call in calls:
        late = timedelta(minutes=chance.choice([0, 0, 0, 0, 1, 61, 900]))
        by_arrival.setdefault(datetime.fromisoformat(call["timestamp"]) + late, []).append(call)
    for at in sorted(by_arrival):
        land_calls(url, by_arrival[at], received_at=at)


def book(url: str) -> None:
    """Make the books of a collector that had landed all of it, and let them be checked."""
    with psycopg.connect(url) as connection:
        connection.execute("update raw_segment.loads set token = gen_random_uuid()")
        connection.execute(
            "insert into raw_segment.intake (source, hour, received, landed)"
            " select source, date_trunc('hour', received_at, 'UTC'), count(*), count(*)"
            " from raw_segment.events group by 1, 2"
        )
    assert check_books(url).differences == []


def keep_with_an_interruption(url: str) -> tuple[int, keeping.Done | None]:
    """How many payloads had gone when it was interrupted, and what was done after that."""
    turns = iter(range(3))

    def lock(holder: psycopg.Connection) -> None:
        if next(turns, None) is None:
            raise KeyboardInterrupt
        take_lock(holder, quietly)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keeping, "STEP", 500)
        with pytest.raises(KeyboardInterrupt):
            keeping.keep(url, by="test", now=LATER, say=quietly, lock=lock)
        with psycopg.connect(url) as connection:
            ((gone,),) = connection.execute(
                "select count(*) from raw_segment.events where kept_as <> ''"
            ).fetchall()
        return gone, keep(url)


def keep(url: str, **options: object) -> keeping.Done | None:
    return keeping.keep(
        url, by="test", now=LATER, say=quietly,
        lock=lambda holder: take_lock(holder, quietly), **options,
    )  # fmt: skip


def test_every_number_is_as_it_was(world: World):
    assert differing(world.before, world.after) - BY_CALL == {"staging.stg_segment__group_traits"}
    assert 500 < world.interrupted < world.due.payloads
    assert world.interrupted + world.done.payloads == world.due.payloads > 1_900
    assert world.due.calls > world.done.calls > 100


def test_what_was_said_beside_keys_and_numbers_is_nowhere(world: World):
    assert world.said == {}


def test_the_next_time_nothing_is_due(world: World):
    at_once, always = world.again
    assert at_once is None
    assert always is not None
    assert (always.payloads, always.calls) == (0, 0)


def test_builds_go_on_from_it_and_a_full_one_makes_the_same(world: World):
    assert len(world.full) > 80
    assert world.later["marts.endusers"] != world.after["marts.endusers"]
    assert differing(world.later, world.full) == set()


def differing(one: Tables, other: Tables) -> set[str]:
    assert one.keys() == other.keys()
    return {name for name in one if one[name] != other[name]}


def test_the_books_agree_also_when_all_is_counted_again(world: World):
    with psycopg.connect(world.url) as connection:
        ((moved,),) = connection.execute(
            "select count(*) from raw_segment.intake where moved <> 0"
        ).fetchall()
    assert moved > 10
    assert check_books(world.url).differences == []
    with psycopg.connect(world.url) as connection:
        connection.execute("delete from raw_segment.books_checked")
        connection.execute("delete from raw_segment.books_check")
    checked = check_books(world.url)
    assert (checked.calls, checked.differences) == (world.due.payloads, [])


def test_a_repeat_of_what_is_kept_no_longer_is_no_other_call(world: World):
    with psycopg.connect(world.url) as connection:
        kept, fresh = (
            connection.execute(
                "select message_id from raw_segment.events where kept_as = %s limit 1",
                [state],
            ).fetchone()[0]
            for state in ("days", "")
        )
        differing = connection.execute(
            "select calls from raw_segment.differing(%s::text[], '{app,app}', '{now,now}',"
            " '{{},{}}', '{}', '{}')",
            [[kept, fresh]],
        ).fetchall()
    assert differing == [(1,)]


def test_user_agents_of_bots_are_those_that_builds_look_for():
    macro = (ROOT / "dbt_project" / "macros" / "bots.sql").read_text()
    assert f"'{BOTS}'" in macro


def test_the_rule_that_says_most_counts_and_months_are_whole():
    rules = [
        Rule("app", "track", 1, 2), Rule("app", ALL, None, 14), Rule(ALL, "page", 0, None),
        Rule(ALL, ALL, 13, None),
    ]  # fmt: skip
    due = due_at(rules, datetime(2026, 12, 1, tzinfo=UTC))
    assert [each.payloads for each in due] == [
        datetime(2026, 11, 1, tzinfo=UTC), datetime(2025, 10, 1, tzinfo=UTC),
        datetime(2026, 12, 1, tzinfo=UTC), datetime(2025, 11, 1, tzinfo=UTC),
    ]  # fmt: skip
    assert [each.calls for each in due] == [
        datetime(2026, 10, 1, tzinfo=UTC), datetime(2025, 10, 1, tzinfo=UTC), None, None,
    ]  # fmt: skip
    assert due_at([Rule(ALL, ALL, 1200, None)], LATER)[0].payloads.year == 1927


@pytest.mark.parametrize(
    ("source", "type_", "said"),
    [
        ("app", "track", "2026-11-01"), ("app", "page", "2025-10-01"),
        ("web", "page", "2026-12-01"), ("web", "track", None),
    ],
)  # fmt: skip
def test_of_a_call_the_rule_that_says_most_is_asked(
    warehouse: str, source: str, type_: str, said: str | None
):
    rules = [Rule("app", "track", 1, 2), Rule("app", ALL, None, 14), Rule(ALL, "page", 0, None)]
    due = due_at(rules, datetime(2026, 12, 1, tzinfo=UTC))
    with psycopg.connect(warehouse) as connection:
        query = sql.SQL("select ({})::date::text from (values ({}, {})) as each (source, type)")
        found = connection.execute(query.format(cutoff_of(due, "payloads"), source, type_))
        assert found.fetchone() == (said,)


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (Rule(ALL, ALL, None, None), "for how many months"),
        (Rule(ALL, ALL, 13, 12), "13 months of payloads are more than 12 of calls"),
        (Rule(ALL, ALL, 13, 0), "more than 0 of calls"),
        (Rule(ALL, ALL, -1, None), "from 0 to 1200"),
        (Rule("ap", ALL, 13, None), "There is no source ap"),
        (Rule(ALL, "t" * 101, 13, None), "at most 100 characters"),
    ],
)
def test_what_is_no_rule_is_refused_and_changes_nothing(warehouse: str, rule: Rule, why: str):
    with pytest.raises(ProblemError, match=why):
        set_rule(warehouse, rule, by="ann")
    with psycopg.connect(warehouse) as connection:
        assert read_rules(connection) == []


def test_without_a_rule_nothing_is_looked_at(warehouse: str):
    assert keep(warehouse) == keeping.count_due(warehouse) == keeping.Done([])


def test_what_was_quarantined_too_long_ago_goes(warehouse: str):
    with psycopg.connect(warehouse) as connection:
        for source, at in (("app", "2024-01-01"), ("app", "2027-06-01"), ("kept", "2024-01-01")):
            connection.execute(
                "insert into raw_segment.sources (source) values (%s) on conflict do nothing",
                [source],
            )
            connection.execute(
                "insert into raw_segment.quarantine (received_at, source, reason, payload)"
                " values (%s, %s, 'no_json', '{')",
                [at, source],
            )
    set_rule(warehouse, Rule(ALL, ALL, 13, None), by="ann")
    set_rule(warehouse, Rule("kept", ALL, 1200, None), by="ann")
    assert keeping.count_due(warehouse, now=LATER).quarantined == 1
    done = keep(warehouse)
    assert done is not None
    assert (done.payloads, done.quarantined) == (0, 1)
    remove_rule(warehouse, Rule("kept", ALL, None, None))
    done = keep(warehouse)
    assert done is not None
    assert done.quarantined == 1
    with pytest.raises(ProblemError, match="no rule for calls of kept"):
        remove_rule(warehouse, Rule("kept", ALL, None, None))


def test_the_story_of_a_call_says_what_is_left_of_it(world: World):
    with psycopg.connect(world.url) as connection:
        ids = dict(
            connection.execute(
                "select distinct on (kept_as) kept_as, message_id from raw_segment.events"
                " order by kept_as, message_id"
            ).fetchall()
        )
    said = {
        state: tell(world.url, message_id).chapters[0].steps[0].text
        for state, message_id in ids.items()
    }
    assert "kept" not in said[""]
    assert "Of its payload only keys and numbers are kept any more." in said["keys"]
    assert "its time may be that of one that is alike" in said["days"]
