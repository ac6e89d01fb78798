"""Which rows of an outbound table differ from the ledger, and what they are now.

Told apart by a hash first, and by their whole payload only where the hash differs.
"""

import psycopg
from psycopg import sql

from include.push import outbound
from include.push.catalogue import PushedModel
from include.push.plan_settings import PlanSettings


def compare(
    connection: psycopg.Connection, model: PushedModel, plan: PlanSettings, generation: int
) -> None:
    """What the outbound table and the ledger do not agree on, into `compared`.

    One pass over narrow columns: rows whose hash is not the ledger's (`row_hash` is set), and
    ledger rows without one (`row_hash` is null). The ledger's hash is null for whatever needs a
    closer look: removed, or sent with an unknown outcome.
    """
    connection.execute(
        sql.SQL(
            """
            create temporary table compared on commit drop as
            with current as (
                select source.object_id, {row_hash} as row_hash from {table} as source
            ),

            ledger as (
                select object_id, row_hash, generation
                from sync.objects
                where destination = {destination} and model = {model}
            )

            select current.object_id, ledger.object_id as ledger_id, current.row_hash
            from current
            full join ledger on current.object_id = ledger.object_id
            where
                current.row_hash is null
                or current.row_hash is distinct from ledger.row_hash
                or ledger.generation < {generation}
            """
        ).format(
            destination=plan.destination,
            model=model.name,
            table=outbound.table(model),
            row_hash=outbound.row_hash(model),
            generation=generation,
        )
    )
    connection.execute("analyze compared")


def find_candidates(connection: psycopg.Connection) -> None:
    """Rows that may have to be sent, into `candidate`: those of `compared` with a usable key."""
    connection.execute(
        """
        create temporary table candidate on commit drop as
        select object_id, row_hash
        from compared
        where
            row_hash is not null
            and btrim(object_id) <> ''
            and not exists (select from bad_key where bad_key.object_id = compared.object_id)
        """
    )
    connection.execute("analyze candidate")


def compose(
    connection: psycopg.Connection,
    model: PushedModel,
    plan: PlanSettings,
    generation: int,
    identity: sql.Composable,
) -> None:
    """Candidates with their payload, identity, action and version, into `change`.

    `action` is null for a false alarm: another hash, the same payload. `identity`: `user_id`,
    `anonymous_id` and `group_id` of a row of `source`.
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
                    -- another enduser took its user id over while it was gone
                    {is_identify} and ledger.user_id is null and ledger.anonymous_id is null
                        as has_lost_its_id,
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
                        and sent_generation = {generation} and not has_lost_its_id,
                        false
                    ) as is_sent_again,
                    coalesce(
                        is_known and sent_version is null and payload = known_payload
                        and not has_lost_its_id,
                        false
                    ) as is_same,
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
                sync.escaped_bytes(payload_text) as payload_bytes,
                null::text as code,
                null::text as problem
            from compared
            """
        ).format(
            table=outbound.table(model),
            payload=outbound.payload(model),
            identity=identity,
            is_identify=model.call == "identify",
            destination=plan.destination,
            model=model.name,
            generation=generation,
        )
    )


def refresh_hashes(connection: psycopg.Connection, model: PushedModel, plan: PlanSettings) -> None:
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
