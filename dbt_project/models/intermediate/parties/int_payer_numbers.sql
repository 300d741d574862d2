{#
    Whose country a number is written in is not known before its owner is: it is read as in each country where a partner lives, and a reading counts only
    for partners at home there. So a German customer is found by 030 123456, and 0031 20 ... is nobody's but a Dutch one's.
#}
-- most numbers are strangers': only those that end as one of ours are read
with tails as (
    select distinct right(e164, 7) as tail from {{ ref('int_platform_numbers') }}
    union
    -- a short number is written without its calling code
    select distinct substr(e164, codes.digits + 1) as tail
    from {{ ref('int_platform_numbers') }} as numbers
    cross join (select 1 as digits union all select 2 as digits union all select 3 as digits) as codes
    where length(e164) <= 9
),

numbers_of_records as (
    select caller as payer_number
    from {{ ref('int_call_records') }}
    where
        reject_reason is null
        and cdr_date in (select cdr_date from {{ ref('int_days_in_reach') }})
        and {{ own_tail('caller') }} in (select tail from tails)
    union
    select callee as payer_number
    from {{ ref('int_call_records') }}
    where
        reject_reason is null
        and cdr_date in (select cdr_date from {{ ref('int_days_in_reach') }})
        and {{ own_tail('callee') }} in (select tail from tails)
),

written_somewhere as (
    select countries.home_country as country, numbers_of_records.payer_number as written
    from numbers_of_records
    cross join (select distinct home_country from {{ ref('stg_landing__partner_periods') }}) as countries
),

claims as (
    select
        read.written as payer_number,
        read.country,
        platform_numbers.customer_id,
        platform_numbers.partner_id,
        platform_numbers.reseller_id,
        platform_numbers.local_time_zone,
        platform_numbers.valid_from,
        platform_numbers.valid_to,
        1 as specificity
    from {{ read_numbers('written_somewhere', ref('dialled_prefixes'), ref('short_numbers'), ref('dialling_plans')) }} as read
    inner join {{ ref('int_platform_numbers') }} as platform_numbers on read.e164 = platform_numbers.e164
    inner join (select distinct partner_id, home_country from {{ ref('stg_landing__partner_periods') }}) as partners
        on platform_numbers.partner_id = partners.partner_id and read.country = partners.home_country
)

-- two partners of different countries who can mean the same digits: nobody pays before somebody says whose they are
select
    payer_number,
    case when contenders = 1 then customer_id end as customer_id,
    case when contenders = 1 then partner_id end as partner_id,
    case when contenders = 1 then reseller_id end as reseller_id,
    case when contenders = 1 then local_time_zone else '{{ var("default_time_zone") }}' end as local_time_zone,
    cast(valid_from as date) as valid_from,
    cast(valid_to as date) as valid_to
from {{ valid_periods('claims', ['payer_number'], ['customer_id', 'partner_id', 'reseller_id', 'local_time_zone'], ['country']) }} as periods
