"""dbt in this process, without what costs time and changes nothing.

Whatever is made, asked and said is the same. Beside each part is its share of the processor time
of a build of few calls. They reach into dbt as `requirements.txt` names it.
"""

import functools
from typing import Any


@functools.cache
def make_quick() -> None:
    """Once a process."""
    _keep_a_threads_session()
    _compile_templates_once()
    _render_arguments_without_a_copy()
    _look_up_names_once()
    _find_models_by_their_names()
    _draw_no_graph()
    _ask_once_what_is_installed()
    _know_one_calendar()


def _keep_a_threads_session() -> None:
    """A session for each of 250 models and tests, whose Postgres knows no table yet: a fifth.

    One a thread is handed on as if it was new, and all are closed when dbt is done.
    """
    import psycopg2
    from dbt.adapters.contracts.connection import ConnectionState
    from dbt.adapters.postgres import PostgresAdapter
    from dbt.adapters.postgres.connections import PostgresConnectionManager

    class OneSessionAThread(PostgresConnectionManager):
        def release(self) -> None:
            connection = self.get_if_exists()
            if connection is None or connection.state != ConnectionState.OPEN:
                super().release()
                return
            try:
                connection.handle.rollback()
                connection.transaction_open = False
                connection.handle.autocommit = True
                with connection.handle.cursor() as cursor:
                    cursor.execute("discard all")
                # what psycopg itself says to a new session, too
                connection.handle.reset()
            except psycopg2.Error:  # it is broken
                super().release()

    PostgresAdapter.ConnectionManager = OneSessionAThread


def _compile_templates_once() -> None:
    """The same texts again and again, in one run and in the next: a tenth."""
    from jinja2 import Environment

    compile_it = Environment.compile
    compiled: dict[tuple[type, str], Any] = {}

    def look_up(self: Any, source: Any, *args: Any, **options: Any) -> Any:
        if args or options or not isinstance(source, str):
            return compile_it(self, source, *args, **options)
        key = (type(self), source)
        if key not in compiled:
            compiled[key] = compile_it(self, source)
        return compiled[key]

    Environment.compile = look_up  # type: ignore[method-assign]


def _render_arguments_without_a_copy() -> None:
    """For each text that a test is given, all macros are copied by name: a tenth.

    Models are not rendered so: the context is only looked into.
    """
    from dbt_common.clients.jinja import MacroFuzzTemplate, NativeSandboxTemplate

    NativeSandboxTemplate.new_context = (  # type: ignore[method-assign]
        MacroFuzzTemplate.new_context  # type: ignore[assignment]
    )


def _look_up_names_once() -> None:
    """Each name in a template is looked for in ten dictionaries, and found twice: a tenth."""
    from dbt.context.macros import MacroNamespace, MacroNamespaceBuilder
    from jinja2.runtime import Context, missing

    build_namespace = MacroNamespaceBuilder.build_namespace

    def flat(self: Any, macros_by_package: Any, ctx: Any) -> MacroNamespace:
        namespace = build_namespace(self, macros_by_package, ctx)
        found: dict[str, Any] = {}
        for each in reversed(namespace.maps):
            found.update(each)
        namespace.maps = [found]
        return namespace

    def look_up(self: Any, key: str) -> Any:
        if key in self.vars:
            return self.vars[key]
        try:
            return self.parent[key]
        except KeyError:
            return missing

    MacroNamespaceBuilder.build_namespace = flat  # type: ignore[method-assign]
    Context.resolve_or_missing = look_up  # type: ignore[method-assign]


def _find_models_by_their_names() -> None:
    """Each name that is selected is held against the parts of every node's name: a tenth."""
    from dbt.graph.selector_methods import QualifiedNameSelectorMethod

    search = QualifiedNameSelectorMethod.search

    def look_up(self: Any, included_nodes: set[Any], selector: str) -> Any:
        if not selector.isidentifier():
            return search(self, included_nodes, selector)
        manifest = self.manifest
        if not hasattr(manifest, "by_name"):
            manifest.by_name = _by_name(self.non_source_nodes(_Everything()))
        if manifest.by_name is None:
            return search(self, included_nodes, selector)
        return (each for each in manifest.by_name.get(selector, ()) if each in included_nodes)

    QualifiedNameSelectorMethod.search = look_up  # type: ignore[method-assign]


class _Everything:
    def __contains__(self, each: object) -> bool:
        return True


def _by_name(nodes: Any) -> dict[str, list[Any]] | None:
    """What a single word selects: by name, package or folder. None: names have versions."""
    found: dict[str, dict[Any, None]] = {}
    for unique_id, node in nodes:
        if node.is_versioned:
            return None
        folders = (part.partition(".")[0] for part in node.fqn[:2])
        for word in (node.fqn[-1], *folders):
            found.setdefault(word, {})[unique_id] = None
    return {word: list(each) for word, each in found.items()}


def _draw_no_graph() -> None:
    """Two a run, in a file for dbt's own developers: a tenth, where few models are made."""
    from dbt.compilation import Linker

    Linker.get_graph_summary = lambda self, manifest: {}  # type: ignore[method-assign]


def _ask_once_what_is_installed() -> None:
    """Each run looks through all that is installed, and reads the files of who calls: a tenth."""
    import sys

    from dbt.plugins.manager import PluginManager, _get_dbt_modules
    from dbt_common import behavior_flags

    def caller() -> str:
        frame = sys._getframe(1)
        while frame.f_back and frame.f_globals["__name__"] == behavior_flags.__name__:
            frame = frame.f_back
        return str(frame.f_globals["__name__"])

    PluginManager.get_prefixed_modules = _get_dbt_modules  # type: ignore[method-assign]
    behavior_flags.BehaviorFlagRendered._default_source = (  # type: ignore[method-assign]
        staticmethod(caller)
    )


def _know_one_calendar() -> None:
    """For each answer of Postgres, the words for days in every language anew: a tenth."""
    import parsedatetime

    parsedatetime.Constants = functools.cache(parsedatetime.Constants)
    parsedatetime.Calendar = functools.cache(parsedatetime.Calendar)
