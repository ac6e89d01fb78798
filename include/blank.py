"""What is blank: Unicode's white space and its invisible characters, at both ends of a text.

The same characters as in dbt_project/macros/keys.sql, by code point and not by what a version of
Unicode in a language or a database knows of them.
"""

_RANGES = (
    # White_Space
    (0x09, 0x0D), (0x20, 0x20), (0x85, 0x85), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A),
    (0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000),
    # invisible: soft hyphen, zero widths and marks of direction, joiners, byte order mark
    (0xAD, 0xAD), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x2064), (0x2066, 0x2069),
    (0xFEFF, 0xFEFF),
)  # fmt: skip

BLANK = "".join(chr(point) for first, last in _RANGES for point in range(first, last + 1))


def cut(text: str) -> str:
    """The text without what is blank at its ends; empty when nothing is left."""
    return text.strip(BLANK)
