"""No row is too long for an index, whatever text a stranger, an export or a person puts into it."""

import random

import psycopg
import pytest
import yaml

from include.blank import BLANK
from include.settings import ROOT

# Texts of indexes that cannot be long, and why.
BOUNDED = {
    "sync.migrations.name": "our own files",
    "sync.objects.object_id": "the plan refuses those of more than 1,000 bytes",
    "raw_planhat.rejects.file": "the name of a file",
    "raw_planhat.former_keys.planhat_id": "24 hexadecimal digits",
    "raw_planhat.former_companies.planhat_id": "24 hexadecimal digits",
    "raw_segment.warehouse_tables.schema_name": "an identifier of Postgres",
    "raw_segment.warehouse_tables.table_name": "an identifier of Postgres",
    # the words of a form
    "sync.guards.guard": "operators",
    "sync.thresholds.threshold": "operators",
    "sync.plan_answers.plan_fingerprint": "a hash",
}
# In any table: a host and a hash, a file of the catalogue or one of Planhat's models, a day's kind.
BOUNDED_NAMES = {"destination", "model", "object_type", "kind"}


def indexed_texts(connection: psycopg.Connection) -> list[tuple[str, bool]]:
    """Each column of type text in a btree, and whether a check or a foreign key bounds it."""
    return connection.execute(
        """
        select distinct
            relation.oid::regclass || '.' || attribute.attname,
            exists (
                select from pg_constraint as rule
                where
                    rule.conrelid = relation.oid
                    and attribute.attnum = any (rule.conkey)
                    and (
                        rule.contype = 'f'
                        or pg_get_constraintdef(rule.oid) ~ 'length\\(.*<= |= ANY \\('
                    )
            )
        from pg_index
        inner join pg_class as index on pg_index.indexrelid = index.oid
        inner join pg_am on index.relam = pg_am.oid
        inner join pg_class as relation on pg_index.indrelid = relation.oid
        inner join pg_attribute as attribute
            on relation.oid = attribute.attrelid and attribute.attnum = any (pg_index.indkey)
        where
            relation.relnamespace::regnamespace::text in ('sync', 'raw_segment', 'raw_planhat')
            and pg_am.amname = 'btree'
            and attribute.atttypid = 'text'::regtype
        order by 1
        """
    ).fetchall()


def test_every_text_in_an_index_of_ours_has_a_bound(warehouse: str) -> None:
    with psycopg.connect(warehouse) as connection:
        found = indexed_texts(connection)
    assert ("sync.objects.object_id", False) in found
    assert ("sync.company_metrics.metric", True) in found
    unbounded = {
        name
        for name, is_bounded in found
        if not is_bounded and name not in BOUNDED and name.split(".")[-1] not in BOUNDED_NAMES
    }
    # by their sources, which are bounded
    assert unbounded <= {
        "raw_segment.intake.source", "raw_segment.books_checked.source",
        "raw_segment.field_rule_hours.source",
    }  # fmt: skip


LETTERS = {
    "ascii": "".join(map(chr, range(33, 127))),
    "chinese": "".join(map(chr, range(0x4E00, 0x5000))),
    "emoji": "".join(map(chr, range(0x1F300, 0x1F600))),
}


@pytest.mark.parametrize("letters", LETTERS)
@pytest.mark.parametrize("length", [500, 2_000, 5_000, 100_000])
def test_what_others_name_is_kept_at_any_length_and_once(
    warehouse: str, letters: str, length: int
) -> None:
    # Random, so that Postgres cannot make it shorter; twice, because that is what the keys are for.
    long = "".join(random.Random(length).choices(LETTERS[letters], k=length))
    statements = (
        "insert into sync.column_types (destination, model, path, kind)"
        " values ('d', 'company', 'custom.' || %s::text, 'text') on conflict do nothing",
        "insert into sync.alerts_sent (object_type, object_id, kind, opened_on)"
        " values ('company', %s, 'drop', '2026-01-01') on conflict do nothing",
        "insert into sync.alerts_acknowledged"
        " (object_type, object_id, kind, opened_on, acknowledged_by)"
        " values ('company', %s, 'drop', '2026-01-01', 'ada') on conflict do nothing",
        "insert into raw_planhat.columns (model, field, type, decided_by)"
        " values ('company', 'custom.' || %s::text, 'text', 'a.csv') on conflict do nothing",
        "insert into raw_planhat.former_keys"
        " (model, company, planhat_id, external_id, last_read_id)"
        " values ('asset', '', 'p1', %s, 1) on conflict do nothing",
    )
    with psycopg.connect(warehouse, autocommit=True) as connection:
        for statement in statements:
            assert connection.execute(statement.encode(), [long]).rowcount == 1
            assert connection.execute(statement.encode(), [long]).rowcount == 0
        # looked up by hashes: any length, as often as one likes
        connection.execute(
            "insert into sync.objects (destination, model, object_id, user_id)"
            " values ('d', 'enduser', 'e1', %s)",
            [long],
        )
        connection.execute(
            "insert into sync.runs (destination, trigger, requested_by, status)"
            " values ('d', 'command', 'ada', 'failed')"
        )
        for _ in range(2):
            connection.execute(
                "insert into sync.run_errors (run_id, destination, model, object_id, code, message)"
                " select run_id, 'd', 'enduser', %s, 'x', 'x' from sync.runs",
                [long],
            )
        connection.execute("set enable_seqscan = off")
        for table, column in (("objects", "user_id"), ("run_errors", "object_id")):
            extra = "resolved_at is null" if table == "run_errors" else "user_id is not null"
            query = f"select count(*) from sync.{table} where {column} = %s and {extra}"
            assert connection.execute(query.encode(), [long]).fetchone() >= (1,)
            plan = connection.execute(f"explain {query}".encode(), [long]).fetchall()
            assert any("Index" in line for (line,) in plan), plan


@pytest.mark.parametrize(
    "statement",
    [
        "insert into sync.company_metrics (metric) values (%s)",
        "insert into sync.usage_events (event) values (%s)",
        "insert into sync.blocked_identities (value) values (%s)",
        "insert into sync.key_names (key, position, path) values ('email', 99, %s)",
        "insert into sync.object_keys (model, property) values ('asset', %s)",
        "insert into sync.company_aliases (alias, planhat_id) values (%s, repeat('a', 24))",
        "insert into sync.excluded (kind, value) values ('domain', %s)",
    ],
)
def test_what_operators_name_may_have_500_characters_of_any_kind(
    warehouse: str, statement: str
) -> None:
    letters = random.Random(1).choices(LETTERS["emoji"], k=501)
    with psycopg.connect(warehouse, autocommit=True) as connection:
        connection.execute(statement.encode(), ["".join(letters[:500])])
        with pytest.raises(psycopg.errors.CheckViolation, match="is_short"):
            connection.execute(statement.encode(), ["".join(letters)])


@pytest.mark.parametrize("type_", ["track", "page", "screen"])
def test_a_counted_event_is_one_that_there_can_be(warehouse: str, type_: str) -> None:
    insert = "insert into sync.usage_events (type, event) values (%s, %s)"
    with psycopg.connect(warehouse, autocommit=True) as connection:
        for event in ["", *BLANK, *(f"Home{blank}" for blank in BLANK), "\u2003Home"]:
            with pytest.raises(psycopg.errors.CheckViolation, match="is_cut_and_not_blank"):
                connection.execute(insert, [type_, event])
        for event in ["Home", "it's \u00ad {% home %}", "é\u0301", type_]:
            connection.execute(insert, [type_, event])
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute(insert, ["identify", "Home"])


def test_what_stood_there_before_the_bounds_stays(warehouse: str) -> None:
    with psycopg.connect(warehouse) as connection:
        rules = connection.execute(
            "select conname from pg_constraint where conname like '%is_short' and convalidated"
        ).fetchall()
    assert rules == []


def test_the_warehouse_and_the_models_have_one_bound_each(warehouse: str) -> None:
    bounds = yaml.safe_load((ROOT / "dbt_project" / "dbt_project.yml").read_text())["vars"]
    source, planhat_id = bounds["longest_source"], bounds["longest_planhat_id"]
    statements = (
        ("insert into raw_segment.sources (source, kind) values (%s, 'product')", "å" * source),
        (
            "insert into raw_planhat.objects (model, planhat_id, payload)"
            " values ('company', %s, '{}')",
            "å" * (planhat_id // 2),
        ),
    )
    with psycopg.connect(warehouse, autocommit=True) as connection:
        for statement, longest in statements:
            connection.execute(statement.encode(), [longest])
            with pytest.raises(psycopg.errors.CheckViolation, match="is_short"):
                connection.execute(statement.encode(), [longest + "a"])
