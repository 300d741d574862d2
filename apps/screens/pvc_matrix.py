"""Internet PVC matrix: how many calls fit on a line, with the arithmetic; the customers' lines with the peaks that they really had; and the
matrix of all profiles."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import partial

import pandas as pd
import streamlit as st

from apps import address, charts, queries
from apps.language import DASH, number, percent, text, verbatim
from apps.queries import AccessProfile
from apps.view import View, handed_over
from orchestration.rules.capacity import (
    SRTP_TAGS,
    PvcAnswer,
    PvcRequest,
    codecs,
    describe,
    framings,
    guaranteed_kbps,
    line_capacity,
)

OWN_LINE = AccessProfile("own", "", "", 20480, 1024, "1:1", "pppoa-vc", None, is_illustrative=False)
"""What the fields say at first for a line that is no profile."""
LINES_SHOWN = 12
LIMITS = {"line": "limit_line", "trunk_channels": "limit_channels", "license": "limit_license"}
"""What limits a line, and the word for it."""
PEAK_DAYS, HOUR_PROFILE_MONTHS = 90, 13  # as dbt_project.yml has them
FASTEST_KBPS = 100_000_000  # 100 Gbit/s; faster lines are not sold to a customer


@dataclass(frozen=True)
class Line:
    """The line that was typed; ``guaranteed_kbps`` follows from the rest."""

    down_kbps: int
    up_kbps: int
    voice_kbps: int | None
    contention: str
    share_percent: Decimal
    framing: str

    @property
    def guaranteed_kbps(self) -> Decimal:
        return guaranteed_kbps(self.down_kbps, self.up_kbps, self.share_percent, self.voice_kbps)


def show(view: View) -> None:
    say = partial(text, view.language)
    st.title(say("pvc_matrix"))
    st.caption(say("pvc_intro"))
    left, right = st.container(key="stacks-line").columns([5, 7])
    with left.container(border=True, height="stretch"):
        line = ask_line(view)
        request = ask_speech(view, line) if line else None
    if line and request:
        with right.container(border=True, height="stretch"):
            show_answer(view, line, line_capacity(request))
    show_customer_lines(view)
    show_matrix(view)


def ask_line(view: View) -> Line | None:
    """The line: a profile fills in the fields, and every field can be changed after that."""
    say = partial(text, view.language)
    profiles = {profile.access_profile: profile for profile in (*queries.access_profiles(view.snapshot, view.language), OWN_LINE)}
    shares = queries.contention_shares(view.snapshot)

    def name(chosen: str) -> str:
        profile = profiles[chosen]
        if profile is OWN_LINE:
            return say("own_line")
        return say("example", name=profile.name) if profile.is_illustrative else profile.name

    address.prepare("profile", profiles, next(iter(profiles)))
    chosen = st.selectbox(say("access_profile"), profiles, format_func=name, key="profile", placeholder=say("choose"))
    if chosen is None:
        st.error(say("unknown_choice", asked=verbatim(address.wanted("profile"))))
        return None
    address.keep("profile", chosen)
    profile = profiles[chosen]
    down, up, voice = st.columns(3)
    down_kbps = down.number_input(say("down_kbps"), 1, FASTEST_KBPS, profile.down_kbps, 64, key=f"down {chosen}")
    up_kbps = up.number_input(say("up_kbps"), 1, FASTEST_KBPS, profile.up_kbps, 64, key=f"up {chosen}")
    voice_kbps = voice.number_input(
        say("voice_kbps"), 0, FASTEST_KBPS, profile.voice_kbps, 64, key=f"voice {chosen}", placeholder=say("none"),
        help=say("voice_kbps_help"),
    )  # fmt: skip
    contention = st.segmented_control(
        say("contention"), list(shares), default=profile.contention, required=True, key=f"contention {chosen}",
        disabled=voice_kbps is not None,
    )  # fmt: skip
    names = {framing.framing: framing.name_nl if view.language == "nl" else framing.name_en for framing in framings()}
    framing = st.selectbox(say("framing"), names, index=list(names).index(profile.framing), format_func=names.get, key=f"framing {chosen}")
    return Line(down_kbps, up_kbps, voice_kbps, contention, shares[contention], framing)


def ask_speech(view: View, line: Line) -> PvcRequest:
    """How the calls are coded and wrapped, and how much of the line stays free."""
    say = partial(text, view.language)
    left, right = st.columns(2)
    names = list(dict.fromkeys(codec.codec for codec in codecs()))
    if not address.prepare("codec", names, names[0]):
        st.session_state["codec"] = names[0]
    codec = left.selectbox(say("codec"), names, key="codec")
    address.keep("codec", codec)
    times = [known.packet_ms for known in codecs() if known.codec == codec]
    with right:
        packet_ms = st.segmented_control(
            say("packet_ms"), times, default=20 if 20 in times else times[0], required=True, key=f"packet_ms {codec}"
        )
    left, right = st.columns(2)
    with left:
        srtp_tag = st.segmented_control(say("srtp_tag"), SRTP_TAGS, default=0, required=True, key="srtp_tag", help=say("srtp_tag_help"))
    with right:
        ip_version = st.segmented_control(
            say("ip_version"),
            (4, 6),
            default=4,
            required=True,
            key="ip_version",
            format_func=lambda version: f"IPv{version}",
        )
    reserve_percent = st.slider(say("reserve"), 0, 50, 0, 5, key="reserve", help=say("reserve_help"))
    return PvcRequest(
        codec=codec,
        packet_ms=packet_ms,
        framing=line.framing,
        srtp_tag_bytes=srtp_tag,
        ip_version=ip_version,
        guaranteed_kbps=line.guaranteed_kbps,
        reserve=Decimal(reserve_percent) / 100,
    )


def show_answer(view: View, line: Line, answer: PvcAnswer) -> None:
    say, count = partial(text, view.language), partial(number, view.language)
    calls = answer.concurrent_calls
    words = say("simultaneous_call" if calls == 1 else "simultaneous_calls")
    per_call = say("per_call_of", kbps=plain(view, answer.kbps_per_call), guaranteed=plain(view, line.guaranteed_kbps))
    st.html(
        f'<div class="answer"><span class="count">{count(calls)}</span>'
        f'<span class="words">{words}<br><small>{per_call}</small></span></div>'
    )
    if line.voice_kbps is not None:
        st.caption(say("guaranteed_by_voice", voice=count(line.voice_kbps)))
    else:
        share = percent(view.language, line.share_percent, 0)
        down, up = count(line.down_kbps), count(line.up_kbps)
        st.caption(say("guaranteed_by_share", down=down, up=up, share=share, contention=verbatim(line.contention)))
    steps = pd.DataFrame(describe(answer, view.language), columns=[say("step"), say("how"), say("result")])
    st.markdown(f"**{say('arithmetic')}**")
    st.table(steps.map(verbatim), border="horizontal", hide_index=True)


def plain(view: View, kbps: Decimal) -> str:
    """kbit/s with as many decimals as it has."""
    return number(view.language, kbps, max(0, -kbps.normalize().as_tuple().exponent))


def show_customer_lines(view: View) -> None:
    """The lines of the partner's customers, tightest first, and the week of one customer."""
    say = partial(text, view.language)
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.subheader(say("customer_lines"), width="content")
            known = queries.line_codecs(view.snapshot)
            if not known:
                st.caption(say("no_lines"))
                return
            with st.container(horizontal=True, width="content", vertical_alignment="center"):
                shape = st.segmented_control(
                    say("customer_lines"), ("picture", "table"), default="picture", format_func=say, required=True, key="lines_shape",
                    label_visibility="collapsed",
                )  # fmt: skip
                codec = st.selectbox(say("codec"), known, key="lines_codec", label_visibility="collapsed", width=140)
        st.caption(say("customer_lines_hint", days=PEAK_DAYS))
        lines = queries.customer_lines(view.snapshot, view.language, codec)
        computed = lines[lines.limit_calls.notna()]
        if shape == "table":
            show_lines_table(view, lines)
        elif len(computed):
            show_lines_chart(view, computed.head(LINES_SHOWN))
        show_line_notices(view, lines)
        show_week(view, lines)


def line_names(lines: pd.DataFrame) -> list[str]:
    """The customer's name, and the line's where he has more than one."""
    return [
        customer if count == 1 else f"{customer}: {line}"
        for customer, line, count in zip(lines.customer, lines.line_id, lines.customer_lines, strict=True)
    ]


def show_lines_chart(view: View, lines: pd.DataFrame) -> None:
    limits = [text(view.language, LIMITS[bottleneck]) for bottleneck in lines.bottleneck]
    with st.container(key="phone-scrolls-lines"):
        st.plotly_chart(
            charts.lines_and_peaks(lines, line_names(lines), limits, view.language),
            key="lines", theme=None, config=charts.CONFIG, alt=text(view.language, "customer_lines"),
        )  # fmt: skip


def show_line_notices(view: View, lines: pd.DataFrame) -> None:
    """How many lines are too small, and what a partner must know before he believes the rest."""
    say, count = partial(text, view.language), partial(number, view.language)
    exceeded = int((lines.headroom_calls < 0).sum())
    notices = [say("lines_exceeded" if exceeded else "lines_not_exceeded", count=count(exceeded), lines=count(len(lines)))]
    for key, is_concerned in (
        ("lines_unknown", lines.limit_calls.isna()),
        ("lines_assumed", lines.line_reason == "assumed_framing"),
    ):
        if is_concerned.any():
            concerned = lines[is_concerned]
            names = (f"{name} ({profile})" for name, profile in zip(line_names(concerned), concerned.profile, strict=True))
            notices.append(say(key, lines=verbatim(", ".join(names))))
    if (lines.customer_lines > 1).any():
        notices.append(say("customer_lines_split"))
    if (lines.limit_calls.notna()).sum() > LINES_SHOWN:
        notices.append(say("tightest_only", count=count(LINES_SHOWN)))
    st.caption(" ".join(notices))


def show_lines_table(view: View, lines: pd.DataFrame) -> None:
    say, count = partial(text, view.language), partial(whole, view)
    table = pd.DataFrame(
        {
            say("customer"): lines.customer,
            say("line"): lines.line_id,
            say("peak"): lines.peak_calls,
            say("headroom"): lines.headroom_calls,
            say("limited_by"): [say(LIMITS[bottleneck]) if bottleneck in LIMITS else "" for bottleneck in lines.bottleneck],
            say("fits_on_line"): lines.concurrent_calls,
            say("channels"): lines.channels,
            say("license"): lines.license_calls,
            say("guaranteed_kbps"): [None if pd.isna(kbps) else float(kbps) for kbps in lines.guaranteed_kbps],
            say("access_profile"): lines.profile,
        }
    )
    counts = [say(key) for key in ("guaranteed_kbps", "fits_on_line", "channels", "license", "peak", "headroom")]
    styled = table.style.format(count, subset=counts)
    styled = styled.map(lambda spare: f"color: {charts.LOSS}; font-weight: 600" if spare < 0 else "", subset=[say("headroom")])
    st.dataframe(styled, hide_index=True, height=420, placeholder=DASH)


def whole(view: View, value: float | None) -> str:
    """A count or a speed for people; a dash where there is none."""
    return number(view.language, None if pd.isna(value) else value)


def show_week(view: View, lines: pd.DataFrame) -> None:
    """One customer's hours of the week and peaks of the period; the tightest one unless chosen."""
    say = partial(text, view.language)
    tightest = lines.drop_duplicates("customer_id").set_index("customer_id")
    left, right = st.container(key="stacks-week").columns([7, 5])
    with left:
        customer_id = st.selectbox(
            say("customer"), list(tightest.index), format_func=lambda chosen: tightest.customer[chosen], key="lines_customer"
        )
        chosen = tightest.loc[customer_id]
        st.markdown(f"**{say('week_of', customer=verbatim(chosen.customer))}**")
        peaks = queries.peaks_by_hour(view.snapshot, customer_id)
        st.plotly_chart(
            charts.week(peaks, view.language), key="week", theme=None, config=charts.CONFIG, alt=say("week_of", customer=chosen.customer)
        )
        st.caption(say("week_hint", months=HOUR_PROFILE_MONTHS))
    with right:
        st.markdown(f"**{say('peaks_per_day')}**")
        days = queries.peaks_by_day(view.snapshot, customer_id, view.call_days)
        limit = None if pd.isna(chosen.limit_calls) else int(chosen.limit_calls)
        st.plotly_chart(
            charts.peaks_against_limit(days, limit, view.language), key="peaks", theme=None, config=charts.CONFIG, alt=say("peaks_per_day")
        )


def show_matrix(view: View) -> None:
    say = partial(text, view.language)
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.subheader(say("full_matrix"), width="content")
            with st.container(horizontal=True, width="content", vertical_alignment="center"):
                shape = st.segmented_control(
                    say("full_matrix"), ("heat_map", "table"), default="heat_map", format_func=say, required=True,
                    key="matrix_shape", label_visibility="collapsed",
                )  # fmt: skip
                ip_version = st.segmented_control(
                    say("ip_version"), (4, 6), default=4, format_func=lambda version: f"IPv{version}", required=True,
                    key="matrix_ip_version", label_visibility="collapsed",
                )  # fmt: skip
                srtp = st.toggle("SRTP", key="matrix_srtp")
        st.caption(say("full_matrix_hint"))
        matrix = queries.pvc_matrix(view.snapshot, view.language, ip_version, srtp)
        if shape == "heat_map":
            show_heat_map(view, matrix)
        else:
            show_matrix_table(view, matrix)
        if matrix.is_illustrative.any():
            st.caption(f":material/info: {say('illustrative')}")


def show_heat_map(view: View, matrix: pd.DataFrame) -> None:
    packets = [f"{codec.codec} {codec.packet_ms} ms" for codec in codecs()]
    packet = matrix.codec + " " + matrix.packet_ms.astype(str) + " ms"
    wide = matrix.assign(packet=packet).pivot(index="access_profile", columns="packet", values="concurrent_calls")
    slowest_first = matrix.drop_duplicates("access_profile")
    wide = wide.loc[slowest_first.access_profile, packets]
    st.container(key="scrolls-matrix").plotly_chart(
        charts.capacity(list(slowest_first.access_profile_name), packets, wide.to_numpy().tolist(), view.language),
        key="heat map", theme=None, config=charts.CONFIG, alt=text(view.language, "full_matrix"),
    )  # fmt: skip


def show_matrix_table(view: View, matrix: pd.DataFrame) -> None:
    say = partial(text, view.language)
    table = pd.DataFrame(
        {
            say("access_profile"): matrix.access_profile_name,
            say("technology"): matrix.technology,
            say("contention"): matrix.contention,
            say("framing"): matrix.framing,
            say("codec"): matrix.codec,
            say("packet_ms"): matrix.packet_ms,
            say("kbps_per_call"): matrix.kbps_per_call.astype(float),
            say("guaranteed_kbps"): matrix.guaranteed_kbps.astype(float),
            say("concurrent_calls"): matrix.concurrent_calls,
        }
    )
    styled = table.style.format(partial(number, view.language, decimals=1), subset=[say("kbps_per_call"), say("guaranteed_kbps")])
    styled = styled.format(partial(number, view.language), subset=[say("concurrent_calls")])
    st.dataframe(styled, hide_index=True, height=560)


show(handed_over())
