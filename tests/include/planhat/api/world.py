"""A played Planhat and a warehouse that reads it, in a few lines."""

import psycopg

from include.connections import PlanhatConnection
from include.planhat.api.client import ClientOptions
from include.planhat.api.reading import read_api
from include.planhat.report import ReadReport
from include.played_planhat.app import PlayedPlanhat
from tests.include.planhat.world import company, ident


class World:
    """What Planhat has, and what the warehouse has read of it."""

    def __init__(
        self, url: str, connection: PlanhatConnection, played: PlayedPlanhat, options: ClientOptions
    ) -> None:
        self.url = url
        self.connection = connection
        self.played = played
        self.options = options
        self.said: list[str] = []

    def have(self, *numbers: int, **fields: object) -> None:
        """Planhat has these companies."""
        rows = [company(number, **fields) for number in numbers]
        self.played.documents.load("companies", rows)

    def have_people(self, *numbers: int, **fields: object) -> None:
        """Planhat has these endusers."""
        for number in numbers:
            person = {"_id": ident(number), "companyId": ident(1), "email": f"{number}@x.example"}
            self.played.documents.load("endusers", [{**person, **fields}])

    def lose(self, *numbers: int, path: str = "companies") -> None:
        """They are deleted in Planhat."""
        for number in numbers:
            self.played.documents.of[path].remove(ident(number))

    def pages_of(self, size: int, **switches: object) -> None:
        """Planhat gives pages of so many rows, without a word."""
        caps = dict.fromkeys(self.played.documents.of, size)
        self.played.switches = self.played.switches.turned(caps=caps, quota=None, **switches)

    def read(self, **options) -> ReadReport:
        """Read all of it; what was said is in `said`."""
        self.said.clear()
        options = {"options": self.options, **options}
        return read_api(self.url, self.connection, say=self.said.append, **options)

    def counts(self, model: str = "company", **options) -> dict[str, int]:
        """Read all of it: a model's counts that are not 0."""
        report = self.read(**options)
        (read,) = [each for each in report.models if each.model == model]
        names = ["added", "changed", "returned", "unchanged", "deleted", "withheld", "rejected"]
        return {name: getattr(read, name) for name in names if getattr(read, name)}

    def rows(self, query: str) -> list[tuple]:
        """What a query gives."""
        with psycopg.connect(self.url) as connection:
            return connection.execute(query).fetchall()

    def present(self, model: str = "company") -> list[int]:
        """The objects that the warehouse has, and not as deleted."""
        query = "select planhat_id from raw_planhat.objects where deleted_at is null and model = "
        return sorted(int(identifier, 16) for (identifier,) in self.rows(f"{query}'{model}'"))

    def asked(self, path: str) -> int:
        """How often a path was asked for."""
        return len([each for each in self.played.requests.all if each.path == path])
