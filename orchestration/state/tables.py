"""The tables of the state: what is kept of every decision."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

freezes = sa.Table(
    "freezes",
    metadata,
    sa.Column("freeze_id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("partner_id", sa.Text, nullable=False),
    sa.Column("month", sa.Text, nullable=False),
    sa.Column("occasion", sa.Text, nullable=False),
    sa.Column("snapshot", sa.Text, nullable=False),
    sa.Column("made_at", sa.Text, nullable=False),
    sa.Column("made_by", sa.Text, nullable=False),
    sa.Column("calls", sa.LargeBinary, nullable=False),
    sa.Column("calls_sha256", sa.Text, nullable=False),
    sa.Column("charges", sa.LargeBinary, nullable=False),
    sa.Column("charges_sha256", sa.Text, nullable=False),
)
"""What became final at one moment: the rated calls and the charges of some customers and one month, as Parquet."""

frozen_months = sa.Table(
    "frozen_months",
    metadata,
    sa.Column("partner_id", sa.Text, primary_key=True),
    sa.Column("customer_id", sa.Text, primary_key=True),
    sa.Column("month", sa.Text, primary_key=True),
    sa.Column("freeze_id", sa.Integer, nullable=False),
)
"""Months that are final for a customer of a partner: its invoice is approved, or the partner closed the month."""

frozen_files = sa.Table(
    "frozen_files",
    metadata,
    sa.Column("partner_id", sa.Text, primary_key=True),
    sa.Column("sha256", sa.Text, primary_key=True),
    sa.Column("freeze_id", sa.Integer, nullable=False),
)
"""The first freeze of a partner at which a file was there: a record in a file that came later is late for what was frozen before.

Of each partner, since one that was held back has not seen the files that another has: they are late for nobody's sake but its own.
"""


closed_months = sa.Table(
    "closed_months",
    metadata,
    sa.Column("partner_id", sa.Text, primary_key=True),
    sa.Column("month", sa.Text, primary_key=True),
    sa.Column("closed_at", sa.Text, nullable=False),
    sa.Column("closed_by", sa.Text, nullable=False),
)

arrivals = sa.Table(
    "arrivals",
    metadata,
    sa.Column("file_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("feed", sa.Text, nullable=False),
    sa.Column("file", sa.Text, nullable=False),
    sa.Column("place", sa.Text, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("content_sha256", sa.Text),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("modified_at", sa.Text, nullable=False),
    sa.Column("arrived_at", sa.Text, nullable=False),
    sa.Column("duplicate_of", sa.Integer),
    sa.Column("landed_at", sa.Text),
    sa.Column("published_at", sa.Text),
    sa.Column("withdrawn_at", sa.Text),
    sa.Column("withdrawn_by", sa.Text),
    sa.Column("moved_to", sa.Integer),
    sa.Column("gone_at", sa.Text),
)
"""The order of arrival: every file that a run has seen, by feed, path and content, under a number that only grows and is its ``file_id``.

``place`` is what its folder said of the rows when it came (``arrivals.place_of`` says it of today); of price lists, when it was last
declared. ``content_sha256`` is of the text, the same under any compression. ``landed_at`` is empty until its rows stood in a warehouse,
``published_at`` until readers saw them. A withdrawn file counts no more; ``gone_at``: a run has found it taken out of landing/ since, or
a price list that counts on.
"""


rerate_requests = sa.Table(
    "rerate_requests",
    metadata,
    sa.Column("request_id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("first_date", sa.Text, nullable=False),
    sa.Column("last_date", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
)
"""Days of the CDRs (first and last, both included) that the next run rates again."""

key_releases = sa.Table(
    "key_releases",
    metadata,
    sa.Column("feed", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("partner_id", sa.Text, primary_key=True),
    sa.Column("released_from", sa.Text, nullable=False),
    sa.Column("released_at", sa.Text, nullable=False),
    sa.Column("released_by", sa.Text, nullable=False),
)
"""Customers, accounts and numbers (the key as the feed says it) that an operator lets another partner have, from a day on."""

commission_statements = sa.Table(
    "commission_statements",
    metadata,
    sa.Column("partner_id", sa.Text, primary_key=True),
    sa.Column("reseller_id", sa.Text, primary_key=True),
    sa.Column("month", sa.Text, primary_key=True),
    sa.Column("settled_at", sa.Text, nullable=False),
    sa.Column("settled_by", sa.Text, nullable=False),
)
"""Statements that were settled with a reseller: what comes later for that month stands on a later statement."""

commission_statement_lines = sa.Table(
    "commission_statement_lines",
    metadata,
    sa.Column("partner_id", sa.Text, primary_key=True),
    sa.Column("reseller_id", sa.Text, primary_key=True),
    sa.Column("month", sa.Text, primary_key=True),
    sa.Column("invoice_id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("commission_percent", sa.Text, primary_key=True),
    sa.Column("sale_eur", sa.Text, nullable=False),
)

vat_returns = sa.Table(
    "vat_returns",
    metadata,
    sa.Column("partner_id", sa.Text, primary_key=True),
    sa.Column("quarter", sa.Text, primary_key=True),
    sa.Column("filed_at", sa.Text, nullable=False),
    sa.Column("filed_by", sa.Text, nullable=False),
)
"""Quarters (``2026-Q3``) whose VAT a partner has filed: what comes later for them stands in a later one."""

vat_return_lines = sa.Table(
    "vat_return_lines",
    metadata,
    sa.Column("partner_id", sa.Text, primary_key=True),
    sa.Column("quarter", sa.Text, primary_key=True),
    sa.Column("invoice_id", sa.Text, primary_key=True),
    sa.Column("vat_category", sa.Text, primary_key=True),
    sa.Column("vat_percent", sa.Text, primary_key=True),
    sa.Column("net_eur", sa.Text, nullable=False),
    sa.Column("vat_eur", sa.Text, nullable=False),
)

invoice_sequences = sa.Table(
    "invoice_sequences",
    metadata,
    sa.Column("partner_id", sa.Text, primary_key=True),
    sa.Column("last_number", sa.BigInteger, nullable=False),
)
"""How numbers were counted before ``number_series``: one row, whatever the prefix. Read once, never written."""

number_series = sa.Table(
    "number_series",
    metadata,
    sa.Column("partner_id", sa.Text, primary_key=True),
    sa.Column("prefix", sa.Text, primary_key=True),
    sa.Column("suffix", sa.Text, primary_key=True),
    sa.Column("last_number", sa.BigInteger, nullable=False),
    sa.Column("landed_number", sa.BigInteger),
    sa.Column("begun_at", sa.Text, nullable=False),
    sa.Column("begun_by", sa.Text, nullable=False),
)
"""The series of invoice numbers, with the number given last; ``landed_number`` is what ``partners.last_invoice_number`` said then."""

invoices = sa.Table(
    "invoices",
    metadata,
    sa.Column("partner_id", sa.Text, primary_key=True),
    sa.Column("invoice_number", sa.Text, primary_key=True),
    sa.Column("invoice_id", sa.Text, nullable=False, unique=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("credited_invoice_number", sa.Text),
    sa.Column("customer_id", sa.Text, nullable=False),
    sa.Column("month", sa.Text, nullable=False),
    sa.Column("issued_on", sa.Text, nullable=False),
    sa.Column("due_on", sa.Text, nullable=False),
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("content_sha256", sa.Text, nullable=False),
    sa.Column("approved_at", sa.Text, nullable=False),
    sa.Column("approved_by", sa.Text, nullable=False),
)
"""Approved invoices and credit notes, whole: ``content`` is JSON with decimals as text."""

logos = sa.Table(
    "logos",
    metadata,
    sa.Column("sha256", sa.Text, primary_key=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
)
"""Logos of partners as they stood on approved invoices, by their hash: a file that is changed or lost changes no invoice."""

letters = sa.Table(
    "letters",
    metadata,
    sa.Column("letter_id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("partner_id", sa.Text, nullable=False),
    sa.Column("customer_id", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("written_on", sa.Text, nullable=False),
    sa.Column("pay_by", sa.Text, nullable=False),
    sa.Column("open_eur", sa.Text, nullable=False),
    sa.Column("costs_eur", sa.Text, nullable=False),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("pdf", sa.LargeBinary, nullable=False),
    sa.Column("pdf_sha256", sa.Text, nullable=False),
    sa.Column("written_at", sa.Text, nullable=False),
    sa.Column("written_by", sa.Text, nullable=False),
    sa.Column("filed_at", sa.Text),
)
"""Reminders and formal notices, whole: ``path`` is below documents/, ``filed_at`` is empty until the PDF is there."""

letter_invoices = sa.Table(
    "letter_invoices",
    metadata,
    sa.Column("partner_id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("invoice_number", sa.Text, primary_key=True),
    sa.Column("letter_id", sa.Integer, nullable=False),
    sa.Column("open_eur", sa.Text, nullable=False),
)
"""The invoices of the letters: no invoice gets a letter of one kind twice, whoever writes at the same time."""

collection_files = sa.Table(
    "collection_files",
    metadata,
    sa.Column("partner_id", sa.Text, primary_key=True),
    sa.Column("message_id", sa.Text, primary_key=True),
    sa.Column("month", sa.Text, nullable=False),
    sa.Column("collect_on", sa.Text, nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.Column("content_sha256", sa.Text, nullable=False),
    sa.Column("made_at", sa.Text, nullable=False),
    sa.Column("made_by", sa.Text, nullable=False),
    sa.Column("filed_at", sa.Text),
)
"""Direct debits as they were given to the bank, whole; ``filed_at`` is empty until somebody has the file."""

collections = sa.Table(
    "collections",
    metadata,
    sa.Column("partner_id", sa.Text, primary_key=True),
    sa.Column("invoice_number", sa.Text, primary_key=True),
    sa.Column("attempt", sa.Integer, primary_key=True),
    sa.Column("message_id", sa.Text, nullable=False),
    sa.Column("customer_id", sa.Text, nullable=False),
    sa.Column("mandate_id", sa.Text, nullable=False),
    sa.Column("iban", sa.Text, nullable=False),
    sa.Column("amount_eur", sa.Text, nullable=False),
    sa.Column("sequence", sa.Text, nullable=False),
    sa.Column("collect_on", sa.Text, nullable=False),
    sa.Column("returned_at", sa.Text),
    sa.Column("returned_by", sa.Text),
)
"""Invoices that a direct debit collects. A later attempt says of the one before that it came back (``returned_at``)."""

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("audit_id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("partner_id", sa.Text),
    sa.Column("subject", sa.Text),
    sa.Column("detail", sa.Text),
)
"""Who decided what and when. Its last row that a run reads is the version of the state: whatever is decided leaves a row here."""

identities = sa.Table(
    "identities", metadata, sa.Column("state_id", sa.Text, primary_key=True), sa.Column("made_at", sa.Text, nullable=False)
)
"""Which state this is, in one row: made at its first use, so that one that was lost and begun anew is not taken for the old one."""
