"""Who came back: people of receipts who are known again, after a backup was restored."""

from pathlib import Path

import psycopg

from include.privacy import receipts
from include.privacy.forgetting.person import Person

# All ids that anything here is known by, as receipts hash them.
_KNOWN = """
    select kind, value from (
        select 'enduser_id' as kind, enduser_id as value from marts.endusers
        union
        select 'user_id', external_id from marts.endusers
        union
        select 'email', email from marts.endusers
        union
        select 'enduser_id', planhat_id from raw_planhat.objects where model = 'enduser'
        union
        select 'user_id', carried.key
        from staging.stg_segment__keysets as keysets
        cross join lateral unnest(keysets.user_ids) as carried (key)
        union
        select 'email', carried.key
        from staging.stg_segment__keysets as keysets
        cross join lateral unnest(keysets.emails || keysets.property_emails) as carried (key)
        union
        select 'anonymous_id', carried.key
        from staging.stg_segment__calls as calls
        cross join lateral unnest(calls.anonymous_ids) as carried (key)
    ) as known
    where value is not null
    and encode(sync.keyed_hash(kind, value), 'hex') in (select hash from forgotten_hashes)
"""


def people_of_receipts(connection: psycopg.Connection, data_dir: Path) -> list[Person]:
    """Whoever was forgotten before and is here, by their ids that are: as the last build has them.

    Reads the receipts of the warehouse and those in `DATA_DIR/receipts`.
    """
    hashes = receipts.all_hashes(connection, data_dir)
    with connection.transaction(force_rollback=True):
        connection.execute(
            "create temporary table forgotten_hashes (hash text primary key) on commit drop"
        )
        with connection.cursor().copy("copy forgotten_hashes (hash) from stdin") as copy:
            for each in sorted(hashes):
                copy.write_row([each])
        connection.execute("analyze forgotten_hashes")
        found = connection.execute(_KNOWN).fetchall()
    by_kind = {
        name: frozenset(value for kind, value in found if kind == name)
        for name in ("enduser_id", "user_id", "email", "anonymous_id")
    }
    if not any(by_kind.values()):
        return []
    return [
        Person(
            "the people of the receipts",
            by_kind["enduser_id"],
            by_kind["user_id"],
            by_kind["email"],
            by_kind["anonymous_id"],
        )
    ]
