"""The UBL invoice is booked by a machine: what it refuses is paid late, what it misreads is booked wrong."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from orchestration.documents.invoice import LINE_KINDS, Invoice, InvoiceLine
from orchestration.documents.invoice_ubl import PROFILES, invoice_ubl, unit_price
from tests.unit.documents import BILLED_MONTHS, BUYER, LINES, credited, invoice, with_vat
from tests.unit.ubl_rules import NAMES, arithmetic_violations, en16931_violations, profile_violations, schema_violations

BELGIAN = replace(BUYER, country="BE", vat_number="BE 0123.456.789", postal_code="1000", city="Brussel")
MIXED = with_vat("reverse_charge", LINES[:3]) + with_vat("standard", LINES[3:6]) + with_vat("exempt", LINES[6:])
SETTLED = InvoiceLine(10, "mrc", "Verrekening 2026-09: SIP trunk", 3, Decimal("-10.51"), service_name="SIP trunk", settled_month="2026-09")
BELOW_NOTHING = invoice(
    (LINES[5], SETTLED),
    kind="credit_note",
    invoice_number="INV15901599",
    credited_invoice_number="INV15901583",
    due_on=invoice().issued_on,
)
DISCOUNT = (*LINES[:2], InvoiceLine(3, "mrc", "Korting", 3, Decimal("-5.00")))

CASES = {
    "invoice": invoice(),
    "credit note": credited(),
    "English": invoice(language="en"),
    "three kinds of VAT": invoice(MIXED, buyer=BELGIAN, notes=("one", "two\nthree")),
    "credit note of three kinds of VAT": credited(MIXED, buyer=BELGIAN),
    "exempt": invoice(with_vat("exempt")),
    "discount": invoice(DISCOUNT),
    "credit note of a discount": credited(DISCOUNT),
    "settlement": invoice((*LINES, SETTLED)),
    "settled below nothing": BELOW_NOTHING,
    "settled to nothing": invoice((replace(LINES[5], amount_eur=Decimal("10.51")), SETTLED)),
    "nothing to pay": invoice([replace(LINES[0], amount_eur=Decimal("0.00"), quantity=0)]),
    "buyer with a KvK number": invoice(buyer=replace(BUYER, coc_number="00000202", vat_number="NL000000099B01")),
    "months before and after": invoice(BILLED_MONTHS),
    "months before and after, credited": credited(BILLED_MONTHS),
    "odd letters": invoice(buyer=replace(BUYER, name='A & B <i> "C" \x00 שלום', street="#x *y*")),
}


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("case", CASES)
def test_the_schemas_the_rules_and_the_arithmetic_agree(case: str, profile: str) -> None:
    # Fails if a bookkeeping program may refuse the invoice: OASIS UBL 2.1, EN 16931, NLCIUS or Peppol, or sums that are off by a cent.
    xml = invoice_ubl(CASES[case], profile)
    assert schema_violations(xml) == []
    assert en16931_violations(xml) == []
    assert list(arithmetic_violations(xml)) == []
    assert list(profile_violations(xml, PROFILES[profile][0])) == []


def value(xml: bytes, path: str) -> str:
    return etree.fromstring(xml).xpath(f"string({path})", namespaces=NAMES)


def test_each_line_says_for_which_days_it_is() -> None:
    # Fails if bookkeeping spreads November's rent over October: BT-134 and BT-135 of each line, BT-73 and BT-74 of them all.
    xml = invoice_ubl(invoice(BILLED_MONTHS))
    days = {
        value(xml, f"//cac:InvoiceLine[{at}]/cbc:ID"): tuple(
            value(xml, f"//cac:InvoiceLine[{at}]/cac:InvoicePeriod/cbc:{end}Date") for end in ("Start", "End")
        )
        for at in (1, 2, 3, 6)
    }
    assert days == {
        "1": ("2026-10-01", "2026-10-31"),
        "2": ("2026-11-01", "2026-11-30"),
        "3": ("2026-09-01", "2026-09-30"),
        "6": ("2026-09-01", "2026-10-31"),
    }
    assert value(xml, "/*/cac:InvoicePeriod/cbc:StartDate") == "2026-09-01"
    assert value(xml, "/*/cac:InvoicePeriod/cbc:EndDate") == "2026-11-30"
    # approved before lines had days of their own: the month invoiced, once
    assert value(invoice_ubl(invoice()), "count(//cac:InvoicePeriod)") == "1"


def test_the_profiles_are_named_to_the_letter() -> None:
    # Fails if a receiver sorts the invoice under another standard, by one wrong letter.
    ids = {profile: value(invoice_ubl(invoice(), profile), "//cbc:CustomizationID") for profile in PROFILES}
    assert ids == {
        "nlcius": "urn:cen.eu:en16931:2017#compliant#urn:fdc:nen.nl:nlcius:v1.0",
        "peppol": "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0",
    }
    assert invoice_ubl(invoice()) == invoice_ubl(invoice(), "nlcius")


def test_who_pays_what_to_whom() -> None:
    # Fails if the money goes to another account, or arrives without the reference that books it.
    xml = invoice_ubl(invoice())
    for path, expected in {
        "/*/cbc:ID": "INV15901583",
        "/*/cbc:IssueDate": "2026-11-03",
        "/*/cbc:DueDate": "2026-12-03",
        "/*/cac:InvoicePeriod/cbc:EndDate": "2026-10-31",
        "//cac:AccountingSupplierParty//cbc:EndpointID[@schemeID='0106']": "00000101",
        "//cac:AccountingSupplierParty//cac:PartyTaxScheme/cbc:CompanyID": "NL000000012B01",
        "//cac:AccountingSupplierParty//cac:PartyLegalEntity/cbc:CompanyID[@schemeID='0106']": "00000101",
        "//cac:PaymentMeans/cbc:PaymentMeansCode": "58",
        "//cac:PaymentMeans/cbc:PaymentID": "INV15901583",
        "//cac:PayeeFinancialAccount/cbc:ID": "NL13TEST0123456789",
        "//cac:PayeeFinancialAccount/cac:FinancialInstitutionBranch/cbc:ID": "TESTNL2A",
        "//cac:LegalMonetaryTotal/cbc:PayableAmount[@currencyID='EUR']": "330.77",
        "//cac:TaxTotal/cbc:TaxAmount": "57.41",
        "//cac:InvoiceLine[cbc:ID='8']/cac:Item/cbc:Description": "1.204 gesprekken, 25:20:34",
        "//cac:InvoiceLine[cbc:ID='8']/cac:Item/cbc:Name": "Gesprekken: Nederland, mobiel",
    }.items():
        assert value(xml, path) == expected, path


def test_a_credit_note_names_its_invoice_and_asks_for_no_transfer() -> None:
    # Fails if a credit note is booked as a second invoice, or paid.
    xml = invoice_ubl(credited())
    assert etree.QName(etree.fromstring(xml)).localname == "CreditNote"
    assert value(xml, "/*/cbc:CreditNoteTypeCode") == "381"
    assert value(xml, "/*/cac:BillingReference/cac:InvoiceDocumentReference/cbc:ID") == "INV15901583"
    assert value(xml, "//cac:LegalMonetaryTotal/cbc:PayableAmount") == "330.77"
    assert value(xml, "//cac:PaymentMeans/cbc:PaymentMeansCode") == "57"
    assert value(xml, "//cac:PayeeFinancialAccount") == ""


def test_a_month_settled_below_nothing_gives_back_what_is_left() -> None:
    # Fails if a customer who left is paid back without the calls that he still made, or is charged for what he gets back.
    xml = invoice_ubl(BELOW_NOTHING)
    assert value(xml, "//cac:LegalMonetaryTotal/cbc:TaxExclusiveAmount") == "10.21"
    assert value(xml, "//cac:CreditNoteLine[cbc:ID='10']/cbc:LineExtensionAmount") == "10.51"
    assert value(xml, "//cac:CreditNoteLine[cbc:ID='6']/cbc:LineExtensionAmount") == "-0.30"
    assert value(xml, "//cac:CreditNoteLine[cbc:ID='10']/cac:Item/cbc:Name") == "Maandelijks: Verrekening september 2026: SIP trunk"


def test_why_there_is_no_vat() -> None:
    # Fails if reverse charge or exemption comes without its reason.
    xml = invoice_ubl(CASES["three kinds of VAT"])
    assert value(xml, "//cac:TaxCategory[cbc:ID='AE']/cbc:TaxExemptionReasonCode") == "VATEX-EU-AE"
    assert value(xml, "//cac:TaxCategory[cbc:ID='E']/cbc:TaxExemptionReason").startswith("Vrijgesteld van btw")
    assert value(xml, "//cac:AccountingCustomerParty//cbc:EndpointID[@schemeID='9925']") == "BE0123456789"


def test_prices_times_quantities_are_amounts() -> None:
    # Fails if the receiver's own multiplication gives another amount than the line.
    for amount, quantity, expected in (
        *(("12.34", 2, ("6.17", 1)), ("24.13", 312, ("24.13", 312)), ("33.00", 12, ("2.75", 1)), ("0.01", 8, ("0.01", 8))),
        *(("0.01", 4, ("0.0025", 1)), ("0.00", 3, ("0.00", 1)), ("1000.00", 1, ("1000.00", 1)), ("1000.00", 10, ("100.00", 1))),
    ):
        price, base = unit_price(Decimal(amount), quantity)
        assert (str(price), base) == expected
        assert price * quantity == Decimal(amount) * base


@st.composite
def any_invoice(draw: st.DrawFn) -> Invoice:
    lines = []
    for number in range(1, draw(st.integers(1, 6)) + 1):
        kind = draw(st.sampled_from(LINE_KINDS))
        category = draw(st.sampled_from(["standard", "reverse_charge", "exempt"]))
        lines.append(
            InvoiceLine(
                number,
                kind,
                draw(st.text(max_size=40)),
                draw(st.integers(0, 100_000)),
                Decimal(draw(st.integers(0, 10_000_000))) / 100,
                category,
                Decimal(draw(st.sampled_from([21, 9])) if category == "standard" else 0),
                duration_s=draw(st.integers(0, 10_000_000)) if kind in {"calls", "airtime"} else None,
            )
        )
    number = draw(st.text(min_size=1, max_size=20).filter(lambda text: text.isprintable() and text.strip()))
    return draw(st.sampled_from([invoice, credited]))(lines, buyer=BELGIAN, invoice_number=number)


@settings(max_examples=60, deadline=None)
@given(any_invoice())
def test_any_invoice_is_valid(some: Invoice) -> None:
    # Fails if an amount, a quantity or a text exists that makes an invoice which no program takes.
    xml = invoice_ubl(some)
    assert schema_violations(xml) == []
    assert en16931_violations(xml) == []
    assert list(arithmetic_violations(xml)) == []


SPOILED = [
    (b'<cbc:PayableAmount currencyID="EUR">330.77', b'<cbc:PayableAmount currencyID="EUR">330.78'),
    (b">24.13</cbc:LineExtensionAmount", b">24.12</cbc:LineExtensionAmount"),
    (b">57.41</cbc:TaxAmount", b">57.40</cbc:TaxAmount"),
    (b">2.75</cbc:PriceAmount", b">2.76</cbc:PriceAmount"),
    (b'unitCode="C62">312</cbc:BaseQuantity', b'unitCode="MIN">312</cbc:BaseQuantity'),
]


@pytest.mark.parametrize(("right", "wrong"), SPOILED)
def test_the_judge_of_sums_sees_a_cent(right: bytes, wrong: bytes) -> None:
    # Fails if the judge of arithmetic is blind: all that it passed would be worth nothing.
    xml = invoice_ubl(invoice())
    assert right in xml
    assert list(arithmetic_violations(xml.replace(right, wrong)))


def test_the_other_judges_see_faults() -> None:
    # Fails if schema, rules or profile are not looked at: an empty list would then mean nothing.
    xml = invoice_ubl(invoice())
    swapped = xml.replace(b"cbc:IssueDate", b"cbc:DueDate")
    assert schema_violations(swapped)
    no_vat_number = xml.replace(b"<cbc:CompanyID>NL000000012B01</cbc:CompanyID>", b"")
    assert any("BR-S-02" in found for found in en16931_violations(no_vat_number))
    wrong_sum = xml.replace(b'<cbc:LineExtensionAmount currencyID="EUR">273.36', b'<cbc:LineExtensionAmount currencyID="EUR">273.37')
    assert any("BR-CO-10" in found for found in en16931_violations(wrong_sum))
    assert list(profile_violations(xml.replace(b'schemeID="0106"', b'schemeID="0105"'), PROFILES["nlcius"][0]))
