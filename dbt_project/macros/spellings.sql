{#
    A key as one writes it who minds neither case nor blanks, nor zeros around a number: keys with the same one are
    probably meant to be one (`Ann` and `ann`, `1`, `01` and `1.0`).
#}
{% macro one_spelling(key) -%}
    case
        when ascii({{ key }}) between 48 and 57 and {{ key }} ~ '^[0-9]+([.]0*)?$'
            then ltrim(split_part({{ key }}, '.', 1), '0')
        -- the rule for every alphabet takes its time
        when octet_length({{ key }}) = length({{ key }})
            then lower(replace({{ key }}, ' ', '') collate "C") collate "default"
        else lower(translate({{ key }}, {{ blanks() }}, '') collate sync.letter_case) collate "default"
    end
{%- endmacro %}
