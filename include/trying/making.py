"""dbt in a try's schemas: what is tried, and what that reaches, made beside the truth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from include.build.dbt import Dbt
from include.build.records import BuildError
from include.trying.choosing import ALL
from include.trying.environment import Beside, Environment, furnish


@dataclass(frozen=True)
class Made:
    """What became of one model: how it was made, and whether it differs from the truth.

    `came` and `went`: rows that stand in one of the two alone, where somebody counted them.
    """

    model: str
    schema: str
    table: str
    materialized: str
    mode: str
    differs: bool
    came: int | None
    went: int | None
    # by which a row is found; none is known of a table without a test that says it
    key: tuple[str, ...]
    # it holds no state but what builds changed
    tells_changes: bool = False

    @property
    def relation(self) -> str:
        """Its name in the truth: `marts.companies`."""
        return f"{self.schema}.{self.table}"


@dataclass(frozen=True)
class FailedTest:
    """A data test that fails in what was tried."""

    name: str
    message: str


def read_manifest(dbt: Dbt) -> Any:
    """The project as dbt reads it. Raises `BuildError` in one line where it does not."""
    manifest, error = dbt.read_project()
    if error is not None:
        raise BuildError(f"dbt cannot read the project: {error}")
    return manifest


def make(
    dbt: Dbt,
    manifest: Any,
    holder: psycopg.Connection,
    made: Environment,
    beside: Beside,
    *,
    tried: Sequence[str],
    settings: Mapping[str, list[dict[str, Any]]],
) -> list[Made]:
    """Make these models in the try's schemas, and what is made of what differs.

    `settings`: tables of `sync` that are tried, with their rows. Raises `BuildError` in one line.
    """
    models = _models(manifest)
    furnish(
        holder, made, beside,
        relations=[f"{node.schema}.{node.alias}" for node in models.values()],
        settings=[
            each.name for each in manifest.sources.values() if each.source_name == "sync"
        ],
        changed_settings=settings,
    )  # fmt: skip
    places = {name: (node.schema, node.alias) for name, node in models.items()}
    keys = _keys(manifest)
    _move(manifest, made)
    dbt.set_variables(
        {
            "alongside": made.prefix, "alongside_window": beside.window,
            "tried_on": beside.build_id, "tried": list(tried), "sync_schema": made.sync,
        }
    )  # fmt: skip
    selected = [] if ALL in tried else ["--select", *(f"{name}+" for name in tried)]
    _, error = dbt.run(["run", *selected])
    if error is not None:
        raise BuildError(f"What is tried cannot be made: {error}")
    with holder.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            sql.SQL("select model, mode, differs, came, went from {}").format(
                sql.Identifier(made.sync, "tried")
            )
        ).fetchall()
    return sorted(
        (
            Made(
                schema=places[row["model"]][0], table=places[row["model"]][1],
                materialized=models[row["model"]].config.materialized,
                key=keys.get(row["model"], ()),
                tells_changes=_tells_changes(models[row["model"]]), **row,
            )
            for row in rows
        ),
        key=lambda each: each.relation,
    )  # fmt: skip


def run_tests(dbt: Dbt, names: Sequence[str]) -> list[FailedTest]:
    """The data tests of these models that fail. Raises `BuildError` where dbt cannot run them."""
    if not names:
        return []
    nodes, error = dbt.run(["test", "--select", *names, "--exclude", "test_type:unit"])
    failed = [node for node in nodes if node["status"] in ("error", "fail", "runtime error")]
    if error is not None and not failed:
        raise BuildError(f"The tests of what is tried cannot be run: {error}")
    return [FailedTest(node["node"], node["message"] or node["status"]) for node in failed]


def _models(manifest: Any) -> dict[str, Any]:
    return {node.name: node for node in manifest.nodes.values() if node.resource_type == "model"}


def _tells_changes(node: Any) -> bool:
    return bool(node.config.meta.get("is_signed") or node.config.meta.get("keeps_rows"))


def _move(manifest: Any, made: Environment) -> None:
    """Let models, and settings, be those of the try's schemas.

    In dbt's manifest: for another schema in a variable, dbt would read the whole project anew.
    """
    for node in _models(manifest).values():
        node.schema = made.prefix + node.schema
        node.relation_name = f'"{node.database}"."{node.schema}"."{node.alias}"'
    for source in manifest.sources.values():
        if source.source_name == "sync":
            source.schema = made.sync
            source.relation_name = f'"{source.database}"."{source.schema}"."{source.identifier}"'
    manifest.build_flat_graph()


def _keys(manifest: Any) -> dict[str, tuple[str, ...]]:
    """By model: the columns that its config, or else a test, says a row is found by."""
    keys: dict[str, tuple[str, ...]] = {}
    for node in manifest.nodes.values():
        named = getattr(node, "test_metadata", None)
        tested = getattr(node, "attached_node", None)
        if named is None or tested is None:
            continue
        name = manifest.nodes[tested].name
        if named.name == "unique_together":
            keys[name] = tuple(named.kwargs.get("columns") or ())
        elif named.name == "unique" and node.column_name:
            keys.setdefault(name, (node.column_name,))
    for name, node in _models(manifest).items():
        if isinstance(node.config.unique_key, list):
            keys[name] = tuple(node.config.unique_key)
    return keys
