-- What landed and can never match anything: it is no fault of the row, so nothing refuses it, and nobody would ever hear of it.
with borne_accounts as (
    select distinct account from {{ ref('int_call_records') }} where account is not null
),

calling_codes as (
    select distinct left(prefix, length(calling_code)) as code
    from {{ ref('number_prefixes') }} as prefixes
    inner join {{ ref('countries') }} as countries on starts_with(prefixes.prefix, countries.calling_code)
    where countries.calling_code is not null
    union
    select prefix as code from {{ ref('number_prefixes') }}
),

own_numbers as (
    select
        numbers.file_id,
        numbers.line,
        landed.partner_id,
        partners.home_country as country,
        numbers.first_number as written
    from {{ ref('stg_landing__numbers') }} as numbers
    inner join {{ ref('int_landed_rows') }} as landed on numbers.file_id = landed.file_id and numbers.line = landed.line
    inner join {{ ref('int_partners') }} as partners on landed.partner_id = partners.partner_id
),

read_numbers as (
    select file_id, line, partner_id, written, e164
    from {{ read_numbers('own_numbers', ref('dialled_prefixes'), ref('short_numbers'), ref('dialling_plans'), keep=['file_id', 'line', 'partner_id']) }}
),

-- the newest reading of a PBX says that it has users, and no order of the partner who has the customer bears it any more
newest_readings as (
    select
        customers.partner_id,
        counts.pbx_id,
        counts.customer_id,
        cast(counts.read_at as date) as read_on,
        counts.extensions,
        counts.file_id,
        counts.line,
        row_number() over (
            partition by customers.partner_id, counts.pbx_id, counts.customer_id order by counts.read_at desc, counts.file_id desc, counts.line desc
        ) as place
    from {{ ref('stg_landing__extension_counts') }} as counts
    inner join {{ ref('stg_landing__customer_periods') }} as customers
        on counts.customer_id = customers.customer_id and {{ holds_on('customers', 'cast(counts.read_at as date)') }}
),

lonely as (
    select
        landed.partner_id,
        'accounts' as feed,
        accounts.file_id,
        accounts.line,
        accounts.account as value,
        'no_record_bears_it' as reason,
        'no call record bears this account: write it as the exchange does, or take it out' as fix
    from {{ ref('stg_landing__accounts') }} as accounts
    inner join {{ ref('int_landed_rows') }} as landed on accounts.file_id = landed.file_id and accounts.line = landed.line
    where accounts.account not in (select account from borne_accounts)

    union all

    select
        rates.partner_id,
        'call_plan_rates' as feed,
        rates.file_id,
        rates.line,
        rates.country as value,
        'country_without_prefix' as reason,
        'no number leads to this country: its numbers are read as those of the country whose calling code it shares' as fix
    from {{ ref('stg_landing__call_plan_rates') }} as rates
    where
        rates.country <> '*'
        and rates.country not in (
            select country from {{ ref('number_prefixes') }}
            union
            -- or on any day by a deck
            select country from {{ ref('int_deck_prices') }} where country is not null
        )

    union all

    select
        partners.partner_id,
        'purchase_rates' as feed,
        rates.file_id,
        rates.line,
        rates.prefix as value,
        'prefix_outside_any_plan' as reason,
        'no number of the world begins so: write the prefix with its country code' as fix
    from {{ ref('stg_landing__purchase_rates') }} as rates
    left join (select distinct partner_id, deck_id from {{ ref('stg_landing__partner_periods') }}) as partners on rates.deck_id = partners.deck_id
    inner join {{ ref('int_deck_prefixes') }} as prefixes on rates.deck_id = prefixes.deck_id and rates.prefix = prefixes.prefix
    where
        prefixes.country is null
        and rates.prefix not in (select left(prefix, lengths.digits) from {{ ref('number_prefixes') }} cross join (select 1 as digits union all select 2 as digits) as lengths)

    union all

    select
        partner_id,
        'numbers' as feed,
        file_id,
        line,
        written as value,
        'number_outside_any_plan' as reason,
        'no number of the world is written so in the country of its partner: write it with + and its country code' as fix
    from read_numbers
    where e164 is null or not exists (select 1 from calling_codes where starts_with(read_numbers.e164, calling_codes.code))

    union all

    select
        readings.partner_id,
        'extension_counts' as feed,
        readings.file_id,
        readings.line,
        readings.pbx_id as value,
        'reading_without_order' as reason,
        'nobody bills these seats: land the delivered order line of this customer and partner that bears the PBX' as fix
    from newest_readings as readings
    where
        readings.place = 1
        and readings.extensions > 0
        and not exists (
            select 1
            from {{ ref('int_order_lines') }} as lines
            where {{ same_key('lines', 'readings', ['partner_id', 'pbx_id', 'customer_id']) }} and lines.delivered_on is not null and lines.ends_on > readings.read_on
        )
)

select lonely.partner_id, lonely.feed, files.file, lonely.line, lonely.value, lonely.reason, lonely.fix
from lonely
inner join {{ source('raw', 'files') }} as files on lonely.file_id = files.file_id
