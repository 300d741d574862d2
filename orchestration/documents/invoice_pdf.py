"""An invoice as PDF."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from orchestration.documents.invoice import LINE_KINDS, Invoice, InvoiceLine, Language, VatSubtotal
from orchestration.documents.letterhead import grouped_iban, letterhead
from orchestration.documents.typesetting import typeset
from orchestration.documents.wording import (
    day,
    duration,
    money,
    month_name,
    months,
    percent,
    period,
    price,
    printable,
    printable_lines,
    unbroken,
    whole,
    word,
)

SERVICE_KINDS, CALL_KINDS = LINE_KINDS[:3], LINE_KINDS[3:]


def invoice_pdf(invoice: Invoice) -> bytes:
    """The PDF, dated on the day of issue. Raises TiktellerError when the partner's logo is no picture."""
    return typeset(
        "invoice.typ", page_data(invoice), dated=invoice.issued_on, branding=invoice.branding, what=f"invoice {invoice.invoice_number}"
    )


def page_data(invoice: Invoice) -> dict[str, object]:
    """All that stands on the pages, worded and formatted: the template only sets it."""
    language = invoice.language
    is_credit = invoice.kind == "credit_note"
    title = word(invoice.kind, language)
    return {
        **letterhead(invoice.seller, invoice.buyer, invoice.branding, language),
        "title": title,
        "watermark": word("draft", language) if invoice.is_draft else None,
        "document_title": f"{title} {printable(invoice.invoice_number)} - {printable(invoice.seller.name)}",
        "number": printable(invoice.invoice_number),
        "facts": _facts(invoice),
        "card": {
            "label": word("to_get_back" if is_credit else "to_pay", language),
            "amount": money(-invoice.gross_eur if is_credit else invoice.gross_eur, language),
            "note": word("on_invoice", language, number=printable(invoice.credited_invoice_number or ""))
            if is_credit
            else word("before", language, day=day(invoice.due_on, language)),
        },
        "tables": [table for kinds in (SERVICE_KINDS, CALL_KINDS) if (table := _table(kinds, invoice))],
        "totals": _totals(invoice),
        "remarks": _remarks(invoice),
        "payment": _payment(invoice),
        "small_print": word("amounts_in_euro", language),
    }


def _facts(invoice: Invoice) -> list[list[str]]:
    language = invoice.language
    is_credit = invoice.kind == "credit_note"
    facts = [
        ("credit_note_number" if is_credit else "invoice_number", invoice.invoice_number),
        ("credits", invoice.credited_invoice_number if is_credit else None),
        ("credit_issued_on" if is_credit else "issued_on", day(invoice.issued_on, language)),
        ("due_on", None if is_credit else day(invoice.due_on, language)),
        ("period", period(*invoice.period, language)),
        ("customer_number", invoice.customer_id),
        ("your_reference", invoice.buyer_reference),
        ("your_vat_number", invoice.buyer.vat_number),
    ]
    return [[word(key, language), unbroken(value)] for key, value in facts if value]


def line_title(line: InvoiceLine, invoice: Invoice) -> str:
    """``Nederland, mobiel`` where the country is named, ``Verrekening november 2026: SIP trunk`` of a settlement, else the description."""
    if line.settled_month and line.service_name:
        month = month_name(line.settled_month, invoice.language)
        return printable(word("settlement", invoice.language, month=month, service=line.service_name))
    if line.kind in CALL_KINDS and line.country_name:
        kind = word(line.line_type, invoice.language) if line.line_type in {"FIX", "MOB", "SPECIAL"} else line.line_type
        return printable(", ".join(filter(None, (line.country_name, kind))))
    return printable(line.description)


def pieces_and_days(line: InvoiceLine, language: Language) -> str:
    """``14 van 31 dagen`` of a line for a part of a month, whose price is that of the month; else nothing."""
    if line.agreed_price_eur is None or not line.is_part_of_month:
        return ""
    return word(
        "days_of_month", language, days=whole(abs(line.days or 0), language), days_in_month=whole(line.days_in_month or 0, language)
    )


def _table(kinds: tuple[str, ...], invoice: Invoice) -> dict[str, object] | None:
    """The lines of these kinds, a group each; nothing where there are none. A total where a group has several lines."""
    language = invoice.language
    of_calls = kinds == CALL_KINDS
    shows_vat = len(invoice.vat_subtotals) > 1
    columns = ("destination", "number_of_calls", "duration", "per_minute") if of_calls else ("description", "quantity", "unit_price")
    groups = []
    for kind in kinds:
        for title, lines in _by_period(kind, invoice):
            total = money(sum((line.amount_eur for line in lines), Decimal(0)), language) if len(lines) > 1 else None
            groups.append({"title": title, "total": total, "rows": [_row(line, invoice, shows_vat) for line in lines]})
    columns = (*columns, *(("vat",) if shows_vat else ()), "amount")
    return (
        {"of_calls": of_calls, "shows_vat": shows_vat, "columns": [word(key, language) for key in columns], "groups": groups}
        if groups
        else None
    )


def _by_period(kind: str, invoice: Invoice) -> Iterator[tuple[str, list[InvoiceLine]]]:
    """The lines of a kind with the months that they are for, ``Maandelijks, november 2026``: services by month, calls in one group."""
    lines = [line for line in invoice.lines if line.kind == kind]
    starts = sorted({line.period_start for line in lines if line.period_start})
    if not starts or len([line for line in lines if line.period_start]) < len(lines):
        if lines:
            yield word(kind, invoice.language), lines
    elif kind in CALL_KINDS:
        end = max(line.period_end for line in lines if line.period_end)
        yield f"{word(kind, invoice.language)}, {months(starts[0], end, invoice.language)}", lines
    else:
        for start in starts:
            yield (
                f"{word(kind, invoice.language)}, {months(start, start, invoice.language)}",
                [line for line in lines if line.period_start == start],
            )


def _row(line: InvoiceLine, invoice: Invoice, shows_vat: bool) -> list[str]:
    language = invoice.language
    if line.kind in CALL_KINDS:
        per_minute = price(abs(line.amount_eur) * 60 / line.duration_s, language, least_decimals=4) if line.duration_s else ""
        measured = [duration(line.duration_s or 0, language), per_minute]
    elif (agreed := line.agreed_price_eur) is not None:
        measured = [price(agreed, language, most_decimals=6)]
    elif line.is_of_several_prices:
        measured = [""]
    else:
        measured = [price(abs(line.amount_eur / (line.quantity or 1)), language)]
    vat = [vat_word(line, invoice)] if shows_vat else []
    title = ", ".join(filter(None, (line_title(line, invoice), pieces_and_days(line, language))))
    return [title, whole(line.quantity, language), *measured, *vat, money(line.amount_eur, language)]


def vat_word(line: InvoiceLine | VatSubtotal, invoice: Invoice) -> str:
    """``21%``, ``verlegd`` or ``vrij``: what the column VAT says of a line."""
    if line.vat_category == "standard":
        return percent(line.vat_percent, invoice.language)
    return word("reverse_charge_short" if line.vat_category == "reverse_charge" else "exempt_short", invoice.language)


def _totals(invoice: Invoice) -> dict[str, object]:
    language = invoice.language
    keys = {"standard": "vat_of", "reverse_charge": "vat_reversed_of", "exempt": "vat_exempt_of"}
    return {
        "rows": [
            [word("net", language), money(invoice.net_eur, language)],
            *(
                [
                    word(
                        keys[subtotal.vat_category],
                        language,
                        percent=percent(subtotal.vat_percent, language),
                        net=money(subtotal.net_eur, language),
                    ),
                    money(subtotal.vat_eur, language),
                ]
                for subtotal in invoice.vat_subtotals
            ),
        ],
        "label": word("gross", language),
        "amount": money(invoice.gross_eur, language),
    }


def exempt_reason(invoice: Invoice) -> str:
    return printable(invoice.exempt_reason or word("exempt_reason", invoice.language))


def _remarks(invoice: Invoice) -> list[str]:
    language = invoice.language
    categories = {subtotal.vat_category for subtotal in invoice.vat_subtotals}
    remarks = [line for note in invoice.notes for line in printable_lines(note)]
    if "reverse_charge" in categories:
        buyer = invoice.buyer
        remarks.append(word("reverse_charge", language, name=printable(buyer.name), vat_number=printable(buyer.vat_number or "")))
    if "exempt" in categories:
        remarks.append(exempt_reason(invoice).rstrip(".") + ".")
    if late := len(invoice.late_calls):
        calls = word("call_one" if late == 1 else "call_many", language, calls=whole(late, language))
        remarks.append(word("late_calls", language, calls=calls, day=day(invoice.first_day, language)))
    if invoice.calls:
        remarks.append(word("specification", language, file=f"{invoice.file_stem}-calls.csv"))
    return remarks


def payment_reference(invoice: Invoice) -> str:
    return printable(invoice.payment_reference or invoice.invoice_number)


def _payment(invoice: Invoice) -> dict[str, object]:
    language, seller = invoice.language, invoice.seller
    if invoice.kind == "credit_note":
        return {"title": word("to_get_back", language), "text": word("we_settle", language), "rows": []}
    if invoice.gross_eur <= 0:
        return {"title": word("payment", language), "text": word("nothing_to_pay", language), "rows": []}
    facts = (
        ("account", grouped_iban(seller.iban)),
        ("bic", seller.bic),
        ("account_holder", seller.name),
        ("reference", payment_reference(invoice)),
    )
    return {
        "title": word("payment", language),
        "text": word("please_pay", language, amount=money(invoice.gross_eur, language), day=day(invoice.due_on, language)),
        "rows": [[word(key, language), printable(value)] for key, value in facts if value],
    }
