-- Months of calls in which something may have changed: those of the days that were rated, and of their neighbours in another zone.
select distinct cast(date_trunc('month', call_date) as date) as month_start
from {{ ref('calls') }}
where cdr_date in (select cdr_date from {{ ref('int_days_to_rate') }})
union
select distinct cast(date_trunc('month', {{ add_days('cdr_date', 1) }}) as date) as month_start from {{ ref('int_days_to_rate') }}
union
select distinct cast(date_trunc('month', {{ add_days('cdr_date', -1) }}) as date) as month_start from {{ ref('int_days_to_rate') }}
