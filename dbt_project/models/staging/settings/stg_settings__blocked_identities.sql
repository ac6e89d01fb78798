-- One row: what the customer blocks, per key: values as that key is compared, patterns as one regular expression (null:
-- none), domains of e-mails and of user ids that are one. A row for all keys is one for each.

{%- set keys = ['user_id', 'email', 'anonymous_id', 'company', 'object'] %}

with blocked as (

    select
        key,
        kind,
        {{ key_form('value') }} as as_key,
        {{ email_form('value') }} as as_email
    from {{ source('sync', 'blocked_identities') }}

),

-- a star stands for anything, and nothing else for anything but itself
expressed as (

    select
        key,
        kind,
        as_key,
        as_email,
        replace(regexp_replace(as_key, '([][\\.^$+?(){}|])', '\\\1', 'g'), '*', '.*') as key_expression,
        replace(regexp_replace(as_email, '([][\\.^$+?(){}|])', '\\\1', 'g'), '*', '.*') as email_expression
    from blocked
    -- a blank one would make every comparison unknown
    where as_key is not null

),

final as (

    select
        {%- for key in keys %}
        {%- set form = 'email' if key == 'email' else 'key' %}
        coalesce(array_agg(as_{{ form }} order by as_{{ form }} collate "C") filter (
            where kind = 'value' and key in ('all', '{{ key }}')
        ), '{}') as blocked_{{ key }},
        '^(' || string_agg({{ form }}_expression, '|' order by {{ form }}_expression collate "C") filter (
            where kind = 'pattern' and key in ('all', '{{ key }}')
        ) || ')$' as {{ key }}_pattern,
        {%- endfor %}
        coalesce(array_agg(as_email order by as_email collate "C") filter (
            where kind = 'domain' and key in ('all', 'user_id')
        ), '{}') as user_id_domains,
        coalesce(array_agg(as_email order by as_email collate "C") filter (
            where kind = 'domain' and key in ('all', 'email')
        ), '{}') as email_domains
    from expressed

)

select * from final
