"""A build that sees nothing but new rows: what none of them reaches is left out.

No setting, no day and no file has changed since the last build, so a model can only have something
to do if something that it is made from has other rows. Views are never asked: they are there. dbt
is asked in steps; after each, who wrote nothing reaches nobody.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import psycopg

from include.build.dbt import Dbt

# Folders of models, in the order in which they are made; the last step is all others.
STEPS = (("staging",), ("intermediate", "identity"), ("intermediate",), ())
# Written to whenever a call is turned away, which no load and no read tells.
_NEW_IN_EVERY_BUILD = ("raw_segment.quarantine",)


@dataclass
class Lineage:
    """What is made from what, of dbt's manifest: sources, models and data tests by unique id."""

    nodes: dict[str, Any]
    sources: dict[str, Any]
    children: dict[str, set[str]] = field(init=False)

    def __post_init__(self) -> None:
        self.children = defaultdict(set)
        for name, node in self.nodes.items():
            for parent in node.depends_on.nodes:
                self.children[parent].add(name)

    def sources_named(self, names: Iterable[str]) -> set[str]:
        """Of `raw_planhat` all sources, of `raw_segment.events` that one."""
        wanted = set(names)
        return {
            unique_id
            for unique_id, source in self.sources.items()
            if {source.source_name, f"{source.source_name}.{source.name}"} & wanted
        }

    def reached(self, new: set[str], stop: set[str]) -> set[str]:
        """All that is made from what is new, but for what only passes through `stop`."""
        found, waiting = set(new), list(new)
        while waiting:
            for child in self.children[waiting.pop()] - found:
                found.add(child)
                if child not in stop:
                    waiting.append(child)
        return found

    def is_asked(self, unique_id: str) -> bool:
        """Whether dbt makes it in such a build: a table or a test, and no view."""
        node = self.nodes.get(unique_id)
        if node is None or node.resource_type not in ("model", "test"):
            return False
        return node.resource_type == "test" or node.config.materialized != "view"

    def step(self, unique_id: str) -> int:
        """The step that a model belongs to; a test, to that of its last model."""
        node = self.nodes[unique_id]
        if node.resource_type == "test":
            parents = [parent for parent in node.depends_on.nodes if parent in self.nodes]
            return max((self.step(parent) for parent in parents), default=len(STEPS) - 1)
        path = tuple(node.fqn[1:-1])
        return next(
            number for number, folders in enumerate(STEPS) if path[: len(folders)] == folders
        )


def run_for_new_rows(
    dbt: Dbt,
    holder: psycopg.Connection,
    build_id: int,
    new: Iterable[str],
    say: Callable[[str], None],
) -> tuple[list[dict[str, Any]], str | None]:
    """Every node's result, and what went wrong. `new`: sources that have new rows."""
    manifest, problem = dbt.read_project()
    if problem is not None:
        return [], problem
    lineage = Lineage(dict(manifest.nodes), dict(manifest.sources))
    sources = lineage.sources_named([*new, *_NEW_IN_EVERY_BUILD])
    nodes: list[dict[str, Any]] = []
    idle: set[str] = set()
    for step in range(len(STEPS)):
        wanted = [
            each
            for each in sorted(lineage.reached(sources, idle))
            if lineage.is_asked(each) and lineage.step(each) == step and each not in idle
        ]
        if not wanted:
            continue
        names = [lineage.nodes[each].name for each in wanted]
        results, problem = dbt.run(["build", "--indirect-selection", "empty", "--select", *names])
        nodes += results
        if problem is not None:
            return nodes, problem
        idle |= _without_a_change(lineage, holder, build_id, wanted)
    models = sum(node.resource_type == "model" for node in lineage.nodes.values())
    asked = sum(node["kind"] == "model" for node in nodes)
    say(f"  nothing new for {models - asked} of {models} models")
    return nodes, None


def _without_a_change(
    lineage: Lineage, holder: psycopg.Connection, build_id: int, asked: Iterable[str]
) -> set[str]:
    names = {
        name
        for (name,) in holder.execute(
            "select model from sync.model_marks where build_id = %s and made_anew_in < build_id"
            " and rows_added + rows_changed + rows_gone = 0",
            [build_id],
        )
    }
    return {
        each
        for each in asked
        if lineage.nodes[each].resource_type == "model" and lineage.nodes[each].name in names
    }
