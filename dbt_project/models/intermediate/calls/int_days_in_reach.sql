-- One moment stands on another day where another clock hangs: the clocks of the world lie 26 hours apart, so the twin of a call is two days away at most.
select distinct {{ add_days('days_to_rate.cdr_date', 'nearby.days') }} as cdr_date
from {{ ref('int_days_to_rate') }} as days_to_rate
cross join (
    {%- for days in range(-2, 3) %}
    select {{ days }} as days {{ 'union all' if not loop.last }}
    {%- endfor %}
) as nearby
