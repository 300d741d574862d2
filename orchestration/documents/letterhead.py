"""What every page of a partner bears: names, addresses, footer."""

from __future__ import annotations

from orchestration.documents.invoice import Branding, Language, Party
from orchestration.documents.wording import printable, printable_lines, word

COUNTRIES_AT_HOME = {"NL"}


def letterhead(seller: Party, buyer: Party, branding: Branding, language: Language) -> dict[str, object]:
    """The fields that ``templates/letterhead.typ`` wants; every text printable."""
    return {
        "language": language,
        "has_logo": branding.logo is not None,
        "seller": printable(seller.name),
        "seller_lines": [*address(seller)[1:], *([printable(seller.email)] if seller.email else [])],
        "seller_ids": [
            [word(key, language), printable(value)]
            for key, value in (
                ("coc_number", seller.coc_number),
                ("vat_number", seller.vat_number),
                ("account", grouped_iban(seller.iban)),
                ("bic", seller.bic),
            )
            if value
        ],
        "buyer_lines": address(buyer),
        "footer_lines": printable_lines(branding.footer or ""),
        "page_words": word("page", language, page="{page}", pages="{pages}"),
    }


def address(party: Party) -> list[str]:
    """Name, street, postal code and city; the country where it is another than ours."""
    lines = [party.name, party.street or "", f"{party.postal_code or ''}  {party.city or ''}"]
    if party.country not in COUNTRIES_AT_HOME:
        lines.append(party.country)
    return [line for line in map(printable, lines) if line]


def grouped_iban(iban: str | None) -> str:
    """In groups of four, as on a bank card."""
    digits = (iban or "").replace(" ", "").upper()
    return " ".join(digits[place : place + 4] for place in range(0, len(digits), 4))
