"""Rows become `raw_planhat.objects`: set-based, by content, one transaction a model.

The rows are streamed into a temporary table and compared there, so that memory stays flat however
long a file is. What is compared is the whole payload but for the fields that move by themselves
(`models.MOVING_FIELDS`). Running it again with the same rows changes nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import psycopg

from include.planhat.check import KEPT_TEXT, Found, Problem, check
from include.planhat.models import MOVING_FIELDS, Model

# What becomes of objects that are not in a read: `guarded` marks them deleted unless the read may
# have missed them (a reject that does not say which object it was; no valid row at all; more than
# half of a model gone at once), `always` and `never` are for an operator who knows better.
Deletions = Literal["guarded", "always", "never"]

# So many may go at once whatever their share is: small models change as a whole.
FEW_DELETIONS = 10

KEPT_SAMPLES = 20


@dataclass(frozen=True)
class ModelRead:
    """What one read of one model did. `considered` = added + changed + returned + unchanged."""

    model: str
    origin: str
    considered: int
    added: int
    changed: int
    returned: int
    unchanged: int
    deleted: int
    withheld: int
    rejected: int
    # why deletions were withheld, None if they were not
    reason: str | None
    # the first rejects, as "file:line: reason"
    samples: tuple[str, ...]

    @property
    def is_doubtful(self) -> bool:
        """True if somebody should look: deletions were withheld, or nothing of it could be read."""
        return self.withheld > 0 or (self.considered == 0 and self.rejected > 0)


def write_model(
    connection: psycopg.Connection,
    model: Model,
    origin: str,
    found: Iterable[Found],
    *,
    deletions: Deletions = "guarded",
) -> ModelRead:
    """Load everything found of one model, in one transaction, and log the read.

    `origin` names where it came from: the files, or the API's path. Two reads of a model at the
    same time follow each other. Raises `psycopg.Error`, with nothing written, when Postgres fails.
    """
    with connection.transaction():
        # Times below are statement_timestamp(): now() is from before the wait for the lock.
        connection.execute(
            "select pg_advisory_xact_lock(hashtext('raw_planhat.objects ' || %s))", [model.name]
        )
        _stage(connection, model, found)
        rejected = _write_rejects(connection, model)
        _keep_former_keys(connection, model)
        counts = _merge(connection, model)
        reason = _doubt(connection, model, deletions)
        missing = _missing(connection, model, delete=reason is None)
        if not missing:
            reason = None
        deleted, withheld = (missing, 0) if reason is None else (0, missing)
        connection.execute(
            "insert into raw_planhat.reads (model, origin, considered, added, changed, returned,"
            " unchanged, deleted, withheld, rejected, reason)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [model.name, origin, *counts, deleted, withheld, rejected, reason],
        )
        samples = _samples(connection)
        connection.execute("drop table incoming")
    return ModelRead(model.name, origin, *counts, deleted, withheld, rejected, reason, samples)


def write_unknown_files(connection: psycopg.Connection, unknown: list[Found]) -> None:
    """Keep the rejects of files that belong to no model, instead of those of the read before."""
    with connection.transaction():
        connection.execute("delete from raw_planhat.rejects where model is null")
        for each in unknown:
            problem = each.problem or Problem("unknown_file", "no model has a file of this name")
            connection.execute(
                "insert into raw_planhat.rejects (file, code, reason, text)"
                " values (%s, %s, %s, '')",
                [each.origin, problem.code, problem.reason],
            )


def _stage(connection: psycopg.Connection, model: Model, found: Iterable[Found]) -> None:
    connection.execute(
        "create temp table incoming (position bigint, file text, line bigint, planhat_id text,"
        " payload jsonb, code text, reason text, text text) on commit drop"
    )
    copy = (
        "copy incoming (position, file, line, planhat_id, payload, code, reason, text) from stdin"
    )
    with connection.cursor() as cursor, cursor.copy(copy) as stream:
        for position, each in enumerate(found):
            row = check(model, each)
            code, reason = (row.problem.code, row.problem.reason) if row.problem else (None, None)
            stream.write_row(
                (
                    position,
                    row.origin,
                    row.line,
                    row.planhat_id,
                    row.payload,
                    code,
                    reason,
                    row.text,
                )
            )
    # The first of several is the object, the others are rejects.
    connection.execute(
        "update incoming set code = 'duplicate_id', text = left(payload::text, %s),"
        " reason = 'the object ' || planhat_id || ' is there twice: first on line '"
        "   || first.line || case when first.file <> incoming.file"
        "      then ' of ' || first.file else '' end"
        " from (select distinct on (planhat_id) planhat_id as id, file, line, position as at"
        "       from incoming where code is null order by planhat_id, position) as first"
        " where incoming.code is null and planhat_id = first.id and position > first.at",
        [KEPT_TEXT],
    )
    connection.execute("analyze incoming")


def _write_rejects(connection: psycopg.Connection, model: Model) -> int:
    connection.execute("delete from raw_planhat.rejects where model = %s", [model.name])
    return connection.execute(
        "insert into raw_planhat.rejects (model, file, line, planhat_id, code, reason, text)"
        " select %s, file, line, planhat_id, code, reason, text from incoming"
        " where code is not null order by position",
        [model.name],
    ).rowcount


def _keep_former_keys(connection: psycopg.Connection, model: Model) -> None:
    """Keep each external id that an object has had and has not any more: calls may still name it.

    A key is known within a company, and there it is kept; a company's own is known everywhere.
    Invoices and NPS have odd names for both.
    """
    connection.execute(
        """
        insert into raw_planhat.former_keys (model, company, planhat_id, external_id, last_read_id)
        select
            objects.model, keys.company, objects.planhat_id, keys.earlier,
            coalesce((
                select max(reads.read_id) from raw_planhat.reads
                where
                    reads.model = objects.model
                    and (objects.deleted_at is null or reads.finished_at < objects.deleted_at)
            ), 0)
        from incoming
        inner join raw_planhat.objects
            on objects.model = %s and objects.planhat_id = incoming.planhat_id
        cross join lateral (
            select
                coalesce(objects.payload ->> 'companyId', objects.payload ->> 'cId', '') as company,
                coalesce(objects.payload ->> 'externalId', objects.payload ->> 'extId') as earlier,
                coalesce(incoming.payload ->> 'externalId', incoming.payload ->> 'extId') as now
        ) as keys
        where
            incoming.code is null
            and btrim(keys.earlier) <> ''
            and btrim(keys.earlier) is distinct from btrim(keys.now)
        on conflict (model, md5(company), md5(external_id), planhat_id) do update set
            last_read_id = excluded.last_read_id
        """,
        [model.name],
    )


# What of an enduser that we made must be as it was sent.
_SENT = ("companyId", "externalId", "email")


def _merge(connection: psycopg.Connection, model: Model) -> tuple[int, int, int, int, int]:
    """Write what differs; return considered, added, changed, returned, unchanged."""
    row = connection.execute(
        """
        with compared as materialized (
            select
                incoming.planhat_id,
                case
                    when objects.planhat_id is null then 'added'
                    when objects.deleted_at is not null then 'returned'
                    -- equal as they stand is the usual case and the cheaper comparison
                    when objects.payload = incoming.payload
                        or objects.payload - %(moving)s::text[]
                        = incoming.payload - %(moving)s::text[] then 'unchanged'
                    else 'changed'
                end as outcome
            from incoming
            left join raw_planhat.objects
                on objects.model = %(model)s and objects.planhat_id = incoming.planhat_id
            where incoming.code is null
        ),
        written as (
            insert into raw_planhat.objects
                (model, planhat_id, payload, first_read_at, changed_at)
            select
                %(model)s, planhat_id, incoming.payload,
                statement_timestamp(), statement_timestamp()
            from incoming
            inner join compared using (planhat_id)
            where incoming.code is null and compared.outcome <> 'unchanged'
            on conflict (model, planhat_id) do update set
                payload = excluded.payload,
                changed_at = excluded.changed_at,
                deleted_at = null,
                made_by_us = objects.made_by_us and not exists (
                    select from unnest(%(sent)s::text[]) as name
                    where objects.payload -> name is distinct from excluded.payload -> name
                )
        )
        select
            count(*),
            count(*) filter (where outcome = 'added'),
            count(*) filter (where outcome = 'changed'),
            count(*) filter (where outcome = 'returned'),
            count(*) filter (where outcome = 'unchanged')
        from compared
        """,
        {"model": model.name, "moving": list(MOVING_FIELDS), "sent": list(_SENT)},
    ).fetchone()
    assert row is not None
    return row


def _doubt(connection: psycopg.Connection, model: Model, deletions: Deletions) -> str | None:
    """Why what is not in this read may exist all the same; None when it surely does not."""
    if deletions == "always":
        return None
    if deletions == "never":
        return "deletions are switched off for this read"
    row = connection.execute(
        "select count(*) filter (where code is null),"
        " count(*) filter (where planhat_id is null) from incoming"
    ).fetchone()
    assert row is not None
    valid, nameless = row
    if not valid:
        return "it holds no valid object"
    if nameless:
        return f"{nameless} of its rejects do not say which object they were"
    missing = _missing(connection, model, delete=False)
    if missing > FEW_DELETIONS and missing > valid:
        return f"more than half of the model is not in it: {missing:,} objects, {valid:,} are"
    return None


def _missing(connection: psycopg.Connection, model: Model, *, delete: bool) -> int:
    """How many objects are not in this read; marked deleted if `delete`."""
    row = connection.execute(
        """
        with missing as materialized (
            select planhat_id
            from raw_planhat.objects
            where
                model = %(model)s
                and deleted_at is null
                -- a rejected object is in Planhat all the same: any row with its id protects it
                and not exists (
                    select from incoming where incoming.planhat_id = objects.planhat_id
                )
        ),
        deleted as (
            update raw_planhat.objects
            set deleted_at = statement_timestamp(), changed_at = statement_timestamp()
            from missing
            where model = %(model)s and objects.planhat_id = missing.planhat_id and %(delete)s
        )
        select count(*) from missing
        """,
        {"model": model.name, "delete": delete},
    ).fetchone()
    assert row is not None
    return row[0]


def _samples(connection: psycopg.Connection) -> tuple[str, ...]:
    rows = connection.execute(
        "select file, line, reason from incoming where code is not null order by position limit %s",
        [KEPT_SAMPLES],
    )
    return tuple(where(file, line, reason) for file, line, reason in rows)


def where(file: str, line: int | None, reason: str) -> str:
    """A reject as a person reads it."""
    return f"{file}: {reason}" if line is None else f"{file}:{line}: {reason}"
