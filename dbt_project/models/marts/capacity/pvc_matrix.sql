with packets as (
    select
        access_profiles.*,
        layer2_framings.cells,
        layer2_framings.overhead_bytes,
        layer2_framings.minimum_frame_bytes,
        codecs.codec,
        codecs.packet_ms,
        codecs.payload_bytes,
        ip.ip_version,
        protection.srtp,
        protection.srtp_tag_bytes,
        {{ pvc_packet_bytes('codecs.payload_bytes', 'ip.ip_version', 'protection.srtp_tag_bytes', 'layer2_framings.overhead_bytes') }} as packet_bytes,
        {{ pvc_guaranteed_kbps('access_profiles.down_kbps', 'access_profiles.up_kbps', 'contention_shares.share_percent', 'access_profiles.voice_kbps') }}
            as guaranteed_kbps
    from {{ ref('access_profiles') }} as access_profiles
    inner join {{ ref('contention_shares') }} as contention_shares on access_profiles.contention = contention_shares.contention
    inner join {{ ref('layer2_framings') }} as layer2_framings on access_profiles.framing = layer2_framings.framing
    cross join {{ ref('codecs') }} as codecs
    cross join (select 4 as ip_version union all select 6) as ip
    -- RFC 3711: SRTP adds a tag of 80 bits unless both sides agree on another
    cross join (select false as srtp, 0 as srtp_tag_bytes union all select true, 10) as protection
),

packets_on_the_wire as (
    select *, {{ pvc_wire_bytes('packet_bytes', 'cells', 'minimum_frame_bytes') }} as wire_bytes_per_packet
    from packets
)

select
    access_profile,
    technology,
    codec,
    cast(packet_ms as integer) as packet_ms,
    cast(ip_version as integer) as ip_version,
    srtp,
    cast(srtp_tag_bytes as integer) as srtp_tag_bytes,
    framing,
    cells,
    cast(overhead_bytes as integer) as overhead_bytes,
    cast(payload_bytes as integer) as payload_bytes,
    cast(packet_bytes as integer) as packet_bytes,
    cast(wire_bytes_per_packet as integer) as wire_bytes_per_packet,
    {{ pvc_kbps_per_call('wire_bytes_per_packet', 'packet_ms') }} as kbps_per_call,
    cast(down_kbps as integer) as down_kbps,
    cast(up_kbps as integer) as up_kbps,
    contention,
    cast(voice_kbps as integer) as voice_kbps,
    guaranteed_kbps,
    {{ pvc_concurrent_calls('guaranteed_kbps', '0', 'wire_bytes_per_packet', 'packet_ms') }} as concurrent_calls,
    is_illustrative
from packets_on_the_wire
