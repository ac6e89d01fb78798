"""docs/operations.md: what its runbooks say to run does what they say."""

import json
import re
import subprocess
import time
from pathlib import Path

import psycopg

from include.collector.books import check_books
from include.collector.load import load_files
from include.collector.sources import add_demo_sources, rotate_key
from include.settings import ROOT
from tests.documented import blocks, in_psql
from tests.include.collector.conftest import running
from tests.include.running import environment

PAGE = "operations.md"

# A person's data

THEIRS = ("u-17", "ann@gone.example", "anonymous-17", "5f0000000000000000000017", "171717")


def test_after_the_procedure_nothing_of_the_person_is_left_and_the_books_are_right(
    warehouse: str, tmp_path: Path
) -> None:
    add_demo_sources(warehouse)
    calls = [
        {"type": "identify", "messageId": "1", "userId": "u-17", "traits": {"email": "x@y.z"}},
        {"type": "track", "messageId": "2", "userId": "other", "event": "Invited",
         "properties": {"to": [{"email": " Ann@Gone.example "}]}},
        {"type": "page", "messageId": "3", "anonymousId": "anonymous-17"},
        {"type": "track", "messageId": "4", "userId": 171717, "event": "By number"},
        # cannot be stored
        {"type": "track", "messageId": "5", "userId": "u-17"},
        {"type": "track", "messageId": "6", "userId": "u-170", "event": "Somebody else's"},
        {"type": "track", "messageId": "7", "userId": "u-170"},
    ]  # fmt: skip
    land(warehouse, tmp_path / "before.jsonl", calls)
    assert check_books(warehouse).differences == []
    # what no check has looked at yet
    land(warehouse, tmp_path / "since.jsonl", [
        {"type": "track", "messageId": "8", "userId": "u-17", "event": "Late"},
        {"type": "track", "messageId": "9", "userId": "u-170", "event": "Late"},
    ])  # fmt: skip
    remember_both(warehouse)
    assert mentions(warehouse, THEIRS)

    (script,) = [each for each in blocks(PAGE, "Delete a person's data") if r"\set ids" in each]
    in_psql(warehouse, re.sub(r"'\{.*\}'", "'{" + ",".join(THEIRS) + "}'", script, count=1))

    assert mentions(warehouse, THEIRS) == []
    assert check_books(warehouse).differences == []
    with psycopg.connect(warehouse) as connection:
        events = connection.execute("select message_id from raw_segment.events order by 1")
        assert [message for (message,) in events] == ["6", "9"]
        for table, rows in (("raw_segment.quarantine", 1), ("raw_planhat.objects", 1),
                            ("sync.objects", 2), ("sync.run_errors", 1),
                            ("sync.comparisons", 1), ("sync.left_out", 1),
                            ("sync.outcome_answers", 1)):  # fmt: skip
            left = connection.execute(f"select count(*) from {table}".encode()).fetchone()
            assert left == (rows,), table
        books = connection.execute(
            "select sum(received), sum(landed), sum(quarantined) from raw_segment.intake"
        ).fetchone()
    assert books == (3, 2, 1)


def land(url: str, file: Path, calls: list[dict]) -> None:
    file.write_text("".join(json.dumps(each) + "\n" for each in calls))
    load_files(url, [file], "demo-app", say=lambda line: None)


def remember_both(url: str) -> None:
    """The person and somebody else, as Planhat was read and as pushes left them; both are gone."""
    people = [
        ("5f0000000000000000000017", "u-17", "Ann@gone.example"),
        ("5f0000000000000000000018", "u-170", "bob@there.example"),
    ]
    with psycopg.connect(url) as connection:
        connection.execute(
            "insert into sync.destinations (destination, kind, address)"
            " values ('p', 'planhat', 'https://p')"
        )
        (run,) = connection.execute(
            "insert into sync.runs (destination, trigger, requested_by, status)"
            " values ('d', 'command', 'c', 'partial') returning run_id"
        ).fetchone()
        for planhat_id, external_id, email in people:
            known = json.dumps({"_id": planhat_id, "externalId": external_id, "email": email})
            connection.execute(
                "insert into raw_planhat.objects (model, planhat_id, payload, deleted_at)"
                " values ('enduser', %s, %s, now())", [planhat_id, known],
            )  # fmt: skip
            connection.execute(
                "insert into raw_planhat.former_keys values ('enduser', 'c', %s, %s, 1)",
                [planhat_id, external_id],
            )
            connection.execute(
                "insert into sync.objects"
                " (destination, model, object_id, payload, user_id, removed_at)"
                " values ('d', 'enduser', %s, %s, %s, now())", [planhat_id, known, external_id],
            )  # fmt: skip
            sent = json.dumps({"external_id": external_id, "email": email})
            connection.execute(
                "insert into sync.objects (destination, model, object_id, payload)"
                " values ('p', 'activity', %s, %s)", [f"{planhat_id} 2026-03-01 x", sent],
            )  # fmt: skip
            connection.execute(
                "insert into sync.left_out (run_id, model, object_id, code, message, is_waiting,"
                " payload) values (%s, 'enduser', 'segment-1', 'no_address', '', false, %s)",
                [run, sent],
            )
            connection.execute(
                "insert into sync.outcome_answers (destination, model, object_id, answer,"
                " answered_by) values ('p', 'activity', %s, 'again', 'a')",
                [f"{planhat_id} 2026-03-01 x"],
            )
            example = {"object": planhat_id, "ours": external_id}
            connection.execute(
                "insert into sync.comparisons"
                " (tenant, since, until, compared_at, requested_by, found)"
                " values ('p', now(), now(), now(), 'c', %s)",
                [json.dumps({"sections": [{"reasons": [{"examples": [example]}]}]})],
            )
            connection.execute(
                "insert into sync.run_errors"
                " (run_id, destination, model, object_id, code, message, payload)"
                " values (%s, 'd', 'enduser', %s, 'too_large', '', %s)", [run, planhat_id, known],
            )  # fmt: skip


def mentions(url: str, keys: tuple[str, ...]) -> list[str]:
    """Tables of what is no build's with a row that holds one of the keys, whole."""
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "select format('%I.%I', schemaname, tablename) from pg_tables"
            " where schemaname in ('raw_segment', 'raw_planhat', 'sync')"
        ).fetchall()
        assert len(tables) > 30
        pattern = r"(^|[^\w-])(" + "|".join(map(re.escape, keys)) + r")($|[^\w-])"
        return [
            table
            for (table,) in tables
            if connection.execute(
                f"select exists (select from {table} as each where each::text ~* %s)".encode(),
                [pattern],
            ).fetchone()[0]
        ]


# Keys


def test_a_rotated_key_ends_within_five_seconds_of_the_statement(warehouse: str) -> None:
    add_demo_sources(warehouse)
    (statement,) = blocks(PAGE, "A write key of the collector")
    assert "'web-app'" in statement
    with running(warehouse) as collector:
        new = rotate_key(warehouse, "demo-app")
        call = {"userId": "u", "event": "E"}
        assert collector.post("/v1/track", call, key="demo-app").status_code == 200
        in_psql(warehouse, statement.replace("web-app", "demo-app"))
        patience = time.monotonic() + 30  # of a loaded machine; the collector looks each 5 s
        while collector.post("/v1/track", call, key="demo-app").status_code != 401:
            assert time.monotonic() < patience
            time.sleep(0.2)
        assert collector.post("/v1/track", call, key=new).status_code == 200


# A backup


def test_a_backup_is_restored_and_what_came_later_is_gone(warehouse: str, tmp_path: Path) -> None:
    backup = blocks(PAGE, "Back up", "sh")[0]
    restore = [
        line
        for line in blocks(PAGE, "Restore", "sh")[0].splitlines()
        if not re.match(r"make |kill |\.venv/bin/python -m include\.warehouse\.embedded", line)
    ]
    assert any("pg_restore" in line for line in restore)

    def run(script: str) -> None:
        done = subprocess.run(
            ["bash", "-euc", script.replace("warehouse.dump", str(tmp_path / "warehouse.dump"))],
            env=environment(AIRFLOW_CONN_WAREHOUSE=warehouse), cwd=ROOT,
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    add_demo_sources(warehouse)
    run(backup)
    with psycopg.connect(warehouse) as connection:
        connection.execute("insert into sync.excluded (kind, value) values ('domain', 'x.example')")
    run("\n".join(restore))
    with psycopg.connect(warehouse) as connection:
        assert connection.execute("select count(*) from sync.excluded").fetchone() == (0,)
        sources = connection.execute("select count(*) from raw_segment.sources").fetchone()
    assert sources == (2,)


def test_the_queries_within_the_text_run(warehouse: str) -> None:
    queries = re.findall(r"`(select [^`…]+)`", (ROOT / "docs" / PAGE).read_text())
    assert queries
    with psycopg.connect(warehouse) as connection:
        for query in queries:
            connection.execute(query.encode())
