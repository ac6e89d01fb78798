"""Objects of which Planhat said that they changed, read one by one.

The whole read stays the truth: what is marked here is only read sooner.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg

from include.connections import PlanhatConnection
from include.planhat.api.asking import one, tells_by_404
from include.planhat.api.client import Client, ClientOptions
from include.planhat.api.errors import RefusedError, TokenError
from include.planhat.api.reading import alone
from include.planhat.check import Found
from include.planhat.deletions import Answers
from include.planhat.json_files import parsed
from include.planhat.models import MODELS, Model
from include.planhat.objects import ModelRead, write_model

# Objects of a run, each a call: half a minute. The others wait for the next.
MOST = 90
# What people call some models, beside the names here and in the API's paths.
_ALIASES = {"note": "conversation", "workflow": "campaign"}


@dataclass(frozen=True)
class Changed:
    """What reading the marked objects did."""

    reads: tuple[ModelRead, ...] = ()
    # marks of models that are not read
    unknown: tuple[str, ...] = ()
    waiting: int = 0

    @property
    def has_changed(self) -> bool:
        """True if the warehouse differs from before."""
        return any(each.added + each.changed + each.returned + each.deleted for each in self.reads)


@dataclass(frozen=True)
class _Mark:
    model: str
    planhat_id: str
    marked_at: datetime


def read_changed(
    url: str,
    connection: PlanhatConnection,
    *,
    models: Sequence[Model] = MODELS,
    options: ClientOptions = ClientOptions(),  # noqa: B008  frozen
    say: Callable[[str], None] = print,
) -> Changed:
    """Read what is marked, longest marked first. An object marked again meanwhile stays marked.

    Raises what `read_api` raises, `BusyError` while that reads.
    """
    by_name = {name: model for model in models for name in (model.name, model.path)}
    by_name |= {alias: by_name[name] for alias, name in _ALIASES.items()}
    with alone(url) as warehouse:
        marks = _marks(warehouse)
        if not marks:
            return Changed()
        unknown = sorted({each.model for each in marks if each.model not in by_name})
        for name in unknown:
            say(f"! {name} is no model that is read: its marks are dropped")
        by_model: dict[str, list[_Mark]] = defaultdict(list)
        for mark in marks:
            if mark.model in by_name:
                by_model[by_name[mark.model].name].append(mark)
        reads = []
        with Client(connection, url, options) as client:
            for name, those in by_model.items():
                reads += _read(warehouse, client, by_name[name], those, say)
        _unmark(warehouse, [each for each in marks if each.model in unknown])
        (waiting,) = warehouse.execute("select count(*) from raw_planhat.changed").fetchone()  # type: ignore[misc]
    return Changed(tuple(reads), tuple(unknown), waiting)


def _read(
    warehouse: psycopg.Connection, client: Client, model: Model, marks: list[_Mark],
    say: Callable[[str], None],
) -> list[ModelRead]:  # fmt: skip
    """One model's marked objects, read and written, and unmarked with that."""
    found: list[Found] = []
    gone: set[str] = set()
    origin = f"/{model.path}/…"
    try:
        for place, mark in enumerate(marks, 1):
            raw = one(client, model, mark.planhat_id)
            if raw is not None:
                found.append(parsed(origin, place, raw))
            elif tells_by_404(model):
                gone.add(mark.planhat_id)
    except TokenError:
        raise
    except RefusedError as error:
        say(f"! {model.name} is not read: {error}")
        _unmark(warehouse, marks)
        return []
    read = write_model(
        warehouse, model, origin, found, answers=Answers(frozenset(gone)), is_whole=False
    )
    _unmark(warehouse, marks)
    return [read]


def _marks(warehouse: psycopg.Connection) -> list[_Mark]:
    rows = warehouse.execute(
        "select model, planhat_id, marked_at from raw_planhat.changed order by marked_at limit %s",
        [MOST],
    )
    return [_Mark(*row) for row in rows]


def _unmark(warehouse: psycopg.Connection, marks: list[_Mark]) -> None:
    warehouse.cursor().executemany(
        "delete from raw_planhat.changed where model = %s and planhat_id = %s and marked_at = %s",
        [(each.model, each.planhat_id, each.marked_at) for each in marks],
    )
