"""New rules beside the old ones: what an upgrade would move, shown before anything moves.

The rules of docs/identity.md and docs/usage.md have a number, `rules_version` in
`dbt_project/dbt_project.yml`. A warehouse with history that was built by an older number waits:
one build goes into schemas of its own (`next_…`), what differs is counted, and until somebody
accepts it the old tables stay and pushes go on from them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from include.push.alongside import plan_alongside
from include.quick_yaml import read_yaml
from include.settings import ROOT, Settings
from include.warehouse.connection import connect

# Before the names of the schemas that the new rules are tried in.
ALONGSIDE = "next_"
SCHEMAS = ("staging", "intermediate", "marts", "planhat", "to_planhat")

HOW_TO_ACCEPT = "`make build ACCEPT=1`, or the page"


def current_version() -> int:
    """The number of the rules that this checkout's models follow."""
    project = read_yaml((ROOT / "dbt_project" / "dbt_project.yml").read_text())
    return project["vars"]["rules_version"]


@dataclass(frozen=True)
class Waiting:
    """An upgrade that nobody has accepted: what it would move, JSON-ready, once it was looked at.

    `shown` is `{"calls": {"all", "moved", "by_rule": {rule: calls}}, "endusers": {"added",
    "removed", "changed"}, "company_days", "pushed": {destination: objects}}`.
    """

    version: int
    shown: dict[str, Any] | None

    @property
    def lines(self) -> list[str]:
        """What to say of it, the most important first."""
        if self.shown is None:
            return [f"The rules have changed: the next build shows what that moves, {self._then}"]
        calls, people = self.shown["calls"], self.shown["endusers"]
        pushed = sum(self.shown["pushed"].values())
        return [
            "The rules have changed, and nothing is built by the new ones until somebody accepts "
            f"what they move: {HOW_TO_ACCEPT}. Pushes go on from the tables that are there.",
            f"  {calls['moved']:,} of {calls['all']:,} calls would be told otherwise:",
            *[f"    {count:,} by {rule}" for rule, count in calls["by_rule"].items() if count],
            f"  endusers: {people['added']:,} more, {people['removed']:,} fewer, "
            f"{people['changed']:,} with other attributes",
            f"  {self.shown['company_days']:,} days of companies with other activity",
            f"  {pushed:,} objects would be pushed otherwise than now",
        ]

    @property
    def subject(self) -> str:
        """For a message."""
        return "New rules wait to be accepted"

    @property
    def text(self) -> str:
        """For a message: the same lines."""
        return "\n".join(self.lines)

    @property
    def fields(self) -> dict[str, Any]:
        """For a webhook."""
        return {"rules_version": self.version, "moves": self.shown}

    @property
    def _then(self) -> str:
        return f"and waits until somebody accepts it ({HOW_TO_ACCEPT})."


def find_waiting(connection: psycopg.Connection, settings: Settings) -> Waiting | None:
    """The upgrade that waits to be accepted; None when the rules are those of the last build.

    An empty warehouse, one that was never built, and the embedded server go on by themselves.
    """
    version = current_version()
    (waits,) = connection.execute(
        """
        select
            exists (select from raw_segment.events)
            and coalesce(
                (
                    select rules_version < %(version)s from sync.builds
                    where status = 'success' order by build_id desc limit 1
                ),
                false
            )
            and not exists (
                select from sync.rule_changes
                where rules_version = %(version)s and accepted_at is not null
            )
        """,
        {"version": version},
    ).fetchone()  # type: ignore[misc]
    if not waits or settings.uses_embedded_server:
        return None
    row = connection.execute(
        "select shown from sync.rule_changes where rules_version = %s", [version]
    ).fetchone()
    return Waiting(version, row[0] if row else None)


def tell_waiting(url: str, settings: Settings, tell: Callable[[Waiting], None]) -> Waiting | None:
    """Call `tell` with an upgrade that waits and was looked at, once; None when there is none.

    What `tell` raises is raised, and it is told the next time.
    """
    with connect(url, application_name="rules") as connection:
        waiting = find_waiting(connection, settings)
        if waiting is None or waiting.shown is None:
            return None
        told = connection.execute(
            "update sync.rule_changes set told_at = now() "
            "where rules_version = %s and told_at is null",
            [waiting.version],
        )
        if told.rowcount == 0:
            return None
        tell(waiting)
        return waiting


def accept(connection: psycopg.Connection, *, by: str) -> None:
    """Let the next build follow this checkout's rules; again, it changes nothing."""
    connection.execute(
        """
        insert into sync.rule_changes (rules_version, accepted_at, accepted_by)
        values (%s, clock_timestamp(), %s)
        on conflict (rules_version) do update
        set
            accepted_at = coalesce(rule_changes.accepted_at, excluded.accepted_at),
            accepted_by = coalesce(rule_changes.accepted_by, excluded.accepted_by)
        """,
        [current_version(), by],
    )


def show(
    connection: psycopg.Connection,
    url: str,
    settings: Settings,
    *,
    code_fingerprint: str,
    build: Callable[[], None],
    say: Callable[[str], None],
) -> Waiting:
    """Build beside the old tables and keep what differs; once for each state of the dbt project.

    `build` makes the schemas `next_…`, which are gone when this returns. What it raises is raised.
    """
    version = current_version()
    row = connection.execute(
        "select shown from sync.rule_changes where rules_version = %s and code_fingerprint = %s",
        [version, code_fingerprint],
    ).fetchone()
    if row is not None:
        return Waiting(version, row[0])
    say("the rules have changed: one build beside the tables that are there, to see what moves")
    drop_alongside(connection)
    try:
        build()
        shown = {
            "calls": _moved_calls(connection),
            "endusers": _moved_endusers(connection),
            "company_days": _moved_days(connection),
            "pushed": _moved_objects(connection, url, settings),
        }
    finally:
        drop_alongside(connection)
    connection.execute(
        """
        insert into sync.rule_changes (rules_version, shown, code_fingerprint, shown_at)
        values (%s, %s, %s, clock_timestamp())
        on conflict (rules_version) do update
        set
            shown = excluded.shown, code_fingerprint = excluded.code_fingerprint,
            shown_at = excluded.shown_at
        """,
        [version, Jsonb(shown), code_fingerprint],
    )
    return Waiting(version, shown)


def drop_alongside(connection: psycopg.Connection) -> None:
    """Drop the schemas of what is tried beside the truth."""
    for schema in SCHEMAS:
        connection.execute(
            sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(ALONGSIDE + schema))
        )


# What would move

# What a rule decides of a call, by the sections of docs/identity.md.
_BY_RULE = {
    "when it happened (§3.9)": ("event_at",),
    "its keys, what is blocked, its link (§3.1, §3.2)": (
        "user_id", "email", "company_key", "linked_by_message_id",
    ),
    "which company (§3.3)": ("company_id", "company_matched_by"),
    "which enduser (§3.4, §3.5)": ("enduser_id", "matched_by"),
    "why it is not resolved (§3.6, §3.12)": ("reason",),
}  # fmt: skip


def _differs(columns: tuple[str, ...]) -> str:
    return " or ".join(f"before.{each} is distinct from after.{each}" for each in columns)


def _moved_calls(connection: psycopg.Connection) -> dict[str, Any]:
    """How many calls, how many of them with another outcome, and how many each rule touches."""
    everything = tuple(column for columns in _BY_RULE.values() for column in columns)
    counts = ", ".join(
        f"count(*) filter (where {_differs(columns)})"
        for columns in (everything, *_BY_RULE.values())
    )
    row = connection.execute(
        f"select count(*), {counts} from marts.event_resolution as before "  # noqa: S608
        f"full join {ALONGSIDE}marts.event_resolution as after using (message_id)"
    ).fetchone()
    every, moved, *touched = row  # type: ignore[misc]
    return {
        "all": every,
        "moved": moved,
        "by_rule": dict(zip(_BY_RULE, touched, strict=True)),
    }


def _moved_endusers(connection: psycopg.Connection) -> dict[str, int]:
    row = connection.execute(
        f"""
        select
            count(*) filter (where before.enduser_id is null),
            count(*) filter (where after.enduser_id is null),
            count(*) filter (
                where
                    before.enduser_id = after.enduser_id
                    and ({_differs(("company_id", "external_id", "email", "name"))})
            )
        from marts.endusers as before
        full join {ALONGSIDE}marts.endusers as after using (enduser_id)
        """  # noqa: S608
    ).fetchone()
    return dict(zip(("added", "removed", "changed"), row, strict=True))  # type: ignore[arg-type]


def _moved_days(connection: psycopg.Connection) -> int:
    """On how many days of companies the activity is another."""
    (days,) = connection.execute(
        f"""
        select count(*)
        from (
            select * from intermediate.int_usage__object_days where object_type = 'company'
        ) as before
        full join (
            select * from {ALONGSIDE}intermediate.int_usage__object_days
            where object_type = 'company'
        ) as after using (object_id, activity_date)
        where before.activities is distinct from after.activities
        """  # noqa: S608
    ).fetchone()  # type: ignore[misc]
    return days


def _moved_objects(connection: psycopg.Connection, url: str, settings: Settings) -> dict[str, int]:
    """Per destination that has anything of ours: how many objects a push would say otherwise."""
    destinations = [
        name for (name,) in connection.execute("select distinct destination from sync.objects")
    ]
    found = {}
    for destination in destinations:
        before = plan_alongside(url, settings, destination)
        after = plan_alongside(url, settings, destination, schema=f"{ALONGSIDE}planhat")
        found[destination] = len({(model, object_id) for model, object_id, *_ in after ^ before})
    return found
