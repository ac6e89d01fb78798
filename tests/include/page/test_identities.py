"""What operators say of identity is kept with who, and refused where it can mean nothing."""

import psycopg
import pytest

from include.page.changes import ChangeError
from include.page.identities import alias_company, block, exclude, expire_links

ACME, GLOBEX, GONE = (digit * 24 for digit in "abc")


@pytest.fixture
def connection(warehouse):
    with psycopg.connect(warehouse, autocommit=True) as connection:
        connection.execute(
            "insert into raw_planhat.objects (model, planhat_id, payload, deleted_at) values "
            '(\'company\', %s, \'{"name": "Acme", "externalId": "acme"}\', null), '
            "('company', %s, '{\"name\": \"Globex\"}', null), "
            '(\'company\', %s, \'{"name": "Gone", "externalId": "gone"}\', now())',
            [ACME, GLOBEX, GONE],
        )
        yield connection


def test_what_is_said_is_kept_with_who_and_said_again_it_stays(warehouse, connection):
    for _ in range(2):
        block(warehouse, "test-*", key="user_id", kind="pattern", by="operator")
        exclude(warehouse, "acme.example", kind="domain", by="operator")
        alias_company(warehouse, "gone", GLOBEX, by="operator")
        expire_links(warehouse, 30, by="operator")

    said = [
        connection.execute(query).fetchall()
        for query in (
            "select value, key, kind, changed_by from sync.blocked_identities",
            "select kind, value, changed_by from sync.excluded",
            "select alias, planhat_id, changed_by from sync.company_aliases",
            "select value::int, changed_by from sync.thresholds"
            " where threshold = 'link_expires_days'",
        )
    ]
    assert said == [
        [("test-*", "user_id", "pattern", "operator")],
        [("domain", "acme.example", "operator")],
        [("gone", GLOBEX, "operator")],
        [(30, "operator")],
    ]
    expire_links(warehouse, None, by="operator")
    assert connection.execute(
        "select value from sync.thresholds where threshold = 'link_expires_days'"
    ).fetchone() == (None,)


@pytest.mark.parametrize(
    ("alias", "planhat_id", "why"),
    [
        ("acme", GLOBEX, "Acme has the key “acme” itself"),
        ("merged", "d" * 24, "Planhat has no company d"),
        ("merged", GONE, "has it no more"),
        ("merged", "globex", "24 digits"),
        (" ", GLOBEX, "Type the key"),
        ("merged", ACME[:24].replace("a", "e"), "one step"),
        (GLOBEX, ACME, "one step"),
    ],
)
def test_an_alias_leads_in_one_step_to_a_company_that_is_there(
    warehouse, connection, alias, planhat_id, why
):
    connection.execute(
        "insert into sync.company_aliases (alias, planhat_id) values (%s, %s)",
        ["e" * 24, GLOBEX],
    )

    with pytest.raises(ChangeError, match=why):
        alias_company(warehouse, alias, planhat_id, by="operator")

    assert connection.execute("select count(*) from sync.company_aliases").fetchone() == (1,)


@pytest.mark.parametrize(
    ("value", "key", "kind", "why"),
    [
        ("**", "all", "pattern", r"every user id that calls carry: 1 of 1"),
        ("*@*", "email", "pattern", r"every email that calls carry: 2 of 2"),
        ("u_*", "all", "pattern", r"every user id that calls carry: 1 of 1"),
        ("a@b.example", "all", "domain", "what follows the @"),
        ("b.example", "company", "domain", "Only e-mails"),
        ("b.example", "name", "value", "all keys, or user_id"),
        ("b.example", "all", "guess", "a value, a pattern or a domain"),
    ],
)
def test_what_blocks_nothing_or_everything_is_refused(warehouse, connection, value, key, kind, why):
    connection.execute("create schema intermediate")
    connection.execute(
        "create table intermediate.int_identity__own_keys as select * from (values"
        " ('u_1', 'a@x.example', 'c1'), ('u_1', 'b@x.example', 'c1'), (null, null, 'c2')"
        ") as keys (user_id, email, company_key)"
    )

    with pytest.raises(ChangeError, match=why):
        block(warehouse, value, key=key, kind=kind, by="operator")

    assert connection.execute("select count(*) from sync.blocked_identities").fetchone() == (0,)
    block(warehouse, "u1*", key="all", kind="pattern", by="operator")


def test_a_pattern_of_stars_is_refused_before_anything_was_built(warehouse):
    with pytest.raises(ChangeError, match="more than stars"):
        block(warehouse, "**", key="all", kind="pattern", by="operator")


@pytest.mark.parametrize(
    ("kind", "value", "why"),
    [
        ("email", "b.example", "has an @"),
        ("domain", "@", "follows the @"),
        ("name", "x", "email or"),
    ],
)
def test_who_is_excluded_has_an_email_or_a_domain(warehouse, connection, kind, value, why):
    with pytest.raises(ChangeError, match=why):
        exclude(warehouse, value, kind=kind, by="operator")


@pytest.mark.parametrize("days", [0, -1])
def test_a_link_lives_some_time(warehouse, connection, days):
    with pytest.raises(ChangeError, match="more than 0 days"):
        expire_links(warehouse, days, by="operator")
