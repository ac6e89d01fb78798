"""A forgetting that kills its own process: `killed.py URL DATA_DIR ID POINT`.

POINT counts from 1 what the process asks for from outside: builds, locks, and lines that it says.
"""

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import psycopg

from include.privacy import forgetting
from include.privacy.forgetting.doing import Builds
from include.settings import load_settings
from tests.include.privacy.people import builds


def main(url: str, data_dir: str, asked: str, point: str) -> None:
    """Forget, and die at the point."""
    left = int(point)

    def step(what=lambda *given: None):
        def take(*given):
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return what(*given)

        return take

    settings = replace(load_settings({"DATA_DIR": data_dir}), airflow_conn_warehouse=url)
    with psycopg.connect(url) as connection:
        people = [forgetting.find(connection, asked)]
    real = builds(url, settings)
    forgetting.forget(
        url, Path(data_dir), people, by="killed", say=step(),
        builds=Builds(make=step(real.make), lock=step(real.lock)),
    )  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
