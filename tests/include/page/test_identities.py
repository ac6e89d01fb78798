"""What operators say of identity is kept with who, and refused where it can mean nothing."""

import math

import psycopg
import pytest

from include.page.changes import ChangeError
from include.page.identities import (
    ROWS_SHOWN,
    alias_company,
    block,
    drop_alias,
    exclude,
    expire_links,
    readmit,
    said,
    unblock,
)
from include.warehouse.reading import read_only

ACME, GLOBEX, GONE = (digit * 24 for digit in "abc")


@pytest.fixture
def connection(warehouse):
    with psycopg.connect(warehouse, autocommit=True) as connection:
        connection.execute(
            "insert into raw_planhat.objects (model, planhat_id, payload, deleted_at) values "
            '(\'company\', %s, \'{"name": "Acme", "externalId": " acme"}\', null), '
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


def test_all_of_it_is_listed_and_taken_back(warehouse, connection):
    block(warehouse, "kiosk", key="all", kind="value", by="ada")
    exclude(warehouse, "ada@acme.example", kind="email", by="ada")
    alias_company(warehouse, "gone", "acme", by="ada")
    connection.execute("update raw_planhat.objects set deleted_at = now() where planhat_id = %s", [
        ACME
    ])  # fmt: skip

    with read_only(warehouse) as reading:
        found = said(reading)

    assert [(row["key"], row["kind"], row["value"]) for row in found["blocked"]] == [
        ("all", "value", "kiosk")
    ]
    assert [(row["kind"], row["value"]) for row in found["excluded"]] == [
        ("email", "ada@acme.example")
    ]
    # it leads nowhere any more, which is shown
    assert [(row["alias"], row["company"]) for row in found["aliases"]] == [("gone", None)]
    assert found["links"]["days"] is None
    assert {row["changed_by"] for name in found if name != "links" for row in found[name]} == {
        "ada"
    }

    unblock(warehouse, "kiosk", key="all", kind="value")
    readmit(warehouse, "ada@acme.example", kind="email")
    drop_alias(warehouse, "gone")
    with read_only(warehouse) as reading:
        found = said(reading)
    assert [found["blocked"], found["excluded"], found["aliases"]] == [[], [], []]
    for again in (
        lambda: unblock(warehouse, "kiosk", key="all", kind="value"),
        lambda: readmit(warehouse, "ada@acme.example", kind="email"),
        lambda: drop_alias(warehouse, "gone"),
    ):
        with pytest.raises(ChangeError, match=r"not blocked|is excluded|No such alias"):
            again()


def test_what_is_blocked_for_one_key_is_taken_back_for_that_key_alone(warehouse, connection):
    for key in ("user_id", "company"):
        block(warehouse, "demo", key=key, kind="value", by="ada")

    unblock(warehouse, "demo", key="user_id", kind="value")

    assert connection.execute("select key from sync.blocked_identities").fetchall() == [
        ("company",)
    ]


def test_of_thousands_the_page_shows_the_first_and_the_command_all(warehouse, connection):
    connection.execute(
        "insert into sync.excluded (kind, value) "
        "select 'email', n || '@own.example' from generate_series(1, 1000) as n"
    )
    with read_only(warehouse) as reading:
        assert len(said(reading)["excluded"]) == 1_000
        assert len(said(reading, limit=ROWS_SHOWN)["excluded"]) == ROWS_SHOWN
        hidden = said(reading, with_persons=False, limit=1)["excluded"]
    assert [(row["shown"], row["value"]) for row in hidden] == [("(hidden)", None)]


# The ways to name a company: by what is unique, else it is asked for.


@pytest.mark.parametrize("company", [ACME, "acme", " acme ", "1042", "1042\u200b"])
def test_an_alias_leads_to_a_company_by_its_id_or_its_external_id(warehouse, connection, company):
    connection.execute(
        "insert into raw_planhat.objects (model, planhat_id, payload) values "
        '(\'company\', %s, \'{"name": "Number", "externalId": 1042.0}\')',
        ["d" * 24],
    )

    name = alias_company(warehouse, "merged", company, by="ada")

    assert name == ("Number" if "1042" in company else "Acme")


def test_an_external_id_of_two_companies_names_neither(warehouse, connection):
    connection.execute(
        "insert into raw_planhat.objects (model, planhat_id, payload) values "
        '(\'company\', %s, \'{"name": "Other", "externalId": "acme"}\')',
        ["d" * 24],
    )

    with pytest.raises(ChangeError, match="Several companies have the external id “acme”"):
        alias_company(warehouse, "merged", "acme", by="ada")


@pytest.mark.parametrize(
    ("alias", "planhat_id", "why"),
    [
        ("acme", GLOBEX, "Acme has the key “acme” itself"),
        ("\u00a0acme\u200b", GLOBEX, "itself, which outranks it"),
        ("merged", "d" * 24, "Planhat has no company “d"),
        ("merged", GONE, "has it no more"),
        ("merged", "gone", "has it no more"),
        ("merged", "globex", "Planhat has no company “globex”"),
        ("merged", " \u200b", "is blank is no company"),
        (" ", GLOBEX, "is blank names no company"),
        ("\u2063", GLOBEX, "is blank names no company"),
        ("a" * 501, GLOBEX, "more than 500 characters"),
        ("a\0", GLOBEX, "NUL"),
        # a chain, from both of its ends, and a circle
        ("merged", "e" * 24, "one step"),
        (GLOBEX, ACME, "one step"),
        (ACME, ACME, "not to itself"),
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


def add_keys(connection, keys) -> None:
    """What the last build found that calls carry: (user id, email, company)."""
    connection.execute("create schema intermediate")
    connection.execute(
        "create table intermediate.int_identity__own_keys"
        " (user_id text, email text, company_key text)"
    )
    connection.cursor().executemany(
        "insert into intermediate.int_identity__own_keys values (%s, %s, %s)", keys
    )


@pytest.mark.parametrize(
    ("value", "key", "kind", "why"),
    [
        ("**", "all", "pattern", r"every user id that calls carry: 1 of 1"),
        ("*@*", "email", "pattern", r"every email that calls carry: 2 of 2"),
        ("*@X.Example ", "email", "pattern", r"every email that calls carry: 2 of 2"),
        ("u_*", "all", "pattern", r"every user id that calls carry: 1 of 1"),
        ("a@b.example", "all", "domain", "what follows the @"),
        ("@", "all", "domain", "what follows the @"),
        ("b.example", "company", "domain", "Only e-mails"),
        ("b.example", "name", "value", "all keys, or user_id"),
        ("b.example", "all", "guess", "a value, a pattern or a domain"),
        ("", "all", "value", "is blank blocks nothing"),
        ("\u200b \u00a0", "user_id", "value", "is blank blocks nothing"),
        (" ", "all", "pattern", "is blank blocks nothing"),
        ("a\0b", "all", "value", "NUL"),
        ("a" * 501, "all", "value", "more than 500 characters"),
    ],
)
def test_what_blocks_nothing_or_everything_is_refused(warehouse, connection, value, key, kind, why):
    add_keys(
        connection,
        [("u_1", "a@x.example", "c1"), ("u_1", "b@x.example", "c1"), (None, None, "c2")],
    )

    with pytest.raises(ChangeError, match=why):
        block(warehouse, value, key=key, kind=kind, by="operator")

    assert connection.execute("select count(*) from sync.blocked_identities").fetchone() == (0,)
    # what looks like it and is not
    block(warehouse, "u1*", key="all", kind="pattern", by="operator")


def test_most_of_many_keys_are_refused_too_with_how_many_of_how_many(warehouse, connection):
    add_keys(
        connection,
        [(f"u{n:02}", f"{n}@{'big' if n < 60 else 'small'}.example", f"c{n}") for n in range(100)],
    )
    for refused, said_so in (
        (lambda: block(warehouse, "*big.example", key="all", kind="pattern", by="ada"), "email"),
        (lambda: block(warehouse, "BIG.example", key="email", kind="domain", by="ada"), "email"),
        (lambda: exclude(warehouse, "Big.Example", kind="domain", by="ada"), "email"),
    ):
        with pytest.raises(
            ChangeError, match=f"most of the {said_so}s that calls carry: 60 of 100"
        ):
            refused()

    # less than half; not so many; what somebody allows
    exclude(warehouse, "small.example", kind="domain", by="ada")
    block(warehouse, "u0*", key="user_id", kind="pattern", by="ada")
    connection.execute(
        "update sync.thresholds set value = 0.6 where threshold = 'block_guard_share'"
    )
    exclude(warehouse, "big.example", kind="domain", by="ada")


def test_on_the_first_day_everybody_may_be_of_ones_own_staff(warehouse, connection):
    add_keys(connection, [(f"u{n}", f"{n}@own.example", None) for n in range(9)])

    exclude(warehouse, "own.example", kind="domain", by="ada")


def test_patterns_for_devices_and_objects_are_counted_too(warehouse, connection):
    add_keys(connection, [])
    connection.execute(
        "create table intermediate.int_identity__links as select 'dev-1' as anonymous_id"
    )
    connection.execute(
        "create table intermediate.int_identity__mentions as select 'obj-1' as object_key"
    )
    for key, pattern in (("anonymous_id", "dev-*"), ("object", "obj*"), ("all", "*-1")):
        with pytest.raises(ChangeError, match=r"every (anonymous id|object) .*: 1 of 1"):
            block(warehouse, pattern, key=key, kind="pattern", by="ada")


def test_a_pattern_of_stars_is_refused_before_anything_was_built(warehouse):
    with pytest.raises(ChangeError, match="more than stars"):
        block(warehouse, "**", key="all", kind="pattern", by="operator")


@pytest.mark.parametrize(
    ("kind", "value", "why"),
    [
        ("email", "b.example", "has an @"),
        ("email", "a@", "has an @"),
        ("domain", "@", "follows the @"),
        ("domain", "*.example", "follows the @"),
        ("domain", " ", "is blank excludes nobody"),
        ("email", "\ufeff", "is blank excludes nobody"),
        ("name", "x", "email or"),
        ("domain", "a" * 501, "more than 500 characters"),
    ],
)
def test_who_is_excluded_has_an_email_or_a_domain(warehouse, connection, kind, value, why):
    with pytest.raises(ChangeError, match=why):
        exclude(warehouse, value, kind=kind, by="operator")


@pytest.mark.parametrize("days", [0, -1, -0.0, math.nan, math.inf, -math.inf, 36_501, 1e308])
def test_a_link_lives_some_time(warehouse, connection, days):
    with pytest.raises(ChangeError, match="more than 0 days and at most 36,500"):
        expire_links(warehouse, days, by="operator")


@pytest.mark.parametrize("days", ["0", "-1", "'NaN'", "'Infinity'", "36501"])
def test_the_table_itself_takes_no_such_time(connection, days):
    with pytest.raises(psycopg.errors.CheckViolation, match="links_live_some_time"):
        connection.execute(
            f"update sync.thresholds set value = {days} where threshold = 'link_expires_days'"
        )
