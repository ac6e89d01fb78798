"""dbt in the tests' own processes, without what costs time and nobody reads.

What a build does is the same. Builds in processes of their own (commands, DAGs) are left as they
are.
"""

import functools
from typing import Any


def make_quick() -> None:
    """Once a process. Beside each part its share of a build, as a sampling profiler saw it."""
    _make_no_events_that_nobody_reads()
    _compile_templates_once()
    _know_one_calendar()
    _find_models_by_their_names()


def _make_no_events_that_nobody_reads() -> None:
    """Of 8,000 events a build, all but 300 are for dbt's debug log: a fifth of its time."""
    from dbt_common.events.base_types import BaseEvent, EventLevel
    from dbt_common.events.event_manager import EventManager

    make, fire = BaseEvent.__init__, EventManager.fire_event

    def keep(self: Any, *args: Any, **said: Any) -> None:
        object.__setattr__(self, "_kept", (args, said))

    def look_up(self: Any, name: str) -> Any:
        """As dbt's own, which looks into the message; it is made when that is first asked for."""
        if name == "pb_msg":
            args, said = object.__getattribute__(self, "_kept")
            make(self, *args, **said)
            return object.__getattribute__(self, name)
        return getattr(self.pb_msg, name)

    def fire_what_is_read(
        self: Any, e: Any, level: Any = None, node: Any = None,
        force_warn_or_error_handling: bool = False,
    ) -> None:  # fmt: skip
        if force_warn_or_error_handling or (level or e.level_tag()) != EventLevel.DEBUG:
            fire(self, e, level, node, force_warn_or_error_handling)

    BaseEvent.__init__ = keep  # type: ignore[method-assign]
    BaseEvent.__getattr__ = look_up  # type: ignore[method-assign]
    EventManager.fire_event = fire_what_is_read  # type: ignore[method-assign]


def _compile_templates_once() -> None:
    """The same texts build after build: a tenth."""
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

    Environment.compile = look_up  # type: ignore[method-assign, assignment]


def _know_one_calendar() -> None:
    """For each answer of Postgres, the words for days in every language anew: a twentieth."""
    import parsedatetime

    made = functools.cache(parsedatetime.Constants)

    def look_up(localeID: Any = None, usePyICU: bool = True) -> Any:
        return made(localeID, usePyICU)

    parsedatetime.Constants = look_up


def _find_models_by_their_names() -> None:
    """Each name that is selected is held against the parts of every node's name: a tenth."""
    from dbt.graph import selector_methods

    is_selected = selector_methods.is_selected_node

    def look_up(fqn: list[str], node_selector: str, is_versioned: bool) -> bool:
        if is_versioned or not node_selector.isidentifier():
            return is_selected(fqn, node_selector, is_versioned)
        return node_selector in (fqn[-1], fqn[0].partition(".")[0])

    selector_methods.is_selected_node = look_up
