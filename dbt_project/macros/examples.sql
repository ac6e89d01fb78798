{#
    A landed call for each value of a column that calls have alike (a keyset, a mention): in mode changes for each that
    this model has no row of yet. What the column stands for, any call that has it tells.
#}
{% macro examples(column) -%}
    (
        select
            examples.{{ column }},
            events.type,
            events.payload
        from (
            select
                {{ column }},
                min(message_id collate "C") as message_id
            from {{ new_or_all('stg_segment__calls') }} as calls
            group by {{ column }}
            -- before nulls go: an index of what has none is read whole, however little is new
            {{ fence() }}
        ) as examples
        inner join {{ source('raw_segment', 'events') }} as events
            on events.message_key = {{ message_key('examples.message_id') }}
        where examples.{{ column }} is not null
        {%- if execute and increment_mode() == 'changes' %}
        and not exists (select 1 from {{ this }} as earlier where earlier.{{ column }} = examples.{{ column }})
        {%- endif %}
    )
{%- endmacro %}
