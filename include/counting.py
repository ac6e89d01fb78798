"""A number and what it counts, as people write it."""


def counted(number: int, noun: str, verbs: tuple[str, str] = ("", "")) -> str:
    """`1 object`, `1,234 objects`; with verbs of one and of many, `1 object is`."""
    verb = verbs[0] if number == 1 else verbs[1]
    return f"{number:,} {noun if number == 1 else noun + 's'}" + (f" {verb}" if verb else "")
