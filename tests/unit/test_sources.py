"""Sources: what sources.toml says, how a file is cut up by it, and what a price list in other people's words becomes."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from openpyxl import Workbook

from orchestration import warehouse
from orchestration.errors import TiktellerError
from orchestration.landing import as_declared
from orchestration.landing.feeds import FEEDS
from orchestration.landing.ingest import ingest
from orchestration.landing.price_lists import amount_of, day_of, prefixes_of
from orchestration.landing.sources import read_sources, shipped_formats
from orchestration.landing.trial import propose, try_source
from orchestration.workspace import Workspace

PRICES = """
[sources."purchase_rates/acme"]
deck_id = "acme"
valid_from = "2026-10-01"
"""


@pytest.fixture
def house(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path / "house")
    workspace.create(tuple(feed.name for feed in FEEDS))
    return workspace


def write(workspace: Workspace, file: str, text: str) -> Path:
    path = workspace.landing / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def ask(workspace: Workspace, sql: str) -> list[tuple]:
    with warehouse.connect(workspace) as connection:
        ingest(workspace, connection, "run")
        return connection.execute(sql).fetchall()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[sources."cdrs/x"]\n', "does not say its format"),
        ('[sources."cdrs/x"]\nformat = "nobody"\n', "there is no format 'nobody'"),
        ('[sources."cdrs/asterisk/x"]\ntime_zone = "ACT"\n', "time_zone 'ACT' is no zone"),
        ('[sources."cdrs/asterisk/x"]\nstrip_digits = ["zero"]\n', "strip_digits is zero"),
        ('[sources."cdrs/asterisk/x"]\nzone = "UTC"\n', "zone is not known"),
        ('[sources."customers"]\nformat = "standard"\n', "a source is a folder below cdrs/"),
        ('[sources."cdrs/x"]\nformat = "standard"\ncolumns = { who = 1 }\n', "columns names 'who'"),
        ('[sources."cdrs/x"]\nformat = "price-list"\n', "one of price lists"),
        ("[sources\n", "cannot be read"),
        ('[formats.mine]\nheader = "none"\ncolumns = { callee = "x", started_at = 2, duration_s = 3 }\n', "there is no header"),
        ("[formats.mine]\ncolumns = { callee = 2 }\n", "it is started_at, duration_s"),
    ],
)
def test_a_slip_in_sources_toml_is_named_with_its_table_and_its_fix(tmp_path: Path, text: str, says: str) -> None:
    """A setting that is not understood would be left out in silence, and a night of calls be read by the wrong clock."""
    (tmp_path / "sources.toml").write_text(text)
    with pytest.raises(TiktellerError, match=re.escape(says)) as wrong:
        read_sources(tmp_path / "sources.toml")
    assert wrong.value.fix
    assert "sources.toml" in str(wrong.value)


def test_every_shipped_format_names_what_a_call_or_a_price_needs() -> None:
    """A format that ships and cannot be used would be found by the first customer."""
    assert len([form for form in shipped_formats().values() if not form.is_price_list]) >= 7
    assert shipped_formats()["price-list"].is_price_list


def test_a_folder_that_nobody_declared_is_told_how(house: Workspace) -> None:
    """Files would lie in landing for ever, and nobody would know why their calls are not billed."""
    write(house, "cdrs/panasonic/a.csv", "a,b,c\n")
    told: list[str] = []
    with warehouse.connect(house) as connection:
        ingest(house, connection, "run", lambda step, *_: told.append(step))
    assert any('[sources."cdrs/panasonic"]' in line for line in told)


@pytest.mark.parametrize("columns", [16, 17, 18, 19, 20, 21])
def test_an_asterisk_file_is_cut_up_by_its_own_settings(house: Workspace, columns: int) -> None:
    """Columns would shift by one, and legs of one conversation be billed each, or whole files be refused row by row."""
    base = 'ta,101,0612345678,from-internal,x,c,d,Dial,"",2026-10-05 10:00:00,2026-10-05 10:00:00,"",70,60,ANSWERED,DOC'
    unique, user, new = "1790000001.7", "mine", "peer,1790000001.1,9"
    rest = {16: [], 17: [unique], 18: [unique, user], 19: [new], 20: [unique, new], 21: [unique, user, new]}[columns]
    write(house, "cdrs/asterisk/Master.csv", ",".join([base, *rest]) + "\n")
    ((uniqueid, userfield, linkedid, sequence),) = ask(house, "select uniqueid, userfield, linkedid, sequence from raw.cdrs_asterisk")
    assert uniqueid == (unique if unique in rest else None)
    assert userfield == (user if user in rest else None)
    assert (linkedid, sequence) == (("1790000001.1", "9") if new in rest else (None, None))


def test_seventeen_columns_may_end_with_a_userfield(house: Workspace) -> None:
    """What a clerk typed into a field would be taken for the name of the call."""
    base = 'ta,101,0612345678,from-internal,x,c,d,Dial,"",2026-10-05 10:00:00,2026-10-05 10:00:00,"",70,60,ANSWERED,DOC'
    write(house, "cdrs/asterisk/Master.csv", f"{base},booked by Jan\n")
    assert ask(house, "select uniqueid, userfield from raw.cdrs_asterisk") == [(None, "booked by Jan")]


def test_a_file_of_a_declared_source_lands_field_by_field_and_is_cut_up_anew_when_the_format_is_fixed(house: Workspace) -> None:
    """Files of months would have to be sent again because the first delimiter was a guess."""
    toml = (
        '[formats.mine]\nheader = "none"\ndelimiter = "|"\ncolumns = { callee = 2, started_at = 3, duration_s = 4 }\n'
        '[sources."cdrs/own"]\nformat = "mine"\n'
    )
    (house.root / "sources.toml").write_text(toml)
    write(house, "cdrs/own/a.log", "1;0612345678;2026-10-05 10:00;60\n2;0612345678;2026-10-05 11:00;60\n")
    assert ask(house, "select line, c1, c2 from raw.cdrs_declared order by line") == [
        (1, "1;0612345678;2026-10-05 10:00;60", None),
        (2, "2;0612345678;2026-10-05 11:00;60", None),
    ]
    (house.root / "sources.toml").write_text(toml.replace('"|"', '";"'))
    assert ask(house, "select file_id, line, c1, c2 from raw.cdrs_declared order by line") == [
        (1, 1, "1", "0612345678"),
        (1, 2, "2", "0612345678"),
    ]
    assert ask(house, "select callee_1, started_at_1 from raw.file_sources") == [(2, 3)]
    assert ask(house, "select file_id, rows_read from raw.files") == [(1, 2)], "its number, and so what is later, stays"


@pytest.mark.parametrize(
    ("cell", "country_code", "prefixes"),
    [
        ("49151, 49152", "", ["49151", "49152"]),
        ("49151-49153", "", ["49151", "49152", "49153"]),
        ("49151-3", "", ["49151", "49152", "49153"]),
        ("151/152", "+49", ["49151", "49152"]),
        ("4915 4916", "", ["4915", "4916"]),
        ("+49 151", "", ["+49151"]),
        ("", "31", ["31"]),
        ("49159-49151", "", ["49159-49151"]),
        ("mobile", "", ["mobile"]),
    ],
)
def test_the_prefixes_of_a_cell(cell: str, country_code: str, prefixes: list[str]) -> None:
    """A range would be bought at the price of the country as a whole; what cannot be read is kept, to be refused by its name."""
    assert prefixes_of(cell, country_code) == prefixes


def test_amounts_and_days_as_people_write_them() -> None:
    """A list would be refused for its euro signs, or hold from the tenth of the first instead of the first of the tenth."""
    assert [amount_of(text) for text in ("€ 0,0300", "EUR 1.234,56", "0.03\u00a0€")] == ["0,0300", "1.234,56", "0.03"]
    assert [day_of(text, "dmy") for text in ("01-10-2026", "1/10/2026", "2026-10-01", "20261001", "soon")] == [*["2026-10-01"] * 4, "soon"]
    assert day_of("10/01/2026", "mdy") == "2026-10-01"


LISTED = [
    ("acme", "316", "Nederland mobiel", "0", "0.03", "60", "60"),
    ("acme", "49151", "Duitsland mobiel", "0", "0.09", "1", "1"),
    ("acme", "49152", "Duitsland mobiel", "0", "0.09", "1", "1"),
    ("acme", "49153", "Duitsland mobiel", "0", "0.09", "1", "1"),
]
WANTED = """
    select deck_id, prefix, destination, connection_fee_eur, replace(minute_rate_eur, ',', '.'), first_increment_s, next_increment_s
    from raw.purchase_rates order by prefix
"""


@pytest.fixture
def priced(house: Workspace) -> Workspace:
    (house.root / "sources.toml").write_text(PRICES)
    return house


def test_a_price_list_in_dutch_words_is_read(priced: Workspace) -> None:
    """Somebody would rewrite every list by hand, and one day a digit wrong."""
    write(
        priced,
        "purchase_rates/acme/oktober.csv",
        "Acme Carrier;;;\nBestemming;Kengetal;Prijs per minuut;Interval\nNederland mobiel;00316;€ 0,03;60/60\n"
        "Duitsland mobiel;49151-49153;€ 0,09;1/1/1\n;;;\n",
    )
    listed = ask(priced, WANTED)
    assert [(row[0], row[1].removeprefix("00"), *row[2:]) for row in listed] == LISTED
    assert ask(priced, "select line from raw.purchase_rates order by 1") == [(3,), (4,), (1_000_004,), (2_000_004,)]
    assert ask(priced, "select rows_read, rows_rejected from raw.files") == [(4, 0)]


def test_a_price_list_in_a_workbook_is_read(priced: Workspace) -> None:
    """The list that came as XLSX would be opened and saved by a spreadsheet, which makes 3,16E+02 of its prefixes."""
    book = Workbook()
    for row in (
        ["Acme Carrier"],
        [],
        ["Destination", "Prefix", "Rate", "Increments"],
        ["Nederland mobiel", 316, 0.03, "60/60"],
        ["Duitsland mobiel", "49151-49153", 0.09, "1/1/1"],
    ):
        book.active.append(row)
    path = priced.landing / "purchase_rates" / "acme" / "oktober.xlsx"
    path.parent.mkdir(parents=True)
    book.save(path)
    assert ask(priced, WANTED) == LISTED
    (priced.root / "sources.toml").write_text(PRICES.replace('deck_id = "acme"', 'deck_id = "other"'))
    assert {row[0] for row in ask(priced, WANTED)} == {"other"}, "a setting that changes reads it anew"


def test_a_price_list_that_came_before_its_source_was_declared_is_read_then(house: Workspace) -> None:
    """The deck would stay empty until somebody thought of sending the same list under another name."""
    write(house, "purchase_rates/acme/oktober.csv", "Bestemming;Kengetal;Prijs per minuut\nNederland mobiel;316;0,03\n")
    assert ask(house, "select reject_reason, rows_rejected from raw.files") == [("wrong_header", 2)]
    (house.root / "sources.toml").write_text(PRICES)
    assert ask(house, "select file_id, deck_id, prefix from raw.purchase_rates") == [(1, "acme", "316")]
    assert ask(house, "select file_id, reject_reason, rows_read, rows_rejected from raw.files") == [(1, None, 1, 0)]
    assert ask(house, "select * from raw.rejected_lines") == []


def test_a_workbook_that_is_none_is_refused_by_name(priced: Workspace) -> None:
    """One broken attachment would stop the night's run of everybody."""
    write(priced, "purchase_rates/acme/broken.xlsx", "this is no workbook")
    assert ask(priced, "select reject_reason, rows_read, rows_rejected from raw.files") == [("unreadable_list", 1, 1)]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Gespreks-ID;Trunk;Van;Naar;Datum;Tijd;Duur;Richting;Status\n1;t;1;2;05-10-2026;10:00:00;60;uit;ok\n", "sip-provider-nl"),
        ("cdr_id,cli,cld,setup_time,billed_duration\n1,31201000000,31612345678,2026-10-05 10:00:00,60\n", "wholesaler"),
        ('"","020","06","default","2026-10-05 10:00:00","2026-10-05 10:00:00","",70,60,"NORMAL_CLEARING","u","",""\n', "freeswitch"),
    ],
)
def test_a_known_form_is_proposed_by_name(text: str, name: str) -> None:
    assert propose(text.encode())[0].name == name


def test_a_format_is_proposed_for_a_file_that_nobody_knows(house: Workspace, tmp_path: Path) -> None:
    """Who has a switch of another make would have to write a program before he can try us."""
    file = tmp_path / "unknown.txt"
    file.write_text(
        "Wanneer|Toestel|Gekozen|Lengte\n31-10-2026 10:00:00|0201000001|0612345678|60\n31-10-2026 11:00:00|0201000001|0612345679|75\n"
    )
    trial = try_source(house, file)
    assert [row[3:7] for row in trial.rows] == [
        ("0201000001", "0612345678", "2026-10-31 10:00:00", 60),
        ("0201000001", "0612345679", "2026-10-31 11:00:00", 75),
    ]
    assert 'time_format = "%d-%m-%Y %H:%M:%S"' in str(trial.proposal)
    (house.root / "sources.toml").write_text(str(trial.proposal).replace("cdrs/...", "cdrs/unknown"))
    (source,) = read_sources(house.root / "sources.toml")
    assert source.format.date_order == "dmy", "what is proposed can be used as it is"


def test_every_format_that_is_declared_can_be_tried(house: Workspace, tmp_path: Path) -> None:
    """What was proposed could not be tried before a folder has it; and a folder's own words would be tried in place of the format's."""
    (house.root / "sources.toml").write_text("""
        [formats.mine]
        delimiter = "|"
        header = "none"
        columns = { caller = 1, callee = 2, started_at = 3, duration_s = 4 }
        [sources."cdrs/other"]
        format = "wholesaler"
        columns = { callee = "elsewhere" }
    """)
    file = tmp_path / "a.txt"
    file.write_text("0201000001|0612345678|2026-10-01T10:00:00|60\n")
    assert [row[4] for row in try_source(house, file, "mine").rows] == ["0612345678"]
    file.write_text("cdr_id,cli,cld,setup_time,billed_duration\n1,31201000000,31612345678,2026-10-05 10:00:00,60\n")
    assert [row[4] for row in try_source(house, file, "wholesaler").rows] == ["31612345678"]
    with pytest.raises(TiktellerError, match="there is no format 'theirs'"):
        try_source(house, file, "theirs")


def test_a_format_that_ships_otherwise_is_other_rules(house: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """After an upgrade that fixes a format the next run would say that nothing is new, and bill on by the old one."""
    as_declared.remember_sources(house)
    assert as_declared.reads_as_declared(house)
    shutil.copytree(as_declared.FORMATS_DIR, tmp_path / "formats")
    (tmp_path / "formats/asterisk.toml").open("a").write("\n# fixed\n")
    monkeypatch.setattr(as_declared, "FORMATS_DIR", tmp_path / "formats")
    assert not as_declared.reads_as_declared(house)


def test_what_is_doubtful_is_said_before_it_lands(house: Workspace, tmp_path: Path) -> None:
    """Numbers behind an outside line would be billed as Australia, and found by the customer."""
    file = tmp_path / "a.csv"
    file.write_text(
        "call_id,caller,callee,started_at,duration_s\n1,101,00612345678,2026-10-05T10:00:00,60\n2,101,00612345678,yesterday,60\n"
    )
    doubts = "\n".join(try_source(house, file, "standard").doubts)
    assert 'strip_digits = ["0"]' in doubts
    assert "invalid_started_at, such as line 3" in doubts
    assert "no warehouse yet" in doubts
    assert not house.warehouse.exists(), "nothing of the workspace changes"
