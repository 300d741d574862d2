-- Fails if a margin is not what was sold less what was bought: the partner would steer by a number that its books do not show.
{%- set facts = ['calls', 'daily_calls', 'international_calls', 'service_charges', 'margins'] %}
{%- for fact in facts %}
select '{{ fact }}' as fact, sale_eur, purchase_eur, margin_eur
from {{ ref(fact) }}
where margin_eur is distinct from sale_eur - purchase_eur
{{ 'union all' if not loop.last }}
{%- endfor %}
