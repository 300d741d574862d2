"""The state as it was before it had versions: what a release before that lacks is added, and nothing else is touched.

The tables stand here as they were then; those of today are in ``orchestration.state.tables``.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

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

frozen_months = sa.Table(
    "frozen_months",
    metadata,
    sa.Column("partner_id", sa.Text, primary_key=True),
    sa.Column("customer_id", sa.Text, primary_key=True),
    sa.Column("month", sa.Text, primary_key=True),
    sa.Column("freeze_id", sa.Integer, nullable=False),
)

frozen_files = sa.Table(
    "frozen_files",
    metadata,
    sa.Column("partner_id", sa.Text, primary_key=True),
    sa.Column("sha256", sa.Text, primary_key=True),
    sa.Column("freeze_id", sa.Integer, nullable=False),
)

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

rerate_requests = sa.Table(
    "rerate_requests",
    metadata,
    sa.Column("request_id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("first_date", sa.Text, nullable=False),
    sa.Column("last_date", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
)

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

commission_statements = sa.Table(
    "commission_statements",
    metadata,
    sa.Column("partner_id", sa.Text, primary_key=True),
    sa.Column("reseller_id", sa.Text, primary_key=True),
    sa.Column("month", sa.Text, primary_key=True),
    sa.Column("settled_at", sa.Text, nullable=False),
    sa.Column("settled_by", sa.Text, nullable=False),
)

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

logos = sa.Table(
    "logos",
    metadata,
    sa.Column("sha256", sa.Text, primary_key=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
)

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

letter_invoices = sa.Table(
    "letter_invoices",
    metadata,
    sa.Column("partner_id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("invoice_number", sa.Text, primary_key=True),
    sa.Column("letter_id", sa.Integer, nullable=False),
    sa.Column("open_eur", sa.Text, nullable=False),
)

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

identities = sa.Table(
    "identities", metadata, sa.Column("state_id", sa.Text, primary_key=True), sa.Column("made_at", sa.Text, nullable=False)
)


def upgrade() -> None:
    connection = op.get_bind()
    _key_final_months_by_partner(connection)
    _key_final_files_by_partner(connection)
    metadata.create_all(connection)
    _add_missing_columns(connection)


def _add_missing_columns(connection: sa.Connection) -> None:
    """Columns that a release added later, all of which may be empty."""
    found = sa.inspect(connection)
    for table in metadata.sorted_tables:
        known = {column["name"] for column in found.get_columns(table.name)}
        for column in table.columns:
            if column.name not in known:
                op.add_column(table.name, sa.Column(column.name, column.type))


def _lacks_partner_in_key(connection: sa.Connection, table: str) -> bool:
    found = sa.inspect(connection)
    return found.has_table(table) and "partner_id" not in found.get_pk_constraint(table)["constrained_columns"]


def _key_final_files_by_partner(connection: sa.Connection) -> None:
    """In a state of before, a file that was there at one freeze was there for all partners: so it stays for all who froze anything."""
    if not _lacks_partner_in_key(connection, "frozen_files"):
        return
    connection.exec_driver_sql("alter table frozen_files rename to frozen_files_of_before")
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("alter table frozen_files_of_before drop constraint frozen_files_pkey")
    frozen_files.create(connection)
    connection.exec_driver_sql(
        "insert into frozen_files (partner_id, sha256, freeze_id) select partners.partner_id, files.sha256, files.freeze_id"
        " from frozen_files_of_before as files cross join (select distinct partner_id from freezes) as partners"
    )
    connection.exec_driver_sql("drop table frozen_files_of_before")


def _key_final_months_by_partner(connection: sa.Connection) -> None:
    """A state of before knew one partner of a customer for ever: its table of final months gets the partner into its key."""
    if not _lacks_partner_in_key(connection, "frozen_months"):
        return
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(
            "alter table frozen_months drop constraint frozen_months_pkey, add primary key (partner_id, customer_id, month)"
        )
        return
    connection.exec_driver_sql("alter table frozen_months rename to frozen_months_of_before")
    frozen_months.create(connection)
    columns = "partner_id, customer_id, month, freeze_id"
    connection.exec_driver_sql(f"insert into frozen_months ({columns}) select {columns} from frozen_months_of_before")
    connection.exec_driver_sql("drop table frozen_months_of_before")
