"""Cron expressions in words, for those who do not read them."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cron_descriptor import CasingTypeEnum, Options, get_description
from cron_descriptor.Exception import FormatError, MissingFieldError

from include.errors import SettingError


def in_words(cron: str, timezone: str = "UTC") -> str:
    """`At 06:00, 12:00 and 18:00, UTC` for `0 6,12,18 * * *`.

    Raises `SettingError` when the expression or the time zone does not exist.
    """
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError):
        raise SettingError(
            f"There is no time zone {timezone!r}: write one like Europe/Berlin."
        ) from None
    options = Options()
    options.use_24hour_time_format = True
    options.casing_type = CasingTypeEnum.Sentence
    try:
        words = get_description(cron, options)
    except (FormatError, MissingFieldError, ValueError, IndexError):
        raise SettingError(
            f"{cron!r} is not a schedule: write five fields like 0 6,12,18 * * *."
        ) from None
    return f"{words}, {timezone}"
