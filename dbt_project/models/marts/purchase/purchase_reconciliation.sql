-- The finding names the largest part of a difference; what a small part is worth stands in its own column.
with judged as (
    select
        differences.*,
        rates.rate_valid_from,
        abs(differences.difference_eur) <= differences.rounding_reach_eur as is_within_rounding,
        coalesce(differences.invoiced_calls, differences.calls) = differences.calls as is_same_count,
        coalesce(differences.invoiced_s, differences.purchase_billed_s) is not distinct from differences.purchase_billed_s as is_same_seconds,
        abs(differences.count_part_eur + differences.seconds_part_eur) as volume_eur,
        differences.calls = 0 and differences.purchase_eur = 0 as is_unknown_here,
        coalesce(differences.invoiced_calls, 0) = 0 and coalesce(differences.invoiced_s, 0) = 0 and differences.invoiced_eur = 0 as is_nothing_there
    from {{ ref('int_purchase_differences') }} as differences
    left join {{ ref('int_purchase_rates') }} as rates on differences.file_id = rates.file_id and differences.line = rates.line
)

select
    judged.partner_id,
    judged.month,
    judged.kind,
    judged.deck_id,
    judged.service_code,
    judged.account,
    judged.level,
    judged.prefix,
    judged.destination,
    case when judged.is_invoiced then judged.invoiced_calls end as invoiced_calls,
    case when judged.is_invoiced then judged.invoiced_s end as invoiced_s,
    case when judged.is_invoiced then judged.invoiced_eur end as invoiced_eur,
    judged.calls,
    judged.purchase_billed_s,
    judged.duration_s,
    judged.purchase_eur,
    judged.difference_eur,
    judged.count_part_eur,
    judged.seconds_part_eur,
    judged.rate_part_eur,
    cast(sum(judged.difference_eur) over (
        partition by
            judged.partner_id, judged.kind, judged.deck_id, judged.service_code, judged.account, judged.level, judged.prefix,
            case when judged.prefix is null then lower(judged.destination) end
        order by judged.month
    ) as decimal(28, 8)) as difference_to_date_eur,
    case
        -- for what costs nothing, nothing was billed
        when judged.is_nothing_there and judged.purchase_eur = 0 then 'agrees'
        when judged.is_nothing_there then 'not billed'
        when judged.is_unknown_here and coalesce(judged.unrated_calls, 0) > 0 then 'without a price here'
        when judged.is_unknown_here and coalesce(judged.onnet_calls, 0) > 0 then 'on-net here'
        when judged.is_unknown_here then 'not ours'
        when judged.difference_eur = 0 and judged.is_same_count and judged.is_same_seconds then 'agrees'
        when judged.is_within_rounding and judged.is_same_count and judged.is_same_seconds then 'rounding'
        when not judged.is_same_count and judged.volume_eur >= abs(judged.rate_part_eur)
            then case when judged.kind = 'calls' then 'calls' else 'pieces' end || case when judged.invoiced_calls > judged.calls then ' missing here' else ' missing there' end
        when not judged.is_same_seconds and judged.volume_eur >= abs(judged.rate_part_eur) then 'other seconds'
        when judged.rate_valid_from is not null then 'rate of ' || cast(judged.rate_valid_from as varchar)
        else case when judged.kind = 'calls' then 'other rate' else 'other price' end
    end as finding,
    judged.is_within_rounding,
    judged.rate_valid_from,
    judged.unrated_calls,
    judged.onnet_calls,
    judged.unanswered_calls,
    files.file,
    judged.line
from judged
left join {{ source('raw', 'files') }} as files on judged.file_id = files.file_id
