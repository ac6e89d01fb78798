"""Their ids as words: apart from the ids of others, however alike."""

from decimal import Decimal

import pytest

from include.privacy.forgetting.words import INSTEAD, Words

WORDS = Words(frozenset({"customer-1", "ann@example.com", "12345678", "ab12cd34ef", "u7"}))


@pytest.mark.parametrize(
    "text",
    [
        "customer-10", "customer-1-2", "a-customer-1", "customer-1@example.com", "CUSTOMER-11",
        "joann@example.com", "jo.ann@example.com", "jo+ann@example.com", "ann@example.com.au",
        "ann@example.community", "0012345678", "1234567890", "ab12cd34ef0", "xab12cd34ef", "u7",
        "user u7",
    ],
)  # fmt: skip
def test_another_ones_id_is_not_theirs_and_stays(text: str) -> None:
    assert not WORDS.are_in({"note": text})
    assert WORDS.taken_out_of({"note": text}) == {"note": text}


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("customer-1.", f"{INSTEAD}."),
        ("from Customer-1, today", f"from {INSTEAD}, today"),
        ("user:customer-1", f"user:{INSTEAD}"),
        ("mailto:Ann@Example.com?subject=x", f"mailto:{INSTEAD}?subject=x"),
        ("write to ann@example.com.", f"write to {INSTEAD}."),
        ("planhat-test-enduser-ab12cd34ef-1.0-x", f"planhat-test-enduser-{INSTEAD}-1.0-x"),
        ("https://app.example/u/12345678/edit", f"https://app.example/u/{INSTEAD}/edit"),
        # lower case of it is longer than it is itself
        ("İİ ann@example.com İ", f"İİ {INSTEAD} İ"),
    ],
)
def test_a_text_that_says_one_of_them_says_so(text: str, left: str) -> None:
    assert WORDS.are_in({"note": text})
    assert WORDS.taken_out_of({"note": text}) == {"note": left}


@pytest.mark.parametrize("name", ["userId", "previousId", "email", "anonymous_id"])
def test_where_ids_stand_only_a_whole_one_is_theirs(name: str) -> None:
    for said in ("ann@example.com u7", "customer-1 of acme", "to:12345678"):
        assert not WORDS.are_in({name: said})
        assert WORDS.taken_out_of({name: said}) == {name: said}
    for said in ("Customer-1", " u7 ", 12345678, Decimal(12345678)):
        assert WORDS.are_in({name: said})
        assert WORDS.taken_out_of({name: said, "n": 1}) == {"n": 1}


@pytest.mark.parametrize("amount", [12345678, 12345678.0, Decimal("12345678"), 123456789, True])
def test_a_number_elsewhere_is_an_amount(amount: object) -> None:
    assert not WORDS.are_in({"revenue": amount})
    assert WORDS.taken_out_of({"revenue": amount}) == {"revenue": amount}


def test_nobody_is_in_no_text() -> None:
    nobody = Words(frozenset())
    assert not nobody.are_in({"": "", "note": "anything"})
    assert nobody.replaced("anything") == "anything"
