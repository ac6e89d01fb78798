"""A folder of exports and a warehouse, in a few lines."""

import json
from collections.abc import Iterable
from pathlib import Path

import psycopg

from include.planhat.reading import ReadReport, read_folder


def ident(number: int) -> str:
    """An id of Planhat's."""
    return f"{number:024x}"


def company(number: int, **fields: object) -> dict[str, object]:
    """A company with what is required."""
    return {"_id": ident(number), "name": f"Company {number}", **fields}


class World:
    """A folder and a warehouse."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder
        self.said: list[str] = []

    def write(self, name: str, *objects: object, raw: str | None = None) -> None:
        """A file of these objects, or of this text."""
        text = raw if raw is not None else "".join(json.dumps(each) + "\n" for each in objects)
        (self.folder / name).write_text(text)

    def write_csv(self, header: str, rows: Iterable[str], name: str = "companies.csv") -> None:
        """A file of these lines."""
        (self.folder / name).write_text("\n".join([header, *rows]) + "\n")

    def read(self, **options) -> ReadReport:
        """Read the folder; what was said is in `said`."""
        self.said.clear()
        return read_folder(self.url, self.folder, say=self.said.append, **options)

    def counts(self, **options) -> dict[str, int]:
        """Read the folder, which holds one model: its counts that are not 0."""
        (only,) = self.read(**options).models
        names = ["added", "changed", "returned", "unchanged", "deleted", "withheld", "rejected",
                 "cells"]  # fmt: skip
        return {name: getattr(only, name) for name in names if getattr(only, name)}

    def rows(self, query: str) -> list[tuple]:
        """What a query gives."""
        with psycopg.connect(self.url) as connection:
            return connection.execute(query).fetchall()

    def present(self) -> list[int]:
        """The objects that are not deleted."""
        query = "select planhat_id from raw_planhat.objects where deleted_at is null order by 1"
        return [int(identifier, 16) for (identifier,) in self.rows(query)]

    def rejects(self) -> list[tuple]:
        """Where and what, in the order of the read."""
        return self.rows("select file, line, code from raw_planhat.rejects order by reject_id")

    def custom(self, number: int) -> dict:
        """A company's custom fields as they stand in the warehouse."""
        query = "select payload -> 'custom' from raw_planhat.objects where planhat_id = "
        return self.rows(f"{query}'{ident(number)}'")[0][0] or {}
