{% test unique_together(model, columns) %}
    -- Rows of the same key; null is a value of a key here.
    select {{ columns | join(", ") }}, count(*) as rows_of_this_key
    from {{ model }}
    group by {{ columns | join(", ") }}
    having count(*) > 1
{% endtest %}
