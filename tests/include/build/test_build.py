"""A build: made when there is something to see, one at a time, and written down."""

import shutil
import threading
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest

from include.build import LOCK, PROJECT, BuildError, TooSoonError, build
from include.build.dbt import Dbt
from include.build.failures import reason
from include.push.push import push
from include.settings import Settings
from include.warehouse.connection import connect
from tests.dbt_project.conftest import ask, module_settings, module_warehouse  # noqa: F401
from tests.dbt_project.landing import land_calls, land_objects
from tests.include.push.played_segment import PlayedSegment

AS_OF = date(2026, 3, 10)
AT = datetime(2026, 3, 10, 12, tzinfo=UTC)


def _build(url: str, settings: Settings, **options):
    return build(
        url, settings, requested_by="test", today=AS_OF + timedelta(days=1),
        say=lambda line: None, **options,
    )  # fmt: skip


def test_a_build_is_made_when_there_is_something_new_to_see(module_warehouse, module_settings, ask):  # noqa: F811
    first = _build(module_warehouse, module_settings)
    assert not first.is_reused
    assert first.models > 50
    assert first.tests > 50

    assert _build(module_warehouse, module_settings).build_id == first.build_id
    assert _build(module_warehouse, module_settings, since=AT).build_id == first.build_id

    # a setting, an object of Planhat's and a call: each is something new
    land_objects(module_warehouse, "company", [{"_id": "p1", "name": "Acme", "externalId": "c1"}])
    land_calls(
        module_warehouse,
        [{"messageId": "m1", "type": "group", "groupId": "c1", "traits": {"seats": 5}}],
        received_at=AT,
    )
    second = _build(module_warehouse, module_settings)
    assert second.build_id > first.build_id
    assert ask("select metric, last_value from marts.metric_candidates") == [
        {"metric": "seats", "last_value": 5}
    ]
    with psycopg.connect(module_warehouse) as connection:
        connection.execute("insert into sync.company_metrics (metric) values ('seats')")
    third = _build(module_warehouse, module_settings)
    assert third.build_id > second.build_id
    assert ask("select company_id, metric, value from marts.company_metrics") == [
        {"company_id": "p1", "metric": "seats", "value": 5}
    ]

    rows = ask("select status, settings, nodes, window_from, window_to from sync.builds order by 1")
    assert {row["status"] for row in rows} == {"success"}
    assert any(
        node["node"] == "company_metric_changes" and node["rows"] == 1 for node in rows[-1]["nodes"]
    )


def test_for_another_day_only_what_says_the_day_is_read_anew(module_warehouse, module_settings):  # noqa: F811
    read = []
    for day in (AS_OF, AS_OF + timedelta(days=1)):
        with Dbt(module_warehouse, module_settings, as_of=day, say=lambda line: None) as dbt:
            manifest, problem = dbt.read_project()
        assert problem is None
        read.append({name: node.created_at for name, node in manifest.nodes.items()})
    earlier, later = read
    anew = {name.split(".")[2] for name in later if later[name] != earlier.get(name)}
    assert {"usage_trends", "usage_alerts", "int_usage__object_windows"} <= anew
    assert len(anew) < len(later) / 10, "of models and tests"


def test_a_build_that_began_after_the_trigger_is_used(module_warehouse, module_settings):  # noqa: F811
    last = _build(module_warehouse, module_settings)
    land_calls(module_warehouse, [{"messageId": "m2", "type": "track"}], received_at=AT)
    before = last.started_at - timedelta(seconds=1)
    assert _build(module_warehouse, module_settings, since=before).build_id == last.build_id
    after = datetime.now(UTC)
    assert _build(module_warehouse, module_settings, since=after).build_id > last.build_id


def test_a_build_goes_on_without_the_index_that_finds_new_calls(module_warehouse, module_settings):  # noqa: F811
    land_calls(module_warehouse, [{"messageId": "m3", "type": "track"}], received_at=AT)
    said: list[str] = []
    with psycopg.connect(module_warehouse, autocommit=True) as connection:
        connection.execute("alter index raw_segment.events_load_id rename to elsewhere")
        build(
            module_warehouse,
            module_settings,
            requested_by="test",
            today=AS_OF + timedelta(days=1),
            say=said.append,
        )
        connection.execute("alter index raw_segment.elsewhere rename to events_load_id")
        (status,) = connection.execute(
            "select status from sync.builds order by build_id desc limit 1"
        ).fetchone()
    assert status == "success"
    assert any(line.startswith("  slower: raw_segment.events_load_id") for line in said), said


def test_a_build_neither_waits_for_a_vacuum_nor_ends_it(module_warehouse, module_settings):  # noqa: F811
    land_calls(module_warehouse, [{"messageId": "m4", "type": "track"}], received_at=AT)
    said: list[str] = []
    with psycopg.connect(module_warehouse) as vacuum:
        # a build that waited would go on when this ends, and be told apart by it
        vacuum.execute("set idle_in_transaction_session_timeout = '5min'")
        vacuum.execute("lock table raw_segment.events in share update exclusive mode")
        build(
            module_warehouse,
            module_settings,
            requested_by="test",
            today=AS_OF + timedelta(days=1),
            say=said.append,
        )
        assert vacuum.execute("select 1").fetchone() == (1,), "the build has waited"
    assert not any("slower" in line for line in said), said


def test_a_second_build_waits_and_is_told_who_builds(module_warehouse, module_settings):  # noqa: F811
    with connect(module_warehouse, application_name="test", autocommit=True) as holder:
        holder.execute(LOCK)
        holder.execute(
            "insert into sync.builds"
            " (requested_by, as_of_date, window_to, settings, code_fingerprint)"
            " values ('the other one', current_date, pg_current_snapshot(), '{}', '')"
        )
        said: list[str] = []
        told = threading.Event()

        def say(line: str) -> None:
            said.append(line)
            told.set()

        second = threading.Thread(
            target=lambda: build(
                module_warehouse,
                module_settings,
                requested_by="second",
                today=AS_OF + timedelta(days=1),
                say=say,
            )
        )
        second.start()
        assert told.wait(60)
        assert "the other one" in said[0]
        holder.execute("select pg_advisory_unlock_all()")
        second.join(120)
    with psycopg.connect(module_warehouse) as connection:
        rows = dict(connection.execute("select requested_by, status from sync.builds").fetchall())
    # its row was left behind by a process that ended without closing it
    assert rows["the other one"] == "interrupted"
    assert rows["second"] == "success"


def test_what_fails_is_named_in_one_line_and_written_down(warehouse, settings):
    with psycopg.connect(warehouse) as connection:
        connection.execute("alter table sync.thresholds rename to elsewhere")
        connection.execute("create view sync.thresholds as select 1 as nothing")
    with pytest.raises(BuildError, match="stg_settings__thresholds") as caught:
        _build(warehouse, settings)
    assert "\n" not in str(caught.value)
    with psycopg.connect(warehouse) as connection:
        status, reason = connection.execute("select status, reason from sync.builds").fetchone()
    assert status == "failed"
    assert "stg_settings__thresholds" in reason

    # the schedule tries once more, then less and less often; a change of a setting is a new try
    assert _tries_by_schedule(warehouse, settings)
    assert not _tries_by_schedule(warehouse, settings)
    with psycopg.connect(warehouse) as connection:
        connection.execute("update sync.builds set finished_at = now() - interval '3 minutes'")
    assert _tries_by_schedule(warehouse, settings)
    assert not _tries_by_schedule(warehouse, settings)
    with psycopg.connect(warehouse) as connection:
        connection.execute("insert into sync.usage_events (event, weight) values ('Opened', 3)")
    assert _tries_by_schedule(warehouse, settings)


def _tries_by_schedule(warehouse: str, settings: Settings) -> bool:
    """Whether a scheduled build of what fails was tried, or put off with the reason of before."""
    with pytest.raises(BuildError, match="stg_settings__thresholds") as caught:
        _build(warehouse, settings, is_scheduled=True)
    is_put_off = isinstance(caught.value, TooSoonError)
    assert ("make build tries at once" in str(caught.value)) is is_put_off
    return not is_put_off


def test_a_slip_in_a_yaml_is_named_by_the_build_and_says_null_to_nobody(
    module_warehouse,  # noqa: F811
    module_settings,  # noqa: F811
    tmp_path,
    monkeypatch,
):
    project = tmp_path / "dbt_project"
    shutil.copytree(PROJECT, project)
    monkeypatch.setattr("include.build.project.PROJECT", project)
    # what dbt keeps of this project is no other one's
    settings = replace(module_settings, data_dir=tmp_path / "data")
    task = {"_id": "t1", "companyId": "p1", "mainType": "task", "action": "Call", "status": "open"}
    land_objects(module_warehouse, "task", [task])
    _build(module_warehouse, settings)

    def push_tasks(segment):
        return push(
            module_warehouse, segment.connection, settings, models=["task"],
            requested_by="test", folder=project / "models" / "planhat", say=lambda line: None,
        )  # fmt: skip

    with PlayedSegment() as segment:
        assert push_tasks(segment).total("synced") == 1
        file = project / "models" / "planhat" / "task.yml"
        described = file.read_text()
        begin = described.index("      - name: status")
        file.write_text(described[:begin])
        with pytest.raises(BuildError, match=r"task \(.*status is in the SQL and not in the YAML"):
            _build(module_warehouse, settings)
        report = push_tasks(segment)
        assert (report.status, report.exit_code) == ("failed", 1)
        assert "did not finish planhat.task" in report.reason
        assert "status is in the SQL and not in the YAML" in report.remarks[0]
        assert segment.sent_values("status") == {"t1": "open"}


def test_a_contract_that_is_broken_names_each_column():
    table = """Compilation Error in model task (models/planhat/task.sql)
  This model has an enforced contract that failed.
  Please ensure the name, data_type, and number of columns in your contract match the columns.

  | column_name | definition_type | contract_type | mismatch_reason       |
  | ----------- | --------------- | ------------- | --------------------- |
  | seats       | TEXT            | INTEGER       | data type mismatch    |
  | status      | TEXT            |               | missing in contract   |
  | title       |                 | TEXT          | missing in definition |
"""
    assert reason(table) == (
        "its columns are not those of its YAML: seats is text in the SQL and integer in the YAML; "
        "status is in the SQL and not in the YAML; title is in the YAML and not in the SQL"
    )
    assert reason("Database Error\n  column x | y does not exist") == (
        "column x | y does not exist"
    )
