"""The unit tests can fail: each listed mutation turns the named one red, and no other."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from include.build import PROJECT, dbt_options, warehouse_environment
from include.settings import Settings
from tests.dbt_project.mutations import MUTATIONS, Mutation

RULES = {*(f"§3.{number}" for number in range(1, 13)), "usage", "alerts", "health"}


def test_the_list_has_a_mutation_of_every_rule_and_each_is_possible():
    assert {mutation.rule for mutation in MUTATIONS} == RULES
    assert len(MUTATIONS) >= 24
    odd = [
        mutation
        for mutation in MUTATIONS
        if (PROJECT / mutation.file).read_text().count(mutation.old) != 1
    ]
    assert odd == [], "the old text must be in the file, once"


def test_each_mutation_turns_the_named_unit_test_red_and_no_other(
    built_warehouse: Settings,
):
    # dbt takes the columns' types of the rows given from the tables
    project = _Parsed(built_warehouse)
    reach = project.reach_of(MUTATIONS)
    assert project.failing(project.unit_tests) == set(), "unchanged, every unit test passes"

    wrong = {}
    for group in _groups(reach):
        with project.spoilt(group):
            failing = project.failing(set().union(*(reach[mutation] for mutation in group)))
        # of the tests that a mutation reaches, no other one of the group reaches any
        for mutation in group:
            if failing & reach[mutation] != {mutation.test}:
                wrong[mutation] = failing & reach[mutation]
    assert wrong == {}, "beside each mutation, what failed"


def _groups(reach: dict[Mutation, set[str]]) -> list[list[Mutation]]:
    """Few groups, in none of which two mutations reach the same unit test."""
    groups: list[tuple[list[Mutation], set[str]]] = []
    for mutation, tests in reach.items():
        for members, reached in groups:
            if not reached & tests:
                members.append(mutation)
                reached.update(tests)
                break
        else:
            groups.append(([mutation], set(tests)))
    return [members for members, _ in groups]


class _Parsed:
    """The project as dbt has parsed it once, whose texts may be spoilt."""

    def __init__(self, settings: Settings) -> None:
        self.options = dbt_options(settings)
        os.environ.update(warehouse_environment(settings.airflow_conn_warehouse))
        self.manifest = None
        self.manifest = self._dbt("parse")
        self.unit_tests = {test.name for test in self.manifest.unit_tests.values()}

    def reach_of(self, mutations: Iterable[Mutation]) -> dict[Mutation, set[str]]:
        """The unit tests whose model, or a macro that it uses, holds the text that is mutated."""
        sources = {}
        for test in self.manifest.unit_tests.values():
            model = self.manifest.nodes[test.depends_on.nodes[0]]
            names = list(model.depends_on.macros)
            for name in names:
                names += [
                    used
                    for used in self.manifest.macros[name].depends_on.macros
                    if used not in names
                ]
            macros = [self.manifest.macros[name] for name in names]
            sources[test.name] = [
                (model.original_file_path, model.raw_code),
                *((macro.original_file_path, macro.macro_sql) for macro in macros),
            ]
        return {
            mutation: {
                test
                for test, texts in sources.items()
                if any(file == mutation.file and mutation.old in text for file, text in texts)
            }
            for mutation in mutations
        }

    @contextmanager
    def spoilt(self, mutations: Iterable[Mutation]) -> Iterator[None]:
        """With these mutations in what dbt has of their files: it reads no file again."""
        earlier = []
        for mutation in mutations:
            holders = [
                (each, name)
                for each, name in self._texts
                if each.original_file_path == mutation.file and mutation.old in getattr(each, name)
            ]
            assert holders, mutation
            for each, name in holders:
                text = getattr(each, name)
                earlier.append((each, name, text))
                setattr(each, name, text.replace(mutation.old, mutation.new))
        try:
            yield
        finally:
            for each, name, text in reversed(earlier):
                setattr(each, name, text)

    @property
    def _texts(self) -> Iterator[tuple[Any, str]]:
        """What holds a text of a file, and in which attribute."""
        for node in self.manifest.nodes.values():
            yield node, "raw_code"
        for macro in self.manifest.macros.values():
            yield macro, "macro_sql"

    def failing(self, tests: set[str]) -> set[str]:
        """Those of the unit tests whose rows differ. One that cannot run is an error."""
        results = self._dbt("test", "--select", *(f"{test},test_type:unit" for test in tests))
        statuses = {result.node.name: str(result.status) for result in results}
        assert set(statuses) == tests
        broken = {name for name, status in statuses.items() if status not in ("pass", "fail")}
        assert broken == set(), "a mutation must change what a model says, not break it"
        return {name for name, status in statuses.items() if status == "fail"}

    def _dbt(self, *command: str):
        from dbt.cli.main import dbtRunner

        outcome = dbtRunner(manifest=self.manifest).invoke(
            [*command, "--log-level", "none", *self.options]
        )
        assert outcome.exception is None, outcome.exception
        return getattr(outcome.result, "results", outcome.result)
