"""A build that sees nothing but new rows leaves out what they do not reach, and nothing else."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from types import SimpleNamespace

import psycopg
import pytest

from include.build.inputs import read_inputs, read_settings
from include.build.new_rows import Lineage
from include.build.records import distrust_marks, new_rows, open_build, sees_rows_only
from tests.dbt_project.landing import land_calls, land_objects
from tests.dbt_project.test_any_order import read_everything

AT = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.fixture
def land(module_warehouse) -> Callable[..., None]:
    """One more call, of a user that Planhat knows; the first time, what Planhat knows."""
    with psycopg.connect(module_warehouse) as connection:
        known = connection.execute("select 1 from raw_planhat.objects").fetchone()
    if not known:
        land_objects(module_warehouse, "company", [{"_id": "p1", "name": "A", "externalId": "c1"}])
        land_objects(
            module_warehouse, "enduser",
            [{"_id": "e1", "externalId": "u1", "companyId": "p1", "email": "u1@example.com"}],
        )  # fmt: skip

    def one(message_id: str, **more) -> None:
        call = {"messageId": message_id, "type": "track", "event": "Opened", "userId": "u1"}
        land_calls(module_warehouse, [{**call, **more}], received_at=AT)

    return one


def _last(ask: Callable[..., list[dict]]) -> tuple[bool, set[str]]:
    """Whether the last build saw rows only, and the nodes that it asked."""
    (row,) = ask("select sees_rows_only, nodes from sync.builds order by build_id desc limit 1")
    return row["sees_rows_only"], {node["node"] for node in row["nodes"]}


def test_what_nothing_new_reaches_is_not_asked_and_the_rest_is_as_in_a_full_build(
    module_warehouse,
    build_it,
    land,
    ask,
):
    land("m1")
    build_it()
    saw_rows_only, everything = _last(ask)
    assert not saw_rows_only

    # the second of a known user: nothing that tells who somebody is comes with it
    land("m2")
    said = build_it()
    saw_rows_only, asked = _last(ask)
    assert saw_rows_only
    assert asked < everything
    assert {"stg_segment__calls", "int_usage__object_days", "usage_trends"} <= asked
    assert "unique_usage_trends" not in asked
    assert any(name.startswith("unique_together_usage_trends") for name in asked)
    # Planhat's own, views, and what wrote nothing reaches
    assert not asked & {
        "company", "base_planhat__objects", "usage_daily", "stg_settings__switches",
        "company_metric_changes", "metric_candidates", "int_identity__call_settings",
    }  # fmt: skip
    assert "  stg_segment__calls (changes): rows 1 added" in said
    assert any(line.startswith("  nothing new for ") for line in said)
    assert ask("select activities from marts.usage_daily where object_type = 'company'") == [
        {"activities": 2}
    ]

    # one that moves what was there, and an object of Planhat's
    land("m3", userId="u2", properties={"company_id": "c1"})
    land_objects(module_warehouse, "license", [{"_id": "l1", "companyId": "p1", "value": 5}])
    build_it()
    saw_rows_only, asked = _last(ask)
    assert saw_rows_only
    assert {"license", "endusers"} <= asked
    so_far = read_everything(module_warehouse)
    build_it(full=True)
    assert read_everything(module_warehouse) == so_far


def test_only_rows_are_new_if_nothing_else_was_touched(module_warehouse, build_it, land):
    land("from-a-source-that-is-known-then")
    build_it()
    with psycopg.connect(module_warehouse, autocommit=True) as holder:

        def rows_only(as_of: date = date(2026, 3, 10)) -> bool:
            return sees_rows_only(holder, read_inputs(holder, as_of, is_set=False))

        assert rows_only()
        land("a-call")
        assert rows_only()
        assert not rows_only(date(2026, 3, 11))

        # a table that somebody dropped is made again
        holder.execute("alter table planhat.nps rename to other")
        assert not rows_only()
        holder.execute("alter table planhat.other rename to nps")
        assert rows_only()

        # after a build that failed everything is asked
        last = "build_id = (select max(build_id) from sync.builds)"
        holder.execute(f"update sync.builds set status = 'failed' where {last}")
        assert not rows_only()
        holder.execute(f"update sync.builds set status = 'success' where {last}")

        # a source that is there already is no setting that was written
        holder.execute(
            "insert into raw_segment.sources (source) values ('demo-app') on conflict do nothing"
        )
        assert rows_only()
        # changed and changed back: while a build ran a model may have seen it
        holder.execute("insert into sync.excluded (value, kind) values ('x.com', 'domain')")
        holder.execute("delete from sync.excluded where value = 'x.com'")
        assert not rows_only()


def test_what_lands_until_the_window_is_taken_is_new_and_what_comes_after_is_the_next_builds(
    module_warehouse, build_it, land
):
    build_it()
    with psycopg.connect(module_warehouse, autocommit=True) as holder:
        inputs = read_inputs(holder, date(2026, 3, 10), is_set=False)

        def window() -> int:
            build_id, _ = open_build(
                holder, inputs, requested_by="test", because=None, rows_only=True
            )
            holder.execute(
                "update sync.builds set status = 'success' where build_id = %s", [build_id]
            )
            return build_id

        assert new_rows(holder, window()) == []
        land("before-the-window")
        land_objects(module_warehouse, "nps", [{"_id": "n1", "companyId": "p1"}])
        build_id = window()
        land("after-the-window")
        calls = ["raw_segment.events", "raw_segment.loads"]
        assert new_rows(holder, build_id) == [*calls, "raw_planhat"]
        assert new_rows(holder, window()) == calls
        # it was no build, and the next one sees it all
        holder.execute("delete from sync.builds where requested_by = 'test' and nodes is null")


def test_what_was_made_while_a_setting_was_written_is_compared_by_the_next_build(
    module_warehouse,
    build_it,
    ask,
):
    build_it()
    (last,) = ask("select max(build_id) as build_id from sync.builds")
    with psycopg.connect(module_warehouse, autocommit=True) as holder:
        settings, changes = read_settings(holder)
        holder.execute("update sync.model_marks set build_id = %s", [last["build_id"]])
        distrust_marks(holder, last["build_id"], settings, changes)
        assert ask("select count(*) as empty from sync.model_marks where inputs = ''") == [
            ask("select count(*) as empty from sync.model_marks where mode = 'whole'")[0]
        ]
        holder.execute("update sync.thresholds set value = value")
        distrust_marks(holder, last["build_id"], settings, changes)
    assert ask("select count(*) as trusted from sync.model_marks where inputs <> ''") == [
        {"trusted": 0}
    ]


def _node(*parents: str, kind: str = "model", materialized: str = "table", fqn=("p", "m")):
    return SimpleNamespace(
        depends_on=SimpleNamespace(nodes=list(parents)),
        resource_type=kind,
        config=SimpleNamespace(materialized=materialized),
        fqn=list(fqn),
    )


def test_what_wrote_nothing_reaches_nobody_but_by_another_way():
    lineage = Lineage(
        {
            "a": _node("s"), "b": _node("a"), "c": _node("b"), "d": _node("a", "s"),
            "view": _node("d", materialized="view"), "test": _node("view", kind="test"),
        },
        {},
    )  # fmt: skip
    assert lineage.reached({"s"}, set()) == {"s", "a", "b", "c", "d", "view", "test"}
    assert lineage.reached({"s"}, {"a"}) == {"s", "a", "d", "view", "test"}
    assert lineage.reached({"s"}, {"a", "d"}) == {"s", "a", "d"}
    assert [name for name in sorted(lineage.nodes) if lineage.is_asked(name)] == [
        "a", "b", "c", "d", "test",
    ]  # fmt: skip


def test_a_test_has_its_turn_with_the_last_of_its_models():
    staging, identity = ("p", "staging", "segment", "a"), ("p", "intermediate", "identity", "b")
    lineage = Lineage(
        {
            "a": _node(fqn=staging), "b": _node(fqn=identity),
            "c": _node(fqn=("p", "intermediate", "usage", "c")),
            "d": _node(fqn=("p", "marts", "usage", "d")),
            "of_a": _node("a", "s", kind="test"), "of_both": _node("a", "b", kind="test"),
        },
        {},
    )  # fmt: skip
    assert {name: lineage.step(name) for name in lineage.nodes} == {
        "a": 0, "b": 1, "c": 2, "d": 3, "of_a": 0, "of_both": 1,
    }  # fmt: skip
