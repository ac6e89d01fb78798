"""Builds one at a time, tries several at once, and neither beside the other."""

import threading

import psycopg

from include.build.lock import share_lock, take_lock
from include.warehouse.connection import connect


def test_a_build_waits_for_tries_and_new_tries_wait_for_it(warehouse: str):
    said: list[str] = []
    done = threading.Event()

    def build() -> None:
        with connect(warehouse, application_name="build", autocommit=True) as holder:
            take_lock(holder, said.append)
            done.set()

    def nobody(line: str) -> None:
        raise AssertionError(line)

    with (
        connect(warehouse, application_name="try for ann", autocommit=True) as first,
        connect(warehouse, application_name="try for ben", autocommit=True) as second,
        connect(warehouse, application_name="try for cat", autocommit=True) as third,
    ):
        share_lock(first, nobody)
        share_lock(second, nobody)
        waiting = threading.Thread(target=build)
        waiting.start()
        while not said:
            assert waiting.is_alive()
        assert said[0].startswith("waiting for somebody who tries an edit: ann, since ")
        # it is told so, and waits until the build is done
        lines: list[str] = []
        later = threading.Thread(target=share_lock, args=(third, lines.append))
        later.start()
        while not lines:
            assert later.is_alive()
        assert not done.is_set()
        for each in (first, second):
            each.execute("select pg_advisory_unlock_all()")
        waiting.join()
        later.join()
        assert done.is_set()
        with psycopg.connect(warehouse) as connection:
            held = connection.execute(
                "select mode from pg_locks where locktype = 'advisory' and database ="
                " (select oid from pg_database where datname = current_database())"
            ).fetchall()
        assert held == [("ShareLock",)]
