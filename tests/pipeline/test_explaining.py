"""Fails if the price that is explained, quoted or tried out is not the price that is billed."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from orchestration import serving
from orchestration.errors import TiktellerError
from orchestration.rules.explaining import explain, quote
from orchestration.rules.what_if import DraftPlan, PlanRate, Scope, price_draft, price_plan, totals
from orchestration.workspace import Workspace
from tests.conftest import tikteller
from tests.pipeline.readers import ask

EVERY_KIND = """
    select min(call_key) from calls
    group by
        source, leg, status, status_reason, line_type, records > 1, is_onnet, is_international, rate_country, rate_line_type, call_plan_id
"""


def test_every_kind_of_call_explains_to_the_price_it_has(demo_workspace: Workspace) -> None:
    """A customer would be given a reason that is not the one: the explanation has to end where the batch did."""
    for partner in serving.published_partners(demo_workspace):
        keys = [row[0] for row in ask(demo_workspace, partner, EVERY_KIND)]
        assert len(keys) > 40
        for key in keys[:60]:
            (explained,) = explain(demo_workspace, key, partner)
            facts = explained.facts
            assert facts["agrees"], (key, facts)
            assert facts["dialled"] in facts["raw"].replace("Ext.", ""), facts
            assert explained.steps[0][0] == "record"
            assert explained.steps[-1][0] == "published"


def test_a_quote_is_what_a_call_costs(demo_workspace: Workspace) -> None:
    """A customer would be promised another price than he is billed."""
    (partner, *_) = serving.published_partners(demo_workspace)
    calls = ask(
        demo_workspace,
        partner,
        "select call_plan_id, dialled, duration_s, call_date, sale_eur, purchase_eur, billed_s from calls"
        " where status = 'rated' and direction = 'outbound' and starts_with(dialled, '+') order by hash(call_key) limit 25",
    )
    for plan, dialled, seconds, day, sale, purchase, billed in calls:
        facts = quote(demo_workspace, partner, plan, dialled, seconds, day).facts
        assert (facts["sale_eur"], facts["purchase_eur"], facts["billed_s"]) == (sale, purchase, billed), (plan, dialled, seconds, day)


def test_the_command_line_explains_and_quotes(demo_workspace: Workspace) -> None:
    """A script that reads a price would get rounded or missing decimals."""
    (partner, *_) = serving.published_partners(demo_workspace)
    ((call_id, plan, sale),) = ask(
        demo_workspace, partner, "select call_id, call_plan_id, sale_eur from calls where status = 'rated' and source = 'standard' limit 1"
    )
    (told,) = json.loads(tikteller(demo_workspace.root, "explain", call_id, "--format", "json").stdout)
    assert Decimal(told["sale_eur"]) == sale
    assert [step["step"] for step in told["steps"]][:2] == ["record", "who pays"]
    arguments = ["--partner", partner, "--plan", plan, "--to", "+4930123456", "--seconds", "61"]
    (quoted,) = json.loads(tikteller(demo_workspace.root, "quote", *arguments, "--format", "json").stdout)
    assert quoted["country"] == "DE"
    assert Decimal(quoted["sale_eur"]) > 0
    unknown = tikteller(demo_workspace.root, "explain", "no such call", check=False)
    assert unknown.returncode == 1
    assert "no call 'no such call' is published" in unknown.stderr


def test_pricing_an_existing_plan_through_the_histogram_equals_the_batch(demo_workspace: Workspace) -> None:
    """A plan would be chosen by an estimate that is told as exact: per customer and month no difference, not the last decimal."""
    for partner in serving.published_partners(demo_workspace):
        plans = [row[0] for row in ask(demo_workspace, partner, "select distinct call_plan_id from calls where call_plan_id is not null")]
        assert len(plans) >= 4
        for plan in plans:
            result = price_plan(demo_workspace, partner, plan, Scope(had_plan=plan))
            actual = {
                (each.customer_id, each.month): (each.calls, each.sale_eur, each.purchase_eur) for each in result.outcomes if each.calls
            }
            expected = {
                (customer, month): (calls, sale, purchase)
                for customer, month, calls, sale, purchase in ask(
                    demo_workspace,
                    partner,
                    "select customer_id, strftime(call_date, '%Y-%m'), count(*), sum(sale_eur), sum(purchase_eur) from calls"
                    f" where status = 'rated' and country is not null and call_plan_id = '{plan}' group by all",
                )
            }
            assert actual == expected, (partner, plan)


def test_a_draft_is_priced_by_the_rules_of_the_batch(demo_workspace: Workspace) -> None:
    """A draft's fee, percentage, seconds step or fallback would be read otherwise than when it is a plan."""
    (partner, *_) = serving.published_partners(demo_workspace)
    plans = ask(
        demo_workspace,
        partner,
        "select call_plan_id, onnet_billing, rounding_seconds, rounding_decimals"
        " from rating.int_call_plans as plans where not exists"
        " (select 1 from rating.stg_landing__call_plan_rates as rates"
        "  where rates.call_plan_id = plans.call_plan_id and (rates.valid_to is not null or rates.valid_from > '2026-01-01'))",
    )
    assert plans
    for plan, *terms in plans:
        rates = ask(
            demo_workspace,
            partner,
            "select country, line_type, connection_fee_eur, minute_rate_eur, minute_rate_percent"
            f" from rating.stg_landing__call_plan_rates where call_plan_id = '{plan}'",
        )
        draft = DraftPlan([PlanRate(*rate) for rate in rates], *terms)
        assert price_draft(demo_workspace, partner, draft).outcomes == price_plan(demo_workspace, partner, plan).outcomes


def test_a_number_that_nobody_pays_for_is_free_for_whoever_asks(demo_workspace: Workspace) -> None:
    """A draft would earn on calls to 112 and 0800 that are billed to nobody, or a customer be told that they cost something."""
    (partner, *_) = serving.published_partners(demo_workspace)
    plans = dict(
        ask(
            demo_workspace,
            partner,
            "select split_part(call_plan_id, '-', -1), call_plan_id from rating.int_call_plans",
        )
    )
    for number in ("112", "116000", "08001234"):
        free = quote(demo_workspace, partner, plans["callcenter"], number, 61)  # any country and type, which is not for just these
        assert (free.facts["status_reason"], free.facts["sale_eur"]) == ("free_number", 0)
        assert ("free number", "nobody pays for a call to it, and the plan has no row for just NL SPECIAL") in [
            step[:2] for step in free.steps
        ]
        charged = quote(demo_workspace, partner, plans["zakelijk"], number, 61)  # NL SPECIAL
        assert (charged.facts["status_reason"], charged.facts["sale_eur"] > 0) == (None, True)

    ((charged, free),) = ask(
        demo_workspace,
        partner,
        "select count(*) filter (not is_free), count(*) filter (is_free and country = 'NL') from (select *, number_kind is not null"
        " and number_kind in ('toll_free', 'emergency') and country in ('NL', '001') as is_free from calls where direction <> 'inbound'"
        " and country is not null and not is_onnet and status in ('rated', 'unrated') and purchase_minute_rate_eur is not null)",
    )
    assert free > 10
    one_euro = PlanRate("*", "*", Decimal(1), Decimal(0))
    for rates, expected in (
        ([one_euro], charged),
        ([one_euro, PlanRate("NL", "*", Decimal(1), Decimal(0))], charged),
        ([one_euro, PlanRate("NL", "SPECIAL", Decimal(1), Decimal(0))], charged + free),
    ):
        assert sum(each.sale_eur for each in price_draft(demo_workspace, partner, DraftPlan(rates)).outcomes) == expected


def test_a_draft_that_says_nothing_is_refused(demo_workspace: Workspace, tmp_path: Path) -> None:
    """A typing error would be priced as a free call."""
    (partner, *_) = serving.published_partners(demo_workspace)
    with pytest.raises(TiktellerError, match="rate 1 of the draft: a minute rate is given twice or not at all"):
        price_draft(demo_workspace, partner, DraftPlan([PlanRate("*", "FIX", Decimal(0))]))
    draft = tmp_path / "draft.csv"
    draft.write_text("country;line_type;connection_fee_eur;minute_rate_percent\n*;FIX;0,0250;175\n*;MOB;0,0250;175\n")
    arguments = ["--partner", partner, "--rates", str(draft), "--by", "total", "--format", "json"]
    (told,) = json.loads(tikteller(demo_workspace.root, "what-if", *arguments).stdout)
    everything = price_draft(
        demo_workspace, partner, DraftPlan([PlanRate("*", kind, Decimal("0.0250"), None, Decimal(175)) for kind in ("FIX", "MOB")])
    )
    assert Decimal(told["sale_eur"]) == totals(everything.outcomes, "total")[0].sale_eur
