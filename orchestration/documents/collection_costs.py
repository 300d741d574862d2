"""What a creditor may ask for collecting a debt out of court: the Dutch scale ("WIK").

Besluit vergoeding voor buitengerechtelijke incassokosten.
"""

from __future__ import annotations

from decimal import Decimal

from orchestration.documents.invoice import round_cents
from orchestration.errors import TiktellerError

SCALE = (
    (Decimal(2_500), Decimal("0.15")),
    (Decimal(5_000), Decimal("0.10")),
    (Decimal(10_000), Decimal("0.05")),
    (Decimal(200_000), Decimal("0.01")),
    (None, Decimal("0.005")),
)
"""Up to this much of the principal, this share of the part above the step before (DOMAIN 5)."""

LEAST_EUR, MOST_EUR = Decimal(40), Decimal(6_775)


def collection_costs_eur(principal: Decimal) -> Decimal:
    """The costs over a principal in EUR, to cents: 15 % of the first 2,500, 10 % of the next 2,500, 5 % of the next 5,000, 1 % of the next
    190,000, 0.5 % above; at least 40 and at most 6,775. Several invoices demanded together are one principal.

    No VAT comes on top: a partner that may deduct VAT has no right to it. Raises TiktellerError when there is nothing to collect.
    """
    if principal <= 0:
        raise TiktellerError(f"there are no collection costs over {principal}", fix="ask for them over an amount that is open")
    costs, step_before = Decimal(0), Decimal(0)
    for step, share in SCALE:
        costs += share * (min(principal, step or principal) - step_before)
        if step is None or principal <= step:
            break
        step_before = step
    return round_cents(min(max(costs, LEAST_EUR), MOST_EUR))
