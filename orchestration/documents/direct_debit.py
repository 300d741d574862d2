"""Direct debits as a SEPA file (ISO 20022, pain.008): what a partner gives to its bank to collect its invoices.

Made with sepaxml, with three values of our own in place of its random ones. A bank knows a file that it has had by its message id: the same
collections made into a file again bear the same ids, so that nobody is debited twice.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Literal

from lxml import etree
from sepaxml import SepaDD
from stdnum import bic, iban
from stdnum.eu import at_02
from text_unidecode import unidecode

from orchestration.documents.bank import is_iban
from orchestration.documents.invoice import round_cents
from orchestration.documents.wording import printable
from orchestration.errors import TiktellerError

SCHEMA = "pain.008.001.08"  # what Dutch banks take since the older 001.02 ended in November 2025

ID = re.compile(r"[A-Za-z0-9+?/:().,'-][A-Za-z0-9+?/:().,' -]{0,34}")
"""Characters that every SEPA bank takes, 35 at the most (EPC implementation guidelines)."""


@dataclass(frozen=True)
class Creditor:
    """Who collects. ``creditor_id`` is the incassant-ID, e.g. ``NL69ZZZ123456780000``."""

    name: str
    iban: str
    creditor_id: str
    bic: str | None = None


@dataclass(frozen=True)
class Collection:
    """One debit of one customer under a mandate. ``sequence``: the first, a later, the last or the only one of its mandate.
    ``end_to_end_id`` comes back on the statement, usually the invoice number."""

    end_to_end_id: str
    debtor_name: str
    debtor_iban: str
    amount_eur: Decimal
    mandate_id: str
    mandate_signed_on: date
    description: str
    sequence: Literal["FRST", "RCUR", "FNAL", "OOFF"] = "RCUR"
    debtor_bic: str | None = None


def direct_debit_xml(
    creditor: Creditor,
    collections: Sequence[Collection],
    *,
    message_id: str,
    created_at: datetime,
    collect_on: date,
    scheme: Literal["CORE", "B2B"] = "CORE",
) -> bytes:
    """A pain.008.001.08 file, valid by the schema of ISO 20022; one batch per sequence.

    ``message_id`` tells this file from every other of the creditor (35 characters). Names and descriptions are written in Latin letters, as
    banks want. Raises TiktellerError at an IBAN, BIC, creditor id, reference or amount that a bank would refuse, and at the same
    ``end_to_end_id`` twice.
    """
    for problem, fix in _problems(creditor, collections, message_id, created_at, collect_on):
        raise TiktellerError(f"direct debits {message_id}: {problem}", fix=fix)
    config = {
        "name": printable(creditor.name),
        "IBAN": iban.compact(creditor.iban),
        "batch": True,
        "creditor_id": at_02.compact(creditor.creditor_id),
        "currency": "EUR",
        "instrument": scheme,
    }
    if creditor.bic:
        config["BIC"] = bic.compact(creditor.bic)
    file = SepaDD(config, schema=SCHEMA, clean=True)
    for collection in collections:
        payment = {
            "name": printable(collection.debtor_name),
            "IBAN": iban.compact(collection.debtor_iban),
            "amount": int(collection.amount_eur * 100),
            "type": collection.sequence,
            "collection_date": collect_on,
            "mandate_id": collection.mandate_id,
            "mandate_date": collection.mandate_signed_on,
            "description": printable(collection.description),
            "endtoend_id": collection.end_to_end_id,
        }
        if collection.debtor_bic:
            payment["BIC"] = bic.compact(collection.debtor_bic)
        file.add_payment(payment)
    return _finished(file.export(validate=False), message_id, created_at)


def _finished(xml: bytes, message_id: str, created_at: datetime) -> bytes:
    document = etree.fromstring(xml)
    names = {"p": f"urn:iso:std:iso:20022:tech:xsd:{SCHEMA}"}
    own: dict[str, list[str]] = {"MsgId": [message_id], "CreDtTm": [created_at.replace(tzinfo=None).isoformat(timespec="seconds")]}
    batches = document.findall(".//p:PmtInf", names)
    own["PmtInfId"] = [f"{message_id[:31]}-{number}" for number in range(1, len(batches) + 1)]
    for name, values in own.items():
        for element, value in zip(document.iterfind(f".//p:{name}", names), values, strict=True):
            element.text = value
    for element in (*document.iterfind(".//p:Nm", names), *document.iterfind(".//p:Ustrd", names)):
        element.text = _latin(element.text or "")
    schema = _schema()
    if not schema.validate(document):
        raise TiktellerError(f"direct debits {message_id}: {schema.error_log[0].message}", fix="fix the field that it names")
    return etree.tostring(document, encoding="UTF-8", xml_declaration=True, pretty_print=True)


def is_name(text: str) -> bool:
    """Whether something is left of a name in the letters that banks take."""
    return bool(_latin(unidecode(printable(text))))


def _latin(text: str) -> str:
    """Only characters that every SEPA bank takes; sepaxml has written foreign letters in Latin ones before."""
    return " ".join(re.sub(r"[^A-Za-z0-9/?:().,'+ -]", " ", text.replace("&", "+")).split())


@cache
def _schema() -> etree.XMLSchema:
    return etree.XMLSchema(etree.fromstring(files("sepaxml").joinpath("schemas", f"{SCHEMA}.xsd").read_bytes()))


def _problems(creditor: Creditor, collections: Sequence[Collection], message_id: str, created_at: datetime, collect_on: date):
    if not collections:
        yield "there is nothing to collect", "make no file"
    if collect_on < created_at.date():
        yield f"to be collected on {collect_on}, before the file is made", "give a later day"
    if not is_iban(creditor.iban):
        yield f"{creditor.iban} is no IBAN", "fix partners.iban"
    if creditor.bic and not bic.is_valid(creditor.bic):
        yield f"{creditor.bic} is no BIC", "fix partners.bic"
    if not at_02.is_valid(creditor.creditor_id):
        yield f"{creditor.creditor_id} is no creditor id", "take the incassant-ID that the bank gave, e.g. NL69ZZZ123456780000"
    if not is_reference(message_id):
        yield "the message id has characters that banks refuse, or over 35", "use letters, digits and - only"
    twice = [name for name, times in Counter(collection.end_to_end_id for collection in collections).items() if times > 1]
    if twice:
        yield f"{twice[0]} would be collected twice", "give each end_to_end_id once"
    for collection in collections:
        where = f"{collection.end_to_end_id} of {collection.debtor_name}"
        if not is_iban(collection.debtor_iban):
            yield f"{where}: {collection.debtor_iban} is no IBAN", "fix the customer's IBAN"
        if collection.debtor_bic and not bic.is_valid(collection.debtor_bic):
            yield f"{where}: {collection.debtor_bic} is no BIC", "fix it, or leave it out"
        if (
            not isinstance(collection.amount_eur, Decimal)
            or collection.amount_eur <= 0
            or collection.amount_eur != round_cents(collection.amount_eur)
        ):
            yield f"{where}: {collection.amount_eur} cannot be collected", "collect a positive Decimal with two decimals"
        if collection.amount_eur > Decimal("999999999.99"):
            yield f"{where}: {collection.amount_eur} is more than a direct debit can carry", "split it"
        if not is_reference(collection.end_to_end_id) or not is_reference(collection.mandate_id):
            yield (
                f"{where}: reference or mandate {collection.mandate_id} has characters that banks refuse, or over 35",
                "use letters, digits and - only",
            )
        if collection.mandate_signed_on > collect_on:
            yield f"{where}: mandate {collection.mandate_id} is signed after {collect_on}", "wait, or fix the day it was signed"


def dutch_creditor_id(coc_number: str) -> str:
    """The incassant-ID that Dutch banks make of a KvK number of eight digits, for its first contract (0000 at the end)."""
    unchecked = f"NL00ZZZ{coc_number}0000"
    return f"NL{at_02.calc_check_digits(unchecked)}{unchecked[4:]}"


def is_reference(text: str) -> bool:
    """Whether every SEPA bank takes it as an id."""
    return bool(ID.fullmatch(text)) and "//" not in text and not text.startswith("/") and not text.endswith(("/", " "))
