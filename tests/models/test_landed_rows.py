"""What a row of a reference feed becomes: read as people write it, replaced by a later one, or in quarantine with its reason.

dbt's unit tests cannot show this: they know nothing of the declaration of the feeds, which says how a column is read.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from orchestration import warehouse
from orchestration.landing.ingest import ingest
from orchestration.workspace import Workspace
from tests.models.conftest import failures, run_dbt

LANDED = {
    "partners/a.csv": """
        partner_id,name,tier,deck_id
        P,Partner,Premium,D
    """,
    "customers/a.csv": """
        customer_id,partner_id,name,billing_exempt,kind,vat_category
        1,P,a,ja,,
        2,P,a, True ,,
        3,P,a,1,,
        4,P,a,NEE,Business,REVERSE_CHARGE
        5,P,a,0,,
        6,P,a,,,
        7,P,a,maybe,,
        8,P,a,,firm,
        9,nobody,a,,,
        10,P, ,,,
    """,
    "call_plans/a.csv": """
        call_plan_id,partner_id,name,onnet_billing,rounding_seconds,rounding_decimals
        plan,P,Plan,no,60,2
        too fine,P,Plan,,1,7
        no step,P,Plan,,0,4
    """,
    "call_plan_rates/a.csv": """
        call_plan_id;country;line_type;connection_fee_eur;minute_rate_eur;minute_rate_percent;valid_from
        plan;NL;fix;0;0,02;;2026-01-01
        plan;NL;Mob;0;;175,5;2026-01-01
        plan;*;*;0;;100;2026-01-01
        plan;BE;FIX;0;1;1;2026-01-01
        plan;DE;FIX;0;;;2026-01-01
        plan;FR;landline;0;1;;2026-01-01
        never landed;GB;FIX;0;1;;2026-01-01
    """,
    "purchase_rates/a.csv": """
        deck_id;prefix;destination;connection_fee_eur;minute_rate_eur;next_increment_s;valid_from;valid_to
        D;31;point;0.0250;0.00600001;;2026-10-01;
        D;+32;comma;0,0250;1;;2026-10-01;
        D;33;thousands;1.234,56;1,234.56;;2026-10-01;
        D; 34 ; blanks ; 0 ; 0,5; 60; 2026-10-01 ; 
        D;35;too fine;0;0.000000001;;2026-10-01;
        D;36;a word;0;free;;2026-10-01;
        D;37;no such day;0;0;;2026-02-30;
        D;38;not ISO;0;0;;01-10-2026;
        D;39;negative;0;-0.01;;2026-10-01;
        D;40;no rate;0;;;2026-10-01;
        D;4x;no prefix;0;0;;2026-10-01;
        D;41;half a second;0;0;0.5;2026-10-01;
        D;99;sent again;0;1;;2026-10-01;
        D;+99;further down;0;2;;2026-10-01;
        D;99;another day;0;3;;2026-11-01;
        D;98;the same price;0;1;;2026-10-01;
        D;+98;the same price under another name;0;1,00;;2026-10-01;
        D;42;ends before it begins;0;1;;2026-10-01;2026-10-01
        D;44;a point lost;0;100000.01;;2026-10-01;
        D;43;more than a day;0;0;86401;2026-10-01;
    """,
    "purchase_rates/b.csv": """
        deck_id,prefix,destination,connection_fee_eur,minute_rate_eur,valid_from
        D,31,in a later file,0.0250,0.0061,2026-10-01
    """,
    "purchase_rates/c.csv": """
        deck_id,prefix,destination,connection_fee_eur,minute_rate_eur,valid_from
        D,31,beside a line that cannot be read,0.0250,0.0099,2026-10-01
        D,32,unreadable,0.0250,?,2026-10-01
        ,33,no deck,0,1,2026-10-01
        D,34
        E,31,another deck,0.0250,0.0077,2026-10-01
    """,
    "purchase_rates/d.csv": """
        deck_id,prefix,destination,connection_fee_eur,minute_rate_eur,valid_from
        D,33,held back,0,9,2026-10-01
        ,34,no deck in a file of one deck,0,9,2026-10-01
    """,
    "purchase_rates/e.csv": """
        deck_id,prefix,destination,connection_fee_eur,minute_rate_eur,valid_from
        D,33,held back,0,9,2026-10-01
        D,34
    """,
    "partners/b.csv": """
        partner_id,name,tier,deck_id
        S,Small partner,standard,D
    """,
    "customers/b.csv": """
        customer_id,partner_id,name
        small,S,a
    """,
    "customers/c.csv": """
        customer_id,partner_id,name,iban,mandate_id,mandate_date
        slips,S,a,NL00TEST1,M_1,30-02-2026
    """,
    "customer_plans/a.csv": """
        customer_id,customer_group,partner_id,call_plan_id,service_plan_id,valid_from
        ,gold,P,plan,,2026-01-01
        ,gold,S,their plan,,2026-01-01
        ,gold,P,,plan,2026-01-01
        ,gold,P,later plan,,2026-01-01
        1,,P,plan,,2026-01-01
        1,,,later plan,,2026-01-01
    """,
    "services/a.csv": """
        service_code,category,name,metering,charged,nrc_purchase_eur,mrc_purchase_eur,valid_from
        PORT,Portering,Porting,quantity,advance,1,0,2026-01-01
        SIM,Vast-mobiel,SIM,quantity,advance,1,5,2026-01-01
        3CX,3CX PBX,Seat,extensions,arrears,0,3,2026-01-01
        VPS,VPS,VPS,quantity,advance,0,9,2026-01-01
        DEAR,VPS,Dear,quantity,advance,100000,99999.99,2026-01-01
        DEARER,VPS,Dearer,quantity,advance,100000.01,0,2026-01-01
    """,
    "service_plans/a.csv": """
        service_plan_id,partner_id,name
        plan,P,Plan
    """,
    "service_plan_markups/a.csv": """
        service_plan_id,category,service_code,nrc_percent,mrc_percent,nrc_eur,mrc_eur,valid_from
        plan,VPS,,100,999,,,2026-01-01
        plan,VPS,,99.9999,,,,2026-02-01
        plan,VPS,,,999.0001,,,2026-03-01
        plan,VPS,,,,,,2026-04-01
        plan,,VPS,,,,9.95,2026-05-01
        plan,,VPS,,,,,2026-06-01
        plan,VPS,,,,,9.95,2026-07-01
        plan,,VPS,,120,,9.95,2026-08-01
        plan,,,120,,,,2026-09-01
        plan,VPS,VPS,120,,,,2026-10-01
        plan,,VPS,,,,-1,2026-11-01
    """,
    "orders/a.csv": """
        order_id,line_number,customer_id,service_code,quantity,ordered_on,delivered_on,ended_on,pbx_id,losing_operator,account_holder,numbers
        port,1,1,PORT,1,2026-09-01,,,,Old,Holder,0207001000
        port,2,1,PORT,1,2026-09-01,,,,Old,Holder,0207001001
        port,3,1,VPS,1,2026-09-01,,,,,,
        fmc,1,1,SIM,1,2026-09-01,2026-09-10,,,,,
        fmc,2,small,SIM,1,2026-09-01,2026-09-10,,,,,
        pbx,1,1,3CX,1,2026-09-01,2026-09-10,,pbx,,,
        pbx,2,small,3CX,1,2026-09-01,2026-09-10,,pbx,,,
        pbx,3,2,3CX,1,2026-09-01,,,promised,,,
        dates,1,1,VPS,1,2026-09-01,2026-09-10,2026-09-09,,,,
        dates,2,1,VPS,1,2026-09-01,2026-09-10,2026-09-10,,,,
        dates,3,1,VPS,1,2026-09-01,,2026-09-09,,,,
    """,
    "orders/b.csv": """
        order_id,line_number,customer_id,service_code,quantity,ordered_on,losing_operator,account_holder,numbers
        port,2,1,PORT,1,2026-09-01,Another,Holder,0207001001
    """,
    "extension_counts/a.csv": """
        pbx_id,customer_id,service_code,read_at,extensions
        pbx,1,3CX,2026-09-30T23:30:00,10
        pbx,small,3CX,2026-09-30T23:30:00,20
        pbx,1,3CX,2026-09-30T23:30:00Z,11
        pbx,1,3CX,2026-09-30T23:30:00,12
        pbx,2,3CX,2026-09-30T23:30:00,13
        promised,2,3CX,2026-09-30T23:30:00,14
        never heard of,1,3CX,2026-09-30T23:30:00,15
        pbx,1,VPS,2026-09-30T23:30:00,16
        pbx,nobody,3CX,2026-09-30T23:30:00,17
    """,
    "accounts/a.csv": """
        account,customer_id
        of the small,small
    """,
    "purchase_invoices/a.csv": """
        amount_eur;Calls;seconds;destination;prefix;deck_id;month;service_code;account;partner_id
        0,14;10;600;Mobiel;316;D;2026-10;;;
        1.234,56;11;660;Mobiel, met toeslag;+316;D;2026-10;;;P
        -1.5;-2;-120;Belgie;;D;2026-10;;;P
        -2,50;;;BELGIE;;D;2026-10;;;P
        20;4;;;;;2026-10;SIP;;P
        9;1;60;;31;D;2026-10;SIP;;P
        9;1;60;;31;;2026-10;;;
        9;1;60;;31;D;oktober;;;P
        9;1;60;;31;D;;;;P
        9;1;;;31;;2026-10;SIP;;P
        9;1;60;;;;2026-10;SIP;;P
        9;9999999999;60;;31;D;2026-10;;;P
        9;1;99999999999;;31;D;2026-10;;;P
        100000001;1;60;;31;D;2026-10;;;P
        9;een;60;;31;D;2026-10;;;P
        veel;1;60;;31;D;2026-10;;;P
        9;1;60;;31x;D;2026-10;;;P
        9;1;;;;;2026-10;SIP;;
        9;1;60;;31;D;2026-10;;;nobody
        9;1;60;;32;D;2026-10;;of the small;P
        9;1;60;;33;D;2026-10;;of the small;
    """,
    "purchase_invoices/b.csv": """
        deck_id,month,prefix,calls,seconds,amount_eur
        D,2026-10,33,1,60,0.5
    """,
}


def _read(workspace: Workspace, *wanted: str) -> None:
    """Staging of what landed, and the models named: all that they hold to is true."""
    chosen = ("path:models/staging/landing", *wanted, "resource_type:seed")
    results = run_dbt(workspace, "build", "--exclude-resource-type", "unit_test", "--select", *chosen, "--indirect-selection", "cautious")
    assert not failures(results), "\n".join(failures(results))


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The rows above, landed and read."""
    workspace = Workspace(tmp_path_factory.mktemp("landed"))
    _land(workspace, LANDED)
    _read(workspace, "+quarantine", "+service_prices")
    return workspace


def _land(workspace: Workspace, files: dict[str, str]) -> None:
    """One night of files."""
    for file, text in files.items():
        path = workspace.landing / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(line.removeprefix(" " * 8) for line in text.strip("\n").splitlines()[:-1]) + "\n")
    with warehouse.connect(workspace) as connection:
        ingest(workspace, connection, "test")


def query(workspace: Workspace, sql: str) -> list[tuple[object, ...]]:
    with warehouse.connect(workspace, read_only=True) as connection:
        return connection.execute(sql).fetchall()


def reasons(workspace: Workspace, feed: str) -> dict[int, str]:
    """Why rows of the feed's first file were refused, by line."""
    sql = f"""
        select line, reason from intermediate.int_landed_rows inner join raw.files using (file_id)
        where files.feed = '{feed}' and file like '%a.csv' and disposition = 'quarantined'
    """
    return dict(query(workspace, sql))  # type: ignore[arg-type]


def test_amounts_and_days_are_read_as_people_write_them(landed: Workspace) -> None:
    """A deck read at a hundredth of its price would go unseen until the wholesaler's invoice: exact, or not at all."""
    rows = query(
        landed,
        "select prefix, destination, connection_fee_eur, minute_rate_eur, next_increment_s, valid_to"
        " from staging.stg_landing__purchase_rates where file_id in (select file_id from raw.files where file like '%a.csv')"
        " and prefix not in ('98', '99') order by prefix",
    )
    assert rows == [
        ("32", "comma", Decimal("0.025"), Decimal(1), None, None),
        ("33", "thousands", Decimal("1234.56"), Decimal("1234.56"), None, None),
        ("34", "blanks", Decimal(0), Decimal("0.5"), 60, None),
    ]
    assert reasons(landed, "purchase_rates") == {
        6: "invalid_minute_rate_eur",
        7: "invalid_minute_rate_eur",
        8: "invalid_valid_from",
        9: "invalid_valid_from",
        10: "negative_rate",
        11: "missing_minute_rate_eur",
        12: "invalid_prefix",
        13: "invalid_next_increment_s",
        19: "valid_to_not_after_valid_from",
        20: "rate_too_high",
        21: "invalid_increment",
    }


def test_a_slip_in_a_mandate_leaves_the_customer(landed: Workspace) -> None:
    """All calls of a customer would wait in quarantine, as of nobody, for one digit of a bank account."""
    assert query(landed, "select name, iban from staging.stg_landing__customers where customer_id = 'slips'") == [("a", "NL00TEST1")]


def test_the_later_row_of_a_key_replaces_the_earlier(landed: Workspace) -> None:
    """A deck that was sent again would keep its old rate; or of two rates of one file for one moment, one would be drawn."""
    rows = query(
        landed,
        "select prefix, valid_from::varchar, destination, minute_rate_eur from staging.stg_landing__purchase_rates"
        " where deck_id = 'D' and prefix in ('31', '32', '98', '99') order by prefix, valid_from, line",
    )
    assert rows == [
        ("31", "2026-10-01", "in a later file", Decimal("0.0061")),
        ("32", "2026-10-01", "comma", Decimal(1)),
        ("98", "2026-10-01", "the same price under another name", Decimal(1)),
        ("99", "2026-10-01", "sent again", Decimal(1)),
        ("99", "2026-10-01", "further down", Decimal(2)),
        ("99", "2026-11-01", "another day", Decimal(3)),
    ]


def test_a_faulty_version_of_a_deck_is_held_back_whole(landed: Workspace) -> None:
    """Half of a price list would take effect; or, for one deck's fault, another deck of the same file would not."""
    rows = query(
        landed,
        "select right(file, 5), line, deck_id, disposition, reason"
        " from staging.stg_landing__deck_fates inner join raw.files using (file_id)"
        " where right(file, 5) in ('c.csv', 'd.csv', 'e.csv') order by file, line",
    )
    assert rows == [
        ("c.csv", 2, "D", "quarantined", "deck_version_blocked"),
        ("c.csv", 3, "D", "quarantined", "invalid_minute_rate_eur"),
        ("c.csv", 4, None, "quarantined", "missing_deck_id"),
        ("c.csv", 5, None, "quarantined", "column_count"),
        ("c.csv", 6, "E", "kept", None),
        ("d.csv", 2, "D", "quarantined", "deck_version_blocked"),
        ("d.csv", 3, "D", "quarantined", "missing_deck_id"),
        ("e.csv", 2, "D", "quarantined", "deck_version_blocked"),
        ("e.csv", 3, "D", "quarantined", "column_count"),
    ]


def test_a_deck_problem_comes_with_its_fix(landed: Workspace) -> None:
    """An operator would be told that a price list is held back, and not what to do about it."""
    rows = query(
        landed,
        "select line, problem, fix, is_blocking from staging.stg_landing__deck_problems inner join raw.files using (file_id)"
        " where file like '%a.csv' and line in (10, 11, 12, 14, 19) order by line",
    )
    assert rows == [
        (10, "negative_rate", "rates are zero or more", False),
        (11, "missing_minute_rate_eur", "give minute_rate_eur", False),
        (12, "invalid_prefix", "write prefix as the digits behind the plus, such as 316 (not 06: of which country?)", False),
        (14, "two_rows_for_one_moment", "leave one of them", False),
        (
            19,
            "valid_to_not_after_valid_from",
            "valid_to is the first day on which the rate no longer holds: a day after valid_from, or empty",
            False,
        ),
    ]


def test_a_group_is_one_partners(landed: Workspace) -> None:
    """Two partners with a group of one name would take each other's plan away: all its calls would have no price."""
    rows = query(
        landed,
        "select customer_id, partner_id, call_plan_id, service_plan_id from staging.stg_landing__customer_plans"
        " where customer_group = 'gold' or customer_id = '1' order by line",
    )
    assert rows == [
        (None, "S", "their plan", None),
        (None, "P", None, "plan"),
        (None, "P", "later plan", None),
        ("1", "P", "plan", None),
        ("1", None, "later plan", None),
    ]


def test_yes_and_no_are_read_in_dutch_and_english(landed: Workspace) -> None:
    """A customer exempt from billing would get an invoice because of how its yes was written."""
    rows = query(
        landed,
        "select customer_id, billing_exempt, kind, vat_category from staging.stg_landing__customers"
        " where partner_id = 'P' order by customer_id::integer",
    )
    assert rows == [
        ("1", True, None, None),
        ("2", True, None, None),
        ("3", True, None, None),
        ("4", False, "business", "reverse_charge"),
        ("5", False, None, None),
        ("6", None, None, None),
    ]
    assert reasons(landed, "customers") == {8: "invalid_billing_exempt", 9: "invalid_kind", 10: "unknown_partner", 11: "missing_name"}


def test_a_rate_is_in_eur_or_in_percent(landed: Workspace) -> None:
    """A rate that gives both or neither would be a guess, and one that is not found leaves the call to Standaard."""
    rows = query(
        landed, "select country, line_type, minute_rate_eur, minute_rate_percent from staging.stg_landing__call_plan_rates order by all"
    )
    assert rows == [
        ("*", "*", None, Decimal(100)),
        ("NL", "FIX", Decimal("0.02"), None),
        ("NL", "MOB", None, Decimal("175.5")),
    ]
    assert reasons(landed, "call_plan_rates") == {
        5: "both_minute_rates",
        6: "no_minute_rate",
        7: "invalid_line_type",
        8: "unknown_call_plan",
    }
    assert reasons(landed, "call_plans") == {3: "invalid_rounding_decimals", 4: "invalid_rounding_seconds"}


def test_the_dearest_service_has_a_price_and_a_dearer_one_stops_nobody(landed: Workspace) -> None:
    """One wrong price in a catalogue would stop the run of every partner, in the arithmetic of all."""
    assert reasons(landed, "services") == {7: "price_out_of_range"}
    prices = query(landed, "select nrc_sale_eur, mrc_sale_eur from marts.service_prices where service_code = 'DEAR'")
    assert prices == [(Decimal(100000), Decimal("998999.9001"))]


def test_a_markup_out_of_range_is_named_with_its_fix(landed: Workspace) -> None:
    """A service would be sold below purchase or at ten times it, and nobody could find the row that says so."""
    assert reasons(landed, "service_plan_markups") == {
        3: "percent_out_of_range",
        4: "percent_out_of_range",
        5: "no_markup_given",
        8: "amount_for_category",
        9: "both_mrc",
        10: "no_category_or_service",
        11: "category_and_service",
        12: "negative_price",
    }
    kept = query(landed, "select service_code, mrc_percent, mrc_eur from staging.stg_landing__service_plan_markups order by valid_from")
    assert kept == [(None, Decimal(999), None), ("VPS", None, Decimal("9.95")), ("VPS", None, None)]
    named = query(landed, "select file, line, fix from marts.quarantine where reason = 'percent_out_of_range' order by line")
    fix = "nrc_percent and mrc_percent are 100 to 999: 100 is no markup, below it is below purchase"
    assert named == [("service_plan_markups/a.csv", 3, fix), ("service_plan_markups/a.csv", 4, fix)]
    assert query(landed, "select file, line, reason from marts.quarantine where fix is null") == []


def test_lines_that_contradict_each_other_wait_together_and_nothing_is_lost(landed: Workspace) -> None:
    """Half a porting request would be sent out, or what a later row took back would be billed as it stood before."""
    fates = query(
        landed,
        "select file, line, disposition, reason from intermediate.int_landed_rows inner join raw.files using (file_id)"
        " where files.feed = 'orders' order by file, line",
    )
    assert fates == [
        ("orders/a.csv", 2, "quarantined", "several_losing_operators"),
        ("orders/a.csv", 3, "duplicate", "replaced"),
        ("orders/a.csv", 4, "kept", None),
        ("orders/a.csv", 5, "kept", None),
        ("orders/a.csv", 6, "quarantined", "tier_without_fmc"),
        ("orders/a.csv", 7, "kept", None),
        ("orders/a.csv", 8, "kept", None),
        ("orders/a.csv", 9, "kept", None),
        ("orders/a.csv", 10, "quarantined", "ended_before_delivered"),
        ("orders/a.csv", 11, "kept", None),
        ("orders/a.csv", 12, "kept", None),
        ("orders/b.csv", 2, "quarantined", "several_losing_operators"),
    ]
    assert query(landed, "select order_id, line_number from staging.stg_landing__orders where order_id = 'port'") == [("port", 3)]


def test_a_reading_is_of_a_pbx_that_was_delivered_to_that_customer(landed: Workspace) -> None:
    """Seats would be billed for a PBX that nobody ordered, or to the customer of another partner whose PBX has the same name."""
    assert reasons(landed, "extension_counts") == {
        6: "unknown_pbx",
        7: "unknown_pbx",
        8: "unknown_pbx",
        9: "unknown_seat_service",
        10: "unknown_customer",
    }
    kept = query(landed, "select pbx_id, customer_id, extensions from staging.stg_landing__extension_counts order by extensions")
    assert kept == [("pbx", "1", 11), ("pbx", "1", 12), ("pbx", "small", 20)]


def test_a_line_of_the_wholesaler_says_what_it_is_for_and_whose_it_is(landed: Workspace) -> None:
    """A line held against other calls would claim money that nobody owes; one whose partner is not certain would be read by another.

    P and S buy by one deck: a line is the one's that it names, or whose account it names. What a file says twice is for people.
    """
    assert query(
        landed,
        "select partner_id, coalesce(prefix, destination, service_code), account, calls, seconds, amount_eur"
        " from staging.stg_landing__purchase_invoices order by all",
    ) == [
        ("P", "316", None, 11, 660, Decimal("1234.56000000")),
        ("P", "SIP", None, 4, None, Decimal("20.00000000")),
        ("S", "33", "of the small", 1, 60, Decimal("9.00000000")),
    ]
    assert reasons(landed, "purchase_invoices") == {
        2: "ambiguous_partner",
        4: "twice_in_file",  # of 1.50 and 2.50 credited, which? or both?
        5: "twice_in_file",
        7: "both_deck_and_service",
        8: "no_deck_or_service",
        9: "invalid_month",
        10: "missing_month",
        11: "destination_of_a_service",
        12: "seconds_of_a_service",
        13: "calls_out_of_range",
        14: "seconds_out_of_range",
        15: "amount_out_of_range",
        16: "invalid_calls",
        17: "invalid_amount_eur",
        18: "invalid_prefix",
        19: "ambiguous_partner",
        20: "unknown_partner",
        21: "account_of_another_partner",
    }
    waiting = query(landed, "select partner_id, reason, fix from marts.quarantine where feed = 'purchase_invoices' and file like '%b.csv'")
    assert waiting == [(None, "ambiguous_partner", "several partners may be meant: give partner_id, or an account of one of them")]
    assert query(landed, "select distinct partner_id from marts.quarantine where feed = 'purchase_invoices'") == [(None,)]


# Two partners, and what each of them says of a thing of the other's -------------------------------------------------------------------

NIGHTS: tuple[dict[str, str], ...] = (
    {
        "partners/a.csv": """
        partner_id,name,tier,deck_id
        p1,One,premium,D
        p2,Two,premium,D
    """,
        "customers/a.csv": """
        customer_id,partner_id,name
        stays,p1,a
        moves,p1,a
        released,p1,a
        of two,p2,a
        waits,p1,a
    """,
        "resellers/a.csv": """
        reseller_id,partner_id,name,call_commission_percent
        r1,p1,Reseller,10
    """,
        "accounts/a.csv": """
        account,customer_id
        of one,stays
        handed over,stays
        of who moves,moves
        waits,stays
    """,
        "numbers/a.csv": """
        first_number,last_number,customer_id
        +31201000000,+31201000099,stays
        +31202000000,+31202000099,stays
        +31203000000,+31203000099,stays
    """,
        "call_plans/a.csv": """
        call_plan_id,partner_id,name,rounding_seconds
        gold,p1,Gold,1
        only of one,p1,Only,1
    """,
        "call_plan_rates/a.csv": """
        call_plan_id,country,line_type,connection_fee_eur,minute_rate_eur,valid_from
        gold,*,*,0,0.01,2026-01-01
    """,
        "services/a.csv": """
        service_code,category,name,metering,charged,nrc_purchase_eur,mrc_purchase_eur,valid_from
        VPS,VPS,VPS,quantity,advance,0,9,2026-01-01
    """,
        "service_plans/a.csv": """
        service_plan_id,partner_id,name
        gold,p1,Gold
    """,
        "service_plan_markups/a.csv": """
        service_plan_id,category,mrc_percent,valid_from
        gold,VPS,150,2026-01-01
    """,
        "orders/a.csv": """
        order_id,line_number,customer_id,service_code,quantity,ordered_on,delivered_on
        77,1,stays,VPS,6,2026-09-01,2026-09-10
    """,
    },
    {  # one that moves from Germany to the Netherlands, and a customer who leaves it for a Dutch one: only the second number is Dutch
        "partners/z.csv": """
        partner_id,name,tier,deck_id,country,valid_from
        p3,Three,premium,D,DE,
        p3,Three,premium,D,NL,2026-11-01
    """,
        "customers/z.csv": """
        customer_id,partner_id,name,valid_from,valid_to
        abroad,p3,a,,
        from abroad,p3,a,,2026-11-01
        from abroad,p2,a,2026-11-01,
    """,
        "numbers/z.csv": """
        first_number,last_number,customer_id,valid_from
        0301234567,,abroad,
        0302222222,,abroad,2026-11-01
        0303333333,,from abroad,
    """,
    },
    {  # the other partner names the same things
        "customers/b.csv": """
        customer_id,partner_id,name,valid_from
        stays,p2,taken,
        stays,p2,taken from a day on,2026-11-01
        released,p2,a,2026-11-01
        waits,p2,a,2026-11-01
    """,
        "resellers/b.csv": """
        reseller_id,partner_id,name,call_commission_percent
        r1,p2,Another,0.5
    """,
        "accounts/b.csv": """
        account,customer_id,valid_from
        of one,of two,
        waits,of two,2026-11-01
    """,
        "numbers/b.csv": """
        first_number,last_number,customer_id,valid_from
        0201000050,,of two,
        0201000100,0201000199,of two,
        0031201000099,0031201000110,of two,
        0203000010,0203000019,of two,2026-11-01
        +49301234567,,of two,
        +31301234567,,of two,
        +31302222222,,of two,
        +49302222222,,of two,
    """,
        "numbers/y.csv": """
        first_number,last_number,customer_id,valid_from
        +49303333333,,abroad,2026-11-01
        +31303333333,,abroad,2026-11-01
    """,
        "call_plans/b.csv": """
        call_plan_id,partner_id,name,rounding_seconds
        gold,p2,Their gold,60
    """,
        "call_plan_rates/b.csv": """
        call_plan_id,country,line_type,connection_fee_eur,minute_rate_eur,valid_from,partner_id
        gold,NL,FIX,0,0.02,2026-01-01,
        gold,*,*,0,0.09,2026-01-01,p2
        only of one,*,*,0,0.03,2026-01-01,
        only of one,*,*,0,0.04,2026-01-01,p2
    """,
        "service_plans/b.csv": """
        service_plan_id,partner_id,name
        gold,p2,Their gold
    """,
        "service_plan_markups/b.csv": """
        service_plan_id,category,mrc_percent,valid_from,partner_id
        gold,VPS,999,2026-01-01,
        gold,VPS,110,2026-01-01,p2
    """,
        "orders/b.csv": """
        order_id,line_number,customer_id,service_code,quantity,ordered_on,delivered_on
        77,1,of two,VPS,1,2026-11-01,2026-11-02
    """,
    },
    {  # the one who has them lets go
        "customers/c.csv": """
        customer_id,partner_id,name,valid_from,valid_to
        moves,p1,a,,2026-11-01
        waits,p1,a,,2026-11-01
        begins late,p1,a,2026-01-01,2026-10-01
        goes later,p1,a,,2090-01-01
    """,
        "accounts/c.csv": """
        account,customer_id,valid_to
        handed over,stays,2026-11-01
        waits,stays,2026-11-01
    """,
        "numbers/c.csv": """
        first_number,last_number,customer_id,valid_to
        +31202000000,+31202000099,stays,2026-11-01
        +31203000000,+31203000099,stays,2026-11-01
    """,
    },
    {
        "customers/d.csv": """
        customer_id,partner_id,name,valid_from
        moves,p2,a,2026-11-01
        begins late,p2,a,2026-10-01
        goes later,p2,a,2090-01-01
    """,
        "orders/d.csv": """
        order_id,line_number,customer_id,service_code,quantity,ordered_on,delivered_on
        78,1,begins late,VPS,1,2025-12-01,2025-12-15
    """,
        "accounts/d.csv": """
        account,customer_id,valid_from
        handed over,of two,2026-11-01
    """,
        "numbers/d.csv": """
        first_number,last_number,customer_id,valid_from
        0202000010,0202000019,of two,2026-11-01
    """,
    },
    {  # and sends what it said at first once more
        "customers/e.csv": """
        customer_id,partner_id,name,valid_from
        moves,p1,as before,
        released,p1,as before,
        waits,p1,as before,
    """,
        "accounts/e.csv": """
        account,customer_id,valid_to
        handed over,stays,
        waits,stays,
    """,
        "accounts/f.csv": """
        account,customer_id,valid_from
        ,moves,2026-09-01
        ,moves,2026-11-01
        ,goes later,
        ,goes later,2090-01-01
    """,
        "numbers/e.csv": """
        first_number,last_number,customer_id,valid_to
        +31202000000,+31202000099,stays,
        +31203000000,+31203000099,stays,
    """,
    },
)


@pytest.fixture(scope="module")
def claimed(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The nights above, one after the other, and a customer that an operator released."""
    workspace = Workspace(tmp_path_factory.mktemp("claimed"))
    for night in NIGHTS:
        _land(workspace, night)
    with warehouse.connect(workspace) as connection:
        connection.execute(
            "insert into raw.key_releases (feed, key, partner_id, released_from) values ('customers', 'released', 'p2', date '2026-11-01')"
        )
    _read(workspace, "+int_landed_rows")
    return workspace


def refused(workspace: Workspace, feed: str) -> list[tuple[object, ...]]:
    """The rows of the feed in quarantine: night (a to e), line, reason."""
    return query(
        workspace,
        "select left(right(file, 5), 1), line, reason from intermediate.int_landed_rows inner join raw.files using (file_id)"
        f" where files.feed = '{feed}' and disposition = 'quarantined' order by all",
    )


def test_a_customer_stays_with_the_partner_who_has_it(claimed: Workspace) -> None:
    """A partner would lose its customer, and another read all its calls, by one row that names it; or a customer could never move."""
    assert refused(claimed, "customers") == [
        ("b", 2, "customer_of_another_partner"),
        ("b", 3, "customer_of_another_partner"),
        ("e", 2, "customer_of_another_partner"),
        ("e", 3, "customer_of_another_partner"),
        ("e", 4, "customer_of_another_partner"),
    ]
    periods = query(
        claimed,
        "select customer_id, partner_id, valid_from::varchar, valid_to::varchar from staging.stg_landing__customer_periods order by all",
    )
    assert periods == [
        ("abroad", "p3", "0001-01-01", "9999-12-31"),
        ("begins late", "p1", "2026-01-01", "2026-10-01"),
        ("begins late", "p2", "2026-10-01", "9999-12-31"),
        ("from abroad", "p2", "2026-11-01", "9999-12-31"),
        ("from abroad", "p3", "0001-01-01", "2026-11-01"),
        ("goes later", "p1", "0001-01-01", "2090-01-01"),
        ("goes later", "p2", "2090-01-01", "9999-12-31"),
        ("moves", "p1", "0001-01-01", "2026-11-01"),
        ("moves", "p2", "2026-11-01", "9999-12-31"),
        ("of two", "p2", "0001-01-01", "9999-12-31"),
        ("released", "p1", "0001-01-01", "2026-11-01"),
        ("released", "p2", "2026-11-01", "9999-12-31"),
        ("stays", "p1", "0001-01-01", "9999-12-31"),
        ("waits", "p1", "0001-01-01", "2026-11-01"),
        ("waits", "p2", "2026-11-01", "9999-12-31"),  # it came before the other let go
    ]
    assert query(claimed, "select distinct name from staging.stg_landing__customers where customer_id in ('stays', 'moves')") == [("a",)]


def test_an_account_stays_with_the_partner_who_has_it(claimed: Workspace) -> None:
    """A partner's calls would be paid by a customer of another, who named its account."""
    assert refused(claimed, "accounts") == [
        ("b", 2, "account_of_another_partner"),
        ("e", 2, "account_of_another_partner"),
        ("e", 3, "account_of_another_partner"),
        *(("f", line, "missing_account") for line in range(2, 6)),
    ]
    assert query(
        claimed, "select account, customer_id, valid_from::varchar, valid_to::varchar from staging.stg_landing__accounts order by all"
    ) == [
        ("handed over", "of two", "2026-11-01", None),
        ("handed over", "stays", None, "2026-11-01"),
        ("of one", "stays", None, None),
        ("of who moves", "moves", None, None),
        ("waits", "of two", "2026-11-01", None),
        ("waits", "stays", None, "2026-11-01"),
    ]


def test_a_row_that_waits_is_shown_to_whoever_has_its_customer_on_its_day(claimed: Workspace) -> None:
    """A partner would read the rows of another, of a customer that is to come to it years from now, or that came after them."""
    assert query(
        claimed,
        "select line, partner_id from intermediate.int_landed_rows inner join raw.files using (file_id)"
        " where file like '%f.csv' order by line",
    ) == [(2, "p1"), (3, "p2"), (4, "p1"), (5, "p2")]


def test_a_number_stays_with_the_partner_who_has_it_however_it_is_written(claimed: Workspace) -> None:
    """A partner would pay the calls of another's number, written 020 where it landed as +3120; or a block beside it would be refused.

    Likewise where a partner moves to another country, or a customer to a partner there: what 030 means stays what it was.
    """
    assert refused(claimed, "numbers") == [
        ("b", 2, "number_of_another_partner"),
        ("b", 4, "number_of_another_partner"),
        ("b", 6, "number_of_another_partner"),
        ("b", 8, "number_of_another_partner"),
        ("e", 2, "number_of_another_partner"),
        ("e", 3, "number_of_another_partner"),
        ("y", 2, "number_of_another_partner"),
    ]
    assert query(
        claimed, "select first_number, customer_id, valid_from::varchar, valid_to::varchar from staging.stg_landing__numbers order by all"
    ) == [
        ("+31201000000", "stays", None, None),
        ("+31202000000", "stays", None, "2026-11-01"),
        ("+31203000000", "stays", None, "2026-11-01"),
        ("+31301234567", "of two", None, None),
        ("+31303333333", "abroad", "2026-11-01", None),
        ("+49302222222", "of two", None, None),
        ("0201000100", "of two", None, None),
        ("0202000010", "of two", "2026-11-01", None),
        ("0203000010", "of two", "2026-11-01", None),
        ("0301234567", "abroad", None, None),
        ("0302222222", "abroad", "2026-11-01", None),
        ("0303333333", "from abroad", None, None),
    ]


def test_two_partners_may_number_and_name_alike(claimed: Workspace) -> None:
    """What one partner billed would be given back, and its plans and commissions lost, because another has one of that name."""
    assert query(claimed, "select partner_id, customer_id, quantity from staging.stg_landing__orders order by all") == [
        ("p1", "begins late", 1),  # delivered before its first day: of who had it first
        ("p1", "stays", 6),
        ("p2", "of two", 1),
    ]
    assert query(claimed, "select partner_id, name from staging.stg_landing__call_plans where call_plan_id = 'gold' order by all") == [
        ("p1", "Gold"),
        ("p2", "Their gold"),
    ]
    assert query(claimed, "select partner_id, name from staging.stg_landing__service_plans order by all") == [
        ("p1", "Gold"),
        ("p2", "Their gold"),
    ]
    assert query(claimed, "select partner_id, call_commission_percent from staging.stg_landing__resellers order by all") == [
        ("p1", Decimal(10)),
        ("p2", Decimal("0.5")),
    ]


def test_a_rate_is_of_the_partner_whose_plan_it_names(claimed: Workspace) -> None:
    """Calls would sell at another partner's rate, or a partner's rates be lost the night that another lands a plan of that name."""
    assert query(
        claimed, "select partner_id, call_plan_id, country, minute_rate_eur from staging.stg_landing__call_plan_rates order by all"
    ) == [
        ("p1", "gold", "*", Decimal("0.01")),
        ("p1", "only of one", "*", Decimal("0.03")),
        ("p2", "gold", "*", Decimal("0.09")),
    ]
    assert refused(claimed, "call_plan_rates") == [("b", 2, "ambiguous_partner"), ("b", 5, "unknown_call_plan")]
    assert query(claimed, "select partner_id, mrc_percent from staging.stg_landing__service_plan_markups order by all") == [
        ("p1", Decimal(150)),
        ("p2", Decimal(110)),
    ]
    assert refused(claimed, "service_plan_markups") == [("b", 2, "ambiguous_partner")]
