"""Cron expressions: checked as Airflow reads them, said in words, and when one was last due."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cron_descriptor import CasingTypeEnum, Options, get_description
from cron_descriptor.Exception import FormatError, MissingFieldError
from croniter import CroniterError, croniter

from include.errors import SettingError
from include.settings import Settings

FIELDS = 5


def check_schedules(settings: Settings) -> None:
    """Raise `SettingError`, naming the variable, for a schedule that Airflow would refuse."""
    in_words(settings.push_cron, settings.push_timezone, name="PUSH_CRON")
    in_words(settings.build_cron, name="BUILD_CRON")
    in_words(settings.read_planhat_cron, name="READ_PLANHAT_CRON")
    in_words(settings.push_to_planhat_cron, name="PUSH_TO_PLANHAT_CRON")


def in_words(cron: str, timezone: str = "UTC", *, name: str = "PUSH_CRON") -> str:
    """`At 06:00, 12:00 and 18:00, UTC` for `0 6,12,18 * * *`.

    `name` is the variable that the expression comes from. Raises `SettingError` when it is no
    schedule for the library that Airflow reads it with, or the time zone does not exist.
    """
    _zone(timezone)
    try:
        if len(cron.split()) != FIELDS:
            raise ValueError(f"{len(cron.split())} fields")
        # Also finds what never comes, like 30 February: Airflow stumbles over that while it runs.
        croniter(cron, datetime.now(UTC).replace(tzinfo=None)).get_next(datetime)
    except (CroniterError, ValueError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise SettingError(
            f"{name}={cron} is not a schedule ({reason}): write five fields like 0 6,12,18 * * *."
        ) from None
    options = Options()
    options.use_24hour_time_format = True
    options.casing_type = CasingTypeEnum.Sentence
    try:
        words = get_description(cron, options)
    except (FormatError, MissingFieldError, ValueError, IndexError):
        words = cron  # Airflow reads it, and there are no words for it
    return f"{words}, {timezone}"


def last_due(cron: str, timezone: str, moment: datetime) -> datetime:
    """The last time at or before `moment` (with a zone) at which the schedule was due, in UTC.

    Raises `SettingError` when the time zone does not exist.
    """
    zone = _zone(timezone)
    # On the wall clock, as Airflow does it. A second on, because get_prev excludes its start.
    naive = moment.astimezone(zone).replace(tzinfo=None, microsecond=0)
    after = datetime.fromtimestamp(naive.replace(tzinfo=UTC).timestamp() + 1, UTC)
    due: datetime = croniter(cron, after.replace(tzinfo=None)).get_prev(datetime)
    return due.replace(tzinfo=zone).astimezone(UTC)


def _zone(timezone: str) -> ZoneInfo:
    try:
        return ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise SettingError(
            f"PUSH_TIMEZONE: there is no time zone {timezone!r}: write one like Europe/Berlin."
        ) from None
