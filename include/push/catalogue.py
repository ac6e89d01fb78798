"""What is pushed: read from the models' YAML files in `dbt_project/models/planhat/` (to Segment)
and `dbt_project/models/to_planhat/`.

The files, not dbt's manifest, which a fresh clone lacks. Nothing else knows the models' names.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from include.connections import Kind
from include.errors import ProblemError
from include.nearest import unknown
from include.quick_yaml import read_yaml
from include.settings import ROOT

# By destination: where its models are described, and so the schema that holds them.
FOLDERS: dict[Kind, Path] = {
    "segment": ROOT / "dbt_project" / "models" / "planhat",
    "planhat": ROOT / "dbt_project" / "models" / "to_planhat",
}

# By destination: what a row may become there. Segment's calls; what Planhat takes.
CALLS: dict[Kind, tuple[str, ...]] = {
    "segment": ("group", "identify", "track"),
    "planhat": ("enduser", "metric", "activity"),
}

# What rows of `to_planhat` need beside their key, so that each can become what it should.
NEEDED: dict[str, tuple[str, ...]] = {
    "enduser": ("company_id", "external_id", "email"),
    "metric": (
        "planhat_model", "planhat_id", "external_id", "dimension", "metric_date", "value",
        "aggregation",
    ),
    "activity": (
        "enduser_id", "external_id", "email", "company_id", "company_external_id",
        "activity_date", "event", "count", "weight",
    ),
}  # fmt: skip

# What the contract of every outbound table begins with; the keys of a `… Removed` event.
KEY_COLUMNS = (
    "planhat_id",
    "external_id",
    "company_id",
    "company_external_id",
    "enduser_id",
    "enduser_external_id",
    "email",
)

# How each SQL type goes out. The type of a column in a customer's warehouse is that of its first
# value, so it must stay: a numeric is a float even when it is whole.
KINDS = {
    "text": "text",
    "varchar": "text",
    "character varying": "text",
    "uuid": "text",
    "numeric": "number",
    "decimal": "number",
    "double precision": "number",
    "float": "number",
    "real": "number",
    "smallint": "integer",
    "integer": "integer",
    "int": "integer",
    "bigint": "integer",
    "boolean": "boolean",
    "bool": "boolean",
    "date": "date",
    "timestamptz": "timestamp",
    "timestamp with time zone": "timestamp",
    "timestamp": "timestamp",
    "timestamp without time zone": "timestamp",
    "jsonb": "json",
    "json": "json",
}


class CatalogueError(ProblemError):
    """A YAML file of an outbound model does not say what the push needs to know."""


@dataclass(frozen=True)
class Column:
    """One trait or property: its name and how its values go out (a value of `KINDS`, or array)."""

    name: str
    kind: str
    # as its YAML says it
    data_type: str


@dataclass(frozen=True)
class PushedModel:
    """An outbound table `<schema>.<name>` and what each of its rows becomes."""

    name: str
    # one of `CALLS`
    call: str
    event: str | None
    # none in Planhat, where nothing is removed
    removed_event: str | None
    columns: tuple[Column, ...]
    schema: str = "planhat"
    kind: Kind = "segment"
    # its name in dbt, where it is another one than the table's
    node: str = ""
    # it has a column `withheld`, not sent: why a row must not go, null where it may
    withholds: bool = False
    # its file is gone, and all of it goes
    is_retired: bool = False
    # pushed unless somebody says otherwise (`sync.segment_outbound`)
    on_by_default: bool = True
    # most of its rows change each day, and that is no accident
    changes_daily: bool = False
    # the identify model whose objects its rows are about, or will be once Planhat has them
    about: str | None = None
    before: str | None = None
    # on the model that others are `before`: they
    after: tuple[str, ...] = ()

    @property
    def relatives(self) -> tuple[str, ...]:
        """Models whose objects become this one's, or that this one's become: the same people."""
        if self.about is not None:
            return ()
        return self.after if self.before is None else (self.before, *self.after)

    @property
    def number_columns(self) -> frozenset[str]:
        """Columns whose values are sent as floats."""
        return frozenset(each.name for each in self.columns if each.kind == "number")

    @property
    def column_names(self) -> frozenset[str]:
        """Every column that is sent."""
        return frozenset(each.name for each in self.columns)


def read_catalogue(folder: Path | None = None, kind: Kind = "segment") -> dict[str, PushedModel]:
    """The pushed models of a destination by name, in the order of their names.

    `folder`: another one than its own. Raises `CatalogueError` naming the file and what is wrong
    with it, or saying that there is none.
    """
    folder = folder or FOLDERS[kind]
    found: dict[str, PushedModel] = {}
    for file in sorted([*folder.glob("*.yml"), *folder.glob("*.yaml")]):
        for model in _read_file(file, kind):
            if model.name in found:
                raise CatalogueError(f"{file.name}: the model {model.name} is described twice")
            found[model.name] = model
    if not found:
        raise CatalogueError(f"No pushed model is described in {folder.name}/*.yml")
    return _relate(dict(sorted(found.items())))


def _relate(models: dict[str, PushedModel]) -> dict[str, PushedModel]:
    """Each with those that are `before` it. Raises `CatalogueError` where one names no people."""
    after: dict[str, tuple[str, ...]] = {}
    for model in models.values():
        if model.about and model.before:
            raise CatalogueError(f"{model.name}: one of `about` and `before`, not both")
        for word, named in (("about", model.about), ("before", model.before)):
            if named is not None and not _has_ids_of_its_own(models.get(named)):
                raise CatalogueError(
                    f"{model.name}: `{word}` must name a model of identify calls that is itself "
                    f"neither about nor before another one, not {named!r}"
                )
        if model.before is not None:
            after[model.before] = (*after.get(model.before, ()), model.name)
    return {
        name: replace(model, after=after.get(model.about or name, ()))
        for name, model in models.items()
    }


def _has_ids_of_its_own(model: PushedModel | None) -> bool:
    return model is not None and model.call == "identify" and not (model.about or model.before)


def choose_models(
    catalogue: dict[str, PushedModel], names: list[str] | None
) -> dict[str, PushedModel]:
    """Those of the catalogue that are asked for. Raises `CatalogueError` for an unknown name."""
    if not names:
        return catalogue
    if problem := unknown(names, catalogue, "pushed model"):
        raise CatalogueError(problem)
    return {name: model for name, model in catalogue.items() if name in names}


def _read_file(file: Path, kind: Kind) -> list[PushedModel]:
    try:
        content = read_yaml(file.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        where = getattr(error, "problem_mark", None)
        line = f" line {where.line + 1}" if where else ""
        raise CatalogueError(f"{file.name}{line}: not readable as YAML") from None
    if not isinstance(content, dict) or not isinstance(content.get("models", []), list):
        raise CatalogueError(f"{file.name}: `models:` must be a list")
    read = _read_model if kind == "segment" else _read_planhat_model
    return [read(file, each) for each in content.get("models", [])]


def _read_model(file: Path, entry: Any) -> PushedModel:
    name = entry.get("name") if isinstance(entry, dict) else None
    if not isinstance(name, str) or not name:
        raise CatalogueError(f"{file.name}: a model has no name")
    here = f"{file.name}: {name}"
    segment = _meta(entry, "segment")
    if segment is None:
        raise CatalogueError(f"{here}: `config: meta: segment:` is missing")
    call = segment.get("call")
    if call not in CALLS["segment"]:
        raise CatalogueError(
            f"{here}: `call` must be one of {', '.join(CALLS['segment'])}, not {call!r}"
        )
    event = _event_name(here, segment, "event") if call == "track" else None
    removed_event = _event_name(here, segment, "removed_event")
    columns = _read_columns(here, entry, ("object_id", "planhat_id"))
    return PushedModel(
        name, call, event, removed_event, columns,
        on_by_default=_said_yes(here, segment, "on_by_default", unsaid=True),
        changes_daily=_said_yes(here, segment, "changes_daily", unsaid=False),
        about=_other_model(here, segment, "about"), before=_other_model(here, segment, "before"),
    )  # fmt: skip


def _read_planhat_model(file: Path, entry: Any) -> PushedModel:
    name = entry.get("name") if isinstance(entry, dict) else None
    if not isinstance(name, str) or not name:
        raise CatalogueError(f"{file.name}: a model has no name")
    here = f"{file.name}: {name}"
    becomes = (_meta(entry, "planhat") or {}).get("becomes")
    if becomes not in CALLS["planhat"]:
        raise CatalogueError(
            f"{here}: `config: meta: planhat: becomes:` must be one of "
            f"{', '.join(CALLS['planhat'])}, not {becomes!r}"
        )
    columns = _read_columns(here, entry, ("object_id", *NEEDED[becomes]))
    sent = tuple(each for each in columns if each.name != "withheld")
    table = (entry.get("config") or {}).get("alias") or name
    return PushedModel(
        table, becomes, None, None, sent, "to_planhat", "planhat", name, withholds=sent != columns
    )


def _meta(entry: dict, word: str) -> dict | None:
    # dbt accepts `meta` under `config` and, in older projects, beside it.
    for holder in (entry.get("config"), entry):
        meta = holder.get("meta") if isinstance(holder, dict) else None
        said = meta.get(word) if isinstance(meta, dict) else None
        if isinstance(said, dict):
            return said
    return None


def _event_name(here: str, segment: dict, key: str) -> str:
    name = segment.get(key)
    if not isinstance(name, str) or not name.strip():
        raise CatalogueError(f"{here}: `{key}` must name an event, for example License Updated")
    return name


def _said_yes(here: str, segment: dict, key: str, *, unsaid: bool) -> bool:
    said = segment.get(key, unsaid)
    if not isinstance(said, bool):
        raise CatalogueError(f"{here}: `{key}` must be true or false, not {said!r}")
    return said


def _other_model(here: str, segment: dict, key: str) -> str | None:
    named = segment.get(key)
    if named is None:
        return None
    if not isinstance(named, str) or segment.get("call") != "identify":
        raise CatalogueError(f"{here}: `{key}` names a model, for a model of identify calls")
    return named


def _read_columns(here: str, entry: dict, needed: Sequence[str]) -> tuple[Column, ...]:
    listed = entry.get("columns")
    if not isinstance(listed, list) or not listed:
        raise CatalogueError(f"{here}: `columns:` is missing")
    columns: dict[str, Column] = {}
    for each in listed:
        if not isinstance(each, dict) or not isinstance(each.get("name"), str):
            raise CatalogueError(f"{here}: a column has no name")
        name = each["name"]
        if name in columns:
            raise CatalogueError(f"{here}: the column {name} is described twice")
        kind = _kind(f"{here}.{name}", each.get("data_type"))
        columns[name] = Column(name, kind, each["data_type"].strip())
    for required in needed:
        if required not in columns:
            raise CatalogueError(f"{here}: the column {required} is missing")
    del columns["object_id"]
    return tuple(columns.values())


def _kind(here: str, data_type: Any) -> str:
    if not isinstance(data_type, str):
        raise CatalogueError(f"{here}: `data_type` is missing")
    kind = kind_of_type(data_type)
    if kind is None:
        raise CatalogueError(
            f"{here}: a {data_type} cannot be pushed; cast it to one of {', '.join(KINDS)}"
        )
    return kind


def kind_of_type(data_type: str) -> str | None:
    """How values of an SQL type go out: a value of `KINDS`, or array; None: they do not."""
    name = data_type.strip().lower()
    if name.endswith("[]"):
        return "array"
    return KINDS.get(name.split("(")[0].strip())
