-- the lines that a customer of the partner has on the last day of data: who has left it has none there
with lines as (
    select
        lines.*,
        horizon.last_date
    from {{ ref('stg_landing__internet_lines') }} as lines
    cross join {{ ref('int_billing_horizon') }} as horizon
    inner join {{ ref('stg_landing__customer_periods') }} as customers
        on lines.partner_id = customers.partner_id and lines.customer_id = customers.customer_id and {{ holds_on('customers', 'horizon.last_date') }}
    where
        coalesce(lines.valid_from, {{ start_of_time() }}) <= horizon.last_date
        and horizon.last_date < coalesce(lines.valid_to, {{ end_of_time() }})
),

-- the line's own kbit/s go before those of its profile
lines_with_profile as (
    select
        lines.partner_id,
        lines.customer_id,
        lines.line_id,
        lines.access_profile,
        lines.last_date,
        profiles.access_profile is not null as is_known_profile,
        coalesce(lines.down_kbps, profiles.down_kbps) as down_kbps,
        coalesce(lines.up_kbps, profiles.up_kbps) as up_kbps,
        coalesce(lines.voice_kbps, profiles.voice_kbps) as voice_kbps,
        coalesce(profiles.contention, '{{ var("line_contention") }}') as contention,
        coalesce(profiles.framing, '{{ var("line_framing") }}') as framing
    from lines
    left join {{ ref('access_profiles') }} as profiles on lines.access_profile = profiles.access_profile
),

-- one direction says nothing of the other
lines_with_speed as (
    select
        lines.*,
        case
            when lines.voice_kbps is not null or (lines.down_kbps is not null and lines.up_kbps is not null)
                then {{ pvc_guaranteed_kbps('lines.down_kbps', 'lines.up_kbps', 'shares.share_percent', 'lines.voice_kbps') }}
        end as guaranteed_kbps
    from lines_with_profile as lines
    inner join {{ ref('contention_shares') }} as shares on lines.contention = shares.contention
),

packets as (
    select
        lines.*,
        codecs.codec,
        codecs.packet_ms,
        framings.cells,
        framings.minimum_frame_bytes,
        {{ pvc_packet_bytes('codecs.payload_bytes', var('line_ip_version'), var('line_srtp_tag_bytes'), 'framings.overhead_bytes') }} as packet_bytes
    from lines_with_speed as lines
    inner join {{ ref('layer2_framings') }} as framings on lines.framing = framings.framing
    inner join {{ ref('codecs') }} as codecs on codecs.packet_ms = {{ var('line_packet_ms') }}
),

packets_on_the_wire as (
    select *, {{ pvc_wire_bytes('packet_bytes', 'cells', 'minimum_frame_bytes') }} as wire_bytes_per_packet
    from packets
),

lines_with_calls as (
    select *, {{ pvc_concurrent_calls('guaranteed_kbps', '0', 'wire_bytes_per_packet', 'packet_ms') }} as concurrent_calls
    from packets_on_the_wire
),

-- one trunk that says nothing is enough to have no limit
channels as (
    select channels.partner_id, channels.customer_id, channels.channels
    from {{ ref('int_customer_channels') }} as channels
    cross join {{ ref('int_billing_horizon') }} as horizon
    where horizon.last_date >= channels.valid_from and horizon.last_date < channels.valid_to
),

recent_peaks as (
    select peaks.partner_id, peaks.customer_id, max(peaks.peak_calls) as peak_calls
    from {{ ref('concurrency') }} as peaks
    cross join {{ ref('int_billing_horizon') }} as horizon
    where peaks.call_date > {{ add_days('horizon.last_date', '-' ~ var('peak_days')) }} and peaks.call_date <= horizon.last_date
    group by peaks.partner_id, peaks.customer_id
),

lines_with_limits as (
    select
        lines.*,
        channels.channels,
        licenses.license_calls,
        coalesce(peaks.peak_calls, 0) as peak_calls,
        count(*) over (partition by lines.partner_id, lines.customer_id, lines.codec) as customer_lines,
        least(
            lines.concurrent_calls,
            coalesce(channels.channels, lines.concurrent_calls),
            coalesce(licenses.license_calls, lines.concurrent_calls)
        ) as smallest_limit
    from lines_with_calls as lines
    left join channels on lines.partner_id = channels.partner_id and lines.customer_id = channels.customer_id
    left join {{ ref('int_license_calls') }} as licenses on lines.partner_id = licenses.partner_id and lines.customer_id = licenses.customer_id
    left join recent_peaks as peaks on lines.partner_id = peaks.partner_id and lines.customer_id = peaks.customer_id
),

-- where nothing is known of the line, the smallest limit is not known
lines_with_known_limits as (
    select *, case when concurrent_calls is not null then smallest_limit end as limit_calls
    from lines_with_limits
)

select
    partner_id,
    customer_id,
    line_id,
    access_profile,
    codec,
    cast(packet_ms as integer) as packet_ms,
    cast({{ var('line_ip_version') }} as integer) as ip_version,
    {{ var('line_srtp_tag_bytes') }} > 0 as srtp,
    framing,
    contention,
    cast(down_kbps as bigint) as down_kbps,
    cast(up_kbps as bigint) as up_kbps,
    cast(voice_kbps as bigint) as voice_kbps,
    guaranteed_kbps,
    {{ pvc_kbps_per_call('wire_bytes_per_packet', 'packet_ms') }} as kbps_per_call,
    cast(concurrent_calls as bigint) as concurrent_calls,
    cast(channels as bigint) as channels,
    cast(license_calls as bigint) as license_calls,
    cast(limit_calls as bigint) as limit_calls,
    case limit_calls
        when concurrent_calls then 'line'
        when channels then 'trunk_channels'
        when license_calls then 'license'
    end as bottleneck,
    cast(peak_calls as bigint) as peak_calls,
    cast(limit_calls - peak_calls as bigint) as headroom_calls,
    cast(customer_lines as integer) as customer_lines,
    case
        when concurrent_calls is null and is_known_profile then 'no_speed'
        when concurrent_calls is null then 'unknown_access_profile'
        when not is_known_profile then 'assumed_framing'
    end as line_reason
from lines_with_known_limits
