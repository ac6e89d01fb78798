"""The outbound models' YAML files, read again only when one of them has changed."""

from functools import lru_cache
from pathlib import Path

from include.errors import ProblemError
from include.push.catalogue import FOLDER, PushedModel, read_catalogue


def pushed_models(folder: Path = FOLDER) -> dict[str, PushedModel]:
    """The pushed models by name; none when a file is wrong: the push itself says which.

    Reading the sixteen files takes a fifth of a second, and the page asks every few seconds.
    """
    files = sorted([*folder.glob("*.yml"), *folder.glob("*.yaml")])
    return _read(folder, tuple((file.name, file.stat().st_mtime_ns) for file in files))


@lru_cache(maxsize=4)
def _read(folder: Path, state: tuple[tuple[str, int], ...]) -> dict[str, PushedModel]:
    try:
        return read_catalogue(folder)
    except ProblemError:
        return {}
