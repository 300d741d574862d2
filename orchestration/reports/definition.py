"""What a report is: a SELECT on published tables, the parameters that narrow it, and what its columns hold.

A column needs no description of its own where it is named by the law of the published tables: ``_eur`` is money, ``_s`` seconds, ``_at`` an
instant in UTC, ``_on`` and ``_date`` days. What it means is read from the model's yml, where it is said once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["text", "money", "percent", "number", "count", "duration", "date", "moment", "yes_no"]

COUNTRY_NAME = "case $language when 'nl' then countries.name_nl else countries.name_en end"
"""SQL for the name of a country of the table ``countries``, in the language asked."""

MEANINGS = {
    "partner_id": "The partner: the tenant, who buys wholesale and sells under its own name.",
    "customer_id": "The customer, who gets the invoice.",
    "customer": "The customer's name.",
    "reseller_id": "The reseller; empty where the partner sells directly.",
    "reseller": "The reseller's name; empty where the partner sells directly.",
    "month": "Year and month.",
    "invoice_id": "Which invoice or draft.",
    "invoice_number": "Empty until approval.",
    "line_number": "Which line of it.",
    "country_name": "The country's name.",
    "service_code": "Which service.",
    "pbx_id": "Which PBX.",
    "call_plan_id": "Which call plan.",
    "call_plan_name": "The call plan's name.",
    "service_plan_id": "Which service plan.",
    "service_plan_name": "The service plan's name.",
    "service_name": "The service's name.",
    "category": "The category of services.",
    "sale_eur": "What was sold, without VAT.",
    "purchase_eur": "What it cost to buy.",
    "deck_id": "Which purchase deck.",
    "rate_line_type": "See rate_country.",
}
"""What a column means wherever its table does not say more."""


@dataclass(frozen=True)
class Parameter:
    """One way to narrow reports. ``known`` asks which values there are; where it is empty, the report's first table says."""

    name: str
    metavar: str
    says: str
    known: str = ""

    @property
    def option(self) -> str:
        return f"--{self.name.replace('_', '-')}"


PARAMETERS = (
    Parameter("month", "YYYY-MM", "one month"),
    Parameter("from", "DATE", "from this day or month on"),
    Parameter("to", "DATE", "up to and including this day or month"),
    Parameter("as_of", "DATE", "as things stood at the end of this day"),
    Parameter("customer", "C", "one customer", known="select customer_id from customers"),
    Parameter("reseller", "R", "one reseller", known="select reseller_id from resellers"),
    Parameter("plan", "PLAN", "one plan"),
    Parameter("deck", "DECK", "one purchase deck"),
    Parameter("version", "N", "one version of a deck, by the file_id of its file"),
)
"""All parameters there are, in the order in which the command line names them. ``partner`` is none: it decides which file is opened."""


@dataclass(frozen=True)
class Report:
    """One report of ``tikteller export``.

    tables    the published tables that it cannot do without; the first one bears the columns that ``filters`` name
    source    a SELECT of the rows before they are narrowed; may read customers, resellers and countries beside ``tables``, for names
    summary   a SELECT on ``chosen``, the rows of the source that the parameters leave; where empty: as they are
    columns   which columns of it, in this order; where empty: all of them
    order     what they are sorted by
    month     the column that ``--month`` compares, text YYYY-MM; also ``--from`` and ``--to`` where there is no ``day``
    day       the column that ``--from`` and ``--to`` compare
    filters   other parameters, each with the column that it compares
    required  parameters that must be given
    as_of     a SELECT of the day that ``--as-of`` is when it is not given; the source then reads ``$as_of``
    sums      columns with a total
    shares    percentages of totals: column -> (part, whole)
    meanings  what columns mean that are in no published table
    instead   another report that answers when this parameter is given: parameter -> name of the report

    The source may read ``$language``, nl or en.
    """

    name: str
    title: str
    says: str
    tables: tuple[str, ...]
    source: str
    order: str
    summary: str = ""
    columns: tuple[str, ...] = ()
    month: str = ""
    day: str = ""
    filters: Mapping[str, str] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    as_of: str = ""
    sums: tuple[str, ...] = ()
    shares: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    meanings: Mapping[str, str] = field(default_factory=dict)
    instead: Mapping[str, str] = field(default_factory=dict)

    @property
    def takes(self) -> tuple[str, ...]:
        """The names of its parameters, in order."""
        period = (["month"] if self.month or self.day else []) + (["from", "to"] if self.month or self.day else [])
        taken = {*period, *(["as_of"] if self.as_of else []), *self.filters, *self.instead}
        return tuple(parameter.name for parameter in PARAMETERS if parameter.name in taken)


def kind_of(column: str, data_type: str) -> Kind:
    """What a column holds, by its name and its type in DuckDB."""
    if data_type == "BOOLEAN":
        return "yes_no"
    if data_type == "DATE":
        return "date"
    if data_type.startswith("TIMESTAMP"):
        return "moment"
    if data_type.startswith("DECIMAL") or data_type in ("DOUBLE", "FLOAT"):
        return "money" if column.endswith("_eur") else "percent" if "percent" in column else "number"
    if data_type.endswith(("INT", "INTEGER")):
        return "duration" if column.endswith("_s") else "count"
    return "text"
