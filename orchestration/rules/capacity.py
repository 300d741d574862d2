"""How many calls fit on a line, with every step of the arithmetic (DOMAIN 7).

The formulas are the macros of ``dbt_project/macros/line_capacity.sql``, the same that build the published ``pvc_matrix``; DuckDB
evaluates them exactly. Codecs and framings are the seeds. Needs no workspace, and nothing slow to import.
"""

from __future__ import annotations

import argparse
import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cache

import duckdb

from orchestration.errors import TiktellerError
from orchestration.warehouse.formulas import formula
from orchestration.workspace import SEEDS_DIR

CELLS = ("atm", "ptm", "ethernet")
SRTP_TAGS = (0, 4, 10, 16)
"""Bytes; 10 is SRTP's default (RFC 3711), 16 that of AES-GCM (RFC 7714)."""

DECIMALS = 4
"""Of guaranteed kbit/s and of the reserve: ``pvc_concurrent_calls`` counts in ten-thousandths."""

HIGHEST_KBPS = Decimal(1_000_000_000)
"""1 Tbit/s: no access line is faster, and the formulas stay far from the end of their whole numbers."""


@dataclass(frozen=True)
class Codec:
    """A codec at one packet time (seed ``codecs``)."""

    codec: str
    packet_ms: int
    payload_bytes: int


@dataclass(frozen=True)
class Framing:
    """How a line carries an IP packet (seed ``layer2_framings``)."""

    framing: str
    cells: str
    overhead_bytes: int
    minimum_frame_bytes: int
    name_en: str
    name_nl: str


@dataclass(frozen=True)
class PvcRequest:
    """One question. Either a framing of the seed by name, or ``layer2_bytes`` and ``cells`` (ethernet when not given).

    ``guaranteed_kbps`` (at most 4 decimals) is what the line guarantees in its slower direction; without it the answer is kbit/s only.
    ``reserve`` is the part of it that calls may not use: 0.1 keeps 10 % free.
    """

    codec: str
    packet_ms: int = 20
    framing: str | None = None
    layer2_bytes: int | None = None
    cells: str | None = None
    srtp_tag_bytes: int = 0
    ip_version: int = 4
    guaranteed_kbps: Decimal | None = None
    reserve: Decimal = Decimal(0)


@dataclass(frozen=True)
class Step:
    """One line of the arithmetic: what, how, and what comes out, in ``unit``."""

    label_en: str
    label_nl: str
    expression: str
    value: int | Decimal
    unit: str = "bytes"


@dataclass(frozen=True)
class PvcAnswer:
    """One call on that line: bytes of one packet, kbit/s (rounded to 3 decimals) and calls (None without a guaranteed speed)."""

    request: PvcRequest
    codec: Codec
    framing: Framing
    packet_bytes: int
    wire_bytes_per_packet: int
    kbps_per_call: Decimal
    concurrent_calls: int | None
    steps: tuple[Step, ...]


def line_capacity(request: PvcRequest) -> PvcAnswer:
    """Answer one question. Raises TiktellerError that names the option, what is allowed and the fix."""
    codec = find_codec(request.codec, request.packet_ms)
    framing = _framing(request)
    _check(request)
    found = _evaluate(request, codec, framing)
    return PvcAnswer(
        request=request,
        codec=codec,
        framing=framing,
        packet_bytes=found["packet_bytes"],
        wire_bytes_per_packet=found["wire_bytes"],
        kbps_per_call=_readable(found["kbps_per_call"]),
        concurrent_calls=found["concurrent_calls"],
        steps=tuple(_steps(request, codec, framing, found)),
    )


def guaranteed_kbps(down_kbps: int, up_kbps: int, share_percent: Decimal, voice_kbps: int | None = None) -> Decimal:
    """What a line guarantees: its voice PVC, else the slower direction's share after contention (``share_percent`` = 25 for 1:4)."""
    voice = "null" if voice_kbps is None else str(int(voice_kbps))
    sql = formula("pvc_guaranteed_kbps", int(down_kbps), int(up_kbps), _literal(share_percent), voice)
    return _readable(_one_row(f"select {sql} as guaranteed_kbps")["guaranteed_kbps"])


@cache
def codecs() -> tuple[Codec, ...]:
    return tuple(Codec(row["codec"], int(row["packet_ms"]), int(row["payload_bytes"])) for row in _seed("codecs"))


@cache
def framings() -> tuple[Framing, ...]:
    return tuple(
        Framing(
            row["framing"],
            row["cells"],
            int(row["overhead_bytes"]),
            int(row["minimum_frame_bytes"]),
            row["name_en"],
            row["name_nl"],
        )
        for row in _seed("layer2_framings")
    )


def find_codec(name: str, packet_ms: int) -> Codec:
    """The codec of that name, written in any case and with or without dots and dashes, at that packet time."""
    named = [codec for codec in codecs() if _plain(codec.codec) == _plain(name)]
    if not named:
        known = ", ".join(dict.fromkeys(codec.codec for codec in codecs()))
        raise TiktellerError(f"--codec {name} is not known", fix=f"one of {known}")
    at_packet_time = [codec for codec in named if codec.packet_ms == packet_ms]
    if not at_packet_time:
        times = ", ".join(str(codec.packet_ms) for codec in named)
        raise TiktellerError(f"--packet-ms {packet_ms} is no packet time of {named[0].codec}", fix=f"one of {times}")
    return at_packet_time[0]


def find_framing(name: str) -> Framing:
    for framing in framings():
        if framing.framing == name.lower():
            return framing
    known = ", ".join(framing.framing for framing in framings())
    raise TiktellerError(f"--framing {name} is not known", fix=f"one of {known}; or --layer2-bytes N --cells {'|'.join(CELLS)}")


# --- questions ------------------------------------------------------------------------------------------------------------------


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``tikteller pvc``."""
    parser.add_argument("--codec", required=True, metavar="C", help="such as G.711, G.729, opus-32 (kbit/s)")
    parser.add_argument("--packet-ms", type=int, default=20, metavar="N", help="milliseconds in one packet (20)")
    layer2 = parser.add_mutually_exclusive_group(required=True)
    layer2.add_argument("--framing", metavar="F", help="such as pppoa-vc, pppoe-llc, ptm-pppoe, ethernet-18")
    layer2.add_argument("--layer2-bytes", type=int, metavar="N", help="bytes that layer 2 adds to each IP packet")
    parser.add_argument("--cells", choices=CELLS, help="with --layer2-bytes: what carries it (ethernet)")
    parser.add_argument("--srtp-tag", type=int, default=0, metavar="N", help=f"bytes of the SRTP tag: {SRTP_TAGS}")
    parser.add_argument("--ipv6", action="store_true", help="IPv6 instead of IPv4")
    parser.add_argument("--guaranteed-kbps", type=_decimal, metavar="N", help="guaranteed kbit/s, slower direction")
    parser.add_argument("--reserve", type=_decimal, default=Decimal(0), metavar="R", help="part kept free of calls, 0 to 1 (0)")


def request_from(args: argparse.Namespace) -> PvcRequest:
    """The question that the options of ``add_arguments`` ask."""
    return PvcRequest(
        codec=args.codec,
        packet_ms=args.packet_ms,
        framing=args.framing,
        layer2_bytes=args.layer2_bytes,
        cells=args.cells,
        srtp_tag_bytes=args.srtp_tag,
        ip_version=6 if args.ipv6 else 4,
        guaranteed_kbps=args.guaranteed_kbps,
        reserve=args.reserve,
    )


def run(args: argparse.Namespace) -> PvcAnswer:
    """The verb: options in, answer out; ``describe`` and ``as_record`` show it."""
    return line_capacity(request_from(args))


def _framing(request: PvcRequest) -> Framing:
    if (request.framing is None) == (request.layer2_bytes is None):
        raise TiktellerError("a line has either a framing or bytes of layer 2", fix="--framing F, or --layer2-bytes N --cells C")
    if request.framing is not None:
        if request.cells is not None:
            raise TiktellerError(
                f"--cells {request.cells} beside --framing {request.framing}, which already says what carries it",
                fix="leave out --cells, or give --layer2-bytes instead of --framing",
            )
        return find_framing(request.framing)
    cells = request.cells or "ethernet"
    if cells not in CELLS:
        raise TiktellerError(f"--cells {cells} is not known", fix=f"one of {', '.join(CELLS)}")
    if not 0 <= request.layer2_bytes <= 200:
        raise TiktellerError(f"--layer2-bytes {request.layer2_bytes} is no overhead of layer 2", fix="0 to 200 bytes a packet")
    # No minimum for bytes typed by hand: an Ethernet frame is padded below 46 bytes of IP, and speech in RTP has at least 50.
    name = f"{request.layer2_bytes} bytes"
    return Framing("", cells, request.layer2_bytes, 0, name, name)


def _check(request: PvcRequest) -> None:
    if request.srtp_tag_bytes not in SRTP_TAGS:
        raise TiktellerError(f"--srtp-tag {request.srtp_tag_bytes} is no SRTP tag", fix=f"one of {', '.join(map(str, SRTP_TAGS))} bytes")
    if request.ip_version not in (4, 6):
        raise TiktellerError(f"IP version {request.ip_version} is not known", fix="4 or 6")
    guaranteed = request.guaranteed_kbps
    if guaranteed is not None and not _lies_in(guaranteed, HIGHEST_KBPS):
        raise TiktellerError(
            f"--guaranteed-kbps {guaranteed} is no speed of a line",
            fix=f"0 to {HIGHEST_KBPS} kbit/s with at most {DECIMALS} decimals",
        )
    if not _lies_in(request.reserve, Decimal(1)):
        raise TiktellerError(
            f"--reserve {request.reserve} is no part of the line",
            fix=f"0 to 1 with at most {DECIMALS} decimals; 0.1 keeps 10 % free",
        )


def _lies_in(value: Decimal, highest: Decimal) -> bool:
    return value.is_finite() and 0 <= value <= highest and value == round(value, DECIMALS)


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text.replace(",", "."))
    except InvalidOperation:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None


# --- the arithmetic -------------------------------------------------------------------------------------------------------------


def _evaluate(request: PvcRequest, codec: Codec, framing: Framing) -> Mapping[str, int | Decimal | None]:
    """Render the macros for this question and let DuckDB answer: one row, each column one result of a macro."""
    calls = "null"
    if request.guaranteed_kbps is not None:
        calls = formula(
            "pvc_concurrent_calls",
            _literal(request.guaranteed_kbps),
            _literal(request.reserve),
            "wire_bytes",
            codec.packet_ms,
        )
    packet = formula("pvc_packet_bytes", codec.payload_bytes, request.ip_version, request.srtp_tag_bytes, framing.overhead_bytes)
    return _one_row(f"""
        with packets as (select {packet} as packet_bytes),
        on_the_wire as (
            select *, {formula("pvc_wire_bytes", "packet_bytes", f"'{framing.cells}'", framing.minimum_frame_bytes)} as wire_bytes
            from packets
        )
        select
            *,
            {formula("rtp_header_bytes")} as rtp_bytes,
            {formula("udp_header_bytes")} as udp_bytes,
            {formula("ip_header_bytes", request.ip_version)} as ip_bytes,
            {formula("pvc_kbps_per_call", "wire_bytes", codec.packet_ms)} as kbps_per_call,
            {calls} as concurrent_calls
        from on_the_wire
    """)


def _one_row(sql: str) -> Mapping[str, int | Decimal | None]:
    with _engine().cursor() as cursor:  # a cursor of its own: pages ask from several threads
        cursor.execute(sql)
        return dict(zip((column[0] for column in cursor.description), cursor.fetchone(), strict=True))


@cache
def _engine() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": "1", "enable_external_access": "false"})


def _literal(value: Decimal) -> str:
    return f"cast({value:f} as decimal(18, {DECIMALS}))"


def _steps(request: PvcRequest, codec: Codec, framing: Framing, found: Mapping) -> list[Step]:
    packet, wire, ms = found["packet_bytes"], found["wire_bytes"], codec.packet_ms
    parts = (
        Step(f"{codec.codec}, {ms} ms", f"{codec.codec}, {ms} ms", "", codec.payload_bytes),
        Step("RTP header", "RTP-header", "", found["rtp_bytes"]),
        Step("UDP header", "UDP-header", "", found["udp_bytes"]),
        Step(f"IPv{request.ip_version} header", f"IPv{request.ip_version}-header", "", found["ip_bytes"]),
        Step("SRTP tag", "SRTP-tag", "", request.srtp_tag_bytes),
        Step(f"Layer 2: {framing.name_en}", f"Laag 2: {framing.name_nl}", "", framing.overhead_bytes),
    )
    steps = [
        *parts,
        Step("One packet", "Eén pakket", " + ".join(str(part.value) for part in parts), packet),
        {
            "atm": Step("In ATM cells", "In ATM-cellen", f"ceil({packet} / 48) × 53", wire),
            "ptm": Step("In PTM blocks", "In PTM-blokken", f"{packet} + ceil({packet} / 64)", wire),
            "ethernet": Step("As a frame", "Als frame", f"max({packet}, {framing.minimum_frame_bytes})", wire),
        }[framing.cells],
        Step("One call", "Eén gesprek", f"{wire} × 8 / {ms}", _readable(found["kbps_per_call"]), "kbit/s"),
    ]
    if request.guaranteed_kbps is None:
        return steps
    guaranteed, reserve = _readable(request.guaranteed_kbps, 0), _readable(request.reserve, 0)
    usable = _readable(request.guaranteed_kbps * (1 - request.reserve), 0)
    return [
        *steps,
        Step("Guaranteed", "Gegarandeerd", "", guaranteed, "kbit/s"),
        Step(
            "Kept free",
            "Vrij gehouden",
            f"{guaranteed} × {reserve}",
            _readable(request.guaranteed_kbps - usable, 0),
            "kbit/s",
        ),
        Step("For calls", "Voor gesprekken", f"{guaranteed} × (1 - {reserve})", usable, "kbit/s"),
        # by the bytes and not by the kbit/s above, which may be rounded
        Step(
            "Simultaneous calls",
            "Gelijktijdige gesprekken",
            f"floor({usable} × {ms} / ({wire} × 8))",
            found["concurrent_calls"],
            "",
        ),
    ]


def _readable(value: Decimal, least_decimals: int = 1) -> Decimal:
    """The same value without zeros at its end, but for ``least_decimals``: 87.200 -> 87.2, 106.000 -> 106.0."""
    decimals = max(least_decimals, -value.normalize().as_tuple().exponent)
    return value.quantize(Decimal(1).scaleb(-decimals))


# --- answers --------------------------------------------------------------------------------------------------------------------


def describe(answer: PvcAnswer, language: str = "en") -> list[tuple[str, str, str]]:
    """The arithmetic for people, ``en`` or ``nl``: (what, how, result with its unit), in the order of the calculation."""

    def written(text: str) -> str:
        return re.sub(r"(?<=\d)\.(?=\d)", ",", text) if language == "nl" else text

    return [
        (
            step.label_nl if language == "nl" else step.label_en,
            written(step.expression),
            written(f"{step.value} {step.unit}".strip()),
        )
        for step in answer.steps
    ]


def as_record(answer: PvcAnswer) -> dict[str, str | int | Decimal | None]:
    """The answer as one flat row, for a table, JSON or CSV; decimals exact."""
    return {
        "codec": answer.codec.codec,
        "packet_ms": answer.codec.packet_ms,
        "payload_bytes": answer.codec.payload_bytes,
        "ip_version": answer.request.ip_version,
        "srtp_tag_bytes": answer.request.srtp_tag_bytes,
        "framing": answer.framing.framing or None,
        "cells": answer.framing.cells,
        "layer2_bytes": answer.framing.overhead_bytes,
        "packet_bytes": answer.packet_bytes,
        "wire_bytes_per_packet": answer.wire_bytes_per_packet,
        "kbps_per_call": answer.kbps_per_call,
        "guaranteed_kbps": answer.request.guaranteed_kbps,
        "reserve": answer.request.reserve,
        "concurrent_calls": answer.concurrent_calls,
    }


def _seed(name: str) -> list[dict[str, str]]:
    with (SEEDS_DIR / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
