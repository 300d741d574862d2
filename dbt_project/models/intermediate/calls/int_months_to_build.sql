-- Months of calls in which something may have changed: those of the calls that were rated, and those in which they may have stood before, on a day that was
-- rated already: in another zone that is a neighbour of the day on the record.
select distinct cast(date_trunc('month', call_date) as date) as month_start
from {{ ref('calls') }}
where cdr_date in (select cdr_date from {{ ref('int_days_to_rate') }})
union
select distinct cast(date_trunc('month', {{ add_days('cdr_date', 1) }}) as date) as month_start from {{ ref('int_days_to_rate') }} where was_rated
union
select distinct cast(date_trunc('month', {{ add_days('cdr_date', -1) }}) as date) as month_start from {{ ref('int_days_to_rate') }} where was_rated
