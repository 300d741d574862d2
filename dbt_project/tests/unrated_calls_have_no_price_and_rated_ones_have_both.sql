-- Fails if a call that waits for a price is sold for nothing, or if one that was rated lacks a price: revenue would be lost in silence.
select call_key, status, status_reason, purchase_eur, sale_eur, billed_s
from {{ ref('calls') }}
where
    case status
        when 'unrated' then purchase_eur is not null or sale_eur is not null or billed_s is not null or status_reason is null
        when 'rated' then purchase_eur is null or sale_eur is null or billed_s is null or billed_s < duration_s
        when 'unanswered' then purchase_eur is distinct from 0 or sale_eur is distinct from 0 or status_reason is null
        when 'exempt' then purchase_eur is distinct from 0 or sale_eur is distinct from 0 or status_reason is null
        else true
    end
