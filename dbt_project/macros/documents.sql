{# A credit note that a person made; not a draft below nothing, which is approved as one and has a draft's id: <customer>-<month>, with @<partner> of who moved. #}
{% macro is_credited_by_hand(invoice_id) -%} {{ matches(invoice_id, '-credit-[0-9]+$') }} {%- endmacro %}
