"""What is found in texts without being told where: numbers of payment cards, and secrets.

A finding is a guess. Each is written over, and the rest of its text stays.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

# As they are printed: 13 to 19 digits, by blocks or not, that begin as those of an issuer do.
_CARD = re.compile(
    r"(?<![0-9A-Za-z.])(?:3[0-9]|[4-6][0-9]|2[2-7])(?:[ -]?[0-9]){11,17}(?![0-9A-Za-z])"
)
_MAYBE_CARD = re.compile(rb"[2-6][0-9 -]{12}")

# Keys of services, by the forms that their makers gave them so that they can be found; signed
# tokens; private keys.
_SHAPES = (
    r"[sr]k_(?:live|test)_[0-9A-Za-z]{16,}",
    r"(?:AKIA|ASIA)[0-9A-Z]{16}",
    r"gh[pousr]_[0-9A-Za-z]{36,}",
    r"github_pat_[0-9A-Za-z_]{22,}",
    r"glpat-[0-9A-Za-z_-]{20,}",
    r"xox[abeoprs]-[0-9A-Za-z-]{10,}",
    r"AIza[0-9A-Za-z_-]{35}",
    r"SG\.[0-9A-Za-z_-]{16,}\.[0-9A-Za-z_-]{16,}",
    r"npm_[0-9A-Za-z]{36}",
    r"sk-[0-9A-Za-z_-]{20,}",
    r"eyJ[0-9A-Za-z_-]{8,}\.eyJ[0-9A-Za-z_-]{8,}\.[0-9A-Za-z_-]{8,}",
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?:.*?-----END [A-Z ]*PRIVATE KEY-----|.*)",
)
_SECRET = re.compile(rf"(?<![0-9A-Za-z_])(?:{'|'.join(_SHAPES)})", re.DOTALL)
# Each shape has one of these; looking for each is quicker than for all by one pattern.
_IN_SECRETS = (
    b"k_live_", b"k_test_", b"AKIA", b"ASIA", b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_",
    b"github_pat_", b"glpat-", b"xox", b"AIza", b"SG.", b"npm_", b"sk-", b"eyJ", b"PRIVATE KEY",
)  # fmt: skip


class Detector(NamedTuple):
    """`suspects` is a quick look at a call's bytes, never wrongly no; `without` does it."""

    suspects: Callable[[bytes], bool]
    without: Callable[[str], str]


def _without_cards(text: str) -> str:
    return _CARD.sub(lambda found: "[card number]" if _is_card(found[0]) else found[0], text)


def _is_card(written: str) -> bool:
    """Whether the check digit, the last one, is right (Luhn)."""
    total = 0
    for place, each in enumerate(reversed([int(one) for one in written if one.isdigit()])):
        doubled = each * 2 if place % 2 else each
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


def _may_hold_a_secret(payload: bytes) -> bool:
    return any(each in payload for each in _IN_SECRETS)


DETECTORS = {
    "card_numbers": Detector(lambda payload: bool(_MAYBE_CARD.search(payload)), _without_cards),
    "secrets": Detector(_may_hold_a_secret, lambda text: _SECRET.sub("[secret]", text)),
}
