"""Starting and stopping: one clear line when it cannot start, nothing lost when it stops."""

import signal
import socket

from include.warehouse import embedded
from tests.include.collector.conftest import Running, start_collector


def test_a_taken_port_is_one_line_and_a_failure(warehouse: str):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        process = start_collector(warehouse, COLLECTOR_PORT=port)
        output, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert output.strip().splitlines() == [
        f"Port {port} on 127.0.0.1 is taken: stop the program that has it, "
        "or set COLLECTOR_PORT to another."
    ]


def test_a_host_that_is_not_this_machine_is_one_line_and_no_taken_port(warehouse: str):
    process = start_collector(warehouse, "--host", "no.such.host.invalid")
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    line = output.splitlines()[-1]
    assert line.startswith("Cannot listen on no.such.host.invalid:0 (")
    assert "COLLECTOR_HOST" in line


def test_a_postgres_that_does_not_answer_is_one_line_without_its_password():
    process = start_collector("postgresql://someone:secret@127.0.0.1:1/nowhere")
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert len(output.strip().splitlines()) == 1
    assert "127.0.0.1:1/nowhere does not answer" in output
    assert "secret" not in output


def test_an_embedded_server_that_was_never_started_is_one_line(tmp_path):
    process = start_collector("", DATA_DIR=str(tmp_path))
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert output.strip().splitlines() == [
        "The embedded Postgres was never started here: run `make up` first, "
        "or set AIRFLOW_CONN_WAREHOUSE."
    ]


def test_starting_applies_the_migrations(server, warehouse: str):
    # The template has them all: an empty database is made beside it.
    import psycopg

    with psycopg.connect(warehouse, autocommit=True) as connection:
        connection.execute("create database unmigrated")
    url = embedded.server_url(server, "unmigrated")
    process = start_collector(url)
    try:
        assert process.stdout
        lines = iter(process.stdout.readline, "")
        assert any("listens on" in line for line in lines)
        with psycopg.connect(url) as connection:
            assert connection.execute("select * from raw_segment.events").fetchall() == []
    finally:
        process.kill()
        process.wait()
        process.stdout.close()  # type: ignore[union-attr]
    with psycopg.connect(warehouse, autocommit=True) as connection:
        connection.execute("drop database unmigrated with (force)")


def test_sigterm_ends_it_and_its_workers(start):
    for workers in ("1", "2"):
        collector: Running = start("--workers", workers)
        assert collector.post("/v1/track", {"userId": "u", "event": workers}).status_code == 200
        assert collector.stop(signal.SIGTERM) == 0
        with socket.socket() as probe:
            address = collector.url.removeprefix("http://").split(":")
            assert probe.connect_ex((address[0], int(address[1]))) != 0, "a worker still listens"


def test_two_workers_share_the_port_and_the_table(start):
    collector: Running = start("--workers", "2")
    for n in range(20):
        call = {"userId": "u", "event": "E", "messageId": f"m-{n % 10}"}
        assert collector.post("/v1/track", call).status_code == 200
    assert len(collector.events()) == 10
    assert collector.books() == {
        "received": 20, "landed": 10, "duplicates": 10, "quarantined": 0, "spooled": 0
    }  # fmt: skip


def test_the_environment_says_how_many_workers_and_what_a_client_may_send(start):
    collector: Running = start(
        COLLECTOR_WORKERS="2",
        COLLECTOR_SPOOL_MB="7",
        COLLECTOR_CALL_BYTES="300",
        COLLECTOR_BATCH_BYTES="2000",
        COLLECTOR_BATCH_CALLS="2",
    )
    assert "(2 workers)" in "".join(collector.lines)
    assert collector.get("/health").json()["spool"]["limit"] == 2 * 7 * 1024 * 1024
    calls = [{"type": "x", "messageId": f"m-{n}"} for n in range(3)]
    calls[0]["properties"] = {"text": "x" * 300}
    assert collector.post("/v1/batch", {"batch": calls}).json()["quarantined"] == [
        {"index": 0, "reason": "too_large"}, {"index": 2, "reason": "batch_too_long"}
    ]  # fmt: skip
    assert collector.post("/v1/batch", b" " * 2_001).status_code == 413
    # What Segment delivers is final: its webhook keeps its own, larger limits.
    assert collector.post("/webhook", calls[:1]).json()["accepted"] == 1


def test_a_setting_that_cannot_be_is_one_line(warehouse: str):
    for value in ("0", "many"):
        process = start_collector(warehouse, COLLECTOR_WORKERS=value)
        output, _ = process.communicate(timeout=30)
        assert process.returncode == 1
        assert output.startswith("COLLECTOR_WORKERS must be ")
        assert len(output.strip().splitlines()) == 1
