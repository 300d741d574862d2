{#-
    Which line of the invoice a cell stands on: of the lines of its deck, month and account the one with the longest prefix, else the one of its destination, else that
    of the whole deck. So every call is compared once, on whatever levels the wholesaler bills.
-#}
{%- set same_scope -%}
    cells.partner_id = lines.partner_id and cells.month = lines.month and cells.deck_id = lines.deck_id and coalesce(cells.account, '') = coalesce(lines.account, '')
{%- endset %}
{%- set terms = ['partner_id', 'month', 'deck_id', 'account', 'deck_prefix', 'destination'] %}
with lines as (
    select * from {{ ref('stg_landing__purchase_invoices') }} where deck_id is not null
),

prefixes_of_cells as (
    select *, {{ series('1', 'length(deck_prefix)') }} as prefix_length
    from {{ ref('int_purchase_cells') }}
    where deck_prefix is not null
),

candidates as (
    select {% for term in terms %}cells.{{ term }}, {% endfor %}lines.file_id, lines.line, cells.prefix_length as specificity
    from prefixes_of_cells as cells
    inner join lines on {{ same_scope }} and left(cells.deck_prefix, cells.prefix_length) = lines.prefix
    union all
    select {% for term in terms %}cells.{{ term }}, {% endfor %}lines.file_id, lines.line, 0 as specificity
    from {{ ref('int_purchase_cells') }} as cells
    inner join lines on {{ same_scope }} and lines.prefix is null and lower(cells.destination) = lower(lines.destination)
    union all
    select {% for term in terms %}cells.{{ term }}, {% endfor %}lines.file_id, lines.line, -1 as specificity
    from {{ ref('int_purchase_cells') }} as cells
    inner join lines on {{ same_scope }} and lines.prefix is null and lines.destination is null
),

chosen as (
    select *, row_number() over (partition by {{ terms | join(', ') }} order by specificity desc) as place
    from candidates
)

select cells.*, chosen.file_id, chosen.line
from {{ ref('int_purchase_cells') }} as cells
left join chosen
    on chosen.place = 1
    {%- for term in terms %}
    and coalesce(cells.{{ term }}, '') = coalesce(chosen.{{ term }}, '')
    {%- endfor %}
