-- One row a set of keys that knows a person and an anonymous id that its calls carry: which ids are on how many
-- devices. Many calls, few pairs.

-- depends_on: {{ ref('int_identity__links') }}
{{ config(
    materialized='journaled',
    pre_hook=hash_groups(),
    unique_key=['keyset', 'anonymous_id'],
    indexes=[{'columns': ['keyset', 'anonymous_id'], 'unique': true}],
    meta={'marks_gone': true}
) }}

{%- set mode = increment_mode() %}

with links as (

    select
        keyset,
        anonymous_id
    from {{ journal('int_identity__links') if mode == 'changes' else ref('int_identity__links') }} as links
    group by keyset, anonymous_id

),

final as (

    select
        keyset,
        anonymous_id,
        {%- if mode == 'changes' %}
        -- the last one may have left
        not exists (
            select 1 from {{ ref('int_identity__links') }} as there
            where there.anonymous_id = links.anonymous_id and there.keyset = links.keyset
        ) as is_gone
        {%- else %}
        false as is_gone
        {%- endif %}
    from links

)

select * from final
