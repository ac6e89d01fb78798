"""A word that is not known is refused with the nearest one that is."""

import random
import string

import pytest

from include.errors import SettingError
from include.nearest import refuse_unknown, unknown

KNOWN = ["models", "dry_run", "full_resync"]


def typos(word: str, chance: random.Random) -> list[str]:
    """One letter lost, doubled, swapped, replaced; other spellings of the whole."""
    at = chance.randrange(1, len(word) - 1)
    letter = chance.choice(string.ascii_lowercase)
    return [
        word[:at] + word[at + 1 :],
        word[:at] + word[at] + word[at:],
        word[: at - 1] + word[at] + word[at - 1] + word[at + 1 :],
        word[:at] + letter + word[at + 1 :],
        word.upper(),
        word.replace("_", "-"),
        word.replace("_", ""),
        word.title(),
    ]


@pytest.mark.parametrize("word", KNOWN)
def test_a_typo_names_what_was_meant(word: str) -> None:
    chance = random.Random(word)
    for _ in range(20):
        for typo in typos(word, chance):
            if typo in KNOWN:
                continue
            assert unknown([typo], KNOWN, "field") == (
                f"There is no field {typo}: did you mean {word}?"
            )


def test_what_is_near_to_nothing_names_all_there_are() -> None:
    assert unknown(["zzz"], KNOWN, "field") == (
        "There is no field zzz: there are models, dry_run, full_resync."
    )
    assert unknown(["zzz"], [], "field") == "There is no field zzz: it takes none."


def test_what_is_known_is_no_problem_and_the_first_unknown_is_told() -> None:
    assert unknown(KNOWN, KNOWN, "field") is None
    refuse_unknown([], KNOWN, "field")
    with pytest.raises(SettingError, match="There is no field model: did you mean models"):
        refuse_unknown(["models", "model", "dryrun"], KNOWN, "field")


def test_a_strange_word_is_shown_short_and_plain() -> None:
    said = unknown(["\x1b[31m" + "x" * 1_000], KNOWN, "field") or ""
    assert "\x1b" not in said
    assert len(said) < 250
