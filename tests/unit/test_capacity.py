"""How many calls fit on a line: one too many and all of them stutter, one too few and the partner sells a line too dear."""

from __future__ import annotations

import argparse
import ast
import re
import subprocess
import sys
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor

import duckdb
import pytest

from orchestration.errors import TiktellerError
from orchestration.rules import capacity
from orchestration.rules.capacity import PvcRequest, as_record, describe, line_capacity
from orchestration.warehouse.formulas import formula
from orchestration.workspace import PROJECT_ROOT, SEEDS_DIR


def ask(codec: str = "G.711", **options) -> capacity.PvcAnswer:
    return line_capacity(PvcRequest(codec, **{"framing": "ethernet-18", **options}))


# --- DOMAIN's check values ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("codec", "framing", "kbps"),
    [
        ("G.711", "ethernet-18", "87.2"),
        ("G.729", "ethernet-18", "31.2"),
        ("G.711", "pppoa-vc", "106.0"),
        ("G.729", "pppoe-llc", "63.6"),
    ],
)
def test_check_values(codec: str, framing: str, kbps: str) -> None:
    # Fails if one call is measured wrong: every number of the matrix hangs on it.
    assert str(ask(codec, framing=framing).kbps_per_call) == kbps


def test_four_calls_on_448_kbit_s_of_adsl() -> None:
    # Fails if the classic line carries another number of calls than every engineer's table says.
    assert ask(framing="pppoa-vc", guaranteed_kbps=Decimal(448)).concurrent_calls == 4


# --- the formulas against a second reckoning ------------------------------------------------------------------------------------


def reckoned(
    payload: int,
    ms: int,
    ip: int,
    tag: int,
    cells: str,
    overhead: int,
    minimum: int,
    guaranteed: Fraction,
    reserve: Fraction,
):
    """DOMAIN 7 in fractions, written without a look at the macros: (packet, wire, kbit/s, calls)."""
    packet = payload + 12 + 8 + {4: 20, 6: 40}[ip] + tag + overhead
    wire = {
        "atm": ceil(Fraction(packet, 48)) * 53,
        "ptm": packet + ceil(Fraction(packet, 64)),
        "ethernet": max(packet, minimum),
    }[cells]
    kbps = Fraction(wire * 8, ms)
    return packet, wire, kbps, floor(guaranteed * (1 - reserve) / kbps)


def test_every_combination_agrees_with_a_reckoning_in_fractions() -> None:
    # Fails if a formula rounds before its floor, or mixes up two kinds of line: 38,880 lines, each one call's bytes and calls.
    packet = formula("pvc_packet_bytes", "payload_bytes", "ip_version", "tag", "overhead_bytes")
    rows = duckdb.execute(f"""
        with lines as (
            select *, {packet} as packet_bytes
            from read_csv('{SEEDS_DIR}/codecs.csv', types = {{'payload_bytes': 'integer', 'packet_ms': 'integer'}})
            cross join read_csv(
                '{SEEDS_DIR}/layer2_framings.csv', types = {{'overhead_bytes': 'integer', 'minimum_frame_bytes': 'integer'}}
            )
            cross join (values (4), (6)) as ip (ip_version)
            cross join (values (0), (4), (10), (16)) as srtp (tag)
            cross join (values (0.0), (31.2), (106.0), (448.0), (1000.3333), (123456.7)) as speed (guaranteed)
            cross join (values (0.0), (0.1), (0.3333)) as free (reserve)
        ),
        on_the_wire as (select *, {formula("pvc_wire_bytes", "packet_bytes", "cells", "minimum_frame_bytes")} as wire_bytes from lines)
        select
            payload_bytes, packet_ms, ip_version, tag, cells, overhead_bytes, minimum_frame_bytes, guaranteed, reserve,
            packet_bytes, wire_bytes,
            {formula("pvc_kbps_per_call", "wire_bytes", "packet_ms")} as kbps,
            {formula("pvc_concurrent_calls", "guaranteed", "reserve", "wire_bytes", "packet_ms")} as calls
        from on_the_wire
    """).fetchall()
    assert len(rows) == len(capacity.codecs()) * len(capacity.framings()) * 2 * 4 * 6 * 3
    for *line, guaranteed, reserve, packet_bytes, wire_bytes, kbps, calls in rows:
        wanted_packet, wanted_wire, wanted_kbps, wanted_calls = reckoned(*line, Fraction(guaranteed), Fraction(reserve))
        assert (packet_bytes, wire_bytes, calls) == (wanted_packet, wanted_wire, wanted_calls), line
        assert abs(Fraction(kbps) - wanted_kbps) <= Fraction(1, 2000), line


@pytest.mark.parametrize("codec", capacity.codecs(), ids=lambda codec: f"{codec.codec}-{codec.packet_ms}")
def test_a_line_of_exactly_n_calls_carries_n(codec: capacity.Codec) -> None:
    # Fails if a quotient is rounded before the floor: at 30 ms a call is thirds of a kbit/s, and the third call would be lost or won.
    for framing in ("ethernet-18", "pppoe-llc", "ptm-pppoe"):
        wire = ask(codec.codec, packet_ms=codec.packet_ms, framing=framing).wire_bytes_per_packet
        three_calls = Decimal(3 * wire * 8) / codec.packet_ms  # finite: 3 calls of thirds
        exactly = ask(codec.codec, packet_ms=codec.packet_ms, framing=framing, guaranteed_kbps=three_calls)
        a_hair_less = ask(codec.codec, packet_ms=codec.packet_ms, framing=framing, guaranteed_kbps=three_calls - Decimal("0.0001"))
        assert (exactly.concurrent_calls, a_hair_less.concurrent_calls) == (3, 2)


@pytest.mark.parametrize(("packet", "on_the_wire"), [(1, 84), (83, 84), (84, 84), (85, 85)])
def test_an_ethernet_frame_is_at_least_84_bytes_on_the_wire(packet: int, on_the_wire: int) -> None:
    # Fails if small packets are counted as small: the wire carries padding for them all the same.
    minimum = capacity.find_framing("ethernet-38").minimum_frame_bytes
    assert duckdb.execute(f"select {formula('pvc_wire_bytes', packet, repr('ethernet'), minimum)}").fetchone() == (on_the_wire,)


@pytest.mark.parametrize(
    ("cells", "packet", "on_the_wire"),
    [("atm", 48, 53), ("atm", 49, 106), ("atm", 96, 106), ("ptm", 64, 65), ("ptm", 65, 67), ("ptm", 128, 130)],
)
def test_a_cell_that_is_full_needs_no_second(cells: str, packet: int, on_the_wire: int) -> None:
    # Fails if a full cell counts twice: a sixth of ADSL would vanish.
    assert duckdb.execute(f"select {formula('pvc_wire_bytes', packet, repr(cells), 0)}").fetchall() == [(on_the_wire,)]


# --- guaranteed and reserve -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("guaranteed", "reserve", "calls"),
    [
        ("0", "0", 0),
        ("87.1999", "0", 0),
        ("87.2", "0", 1),
        ("872", "0", 10),
        ("872", "0.1", 9),
        ("872", "0.1001", 8),
        ("872", "1", 0),
        ("1000000000", "0", 11467889),
    ],
)
def test_reserve_and_guaranteed_at_their_ends(guaranteed: str, reserve: str, calls: int) -> None:
    # Fails if the reserve is spent on calls, or an empty line carries one.
    assert ask(guaranteed_kbps=Decimal(guaranteed), reserve=Decimal(reserve)).concurrent_calls == calls


def test_without_a_speed_there_is_no_number_of_calls() -> None:
    # Fails if "not asked" is shown as "no call fits".
    assert ask().concurrent_calls is None


def test_the_slower_direction_counts_after_contention_and_a_voice_pvc_takes_its_place() -> None:
    # Fails if a partner promises the download speed: calls go both ways.
    assert capacity.guaranteed_kbps(20480, 1024, Decimal(25)) == 256
    assert capacity.guaranteed_kbps(1024, 20480, Decimal("33.33")) == Decimal("341.2992")
    assert capacity.guaranteed_kbps(20480, 1024, Decimal(4), voice_kbps=512) == 512


# --- questions and answers ------------------------------------------------------------------------------------------------------


def options(text: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    capacity.add_arguments(parser)
    return parser.parse_args(text.split())


def test_the_verb_answers_like_the_library() -> None:
    # Fails if an option of the command line is read into the wrong place.
    asked = options("--codec g729 --packet-ms 30 --layer2-bytes 40 --cells atm --srtp-tag 10 --ipv6 --guaranteed-kbps 448,5 --reserve 0.1")
    answer = capacity.run(asked)
    assert answer.request == PvcRequest("g729", 30, None, 40, "atm", 10, 6, Decimal("448.5"), Decimal("0.1"))
    assert as_record(answer) == {
        "codec": "G.729",
        "packet_ms": 30,
        "payload_bytes": 30,
        "ip_version": 6,
        "srtp_tag_bytes": 10,
        "framing": None,
        "cells": "atm",
        "layer2_bytes": 40,
        "packet_bytes": 140,
        "wire_bytes_per_packet": 159,
        "kbps_per_call": Decimal("42.4"),
        "guaranteed_kbps": Decimal("448.5"),
        "reserve": Decimal("0.1"),
        "concurrent_calls": 9,
    }


def test_a_framing_by_name_is_the_same_as_its_bytes() -> None:
    # Fails if two ways to ask one question give two answers.
    for framing in capacity.framings():
        for codec in capacity.codecs():
            named = ask(codec.codec, packet_ms=codec.packet_ms, framing=framing.framing)
            typed = ask(
                codec.codec,
                packet_ms=codec.packet_ms,
                framing=None,
                layer2_bytes=framing.overhead_bytes,
                cells=framing.cells,
            )
            assert named.wire_bytes_per_packet == typed.wire_bytes_per_packet, (framing, codec)


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ({"codec": "G.728"}, r"--codec G.728 is not known. Fix: one of G.711, .*opus-64"),
        ({"codec": "G.729", "packet_ms": 40}, r"--packet-ms 40 is no packet time of G.729. Fix: one of 10, 20, 30"),
        ({"framing": "pppox"}, r"--framing pppox is not known. Fix: one of pppoa-vc, .*--layer2-bytes"),
        ({"framing": None}, r"either a framing or bytes"),
        ({"layer2_bytes": 18}, r"either a framing or bytes"),
        ({"cells": "atm"}, r"--cells atm beside --framing ethernet-18.*leave out --cells"),
        (
            {"framing": None, "layer2_bytes": 10, "cells": "ptt"},
            r"--cells ptt is not known. Fix: one of atm, ptm, ethernet",
        ),
        ({"framing": None, "layer2_bytes": -1}, r"--layer2-bytes -1 .* 0 to 200 bytes"),
        ({"srtp_tag_bytes": 80}, r"--srtp-tag 80 is no SRTP tag. Fix: one of 0, 4, 10, 16 bytes"),
        ({"ip_version": 5}, r"IP version 5"),
        ({"guaranteed_kbps": Decimal(-1)}, r"--guaranteed-kbps -1 .* 0 to 1000000000"),
        ({"guaranteed_kbps": Decimal("1.00001")}, r"at most 4 decimals"),
        ({"guaranteed_kbps": Decimal("NaN")}, r"--guaranteed-kbps NaN"),
        ({"guaranteed_kbps": Decimal("Infinity")}, r"--guaranteed-kbps Infinity"),
        ({"reserve": Decimal(10)}, r"--reserve 10 is no part of the line. Fix: 0 to 1 .* 0.1 keeps 10 % free"),
        ({"reserve": Decimal("-0.1")}, r"--reserve -0.1"),
        ({"reserve": Decimal("sNaN")}, r"--reserve sNaN"),
    ],
)
def test_a_question_that_cannot_be_answered_says_what_to_do(question: dict, message: str) -> None:
    # Fails if a slip gets a number instead of an answer that names the option and the fix.
    with pytest.raises(TiktellerError, match=message):
        ask(**{"codec": "G.711", **question})


@pytest.mark.parametrize("text", ["--codec G.711", "--codec G.711 --framing pppoa-vc --layer2-bytes 10", "--framing pppoa-vc"])
def test_wrong_usage_is_wrong_usage(text: str, capsys) -> None:
    # Fails if a script cannot tell a mistyped command (2) from a question without an answer (1).
    with pytest.raises(SystemExit) as stopped:
        options(text)
    assert stopped.value.code == 2


@pytest.mark.parametrize("framing", ["pppoa-vc", "ptm-pppoe", "ethernet-38"])
@pytest.mark.parametrize("language", ["en", "nl"])
def test_the_arithmetic_shown_is_the_arithmetic_done(framing: str, language: str) -> None:
    # Fails if the page explains another sum than the one it shows: nobody would believe either.
    answer = ask(
        "iLBC",
        packet_ms=20,
        framing=framing,
        srtp_tag_bytes=4,
        guaranteed_kbps=Decimal("1000.5"),
        reserve=Decimal("0.25"),
    )
    shown = describe(answer, language)
    assert [value for _, _, value in shown][:6] == [
        "38 bytes",
        "12 bytes",
        "8 bytes",
        "20 bytes",
        "4 bytes",
        f"{answer.framing.overhead_bytes} bytes",
    ]
    assert shown[-1][2] == str(answer.concurrent_calls)
    for label, how, value in shown:
        if how:
            number = value.split()[0].replace(",", ".")
            assert evaluated(how, language) == Fraction(number), (label, how, value)


def evaluated(expression: str, language: str) -> Fraction:
    """An expression as a reader would reckon it, in exact fractions."""
    text = expression.replace("×", "*")
    for name in ("ceil", "floor", "max"):
        text = text.replace(f"{name}(", f"{name.upper()}(")
    # a comma between digits is the Dutch decimal sign; one before a space separates
    tree = ast.parse(re.sub(r"(?<=\d),(?=\d)", ".", text) if language == "nl" else text, mode="eval")
    return _value(tree.body)


def _value(node: ast.expr) -> Fraction:
    match node:
        case ast.Constant(value=number):
            return Fraction(str(number))
        case ast.BinOp(left=left, op=op, right=right):
            a, b = _value(left), _value(right)
            return {ast.Add: a + b, ast.Sub: a - b, ast.Mult: a * b, ast.Div: a / b if b else a}[type(op)]
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return Fraction({"CEIL": ceil, "FLOOR": floor, "MAX": max}[name](*map(_value, arguments)))
    raise AssertionError(ast.dump(node))


def test_pvc_does_not_wait_for_the_pipeline() -> None:
    # Fails if asking about a line loads the pipeline: the verb has to answer within a second.
    loaded = subprocess.run(
        [sys.executable, "-c", "import orchestration.rules.capacity, sys; print(*sys.modules)"],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert not {"dagster", "dbt", "great_expectations", "pandas", "phonenumbers", "streamlit"} & set(loaded)
