{#
    raw.rated_days remembers, per day of the CDRs, up to which landed file and up to which request it has been rated. It is written in the same
    transaction as that day's rated calls, so a run that was killed anywhere rates a day again or finds it done, never half.
#}
{% macro prepare_rated_days() -%}
    create table if not exists raw.rated_days (cdr_date date, through_file_id integer);
    alter table raw.rated_days add column if not exists through_request_id integer;
    {% if flags.FULL_REFRESH %} delete from raw.rated_days; {% endif %}
{%- endmacro %}

{% macro remember_rated_days() -%}
    delete from raw.rated_days where cdr_date in (select cdr_date from {{ ref('int_days_to_rate') }});
    insert into raw.rated_days
    select
        days.cdr_date,
        (select coalesce(max(file_id), 0) from {{ source('raw', 'files') }}) as through_file_id,
        (select coalesce(max(request_id), 0) from {{ source('raw', 'rerate_requests') }}) as through_request_id
    from {{ ref('int_days_to_rate') }} as days;
{%- endmacro %}
