"""What changed: one outbound table against the ledger, in SQL, stored as the run's plan.

Everything stays in the database: memory here does not grow with the number of objects. Rows are
told apart by a hash first, and by their whole payload only where the hash differs.
"""

from dataclasses import dataclass

import psycopg
from psycopg import sql

from include.push import outbound, preflight
from include.push.catalogue import KEY_COLUMNS, PushedModel

# Beyond this many objects a model is sent in several parts, each a task of its own.
PART_OBJECTS = 100_000


@dataclass(frozen=True)
class PlanSettings:
    """What a plan depends on besides the tables."""

    run_id: int
    destination: str
    environment: str
    service_id: str
    # at most so many objects of each model are sent
    limit: int | None = None
    # a new resync generation, unless one was interrupted
    full: bool = False
    requested_by: str = ""
    # nothing is written but the plan itself
    dry: bool = False


def plan_model(connection: psycopg.Connection, model: PushedModel, plan: PlanSettings) -> None:
    """Plan one model within the caller's transaction (repeatable read, so that it sees one moment).

    Writes `sync.planned`, `sync.run_errors` for what cannot be sent, and the model's counts in
    `sync.run_models`. Raises `psycopg.errors.UndefinedTable`, `UndefinedColumn` or
    `DatatypeMismatch` when the outbound table is not what its YAML says.
    """
    # Casts from timestamps follow the session's zone.
    connection.execute("set local timezone = 'UTC'")
    generation = _generation(connection, model, plan)
    preflight.find_bad_keys(connection, model)
    considered = _find_candidates(connection, model, plan, generation)
    _compose(connection, model, plan, generation)
    if not plan.dry:
        _refresh_hashes(connection, model, plan)
    false_alarms = connection.execute("delete from change where action is null").rowcount
    preflight.mark_invalid(connection, model, plan.destination, remember=not plan.dry)
    preflight.store_errors(connection, model, plan.run_id, plan.destination)
    _store_changes(connection, model, plan, generation)
    _store_removals(connection, model, plan, generation)
    _count(connection, model, plan, considered, false_alarms)
    connection.execute("drop table bad_key, candidate, change, removal")


def planned_parts(connection: psycopg.Connection, run_id: int) -> list[dict]:
    """`[{"model", "first", "last"}]` of everything the run has to send, in similar parts."""
    rows = connection.execute(
        """
        select model, to_send from sync.run_models
        where run_id = %s and to_send > 0 and held = 0
        order by model
        """,
        [run_id],
    ).fetchall()
    parts = []
    for model, count in rows:
        size = -(-count // -(-count // PART_OBJECTS))
        parts += [
            {"model": model, "first": first, "last": min(first + size - 1, count)}
            for first in range(1, count + 1, size)
        ]
    return parts


def _generation(connection: psycopg.Connection, model: PushedModel, plan: PlanSettings) -> int:
    """The resync generation that every object of the model must have been sent in."""
    (generation, is_interrupted) = connection.execute(
        """
        with target as (
            select coalesce(max(generation), 0) as generation
            from sync.resyncs where destination = %(destination)s and model = %(model)s
        )
        select
            target.generation,
            %(full)s and exists (
                select from sync.objects
                where
                    destination = %(destination)s and model = %(model)s
                    and objects.generation < target.generation and removed_at is null
            )
        from target
        """,
        {"destination": plan.destination, "model": model.name, "full": plan.full},
    ).fetchone()  # type: ignore[misc]
    if not plan.full or is_interrupted:
        return generation
    if not plan.dry:
        connection.execute(
            """
            insert into sync.resyncs (destination, model, generation, requested_by)
            values (%s, %s, %s, %s)
            """,
            [plan.destination, model.name, generation + 1, plan.requested_by],
        )
    return generation + 1


def _find_candidates(
    connection: psycopg.Connection, model: PushedModel, plan: PlanSettings, generation: int
) -> int:
    """Rows whose hash is not the ledger's, into `candidate`; returns how many there are in all.

    The ledger's hash is null for whatever needs a closer look: removed, or sent with an unknown
    outcome. Only narrow columns go through the join.
    """
    connection.execute(
        sql.SQL(
            """
            create temporary table candidate on commit drop as
            with ledger as (
                select object_id, row_hash, generation
                from sync.objects
                where destination = {destination} and model = {model}
            )
            select source.object_id, {row_hash} as row_hash
            from {table} as source
            left join ledger on source.object_id = ledger.object_id
            where
                (
                    ledger.row_hash is distinct from {row_hash}
                    or ledger.generation < {generation}
                )
                and btrim(source.object_id) <> ''
                and not exists (
                    select from bad_key where bad_key.object_id = source.object_id
                )
            """
        ).format(
            destination=plan.destination,
            model=model.name,
            table=outbound.table(model),
            row_hash=outbound.row_hash(model),
            generation=generation,
        )
    )
    connection.execute("analyze candidate")
    counted = sql.SQL("select count(*) from {}").format(outbound.table(model))
    return connection.execute(counted).fetchone()[0]  # type: ignore[index]


def _compose(
    connection: psycopg.Connection, model: PushedModel, plan: PlanSettings, generation: int
) -> None:
    """Candidates with their payload, identity, action and version, into `change`.

    `action` is null for a false alarm: another hash, the same payload.
    """
    connection.execute(
        sql.SQL(
            """
            create temporary table change on commit drop as
            with composed as materialized (
                select
                    candidate.object_id,
                    candidate.row_hash,
                    case
                        when ledger.sent_payload is not null then sync.with_cleared(
                            ledger.sent_payload,
                            case
                                when ledger.payload is null then {payload}
                                else sync.with_cleared(ledger.payload, {payload})
                            end
                        )
                        when ledger.payload is not null
                            then sync.with_cleared(ledger.payload, {payload})
                        else {payload}
                    end as payload,
                    {identity},
                    ledger.payload as known_payload,
                    ledger.version,
                    ledger.generation,
                    ledger.acknowledged_at is not null and ledger.removed_at is null as is_known,
                    ledger.sent_payload,
                    ledger.sent_fingerprint,
                    ledger.sent_version,
                    ledger.sent_generation,
                    ledger.sent_message_id,
                    ledger.sent_is_removal
                from candidate
                inner join {table} as source on candidate.object_id = source.object_id
                left join sync.objects as ledger
                    on
                        ledger.destination = {destination}
                        and ledger.model = {model}
                        and candidate.object_id = ledger.object_id
            ),

            compared as (
                select
                    *,
                    coalesce(
                        not sent_is_removal and sent_payload = payload
                        and sent_generation = {generation},
                        false
                    ) as is_sent_again,
                    coalesce(is_known and sent_version is null and payload = known_payload, false)
                        as is_same,
                    payload::text as payload_text
                from composed
            )

            select
                object_id,
                row_hash,
                payload,
                user_id,
                anonymous_id,
                group_id,
                case
                    when is_same and generation >= {generation} then null
                    when is_known then 'changed'
                    else 'added'
                end as action,
                is_same or is_sent_again as is_repeated,
                case when is_sent_again then sent_fingerprint else md5(payload_text) end
                    as fingerprint,
                case
                    when is_sent_again then sent_version
                    when is_same then version
                    else greatest(version, sent_version, 0) + 1
                end as version,
                case when is_sent_again then sent_message_id end as message_id,
                octet_length(payload_text) as payload_bytes,
                null::text as code,
                null::text as problem
            from compared
            """
        ).format(
            table=outbound.table(model),
            payload=outbound.payload(model),
            identity=_identity(model, plan),
            destination=plan.destination,
            model=model.name,
            generation=generation,
        )
    )


def _identity(model: PushedModel, plan: PlanSettings) -> sql.Composable:
    """Who a message is about: `user_id`, `anonymous_id`, `group_id` of a row of `source`.

    Groups and events go out under one service id, because each distinct user id of a month is
    billed. An enduser's id is decided at its first message and then read from the ledger.
    """
    external_id = outbound.key(model, "external_id")
    if model.call == "group":
        return sql.SQL(
            "{service}::text as user_id, null::text as anonymous_id,"
            " coalesce({external_id}, 'planhat-' || source.object_id) as group_id"
        ).format(service=plan.service_id, external_id=external_id)
    if model.call == "track":
        return sql.SQL(
            "{service}::text as user_id, null::text as anonymous_id, null::text as group_id"
        ).format(service=plan.service_id)
    # Its externalId, if no other enduser has it or is known to Segment by it.
    user_id = sql.SQL(
        """
        case
            when ledger.user_id is not null or ledger.anonymous_id is not null then ledger.user_id
            when {external_id} is null then null
            when
                {external_id} in (
                    select external_id from {table}
                    group by external_id having count(*) > 1
                )
                or exists (
                    select from sync.objects as other
                    where
                        other.destination = {destination}
                        and other.model = {model}
                        and other.user_id = {external_id}
                        and other.object_id <> source.object_id
                        and other.object_id in (select object_id from {table})
                )
                then coalesce({company_external_id}, 'planhat-' || {company_id}, 'planhat')
                    || ':' || {external_id}
            else {external_id}
        end
        """
    ).format(
        external_id=external_id,
        company_external_id=outbound.key(model, "company_external_id"),
        company_id=outbound.key(model, "company_id"),
        table=outbound.table(model),
        destination=plan.destination,
        model=model.name,
    )
    return sql.SQL(
        "{user_id} as user_id,"
        " case when {user_id} is null then coalesce("
        "ledger.anonymous_id, 'planhat-' || source.object_id) end as anonymous_id,"
        " null::text as group_id"
    ).format(user_id=user_id)


def _refresh_hashes(connection: psycopg.Connection, model: PushedModel, plan: PlanSettings) -> None:
    """Give false alarms their new hash, so that the next plan passes them by."""
    connection.execute(
        """
        update sync.objects as ledger
        set row_hash = change.row_hash
        from change
        where
            change.action is null
            and ledger.destination = %s and ledger.model = %s
            and ledger.object_id = change.object_id
        """,
        [plan.destination, model.name],
    )


def _store_changes(
    connection: psycopg.Connection, model: PushedModel, plan: PlanSettings, generation: int
) -> None:
    connection.execute(
        """
        insert into sync.planned (
            run_id, model, position, object_id, action, call, event, user_id, anonymous_id,
            group_id, payload, fingerprint, row_hash, version, generation, message_id
        )
        select
            %(run_id)s, %(model)s, row_number() over (order by object_id), object_id, action,
            %(call)s, %(event)s, user_id, anonymous_id, group_id, payload, fingerprint, row_hash,
            version, %(generation)s,
            coalesce(
                message_id,
                sync.message_id(
                    %(environment)s, %(model)s, object_id, version, %(generation)s, fingerprint
                )
            )
        from change
        where code is null
        order by object_id
        limit %(limit)s::bigint
        """,
        {
            "run_id": plan.run_id,
            "model": model.name,
            "call": model.call,
            "event": model.event,
            "generation": generation,
            "environment": plan.environment,
            "limit": plan.limit,
        },
    )


def _store_removals(
    connection: psycopg.Connection, model: PushedModel, plan: PlanSettings, generation: int
) -> None:
    """What Segment has, or may have, and the outbound table has not; its keys go into the event."""
    connection.execute(
        sql.SQL(
            """
            create temporary table removal on commit drop as
            select
                ledger.object_id,
                ledger.sent_is_removal is true and ledger.sent_version is not null as is_sent_again,
                case
                    when ledger.sent_is_removal then ledger.sent_version
                    else greatest(ledger.version, ledger.sent_version) + 1
                end as version,
                case when ledger.sent_is_removal then ledger.sent_message_id end as message_id
            from sync.objects as ledger
            where
                ledger.destination = {destination}
                and ledger.model = {model}
                and (
                    ledger.acknowledged_at is not null and ledger.removed_at is null
                    or ledger.sent_version is not null
                )
                and not exists (
                    select from {table} as source where source.object_id = ledger.object_id
                )
            """
        ).format(destination=plan.destination, model=model.name, table=outbound.table(model))
    )
    connection.execute(
        """
        insert into sync.planned (
            run_id, model, position, object_id, action, call, event, user_id, payload, fingerprint,
            version, generation, message_id
        )
        select
            %(run_id)s, %(model)s,
            stored.number + row_number() over (order by removal.object_id), removal.object_id,
            'removed', 'track', %(event)s, %(service_id)s, keys.payload, 'removed',
            removal.version, %(generation)s,
            coalesce(
                removal.message_id,
                sync.message_id(
                    %(environment)s, %(model)s, removal.object_id, removal.version,
                    %(generation)s, 'removed'
                )
            )
        from removal
        inner join sync.objects as ledger
            on
                ledger.destination = %(destination)s
                and ledger.model = %(model)s
                and ledger.object_id = removal.object_id
        cross join (
            select count(*) as number from sync.planned
            where run_id = %(run_id)s and model = %(model)s
        ) as stored
        cross join lateral (
            select jsonb_object_agg(key, value) as payload
            from jsonb_each(
                '{"planhat_id": null}' || coalesce(ledger.payload, ledger.sent_payload, '{}')
                || jsonb_build_object('planhat_id', ledger.object_id)
            )
            where key = any(%(keys)s)
        ) as keys
        order by removal.object_id
        limit case
            when %(limit)s::bigint is not null then greatest(%(limit)s::bigint - (
                select count(*) from sync.planned
                where run_id = %(run_id)s and model = %(model)s
            ), 0)
        end
        """,
        {
            "run_id": plan.run_id,
            "model": model.name,
            "event": model.removed_event,
            "service_id": plan.service_id,
            "generation": generation,
            "environment": plan.environment,
            "destination": plan.destination,
            "keys": list(KEY_COLUMNS),
            "limit": plan.limit,
        },
    )


def _count(
    connection: psycopg.Connection,
    model: PushedModel,
    plan: PlanSettings,
    considered: int,
    false_alarms: int,
) -> None:
    """The model's counts. Each is counted by itself, so that the books can be checked later."""
    connection.execute(
        """
        with changes as (
            select
                count(*) filter (where code is null and action = 'added') as added,
                count(*) filter (where code is null and action = 'changed') as changed,
                count(*) filter (where code is not null) as invalid,
                count(*) filter (where code is null and action = 'changed' and is_repeated)
                    as repeated
            from change
        ),

        bad_keys as (
            select coalesce(sum(copies), 0)::bigint as invalid from bad_key
        ),

        candidates as (
            select count(*) as number from candidate
        ),

        removals as (
            select count(*) as removed from removal
        ),

        stored as (
            select
                count(*) as to_send,
                coalesce(bit_xor(hashtextextended(message_id, 0)), 0) as low,
                coalesce(bit_xor(hashtextextended(message_id, 1)), 0) as high
            from sync.planned
            where run_id = %(run_id)s and model = %(model)s
        )

        update sync.run_models
        set
            considered = %(considered)s,
            unchanged = %(considered)s - candidates.number - bad_keys.invalid + %(false_alarms)s,
            added = changes.added,
            changed = changes.changed,
            removed = removals.removed,
            invalid = changes.invalid + bad_keys.invalid,
            errors = changes.invalid + bad_keys.invalid,
            repeated = changes.repeated,
            to_send = stored.to_send,
            plan_fingerprint = md5(stored.to_send || '.' || stored.low || '.' || stored.high),
            planned_at = clock_timestamp()
        from changes, bad_keys, candidates, removals, stored
        where run_models.run_id = %(run_id)s and run_models.model = %(model)s
        """,
        {
            "run_id": plan.run_id,
            "model": model.name,
            "considered": considered,
            "false_alarms": false_alarms,
        },
    )
