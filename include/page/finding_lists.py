"""The things behind a finding of marts.quality, one by one: as many as it counts.

Each list asks the models that the finding was made from. A test compares how many they are with
what the finding counts, in a warehouse that was really built.
"""

# finding: a query of `example` (an id to ask about) and `detail` (what else is said of it, or null)
LISTS = {
    "company_external_id_used_twice": """
        select company_id as example, external_id as detail
        from intermediate.int_identity__known_companies
        inner join marts.companies using (company_id)
        where company_key is null and external_id is not null
    """,
    "company_without_external_id": """
        select company_id as example, name as detail from marts.companies
        where deleted_at is null and external_id is null
    """,
    "enduser_external_id_used_twice": """
        select min(enduser_id) as example, count(*) || ' endusers have it' as detail
        from staging.stg_planhat__endusers
        where deleted_at is null and external_id is not null
        group by company_id, external_id having count(*) > 1
    """,
    "enduser_of_unknown_company": """
        select enduser_id as example, endusers.company_id as detail
        from staging.stg_planhat__endusers as endusers
        left join intermediate.int_identity__known_companies as known using (company_id)
        where deleted_at is null and known.company_id is null
    """,
    "former_key_of_several": """
        select external_id as example, model as detail
        from intermediate.int_identity__former_keys where object_id is null
    """,
    "former_company_key_in_use": """
        select company_key as example, companies.name as detail
        from intermediate.int_identity__company_keys left join marts.companies using (company_id)
        where key_kind = 'former' and exists (
            select from intermediate.int_identity__own_keys as own
            where own.company_key = int_identity__company_keys.company_key and own.calls > 0
        )
    """,
    "former_enduser_key_in_use": """
        select distinct users.enduser_id as example, null as detail
        from intermediate.int_identity__users as users
        inner join intermediate.int_identity__enduser_keys as keys
            on users.company_id = keys.company_id and users.user_id = keys.external_id
        where keys.is_former and users.enduser_id = keys.enduser_id
    """,
    "former_object_key_in_use": """
        select distinct objects.object_id as example, objects.model as detail
        from intermediate.int_identity__former_keys as former
        inner join intermediate.int_identity__objects as objects
            using (model, company_id, external_id, object_id)
        inner join intermediate.int_identity__mentions as mentions
            on objects.model = mentions.model and objects.external_id = mentions.object_key
        where objects.model not in ('company', 'enduser') and not former.is_deleted
    """,
    "company_alias_without_effect": """
        select aliases.company_key as example, aliases.company_id as detail
        from staging.stg_settings__company_aliases as aliases
        left join intermediate.int_identity__company_keys as keys
            on aliases.company_key = keys.company_key and key_kind = 'alias'
        where keys.company_key is null
    """,
    "enduser_moved": """
        select enduser_id as example, 'was in ' || string_agg(company_id, ', ') as detail
        from staging.stg_planhat__former_companies group by enduser_id
    """,
    "user_id_is_an_address": """
        select distinct user_id as example, null as detail from intermediate.int_identity__own_keys
        where calls > 0 and user_id ~ '^[^@[:space:]]+@[^@[:space:]]+$'
    """,
    "unknown_company_of_known_users": """
        select company_key as example, events_found || ' calls of known users' as detail
        from marts.unknown_companies where events_found > 0
    """,
    "export_line_rejected": """
        select file || ':' || coalesce(line::text, '?') as example, reason as detail
        from staging.stg_planhat__rejects
    """,
    "metric_value_rejected": """
        select message_id as example, metric as detail from marts.metric_rejections
    """,
}
LISTS |= {
    f"{kind}_spelt_in_several_ways": f"""
        select example, array_to_string(examples, '  ·  ') as detail
        from intermediate.int_quality__spellings where kind = '{kind}'
    """  # noqa: S608
    for kind in ("user_id", "company_key")
}
LISTS |= {
    f"email_{kind}_of_many_companies": f"""
        select address as example, companies || ' companies' as detail
        from intermediate.int_quality__shared_addresses where kind = '{kind}'
    """  # noqa: S608
    for kind in ("address", "domain")
}
LISTS |= {
    f"{kind}_like_a_placeholder": f"""
        select id as example, string_agg(times || ' ' || shared_by, ', ') as detail
        from intermediate.int_quality__odd_ids where kind = '{kind}' group by id
    """  # noqa: S608
    for kind in ("user_id", "email", "anonymous_id")
}


def is_personal(finding: str) -> bool:
    """Whether what is found is somebody's key: an address, a user id or a device."""
    return finding.startswith(("user_id", "email_address", "email_like", "anonymous_id"))
