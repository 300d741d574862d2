-- depends_on: {{ ref('stg_landing__partners') }}
-- A rebuild reads all files at once: what was there when something became final was known then.
select
    payments.invoice_number,
    {{ invoice_key('payments.invoice_number') }} as invoice_key,
    payments.paid_on,
    payments.amount_eur,
    payments.partner_id,
    payments.reference,
    payments.file_id,
    payments.line,
    files.file,
    case
        when {{ utc_moment('freezes.made_at') }} < files.ingested_at then {{ utc_moment('freezes.made_at') }}
        else files.ingested_at
    end as known_at
from {{ landed_rows('payments') }} as payments
left join {{ source('raw', 'files') }} as files on payments.file_id = files.file_id
left join (select sha256, min(freeze_id) as freeze_id from {{ source('raw', 'frozen_files') }} group by sha256) as frozen_files
    on files.sha256 = frozen_files.sha256
left join {{ source('raw', 'freezes') }} as freezes on frozen_files.freeze_id = freezes.freeze_id
where payments.disposition = 'kept'
