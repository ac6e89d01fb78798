"""The list of suppressed people: hashes and no ids, changed with who and why."""

from datetime import date

import psycopg
import pytest

from include.privacy import suppression
from include.privacy.id_lists import ids_of
from include.privacy.keys import crc
from include.privacy.suppression import SuppressionError, lift, listed, suppress


def entries(url: str) -> list[tuple]:
    with psycopg.connect(url) as connection:
        return connection.execute(
            "select kind, suppressed_by, reason, lifted_from::date from sync.suppressed"
            " order by kind"
        ).fetchall()


def add(url: str, *ids: str, **more) -> suppression.Changed:
    return suppress(url, ids, by="ada", reason="asked by letter", **more)


def test_an_address_is_suppressed_as_an_email_and_as_a_user_id_and_named_nowhere(warehouse):
    assert add(warehouse, " Some.One@Example.com") == (1, 1)

    assert entries(warehouse) == [
        ("email", "ada", "asked by letter", None), ("user_id", "ada", "asked by letter", None)
    ]  # fmt: skip
    with psycopg.connect(warehouse) as connection:
        rows = connection.execute("select s::text from sync.suppressed as s").fetchall()
        hashes = connection.execute("select key_hash from sync.suppressed").fetchall()
        found = connection.execute(
            "select sync.keyed_hash('email', 'some.one@example.com')"
        ).fetchone()
    assert "one" not in str(rows).lower()
    assert found in hashes


def test_what_is_no_address_is_a_user_or_a_device_unless_it_is_said(warehouse):
    add(warehouse, "u-1")
    add(warehouse, "a-1", kind="anonymous_id")

    assert [kind for kind, *_ in entries(warehouse)] == ["anonymous_id", "anonymous_id", "user_id"]


def test_again_changes_nothing_and_says_so(warehouse):
    add(warehouse, "u-1", "u-2")
    done = add(warehouse, "u-1", "u-3")

    assert done == (2, 1)
    assert suppression.said(done, "suppressed") == "1 id suppressed; 1 id stood so already."


def test_lifting_is_from_a_day_on_and_suppressing_again_ends_it(warehouse):
    add(warehouse, "u-1")

    assert lift(warehouse, ["u-1"], by="ben", since=date(2026, 3, 1)) == (1, 1)
    assert {row[3] for row in entries(warehouse)} == {date(2026, 3, 1)}
    with pytest.raises(SuppressionError, match="not until another day"):
        lift(warehouse, ["u-1"], by="ben", since=date(2026, 3, 1))

    add(warehouse, "u-1")
    assert {row[3] for row in entries(warehouse)} == {None}


def test_the_version_grows_with_each_change_and_marks_what_changed(warehouse):
    add(warehouse, "u-1")
    add(warehouse, "u-2")

    with psycopg.connect(warehouse) as connection:
        (version,) = connection.execute("select version from sync.suppression").fetchone()
        newest = connection.execute(
            "select count(*) from sync.suppressed where version = %s", [version]
        ).fetchone()
    assert newest == (2,)


@pytest.mark.parametrize(
    ("ids", "more", "why"),
    [
        ([" \u200b"], {}, "not blank"),
        (["x" * 501], {}, "between 1 and 500"),
        (["a\0b"], {}, "not blank"),
        ([], {}, "at least one"),
        (["u-1"], {"reason": " "}, "Say why"),
        (["u-1"], {"reason": "x" * 501}, "at most 500"),
        (["u-1"], {"kind": "company"}, "one of user_id, email, anonymous_id"),
        (["good", ""], {}, "not blank"),
    ],
)
def test_what_is_no_id_is_refused_and_nothing_is_changed(warehouse, ids, more, why):
    with pytest.raises(SuppressionError, match=why):
        suppress(warehouse, ids, **{"by": "ada", "reason": "r", **more})

    assert entries(warehouse) == []


def test_who_is_not_suppressed_cannot_be_lifted(warehouse):
    with pytest.raises(SuppressionError, match="Nobody of these ids is suppressed"):
        lift(warehouse, ["u-1"], by="ada")


def test_a_list_file_has_an_id_a_line(warehouse, tmp_path):
    file = tmp_path / "list.txt"
    file.write_text("\ufeffu-1\n\n  u-2  \na@example.com\n", encoding="utf-8")

    assert add(warehouse, *ids_of(file)) == (3, 3)
    with psycopg.connect(warehouse) as connection:
        found = listed(connection)
    assert (found.suppressed, found.lifted, found.last_by) == (6, 0, "ada")


def test_a_tag_says_nothing_without_the_key_and_the_crc_with_it(warehouse):
    add(warehouse, "u-1", "a@example.com")

    with psycopg.connect(warehouse) as connection:
        rows = connection.execute(
            "select kind, tag, tag # sync.tag_pad(key, key_hash) from sync.suppressed,"
            " sync.privacy_key order by kind, tag"
        ).fetchall()
    texts = {"user_id": ["u-1", "a@example.com"], "anonymous_id": ["u-1"]}
    texts["email"] = ["a@example.com"]
    assert len(rows) == 4
    for kind, tag, opened in rows:
        made = {crc(kind, text.encode()) for text in texts[kind]}
        assert opened % (1 << 32) in made
        assert tag % (1 << 32) not in made
