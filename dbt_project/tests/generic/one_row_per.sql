-- Fails if a table holds two rows for what it has one row per: a join on it would count, and bill, twice.
{% test one_row_per(model, columns) %}
select {{ columns | join(', ') }}, count(*) as rows_found
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}
