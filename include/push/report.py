"""What a run did, per model, from `sync.*`: the task's value, the table, the exit code."""

import json
from dataclasses import asdict, dataclass, field, fields

import psycopg
from psycopg.rows import class_row

from include.counting import counted
from include.errors import ProblemError
from include.push import destinations
from include.push.to_planhat import needs
from include.push.to_planhat.needs import Needs
from include.push.to_segment.warehouse_names import warnings_of

# Characters of a value in a sample.
SHOWN = 60

EXIT_CODES = {"success": 0, "dry_run": 0, "partial": 2, "held": 3}


@dataclass(frozen=True)
class ModelReport:
    """One row of `sync.run_models`."""

    model: str
    considered: int
    unchanged: int
    added: int
    changed: int
    removed: int
    invalid: int
    # kept from the destination by a rule; and of unknown outcome, until a person answers
    withheld: int
    waiting: int
    repeated: int
    held: int
    not_sent: int
    synced: int
    errors: int
    # of what is planned: neither held nor beyond the limit
    to_send: int
    reason: str | None

    @property
    def planned(self) -> int:
        """Objects that the run had something to do with."""
        return self.added + self.changed + self.removed + self.invalid


@dataclass(frozen=True)
class ErrorReport:
    """Objects of a model that failed for one reason; `object_id` and `message` are of one."""

    model: str
    code: str
    count: int
    object_id: str | None
    message: str

    def __str__(self) -> str:
        example = f"{self.object_id}: {self.message}" if self.object_id else self.message
        return f"{self.count:,} {self.code} ({example})"


@dataclass(frozen=True)
class Report:
    """A run's outcome. `exit_code` is the command's."""

    run_id: int
    # as people know it
    to: str
    status: str
    reason: str | None
    seconds: float
    models: list[ModelReport]
    # what the plan warned of: sent all the same
    warnings: list[str] = field(default_factory=list)
    # what the plan says besides its counts
    remarks: list[str] = field(default_factory=list)
    # what it asks of its destination, where that has a quota
    needs: Needs | None = None
    # why objects failed, an example each
    errors: list[ErrorReport] = field(default_factory=list)
    # a dry run's examples: {"model", "action", "object_id", "changes": {column: [before, after]}}
    samples: list[dict] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0 success or a whole plan, 2 partial, 3 held, 1 anything else."""
        if self.is_dry and self.reason:
            return 1
        return EXIT_CODES.get(self.status, 1)

    @property
    def is_dry(self) -> bool:
        """Nothing was sent, nor meant to be."""
        return self.status == "dry_run"

    def total(self, name: str) -> int:
        """The sum over the models of one of `ModelReport`'s counts."""
        return sum(getattr(each, name) for each in self.models)

    def as_dict(self) -> dict:
        """Small and JSON-ready: the value of the DAG's last task."""
        return {
            "run_id": self.run_id,
            "status": self.status,
            "reason": self.reason,
            "seconds": round(self.seconds, 1),
            "in_words": self.in_words(),
            "models": {
                each.model: {name: value for name, value in asdict(each).items() if name != "model"}
                for each in self.models
            },
            "warnings": self.warnings,
            "remarks": self.remarks,
            "needs": self.needs.lines() if self.needs else [],
            "errors": [asdict(each) for each in self.errors],
        }

    def in_words(self) -> str:
        """The numbers in two sentences, for a note: what became of it, and of which models."""
        counts = "" if self.is_dry else f": {counted(self.total('synced'), 'object')} synced"
        others = [
            f"{self.total(name):,} {name}"
            for name in ("added", "changed", "removed", "held")
            if self.total(name)
        ]
        codes = ", ".join(sorted({each.code for each in self.errors}))
        errors = counted(self.total("errors"), "error") + (f" ({codes})" if codes else "")
        sent = "to_send" if self.is_dry else "synced"
        by_model = [f"{each.model} {getattr(each, sent):,}" for each in self.models
                    if getattr(each, sent)]  # fmt: skip
        return (
            f"Run {self.run_id}: {self._ended()}{counts}; {', '.join([errors, *others])}."
            + (f" {', '.join(by_model)}." if by_model else "")
            + (f" {self.reason}." if self.reason else "")
        )

    def sample_lines(self) -> list[str]:
        """The samples for a terminal: an object a line, changed columns before and after."""
        return [
            f"{each['model']} {each['object_id']}: "
            + (_changes(each["changes"]) if each["action"] == "changed" else each["action"])
            for each in self.samples
        ]

    def table(self) -> str:
        """The table for a terminal and a log; of a dry run, what would be sent."""
        sent = ("Would be sent", "to_send") if self.is_dry else ("Objects synced", "synced")
        columns = [
            sent, ("Errors", "errors"), ("Unchanged", "unchanged"), ("Added", "added"),
            ("Changed", "changed"), ("Removed", "removed"), ("Held", "held"),
        ]  # fmt: skip
        columns += [
            (head, name)
            for head, name in (("Withheld", "withheld"), ("Unknown", "waiting"))
            if self.total(name)
        ]
        if not self.is_dry:
            columns.append(("Not sent", "not_sent"))
        heads = ["Model", *[head for head, _ in columns]]
        counts = [name for _, name in columns]
        rows = [
            [each.model, *[f"{getattr(each, name):,}" for name in counts]] for each in self.models
        ]
        rows.append(["all", *[f"{self.total(name):,}" for name in counts]])
        widths = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(heads))]
        lines = [_line(heads, widths), _line(["─" * width for width in widths], widths)]
        lines += [_line(row, widths) for row in rows]
        lines += [f"{each.model}: {each.reason}" for each in self.models if each.reason]
        lines += self._error_lines()
        lines += [f"! {warning}" for warning in self.warnings]
        lines += [f"{remark[0].upper()}{remark[1:]}." for remark in self.remarks]
        lines += self.needs.lines() if self.needs else []
        ended = f"Run {self.run_id} to {self.to}: {self._ended()} after {self.seconds:.1f} s"
        return "\n".join([*lines, ended + (f" ({self.reason})" if self.reason else "")])

    def _error_lines(self) -> list[str]:
        """Why objects failed, a model a line, and where all of them are."""
        by_model = {
            each.model: [error for error in self.errors if error.model == each.model]
            for each in self.models
        }
        lines = [
            f"{model}: {counted(sum(each.count for each in errors), 'error')}: "
            + ", ".join(map(str, errors))
            for model, errors in by_model.items()
            if errors
        ]
        if lines:
            lines.append(
                f"Every error is on the page, behind the number, and in sync.run_errors (run_id "
                f"{self.run_id}); `make why ID=…` tells an object's story."
            )
        return lines

    def _ended(self) -> str:
        if not self.is_dry:
            return self.status
        would = f"planned only, nothing was sent; a push would send {self.total('to_send'):,}"
        beyond = self.total("not_sent") - self.total("to_send")
        held = self.total("held")
        return (
            would
            + (f" and leave {beyond:,} for later (LIMIT)" if beyond > 0 else "")
            + (f" and hold {held:,} until somebody answers" if held else "")
        )


def load_report(connection: psycopg.Connection, run_id: int) -> Report:
    """The report of a run as it stands now. Raises `ProblemError` for an unknown run."""
    run = connection.execute(
        """
        select
            destination, status, reason,
            extract(epoch from coalesce(finished_at, clock_timestamp()) - started_at)::float,
            remarks, needs
        from sync.runs where run_id = %s
        """,
        [run_id],
    ).fetchone()
    if run is None:
        raise ProblemError(f"There is no run {run_id}.")
    names = ", ".join(each.name for each in fields(ModelReport))
    with connection.cursor(row_factory=class_row(ModelReport)) as cursor:
        models = cursor.execute(
            f"select {names} from sync.run_models where run_id = %s order by model",  # noqa: S608
            [run_id],
        ).fetchall()
    destination, status, reason, seconds, remarks, needed = run
    warnings = warnings_of(connection, run_id)
    errors = _errors(connection, run_id)
    to = destinations.name_of(connection, destination)
    return Report(
        run_id, to, status, reason, seconds, models, warnings, remarks, needs.read(needed), errors
    )


def _errors(connection: psycopg.Connection, run_id: int) -> list[ErrorReport]:
    with connection.cursor(row_factory=class_row(ErrorReport)) as cursor:
        return cursor.execute(
            """
            select distinct on (model, code)
                model, code, count(*) over (partition by model, code) as count,
                left(object_id, 100) as object_id, left(message, 300) as message
            from sync.run_errors
            where run_id = %s
            order by model, code, run_errors.object_id
            """,
            [run_id],
        ).fetchall()


def check_books(connection: psycopg.Connection, run_id: int) -> str | None:
    """What does not add up in a run whose counts are final; None when everything does.

    The counts are held against each other, the batches and the error rows.
    """
    wrong = connection.execute(
        """
        with batches as (
            select model, sum(synced) as synced, sum(errors) as errors
            from sync.batches where run_id = %(run_id)s group by model
        ),

        errors as (
            select model, count(*) as errors
            from sync.run_errors where run_id = %(run_id)s group by model
        ),

        booked as (
            select
                run_models.*,
                added + changed + removed + invalid as planned,
                coalesce(batches.synced, 0) as batch_synced,
                coalesce(batches.errors, 0) as batch_errors,
                coalesce(errors.errors, 0) as error_rows
            from sync.run_models
            left join batches on run_models.model = batches.model
            left join errors on run_models.model = errors.model
            where run_models.run_id = %(run_id)s
        )

        select
            model || ': ' || case
                when considered <> unchanged + added + changed + invalid + withheld + waiting
                    then 'considered ' || considered || ' is not unchanged ' || unchanged
                        || ' + added ' || added || ' + changed ' || changed
                        || ' + invalid ' || invalid || ' + withheld ' || withheld
                        || ' + waiting ' || waiting
                when planned <> synced + errors + held + not_sent
                    then 'planned ' || planned || ' is not synced ' || synced || ' + errors '
                        || errors || ' + held ' || held || ' + not sent ' || not_sent
                when synced <> batch_synced
                    then 'synced ' || synced || ', but its batches ' || batch_synced
                when errors <> invalid + batch_errors or errors <> error_rows
                    then 'errors ' || errors || ', but invalid ' || invalid || ', in batches '
                        || batch_errors || ', error rows ' || error_rows
                when least(unchanged, not_sent, held, withheld, waiting) < 0
                    then 'a count is negative'
            end as problem
        from booked
        where
            considered <> unchanged + added + changed + invalid + withheld + waiting
            or planned <> synced + errors + held + not_sent
            or synced <> batch_synced
            or errors <> invalid + batch_errors
            or errors <> error_rows
            or least(unchanged, not_sent, held, withheld, waiting) < 0
        order by model
        """,
        {"run_id": run_id},
    ).fetchall()
    return "; ".join(problem for (problem,) in wrong) or None


def _changes(changes: dict) -> str:
    if not changes:
        return "the same value once more"
    return ", ".join(
        f"{name} {_shown(before)} → {_shown(after)}" for name, (before, after) in changes.items()
    )


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def _line(cells: list[str], widths: list[int]) -> str:
    first, *rest = [
        cell.ljust(width) if number == 0 else cell.rjust(width)
        for number, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "  ".join([first, *rest]).rstrip()
