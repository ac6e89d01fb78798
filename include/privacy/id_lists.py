"""Files that list people: an id a line."""

from collections.abc import Iterator
from pathlib import Path

from include.errors import SettingError


def ids_of(file: Path) -> Iterator[str]:
    """The ids of a list file, empty lines passed over. Raises `SettingError`."""
    try:
        # a spreadsheet writes a byte order mark before the first
        with file.open(encoding="utf-8-sig") as lines:
            for line in lines:
                if text := line.strip():
                    yield text
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8"
        raise SettingError(f"{file} cannot be read: {why}.") from None
