"""What a push asks of Planhat, counted before it is sent; and the quota, as it was told last.

Counted by what sends: the delivery's batches, the lists that are looked through before and after a
batch of endusers, the pages of metrics that are read back. How many rows such a list has is known
from the last read of Planhat and from the ledger. What comes on top: what is asked again after a
fault, and the parts of a batch that was refused.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import psycopg
from psycopg.types.json import Jsonb

from include.planhat.api.client import Client, ClientOptions, calls_of_rows
from include.planhat.api.findings import Findings
from include.planhat.api.pages import LIMIT
from include.push.batches import cut, read_sizes
from include.push.catalogue import PushedModel
from include.push.ledger import Range
from include.push.to_planhat.looking import asked_together, calls_to_list
from include.push.to_planhat.marker import Marks
from include.push.to_planhat.read_back import calls_to_read
from include.push.to_planhat.sender import LIMITS

# What calls are for, beside sending a model.
READ_BACK = "reading metrics back"
PREPARATION = "preparation"


@dataclass(frozen=True)
class Tenant:
    """What was seen of it when the push was prepared."""

    custom_fields: int
    # rows of a page of endusers, and whether a larger limit is refused
    page: int = LIMIT
    refuses: bool = False
    # calls a minute, and how many of them were left
    limit: int | None = None
    remaining: int | None = None
    seen_at: datetime | None = None


@dataclass(frozen=True)
class Needs:
    """Calls by what they are for: those that the quota counts, and those to the sinks."""

    tenant: Tenant
    calls: dict[str, int] = field(default_factory=dict)
    sink_calls: dict[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Calls that the quota counts."""
        return sum(self.calls.values())

    @property
    def calls_per_second(self) -> float:
        """Ours, or the quota's, whichever is slower."""
        own = ClientOptions().calls_per_second or float("inf")
        return min(own, self.tenant.limit / 60) if self.tenant.limit else own

    @property
    def seconds(self) -> float:
        """As long as the pace lets it take at least."""
        return self.total / self.calls_per_second

    def lines(self) -> list[str]:
        """For a person."""
        # as they come; jsonb keeps no order
        ends = {PREPARATION: 0, READ_BACK: 2}
        uses = sorted(self.calls, key=lambda use: (ends.get(use, 1), use))
        by_use = ", ".join(f"{use} {self.calls[use]:,}" for use in uses if self.calls[use])
        needed = (
            f"Needs {self.total:,} of Planhat's calls, {_minutes(self.seconds)} at "
            f"{self.calls_per_second:.3g} a second ({by_use})"
        )
        if sinks := sum(self.sink_calls.values()):
            needed += f", and {sinks:,} of its sinks, which no quota counts"
        return [f"{needed}.", self._quota()]

    def _quota(self) -> str:
        tenant = self.tenant
        if tenant.limit is None:
            return "Quota: Planhat's answers do not tell it; it publishes 200 calls a minute."
        if tenant.remaining is None or tenant.seen_at is None:
            return f"Quota: {tenant.limit:,} calls a minute; how many are used, it does not tell."
        return (
            f"Quota: {tenant.limit - tenant.remaining:,} of {tenant.limit:,} calls a minute were "
            f"used at {tenant.seen_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC."
        )


def prepared(
    connection: psycopg.Connection,
    run_id: int,
    client: Client,
    found: Findings,
    marks: Marks,
    models: Iterable[PushedModel],
    *,
    is_dry: bool,
) -> None:
    """Keep what the preparation of a run asked; of a dry run, what that of a push would."""
    calls, fields = client.calls, marks.fields
    if is_dry:
        if not marks.environments:  # it would be marked, and looked at again
            fields += 1
            calls += 1 + calls_of_rows(fields)
        calls += calls_to_read(connection, client.connection.destination, _metrics(models))
    limit = client.quota.limit if client.quota.limit is not None else found.quota_limit
    endusers = found.models.get("endusers")
    tenant = Tenant(
        custom_fields=fields, limit=limit, remaining=client.quota.remaining,
        seen_at=datetime.now(UTC),
    )  # fmt: skip
    if endusers is not None and (endusers.is_clamped or endusers.is_refused):
        page = min(LIMIT, endusers.asked if endusers.is_refused else endusers.rows)
        tenant = replace(tenant, page=page, refuses=endusers.is_refused)
    _keep(connection, run_id, Needs(tenant, {PREPARATION: calls}))


def planned(
    connection: psycopg.Connection, run_id: int, models: Iterable[PushedModel], parts: list[dict]
) -> None:
    """Keep what sending a plan asks. `parts`: as the delivery gets them."""
    needs = load(connection, run_id)
    if needs is None:  # planned without having been prepared: nothing is known of the tenant
        return
    by_name = {model.name: model for model in models}
    calls = {PREPARATION: needs.calls[PREPARATION]}
    sinks: Counter[str] = Counter()
    for part in parts:
        model = by_name[part["model"]]
        batches = list(_batches(connection, run_id, model, part))
        if model.call == "enduser":
            calls[model.name] = calls.get(model.name, 0) + _enduser_calls(
                connection, batches, needs.tenant
            )
        else:
            sinks[model.name] += len(batches)
    (destination,) = connection.execute(
        "select destination from sync.runs where run_id = %s", [run_id]
    ).fetchone()  # type: ignore[misc]
    calls[READ_BACK] = calls_to_read(connection, destination, _metrics(by_name.values()), run_id)
    _keep(connection, run_id, Needs(needs.tenant, calls, dict(sinks)))


def load(connection: psycopg.Connection, run_id: int) -> Needs | None:
    """What was kept with a run."""
    (kept,) = connection.execute(
        "select needs from sync.runs where run_id = %s", [run_id]
    ).fetchone()  # type: ignore[misc]
    return read(kept)


def read(kept: Any) -> Needs | None:
    """What is kept in `sync.runs.needs`."""
    return None if kept is None else msgspec.convert(kept, Needs, strict=False)


def _keep(connection: psycopg.Connection, run_id: int, needs: Needs) -> None:
    connection.execute(
        "update sync.runs set needs = %s where run_id = %s",
        [Jsonb(msgspec.to_builtins(needs)), run_id],
    )


def _metrics(models: Iterable[PushedModel]) -> list[str]:
    return [model.name for model in models if model.call == "metric"]


def _batches(
    connection: psycopg.Connection, run_id: int, model: PushedModel, part: dict
) -> Iterator[Range]:
    """The batches of a part, as the delivery cuts them."""

    def sizes() -> Iterator[tuple[int, int]]:
        first = part["first"]
        while rows := read_sizes(connection, Range(run_id, model.name, first, part["last"])):
            yield from rows
            first = rows[-1][0] + 1

    for first, last in cut(sizes(), LIMITS[model.call]):
        yield Range(run_id, model.name, first, last)


def _enduser_calls(connection: psycopg.Connection, batches: list[Range], tenant: Tenant) -> int:
    """Looks before and after each batch, and the batch. With custom fields, their list once."""
    there = _there(connection, batches)
    calls, has_custom = 0, False
    for batch in batches:
        made = connection.execute(_COMPANIES, batch.parameters).fetchall()
        companies = {company for company, _, _ in made}
        calls += _calls_to_look(companies, there, tenant) + 1
        for company, added, custom in made:
            there[company, False] += added
            has_custom = has_custom or custom
        calls += _calls_to_look(companies, there, tenant)
    return calls + (calls_of_rows(tenant.custom_fields) if has_custom else 0)


def _calls_to_look(companies: set[str], there: Counter[tuple[str, bool]], tenant: Tenant) -> int:
    return sum(
        calls_to_list(
            sum(there[company, is_archived] for company in together),
            tenant.page,
            refuses=tenant.refuses,
        )
        for together in asked_together(companies)
        for is_archived in (False, True)
    )


def _there(connection: psycopg.Connection, batches: list[Range]) -> Counter[tuple[str, bool]]:
    """How many endusers Planhat has: by company, and whether they are archived."""
    whole = Range(batches[0].run_id, batches[0].model, batches[0].first, batches[-1].last)
    rows = connection.execute(_THERE, whole.parameters).fetchall()
    return Counter({(company, is_archived): count for company, is_archived, count in rows})


# Of a batch: by company, how many are added, and whether any has custom fields.
_COMPANIES = """
    select
        payload ->> 'company_id',
        count(*) filter (where action = 'added'),
        bool_or(coalesce(payload -> 'custom', '{}') not in ('{}', 'null'))
    from sync.planned
    where
        run_id = %(run_id)s and model = %(model)s and position between %(first)s and %(last)s
    group by 1
"""

# Those that were read, and those that we made: these are counted in the ledger, read or not. The
# companies are an array, which is hashed: joined, every enduser is held against each of them, where
# statistics expect few.
_THERE = """
    with endusers as (
        select
            payload ->> 'companyId' as company_id,
            lower(payload ->> 'archived') is not distinct from 'true' as is_archived
        from raw_planhat.objects
        where model = 'enduser' and deleted_at is null and not made_by_us
        union all
        select payload ->> 'company_id', false
        from sync.objects
        where
            destination = (select destination from sync.runs where run_id = %(run_id)s)
            and model = %(model)s and acknowledged_at is not null
    )

    select company_id, is_archived, count(*)
    from endusers
    where company_id = any(array(
        select distinct payload ->> 'company_id'
        from sync.planned
        where
            run_id = %(run_id)s and model = %(model)s
            and position between %(first)s and %(last)s
    ))
    group by company_id, is_archived
"""


def _minutes(seconds: float) -> str:
    """`9 s`, `2 min 5 s`, `1 h 12 min`."""
    whole = max(round(seconds), 1)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
