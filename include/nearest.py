"""Words that are not known: refused with the nearest one that is, so that a typo does nothing."""

import difflib
import re
from collections.abc import Iterable

from include.errors import SettingError

# How alike two words must be for one to be meant by the other.
ALIKE = 0.6


def unknown(given: Iterable[str], known: Iterable[str], kind: str) -> str | None:
    """`There is no field dryrun: did you mean dry_run?`; None when all are known.

    `kind` says what the words are. Where none is near, the known ones are named.
    """
    words = list(known)
    for word in given:
        if word not in words:
            return f"There is no {kind} {_shown(word)}: {_instead(word, words)}"
    return None


def refuse_unknown(given: Iterable[str], known: Iterable[str], kind: str) -> None:
    """Raise `SettingError` for the first word that is not known."""
    if problem := unknown(given, known, kind):
        raise SettingError(problem)


def _instead(word: str, known: list[str]) -> str:
    # Case, dashes and the like are no difference.
    bare = {_bare(each): each for each in known}
    near = difflib.get_close_matches(_bare(word), bare, n=1, cutoff=ALIKE)
    if near:
        return f"did you mean {bare[near[0]]}?"
    return f"there are {', '.join(known)}." if known else "it takes none."


def _bare(word: str) -> str:
    return re.sub(r"[^a-z0-9]", "", word.lower())


def _shown(word: str) -> str:
    cut = word if len(word) <= 60 else f"{word[:60]}…"
    return cut if cut.isprintable() else repr(cut)
