-- A row of a customer counts from its own first day on, and until the next one; valid_to says when the customer leaves the partner.
with dated as (
    select *, coalesce(valid_from, {{ start_of_time() }}) as begins_on
    from {{ ref('stg_landing__customers') }}
),

periods as (
    select
        customer_id,
        partner_id,
        reseller_id,
        customer_group,
        coalesce(vat_category, 'standard') as vat_category,
        coalesce(billing_exempt, false) as billing_exempt,
        begins_on as valid_from,
        least(
            coalesce(valid_to, {{ end_of_time() }}),
            coalesce(lead(begins_on) over (partition by customer_id order by begins_on, file_id, line), {{ end_of_time() }})
        ) as valid_to,
        file_id,
        line
    from dated
)

select * from periods where valid_from < valid_to
