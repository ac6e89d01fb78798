"""What the processes have written into files: logs of services, of dbt, of Airflow's tasks.

A file may be open for somebody who writes on: it keeps its length, and what names somebody is
written over, letter by letter. The spool and the database's own files are none of these.
"""

import mmap
import re
from pathlib import Path

from include.privacy.forgetting.words import Words

# Under DATA_DIR: the cluster, calls that wait for the warehouse (they land, and are forgotten
# then), the receipts, and files that are read as a whole (a database, an archive).
_NOT_THESE = {"postgres", "spool", "receipts", "played-planhat", "exports"}
_NO_TEXTS = {".db", ".gz", ".zip", ".msgpack", ".sock", ".pid", ".db-wal", ".db-shm", ".pyc"}


def files_of(data_dir: Path) -> list[Path]:
    """Every file that may be written over."""
    if not data_dir.is_dir():
        return []
    return sorted(
        file
        for file in data_dir.rglob("*")
        if file.relative_to(data_dir).parts[0] not in _NOT_THESE
        and file.suffix not in _NO_TEXTS
        and file.is_file()
        and not file.is_symlink()
    )


def count_in_files(data_dir: Path, words: Words) -> dict[str, int]:
    """How often each file names them."""
    return _over(data_dir, words, write=False)


def mask_in_files(data_dir: Path, words: Words) -> dict[str, int]:
    """Write stars over every word of theirs: how often, by file."""
    return _over(data_dir, words, write=True)


def waiting_in_the_spool(data_dir: Path, words: Words) -> int:
    """How many files of calls that wait for the warehouse name them."""
    folder = data_dir / "spool"
    if not words.long or not folder.is_dir():
        return 0
    pattern = _pattern(words)
    return sum(
        bool(pattern.search(file.read_bytes())) for file in folder.rglob("*") if file.is_file()
    )


def _pattern(words: Words) -> re.Pattern[bytes]:
    return re.compile(words.expression.encode(), re.IGNORECASE)


def _over(data_dir: Path, words: Words, *, write: bool) -> dict[str, int]:
    if not words.long:
        return {}
    pattern = _pattern(words)
    found: dict[str, int] = {}
    for file in files_of(data_dir):
        try:
            if count := _in_file(file, pattern, write=write):
                found[file.relative_to(data_dir).as_posix()] = count
        except FileNotFoundError:  # a log that was rotated away meanwhile
            continue
    return found


def _in_file(file: Path, pattern: re.Pattern[bytes], *, write: bool) -> int:
    if not file.stat().st_size:
        return 0
    with file.open("r+b" if write else "rb") as opened:
        access = mmap.ACCESS_WRITE if write else mmap.ACCESS_READ
        with mmap.mmap(opened.fileno(), 0, access=access) as text:
            places = [match.span() for match in pattern.finditer(text)]
            if write:
                for first, last in places:
                    text[first:last] = b"*" * (last - first)
            return len(places)
