"""A folder of Planhat exports: which file holds which model, and the objects in it.

Files are named after the API's paths: companies.jsonl, endusers.csv, licenses.json.gz … `.jsonl`
and `.json` hold JSON lines or one array (the first character tells), `.csv` what Planhat's UI
gives; each also gzipped. Folders and hidden files inside are left alone.
"""

import csv
import difflib
import gzip
import re
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

from include.errors import ProblemError
from include.planhat import csv_files, json_files
from include.planhat.check import Found, Problem
from include.planhat.columns import Columns
from include.planhat.encoding import as_utf_8, encoding_of
from include.planhat.models import BY_NAME, BY_PATH, MODELS, Model

SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv")


@dataclass(frozen=True)
class Folder:
    """What a folder holds: its files by model, in the models' order, and those of no model."""

    files: dict[str, list[Path]] = field(default_factory=dict)
    unknown: list[Found] = field(default_factory=list)


def look(folder: Path) -> Folder:
    """Sort a folder's files by model. Raises `ProblemError` when there is no such folder."""
    if not folder.is_dir():
        raise ProblemError(
            f"There is no folder {folder}: name one that holds Planhat exports "
            f"(companies.jsonl, endusers.csv …)."
        )
    files: dict[str, list[Path]] = {}
    unknown = []
    for path in sorted(folder.iterdir()):
        if path.is_dir() or path.name.startswith("."):
            continue
        model = model_of(path.name)
        if model is None:
            unknown.append(_of_no_model(path.name))
        else:
            files.setdefault(model.name, []).append(path)
    order = [model.name for model in MODELS]
    return Folder({name: files[name] for name in sorted(files, key=order.index)}, unknown)


def model_of(file_name: str) -> Model | None:
    """The model that a file of this name holds; None for any other name."""
    name = file_name.lower().removesuffix(".gz")
    stem, dot, suffix = name.rpartition(".")
    if f"{dot}{suffix}" not in SUFFIXES:
        return None
    return BY_PATH.get(stem) or BY_NAME.get(stem)


def objects_in(
    model: Model, path: Path, columns: Columns | None = None, decimal_mark: str | None = None
) -> Iterator[Found]:
    """Every object in a file, each with its line. A file that cannot be read (any further) ends
    with one problem that has no line. `columns` and `decimal_mark` are for CSV.
    """
    opened = partial(_open, path)
    try:
        if _is_csv(path):
            yield from csv_files.objects_of(path.name, model, opened, columns, decimal_mark)
        else:
            with opened() as stream:
                encoding = encoding_of(stream.read(64))
            with opened() as stream:
                yield from json_files.objects_of(path.name, as_utf_8(stream, encoding))
    except (OSError, EOFError, zlib.error, csv.Error, UnicodeError) as error:
        reason = f"the file cannot be read to its end: {_said(error)}"
        yield Found(path.name, None, "", problem=Problem("unreadable_file", reason))


def fields_in(model: Model, paths: list[Path]) -> set[str]:
    """The fields that the CSV files among these have columns for, as far as they can be opened."""
    fields: set[str] = set()
    for path in filter(_is_csv, paths):
        # What is wrong with a file is said when it is read.
        with suppress(OSError, EOFError, zlib.error, csv.Error, UnicodeError):
            fields |= csv_files.fields_of(model, partial(_open, path))
    return fields


def _is_csv(path: Path) -> bool:
    return path.name.lower().removesuffix(".gz").endswith(".csv")


def _open(path: Path) -> AbstractContextManager[BinaryIO]:
    if path.name.lower().endswith(".gz"):
        return cast(AbstractContextManager[BinaryIO], gzip.open(path, "rb"))
    return path.open("rb")


def _of_no_model(name: str) -> Found:
    paths = [model.path for model in MODELS]
    stem = name.lower().removesuffix(".gz").rpartition(".")[0] or name.lower()
    near = difflib.get_close_matches(re.sub(r"[^a-z]", "", stem), paths, n=1)
    meant = f": should it be {near[0]}{_suffix(name)}?" if near else ""
    reason = (
        f"no model has a file of this name{meant or '.'} Known are {', '.join(paths)} with "
        f"{', '.join(SUFFIXES)}[.gz]"
    )
    return Found(name, None, "", problem=Problem("unknown_file", reason))


def _suffix(name: str) -> str:
    return next((each for each in SUFFIXES if name.lower().endswith(each)), SUFFIXES[0])


def _said(error: Exception) -> str:
    # An OSError's own text names the whole path; its reason is enough beside the file's name.
    return (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__
