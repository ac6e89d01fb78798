"""Pushes in processes of their own, so that tests can kill them at exact points.

One process imports everything once and forks a child for each command that it reads.
"""

import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from include.connections import Destination, PlanhatConnection, SegmentConnection
from include.planhat.api.client import Client
from include.push import ledger, steps
from include.push.catalogue import FOLDERS
from include.push.push import push
from include.push.to_planhat import endusers, marker, read_back
from include.push.to_segment import posting, sender
from include.settings import ROOT, load_settings
from tests.include.push.to_planhat.world import QUICK as TO_PLANHAT
from tests.include.push.world import QUICK, World

# Where a process can be killed: a function of the engine, and whether before or after it.
POINTS: dict[str, tuple[Any, str]] = {
    "plan": (steps, "plan_model"),
    "mark": (ledger, "mark_sent"),
    "post": (posting, "post"),
    "acknowledge": (ledger, "acknowledge"),
    # the last statement of a ledger transaction: after it, and before the commit
    "commit": (ledger, "_count"),
    "unknown": (ledger, "leave_unknown"),
    "split": (ledger, "forget_sent"),
}
# And one to Planhat: at a request of any kind, what is looked at, what a read settles.
PLANHAT_POINTS: dict[str, tuple[Any, str]] = {
    "request": (Client, "_send"),
    "look": (endusers, "look"),
    "settle": (read_back, "_settle"),
    "mark the tenant": (marker, "check"),
}


@dataclass
class Pusher:
    """`with Pusher() as pusher:`; each call runs in a child that has imported everything."""

    process: subprocess.Popen | None = None

    def __enter__(self) -> "Pusher":
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.include.push.pusher"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process is not None
        self.process.stdin.close()  # type: ignore[union-attr]
        self.process.wait(10)

    def start(self, world: World, segment: SegmentConnection, **command: Any) -> int:
        """Start a push, or with `part` one delivery; returns the child's process id."""
        return self.begin(
            url=world.url, folder=str(world.folder), host=segment.host, key=segment.write_key,
            **command,
        )  # fmt: skip

    def begin(self, **command: Any) -> int:
        """Start what a command says; returns the child's process id."""
        return int(self._ask(**command))

    def wait(self, child: int) -> int:
        """The child's exit code; -9 when it was killed."""
        return int(self._ask(wait=child))

    def run(self, world: World, segment: SegmentConnection, **command: Any) -> int:
        """Start and wait."""
        return self.wait(self.start(world, segment, **command))

    def _ask(self, **command: Any) -> str:
        assert self.process is not None
        print(json.dumps(command), file=self.process.stdin, flush=True)
        return self.process.stdout.readline()  # type: ignore[union-attr]


def die_at(point: str, when: str, number: int) -> None:
    """Kill this process, unannounced, at the numbered passing of a point."""
    module, name = {**POINTS, **PLANHAT_POINTS}[point]
    function = getattr(module, name)
    passings = itertools.count(1)

    def counted(*args: Any, **kwargs: Any) -> Any:
        is_it = next(passings) == number
        if is_it and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        try:
            return function(*args, **kwargs)
        finally:
            if is_it and when == "after":
                os.kill(os.getpid(), signal.SIGKILL)

    setattr(module, name, counted)


def perform(command: dict) -> int:
    """What a child does; its exit code is the command's."""
    if kill := command.get("kill"):
        die_at(*kill)
    sender.BATCH_EVENTS = command.get("batch_events", sender.BATCH_EVENTS)
    to: Destination = SegmentConnection(command["host"], command["key"])
    options, folder = QUICK, Path(command["folder"])
    if tenant := command.get("tenant"):
        to = PlanhatConnection(command["host"], command["key"], tenant, command["host"])
        options, folder = TO_PLANHAT, FOLDERS["planhat"]
    silent: Callable[[str], None] = lambda line: None  # noqa: E731
    if part := command.get("part"):
        counts = steps.deliver_model(command["url"], to, **part, say=silent, options=options)
        return 0 if counts["not_sent"] == 0 else 1
    return push(
        command["url"], to, load_settings({}), requested_by="a child", say=silent,
        folder=folder, options=options,
    ).exit_code  # fmt: skip


def main() -> None:
    """Read commands, fork a child for each."""
    for line in sys.stdin:
        command = json.loads(line)
        if child := command.get("wait"):
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
            continue
        child = os.fork()
        if child == 0:
            code = 70
            try:
                code = perform(command)
            except BaseException as error:
                code = getattr(error, "exit_code", 70)
                if code == 70:
                    print(repr(error), file=sys.stderr)
            finally:
                os._exit(code)
        print(child, flush=True)


if __name__ == "__main__":
    main()
