"""An invoice as UBL 2.1, by EN 16931 and one of its profiles: what a customer's bookkeeping reads.

The XML follows the order of the schemas of OASIS. Money has two decimals; a price may have more. A line bears the agreed price of a piece;
a part of a month is so many days at the price of a month's days. Of calls, which have no one price, the price is the amount per base
quantity: price / base quantity * quantity is then the amount exactly, as EN 16931 wants it, and no price is made up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal

from lxml import etree

from orchestration.documents.invoice import CENT, Invoice, InvoiceLine, Party, VatSubtotal, bare, coc_number, oin, vat_number
from orchestration.documents.invoice_pdf import exempt_reason, line_title, payment_reference, pieces_and_days
from orchestration.documents.wording import day, duration, printable, printable_lines, whole, word

PROFILES: Mapping[str, tuple[str, str]] = {
    "nlcius": ("urn:cen.eu:en16931:2017#compliant#urn:fdc:nen.nl:nlcius:v1.0", "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"),
    "peppol": ("urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0", "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"),
    "en16931": ("urn:cen.eu:en16931:2017", "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"),
}
"""Profile -> CustomizationID, ProfileID: NLCIUS (SI-UBL 2.0) of the Netherlands, Peppol BIS Billing 3.0, and the European standard that
both narrow: what can bear neither name (``profile_of``) is valid as that."""

NOT_RECOMMENDED: Mapping[str, frozenset[str]] = {"nlcius": frozenset({"account name", "VATEX code"})}
"""Profile -> what its official rules warn of where it is there: SI-UBL 2.0, BR-NL-30 and BR-NL-35."""

UBL = "urn:oasis:names:specification:ubl:schema:xsd:"
CAC = f"{UBL}CommonAggregateComponents-2"
CBC = f"{UBL}CommonBasicComponents-2"

KVK_SCHEME, OIN_SCHEME = "0106", "0190"
"""Dutch Chamber of Commerce number; number of a Dutch public body (ISO 6523)."""

VAT_SCHEMES = {
    "AT": "9914",
    "BE": "9925",
    "BG": "9926",
    "CY": "9928",
    "CZ": "9929",
    "DE": "9930",
    "EE": "9931",
    "EL": "9933",
    "GR": "9933",
    "ES": "9920",
    "FR": "9957",
    "GB": "9932",
    "HR": "9934",
    "HU": "9910",
    "IE": "9935",
    "LI": "9936",
    "LT": "9937",
    "LU": "9938",
    "LV": "9939",
    "MT": "9943",
    "NL": "9944",
    "PL": "9945",
    "PT": "9946",
    "RO": "9947",
    "SI": "9949",
    "SK": "9950",
}
"""First letters of a VAT number -> its scheme as an electronic address (EAS)."""

EACH, DAY = "C62", "DAY"
"""UN/ECE Recommendation 20: one, whatever it is; a day."""

SEPA_TRANSFER, STANDING_AGREEMENT = "58", "57"
"""UNCL 4461; a credit note is set off, nobody transfers it."""


def invoice_ubl(invoice: Invoice, profile: str = "nlcius") -> bytes:
    """The XML, UTF-8, indented. ``profile`` is a key of PROFILES; raises KeyError at another. An invoice that lacks what the profile wants
    says that it follows EN 16931 and no more (``profile_of``): a receiver refuses what bears a name and breaks its rules.

    A credit note bears what it credits as positive amounts: there, its name says the direction.
    """
    profile = profile_of(invoice, profile)
    customization, process = PROFILES[profile]
    is_credit = invoice.kind == "credit_note"
    name = "CreditNote" if is_credit else "Invoice"
    root = etree.Element(f"{{{UBL}{name}-2}}{name}", nsmap={None: f"{UBL}{name}-2", "cac": CAC, "cbc": CBC})
    _leaf(root, "CustomizationID", customization)
    _leaf(root, "ProfileID", process)
    _leaf(root, "ID", printable(invoice.invoice_number))
    _leaf(root, "IssueDate", invoice.issued_on.isoformat())
    if not is_credit:
        _leaf(root, "DueDate", invoice.due_on.isoformat())
    _leaf(root, f"{name}TypeCode", "381" if is_credit else "380")
    if notes := [line for note in invoice.notes for line in printable_lines(note)]:
        _leaf(root, "Note", " ".join(notes))
    _leaf(root, "DocumentCurrencyCode", "EUR")
    _leaf(root, "BuyerReference", printable(invoice.buyer_reference or invoice.customer_id))
    _add_period(root, *invoice.period)  # lines may not be for days outside it (PEPPOL-EN16931-R110 and R111)
    if is_credit:
        _leaf(
            _branch(_branch(root, "BillingReference"), "InvoiceDocumentReference"), "ID", printable(invoice.credited_invoice_number or "")
        )
    _add_party(_branch(root, "AccountingSupplierParty"), invoice.seller)
    _add_party(_branch(root, "AccountingCustomerParty"), invoice.buyer)
    _add_payment(root, invoice, profile)
    _add_totals(root, invoice, profile)
    for line in invoice.lines:
        _add_line(_branch(root, f"{name}Line"), line, invoice)
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True)


def _branch(parent: etree._Element, name: str) -> etree._Element:
    return etree.SubElement(parent, f"{{{CAC}}}{name}")


def _leaf(parent: etree._Element, name: str, text: str, **attributes: str) -> None:
    etree.SubElement(parent, f"{{{CBC}}}{name}", attributes).text = text


def _money(parent: etree._Element, name: str, amount_eur: Decimal) -> None:
    _leaf(parent, name, f"{amount_eur + 0:.2f}", currencyID="EUR")  # + 0: no -0.00


def profile_of(invoice: Invoice, profile: str) -> str:
    """``profile`` where the invoice has all that it wants, else ``en16931``."""
    return "en16931" if next(profile_gaps(invoice, profile), None) else profile


def profile_gaps(invoice: Invoice, profile: str) -> Iterator[tuple[str, str]]:
    """What the profile wants beyond EN 16931 and the invoice lacks, and the fix: NLCIUS the numbers of both parties in the Dutch registers
    (BR-NL-1, BR-NL-10), Peppol an electronic address of both (R010, R020)."""
    if profile == "nlcius":
        for party, column in ((invoice.seller, "partners.coc_number"), (invoice.buyer, "customers.coc_number or customers.oin")):
            # a party abroad has no number there; of a seller abroad NLCIUS asks nothing
            if party.country == "NL" and invoice.seller.country == "NL" and not _legal_id(party):
                yield f"{party.name} has no KvK number or OIN, which an e-invoice between Dutch parties must name", f"fill in {column}"
    elif profile == "peppol":
        for party, feed in ((invoice.seller, "partners.coc_number"), (invoice.buyer, "customers.coc_number, oin or vat_number")):
            if not _endpoint(party):
                yield f"{party.name} has no address on the Peppol network", f"fill in {feed}"


def _legal_id(party: Party) -> tuple[str | None, str] | None:
    """Scheme and number in a public register: of Dutch parties OIN, else KvK; the number as it is of others."""
    if party.country != "NL":
        return (None, number) if (number := coc_number(party)) else None
    if number := oin(party):
        return OIN_SCHEME, number
    return (KVK_SCHEME, number) if (number := coc_number(party)) else None


def _endpoint(party: Party) -> tuple[str, str] | None:
    """Scheme and electronic address, of Peppol's list (EAS): a Dutch OIN or KvK number, else the VAT number. No e-mail address: Peppol has
    none."""
    if party.country == "NL" and (found := _legal_id(party)):
        return found[0] or KVK_SCHEME, found[1]
    number = vat_number(party)
    scheme = VAT_SCHEMES.get(number[:2]) if number else None
    return (scheme, number) if number and scheme else None


def _add_period(parent: etree._Element, start: date, end: date) -> None:
    period = _branch(parent, "InvoicePeriod")
    _leaf(period, "StartDate", start.isoformat())
    _leaf(period, "EndDate", end.isoformat())


def _add_party(parent: etree._Element, party: Party) -> None:
    element = _branch(parent, "Party")
    if endpoint := _endpoint(party):
        _leaf(element, "EndpointID", endpoint[1], schemeID=endpoint[0])
    _leaf(_branch(element, "PartyName"), "Name", printable(party.name))
    address = _branch(element, "PostalAddress")
    for name, value in (("StreetName", party.street), ("CityName", party.city), ("PostalZone", party.postal_code)):
        if value:
            _leaf(address, name, printable(value))
    _leaf(_branch(address, "Country"), "IdentificationCode", party.country)
    if number := vat_number(party):
        tax = _branch(element, "PartyTaxScheme")
        _leaf(tax, "CompanyID", number)
        _leaf(_branch(tax, "TaxScheme"), "ID", "VAT")
    legal = _branch(element, "PartyLegalEntity")
    _leaf(legal, "RegistrationName", printable(party.name))
    if found := _legal_id(party):
        _leaf(legal, "CompanyID", found[1], **({"schemeID": found[0]} if found[0] else {}))
    if party.email:
        _leaf(_branch(element, "Contact"), "ElectronicMail", printable(party.email))


def _add_payment(root: etree._Element, invoice: Invoice, profile: str) -> None:
    means = _branch(root, "PaymentMeans")
    if invoice.kind == "credit_note":
        _leaf(means, "PaymentMeansCode", STANDING_AGREEMENT)
        return
    _leaf(means, "PaymentMeansCode", SEPA_TRANSFER)
    _leaf(means, "PaymentID", payment_reference(invoice))
    account = _branch(means, "PayeeFinancialAccount")
    _leaf(account, "ID", bare(invoice.seller.iban))  # no BIC beside it: SEPA has done without since 2016 (BR-NL-31)
    if "account name" not in NOT_RECOMMENDED.get(profile, ()):
        _leaf(account, "Name", printable(invoice.seller.name))
    _leaf(
        _branch(root, "PaymentTerms"), "Note", printable(word("payment_terms", invoice.language, day=day(invoice.due_on, invoice.language)))
    )


def _sign(invoice: Invoice) -> int:
    return -1 if invoice.kind == "credit_note" else 1


def _add_totals(root: etree._Element, invoice: Invoice, profile: str) -> None:
    sign = _sign(invoice)
    tax = _branch(root, "TaxTotal")
    _money(tax, "TaxAmount", sign * invoice.vat_eur)
    for subtotal in invoice.vat_subtotals:
        element = _branch(tax, "TaxSubtotal")
        _money(element, "TaxableAmount", sign * subtotal.net_eur)
        _money(element, "TaxAmount", sign * subtotal.vat_eur)
        _add_category(_branch(element, "TaxCategory"), subtotal, _exemption(subtotal, invoice, profile))
    total = _branch(root, "LegalMonetaryTotal")
    _money(total, "LineExtensionAmount", sign * invoice.net_eur)
    _money(total, "TaxExclusiveAmount", sign * invoice.net_eur)
    _money(total, "TaxInclusiveAmount", sign * invoice.gross_eur)
    _money(total, "PayableAmount", sign * invoice.gross_eur)


def _exemption(subtotal: VatSubtotal, invoice: Invoice, profile: str) -> tuple[tuple[str, str], ...]:
    """Why there is no VAT; under reverse charge a code beside the words, where the profile takes one."""
    if subtotal.vat_code == "AE":
        words = ("TaxExemptionReason", "Btw verlegd" if invoice.language == "nl" else "Reverse charge")
        code = () if "VATEX code" in NOT_RECOMMENDED.get(profile, ()) else (("TaxExemptionReasonCode", "VATEX-EU-AE"),)
        return (*code, words)
    if subtotal.vat_code == "E":
        return (("TaxExemptionReason", exempt_reason(invoice)),)
    return ()


def _add_category(element: etree._Element, of: VatSubtotal | InvoiceLine, exemption: tuple[tuple[str, str], ...] = ()) -> None:
    _leaf(element, "ID", of.vat_code)
    _leaf(element, "Percent", f"{of.vat_percent.normalize():f}")
    for name, text in exemption:
        _leaf(element, name, text)
    _leaf(_branch(element, "TaxScheme"), "ID", "VAT")


def _add_line(element: etree._Element, line: InvoiceLine, invoice: Invoice) -> None:
    amount = _sign(invoice) * line.amount_eur
    size, unit, price, base = quantity_and_price(line)
    quantity = size * (-1 if amount < 0 else 1)  # a price is never negative (BR-27), a quantity may be
    _leaf(element, "ID", str(line.line_number))
    _leaf(element, f"{'Credited' if invoice.kind == 'credit_note' else 'Invoiced'}Quantity", str(quantity), unitCode=unit)
    _money(element, "LineExtensionAmount", amount)
    if line.period_start and line.period_end:
        _add_period(element, line.period_start, line.period_end)
    item = _branch(element, "Item")
    if line.duration_s is not None:
        calls = word("call_one" if line.quantity == 1 else "call_many", invoice.language, calls=whole(line.quantity, invoice.language))
        _leaf(item, "Description", f"{calls}, {duration(line.duration_s, invoice.language)}")
    elif of_days := pieces_and_days(line, invoice.language):
        _leaf(item, "Description", of_days)
    _leaf(item, "Name", f"{word(line.kind, invoice.language)}: {line_title(line, invoice)}")
    if line.service_code:
        _leaf(_branch(item, "SellersItemIdentification"), "ID", printable(line.service_code))
    _add_category(_branch(item, "ClassifiedTaxCategory"), line)
    element_price = _branch(element, "Price")
    _leaf(element_price, "PriceAmount", f"{price:f}", currencyID="EUR")
    if base != 1:
        _leaf(element_price, "BaseQuantity", str(base), unitCode=unit)


def quantity_and_price(line: InvoiceLine) -> tuple[int, str, Decimal, int]:
    """Quantity, its unit, price and the quantity that the price is for: pieces at the agreed price, days of a month at the price of all its
    days; without an agreed price the amount per quantity."""
    pieces = abs(line.quantity) or 1
    if (agreed := line.agreed_price_eur) is None or not line.quantity:
        return (pieces, EACH, *unit_price(abs(line.amount_eur), pieces))
    if line.is_part_of_month and line.days and line.days_in_month:
        return abs(line.quantity * line.days), DAY, with_cents(agreed), line.days_in_month
    return pieces, EACH, with_cents(agreed), 1


def with_cents(price_eur: Decimal) -> Decimal:
    """Without zeros at its end, but at least two decimals."""
    shortest = price_eur.normalize()
    return shortest.quantize(min(CENT, Decimal((0, (1,), int(shortest.as_tuple().exponent)))))


def unit_price(amount_eur: Decimal, quantity: int) -> tuple[Decimal, int]:
    """A price and the quantity it is for, such that price / base * quantity is the amount exactly: per piece where that takes four
    decimals or fewer, else the amount for the whole quantity."""
    each = (amount_eur / quantity).quantize(Decimal("0.0001")).normalize()
    if each * quantity != amount_eur:
        return amount_eur, quantity
    return with_cents(each), 1
