"""Guards: a plan that looks like an accident is held until somebody answers for it.

The run ends all the same. An answer is for one plan, by its fingerprint; the next run whose plan is
the same uses it, and a plan that has changed meanwhile asks again.
"""

from dataclasses import dataclass

import psycopg

from include.connections import Destination
from include.counting import counted
from include.errors import ProblemError
from include.push.catalogue import PushedModel
from include.push.plainly import plainly
from include.push.plan_settings import PlanSettings
from include.warehouse.connection import connect

ANSWERS = ("all", "safe", "none")

# So many objects say which columns have changed.
SAMPLE_OBJECTS = 1_000


@dataclass(frozen=True)
class HeldPlan:
    """A model whose last plan waits for an answer."""

    run_id: int
    model: str
    plan_fingerprint: str
    added: int
    changed: int
    removed: int
    reason: str
    # what was answered meanwhile; the next run acts on it
    answer: str | None
    answered_by: str | None

    @property
    def counts(self) -> str:
        """What it would send, in words."""
        return f"{self.added:,} added, {self.changed:,} changed, {self.removed:,} removed"

    def __str__(self) -> str:
        answered = f"{self.answered_by} answered {self.answer}" if self.answer else "no answer yet"
        # An answer that was acted on stands in the reason as well.
        reason = self.reason.removeprefix("held: ").split(";")[0]
        return (
            f"{self.model}: plan {self.plan_fingerprint[:12]}, {self.counts}: {reason}; {answered}"
        )


def judge(connection: psycopg.Connection, pushed: PushedModel, plan: PlanSettings) -> None:
    """Hold the model's counted plan, or the unsafe part of it, where a guard trips.

    Not for a retired model: that all of it goes is what was asked for.
    """
    model = pushed.name
    counts = _Counts(
        *connection.execute(
            """
            select considered, added, changed - repeated, changed, removed, plan_fingerprint
            from sync.run_models where run_id = %s and model = %s
            """,
            [plan.run_id, model],
        ).fetchone()  # type: ignore[misc]
    )
    limits = _limits(connection, pushed)
    removal, change = _trips(counts, limits)
    # somebody at Planhat sees each of them
    most = int(limits["added_endusers"]) if pushed.call == "enduser" else counts.added
    addition = (
        f"{counts.added:,} endusers would be made, more than {most:,}"
        if counts.added > most
        else None
    )
    reason = removal or addition or change
    if reason is None:
        return
    if reason == change and (fields := _most_changed(connection, model, plan)):
        reason += f" (mostly {fields})"
    answer = connection.execute(
        """
        select answer, answered_by from sync.plan_answers
        where destination = %s and model = %s and plan_fingerprint = %s
        """,
        [plan.destination, model, counts.fingerprint],
    ).fetchone()
    said, answered_by = answer or (None, None)
    if said == "all":
        return
    # Plans are stored in the order added, changed, removed: the safe part comes first.
    safe = 0
    if said == "safe":
        safe = most if addition else counts.added + (0 if change else counts.changed)
    connection.execute(
        """
        update sync.run_models
        set
            held = added + changed + removed - %(safe)s,
            to_send = least(to_send, %(safe)s),
            is_answered = %(is_answered)s,
            reason = %(reason)s
        where run_id = %(run_id)s and model = %(model)s
        """,
        {
            "safe": safe,
            "is_answered": said is not None,
            "reason": f"held: {reason}" + (f"; {answered_by} answered {said}" if said else ""),
            "run_id": plan.run_id,
            "model": model,
        },
    )


@plainly
def held_plans(url: str, to: Destination) -> list[HeldPlan]:
    """Models held by their last finished run, answered or not."""
    with connect(url, application_name="push guards", autocommit=True) as connection:
        rows = connection.execute(
            """
            with latest as (
                select distinct on (run_models.model) run_models.*
                from sync.run_models
                inner join sync.runs on run_models.run_id = runs.run_id
                where runs.destination = %(destination)s and run_models.planned_at is not null
                order by run_models.model, run_models.run_id desc
            )

            select
                latest.run_id, latest.model, latest.plan_fingerprint, latest.added,
                latest.changed, latest.removed, latest.reason, given.answer, given.answered_by
            from latest
            left join sync.plan_answers as given
                on
                    given.destination = %(destination)s
                    and latest.model = given.model
                    and latest.plan_fingerprint = given.plan_fingerprint
            where latest.held > 0
            order by latest.model
            """,
            {"destination": to.destination},
        ).fetchall()
    return [HeldPlan(*row) for row in rows]


@plainly
def answer_plan(
    url: str, to: Destination, model: str, answer: str, *, answered_by: str,
    fingerprint: str | None = None,
) -> HeldPlan:  # fmt: skip
    """Answer for a held plan: `all`, `safe` (what the guard does not object to), `none`.

    `fingerprint` (or its beginning) makes sure that it is the plan that somebody looked at. Raises
    `ProblemError` when nothing of the model is held, or another plan than that.
    """
    if answer not in ANSWERS:
        raise ProblemError(f"An answer is one of {', '.join(ANSWERS)}, not {answer!r}.")
    held = next((each for each in held_plans(url, to) if each.model == model), None)
    if held is None:
        raise ProblemError(f"No plan of {model} is held.")
    if fingerprint and not held.plan_fingerprint.startswith(fingerprint):
        raise ProblemError(
            f"The plan of {model} has changed: it is {held.plan_fingerprint[:12]} now. Look again."
        )
    with connect(url, application_name="push guards", autocommit=True) as connection:
        connection.execute(
            """
            insert into sync.plan_answers (
                destination, model, plan_fingerprint, answer, answered_by
            )
            values (%s, %s, %s, %s, %s)
            on conflict (destination, model, plan_fingerprint) do update
            set
                answer = excluded.answer,
                answered_by = excluded.answered_by,
                answered_at = now()
            """,
            [to.destination, model, held.plan_fingerprint, answer, answered_by],
        )
    return held


@dataclass(frozen=True)
class _Counts:
    considered: int
    added: int
    really_changed: int
    changed: int
    removed: int
    fingerprint: str

    @property
    def known(self) -> int:
        """Objects that Segment has, as far as the ledger knows."""
        return max(self.considered - self.added, 0) + self.removed


def _limits(connection: psycopg.Connection, model: PushedModel) -> dict[str, float]:
    rows = connection.execute(
        """
        select substr(threshold, length('push_guard_') + 1) as guard, value from sync.thresholds
        where threshold like 'push\\_guard\\_%%'
        union all
        -- that most of it changes is each day's work
        select 'changed_share', 1 where %(changes_daily)s
        union all
        select guard, value from sync.guards where model = %(model)s
        """,
        # by its name in dbt: an enduser to Segment is not one to Planhat
        {"model": model.node or model.name, "changes_daily": model.changes_daily},
    ).fetchall()
    # A model's own come last.
    return {guard: float(value) for guard, value in rows}


def _most_changed(connection: psycopg.Connection, model: str, plan: PlanSettings) -> str:
    """Which columns and keys of `custom` differ, the most frequent first, as a sample says."""
    rows = connection.execute(
        """
        with sample as (
            select planned.payload as after, ledger.payload as before
            from sync.planned
            inner join sync.objects as ledger
                on
                    ledger.destination = %(destination)s
                    and ledger.model = planned.model
                    and ledger.object_id = planned.object_id
            where
                planned.run_id = %(run_id)s and planned.model = %(model)s
                and planned.action = 'changed'
            limit %(sample)s
        ),

        columns as (
            select
                key, value as after, before -> key as before, before ? key as was_there,
                jsonb_typeof(value) = 'object' and jsonb_typeof(before -> key) = 'object'
                    as is_flat
            from sample
            cross join lateral jsonb_each(after)
            where value is distinct from before -> key
        ),

        fields as (
            select key as field, was_there from columns where not is_flat
            union all
            select columns.key || '.' || inner_field.key, columns.before ? inner_field.key
            from columns
            cross join lateral jsonb_each(case when is_flat then columns.after else '{}' end)
                as inner_field
            where inner_field.value is distinct from columns.before -> inner_field.key
        )

        select field, bool_or(was_there)
        from fields
        group by field
        order by count(*) desc, field
        limit 3
        """,
        {
            "destination": plan.destination,
            "run_id": plan.run_id,
            "model": model,
            "sample": SAMPLE_OBJECTS,
        },
    ).fetchall()
    return ", ".join(field if was_there else f"{field}, which is new" for field, was_there in rows)


def _trips(counts: _Counts, limits: dict[str, float]) -> tuple[str | None, str | None]:
    """Why the removals, and why the changes, look like an accident."""
    removal = change = None
    of = f"of {counted(counts.known, 'object')}"
    if counts.removed and not counts.considered and limits["empty_source"]:
        removal = f"its table is empty, and {counted(counts.removed, 'object')} would be removed"
    elif counts.removed > limits["removed_number"]:
        removal = (
            f"{counts.removed:,} {of} would be removed, more than {limits['removed_number']:,.0f}"
        )
    elif (
        counts.removed >= limits["removed_from"]
        and counts.removed > limits["removed_share"] * counts.known
    ):
        removal = (
            f"{counts.removed:,} {of} would be removed, more than {limits['removed_share']:.0%}"
        )
    if (
        counts.really_changed >= limits["changed_from"]
        and counts.really_changed > limits["changed_share"] * counts.known
    ):
        change = f"{counts.really_changed:,} {of} changed, more than {limits['changed_share']:.0%}"
    return removal, change
