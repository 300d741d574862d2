"""A feed that goes wrong in bulk must stop the publishing; a bad row, a small file or one wrong file must not.

Each landing below is made good in SQL, 1,000 rows in ten files, and then broken in one way.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from orchestration import demo, warehouse
from orchestration.landing import ledger
from orchestration.landing.expectations import SAMPLE_ROWS, ExpectationResult, check, check_landing, landed_batches
from orchestration.landing.feeds import feed_named
from orchestration.landing.file_sources import FileOfSource, write_file_sources, write_words
from orchestration.landing.ingest import ingest
from orchestration.landing.sources import Format, Source, shipped_formats
from orchestration.landing.suites import SUITES
from orchestration.landing.unexpected import unexpected
from orchestration.serving import publishing
from orchestration.workspace import PLATFORM, Workspace

ROWS, FILES = 1_000, 10

# How every feed's good row looks, as SQL over its number n.
MINUTE = "(timestamp '2026-10-01 08:00' + to_minutes(n))"
GOOD_ROWS = {
    "cdrs/standard": {
        "call_id": "'c-' || n",
        "account": "'kl-001-trunk'",
        "caller": "'0200000001'",
        "callee": "'+3120' || (1000000 + n)",
        "started_at": f"replace({MINUTE}::varchar, ' ', 'T') || '+02:00'",
        "duration_s": "n % 300",
        "disposition": "if(n % 300 = 0, 'no_answer', 'answered')",
    },
    "cdrs/3cx": {
        "historyid": "'CallHistory' || n",
        "duration": "(time '00:00:00' + to_seconds(n % 300))::varchar",
        "time_start": f"replace({MINUTE}::varchar, '-', '/')",
        "from_no": "'Ext.101'",
        "to_no": "'10000'",
        "dial_no": "'0031 20-' || (1000000 + n)",
        "bill_code": "'kl-002-trunk'",
    },
    "cdrs/asterisk": {
        "accountcode": "'bh-001-trunk'",
        "src": "'0200000001'",
        "dst": "if(n % 5 = 0, 's', '020' || (1000000 + n))",
        "dcontext": "'from-internal'",
        "clid": "'\"Toestel 101\" <0200000001>'",
        "start": f"{MINUTE}::varchar",
        "duration": "n % 300 + 5",
        "billsec": "n % 300",
        "disposition": "if(n % 300 = 0, 'NO ANSWER', 'ANSWERED')",
        "uniqueid": "'1790827195.' || n",
    },
    "cdrs/freeswitch": {
        "caller_id_number": "'101'",
        "destination_number": "'020' || (1000000 + n)",
        "start_stamp": f"strftime({MINUTE}, '%Y-%-m-%-d %-H:%M')",
        "billsec": "n % 300",
        "uuid": "md5(n::varchar)",
        "accountcode": "'kl-003-trunk'",
    },
    "orders": {
        "order_id": "'ORD-' || n",
        "line_number": "1",
        "customer_id": "'kl-001'",
        "service_code": "'SIP-TRUNK'",
        "quantity": "1 + n % 9",
        "ordered_on": f"{MINUTE}::date::varchar",
        "delivered_on": f"if(n % 3 = 0, null, {MINUTE}::date::varchar)",
    },
    "extension_counts": {
        "pbx_id": "'pbx-' || n",
        "customer_id": "'kl-001'",
        "service_code": "'3CX-STD'",
        "read_at": "'2026-10-31T23:30:00+01:00'",
        "extensions": "n % 40",
    },
}


def new_warehouse() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    ledger.create_raw(connection)
    return connection


def land(connection: duckdb.DuckDBPyConnection, feed: str, rows: int = ROWS, files: int = FILES) -> None:
    """Good rows in files that are numbered on from those that are there."""
    columns = GOOD_ROWS[feed]
    (last,) = connection.execute("select coalesce(max(file_id), 0) from raw.files").fetchone()
    names = ", ".join(f'"{name}"' for name in columns)
    values = ", ".join(f"cast({sql} as varchar)" for sql in columns.values())
    connection.execute(
        f'insert into raw."{feed_named(feed).table}" (file_id, line, {names}) '
        f"select {last} + 1 + n % {files}, 2 + n // {files}, {values} from range({rows}) as numbered(n)"
    )
    for number in range(files):
        in_file = len(range(number, rows, files))
        enter(connection, last + 1 + number, feed, f"{feed}/{last + 1 + number}.csv", in_file)


def enter(
    connection: duckdb.DuckDBPyConnection, file_id: int, feed: str, file: str, rows: int, rejected: int = 0, reason: str | None = None
) -> None:
    """A file's row in the ledger."""
    connection.execute(
        "insert into raw.files values (?, ?, ?, null, ?, 1, now()::timestamp, ?, ?, ?, null, null, now()::timestamp, 'test', null, null)",
        [file_id, feed, file, file, rows, rejected, reason],
    )


def after(connection: duckdb.DuckDBPyConnection, file_id: int = 0) -> set[int]:
    """The files that came after one."""
    return {each for (each,) in connection.execute("select file_id from raw.files where file_id > ?", [file_id]).fetchall()}


def failures(connection: duckdb.DuckDBPyConnection, after_file_id: int = 0) -> list[ExpectationResult]:
    return [result for result in check_landing(connection, after(connection, after_file_id)) if not result.success]


@pytest.mark.parametrize("feed", SUITES)
def test_a_good_landing_is_as_expected(feed: str) -> None:
    """Harm: a check that fails on good data keeps the day's figures from everybody, until people learn to switch it off."""
    connection = new_warehouse()
    land(connection, feed)

    results = check_landing(connection, after(connection))

    assert [result.reason for result in results if not result.success] == []
    assert {result.feed for result in results} == {feed}
    assert all(result.rows == ROWS and result.expected and result.observed for result in results)


# feed, what the exchange or the sender did, the assignments that do it, what must be said.
BROKEN = [
    ("cdrs/standard", "local date order", "started_at = '01-10-2026 08:15'", "the call began at a moment"),
    ("cdrs/standard", "month and day swapped", "started_at = '2026-31-10T08:15:00'", "the call began at a moment"),
    ("cdrs/standard", "a clock that nobody set", "started_at = '1970-01-01T00:15:00'", "the call began at a moment"),
    ("cdrs/standard", "no callee", "callee = null", "the callee is a number"),
    ("cdrs/standard", "a blank callee", "callee = '  '", "the callee is a number"),
    ("cdrs/standard", "nobody to bill", "account = null, caller = null", "an account or a caller"),
    ("cdrs/standard", "no time measured", "duration_s = '0'", "some calls lasted"),
    ("cdrs/standard", "time running backwards", "duration_s = '-' || (1 + duration_s::integer)", "the duration is zero or more"),
    ("cdrs/standard", "durations by the clock", "duration_s = '00:01:05'", "the duration is zero or more"),
    ("cdrs/standard", "durations in milliseconds", "duration_s = duration_s || '000'", "the duration is in seconds"),
    ("cdrs/standard", "one id for all calls", "call_id = 'c-1'", "the ids tell calls apart"),
    ("cdrs/standard", "dispositions in Dutch", "disposition = 'beantwoord'", "the disposition is one of the known"),
    ("cdrs/3cx", "durations in seconds", "duration = '65'", "the duration is zero or more"),
    ("cdrs/3cx", "no time measured", "duration = '00:00:00'", "some calls lasted"),
    ("cdrs/3cx", "no callee at all", "dial_no = null, final_number = null, to_no = null", "the callee is a number"),
    (
        "cdrs/asterisk",
        "one column more in front",
        "src = accountcode, dst = src, clid = dcontext, start = clid, billsec = duration, disposition = billsec, uniqueid = amaflags",
        "the call began at a moment",
    ),
    ("cdrs/asterisk", "a column less", "dst = dcontext, dcontext = clid", "the callee is a number"),
    ("cdrs/freeswitch", "times in Unix seconds", "start_stamp = '1790827195'", "the call began at a moment"),
    ("cdrs/freeswitch", "no ids", "uuid = null", "a call has an id"),
    ("orders", "signs turned", "quantity = '-' || quantity", "the quantity is one or more"),
    ("orders", "prices for quantities", "quantity = '12,50'", "the quantity is a whole number"),
    ("orders", "order numbers left out", "order_id = ''", "a line belongs to an order"),
    ("orders", "services left out", "service_code = null", "a service was ordered"),
    ("orders", "customers left out", "customer_id = null", "somebody ordered"),
    ("orders", "American days", "ordered_on = '10/01/2026'", "the day of the order"),
    ("orders", "American deliveries", "delivered_on = '10/01/2026'", "the day of delivery"),
    ("extension_counts", "PBXs left out", "pbx_id = null", "a reading is of a PBX"),
    ("extension_counts", "customers left out", "customer_id = ' '", "somebody's PBX was read"),
    ("extension_counts", "numbers for counts", "extensions = '31200000001'", "of this world"),
    ("extension_counts", "counts in words", "extensions = 'ten'", "the extensions are a whole number"),
    ("extension_counts", "no moment", "read_at = null", "read at a moment"),
]


@pytest.mark.parametrize(("feed", "what", "assignments", "says"), BROKEN, ids=[f"{feed}: {what}" for feed, what, *_ in BROKEN])
def test_a_feed_that_is_wrong_for_half_of_its_rows_fails(feed: str, what: str, assignments: str, says: str) -> None:
    """Harm: each row waits in quarantine, nobody looks, and the night is published without half of its calls or orders."""
    connection = new_warehouse()
    land(connection, feed)
    # "No time", "milliseconds" and "one id" are wrong of a whole batch: that half of the calls got no answer is life.
    as_a_whole = {"some calls lasted", "the duration is in seconds", "the ids tell calls apart"}
    where = "true" if says in as_a_whole else f"file_id <= {FILES // 2}"
    connection.execute(f'update raw."{feed_named(feed).table}" set {assignments} where {where}')

    reasons = [result.reason for result in failures(connection)]

    assert any(says in reason for reason in reasons), f"{what} went unseen: {reasons}"


@pytest.mark.parametrize("feed", SUITES)
def test_a_bad_file_in_ten_is_left_to_quarantine(feed: str) -> None:
    """Harm: one customer's exchange with a broken clock keeps everybody's figures back."""
    connection = new_warehouse()
    land(connection, feed)
    nothing = ", ".join(f'"{column}" = null' for column in GOOD_ROWS[feed])
    connection.execute(f'update raw."{feed_named(feed).table}" set {nothing} where file_id = 1')

    assert failures(connection) == []


def test_too_few_rows_are_not_judged() -> None:
    """Harm: a file of three corrections with two mistakes in it stops the night of a hundred good files."""
    connection = new_warehouse()
    land(connection, "cdrs/standard", rows=30, files=1)
    connection.execute("update raw.cdrs_standard set callee = null, duration_s = '-5'")

    assert check_landing(connection, after(connection)) == []


def test_only_new_files_are_judged() -> None:
    """Harm: yesterday's bad file, long in quarantine, fails every run after it; or good history hides a bad night."""
    connection = new_warehouse()
    land(connection, "orders")
    connection.execute("update raw.orders set quantity = '-1'")
    land(connection, "orders")

    assert failures(connection, after_file_id=0) != []
    assert failures(connection, after_file_id=FILES) == []
    assert check_landing(connection, after(connection, 2 * FILES)) == []


def own(connection: duckdb.DuckDBPyConnection) -> None:
    """Customers of two partners, with an account each."""
    for table, columns in (("customers", "customer_id, partner_id"), ("accounts", "account, customer_id")):
        values = "('c1', 'p1'), ('c2', 'p2')" if table == "customers" else "('a1', 'c1'), ('a2', 'c2')"
        connection.execute(f"insert into raw.{table} by name select 0 as file_id, 1 as line, * from (values {values}) as t({columns})")


def owners(connection: duckdb.DuckDBPyConnection, after_file_id: int = 0, pending: tuple[int, ...] = ()) -> set[str | None]:
    new = after(connection, after_file_id)
    return {each.partner_id for each in unexpected(connection, check_landing(connection, new), new, pending)}


def test_rows_of_one_partner_that_are_wrong_are_that_partners() -> None:
    """150 rows of p2's exchange would keep p1's figures back; or, with p1's good rows beside them, be published."""
    connection = new_warehouse()
    own(connection)
    land(connection, "cdrs/standard", rows=200, files=1)
    connection.execute("update raw.cdrs_standard set account = case when line < 150 then 'a2' else 'a1' end")
    connection.execute("update raw.cdrs_standard set started_at = 'never' where account = 'a2'")
    assert owners(connection) == {"p2"}
    land(connection, "cdrs/standard", rows=5_000, files=1)
    connection.execute("update raw.cdrs_standard set account = 'a1' where file_id = 2")
    assert owners(connection) == set(), "left to quarantine, as any exchange that is a small part of a feed"
    assert owners(connection, after_file_id=1, pending=(1,)) == {"p2"}, "but not once it was held back, whatever lands later"


def test_rows_of_nobody_known_are_their_files_or_their_folders() -> None:
    """An exchange that shifts a column names nobody any more: it would hold nobody back, or everybody."""
    connection = new_warehouse()
    own(connection)
    for folder, account in (("west", "a2"), ("", None)):
        land(connection, "cdrs/freeswitch", rows=200, files=1)
        (file_id,) = connection.execute("select max(file_id) from raw.files").fetchone()
        connection.execute("update raw.cdrs_freeswitch set accountcode = ? where file_id = ?", [account or "a1", file_id])
        connection.execute(
            "update raw.files set file = feed || ? where file_id = ?", [f"/{folder}/{file_id}.csv".replace("//", "/"), file_id]
        )
    for folder, expected in (("west", "p2"), ("", None)):
        (before,) = connection.execute("select max(file_id) from raw.files").fetchone()
        land(connection, "cdrs/freeswitch", rows=200, files=1)
        connection.execute(
            "update raw.files set file = feed || ? where file_id > ?", [f"/{folder}/{before + 1}.csv".replace("//", "/"), before]
        )
        connection.execute("update raw.cdrs_freeswitch set accountcode = 'x', start_stamp = 'x' where file_id > ?", [before])
        assert owners(connection, before) == {expected}
    connection.execute("update raw.cdrs_freeswitch set accountcode = 'a1' where file_id > ? and line < 20", [before])
    assert owners(connection, before) == {"p1"}, "the other rows of the file are one partner's"


# How a good record of a declared source looks, per format: its fields in order, as SQL over the record's number n.
OWN = Format(
    "own",
    delimiter="|",
    has_header=False,
    date_order="dmy",
    columns={"callee": (1,), "started_at": (2,), "started_time": (3,), "duration_s": (4,)},
)
GOOD_FIELDS = {
    "sip-provider-nl": {
        "gespreks-id": "'nl-' || n",
        "trunk": "'a1'",
        "van": "'0201000001'",
        "naar": "'0031 20-' || (1000000 + n)",
        "datum": f"strftime({MINUTE}, '%d-%m-%Y')",
        "tijd": f"strftime({MINUTE}, '%H:%M:%S')",
        "duur": "(time '00:00:00' + to_seconds(n % 300))::varchar",
        "richting": "'Uitgaand'",
        "status": "if(n % 300 = 0, 'Gemist', 'Beantwoord')",
    },
    "cisco-cucm": {
        "globalCallID_callId": "n // 2",
        "origLegCallIdentifier": "n",
        "clientMatterCode": "'a1'",
        "callingPartyNumber": "'101'",
        "originalCalledPartyNumber": "'102'",
        "finalCalledPartyNumber": "'+3120' || (1000000 + n)",
        "dateTimeOrigination": "1790827195 + 60 * n",
        "dateTimeConnect": "if(n % 2 = 0, '0', (1790827199 + 60 * n)::varchar)",
        "dateTimeDisconnect": "1790827199 + 60 * n",
        "duration": "if(n % 2 = 0, 0, n % 300)",
    },
    "yeastar": {
        "id": "'y-' || n",
        "time": f"{MINUTE}::varchar",
        "account code": "'a1'",
        "call from": "'101'",
        "call to": "'<sip:020' || (1000000 + n) || '@provider.example>'",
        "talk duration": "n % 300",
        "communication type": "'Outbound'",
        "status": "if(n % 300 = 0, 'NO ANSWER', 'ANSWERED')",
    },
    "wholesaler": {
        "trunk": "'a1'",
        "cli": "'+31201000001'",
        "cld": "'3120' || (1000000 + n)",
        "connect_time": f"replace({MINUTE}::varchar, ' ', 'T') || 'Z'",
        "seconds": "n % 300",
    },
    "own": {
        "callee": "'00201000' || (100 + n)",
        "day": f"strftime({MINUTE}, '%-d/%-m/%Y')",
        "time": f"strftime({MINUTE}, '%H:%M')",
        "seconds": "n % 300",
    },
}


def land_declared(
    connection: duckdb.DuckDBPyConnection, form: str, folder: str = "cdrs/switch", rows: int = ROWS, file: str = "", **said: object
) -> int:
    """Good records of a source that is declared field by field, in one file; ``said`` is what its table in sources.toml says more."""
    source = Source(folder, folder.removeprefix("cdrs/"), shipped_formats().get(form, OWN), is_declared=True, **said)
    fields = GOOD_FIELDS[form]
    (last,) = connection.execute("select coalesce(max(file_id), 0) from raw.files").fetchone()
    file_id = last + 1
    names = ", ".join(f"c{place}" for place in range(1, len(fields) + 1))
    values = ", ".join(f"cast({sql} as varchar)" for sql in fields.values())
    connection.execute(
        f"insert into raw.cdrs_declared (file_id, line, {names}) select {file_id}, 2 + n, {values} from range({rows}) as numbered(n)"
    )
    header = tuple(fields) if source.format.has_header else None
    file = f"{folder}/{file or file_id}.csv"
    enter(connection, file_id, folder, file, rows)
    write_file_sources(connection, [FileOfSource(file_id, file, source, header)])
    write_words(connection, [source])
    return file_id


def field(form: str, name: str) -> str:
    return f"c{1 + [*GOOD_FIELDS[form]].index(name)}"


@pytest.mark.parametrize("form", GOOD_FIELDS)
def test_a_sound_source_that_is_declared_is_as_expected(form: str) -> None:
    """Its clock in another order, no ids or addresses for numbers would hold its partner back every night, though every call is read."""
    connection = new_warehouse()
    own(connection)
    land_declared(connection, form, account="a1", strip_digits=("0",))
    results = check_landing(connection, after(connection))
    assert [result.reason for result in results if not result.success] == []
    assert {(result.feed, result.rows) for result in results} == {("cdrs/switch", ROWS)}


BROKEN_SOURCES = [
    ("no time measured", "sip-provider-nl", {"duur": "'00:00:00'"}, "some calls lasted"),
    ("a column more in front", "sip-provider-nl", {"van": "gespreks-id", "naar": "trunk"}, "the callee is a number"),
    ("a column less", "sip-provider-nl", {"naar": "datum", "datum": "tijd", "tijd": "duur"}, "the call began at a moment"),
    ("one id for all calls", "sip-provider-nl", {"gespreks-id": "'nl-1'"}, "the ids tell calls apart"),
    ("no ids", "sip-provider-nl", {"gespreks-id": "null"}, "a call has an id"),
    ("milliseconds", "sip-provider-nl", {"duur": "line * 1000"}, "the duration is in seconds"),
    ("time running backwards", "sip-provider-nl", {"duur": "'-00:01:00'"}, "the duration is zero or more"),
    ("month before day", "sip-provider-nl", {"datum": "'10-31-2026'"}, "the call began at a moment"),
    ("English words", "sip-provider-nl", {"status": "'Answered'"}, "the disposition"),
    ("clocks of no moment", "cisco-cucm", {"dateTimeOrigination": "'yesterday'"}, "the call began at a moment"),
    ("ends of no moment", "cisco-cucm", {"dateTimeDisconnect": "'later'"}, "the call ended at a moment"),
    ("answers of no moment", "cisco-cucm", {"dateTimeConnect": "'soon'"}, "the call was answered"),
    ("nobody called", "cisco-cucm", {"originalCalledPartyNumber": "null", "finalCalledPartyNumber": "' '"}, "the callee is a number"),
    ("nobody to bill", "wholesaler", {"trunk": "null", "cli": "''"}, "an account or a caller"),
    ("the year 2000", "own", {"day": "'1/1/2000'"}, "the call began at a moment"),
]


@pytest.mark.parametrize(("what", "form", "changes", "says"), BROKEN_SOURCES, ids=[each[0] for each in BROKEN_SOURCES])
def test_a_declared_source_that_is_wrong_in_bulk_is_told(what: str, form: str, changes: dict[str, str], says: str) -> None:
    """Each record waits in quarantine or is billed for nothing, nobody looks, and the night is published without a switch's calls."""
    connection = new_warehouse()
    own(connection)
    land_declared(connection, form)
    names = {name: field(form, name) for name in GOOD_FIELDS[form]}
    assignments = ", ".join(f"{names[name]} = {names.get(value, value)}" for name, value in changes.items())
    connection.execute(f"update raw.cdrs_declared set {assignments}")
    reasons = [result.reason for result in failures(connection)]
    assert any(says in reason for reason in reasons), f"{what} went unseen: {reasons}"
    assert all(reason.startswith("cdrs/switch: ") for reason in reasons)


def test_a_declared_source_holds_back_its_partner_only() -> None:
    """P1 would go without figures because the switch of p2 measures no time; or p2's would be published as a night without calls."""
    connection = new_warehouse()
    own(connection)
    land(connection, "cdrs/standard", rows=200, files=1)
    land_declared(connection, "sip-provider-nl", "cdrs/west", rows=500)
    land_declared(connection, "sip-provider-nl", "cdrs/noord", rows=5_000)
    duration, trunk = field("sip-provider-nl", "duur"), field("sip-provider-nl", "trunk")
    connection.execute(f"update raw.cdrs_declared set {trunk} = 'a2', {duration} = '0' where file_id = 2")
    new = after(connection)
    (found,) = unexpected(connection, check_landing(connection, new), new)
    assert (found.partner_id, found.file_ids) == ("p2", (2,))
    assert "landed_as_expected: cdrs/west (p2): some calls lasted" in found.says
    assert "in cdrs/west/2.csv" in found.says
    connection.execute(f"update raw.cdrs_declared set {duration} = '0', {trunk} = if(line % 10 = 0, 'a1', 'a2') where file_id = 2")
    connection.execute(f"update raw.cdrs_declared set {duration} = '61' where file_id = 2 and {trunk} = 'a1'")
    assert owners(connection) == set(), "one call in ten lasted: as far as a whole source is looked at, it measures time"
    assert owners(connection, after_file_id=2, pending=(2,)) == {"p2"}, "of two partners in one source each is judged by itself"


def test_a_declared_source_whose_rows_name_nobody_is_its_partners() -> None:
    """A shifted column names no account any more: what sources.toml says, or else whose the last files were, still tells whose it is."""
    shifted = f"update raw.cdrs_declared set {field('sip-provider-nl', 'trunk')} = 'out', {field('sip-provider-nl', 'naar')} = 'out'"
    for said in ({"partner_id": "p2"}, {"account": "a2"}):
        connection = new_warehouse()
        own(connection)
        land_declared(connection, "sip-provider-nl", **said)
        connection.execute(shifted)
        assert owners(connection) == {"p2"}, said
    connection = new_warehouse()
    own(connection)
    land_declared(connection, "sip-provider-nl", file="2026-10/first")
    before = land_declared(connection, "sip-provider-nl", file="2026-10/second")
    land_declared(connection, "sip-provider-nl", file="2026-11/third")
    connection.execute(f"{shifted} where file_id > {before}")
    assert owners(connection, after_file_id=before) == {"p1"}


def test_rows_that_name_no_account_are_whose_number_calls() -> None:
    """A provider that tells customers apart by their numbers would hold nobody back, and its night without durations be published."""
    connection = new_warehouse()
    own(connection)
    connection.execute("""
        insert into raw.numbers by name select 0 as file_id, * from (
            values (1, '+31 20 1000000', '+31201000099', 'c2'), (2, '0301000000', null, 'c1'), (3, '+4930 1000000', null, 'c2')
        ) as t(line, first_number, last_number, customer_id)
    """)
    land_declared(connection, "wholesaler")
    for caller, whose in (("020-1000001", "p2"), ("+31301000000", None), ("0101234567", None), ("101", None)):
        connection.execute("update raw.cdrs_declared set c1 = 'their word', c2 = ?, c5 = '0'", [caller])
        assert owners(connection) == {whose}, caller
    land(connection, "cdrs/standard", rows=200, files=1)
    connection.execute("update raw.cdrs_standard set account = null, caller = '0031 20 1000099', duration_s = '0'")
    assert owners(connection, after_file_id=1) == {"p2"}


def test_few_records_of_a_declared_source_are_not_judged() -> None:
    """A file of three corrections with two mistakes in it would hold its partner back."""
    connection = new_warehouse()
    own(connection)
    land_declared(connection, "sip-provider-nl", rows=30)
    connection.execute("update raw.cdrs_declared set c4 = 'x', c7 = '0'")
    assert check_landing(connection, after(connection)) == []


def test_a_declared_source_whose_lines_are_no_rows_is_told() -> None:
    """A switch that names its columns otherwise since an update would leave no row, and nobody would miss its calls."""
    connection = new_warehouse()
    own(connection)
    for rejected in (0, 500):
        file_id = land_declared(connection, "sip-provider-nl", rows=500 - rejected, account="a2")
        connection.execute("update raw.files set rows_read = 500, rows_rejected = ? where file_id = ?", [rejected, file_id])
    file_id = land_declared(connection, "sip-provider-nl", rows=0, account="a2")
    connection.execute("update raw.files set rows_read = 500, rows_rejected = 500 where file_id = ?", [file_id])
    assert owners(connection, after_file_id=1) == {"p2"}


def test_a_dialect_with_a_clock_of_another_order_is_as_expected() -> None:
    """An Asterisk that is declared with its days first would be held back every night, though its clock is read."""
    connection = new_warehouse()
    own(connection)
    land(connection, "cdrs/asterisk", files=1)
    connection.execute("update raw.cdrs_asterisk set start = strftime(start::timestamp, '%d-%m-%Y %H:%M:%S'), accountcode = null")
    connection.execute("update raw.files set file = 'cdrs/own-switch/1.csv', folder_account = null")
    form = shipped_formats()["asterisk"]
    for order, whose in ((None, {"p2"}), ("dmy", set())):
        source = Source("cdrs/own-switch", "own-switch", replace(form, date_order=order), is_declared=True, account="a2")
        write_file_sources(connection, [FileOfSource(1, "cdrs/own-switch/1.csv", source)])
        assert owners(connection) == whose
        new = after(connection)
        for each in unexpected(connection, check_landing(connection, new), new):
            assert "landed_as_expected: cdrs/own-switch (p2)" in each.says


def test_what_sources_toml_has_landed_field_by_field_is_not_looked_for_in_the_dialects_table() -> None:
    """A dialect's folder that is declared field by field would have its partner held back for an empty table, night after night."""
    connection = new_warehouse()
    own(connection)
    land_declared(connection, "wholesaler", "cdrs/asterisk")
    assert {(result.table, result.success) for result in check_landing(connection, {1})} == {("cdrs_declared", True)}
    assert unexpected(connection, [], set(), before={1}) == []
    land(connection, "cdrs/asterisk", files=1)
    connection.execute("update raw.cdrs_asterisk set dst = 'out'")
    (found,) = unexpected(connection, check_landing(connection, {1, 2}), {1, 2})
    assert found.file_ids == (2,), "another source of that dialect"


def test_what_nobody_accepted_is_known_whatever_else_changed_in_the_ledger(tmp_path: Path) -> None:
    """An old file that is compressed changes the ledger: a night that was held back would go down among years of good ones."""
    workspace = Workspace(tmp_path)
    folder = workspace.serving / PLATFORM
    folder.mkdir(parents=True)
    with duckdb.connect(str(folder / "s1.duckdb")) as snapshot:
        snapshot.execute(f"create table _snapshot as select 's1' as snapshot, '{PLATFORM}' as owner, 'x' as ledger, 9 as through_file_id")
        snapshot.execute("create table _unexpected_files as select 7 as file_id")
    (folder / "current").write_text("s1.duckdb\n")
    assert publishing.not_accepted(workspace) == {7}


def test_orders_and_lines_that_are_no_rows_have_owners_too() -> None:
    """Another partner would go without figures for a file of orders, or for one that is no CSV at all."""
    connection = new_warehouse()
    own(connection)
    land(connection, "orders", files=1)
    connection.execute("update raw.orders set quantity = '-1', customer_id = 'c1'")
    enter(connection, 2, "cdrs/asterisk", "cdrs/asterisk/a2/1.log", 500, 500, "wrong_header")
    enter(connection, 3, "cdrs/asterisk", "cdrs/asterisk/a2/2.log", 500, 500, "wrong_header")
    connection.execute("update raw.files set folder_account = 'a2' where file_id > 1")
    assert owners(connection) == {"p1", "p2"}


def test_lines_that_are_no_rows_fail_when_they_are_many() -> None:
    """Harm: the exchange quotes its fields differently since an update; what still parses looks fine, the rest is never billed."""
    connection = new_warehouse()
    land(connection, "cdrs/asterisk")
    connection.execute("update raw.files set rows_read = rows_read + 100, rows_rejected = 100")

    (failure,) = failures(connection)

    assert "50.0 % of 2,000 lines rejected" in failure.reason


def test_one_wrong_file_is_set_aside_but_not_two() -> None:
    """Harm: of three exchanges one sent the wrong file, and nobody sees figures; or two did, and the figures are a third."""
    connection = new_warehouse()
    land(connection, "cdrs/standard", files=1)
    enter(connection, 2, "cdrs/standard", "cdrs/standard/2.csv", 1_000, 1_000, "wrong_header")
    assert failures(connection) == []

    enter(connection, 3, "cdrs/standard", "cdrs/standard/3.csv", 1_000, 1_000, "wrong_header")
    (failure,) = failures(connection)
    assert "2 of 3 files as a whole" in failure.observed


def test_the_same_file_again_counts_once() -> None:
    """Harm: a wrong file that is sent every hour outweighs the good ones."""
    connection = new_warehouse()
    land(connection, "cdrs/standard", files=1)
    for file_id in (2, 3):
        enter(connection, file_id, "cdrs/standard", f"cdrs/standard/{file_id}.csv", 5_000, 5_000, "wrong_header")
    connection.execute("update raw.files set duplicate_of = 2 where file_id = 3")

    assert failures(connection) == []


def test_a_failure_names_the_place_and_no_number() -> None:
    """Harm: somebody has to search a night's files for what is wrong; or subscribers' numbers end in logs that are kept for years."""
    connection = new_warehouse()
    land(connection, "cdrs/standard", files=1)
    connection.execute("update raw.cdrs_standard set started_at = 'Jan ' || callee")

    (failure,) = failures(connection)

    assert "found 0.0 % of 1,000; not cdrs/standard/1.csv line " in failure.reason
    assert "('aaa +99999999999')" in failure.reason


def test_a_large_landing_is_sampled_evenly_and_always_alike() -> None:
    """Harm: ten million rows as a frame take the run's memory; or the check looks at one exchange, or says another thing each time."""
    connection = new_warehouse()
    land(connection, "cdrs/freeswitch", rows=3 * SAMPLE_ROWS, files=3)

    files, rows = landed_batches(connection, after(connection))
    again = [*landed_batches(connection, after(connection))][1]

    assert files.rows_landed == rows.rows_landed == 3 * SAMPLE_ROWS
    assert 0.95 * SAMPLE_ROWS < len(rows.frame) <= SAMPLE_ROWS
    assert rows.frame["file"].value_counts(normalize=True).between(0.32, 0.35).all()
    assert rows.frame.equals(again.frame)


def test_judging_writes_and_draws_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """Harm: a library's own project folder appears in somebody's checkout, and its bars in every log."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    made: list[str] = []
    monkeypatch.setattr("tempfile.mkdtemp", lambda *arguments, **named: made.append("folder") or str(tmp_path / "made"))
    connection = new_warehouse()
    land(connection, "orders")

    for batch in landed_batches(connection, after(connection)):
        check(batch)

    assert made == list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_the_module_is_cheap_until_something_is_judged() -> None:
    """Harm: every verb of the command line, and every start of Dagster, waits 7 s for Great Expectations."""
    program = "import sys, orchestration.landing.expectations; print('great_expectations' in sys.modules, 'pandas' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert told.split() == ["False", "False"]


@pytest.fixture(scope="module")
def demo_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    workspace = Workspace(tmp_path_factory.mktemp("demo"))
    demo.generate(workspace, calls=20_000, months=1, seed=1)
    connection = warehouse.connect(workspace)
    ingest(workspace, connection, run_id="test")
    yield connection
    connection.close()


def test_the_demo_with_its_dirt_is_as_expected(demo_warehouse: duckdb.DuckDBPyConnection) -> None:
    """Harm: the dirt that every night brings, known and in quarantine, stops the publishing every night."""
    results = check_landing(demo_warehouse, after(demo_warehouse))

    assert [result.reason for result in results if not result.success] == []
    assert {result.feed for result in results} == set(SUITES)
