"""Links into Planhat's app: where the pattern and the record are known, and nowhere else."""

import pytest

from include.planhat.app_links import record_link

PATTERN = "https://app.example/{model}?preview={Model}.{id}"


@pytest.mark.parametrize(
    ("model", "said"),
    [("company", "company?preview=Company"), ("enduser", "enduser?preview=EndUser"),
     ("nps", "nps?preview=NPS")],
)  # fmt: skip
def test_a_record_is_named_in_planhats_words(model: str, said: str) -> None:
    assert record_link(PATTERN, model, "66b0") == f"https://app.example/{said}.66b0"


def test_what_planhat_does_not_have_or_nobody_can_name_has_no_link() -> None:
    assert record_link(None, "company", "66b0") is None
    assert record_link(PATTERN, "company", None) is None
    # a table of ours, which is no model of Planhat's
    assert record_link(PATTERN, "company_usage", "66b0") is None
    assert record_link(PATTERN, None, "66b0") is None


def test_an_id_cannot_leave_its_place() -> None:
    link = record_link("https://app.example/{id}", "company", "a/../b?c#{model}")
    assert link == "https://app.example/a%2F..%2Fb%3Fc%23%7Bmodel%7D"
