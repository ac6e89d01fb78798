"""The check of the books finds what was changed behind their back, and reads only what is new."""

from datetime import UTC, date, datetime

import psycopg
import pytest

from include.build.inputs import read_inputs
from include.build.records import full_because
from include.collector.books import Checked, Difference, check_books
from include.collector.replay import replay
from include.settings import Settings
from include.warehouse import embedded
from tests.include.collector.conftest import Running, running


@pytest.fixture
def collector(collector: Running) -> Running:
    """The file's collector, with nothing landed and nothing checked."""
    change(collector, "truncate raw_segment.books_checked, raw_segment.books_check")
    return collector


def call(message_id: str) -> dict:
    return {"type": "track", "userId": "u", "event": "E", "messageId": message_id}


def send(collector: Running, *ids: str, key: str = "demo-app") -> None:
    batch = {"batch": [call(each) for each in ids]}
    assert collector.post("/v1/batch", batch, key=key).status_code == 200


def change(collector: Running, statement: str) -> None:
    """As nobody should."""
    with psycopg.connect(collector.warehouse) as connection:
        connection.execute(statement)  # type: ignore[call-overload]


def found(collector: Running) -> list[tuple[str, str, int, int]]:
    return [
        (each.source, each.what, each.booked, each.found)
        for each in check_books(collector.warehouse).differences
    ]


def test_books_that_nobody_touched_add_up_and_each_call_is_counted_once(collector: Running):
    assert check_books(collector.warehouse) == Checked(0, [])
    send(collector, "m-1", "m-2", "m-2", "m-3")
    send(collector, "m-1", "m-4", key="demo-planhat")
    collector.post("/v1/track", b'{"event":"E","x":NaN}')
    assert check_books(collector.warehouse) == Checked(4, [])
    send(collector, "m-4", "m-5")
    assert check_books(collector.warehouse) == Checked(1, [])
    assert check_books(collector.warehouse) == Checked(0, [])


def test_a_call_that_was_deleted_is_missed_until_somebody_accepts_it(collector: Running):
    send(collector, "m-1")
    assert check_books(collector.warehouse) == Checked(1, [])
    send(collector, "m-2", "m-3")
    change(collector, "delete from raw_segment.events where message_id = 'm-3'")
    for _ in range(2):
        assert found(collector) == [("demo-app", "landed", 2, 1)]
    assert check_books(collector.warehouse, accept=True).differences
    send(collector, "m-4")
    assert check_books(collector.warehouse) == Checked(1, [])


def test_a_call_that_was_added_to_a_load_is_found(collector: Running):
    send(collector, "m-1")
    change(
        collector,
        "insert into raw_segment.events (message_id, source, type, received_at, payload, load_id)"
        " select 'm-2', 'web', 'track', received_at, '{}', load_id from raw_segment.events",
    )
    assert found(collector) == [("web", "landed", 0, 1)]


def test_a_call_that_was_moved_to_another_hour_is_found_in_both(collector: Running):
    send(collector, "m-1")
    change(collector, "update raw_segment.events set received_at = now() - interval '2 hours'")
    assert sorted(found(collector)) == [
        ("demo-app", "landed", 0, 1),
        ("demo-app", "landed", 1, 0),
    ]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ("landed = landed + 1", {("landed", 3, 2), ("received", 2, 3)}),
        ("landed = landed + 1, received = received + 1", {("landed", 3, 2)}),
        ("received = received + 5", {("received", 7, 2)}),
        ("quarantined = quarantined + 1", {("received", 2, 3)}),
        ("spooled = 1", {("received", 2, 3)}),
        ("duplicates = -1, quarantined = 1", {("negative", -1, 0), ("differing", 0, -1)}),
        ("differing = 1", {("differing", 1, 0)}),
    ],
)
def test_a_book_that_was_changed_is_found(collector: Running, changed: str, expected: set):
    send(collector, "m-1", "m-2")
    change(collector, f"update raw_segment.intake set {changed}")
    assert set(found(collector)) == {("demo-app", *each) for each in expected}


def test_a_book_that_is_gone_is_found_also_after_it_was_checked(collector: Running):
    send(collector, "m-1", "m-2")
    assert check_books(collector.warehouse) == Checked(2, [])
    change(collector, "delete from raw_segment.intake")
    assert found(collector) == [("demo-app", "landed", -2, 0)]


def test_old_calls_may_be_deleted_once_they_were_checked(collector: Running):
    send(collector, "m-1")
    assert check_books(collector.warehouse) == Checked(1, [])
    change(collector, "delete from raw_segment.events")
    assert check_books(collector.warehouse) == Checked(0, [])


def test_what_is_replayed_is_counted_in_the_hour_of_its_arrival(collector: Running):
    collector.post("/v1/track", b'{"event":"E","messageId":"m","x":NaN}')
    change(
        collector,
        "update raw_segment.quarantine set payload = replace(payload, 'NaN', '1'),"
        " received_at = received_at - interval '5 hours'",
    )
    change(collector, "update raw_segment.intake set hour = hour - interval '5 hours'")
    assert check_books(collector.warehouse) == Checked(0, [])
    replay(collector.warehouse, say=lambda line: None)
    assert check_books(collector.warehouse) == Checked(1, [])


def test_calls_that_were_put_there_without_a_collector_are_in_nobodys_books(collector: Running):
    change(
        collector,
        "with load as (insert into raw_segment.loads default values returning load_id)"
        " insert into raw_segment.events"
        " (message_id, source, type, received_at, payload, load_id)"
        " select 'm', 's', 'track', now(), '{}', load_id from load",
    )
    assert check_books(collector.warehouse) == Checked(0, [])


def test_a_load_that_commits_after_a_later_one_is_counted_once(collector: Running):
    landing = """
        with load as (
            insert into raw_segment.loads (token) values (gen_random_uuid()) returning load_id
        ),
        books as (
            insert into raw_segment.intake (source, hour, received, landed)
            values ('late', date_trunc('hour', now(), 'UTC'), 1, 1)
        )
        insert into raw_segment.events (message_id, source, type, received_at, payload, load_id)
        select 'late', 'late', 'track', now(), '{}', load_id from load
    """
    with psycopg.connect(collector.warehouse) as late:
        late.execute(landing)
        send(collector, "m-1")
        assert check_books(collector.warehouse) == Checked(1, [])
        late.commit()
    send(collector, "m-2")
    assert check_books(collector.warehouse) == Checked(2, [])


def test_books_that_were_restored_into_another_server_are_counted_anew(collector: Running):
    send(collector, "m-1", "m-2")
    assert check_books(collector.warehouse) == Checked(2, [])
    # There, numbers of transactions were higher than they are here.
    change(
        collector,
        "update raw_segment.loads"
        " set transaction_id = (transaction_id::text::bigint + 1000000)::text::xid8",
    )
    change(
        collector,
        "update raw_segment.books_check set seen ="
        " (select format('%s:%s:', n, n)::pg_snapshot from"
        " (select pg_snapshot_xmax(seen)::text::bigint + 1000000 as n"
        " from raw_segment.books_check) as s)",
    )
    send(collector, "m-3")
    assert check_books(collector.warehouse) == Checked(3, [])
    send(collector, "m-4")
    assert check_books(collector.warehouse) == Checked(1, [])


def test_books_that_were_restored_into_a_server_that_is_further_on_are_counted_anew(
    collector: Running,
):
    send(collector, "m-1", "m-2")
    assert check_books(collector.warehouse) == Checked(2, [])
    # There, numbers of transactions were lower, as they are where a dump was restored.
    change(
        collector,
        "update raw_segment.books_check set seen ="
        " (select format('%s:%s:', n, n)::pg_snapshot from"
        " (select pg_snapshot_xmin(seen)::text::bigint - 10 as n"
        " from raw_segment.books_check) as s)",
    )
    change(
        collector,
        "insert into sync.builds"
        " (requested_by, as_of_date, window_to, settings, code_fingerprint, status, cluster_id)"
        " values ('there', '2026-03-31', pg_current_snapshot(), '{}', '', 'success', 1)",
    )
    with psycopg.connect(collector.warehouse) as holder:
        inputs = read_inputs(holder, date(2026, 3, 31), is_set=False)
        assert full_because(holder, inputs) == "the warehouse was restored into another cluster"
    send(collector, "m-3")
    assert check_books(collector.warehouse) == Checked(3, [])
    send(collector, "m-4")
    assert check_books(collector.warehouse) == Checked(1, [])


def test_what_came_by_the_spool_adds_up(own_server: Settings):
    with running(embedded.server_url(own_server, "warehouse")) as collector:
        send(collector, "m-1")
        embedded.stop(own_server)
        send(collector, "m-1", "m-2", "m-2")
        embedded.start(own_server)
        collector.wait_until_drained()
        assert check_books(collector.warehouse) == Checked(2, [])
        assert collector.books()["duplicates"] == 2


def test_a_difference_is_said_in_a_line():
    hour = datetime(2026, 3, 1, 14, tzinfo=UTC)
    line = str(Difference("web", hour, "landed", 1_200, 1_199))
    assert line == "web, 2026-03-01 14:00 UTC: landed 1,200, found 1,199"
