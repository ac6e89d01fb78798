"""The builds that a forgetting makes, and the lock that keeps others away meanwhile."""

from collections.abc import Callable
from datetime import date

from include.build.lock import take_lock
from include.build.making import build
from include.errors import ProblemError
from include.privacy.forgetting.doing import Builds
from include.settings import Settings


def builds_of(
    url: str,
    settings: Settings,
    *,
    requested_by: str,
    say: Callable[[str], None],
    today: date | None = None,
) -> Builds:
    """`today`: the day as of which they are made; None: the clock's."""

    def make() -> None:
        report = build(url, settings, requested_by=requested_by, today=today, say=say)
        if report.waits_for_rules:
            raise ProblemError(
                "New rules wait to be accepted, and nothing is built before: make build ACCEPT=1."
            )

    return Builds(make=make, lock=lambda holder: take_lock(holder, say))
