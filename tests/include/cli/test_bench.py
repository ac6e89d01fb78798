"""bench: what it refuses, and a table from a server of its own that leaves nothing behind."""

import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from include.cli.bench import refuse_without_disk
from include.errors import ProblemError
from include.settings import ROOT
from tests.include.running import cli, enterable, environment

pytestmark = pytest.mark.starts


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--parts", "push pull"], "There is no part pull: there are push, page"),
        (["--size", "huge"], "SIZE is one of small, full, not 'huge'."),
    ],
)
def test_what_it_does_not_know_is_one_line(tmp_path: Path, arguments: list[str], said: str) -> None:
    done = cli("bench", *arguments, DATA_DIR=str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert said in line


def test_the_large_size_is_refused_without_the_disk_for_it(tmp_path: Path) -> None:
    refuse_without_disk(tmp_path, "small", free=30)
    with pytest.raises(ProblemError, match="SIZE=full needs 40 GB of disk, and 30 GB are free in"):
        refuse_without_disk(tmp_path, "full", free=30)


def test_sigterm_in_the_middle_leaves_no_process_and_no_folder(tmp_path: Path) -> None:
    folders = [enterable(tmp_path) / "data", tmp_path / "tmp"]
    for folder in folders:
        folder.mkdir(mode=0o755)
    bench = subprocess.Popen(
        [sys.executable, "-m", "include.cli", "bench", "--parts", "collector"],
        env=environment(DATA_DIR=str(folders[0]), TMPDIR=str(folders[1])), cwd=ROOT,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        started: dict[psutil.Process, list[str]] = {}
        while not any("include.collector" in command for command in started.values()):
            assert bench.poll() is None
            time.sleep(0.05)
            started = _family(bench.pid, folders[0])
        assert any(command[0].endswith("/postgres") for command in started.values())
    finally:
        bench.terminate()
        bench.wait()
    assert bench.returncode == 128 + 15
    # A tracker of multiprocessing's leaves when it sees that the others have.
    deadline = time.monotonic() + 60
    while remaining := [each for each in started if _is_alive(each)]:
        assert time.monotonic() < deadline, remaining
        time.sleep(0.05)
    assert [list(folder.iterdir()) for folder in folders] == [[], []]


def _family(pid: int, folder: Path) -> dict[psutil.Process, list[str]]:
    """What a process has started, and the commands; its Postgres, nobody's child, by its folder."""
    found = {}
    children = psutil.Process(pid).children(recursive=True)
    for each in psutil.process_iter():
        with suppress(psutil.Error):  # gone by now, or somebody else's
            if each in children or Path(each.cwd()).is_relative_to(folder):
                found[each] = each.cmdline() or [""]
    return found


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE  # where nobody reaps orphans
    except psutil.NoSuchProcess:
        return False
