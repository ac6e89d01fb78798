"""Several words in one option, as a shell would read them."""

import shlex

from include.errors import SettingError


def split(text: str, name: str) -> list[str]:
    """The words of an option that make calls `name`. Raises `SettingError` for an open quote."""
    try:
        return shlex.split(text)
    except ValueError as error:
        raise SettingError(f"{name}={text} cannot be read: {str(error).lower()}.") from None
