"""Errors named for what the caller can do. Commands print them as one line, not as a traceback."""


class ProblemError(Exception):
    """Something a person can put right. The message says what is wrong and what to do."""

    exit_code = 1


class SettingError(ProblemError):
    """A setting is missing or unreadable."""


class ServiceError(ProblemError):
    """A service cannot be reached or cannot start (Postgres, a port, Airflow, the collector)."""


class BusyError(ProblemError):
    """Somebody else is doing it; the message says who and since when."""

    exit_code = 4
