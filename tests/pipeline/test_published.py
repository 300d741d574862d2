"""Fails if what is published is not what landed: a lost call, a row in the wrong file, a name that users rely on gone."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import duckdb
import pytest

from orchestration import serving
from orchestration.pipeline.runs import is_up_to_date
from orchestration.workspace import PLATFORM, Workspace
from tests.conftest import tikteller
from tests.pipeline.readers import ask, totals

# INTERFACE: published tables, columns at least
PUBLISHED = {
    "calls": "call_id source customer_id reseller_id started_at call_date billing_month caller callee country line_type destination "
    "is_international is_onnet duration_s billed_s purchase_eur sale_eur margin_eur call_plan_id status status_reason "
    "call_key",
    "daily_calls": "customer_id call_date country line_type calls answered_calls duration_s billed_s purchase_eur sale_eur margin_eur",
    "international_calls": "customer_id month country line_type calls duration_s purchase_eur sale_eur margin_eur share_of_customer "
    "rank_in_partner",
    "service_charges": "customer_id month service_code pbx_id kind invoice_month quantity days unit_purchase_eur unit_sale_eur "
    "purchase_eur "
    "sale_eur margin_eur is_settlement",
    "service_prices": "service_plan_id service_code nrc_purchase_eur mrc_purchase_eur nrc_percent mrc_percent nrc_sale_eur mrc_sale_eur "
    "nrc_margin_eur mrc_margin_eur is_exception nrc_margin_percent_of_sale mrc_margin_percent_of_sale status_reason",
    "order_lines": "customer_id order_id line_number service_code quantity ordered_on delivered_on ended_on status nrc_eur mrc_eur "
    "total_eur",
    "portings": "customer_id order_id line_number block_number losing_operator account_holder first_number last_number numbers status "
    "warnings",
    "call_prices": "call_plan_id country line_type connection_fee_eur minute_rate_eur minute_rate_percent purchase_minute_min_eur "
    "purchase_minute_max_eur valid_from valid_to",
    "deck_changes": "partner_id deck_id version file prefix destination change valid_from old_connection_fee_eur new_connection_fee_eur "
    "old_minute_rate_eur new_minute_rate_eur difference_eur difference_percent",
    "deck_problems": "partner_id deck_id version file line prefix problem detail fix is_blocking",
    "purchase_reconciliation": "month kind deck_id service_code account level prefix destination invoiced_calls invoiced_s invoiced_eur "
    "calls purchase_billed_s purchase_eur difference_eur count_part_eur seconds_part_eur rate_part_eur finding unrated_calls",
    "invoices": "customer_id month invoice_id invoice_number status block_reason net_eur vat_eur gross_eur issued_on due_on",
    "draft_problems": "customer_id month invoice_id reason subject charged_month occurrences example why fix",
    "invoice_lines": "invoice_id line_number kind description country line_type service_code quantity duration_s amount_eur purchase_eur "
    "vat_category vat_percent settled_month",
    "invoice_vat": "invoice_id customer_id month vat_category vat_code vat_percent net_eur vat_eur gross_eur",
    "commissions": "month reseller_id call_sale_eur service_sale_eur commission_eur is_final",
    "commission_lines": "month reseller_id customer_id invoice_id kind sale_eur commission_percent exact_commission_eur",
    "receivables": "customer_id invoice_number settles_invoice_number invoice_id kind happened_on due_on amount_eur status_reason",
    "open_items": "customer_id invoice_number gross_eur credited_eur paid_eur open_eur due_on days_overdue bucket as_of_date",
    "price_list": "call_plan_id country line_type connection_fee_min_eur connection_fee_max_eur sale_minute_min_eur sale_minute_max_eur "
    "purchase_minute_min_eur purchase_minute_max_eur",
    "fmc_calls": "customer_id correlation_id airtime_call_key pbx_call_key purchase_eur sale_eur margin_eur status",
    "call_histogram": "customer_id month rates_from call_plan_id country line_type duration_s calls purchase_eur sale_eur",
    "unrated_calls": "billing_month status_reason country calls fix",
    "margins": "month customer_id kind category country line_type reseller_id sale_eur purchase_eur margin_eur margin_percent_of_sale "
    "markup_percent",
    "ids_days": "customer_id call_date usage_eur average_eur limit_eur stage is_alarm crossed_call_id excess_eur",
    "ids_crossings": "customer_id call_date stage limit_eur excess_eur crossed_call_id crossed_at after_eur saved_eur",
    "ids_ranges": "customer_id ids_range_eur stages first_limit_eur block_limit_eur range_problem",
    "concurrency": "customer_id call_date peak_calls peak_at",
    "hourly_concurrency": "customer_id weekday hour_of_day peak_calls",
    "line_capacity": "customer_id line_id access_profile codec concurrent_calls channels license_calls bottleneck peak_calls "
    "headroom_calls",
    "pvc_matrix": "access_profile codec packet_ms ip_version srtp kbps_per_call guaranteed_kbps concurrent_calls",
    "quarantine": "feed file line reason fix raw",
    "ingested_files": "feed file sha256 rows_read rows_kept rows_duplicate rows_quarantined ingested_at",
    "customers": "customer_id name",
    "mandates": "customer_id iban mandate_id mandate_date mandate_problem",
    "resellers": "reseller_id name",
}


@pytest.fixture(scope="session")
def answers(demo_workspace: Workspace) -> dict:
    """What the generator knows of its own dirt."""
    return json.loads(demo_workspace.demo_answers.read_text())


@pytest.mark.parametrize("table", PUBLISHED)
def test_published_names_hold(demo_workspace: Workspace, table: str) -> None:
    # Fails if a column that users' scripts name is gone.
    for partner in serving.published_partners(demo_workspace):
        columns = {row[0] for row in ask(demo_workspace, partner, f"select column_name from duckdb_columns() where table_name = '{table}'")}
        assert set(PUBLISHED[table].split()) <= columns


def test_money_is_never_a_float(demo_workspace: Workspace) -> None:
    # Fails if a sum could differ from run to run.
    for partner in (*serving.published_partners(demo_workspace), PLATFORM):
        wrong = ask(
            demo_workspace,
            partner,
            "select table_name, column_name, data_type from duckdb_columns() "
            "where column_name like '%\\_eur' escape '\\' and data_type not like 'DECIMAL%' "
            "and column_name <> 'ids_range_eur'",  # what a partner typed, such as 40-80-120
        )
        assert wrong == []


def test_every_row_of_the_demo_ends_where_it_should(demo_workspace: Workspace, answers: dict) -> None:
    # Fails if a bad row is billed, or a good one is kept out.
    expected = Counter()
    for dirt in answers["dirt"]:
        if dirt["outcome"] == "quarantined" and dirt["rows"]:
            expected[dirt["feed"], dirt["file"], dirt["reason"]] += dirt["rows"]
    found = Counter(
        {
            tuple(row[:3]): row[3]
            for row in ask(demo_workspace, PLATFORM, "select feed, file, reason, count(*) from quarantine group by all")
        }
    )
    assert found == expected


def test_read_is_kept_and_duplicate_and_quarantined(demo_workspace: Workspace, answers: dict) -> None:
    # Fails if a row vanishes between the file and the ledger.
    counts = ask(
        demo_workspace,
        PLATFORM,
        "select feed, sum(rows_read), sum(rows_kept), sum(rows_duplicate), sum(rows_quarantined) from ingested_files group by feed",
    )
    for feed, read, kept, duplicate, quarantined in counts:
        expected = answers["feeds"][feed]
        assert (read, kept, duplicate, quarantined) == (
            expected["rows"],
            expected["expected_kept"],
            expected["expected_duplicate"],
            expected["expected_quarantined"],
        ), feed
    assert (
        ask(demo_workspace, PLATFORM, "select file from ingested_files where rows_read <> rows_kept + rows_duplicate + rows_quarantined")
        == []
    )


def test_every_good_call_is_one_call(demo_workspace: Workspace, answers: dict) -> None:
    # Fails if a call is lost or billed twice, or a call that cannot be priced gets a price.
    partners = serving.published_partners(demo_workspace)
    calls = sum(ask(demo_workspace, partner, "select count(*) from calls")[0][0] for partner in partners)
    unrated = sum(ask(demo_workspace, partner, "select count(*) from calls where status = 'unrated'")[0][0] for partner in partners)
    assert (calls, unrated) == (answers["expected_calls"], answers["expected_unrated"])


def test_a_partner_sees_its_own_rows_only(demo_workspace: Workspace) -> None:
    # Fails if one partner could read another's prices or customers.
    for partner in serving.published_partners(demo_workspace):
        bearing = ask(
            demo_workspace, partner, "select schema_name || '.' || table_name from duckdb_columns() where column_name = 'partner_id'"
        )
        for (table,) in bearing:
            assert ask(demo_workspace, partner, f"select distinct partner_id from {table}") in ([], [(partner,)]), table
        files = f"'{demo_workspace.landing}/customers/demo-*.csv', all_varchar=true, union_by_name=true, ignore_errors=true"
        landed = duckdb.sql(f"select customer_id from read_csv({files}) where partner_id = '{partner}'").fetchall()
        assert {row[0] for row in ask(demo_workspace, partner, "select distinct customer_id from calls")} <= {row[0] for row in landed}


def test_a_feed_gone_wrong_is_not_published(demo_workspace: Workspace, tmp_path: Path) -> None:
    # Fails if an exchange that changed its format empties the dashboards, if nobody hears of it, or nobody can say "publish all the same".
    workspace = Workspace(tmp_path / "workspace")
    shutil.copytree(demo_workspace.root, workspace.root)
    before = totals(workspace)
    shifted = workspace.landing / "cdrs" / "standard" / "shifted.csv"
    shifted.write_text(
        "call_id,account,caller,callee,started_at,duration_s\n"
        + "".join(f"shifted-{n},31850000000,31201234567,2026-10-01T10:00:00Z,{n},trunk\n" for n in range(2_000))
    )
    refused = tikteller(workspace.root, "run", check=False)
    assert refused.returncode == 1
    assert "landed_as_expected" in refused.stdout + refused.stderr
    seen = totals(workspace)
    assert {partner: seen[partner] for partner in serving.published_partners(workspace)} == {
        partner: before[partner] for partner in serving.published_partners(workspace)
    }
    assert "landed_as_expected" in tikteller(workspace.root, "status").stdout
    again = tikteller(workspace.root, "run", check=False)
    assert again.returncode == 1, "what was refused once must not slip through with the next run"
    tikteller(workspace.root, "run", "--accept-landed")
    assert ask(workspace, PLATFORM, "select count(*) from quarantine where file like '%shifted.csv'") == [(2_000,)]


def test_a_run_with_nothing_new_leaves_all_as_it_is(demo_workspace: Workspace, tmp_path: Path) -> None:
    # Fails if a night without files costs a rebuild, or if a file that has landed is taken for known.
    workspace = Workspace(tmp_path / "workspace")
    shutil.copytree(demo_workspace.root, workspace.root)
    before = serving.current_snapshot(workspace, PLATFORM)
    assert "nothing new" in tikteller(workspace.root, "run").stderr
    assert serving.current_snapshot(workspace, PLATFORM) == before
    payments = workspace.landing / "payments" / "one-more.csv"
    payments.write_text("invoice_number,paid_on,amount_eur\nX1,2026-10-01,1.00\n")
    assert not is_up_to_date(workspace)
    payments.unlink()
    assert is_up_to_date(workspace)
    (workspace.dbt_target / "rules").unlink()
    assert not is_up_to_date(workspace), "a build that did not go well"
