{# Calls that share an id bear their name behind it: <call_key>@<start>/<called number>/<who made the record>. #}
{% macro told_apart_key(call_key, name) -%} {{ call_key }} || '@' || {{ name }} {%- endmacro %}

{# Whether a key bears such a name, and the key without it. An id of an exchange may have an @ of its own. #}
{% macro is_told_apart(call_key) -%} ({{ call_key }} like '%@____-__-__ __:__:__%/%/%') {%- endmacro %}
{% macro id_of_call_key(call_key) -%} {{ replace_all(call_key, '@[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?/.*$', '') }} {%- endmacro %}
