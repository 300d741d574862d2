"""Landing: every row of every file ends in raw or in rejected_lines, with its line, whatever the file looks like."""

from __future__ import annotations

import csv
import gzip
import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration import warehouse
from orchestration.errors import TiktellerError
from orchestration.landing import fingerprints, ledger, loading
from orchestration.landing import ingest as ingest_module
from orchestration.landing.arrivals import arrivals
from orchestration.landing.feeds import FEEDS, feed_named
from orchestration.landing.ingest import ingest
from orchestration.landing.loading import FileReport, landed, load
from orchestration.landing.scan import scan
from orchestration.warehouse.connection import SOUND
from orchestration.workspace import DBT_PROJECT_DIR, Workspace

HEADER = "call_id,caller,callee,started_at,duration_s\n"
CALL = "c{0},31201234567,4930123456,2026-10-01T09:00:00+02:00,61\n"
ASTERISK = ["acc", "101", "0201234567", "ctx", "", "SIP/1", "SIP/2", "Dial", "", "2026-10-01 09:00:00"]
ASTERISK += ["2026-10-01 09:00:05", "2026-10-01 09:01:05", "65", "60", "ANSWERED", "3", "u1", ""]


@dataclass(frozen=True)
class House:
    """A workspace with its warehouse open, and short ways to land and to look."""

    workspace: Workspace
    connection: duckdb.DuckDBPyConnection

    def put(self, file: str, content: str | bytes) -> Path:
        path = self.workspace.landing / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def ingest(self) -> list[FileReport]:
        return ingest(self.workspace, self.connection, "run")

    def land(self, file: str, content: str | bytes) -> FileReport:
        """Land one file and ingest; its report."""
        self.put(file, content)
        (report,) = [each for each in self.ingest() if each.file == file]
        return report

    def ask(self, sql: str, *arguments: Any) -> list[tuple]:
        return self.connection.execute(sql, list(arguments)).fetchall()

    def calls(self) -> list[tuple]:
        return self.ask("select line, call_id from raw.cdrs_standard order by file_id, line")

    def rejected(self) -> list[tuple]:
        return self.ask("select line, reason, raw from raw.rejected_lines order by file_id, line")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    workspace = Workspace(tmp_path / "workspace")
    workspace.create(tuple(feed.name for feed in FEEDS))
    with warehouse.connect(workspace) as connection:
        yield House(workspace, connection)


# What a feed is -------------------------------------------------------------------------------------------------------


def test_every_feed_of_the_interface_is_declared() -> None:
    """A feed that is not declared is never read: its orders are never billed."""
    names = {feed.name for feed in FEEDS}
    assert {"cdrs/standard", "cdrs/3cx", "cdrs/asterisk", "cdrs/freeswitch", "orders", "extension_counts"} <= names
    assert len(names) == len({feed.table for feed in FEEDS}) == len(FEEDS) == 21
    assert (feed_named("cdrs/asterisk").minimum_columns, len(feed_named("cdrs/asterisk").columns)) == (16, 21)
    assert "call_id" in feed_named("cdrs/standard").required


def test_unknown_feed_names_the_known_ones() -> None:
    with pytest.raises(TiktellerError, match="cdrs/standard"):
        feed_named("cdrs/panasonic")


def test_new_column_reaches_an_old_warehouse(house: House) -> None:
    """Without it the first run after an update fails for everybody who has history."""
    ledger.create_raw(house.connection)
    house.connection.execute("alter table raw.orders drop column remarks")
    ledger.create_raw(house.connection)
    assert house.ask("select count(remarks) from raw.orders") == [(0,)]


# Files that are well ----------------------------------------------------------------------------------------------------


VARIANTS = {
    "plain": lambda text: text.encode(),
    "byte order mark": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "windows line ends": lambda text: text.replace("\n", "\r\n").encode(),
    "semicolons": lambda text: text.replace(",", ";").encode(),
    "tabs": lambda text: text.replace(",", "\t").encode(),
    "no last newline": lambda text: text.rstrip("\n").encode(),
    "all quoted": lambda text: "\n".join(
        ",".join(f'"{field}"' for field in line.split(",")) if line else "" for line in text.split("\n")
    ).encode(),
    "old macintosh line ends": lambda text: text.replace("\n", "\r").encode(),
}


@pytest.mark.parametrize("ending", [".csv", ".csv.gz"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_the_form_of_a_file_does_not_change_its_rows(house: House, variant: str, ending: str) -> None:
    """A BOM in the first column's name, or CR in the last value, would lose every row of an exchange."""
    content = VARIANTS[variant](HEADER + CALL.format(1) + CALL.format(2))
    report = house.land(f"cdrs/standard/a{ending}", gzip.compress(content) if ending == ".csv.gz" else content)
    assert (report.rows_read, report.rows_rejected, report.reject_reason) == (2, 0, None)
    assert house.ask("select line, call_id, duration_s from raw.cdrs_standard order by line") == [
        (2, "c1", "61"),
        (3, "c2", "61"),
    ]


def test_columns_may_stand_in_any_order_and_spelling(house: House) -> None:
    """Mapping by place would bill the callee for the caller's calls."""
    report = house.land("cdrs/standard/a.csv", " Duration-S,CALLEE, caller ,STARTED_AT,call_id,mood\n61,B,A,now,c1,good\n")
    assert report.unknown_columns == ("mood",)
    assert house.ask("select call_id, caller, callee, duration_s, disposition from raw.cdrs_standard") == [("c1", "A", "B", "61", None)]
    assert house.ask("select unknown_columns, rows_read from raw.files") == [("mood", 1)]


def test_threecx_header_as_the_exchange_writes_it(house: House) -> None:
    header = "historyid;callid;duration;time-start;time-answered;time-end;reason-terminated;from-no;to-no;chain"
    house.land("cdrs/3cx/hotel/2026-10-01.csv", f"{header}\n1;2;00:01:01;2026/10/01 09:00:00;;;;101;0201234567;a,b\n")
    assert house.ask("select time_start, from_no, to_no, chain, time_answered from raw.cdrs_3cx") == [
        ("2026/10/01 09:00:00", "101", "0201234567", "a,b", None)
    ]
    assert house.ask("select feed, folder_account from raw.files") == [("cdrs/3cx", "hotel")]


def test_asterisk_has_no_header_and_columns_by_its_settings(house: House) -> None:
    """Taking the first call for a header loses one call per file; a row of another width has other columns in their places."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL)
    clid = '"Jan ""de"" Wit" <31201234567>'
    writer.writerow([*ASTERISK[:4], clid, *ASTERISK[5:]])
    writer.writerow([*ASTERISK, "", "linked-1", "7"])
    writer.writerow([*ASTERISK, "peer"])
    writer.writerow(ASTERISK[:17])
    report = house.land("cdrs/asterisk/acc-1/Master.csv", buffer.getvalue())
    assert (report.rows_read, report.rows_rejected) == (4, 2)
    assert house.ask("select line, clid, peeraccount, linkedid from raw.cdrs_asterisk order by line") == [
        (1, clid, None, None),
        (2, None, None, "linked-1"),
    ]
    assert [row[:2] for row in house.rejected()] == [(3, "column_count"), (4, "column_count")]


def test_positional_file_with_too_few_columns_throughout_has_no_rows(house: House) -> None:
    """Every line is as wrong as the first: a reader that learns the width from it would take other people's data for calls."""
    report = house.land("cdrs/asterisk/a.csv", "a,b,c\n" * 3)
    assert (report.rows_read, report.rows_rejected) == (3, 3)
    assert {row[1] for row in house.rejected()} == {"column_count"}


def test_quoted_newline_keeps_the_first_line_as_the_line_of_the_row(house: House) -> None:
    """An operator who opens the file at the wrong line fixes the wrong order."""
    header = "order_id,line_number,customer_id,service_code,quantity,ordered_on,remarks\n"
    house.land("orders/a.csv", f'{header}o1,1,c,s,1,2026-10-01,"first\nsecond"\no2,1,c,s,1,2026-10-01,plain\n')
    assert house.ask("select line, order_id, remarks from raw.orders order by line") == [
        (2, "o1", "first\nsecond"),
        (4, "o2", "plain"),
    ]


def test_blank_lines_are_no_rows(house: House) -> None:
    report = house.land("cdrs/standard/a.csv", "\n" + HEADER + "\n" + CALL.format(1) + "   \n\n" + CALL.format(2) + "\n\n")
    assert (report.rows_read, report.rows_rejected) == (2, 0)
    assert house.calls() == [(4, "c1"), (7, "c2")]


def test_header_without_rows_is_a_file_without_rows(house: House) -> None:
    report = house.land("payments/a.csv", "invoice_number,paid_on,amount_eur\n")
    assert (report.rows_read, report.rows_rejected, report.reject_reason) == (0, 0, None)


# Lines that are no rows -------------------------------------------------------------------------------------------------


def test_bad_lines_are_rejected_one_by_one_and_the_rest_stays(house: House) -> None:
    """One bad line must not cost the partner the other calls of the day, nor vanish without a trace."""
    few, many = "c2,31201234567\n", CALL.format(3).rstrip("\n") + ",x,y\n"
    report = house.land("cdrs/standard/a.csv", HEADER + CALL.format(1) + few + many + "c4,3120\x00,49,t,1\n" + CALL.format(5))
    assert (report.rows_read, report.rows_rejected, report.reject_reason) == (5, 3, None)
    assert house.calls() == [(2, "c1"), (6, "c5")]
    assert house.rejected() == [
        (3, "column_count", few.strip()),
        (4, "column_count", many.strip()),
        (5, "nul_byte", "c4,3120\\x00,49,t,1"),
    ]


@pytest.mark.parametrize(
    ("line", "call_ids", "reasons"),
    [
        ("c2,3120\x00,49,t,61\n", [], ["nul_byte"]),
        ('"c2" ,31,49,t,61\n', [], ["malformed_quotes"]),
        ('"c2" "",31,49,t,61\n', [], ["malformed_quotes"]),
        (' "c2",31,49,t,61\n', [' "c2"'], []),
    ],
)
def test_fast_reader_is_kept_from_what_it_would_change(house: House, line: str, call_ids: list[str], reasons: list[str]) -> None:
    """DuckDB takes NUL bytes, and drops blanks beside quotes: the number on the invoice is not the number that was called."""
    house.land("cdrs/standard/a.csv", HEADER + CALL.format(1) + line)
    assert [call_id for _, call_id in house.calls()] == ["c1", *call_ids]
    assert [reason for _, reason, _ in house.rejected()] == reasons


def test_stray_quote_does_not_swallow_the_lines_below_it(house: House) -> None:
    """A CSV reader takes everything up to the next quote for one field: a thousand calls in one broken row."""
    broken = '"c2,31201234567,49,t,61\n'
    house.land("cdrs/standard/a.csv", HEADER + CALL.format(1) + broken + "".join(CALL.format(n) for n in range(3, 6)))
    assert house.calls() == [(2, "c1"), (4, "c3"), (5, "c4"), (6, "c5")]
    assert house.rejected() == [(3, "malformed_quotes", broken.strip())]


def test_text_behind_a_closing_quote_is_not_guessed_at(house: House) -> None:
    house.land("cdrs/standard/a.csv", HEADER + '"c1"x,31,49,t,61\n' + CALL.format(2))
    assert house.calls() == [(3, "c2")]
    assert house.rejected() == [(2, "malformed_quotes", '"c1"x,31,49,t,61')]


def test_delimiters_too_many_at_the_end_hold_no_value(house: House) -> None:
    """Spreadsheets write them; the fast and the careful reader agree on it."""
    good = CALL.format(1).strip() + ",\n"
    assert house.land("cdrs/standard/fast.csv", HEADER + good).rows_rejected == 0
    assert house.land("cdrs/standard/careful.csv", HEADER + "x\n" + good + CALL.format(2)).rows_rejected == 1
    assert house.calls() == [(2, "c1"), (3, "c1"), (4, "c2")]


# Files that are not what they say ---------------------------------------------------------------------------------------


CUT = (HEADER + CALL.format(1) + CALL.format(2))[:-40]
LATIN = (HEADER + CALL.format(1) + CALL.format("José")).encode("latin-1")
WHOLE = {
    "missing column": ("call_id,caller\nc1,31\nc2,31\n", "wrong_header", 2),
    "no header": (CALL.format(1) + CALL.format(2), "wrong_header", 2),
    "column named twice": (HEADER.strip() + ",Caller\n" + CALL.format(1).strip() + ",x\n", "wrong_header", 1),
    "latin-1": (LATIN, "wrong_encoding", 2),
    "utf-16": ((HEADER + CALL.format(1)).encode("utf-16"), "wrong_encoding", 1),
    "cut off": (CUT, "truncated", 2),
    "cut off inside quotes": (HEADER + CALL.format(1) + '"c2","31201', "truncated", 2),
    "nothing": ("", "empty_file", 0),
    "blank": ("\r\n  \n", "empty_file", 0),
    "byte order mark only": (b"\xef\xbb\xbf", "empty_file", 0),
}


@pytest.mark.parametrize("what", WHOLE)
def test_file_that_is_not_what_it_says_is_rejected_whole(house: House, what: str) -> None:
    """Half of a file would be billed as if it were all; and its lines must be found again in quarantine."""
    content, reason, lines = WHOLE[what]
    report = house.land("cdrs/standard/a.csv", content)
    assert report.reject_reason == reason
    assert house.calls() == []
    rejected = house.rejected()
    assert {row[1] for row in rejected} <= {reason}
    assert report.rows_read == report.rows_rejected == len(rejected)
    if what != "utf-16":  # its lines are not ours
        assert len(rejected) == lines
    assert house.ask("select reject_reason, rows_read, rows_rejected from raw.files") == [(reason, len(rejected), len(rejected))]


def test_undecodable_bytes_are_shown_as_escapes(house: House) -> None:
    house.land("cdrs/standard/a.csv", LATIN)
    assert house.rejected()[1][2].startswith("cJos\\xe9,")
    assert "line 3 has byte 0xe9" in house.ask("select detail from raw.rejected_lines limit 1")[0][0]


@pytest.mark.parametrize("cut", [1, 8, 200])
def test_gzip_that_ends_early_is_truncated(house: House, cut: int) -> None:
    """Its last calls are missing: billing the first ones and taking the whole file later again must not both happen."""
    rows = "".join(CALL.format(f"{n:x}{n * 7919:x}") for n in range(500))
    report = house.land("cdrs/standard/a.csv.gz", gzip.compress((HEADER + rows).encode())[:-cut])
    assert report.reject_reason == "truncated"
    assert report.rows_read == report.rows_rejected == len(house.rejected()) > 400
    assert house.calls() == []


def test_gzip_that_is_none_or_damaged_is_truncated(house: House) -> None:
    assert house.land("cdrs/standard/a.csv.gz", HEADER).reject_reason == "truncated"
    whole = bytearray(gzip.compress((HEADER + CALL.format(1)).encode()))
    whole[-6] ^= 0xFF  # the checksum
    assert house.land("cdrs/standard/b.csv.gz", bytes(whole)).reject_reason == "truncated"


def test_gzip_of_several_members_is_read_to_its_end(house: House) -> None:
    """`cat a.gz b.gz` is a gzip file; reading the first member only loses half the day."""
    members = gzip.compress((HEADER + CALL.format(1)).encode()) + gzip.compress(CALL.format(2).encode())
    assert house.land("cdrs/standard/a.csv.gz", members).rows_read == 2
    assert house.calls() == [(2, "c1"), (3, "c2")]


def test_truncated_file_is_read_when_the_rest_has_come(house: House) -> None:
    whole = HEADER + CALL.format(1) + CALL.format(2)
    assert house.land("cdrs/standard/a.csv", whole[:-40]).reject_reason == "truncated"
    assert house.land("cdrs/standard/a.csv", whole).rows_read == 2
    assert house.calls() == [(2, "c1"), (3, "c2")]


# The ledger -------------------------------------------------------------------------------------------------------------


def test_second_ingest_reads_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A nightly run that reads all history again gets slower every night."""
    house.land("cdrs/standard/a.csv", HEADER + CALL.format(1))
    monkeypatch.setattr(fingerprints, "SETTLED_NS", 0)
    monkeypatch.setattr(ingest_module, "scan", lambda *_: pytest.fail("read again"))
    assert house.ingest() == []


def test_same_bytes_under_another_name_are_not_loaded_again(house: House) -> None:
    """The same calls twice: the customer pays double."""
    house.put("cdrs/standard/a.csv", HEADER + CALL.format(1))
    house.put("cdrs/standard/b.csv", HEADER + CALL.format(1))
    reports = house.ingest()
    assert [(report.file, report.rows_read, report.duplicate_of) for report in reports] == [
        ("cdrs/standard/a.csv", 1, None),
        ("cdrs/standard/b.csv", 1, 1),
    ]
    assert house.land("cdrs/standard/sub/c.csv", HEADER + CALL.format(1)).duplicate_of == 1
    assert house.calls() == [(2, "c1")]
    assert house.ask("select file_id, duplicate_of, rows_rejected from raw.files order by 1") == [(1, None, 0), (2, 1, 0), (3, 1, 0)]


def test_file_moved_out_of_the_wrong_folder_is_read(house: House) -> None:
    """Its bytes are known, but as a file that was rejected in another feed."""
    content = HEADER + CALL.format(1)
    assert house.land("customers/a.csv", content).reject_reason == "wrong_header"
    assert house.land("cdrs/standard/a.csv", content).duplicate_of is None
    assert house.calls() == [(2, "c1")]


def test_same_path_with_other_bytes_is_a_new_file(house: House) -> None:
    house.land("cdrs/standard/a.csv", HEADER + CALL.format(1))
    assert house.land("cdrs/standard/a.csv", HEADER + CALL.format(1) + CALL.format(2)).file_id == 2
    assert house.ask("select file_id, line, call_id from raw.cdrs_standard order by all") == [(1, 2, "c1"), (2, 2, "c1"), (2, 3, "c2")]


def test_new_date_on_old_bytes_is_noted_and_nothing_else(house: House) -> None:
    """A mirror that copies everything each night must not grow the ledger, nor be hashed again."""
    path = house.put("cdrs/standard/a.csv", HEADER + CALL.format(1))
    house.ingest()
    os.utime(path, (1_700_000_000, 1_700_000_000))
    assert house.ingest() == []
    assert house.ask("select count(*), max(epoch(modified_at))::bigint from raw.files") == [(1, 1_700_000_000)]


def test_ledger_says_how_the_file_lay_there(house: House) -> None:
    path = house.put("cdrs/freeswitch/acc/2026/a.csv", ",".join("x" * 13) + "\n")
    os.utime(path, ns=(0, 1_750_000_000_123_456_789))
    house.ingest()
    assert house.ask("select feed, file, folder_account, size_bytes, epoch_us(modified_at), length(sha256), run_id from raw.files") == [
        ("cdrs/freeswitch", "cdrs/freeswitch/acc/2026/a.csv", "acc", 26, 1_750_000_000_123_456, 64, "run")
    ]


def test_files_are_numbered_by_feed_and_by_when_they_came(house: House) -> None:
    """The correction of a call of 600 s to 60 s would be undone by the name of its file: the customer pays ten times too much."""
    came = {"partners/p.csv": 3, "cdrs/standard/z.csv": 1, "cdrs/standard/a.csv": 2, "cdrs/standard/b.csv": 2, "cdrs/3cx/x.csv": 0}
    for name, second in came.items():
        os.utime(house.put(name, f"what,{name}\n"), ns=(0, 1_790_000_000_000_000_000 + second))
    assert [report.file for report in house.ingest()] == [
        "partners/p.csv",
        "cdrs/standard/z.csv",
        "cdrs/standard/a.csv",
        "cdrs/standard/b.csv",
        "cdrs/3cx/x.csv",
    ]


def test_what_belongs_to_no_feed_is_told_and_not_read(house: House) -> None:
    """A file in the wrong place is a day of calls that nobody bills: somebody must hear of it."""
    for name in ("lost.csv", "cdrs/lost.csv", "orders/report.xlsx", "orders/.hidden.csv", "orders/a.csv.part", "orders/a.tmp"):
        house.put(name, "x")
    told: list[str] = []
    assert ingest(house.workspace, house.connection, "run", lambda step, *_: told.append(step)) == []
    assert told == [
        "not read: cdrs/lost.csv: it is in no feed's folder",
        "not read: lost.csv: it is in no feed's folder",
        "not read: orders/report.xlsx: its name does not end in .csv or .csv.gz",
    ]


def test_pipes_and_linked_folders_are_told_and_not_opened(house: House, tmp_path: Path) -> None:
    """A pipe would hang the night's run; a linked folder passed over in silence is an exchange that nobody bills."""
    os.mkfifo(house.workspace.landing / "orders" / "pipe.csv")
    (house.workspace.landing / "cdrs" / "asterisk").mkdir(parents=True, exist_ok=True)
    (house.workspace.landing / "cdrs" / "asterisk" / "acc").symlink_to(tmp_path)
    found, strays = arrivals(house.workspace.landing)
    assert found == []
    assert [(stray.file, stray.why) for stray in strays] == [
        ("cdrs/asterisk/acc", "it is a link to a folder, which is not followed"),
        ("orders/pipe.csv", "it is no file"),
    ]


@pytest.mark.parametrize("name", [b"caf\xe9.csv", b"[1]*.csv", b"it's.csv", b"new\nline.csv", "téléphone {a}.csv".encode()])
def test_any_file_name_can_be_read(house: House, name: bytes) -> None:
    (house.workspace.landing / "cdrs/standard" / os.fsdecode(name)).write_text(HEADER + CALL.format(1))
    (report,) = house.ingest()
    assert report.rows_read == 1
    assert report.file.encode() == b"cdrs/standard/" + name.replace(b"\xe9", b"\\xe9", b"caf" in name)
    assert house.ingest() == []


def test_file_that_changes_while_it_is_read_is_left_to_the_next_run(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its rows would stand under a fingerprint that is not theirs."""
    path = house.put("cdrs/standard/a.csv", HEADER + CALL.format(1))
    house.put("cdrs/standard/b.csv", HEADER + CALL.format(2))

    def load_slowly(cursor: Any, files: Any, run_id: str) -> list[FileReport]:
        reports = load(cursor, files, run_id)
        if len(files) == 2:
            path.write_text(HEADER + CALL.format(1) + CALL.format(3))
        return reports

    monkeypatch.setattr(ingest_module, "load", load_slowly)
    assert [report.file for report in house.ingest()] == ["cdrs/standard/b.csv"]
    assert house.calls() == [(2, "c2")]
    monkeypatch.undo()
    assert [report.file for report in house.ingest()] == ["cdrs/standard/a.csv"]
    assert house.calls() == [(2, "c2"), (2, "c1"), (3, "c3")]


def test_irregular_file_among_others_does_not_shift_their_lines(house: House) -> None:
    """Many files are read by one statement; a line short in one must not move the lines of the next."""
    for number in range(6):
        bad = "x\n" if number in (1, 4) else ""
        house.put(f"cdrs/standard/{number}.csv", HEADER + CALL.format(f"{number}a") + bad + CALL.format(f"{number}b"))
    house.ingest()
    expected = [(n, line, f"c{n}{call}") for n in range(6) for line, call in ((2, "a"), (4 if n in (1, 4) else 3, "b"))]
    assert house.ask("select file_id - 1, line, call_id from raw.cdrs_standard order by all") == expected
    assert house.rejected() == [(3, "column_count", "x")] * 2


# Both readers -----------------------------------------------------------------------------------------------------------


texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from(list(",;\"' \t\n|\\#")), max_size=6)
small_files = st.tuples(
    st.lists(st.lists(texts, min_size=5, max_size=5), max_size=8),
    st.sampled_from(",;"),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    st.sampled_from(["\n", "\r\n"]),
)


Readers = Callable[[bytes], list[tuple[list, list]]]


@pytest.fixture(scope="module")
def both_readers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Readers]:
    """What the fast and what the careful reader make of a file of calls: its rows, and its rejected lines."""
    workspace = Workspace(tmp_path_factory.mktemp("both"))
    path = workspace.landing / "cdrs" / "standard" / "a.csv"
    path.parent.mkdir(parents=True)
    with duckdb.connect() as connection:
        ledger.create_raw(connection)

        def read(content: bytes) -> list[tuple[list, list]]:
            path.write_bytes(content)
            ((arrival,), _) = arrivals(workspace.landing)
            scanned = scan(arrival.path, arrival.is_gzip)
            results = []
            for each in (scanned, replace(scanned, is_plain=False)):
                load(connection, [landed(1, arrival, each)], "run")
                rows = connection.execute("select * exclude (file_id) from raw.cdrs_standard order by line").fetchall()
                rejected = connection.execute("select line, reason, raw from raw.rejected_lines order by line").fetchall()
                results.append((rows, rejected))
                connection.rollback()
            return results

        yield read


def test_clean_files_are_read_by_the_fast_reader(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The careful reader is ten times slower: a night of ten million calls would not be ready in the morning."""
    monkeypatch.setattr(loading, "_insert_carefully", lambda *_: pytest.fail("read carefully"))
    clid = '"""Jan de Wit"" <31201234567>"'
    house.put("cdrs/asterisk/a.csv", f'"acc","1","2","c",{clid},"x","x","Dial","","s","a","e",1,1,"ANSWERED","3","u",""\r\n')
    house.put("cdrs/standard/a.csv", HEADER + CALL.format(1))
    house.put("cdrs/standard/b.csv.gz", gzip.compress((HEADER + CALL.format(2)).encode()))
    assert [report.rows_rejected for report in house.ingest()] == [0, 0, 0]


@settings(max_examples=150, deadline=None)
@given(small_files)
def test_rows_come_back_as_they_were_written_on_both_readers(both_readers: Readers, file: Any) -> None:
    """A value changed on its way in is a wrong invoice that nobody can explain."""
    rows, delimiter, quoting, newline = file
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=delimiter, quoting=quoting, lineterminator=newline)
    writer.writerow(["call_id", "caller", "callee", "started_at", "duration_s"])
    expected = []
    for row in rows:
        line = buffer.getvalue().count("\n") + 1
        writer.writerow(row)
        if any(value.strip() for value in row):  # else it is a blank line
            expected.append((line, *(value or None for value in row)))
    content = buffer.getvalue().encode()
    for found, rejected in both_readers(content):
        assert [(row[0], row[1], row[5], row[6], row[7], row[8]) for row in found] == expected
        assert rejected == []


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from([b"a", b"1", b",", b",,,,", b'"', b'""', b"\n", b"\n\n", b"\r\n", b"\r", b" ", b"\xc3\xa9", b"x,y,z,1,2\n"]))
)
def test_both_readers_agree_on_rubbish(both_readers: Readers, pieces: list[bytes]) -> None:
    """What a call costs must not depend on which reader happened to take its file."""
    fast, careful = both_readers(HEADER.encode() + b"".join(pieces))
    assert fast == careful


# The warehouse's door ---------------------------------------------------------------------------------------------------


def test_second_writer_is_told_who_holds_the_warehouse(house: House) -> None:
    import subprocess
    import sys

    code = (
        "import sys; from pathlib import Path; from orchestration import warehouse; from orchestration.workspace import Workspace\n"
        "try: warehouse.connect(Workspace(Path(sys.argv[1])))\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    said = subprocess.run([sys.executable, "-c", code, str(house.workspace.root)], capture_output=True, text=True, check=True).stdout
    assert said.startswith("TiktellerError")
    assert str(os.getpid()) in said
    assert "Fix:" in said


def test_warehouse_can_be_opened_by_older_clients_and_counts_in_utc(house: House) -> None:
    ((tags,),) = house.ask("select tags from duckdb_databases() where database_name = 'warehouse'")
    assert tags["storage_version"].startswith("v1.5.0")
    assert house.ask("select current_setting('TimeZone')") == [("UTC",)]


def test_every_writer_has_the_settings_that_keep_duckdb_from_ending(house: House) -> None:
    """Lawful rows of one partner would end the run of all with a fatal error of DuckDB 2.0.0: dbt is told of it by its profile."""
    profile = yaml.safe_load((DBT_PROJECT_DIR / "profiles.yml").read_text())["tikteller"]["outputs"]["duckdb"]["config_options"]
    assert SOUND.items() <= profile.items()
    assert SOUND.items() <= warehouse.settings(house.workspace).items()
    assert house.ask("select current_setting('debug_enable_caching_operators')") == [(False,)]


def test_wrong_memory_setting_names_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIKTELLER_MEMORY", "much")
    with pytest.raises(TiktellerError, match="TIKTELLER_MEMORY"):
        warehouse.connect(Workspace(tmp_path))
