"""The exchanges (telephone switches) of the demo and how each writes its call records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

from orchestration.demo.branches import BRANCHES, Branch
from orchestration.demo.files import BOM, DUTCH_EXCEL, PLAIN, CsvStyle

OFFICE, CALLS, HOTEL, SHOP, FOOD, HOME = BRANCHES.values()
STANDARD, THREECX, ASTERISK, FREESWITCH = ("cdrs/standard", "cdrs/3cx", "cdrs/asterisk", "cdrs/freeswitch")


@dataclass(frozen=True)
class Exchange:
    """One switch: whose, how large a share of all calls it carries, and its dialect.

    ``columns`` are the columns in the order in which it writes them. ``names_header`` tells whether it writes them
    above the rows.
    """

    exchange_id: str
    partner_id: str
    feed: str
    share: float
    customers: int
    branches: tuple[Branch, ...]
    columns: tuple[str, ...]
    path: Callable[[date], str]
    """The file of a day, relative to the feed's folder."""
    style: CsvStyle = PLAIN
    names_header: bool = True
    clock: str = "local"
    """How instants are written: ``local``, ``offset`` (+02:00), ``utc`` (Z) or ``minute`` (local, no seconds, one-digit
    months).
    """
    account: str = "named"
    """Where the account stands: ``named`` in the row, ``folder``, or ``caller`` (only the caller's number tells)."""

    @property
    def dialect(self) -> str:
        return self.feed.removeprefix("cdrs/")

    @property
    def header(self) -> bytes:
        bom = BOM if self.style.has_bom else b""
        names = self.style.delimiter.join(self.columns) + self.style.newline if self.names_header else ""
        return bom + names.encode()


STANDARD_COLUMNS = (
    "call_id", "leg", "sequence", "account", "caller", "callee", "started_at", "duration_s", "direction",
    "disposition", "correlation_id",
)  # fmt: skip
SHORT_STANDARD_COLUMNS = (
    "started_at", "caller", "callee", "duration_s", "disposition", "direction", "call_id", "account",
)  # fmt: skip
LONG_THREECX_COLUMNS = (
    "historyid", "callid", "duration", "time-start", "time-answered", "time-end", "reason-terminated", "from-no",
    "to-no", "from-dn", "to-dn", "dial-no", "reason-changed", "final-number", "final-dn", "bill-code", "bill-rate",
    "bill-cost", "bill-name", "chain",
)  # fmt: skip
SHORT_THREECX_COLUMNS = (
    "callid", "time-start", "time-answered", "time-end", "duration", "from-no", "to-no", "dial-no", "final-number",
    "bill-code", "reason-terminated", "from-type", "to-type", "from-dispname",
)  # fmt: skip
ASTERISK_COLUMNS = (
    "accountcode", "src", "dst", "dcontext", "clid", "channel", "dstchannel", "lastapp", "lastdata", "start", "answer",
    "end", "duration", "billsec", "disposition", "amaflags", "uniqueid", "userfield",
)  # fmt: skip
FREESWITCH_COLUMNS = (
    "caller_id_name", "caller_id_number", "destination_number", "context", "start_stamp", "answer_stamp", "end_stamp",
    "duration", "billsec", "hangup_cause", "uuid", "bleg_uuid", "accountcode",
)  # fmt: skip

_ASTERISK = Exchange(
    exchange_id="demo-asterisk",
    partner_id="binnenhaven",
    feed=ASTERISK,
    share=0.12,
    customers=12,
    branches=(OFFICE, CALLS, HOTEL, OFFICE, FOOD, OFFICE),
    columns=ASTERISK_COLUMNS,
    path=lambda day: f"demo-asterisk-{day}.csv",
    names_header=False,
)

EXCHANGES = (
    Exchange(
        exchange_id="demo-ams1",
        partner_id="kustlijn",
        feed=STANDARD,
        share=0.30,
        customers=34,
        branches=(OFFICE, SHOP, CALLS, HOTEL, FOOD, OFFICE, OFFICE, SHOP, OFFICE, FOOD),
        columns=STANDARD_COLUMNS,
        path=lambda day: f"demo-ams1/{day}.csv.gz",
        clock="offset",
    ),
    Exchange(
        exchange_id="demo-gro1",
        partner_id="binnenhaven",
        feed=STANDARD,
        share=0.17,
        customers=26,
        branches=(CALLS, OFFICE, HOTEL, OFFICE, SHOP, OFFICE, FOOD, OFFICE),
        columns=STANDARD_COLUMNS,
        path=lambda day: f"demo-gro1/{day}.csv",
        style=DUTCH_EXCEL,
        clock="utc",
    ),
    Exchange(
        exchange_id="demo-rtd1",
        partner_id="binnenhaven",
        feed=STANDARD,
        share=0.08,
        customers=14,
        branches=(OFFICE, HOME, FOOD, HOME, OFFICE, HOME),
        columns=SHORT_STANDARD_COLUMNS,
        path=lambda day: f"demo-rtd1/{day}.csv",
        account="caller",
    ),
    Exchange(
        exchange_id="demo-3cx-own",
        partner_id="kustlijn",
        feed=THREECX,
        share=0.04,
        customers=1,
        branches=(OFFICE,),
        columns=LONG_THREECX_COLUMNS,
        path=lambda day: f"kl-035-trunk/demo-{day}.csv.gz",
        account="folder",
    ),
    Exchange(
        exchange_id="demo-3cx-hosted",
        partner_id="kustlijn",
        feed=THREECX,
        share=0.16,
        customers=21,
        branches=(OFFICE, HOTEL, OFFICE, SHOP, OFFICE, FOOD),
        columns=SHORT_THREECX_COLUMNS,
        path=lambda day: f"demo-3cx-hosted-{day}.csv",
        style=CsvStyle(delimiter=";", newline="\r\n"),
    ),
    _ASTERISK,
    replace(
        _ASTERISK,
        exchange_id="demo-asterisk-own",
        share=0.03,
        customers=1,
        branches=(HOTEL,),
        columns=(*ASTERISK_COLUMNS, "peeraccount", "linkedid", "sequence"),
        path=lambda day: f"bh-053-trunk/demo-{day}.csv.gz",
        account="folder",
    ),
    Exchange(
        exchange_id="demo-freeswitch-kl",
        partner_id="kustlijn",
        feed=FREESWITCH,
        share=0.06,
        customers=6,
        branches=(OFFICE, FOOD, SHOP, OFFICE),
        columns=FREESWITCH_COLUMNS,
        path=lambda day: f"demo-freeswitch-kl-{day}.csv.gz",
        names_header=False,
    ),
    Exchange(
        exchange_id="demo-freeswitch-bh",
        partner_id="binnenhaven",
        feed=FREESWITCH,
        share=0.04,
        customers=5,
        branches=(OFFICE, FOOD, OFFICE),
        columns=(*FREESWITCH_COLUMNS, "read_codec", "write_codec"),
        path=lambda day: f"demo-freeswitch-bh-{day}.csv",
        names_header=False,
        clock="minute",
    ),
)
