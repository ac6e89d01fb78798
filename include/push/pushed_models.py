"""The outbound models' YAML files, read again only when one of them has changed."""

from functools import lru_cache

from include.connections import Kind
from include.errors import ProblemError
from include.push.catalogue import FOLDERS, PushedModel, read_catalogue


def pushed_models(kind: Kind = "segment") -> dict[str, PushedModel]:
    """The pushed models of a destination by name; none when a file is wrong: the push says which.

    Reading the sixteen files takes a fifth of a second, and the page asks every few seconds.
    """
    folder = FOLDERS[kind]
    files = sorted([*folder.glob("*.yml"), *folder.glob("*.yaml")])
    return _read(kind, tuple((file.name, file.stat().st_mtime_ns) for file in files))


@lru_cache(maxsize=4)
def _read(kind: Kind, state: tuple[tuple[str, int], ...]) -> dict[str, PushedModel]:
    try:
        return read_catalogue(kind=kind)
    except ProblemError:
        return {}
