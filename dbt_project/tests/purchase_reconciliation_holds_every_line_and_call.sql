-- Fails if the reconciliation leaves out a line of the wholesaler or a call that was bought, or counts one twice, or if the parts of a difference are not the
-- difference: finance would claim too little or too much, and nobody could find what is missing.
with invoices as (
    select
        partner_id, month, coalesce(deck_id, '') as deck_id,
        -- a total has the other lines of its deck and account in it
        sum(case when is_total or not has_total then amount_eur else 0 end) as invoiced_eur
    from (
        select
            *,
            deck_id is not null and prefix is null and destination is null as is_total,
            max(case when deck_id is not null and prefix is null and destination is null then 1 else 0 end)
                over (partition by partner_id, month, deck_id, account) = 1 as has_total
        from {{ ref('stg_landing__purchase_invoices') }}
    )
    group by partner_id, month, coalesce(deck_id, '')
),

bought_calls as (
    select days.partner_id, {{ month_of('days.call_date') }} as month, days.deck_id, sum(days.purchase_eur) as purchase_eur, sum(days.calls) as calls
    from {{ ref('int_purchased_days') }} as days
    group by days.partner_id, {{ month_of('days.call_date') }}, days.deck_id
),

bought as (
    select partner_id, month, deck_id, purchase_eur, calls from bought_calls
    union all
    select partner_id, month, '' as deck_id, coalesce(sum(purchase_eur), 0) as purchase_eur, cast(null as bigint) as calls
    from {{ ref('service_charges') }}
    group by partner_id, month
),

reconciled as (
    select
        partner_id, month, coalesce(deck_id, '') as deck_id, coalesce(sum(invoiced_eur), 0) as invoiced_eur, sum(purchase_eur) as purchase_eur, sum(calls) as calls,
        sum(
            case when difference_eur <> count_part_eur + seconds_part_eur + rate_part_eur or difference_eur <> coalesce(invoiced_eur, 0) - purchase_eur then 1 else 0 end
        ) as wrong_rows
    from {{ ref('purchase_reconciliation') }}
    group by partner_id, month, coalesce(deck_id, '')
),

compared as (
    select partner_id, month, deck_id, invoices.invoiced_eur as one, reconciled.invoiced_eur as other, 'invoiced_eur' as what
    from invoices left join reconciled using (partner_id, month, deck_id)
    union all
    select partner_id, month, deck_id, coalesce(bought.purchase_eur, 0) as one, reconciled.purchase_eur as other, 'purchase_eur' as what
    from reconciled left join bought using (partner_id, month, deck_id)
    union all
    select partner_id, month, deck_id, coalesce(bought.calls, 0) as one, reconciled.calls as other, 'calls' as what
    from reconciled left join bought using (partner_id, month, deck_id)
    where deck_id <> ''
    union all
    select partner_id, month, deck_id, 0 as one, wrong_rows as other, 'rows whose parts are not the difference' as what
    from reconciled
)

select * from compared where one is distinct from other
