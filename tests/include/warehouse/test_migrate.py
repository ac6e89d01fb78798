from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from include.errors import ServiceError
from include.settings import Settings
from include.warehouse import embedded
from include.warehouse.migrate import FOLDER, migrate


@pytest.fixture
def empty_database(server: Settings):
    with psycopg.connect(embedded.server_url(server, "postgres"), autocommit=True) as admin:
        admin.execute("create database empty_one")
        yield embedded.server_url(server, "empty_one")
        admin.execute("drop database empty_one with (force)")


def test_two_processes_at_once_apply_each_migration_once(empty_database: str):
    with ThreadPoolExecutor(4) as pool:
        each_applied = pool.map(lambda _: migrate(empty_database), range(4))
        applied = [name for names in each_applied for name in names]
    assert sorted(applied) == sorted(file.name for file in FOLDER.glob("*.sql"))
    assert applied, "no migration was found"


def test_an_older_checkout_refuses_a_newer_warehouse(warehouse: str):
    with psycopg.connect(warehouse) as connection:
        connection.execute("insert into sync.migrations (name) values ('9999_later.sql')")
    with pytest.raises(ServiceError, match="9999_later"):
        migrate(warehouse)


def test_a_server_that_does_not_answer_is_said_in_one_line():
    with pytest.raises(ServiceError, match=r"127\.0\.0\.1:1/nowhere does not answer") as caught:
        migrate("postgresql://someone:secret@127.0.0.1:1/nowhere")
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (
            "insert into sync.blocked_identities (value, kind) values ('**', 'pattern')",
            "a_pattern_must_say_more_than_anything",
        ),
        (
            "insert into sync.blocked_identities (value, kind) values ('a@b.example', 'domain')",
            "a_domain_is_what_follows_the_at_sign",
        ),
        (
            "insert into sync.blocked_identities (value, key, kind)"
            " values ('b.example', 'company', 'domain')",
            "only_user_ids_and_emails_have_a_domain",
        ),
        (
            "insert into sync.excluded (kind, value) values ('email', 'b.example')",
            "an_email_has_an_at_sign",
        ),
        (
            "update sync.thresholds set value = 0 where threshold = 'link_expires_days'",
            "links_live_some_time",
        ),
        (
            "update sync.thresholds set value = null where threshold = 'alert_deviations'",
            "a_value_or_never",
        ),
        (
            "insert into sync.company_aliases values"
            " ('old', repeat('a', 24)), (repeat('a', 24), repeat('b', 24))",
            "an_alias_is_one_step",
        ),
        (
            "insert into sync.company_aliases values (repeat('a', 24), repeat('b', 24)),"
            " (repeat('b', 24), repeat('a', 24))",
            "an_alias_is_one_step",
        ),
        (
            "insert into sync.company_aliases values (repeat('a', 24), repeat('a', 24))",
            "an_alias_leads_to_another",
        ),
    ],
)
def test_a_setting_that_cannot_mean_anything_is_refused_by_name(
    warehouse: str, statement: str, said: str
):
    with psycopg.connect(warehouse) as connection, pytest.raises(psycopg.Error) as refused:
        connection.execute(statement)
    assert refused.value.diag.constraint_name == said
