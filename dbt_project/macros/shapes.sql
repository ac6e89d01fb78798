{#
    What a text looks like and nothing of what it says: 9 for a digit, a for a letter of any alphabet, and no more of it
    than so many characters.
#}
{% macro shape(text, longest=40) -%}
    regexp_replace(regexp_replace(left({{ text }}, {{ longest }}), '[0-9]', '9', 'g'), '[^ -@[-`{-~]', 'a', 'g')
{%- endmacro %}

{# A name that somebody else gave: on one line, and no more of it than so many characters. #}
{% macro name_form(text, longest) -%}
    left(regexp_replace({{ trimmed(text) }}, '[[:cntrl:]]', ' ', 'g'), {{ longest }})
{%- endmacro %}
