"""Rows become `raw_planhat.objects`: set-based, by content, one transaction a model.

The rows are streamed into a temporary table and compared there, so that memory stays flat however
long a file is. What is compared is the whole payload but for the fields that move by themselves
(`models.MOVING_FIELDS`). Running it again with the same rows changes nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
import psycopg

from include.planhat.check import KEPT_TEXT, Found, Problem, check
from include.planhat.columns import Columns
from include.planhat.deletions import Answers, Deletions, missing_objects, why_withheld
from include.planhat.models import MOVING_FIELDS, Model

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
    # cells that did not fit, in objects that were read without them
    cells: int
    # columns that are not any more what they have been, left as they were
    left_out: tuple[str, ...]
    # the first of what was not read, as "file:line: reason"
    samples: tuple[str, ...]

    @property
    def is_doubtful(self) -> bool:
        """True if somebody should look: deletions or a column were withheld, or nothing read."""
        return self.withheld > 0 or bool(self.left_out) or self.has_nothing

    @property
    def has_nothing(self) -> bool:
        """True if there was something, and nothing of it could be read."""
        return self.considered == 0 and self.rejected > 0


def write_model(
    connection: psycopg.Connection,
    model: Model,
    origin: str,
    found: Iterable[Found],
    *,
    columns: Columns | None = None,
    deletions: Deletions = "guarded",
    answers: Answers | None = None,
    is_whole: bool = True,
) -> ModelRead:
    """Load everything found of one model, in one transaction, and log the read.

    `origin` names where it came from: the files, or the API's path. `columns` is what the reader of
    the files asks for their types: it is loaded before `found` begins. `answers` is what the API
    says of objects that it did not list; with it, of an object that is found twice the last counts
    (a list moves while it is read), without it the first, and the others are rejects. With
    `is_whole` false these are some objects, and nothing is said of the others. Two reads of a model
    at the same time follow each other. Raises `psycopg.Error`, with nothing written, when
    Postgres fails.
    """
    with connection.transaction():
        # Times below are statement_timestamp(): now() is from before the wait for the lock.
        connection.execute(
            "select pg_advisory_xact_lock(hashtext('raw_planhat.objects ' || %s))", [model.name]
        )
        columns = columns or Columns(model)
        columns.load(connection)
        _stage(connection, model, found)
        if answers is None:
            _reject_repeats(connection)
        else:
            _drop_repeats(connection)
        _leave_out_the_forgotten(connection, model)
        connection.execute("analyze incoming")
        _leave_columns(connection, model, sorted(columns.left_out))
        rejected = _write_rejects(connection, model, is_whole=is_whole)
        cells = _write_unread_cells(connection, model)
        _keep_former_keys(connection, model)
        if model.name == "enduser":
            _keep_former_companies(connection)
        counts = _merge(connection, model)
        still_there = counts.changed + counts.unchanged
        reason = None
        if is_whole:
            reason = why_withheld(connection, model, deletions, still_there, answers)
        asked = None if deletions == "always" else answers
        missing = missing_objects(
            connection, model, delete=reason is None, answers=asked, is_whole=is_whole
        )
        deleted, withheld = missing.deleted, missing.total - missing.deleted
        reason = (reason or (asked.reason if asked else None)) if withheld else None
        (read_id,) = connection.execute(
            "insert into raw_planhat.reads (model, origin, considered, added, changed, returned,"
            " unchanged, deleted, withheld, rejected, reason, cells)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) returning read_id",
            [model.name, origin, *counts, deleted, withheld, rejected, reason, cells],
        ).fetchone()  # type: ignore[misc]
        columns.store(connection, read_id, is_in_doubt=reason is not None)
        samples = _samples(connection, model)
        connection.execute("drop table incoming")
    return ModelRead(
        model.name, origin, *counts, deleted, withheld, rejected, reason, cells,
        tuple(sorted(columns.left_out)), samples,
    )  # fmt: skip


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
        " payload jsonb, code text, reason text, text text, column_name text, doubt text,"
        " unread jsonb) on commit drop"
    )
    copy = (
        "copy incoming (position, file, line, planhat_id, payload, code, reason, text, column_name,"
        " doubt, unread) from stdin"
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
                    row.column,
                    row.doubt,
                    msgspec.json.encode(row.unread).decode() if row.unread else None,
                )
            )


def _drop_repeats(connection: psycopg.Connection) -> None:
    """Of an object that is there several times the last is the object."""
    connection.execute(
        "delete from incoming using ("
        "    select planhat_id, max(position) as last from incoming"
        "    where planhat_id is not null group by planhat_id having count(*) > 1"
        ") as repeats"
        " where incoming.planhat_id = repeats.planhat_id and position < repeats.last"
    )


def _reject_repeats(connection: psycopg.Connection) -> None:
    """Of an object that is there several times the first is the object, the others are rejects."""
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


def _leave_out_the_forgotten(connection: psycopg.Connection, model: Model) -> None:
    """Whom this warehouse has forgotten comes back by no read, though Planhat has them still.

    Known by the hash of their id in Planhat: one who is made anew there has another.
    """
    whose = {"enduser": "planhat_id", "nps": "payload ->> 'euId'"}.get(model.name)
    if whose is None:
        return
    connection.execute(
        f"""
        delete from incoming
        where
            exists (select from sync.forgettings)
            and encode(sync.keyed_hash('enduser_id', {whose}), 'hex') in (
                select unnest(hashes) from sync.forgettings
            )
        """  # noqa: S608
    )


def _write_rejects(connection: psycopg.Connection, model: Model, *, is_whole: bool) -> int:
    """The rejects of this read, instead of those before: of the model, or of these objects."""
    connection.execute(
        "delete from raw_planhat.rejects where model = %s"
        " and (%s or planhat_id in (select incoming.planhat_id from incoming))",
        [model.name, is_whole],
    )
    return connection.execute(
        "insert into raw_planhat.rejects"
        " (model, file, line, planhat_id, code, reason, text, column_name)"
        " select %s, file, line, planhat_id, code, reason, text, column_name from incoming"
        " where code is not null order by position",
        [model.name],
    ).rowcount


def _write_unread_cells(connection: psycopg.Connection, model: Model) -> int:
    """A reject for each value that an object was read without."""
    return connection.execute(
        """
        insert into raw_planhat.rejects
            (model, file, line, planhat_id, code, reason, text, column_name)
        select
            %s, incoming.file, incoming.line, incoming.planhat_id, 'wrong_type',
            cell ->> 'reason', cell ->> 'text', cell ->> 'column'
        from incoming
        cross join lateral jsonb_array_elements(unread) with ordinality as cells (cell, place)
        where code is null and unread is not null
        order by position, place
        """,
        [model.name],
    ).rowcount


def _leave_columns(connection: psycopg.Connection, model: Model, fields: list[str]) -> None:
    """Give what was read what the warehouse has in these fields: nothing else of them is known."""
    for field in fields:
        key = field.removeprefix("custom.")
        is_custom = key != field
        connection.execute(
            """
            update incoming
            set payload = case
                when %(is_custom)s then incoming.payload || jsonb_build_object(
                    'custom',
                    coalesce(incoming.payload -> 'custom', '{}')
                    || jsonb_build_object(%(key)s::text, held.value)
                )
                else incoming.payload || jsonb_build_object(%(key)s::text, held.value)
            end
            from raw_planhat.objects
            cross join lateral (
                select case
                    when %(is_custom)s then objects.payload -> 'custom' -> %(key)s
                    else objects.payload -> %(key)s
                end as value
            ) as held
            where
                incoming.code is null
                and objects.model = %(model)s
                and objects.planhat_id = incoming.planhat_id
                and held.value is not null
            """,
            {"model": model.name, "key": key, "is_custom": is_custom},
        )


# The last read that found an object as it stands; 0 when none is known.
_LAST_READ = """
    coalesce((
        select max(reads.read_id) from raw_planhat.reads
        where
            reads.model = objects.model
            and (objects.deleted_at is null or reads.finished_at < objects.deleted_at)
    ), 0)
"""


def _keep_former_keys(connection: psycopg.Connection, model: Model) -> None:
    """Keep each external id that an object has had and has not any more: calls may still name it.

    A key is known within a company, and there it is kept; a company's own is known everywhere.
    Invoices and NPS have odd names for both.
    """
    connection.execute(
        f"""
        insert into raw_planhat.former_keys (model, company, planhat_id, external_id, last_read_id)
        select
            objects.model, keys.company, objects.planhat_id, keys.earlier,
            {_LAST_READ}
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
        """,  # noqa: S608
        [model.name],
    )


def _keep_former_companies(connection: psycopg.Connection) -> None:
    """Keep each company that an enduser has been in and is not any more."""
    connection.execute(
        f"""
        insert into raw_planhat.former_companies (planhat_id, company, last_read_id)
        select
            objects.planhat_id, keys.earlier,
            {_LAST_READ}
        from incoming
        inner join raw_planhat.objects
            on objects.model = 'enduser' and objects.planhat_id = incoming.planhat_id
        cross join lateral (
            select
                btrim(objects.payload ->> 'companyId') as earlier,
                btrim(incoming.payload ->> 'companyId') as now
        ) as keys
        where incoming.code is null and keys.earlier <> '' and keys.earlier <> keys.now
        on conflict (planhat_id, md5(company)) do update set last_read_id = excluded.last_read_id
        """  # noqa: S608
    )


# What of an enduser that we made must be as it was sent.
_SENT = ("companyId", "externalId", "email")


class _Counts(NamedTuple):
    considered: int
    added: int
    changed: int
    returned: int
    unchanged: int


def _merge(connection: psycopg.Connection, model: Model) -> _Counts:
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
        -- endusers as we sent them to Planhat, with an answer or without one
        sent as materialized (
            select distinct
                version.payload ->> 'company_id' as company,
                version.payload ->> 'external_id' as external_id,
                lower(version.payload ->> 'email') as email
            from sync.objects
            inner join sync.destinations
                on objects.destination = destinations.destination and destinations.kind = 'planhat'
            cross join lateral
                (values (objects.payload), (objects.sent_payload)) as version (payload)
            where
                %(model)s = 'enduser' and objects.model = 'enduser'
                and version.payload is not null
        ),
        written as (
            insert into raw_planhat.objects
                (model, planhat_id, payload, first_read_at, changed_at, made_by_us)
            select
                %(model)s, planhat_id, incoming.payload,
                statement_timestamp(), statement_timestamp(),
                compared.outcome = 'added' and sent.company is not null
            from incoming
            inner join compared using (planhat_id)
            left join sent
                on
                    incoming.payload ->> 'companyId' = sent.company
                    and incoming.payload ->> 'externalId' is not distinct from sent.external_id
                    and lower(btrim(incoming.payload ->> 'email')) = sent.email
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
    return _Counts(*row)


def _samples(connection: psycopg.Connection, model: Model) -> tuple[str, ...]:
    rows = connection.execute(
        "select file, line, reason from raw_planhat.rejects where model = %s"
        " order by file, line nulls first, reject_id limit %s",
        [model.name, KEPT_SAMPLES],
    )
    return tuple(where(file, line, reason) for file, line, reason in rows)


def where(file: str, line: int | None, reason: str) -> str:
    """A reject as a person reads it."""
    return f"{file}: {reason}" if line is None else f"{file}:{line}: {reason}"
