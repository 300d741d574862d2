"""Letters about invoices that are not paid: the reminder (herinnering) and the formal notice (aanmaning).

A reminder costs nothing. A formal notice to a business asks for the collection costs with the debt. A consumer first gets one letter that
costs nothing, gives fourteen days from the day after it is delivered and names the costs that follow (article 6:96 of the Dutch Civil
Code); the formal notice to a consumer is that letter, and nothing more may be asked in it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal

from orchestration.documents.collection_costs import collection_costs_eur
from orchestration.documents.invoice import Branding, Language, Party
from orchestration.documents.letterhead import grouped_iban, letterhead
from orchestration.documents.typesetting import typeset
from orchestration.documents.wording import day, money, printable, word
from orchestration.errors import TiktellerError


@dataclass(frozen=True)
class OpenInvoice:
    """An invoice of which ``paid_eur`` has been paid, or credited, and the rest has not."""

    invoice_number: str
    issued_on: date
    due_on: date
    gross_eur: Decimal
    paid_eur: Decimal = Decimal(0)

    @property
    def open_eur(self) -> Decimal:
        return self.gross_eur - self.paid_eur


@dataclass(frozen=True)
class Letter:
    """What a letter needs. ``pay_by`` is the last day named, except to a consumer, whose fourteen days begin when the letter is delivered.
    ``contact_email`` is where questions go; else the seller's.

    Raises TiktellerError when nothing is open, an invoice is not yet due, or ``pay_by`` is not after the letter.
    """

    kind: Literal["reminder", "formal_notice"]
    written_on: date
    pay_by: date
    customer_id: str
    seller: Party
    buyer: Party
    open_invoices: tuple[OpenInvoice, ...]
    branding: Branding = field(default_factory=Branding)
    language: Language = "nl"
    contact_email: str | None = None

    def __post_init__(self) -> None:
        where = f"{self.kind} to {self.customer_id}"
        if self.pay_by <= self.written_on:
            raise TiktellerError(
                f"{where}: to be paid by {self.pay_by}, but written on {self.written_on}", fix="give a later day to pay by"
            )
        if not self.open_invoices:
            raise TiktellerError(f"{where}: no invoice is open", fix="send none")
        for invoice in self.open_invoices:
            if not isinstance(invoice.open_eur, Decimal) or invoice.open_eur <= 0:
                raise TiktellerError(f"{where}: nothing of {invoice.invoice_number} is open", fix="leave paid invoices out")
            if invoice.due_on >= self.written_on:
                raise TiktellerError(f"{where}: {invoice.invoice_number} may be paid until {invoice.due_on}", fix="leave it out, or wait")

    @property
    def open_eur(self) -> Decimal:
        """The principal: all invoices of the letter together."""
        return sum((invoice.open_eur for invoice in self.open_invoices), Decimal(0))

    @property
    def costs_eur(self) -> Decimal:
        """What the scale gives over it; what a consumer owes only when the fourteen days have passed."""
        return collection_costs_eur(self.open_eur)

    @property
    def asks_costs(self) -> bool:
        """Whether this letter asks for the costs: a formal notice to a business."""
        return self.kind == "formal_notice" and self.buyer.kind == "business"


SENTENCES: dict[str, tuple[str, str]] = {
    "reminder": ("Herinnering", "Reminder"),
    "formal_notice": ("Aanmaning", "Formal notice"),
    "salutation": ("Geachte heer, mevrouw,", "Dear Sir or Madam,"),
    "closing": ("Met vriendelijke groet,", "Yours faithfully,"),
    "open": ("Openstaand", "Open"),
    "paid": ("Betaald", "Paid"),
    "total_open": ("Totaal openstaand", "Total open"),
    "costs": ("Incassokosten", "Collection costs"),
    "total": ("Totaal te betalen", "Total amount due"),
    "reminder_opening": (
        "In onze administratie staat nog {amount} van u open. Misschien is de factuur aan uw aandacht ontsnapt.",
        "Our books show that {amount} is still unpaid. The invoice may have escaped your attention.",
    ),
    "reminder_request": (
        "Wilt u het bedrag uiterlijk {day} overmaken? Heeft u dat intussen gedaan, dan kunt u deze brief als niet verzonden beschouwen.",
        "Please transfer the amount by {day}. If you have done so in the meantime, please disregard this letter.",
    ),
    "business_opening": (
        (
            "De betaaltermijn van onderstaande facturen is verstreken en wij hebben geen of geen volledige betaling "
            "ontvangen. Wij stellen u in gebreke."
        ),
        (
            "The time to pay the invoices below has passed and we have not received payment, or not all of it. We hereby "
            "give you notice of default."
        ),
    ),
    "business_costs": (
        (
            "Omdat u niet op tijd heeft betaald, bent u {costs} aan incassokosten verschuldigd, berekend volgens de "
            "wettelijke staffel over {amount}."
        ),
        "As payment is overdue, you owe {costs} in collection costs, calculated by the statutory scale over {amount}.",
    ),
    "business_request": (
        (
            "Wij verzoeken u {total} te voldoen uiterlijk {day}. Betaalt u dan nog niet, dan kunnen wij de vordering uit "
            "handen geven; ook de wettelijke handelsrente en verdere kosten komen dan voor uw rekening."
        ),
        (
            "Please pay {total} by {day}. If you still do not pay, we may hand the claim over for collection; statutory "
            "commercial interest and further costs will then be charged to you."
        ),
    ),
    "consumer_opening": (
        "Wij hebben {amount} nog niet van u ontvangen, terwijl de betaaltermijn voorbij is.",
        "We have not yet received {amount} from you, although the time to pay has passed.",
    ),
    "consumer_term": (
        (
            "U krijgt nog veertien dagen om zonder extra kosten te betalen. Die veertien dagen beginnen op de dag nadat "
            "deze brief bij u is bezorgd."
        ),
        "You have fourteen more days to pay without extra costs. The fourteen days begin on the day after this letter is delivered to you.",
    ),
    "consumer_costs": (
        (
            "Staat het volledige bedrag dan niet op onze rekening, dan moet u ook incassokosten betalen: {costs}. Dat is "
            "het bedrag dat de wet toestaat over {amount}; er komt geen btw bij."
        ),
        (
            "If we have not received the full amount by then, you will also have to pay collection costs of {costs}. This "
            "is what the law allows over {amount}; no VAT is added."
        ),
    ),
    "questions": (
        (
            "Bent u het niet eens met de vordering, of lukt betalen in één keer niet? Neem dan voor het einde van de "
            "termijn contact met ons op via {email}."
        ),
        "If you dispute the claim, or cannot pay at once, please contact us at {email} before the end of the term.",
    ),
    "pay_to": ("Overmaken naar", "Please pay to"),
    "letter_date": ("Datum", "Date"),
}


def letter_pdf(letter: Letter) -> bytes:
    """The letter, dated on the day it is written. Raises TiktellerError when the partner's logo is no picture."""
    return typeset(
        "letter.typ", letter_data(letter), dated=letter.written_on, branding=letter.branding, what=f"{letter.kind} to {letter.customer_id}"
    )


def sentence(key: str, language: Language, **values: str) -> str:
    return SENTENCES[key][0 if language == "nl" else 1].format(**values)


def letter_data(letter: Letter) -> dict[str, object]:
    """All that stands on the page, worded and formatted."""
    language, seller = letter.language, letter.seller
    title = sentence(letter.kind, language)
    columns = [word("invoice_number", language), word("issued_on", language), word("due_on", language), word("amount", language)]
    return {
        **letterhead(seller, letter.buyer, letter.branding, language),
        "title": title,
        "number": printable(letter.customer_id),
        "document_title": f"{title} {printable(letter.customer_id)} - {printable(seller.name)}",
        "facts": [
            [sentence("letter_date", language), day(letter.written_on, language)],
            [word("customer_number", language), printable(letter.customer_id)],
        ],
        "salutation": sentence("salutation", language),
        "before": _before(letter),
        "columns": [*columns, sentence("paid", language), sentence("open", language)],
        "rows": [
            [
                printable(invoice.invoice_number),
                day(invoice.issued_on, language),
                day(invoice.due_on, language),
                money(invoice.gross_eur, language),
                money(invoice.paid_eur, language),
                money(invoice.open_eur, language),
            ]
            for invoice in letter.open_invoices
        ],
        "totals": _totals(letter),
        "after": _after(letter),
        "payment": {
            "title": sentence("pay_to", language),
            "rows": [
                [word(key, language), printable(value)]
                for key, value in (
                    ("account", grouped_iban(seller.iban)),
                    ("account_holder", seller.name),
                    ("reference", _reference(letter)),
                )
                if value
            ],
        },
        "closing": sentence("closing", language),
        "signature": printable(letter.branding.closing_name or seller.name),
    }


def _reference(letter: Letter) -> str:
    """The invoice numbers; the customer's where there are too many to type."""
    numbers = [invoice.invoice_number for invoice in letter.open_invoices]
    return ", ".join(numbers) if len(numbers) <= 3 else letter.customer_id


def _before(letter: Letter) -> list[str]:
    amount = money(letter.open_eur, letter.language)
    if letter.kind == "reminder":
        return [sentence("reminder_opening", letter.language, amount=amount)]
    return [sentence("business_opening" if letter.asks_costs else "consumer_opening", letter.language, amount=amount)]


def _totals(letter: Letter) -> list[list[str]]:
    language = letter.language
    totals = [[sentence("total_open", language), money(letter.open_eur, language)]]
    if letter.asks_costs:
        totals.append([sentence("costs", language), money(letter.costs_eur, language)])
        totals.append([sentence("total", language), money(letter.open_eur + letter.costs_eur, language)])
    return totals


def _after(letter: Letter) -> list[str]:
    language = letter.language
    amount, pay_by = money(letter.open_eur, language), day(letter.pay_by, language)
    email = letter.contact_email or letter.seller.email
    questions = [sentence("questions", language, email=printable(email))] if email else []
    if letter.kind == "reminder":
        return [sentence("reminder_request", language, day=pay_by), *questions]
    costs = money(letter.costs_eur, language)
    if letter.asks_costs:
        total = money(letter.open_eur + letter.costs_eur, language)
        claims = [("business_costs", {"costs": costs, "amount": amount}), ("business_request", {"total": total, "day": pay_by})]
    else:
        claims = [("consumer_term", {}), ("consumer_costs", {"costs": costs, "amount": amount})]
    return [*(sentence(key, language, **values) for key, values in claims), *questions]
