"""The UBL invoice is booked by a machine: what it refuses is paid late, what it misreads is booked wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from orchestration.documents.invoice import LINE_KINDS, Invoice, InvoiceLine
from orchestration.documents.invoice_ubl import PROFILES, VAT_SCHEMES, invoice_ubl, profile_gaps, profile_of, unit_price
from tests.unit.documents import BILLED_MONTHS, BUYER, LINES, credited, invoice, with_vat
from tests.unit.ubl_rules import (
    ADDRESS_SCHEMES,
    NAMES,
    NLCIUS,
    PEPPOL,
    PROFILE_RULES,
    arithmetic_violations,
    en16931_violations,
    profile_violations,
    schema_violations,
)

BELGIAN = replace(BUYER, country="BE", vat_number="BE 0428.759.497", coc_number=None, postal_code="1000", city="Brussel")
OF_DAYS = (
    InvoiceLine(1, "mrc", "SIP trunk", 25, Decimal("160.88"), unit_price_eur=Decimal("6.435"), days=31, days_in_month=31),
    InvoiceLine(2, "mrc", "SIP trunk", 2, Decimal("30.00"), unit_price_eur=Decimal("30"), days=15, days_in_month=30),
    InvoiceLine(3, "nrc", "Aansluiting", 3, Decimal("7.04"), unit_price_eur=Decimal("2.345679")),
    InvoiceLine(4, "mrc", "Verrekening", 2, Decimal("-10.00"), unit_price_eur=Decimal("15"), days=-10, days_in_month=30),
    InvoiceLine(5, "mrc", "van voor een prijs", 3, Decimal("1.00"), unit_price_eur=Decimal("9.99")),
)
"""Agreed prices: of pieces, of a part of a month, with many decimals, of days given back, and one that is not that of its amount."""
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
    "buyer with an OIN": invoice(buyer=replace(BUYER, coc_number=None, oin="00000001003214345000")),
    "buyer without a number": invoice(buyer=replace(BUYER, coc_number=None)),
    "consumer": invoice(buyer=replace(BUYER, coc_number=None, kind="consumer")),
    "buyer with a VAT number only": invoice(buyer=replace(BUYER, coc_number=None, vat_number="000099998B57")),
    "buyer abroad without any": invoice(buyer=replace(BELGIAN, vat_number=None)),
    "VAT number of nobody knows where": invoice(buyer=replace(BELGIAN, vat_number="12345")),
    "agreed prices": invoice(OF_DAYS),
    "agreed prices, credited": credited(OF_DAYS),
    "a cent that was left": credited([replace(LINES[0], amount_eur=Decimal("12.50"), vat_correction_eur=Decimal("0.01"))]),
    "odd letters": invoice(buyer=replace(BUYER, name='A & B <i> "C" \x00 שלום', street="#x *y*")),
}


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("case", CASES)
def test_the_schemas_the_rules_and_the_arithmetic_agree(case: str, profile: str) -> None:
    # Fails if a bookkeeping program may refuse the invoice: OASIS UBL 2.1, EN 16931, NLCIUS or Peppol, or sums that are off by a cent.
    xml = invoice_ubl(CASES[case], profile)
    assert schema_violations(xml) == []
    assert en16931_violations(xml) == []
    assert list(arithmetic_violations(xml, vat_slack=Decimal("0.01") if case == "a cent that was left" else Decimal(0))) == []
    assert profile_violations(xml, profile_of(CASES[case], profile)) == []


WITHOUT_NUMBER = {
    "nlcius": {"buyer without a number", "consumer", "buyer with a VAT number only"},
    "peppol": {"buyer without a number", "consumer", "buyer abroad without any", "VAT number of nobody knows where"},
}


@pytest.mark.parametrize("profile", WITHOUT_NUMBER)
def test_only_who_lacks_a_number_gets_the_plain_form(profile: str) -> None:
    # Fails if an invoice names a profile whose rules it breaks, and is refused by the receiver; or does not name the one that it keeps.
    assert {case for case in CASES if profile_of(CASES[case], profile) != profile} == WITHOUT_NUMBER[profile]
    for case in WITHOUT_NUMBER[profile]:
        assert value(invoice_ubl(CASES[case], profile), "//cbc:CustomizationID") == "urn:cen.eu:en16931:2017"
        assert next(profile_gaps(CASES[case], profile))[1].startswith("fill in customers.")


def test_addresses_and_register_numbers_of_buyers() -> None:
    # Fails if an e-invoice goes to an e-mail address as if it were on the network, or a municipality's to a number that is none.
    seen = {}
    for case in ("buyer with a KvK number", "buyer with an OIN", "buyer with a VAT number only", "three kinds of VAT", "consumer"):
        xml = invoice_ubl(CASES[case], "peppol")
        seen[case] = tuple(
            (value(xml, f"//cac:AccountingCustomerParty//{path}/@schemeID"), value(xml, f"//cac:AccountingCustomerParty//{path}"))
            for path in ("cbc:EndpointID", "cac:PartyLegalEntity/cbc:CompanyID")
        )
    assert seen == {
        "buyer with a KvK number": (("0106", "00000202"), ("0106", "00000202")),
        "buyer with an OIN": (("0190", "00000001003214345000"), ("0190", "00000001003214345000")),
        "buyer with a VAT number only": (("9944", "NL000099998B57"), ("", "")),
        "three kinds of VAT": (("9925", "BE0428759497"), ("", "")),
        "consumer": (("", ""), ("", "")),
    }
    assert set(VAT_SCHEMES.values()) <= ADDRESS_SCHEMES
    for xml in (invoice_ubl(each, profile) for each in CASES.values() for profile in PROFILES):
        assert b'"EM"' not in xml


def test_an_agreed_price_is_the_price_on_the_invoice() -> None:
    # Fails if a price is worked back from a rounded amount: 25 x 6.435 at 6.4352 each, two halves of 30.00 as 2 x 15.00.
    xml = invoice_ubl(invoice(OF_DAYS))
    found = [tuple(value(xml, f"//cac:InvoiceLine[{at}]/{path}") for path in QUANTITY_AND_PRICE) for at in range(1, len(OF_DAYS) + 1)]
    assert found == [
        ("25", "C62", "6.435", "", "160.88"),
        ("30", "DAY", "30.00", "30", "30.00"),
        ("3", "C62", "2.345679", "", "7.04"),
        ("-20", "DAY", "15.00", "30", "-10.00"),
        ("3", "C62", "1.00", "3", "1.00"),
    ]


QUANTITY_AND_PRICE = (
    *("cbc:InvoicedQuantity", "cbc:InvoicedQuantity/@unitCode", "cac:Price/cbc:PriceAmount", "cac:Price/cbc:BaseQuantity"),
    "cbc:LineExtensionAmount",
)


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
        "en16931": "urn:cen.eu:en16931:2017",
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
        "//cac:PayeeFinancialAccount/cac:FinancialInstitutionBranch/cbc:ID": "",
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
    # Fails if reverse charge or exemption comes without its reason: Peppol takes the code too, NLCIUS recommends the words only (BR-NL-35).
    assert value(invoice_ubl(CASES["three kinds of VAT"]), "//cac:TaxCategory[cbc:ID='AE']/cbc:TaxExemptionReason") == "Btw verlegd"
    xml = invoice_ubl(CASES["three kinds of VAT"], "peppol")
    assert value(xml, "//cac:TaxCategory[cbc:ID='AE']/cbc:TaxExemptionReasonCode") == "VATEX-EU-AE"
    assert value(xml, "//cac:TaxCategory[cbc:ID='E']/cbc:TaxExemptionReason").startswith("Vrijgesteld van btw")
    assert value(xml, "//cac:AccountingCustomerParty//cbc:EndpointID[@schemeID='9925']") == "BE0428759497"


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


def without(xml: bytes, path: str) -> bytes:
    root = etree.fromstring(xml)
    found = root.xpath(path, namespaces=NAMES)
    assert found, path
    for each in found:
        each.getparent().remove(each)
    return etree.tostring(root)


def set_to(xml: bytes, path: str, text: str) -> bytes:
    """The text of elements, or an attribute of them (``path/@name``), changed."""
    root = etree.fromstring(xml)
    path, _, attribute = path.partition("/@")
    found = root.xpath(path, namespaces=NAMES)
    assert found, path
    for each in found:
        if attribute:
            each.set(attribute, text)
        else:
            each.text = text
    return etree.tostring(root)


def with_child(xml: bytes, path: str, *names: str, text: str = "1") -> bytes:
    """An element (and in it the next, and so on) put into what is found."""
    root = etree.fromstring(xml)
    (place, *_) = root.xpath(path, namespaces=NAMES)
    for name in names:
        prefix, local = name.split(":")
        place = etree.SubElement(place, f"{{{NAMES[prefix]}}}{local}")
    place.text = text
    return etree.tostring(root)


SELLER_PARTY, BUYER_PARTY = ("//cac:AccountingSupplierParty/cac:Party", "//cac:AccountingCustomerParty/cac:Party")
LEGAL_ID = "/cac:PartyLegalEntity/cbc:CompanyID"


def names_of(profile: str, beginning: str) -> list[str]:
    return [rule.name for rule in PROFILE_RULES[profile] if rule.name.startswith(beginning)]


WRONG: dict[str, list[Callable[[bytes], bytes]]] = {
    "SI-V20-INV-R000": [lambda x: without(x, "cbc:CustomizationID"), lambda x: set_to(x, "cbc:CustomizationID", "urn:cen.eu:en16931:2017")],
    "BR-NL-1 ": [lambda x: without(x, SELLER_PARTY + LEGAL_ID), lambda x: set_to(x, f"{SELLER_PARTY}{LEGAL_ID}/@schemeID", "0105")],
    "BR-NL-2 ": [lambda x: without(x, "cbc:BuyerReference"), lambda x: set_to(x, "cbc:BuyerReference", " ")],
    "BR-NL-3 ": [lambda x: without(x, f"{SELLER_PARTY}//cbc:PostalZone"), lambda x: without(x, f"{SELLER_PARTY}//cbc:StreetName")],
    "BR-NL-4 ": [lambda x: without(x, f"{BUYER_PARTY}//cbc:CityName"), lambda x: set_to(x, f"{BUYER_PARTY}//cbc:CityName", "")],
    "BR-NL-7 ": [lambda x: without(x, "cbc:InvoiceTypeCode"), lambda x: set_to(x, "cbc:InvoiceTypeCode", "393")],
    "BR-NL-8 ": [lambda x: set_to(x, "cbc:InvoiceTypeCode", "381")],
    "BR-NL-10 ": [lambda x: without(x, BUYER_PARTY + LEGAL_ID), lambda x: set_to(x, f"{BUYER_PARTY}{LEGAL_ID}/@schemeID", "9944")],
    "BR-NL-11 ": [lambda x: without(x, "cac:PaymentMeans")],
    "BR-NL-12 ": [lambda x: set_to(x, "//cbc:PaymentMeansCode", "1"), lambda x: without(x, "//cbc:PaymentMeansCode")],
    "BR-NL-13 ": [lambda x: with_child(x, "//cac:InvoiceLine", "cac:OrderLineReference", "cbc:LineID")],
    "BR-NL-19 ": [lambda x: with_child(x, "/*", "cbc:TaxCurrencyCode", text="USD")],
    "BR-NL-20 ": [lambda x: with_child(x, "/*", "cbc:TaxPointDate")],
    "BR-NL-21 ": [lambda x: with_child(x, "/*/cac:InvoicePeriod", "cbc:DescriptionCode")],
    "BR-NL-24 ": [lambda x: with_child(x, "/*", "cac:BillingReference", "cac:InvoiceDocumentReference", "cbc:IssueDate")],
    "BR-NL-25 ": [lambda x: set_to(x, f"{SELLER_PARTY}/cac:PartyTaxScheme/cac:TaxScheme/cbc:ID", "TAX")],
    "BR-NL-26 ": [lambda x: with_child(x, f"{SELLER_PARTY}/cac:PartyLegalEntity", "cbc:CompanyLegalForm")],
    "BR-NL-27 ": [lambda x: with_child(x, f"{SELLER_PARTY}/cac:PostalAddress", "cac:AddressLine", "cbc:Line")],
    "BR-NL-28 ": [lambda x: with_child(x, f"{BUYER_PARTY}/cac:PostalAddress", "cbc:CountrySubentity")],
    "BR-NL-29 ": [lambda x: set_to(x, "//cbc:PaymentMeansCode/@name", "SEPA")],
    "BR-NL-30 ": [lambda x: with_child(x, "//cac:PayeeFinancialAccount", "cbc:Name")],
    "BR-NL-31 ": [lambda x: with_child(x, "//cac:PayeeFinancialAccount", "cac:FinancialInstitutionBranch", "cbc:ID")],
    "BR-NL-32, BR-NL-34 ": [lambda x: with_child(x, "//cac:InvoiceLine", "cac:AllowanceCharge", "cbc:AllowanceChargeReasonCode")],
    "BR-NL-33 ": [lambda x: set_to(x, "/*/cac:TaxTotal/cbc:TaxAmount/@currencyID", "USD")],
    "BR-NL-35 ": [lambda x: with_child(x, "//cac:TaxSubtotal/cac:TaxCategory", "cbc:TaxExemptionReasonCode")],
    "SI-UBL-2 ": [lambda x: set_to(x, "/*/cbc:BuyerReference", "")],
    "PEPPOL-EN16931-R001": [lambda x: without(x, "cbc:ProfileID"), lambda x: set_to(x, "cbc:ProfileID", "urn:x")],
    "PEPPOL-EN16931-R002": [lambda x: with_child(with_child(x, "/*", "cbc:Note"), "/*", "cbc:Note")],
    "PEPPOL-EN16931-R003": [lambda x: without(x, "cbc:BuyerReference")],
    "PEPPOL-EN16931-R004": [lambda x: without(x, "cbc:CustomizationID"), lambda x: set_to(x, "cbc:CustomizationID", "urn:x")],
    "PEPPOL-EN16931-R005": [lambda x: with_child(x, "/*", "cbc:TaxCurrencyCode"), lambda x: with_child(x, "/*", "cac:TaxTotal")],
    "PEPPOL-EN16931-R008": [lambda x: set_to(x, "/*/cbc:BuyerReference", "")],
    "PEPPOL-EN16931-R010": [
        lambda x: without(x, f"{BUYER_PARTY}/cbc:EndpointID"),
        lambda x: set_to(x, f"{BUYER_PARTY}/cbc:EndpointID", ""),
    ],
    "PEPPOL-EN16931-R020": [lambda x: without(x, f"{SELLER_PARTY}/cbc:EndpointID")],
    "PEPPOL-EN16931-R051": [lambda x: without(x, "cbc:DocumentCurrencyCode"), lambda x: set_to(x, "//cbc:PriceAmount/@currencyID", "USD")],
    "PEPPOL-EN16931-R053": [lambda x: without(x, "cac:TaxTotal")],
    "PEPPOL-EN16931-R061": [lambda x: set_to(x, "//cbc:PaymentMeansCode", "59")],
    "PEPPOL-EN16931-R110": [
        lambda x: set_to(x, "/*/cac:InvoicePeriod/cbc:StartDate", "2026-10-02"),
        lambda x: without(x, "/*/cac:InvoicePeriod"),
    ],
    "PEPPOL-EN16931-R111": [
        lambda x: set_to(x, "/*/cac:InvoicePeriod/cbc:EndDate", "2026-11-29"),
        lambda x: without(x, "/*/cac:InvoicePeriod"),
    ],
    "PEPPOL-EN16931-R120": [lambda x: set_to(x, "//cac:InvoiceLine[cbc:ID='4']//cbc:PriceAmount", "2.76")],
    "PEPPOL-EN16931-R121": [lambda x: set_to(x, "//cbc:BaseQuantity", "-312")],
    "PEPPOL-EN16931-R130": [lambda x: set_to(x, "//cbc:BaseQuantity/@unitCode", "MIN")],
    "PEPPOL-EN16931-P0100": [lambda x: without(x, "cbc:InvoiceTypeCode"), lambda x: set_to(x, "cbc:InvoiceTypeCode", "384")],
    "PEPPOL-EN16931-P0107": [
        lambda x: with_child(x, "//cac:TaxSubtotal/cac:TaxCategory", "cbc:TaxExemptionReasonCode", text="VATEX-EU-AE")
    ],
    "DOMAIN 5 ": [lambda x: set_to(x, "//cac:TaxSubtotal/cac:TaxCategory/cbc:ID", "AE")],
    "PEPPOL-EN16931-F001": [lambda x: set_to(x, "cbc:IssueDate", "2026-11-03Z")],
    "PEPPOL-EN16931-CL008": [
        lambda x: set_to(x, f"{BUYER_PARTY}/cbc:EndpointID/@schemeID", "EM"),
        lambda x: without(x, "//cbc:EndpointID"),
    ],
    "NL-R-001": [],  # of a credit note: below
    "NL-R-002": [lambda x: without(x, f"{SELLER_PARTY}//cbc:StreetName")],
    "NL-R-003": [lambda x: without(x, SELLER_PARTY + LEGAL_ID), lambda x: set_to(x, f"{SELLER_PARTY}{LEGAL_ID}/@schemeID", "9944")],
    "NL-R-004": [lambda x: without(x, f"{BUYER_PARTY}//cbc:PostalZone")],
    "NL-R-005": [lambda x: set_to(x, f"{BUYER_PARTY}{LEGAL_ID}/@schemeID", "9944"), lambda x: set_to(x, BUYER_PARTY + LEGAL_ID, "")],
    "NL-R-007": [lambda x: without(x, "cac:PaymentMeans")],
    "NL-R-008": [lambda x: set_to(x, "//cbc:PaymentMeansCode", "42"), lambda x: without(x, "//cbc:PaymentMeansCode")],
}
"""Beginning of a rule's name -> what breaks it: first what is missing, then what is wrong."""


OF_PROFILE = [(profile, rule) for profile in ("nlcius", "peppol") for rule in WRONG if names_of(profile, rule)]


@pytest.mark.parametrize(("profile", "rule"), OF_PROFILE)
def test_each_rule_of_the_profiles_refuses_what_breaks_it(profile: str, rule: str) -> None:
    # Fails if a condition holds of a document that lacks what it is about: all that it passed would be worth nothing.
    xml = invoice_ubl(invoice(BILLED_MONTHS), profile)
    for broken in WRONG[rule]:
        found = profile_violations(broken(xml), profile)
        assert any(each.startswith(rule) for each in found), found


def test_no_rule_is_without_its_counterexample() -> None:
    # Fails if a rule is added that nobody has seen red.
    names = [rule.name for rules in (NLCIUS, PEPPOL) for rule in rules]
    assert [name for name in names if not any(name.startswith(rule) for rule in WRONG)] == []
    note = without(invoice_ubl(credited(), "peppol"), "cac:BillingReference")
    assert profile_violations(note, "peppol") == ["NL-R-001 a credit note refers"]
