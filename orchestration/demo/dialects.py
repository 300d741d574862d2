"""Calls as lines of text, each exchange in its own dialect. SQL writes whole lines: the column's bytes are the file's
bytes.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from orchestration.demo.exchanges import ASTERISK, FREESWITCH, STANDARD, THREECX, Exchange

# In the order of traffic.PLUS .. VERBATIM.
_SPELLED = """case {name}_spelling
    when 0 then '+' || {name}
    when 1 then '00' || {name}
    when 2 then {name}::varchar
    when 3 then '0' || substr({name}::varchar, 3)
    when 4 then '0' || {name}
    when 5 then '0' || substr({name}::varchar, 3, 2) || '-' || substr({name}::varchar, 5)
    else {name}_text::varchar end"""

# What several fields of a line need is worked out once, in a select of its own.
_WRITTEN = f"""
    select *,
        concat('{{prefix}}-', day_number, '-', serial) as call_name,
        {_SPELLED.format(name="caller")} as caller_written,
        {_SPELLED.format(name="callee")} as callee_written,
        outcome = 0 as is_answered,
        {{started}} as started_written,
        {{answered}} as answered_written,
        {{ended}} as ended_written
    from calls"""
_CLOCKS = {
    "local": "{instant}::varchar",
    "minute": "strftime({instant}, '%Y-%-m-%-d %-H:%M')",
    "utc": "replace(({instant} - to_seconds(offset_s))::varchar, ' ', 'T') || 'Z'",
    "offset": "replace({instant}::varchar, ' ', 'T') || case offset_s when 7200 then '+02:00' else '+01:00' end",
}


def lines_of(exchange: Exchange, calls: pa.Table, connection: duckdb.DuckDBPyConnection) -> pa.ChunkedArray:
    """The lines of ``calls`` (the columns of ``traffic.calls_of``), in their order, each with its newline."""
    clock = _CLOCKS[exchange.clock]
    if exchange.feed == STANDARD and exchange.clock == "local":
        clock = f"replace({clock}, ' ', 'T')"
    if exchange.feed == THREECX:
        clock = f"replace({clock}, '-', '/')"
    written = _WRITTEN.format(
        prefix=exchange.exchange_id.removeprefix("demo-"),
        started=clock.format(instant="started_at"),
        answered=clock.format(instant="(started_at + to_seconds(ring_s))"),
        ended=clock.format(instant="(started_at + to_seconds(ring_s + talk_s))"),
    )
    query = connection.sql(f"select {_line(exchange)} as line from ({written})")
    return query.to_arrow_table().column(0)


def bytes_of(lines: pa.ChunkedArray) -> list[memoryview]:
    """The characters of a string column one after another, without a copy."""
    return [_characters(chunk) for chunk in lines.chunks]


def _characters(lines: pa.StringArray) -> memoryview:
    _, offsets, data = lines.buffers()
    ends = memoryview(offsets).cast("b").cast("i")
    return memoryview(data)[ends[lines.offset] : ends[lines.offset + len(lines)]]


def _line(exchange: Exchange) -> str:
    """The SQL expression of one line: the columns in the exchange's order with its delimiter and newline."""
    fields = _FIELDS[exchange.feed](exchange)
    newline = " || ".join(f"chr({ord(sign)})" for sign in exchange.style.newline)
    columns = f", '{exchange.style.delimiter}', ".join(fields.get(column, "''") for column in exchange.columns)
    return f"concat({columns}, {newline})"


def _quoted(expression: str) -> str:
    """The arguments of concat for a field in quotes."""
    return f"""'"', {expression}, '"'"""


def _if_answered(expression: str) -> str:
    return f"case when is_answered then {expression} else '' end"


def _outcome(answered: str, no_answer: str, busy: str, failed: str) -> str:
    return f"case outcome when 0 then '{answered}' when 1 then '{no_answer}' when 2 then '{busy}' else '{failed}' end"


def _standard(exchange: Exchange) -> dict[str, str]:
    return {
        "call_id": "call_name",
        "leg": "leg",
        "account": "''" if exchange.account == "caller" else "account",
        "caller": "caller_written",
        "callee": "callee_written",
        "started_at": "started_written",
        "duration_s": "talk_s",
        "direction": "case direction when 0 then 'outbound' else 'inbound' end",
        "disposition": _outcome("answered", "no_answer", "busy", "failed"),
        "correlation_id": "case when leg = '' then '' else call_name || '-fmc' end",
    }


def _threecx(exchange: Exchange) -> dict[str, str]:
    # The hosted exchange fills in a billing code; where it does not, the caller's number tells who pays.
    is_coded = "serial % 5 <> 0 or direction = 1 or caller_spelling = 6"
    return {
        "historyid": "'CallHistory', call_name",
        "callid": "call_name",
        "duration": "(time '00:00:00' + to_seconds(talk_s))::varchar",
        "time-start": "started_written",
        "time-answered": _if_answered("answered_written"),
        "time-end": "ended_written",
        "reason-terminated": (
            "case when is_answered and serial % 2 = 0 then 'TerminatedBySrc' when is_answered then 'TerminatedByDst' "
            "when outcome = 1 then 'NoAnswer' when outcome = 2 then 'Busy' else 'Failed' end"
        ),
        "from-no": "case when is_internal then 'Ext.' || caller_written else caller_written end",
        "to-no": "case when is_internal then 'Ext.' || callee_written else callee_written end",
        "from-dn": "case direction when 0 then extension::varchar else '10000' end",
        "to-dn": "case when is_internal then callee_written when direction = 1 then extension::varchar else '10000' end",
        "dial-no": "callee_written",
        "final-number": "callee_written",
        "bill-code": f"case when {is_coded} then account::varchar else '' end" if exchange.account == "named" else "''",
        "from-type": "case direction when 0 then 'Extension' else 'Line' end",
        "to-type": "case when direction = 1 or is_internal then 'Extension' else 'Line' end",
        "from-dispname": "case direction when 0 then 'Toestel ' || extension else '' end",
        "chain": "'Chain: ', extension, ';10000;'",
    }


def _asterisk(exchange: Exchange) -> dict[str, str]:
    # <system name>-<epoch>.<serial>, as Asterisk makes it where a system name is set.
    unique = "call_name, '-', epoch_us(started_at - to_seconds(offset_s)) // 1000000, '.', serial"
    texts = {
        "accountcode": "account" if exchange.account == "named" else "''",
        "src": "caller_written",
        "dst": "callee_written",
        "dcontext": "case direction when 0 then 'from-internal' else 'from-trunk' end",
        "clid": """'""Toestel ', extension, '"" <', caller_written, '>'""",
        "channel": "format('PJSIP/{}-{:08x}', extension, serial)",
        "dstchannel": _if_answered("format('PJSIP/trunk-{:08x}', serial + 1)"),
        "lastapp": "'Dial'",
        "lastdata": "'PJSIP/', callee_written, '@trunk,60'",
        "start": "started_written",
        "answer": _if_answered("answered_written"),
        "end": "ended_written",
        "disposition": _outcome("ANSWERED", "NO ANSWER", "BUSY", "FAILED"),
        "amaflags": "'DOCUMENTATION'",
        "uniqueid": unique,
        "userfield": "''",
        "peeraccount": "''",
        "linkedid": unique,
    }
    numbers = {"duration": "ring_s + talk_s", "billsec": "talk_s", "sequence": "serial"}
    return {name: _quoted(expression) for name, expression in texts.items()} | numbers


def _freeswitch(exchange: Exchange) -> dict[str, str]:
    texts = {
        "caller_id_name": "case direction when 0 then 'Toestel ' || extension else '' end",
        "caller_id_number": "caller_written",
        "destination_number": "callee_written",
        "context": "case direction when 0 then 'default' else 'public' end",
        "start_stamp": "started_written",
        "answer_stamp": _if_answered("answered_written"),
        "end_stamp": "ended_written",
        "duration": "ring_s + talk_s",
        "billsec": "talk_s",
        "hangup_cause": (
            "case when is_answered then 'NORMAL_CLEARING' when outcome = 1 and serial % 2 = 0 then 'NO_ANSWER' "
            "when outcome = 1 then 'ORIGINATOR_CANCEL' when outcome = 2 then 'USER_BUSY' else 'UNALLOCATED_NUMBER' end"
        ),
        "uuid": "md5_number(call_name)::uuid",
        "bleg_uuid": _if_answered("md5_number(call_name || 'b')::uuid::varchar"),
        "accountcode": "account",
        "read_codec": "'PCMA'",
        "write_codec": "'PCMA'",
    }
    return {name: _quoted(expression) for name, expression in texts.items()}


_FIELDS = {STANDARD: _standard, THREECX: _threecx, ASTERISK: _asterisk, FREESWITCH: _freeswitch}
