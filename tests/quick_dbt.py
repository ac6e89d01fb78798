"""dbt in the tests' own processes, without what nobody reads there.

What a build does is the same. Builds in processes of their own (commands, DAGs) are left as they
are.
"""

from typing import Any

from include.build import quick_dbt


def make_quick() -> None:
    """Once a process: as builds have it, and without dbt's debug log."""
    quick_dbt.make_quick()
    _make_no_events_that_nobody_reads()


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
