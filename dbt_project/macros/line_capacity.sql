{#
    How many calls fit on a line (DOMAIN 7). Arguments are SQL expressions: bytes, milliseconds and ip_version whole numbers, the rest decimals.
    Also rendered outside dbt (orchestration.rules.capacity), so that a page and the command line show the arithmetic of these very formulas.
#}

{% macro rtp_header_bytes() -%} 12 {%- endmacro %}
{% macro udp_header_bytes() -%} 8 {%- endmacro %}
{% macro ip_header_bytes(ip_version) -%} case {{ ip_version }} when 4 then 20 when 6 then 40 end {%- endmacro %}

{# One packet of speech as it goes to the line: what the codec makes, its headers, and what layer 2 adds. #}
{% macro pvc_packet_bytes(payload_bytes, ip_version, srtp_tag_bytes, overhead_bytes) -%}
    ({{ payload_bytes }} + {{ rtp_header_bytes() }} + {{ udp_header_bytes() }} + {{ ip_header_bytes(ip_version) }} + {{ srtp_tag_bytes }} + {{ overhead_bytes }})
{%- endmacro %}

{# The same packet on the wire. `cells`: atm = cells of 53 bytes that carry 48, ptm = a byte more per 64 begun, ethernet = a minimum frame. #}
{% macro pvc_wire_bytes(packet_bytes, cells, minimum_frame_bytes) -%}
    case {{ cells }}
        when 'atm' then {{ whole_quotient(packet_bytes ~ ' + 47', 48) }} * 53
        when 'ptm' then {{ packet_bytes }} + {{ whole_quotient(packet_bytes ~ ' + 63', 64) }}
        when 'ethernet' then greatest({{ packet_bytes }}, {{ minimum_frame_bytes }})
    end
{%- endmacro %}

{# kbit/s = bytes * 8 / ms. For people: 30 ms gives thirds, so it is rounded, half up, to three decimals; nothing is computed from it. #}
{% macro pvc_kbps_per_call(wire_bytes, packet_ms) -%}
    cast(
        cast({{ whole_quotient('2 * 8000 * ' ~ wire_bytes ~ ' + ' ~ packet_ms, '2 * ' ~ packet_ms) }} as decimal(14, 0)) * cast(0.001 as decimal(3, 3))
        as decimal(18, 3)
    )
{%- endmacro %}

{# What the line guarantees: the voice PVC's own kbit/s where there is one, else the slower direction's share after contention. #}
{% macro pvc_guaranteed_kbps(down_kbps, up_kbps, share_percent, voice_kbps) -%}
    coalesce(
        cast({{ voice_kbps }} as decimal(18, 4)),
        cast(least({{ down_kbps }}, {{ up_kbps }}) * {{ share_percent }} * cast(0.01 as decimal(2, 2)) as decimal(18, 4))
    )
{%- endmacro %}

{#
    floor(guaranteed * (1 - reserve) / kbit/s of one call), multiplied out so that no quotient is rounded before the floor. Whole numbers:
    kbit/s and the reserve in ten-thousandths, hence 10,000 * 10,000 * 8 bits below the line.
#}
{% macro pvc_concurrent_calls(guaranteed_kbps, reserve, wire_bytes, packet_ms) -%}
    cast({{ whole_quotient(
        wide(guaranteed_kbps ~ ' * 10000') ~ ' * (10000 - cast(' ~ reserve ~ ' * 10000 as bigint)) * ' ~ packet_ms,
        wide(wire_bytes) ~ ' * 800000000'
    ) }} as bigint)
{%- endmacro %}
