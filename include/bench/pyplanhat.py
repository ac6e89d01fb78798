"""`pyplanhat`, the client of Planhat that the registry has, making endusers.

It has no bulk call: an enduser is a call. And nothing that writes metrics or activities. It neither
keeps a pace nor asks again. Nobody else needs it, so it is installed for the measurement alone.
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from include.bench.peak import peak_mb
from include.connections import PlanhatConnection

VERSION = "0.2.1"


@dataclass(frozen=True)
class Made:
    """What it has made. `is_refused`: the quota ended it."""

    endusers: int
    seconds: float
    is_refused: bool
    peak_mb: float

    @property
    def rate(self) -> float:
        """Endusers a second."""
        return self.endusers / self.seconds


@contextmanager
def installed() -> Iterator[Path | None]:
    """A folder that has it; None where it cannot be installed."""
    with TemporaryDirectory() as name:
        # what it needs, httpx and pydantic, is there
        done = subprocess.run(
            [
                sys.executable, "-m", "pip", "install", "--quiet", "--no-deps",
                "--disable-pip-version-check", "--target", name, f"pyplanhat=={VERSION}",
            ],
            capture_output=True,
            timeout=180,
            check=False,
        )  # fmt: skip
        yield Path(name) if done.returncode == 0 else None


def make_endusers(
    folder: Path, planhat: PlanhatConnection, items: list[dict[str, Any]], at_once: int
) -> Made:
    """Make these, so many at once; 1: through its synchronous client.

    In a process of its own: `folder` is where this one finds it.
    """
    sys.path.insert(0, str(folder))
    from pyplanhat import EndUser

    endusers = (EndUser(**item) for item in items)
    started = perf_counter()
    if at_once == 1:
        made, is_refused = _one_by_one(planhat, endusers)
    else:
        made, is_refused = asyncio.run(_several(planhat, endusers, at_once))
    return Made(made, perf_counter() - started, is_refused, peak_mb())


def _one_by_one(planhat: PlanhatConnection, endusers: Iterator[Any]) -> tuple[int, bool]:
    from pyplanhat import PyPlanhat, RateLimitError

    made = 0
    with PyPlanhat(planhat.token, planhat.host) as client:
        for enduser in endusers:
            try:
                client.endusers.create(enduser)
            except RateLimitError:
                return made, True
            made += 1
    return made, False


async def _several(
    planhat: PlanhatConnection, endusers: Iterator[Any], at_once: int
) -> tuple[int, bool]:
    from pyplanhat import AsyncPyPlanhat, RateLimitError

    async def make() -> tuple[int, bool]:
        made = 0
        # all of them take from the same endusers
        for enduser in endusers:
            try:
                await client.endusers.create(enduser)
            except RateLimitError:
                return made, True
            made += 1
        return made, False

    async with AsyncPyPlanhat(planhat.token, planhat.host) as client:
        done = await asyncio.gather(*(make() for _ in range(at_once)))
    return sum(made for made, _ in done), any(is_refused for _, is_refused in done)
