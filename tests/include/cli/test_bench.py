"""bench: what it refuses, and a table from a server of its own that leaves nothing behind."""

from pathlib import Path

import pytest

from include.cli.bench import refuse_without_disk
from include.errors import ProblemError
from tests.include.running import cli


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
