"""A direct debit file moves money out of customers' accounts: the wrong amount, account or a second time cannot be called back quietly."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

import pytest
from lxml import etree

from orchestration.documents.direct_debit import Collection, Creditor, direct_debit_xml
from orchestration.errors import TiktellerError

CREDITOR = Creditor("Kustlijn Telecom B.V.", "NL13TEST0123456789", "NL69ZZZ123456780000", "TESTNL2A")
COLLECTION = Collection(
    "INV15901583", "Bäckerei Müller & Søn", "NL93 DEMO 0123 4567 89", Decimal("330.77"), "M-001", date(2026, 1, 15), "Factuur INV15901583"
)
SECOND = replace(COLLECTION, end_to_end_id="INV15901584", amount_eur=Decimal("0.05"), sequence="FRST", debtor_bic="DEMONL2A")
OPTIONS = {"message_id": "KUSTLIJN-2026-11", "created_at": datetime(2026, 11, 20, 9, 0), "collect_on": date(2026, 12, 1)}


def file(*collections: Collection, creditor: Creditor = CREDITOR, **options: object) -> etree._Element:
    return etree.fromstring(direct_debit_xml(creditor, collections or (COLLECTION, SECOND), **(OPTIONS | options)))  # type: ignore[arg-type]


def values(document: etree._Element, name: str) -> list[str]:
    return [element.text for element in document.iter(f"{{*}}{name}")]


def test_what_is_collected_from_whom() -> None:
    # Fails if a customer is debited another amount than the invoice, or on another account or mandate. The file is checked by the schema.
    document = file()
    assert etree.QName(document).namespace == "urn:iso:std:iso:20022:tech:xsd:pain.008.001.08"
    assert values(document, "InstdAmt") == ["330.77", "0.05"]
    assert values(document, "CtrlSum") == ["330.82", "330.77", "0.05"]
    assert values(document, "NbOfTxs") == ["2", "1", "1"]
    assert values(document, "IBAN") == ["NL13TEST0123456789", "NL93DEMO0123456789", "NL13TEST0123456789", "NL93DEMO0123456789"]
    assert values(document, "MndtId") == ["M-001", "M-001"]
    assert values(document, "EndToEndId") == ["INV15901583", "INV15901584"]
    assert values(document, "SeqTp") == ["RCUR", "FRST"]
    assert values(document, "ReqdColltnDt") == ["2026-12-01", "2026-12-01"]
    assert values(file(scheme="B2B"), "LclInstrm") is not None
    assert "B2B" in values(file(scheme="B2B"), "Cd")


def test_the_same_collections_are_the_same_file() -> None:
    # Fails if a file made again has another id: the bank would collect it a second time.
    assert direct_debit_xml(CREDITOR, [COLLECTION, SECOND], **OPTIONS) == direct_debit_xml(CREDITOR, [COLLECTION, SECOND], **OPTIONS)
    assert values(file(), "MsgId") == ["KUSTLIJN-2026-11"]
    assert values(file(), "PmtInfId") == ["KUSTLIJN-2026-11-1", "KUSTLIJN-2026-11-2"]
    assert values(file(), "CreDtTm") == ["2026-11-20T09:00:00"]


def test_only_letters_that_banks_take() -> None:
    # Fails if a bank refuses the whole file for one ampersand.
    assert values(file(COLLECTION), "Nm") == ["Kustlijn Telecom B.V.", "Kustlijn Telecom B.V.", "Backerei Muller + Son"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"debtor_iban": "NL94DEMO0123456789"}, "NL94DEMO0123456789 is no IBAN"),
        ({"debtor_bic": "NOBIC"}, "NOBIC is no BIC"),
        ({"amount_eur": Decimal("0.00")}, "cannot be collected"),
        ({"amount_eur": Decimal("-1.00")}, "cannot be collected"),
        ({"amount_eur": Decimal("1.005")}, "cannot be collected"),
        ({"amount_eur": 1.0}, "cannot be collected"),
        ({"amount_eur": Decimal("1000000000.00")}, "more than a direct debit can carry"),
        ({"end_to_end_id": "INV_1"}, "characters that banks refuse"),
        ({"mandate_id": "x" * 36}, "characters that banks refuse"),
        ({"mandate_signed_on": date(2026, 12, 2)}, "signed after"),
        ({"debtor_name": "東"}, None),
        ({"debtor_name": "***"}, "length of '0'|minLength"),
    ],
)
def test_a_bank_would_refuse_it(change: dict[str, object], message: str | None) -> None:
    # Fails if a file is made that the bank refuses, or worse, does not.
    if message is None:
        assert file(replace(COLLECTION, **change)) is not None
        return
    with pytest.raises(TiktellerError, match=message):
        file(replace(COLLECTION, **change))


@pytest.mark.parametrize(
    ("creditor", "options", "message"),
    [
        (replace(CREDITOR, iban="NL14TEST0123456789"), {}, "partners.iban"),
        (replace(CREDITOR, creditor_id="NL50ZZZ123456780000"), {}, "no creditor id"),
        (replace(CREDITOR, bic="X"), {}, "X is no BIC"),
        (CREDITOR, {"message_id": "a_b"}, "message id"),
        (CREDITOR, {"collect_on": date(2026, 11, 19)}, "before the file is made"),
    ],
)
def test_the_creditor_is_right(creditor: Creditor, options: dict[str, object], message: str) -> None:
    # Fails if the money of a whole month goes to an account that is not the partner's.
    with pytest.raises(TiktellerError, match=message):
        file(creditor=creditor, **options)


def test_nobody_is_debited_twice_in_one_file() -> None:
    # Fails if one invoice stands in a file twice.
    with pytest.raises(TiktellerError, match="INV15901583 would be collected twice"):
        file(COLLECTION, COLLECTION)
    with pytest.raises(TiktellerError, match="nothing to collect"):
        direct_debit_xml(CREDITOR, [], **OPTIONS)
