"""A file with people in it is its owner's alone, whatever the umask and whatever was there."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from include.private_files import open_private


@pytest.fixture(params=[0o000, 0o022, 0o077, 0o277])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


@pytest.mark.parametrize("was", [None, 0o600, 0o644, 0o666, 0o777])
@pytest.mark.parametrize("append", [False, True])
def test_it_is_its_owner_s_alone(tmp_path: Path, umask: int, was: int | None, append: bool) -> None:
    file = tmp_path / "people.csv"
    if was is not None:
        file.write_text("before\n")
        file.chmod(was)
    with open_private(file, append=append) as output:
        assert mode(file) == 0o600
        output.write("Zoë\n")
    kept = "before\n" if append and was is not None else ""
    assert file.read_text(encoding="utf-8") == f"{kept}Zoë\n"
    assert mode(file) == 0o600


def test_what_is_no_file_is_written_to_and_left_as_it_is(tmp_path: Path) -> None:
    before = mode(Path(os.devnull))
    with open_private(Path(os.devnull)) as output:
        output.write("x")
    assert mode(Path(os.devnull)) == before

    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o644)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with open_private(pipe) as output:
        output.write("x")
    assert (os.read(reader, 9), mode(pipe)) == (b"x", 0o644)
    os.close(reader)


def test_a_file_that_cannot_be_written_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_private(tmp_path / "none" / "people.csv")
