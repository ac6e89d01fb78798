"""The warehouse's keyed hash: one text one hash, in Python and in SQL, and another elsewhere."""

import psycopg
import pytest

from include.privacy.keys import KINDS, HashKey, normal_form, warehouse_key


@pytest.mark.parametrize("text", ["u-1", "jöran@exämple.com", " ", "x" * 600, "a\x1fb", "😀"])
def test_python_and_the_warehouse_hash_alike(warehouse, text):
    with psycopg.connect(warehouse) as connection:
        key = warehouse_key(connection)
        for kind in KINDS:
            found = connection.execute("select sync.keyed_hash(%s, %s)", [kind, text]).fetchone()
            assert found == (key.hash(kind, text),)
            assert len(found[0]) == 16


def test_no_text_has_no_hash(warehouse):
    with psycopg.connect(warehouse) as connection:
        assert connection.execute("select sync.keyed_hash('email', null)").fetchone() == (None,)


def test_another_key_and_another_kind_give_another_hash():
    one, other = HashKey(b"1" * 32), HashKey(b"2" * 32)

    assert one.hash("email", "a@b") != other.hash("email", "a@b")
    assert one.hash("email", "a@b") != one.hash("user_id", "a@b")
    assert one.hash("email", "a@b") == HashKey(b"1" * 32).hash("email", "a@b")


def test_a_warehouse_has_one_key_and_it_is_not_shown(warehouse):
    with psycopg.connect(warehouse) as connection:
        key = warehouse_key(connection)
        assert len(key.key) == 32
        assert key.key.hex() not in repr(key)
        assert repr(key.key) not in repr(key)
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("insert into sync.privacy_key (key) values (sha256('other'))")


@pytest.mark.parametrize(
    ("kind", "text", "form"),
    [
        ("user_id", " u-1\u200b", "u-1"),
        ("user_id", "U-1", "U-1"),
        ("email", "\u00a0Ada@Example.COM ", "ada@example.com"),
        ("anonymous_id", "A-1\n", "A-1"),
        ("user_id", " \ufeff", None),
        ("email", "x" * 501, None),
        ("user_id", "x" * 500 + " ", "x" * 500),
    ],
)
def test_keys_have_the_form_that_identity_compares(kind, text, form):
    assert normal_form(kind, text) == form
