"""Whose a call is around the midnight at which an account or a number changes hands, from one time zone into another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from orchestration.warehouse.formulas import model
from tests.models.oracle import Ownership, holder

ZONES = ("Europe/Amsterdam", "Europe/London", "America/New_York", "Asia/Kolkata", "Pacific/Kiritimati", "Etc/GMT+12")
SEAMS = (date(2026, 10, 1), date(2026, 3, 29), date(2026, 10, 25), date(2026, 10, 26))
REACH = timedelta(hours=40)
EMPTY = {
    "int_related_calls": "call_hash ubigint, group_hash ubigint",
    "int_twin_records": "file_id integer, line bigint",
    "int_platform_numbers": "customer_id varchar",
    "raw_files": "file_id integer, sha256 varchar, content_sha256 varchar, duplicate_of integer",
    "raw_file_sources": "file_id integer, partner_id varchar",
    "raw_frozen_calls": """
        call_key varchar, partner_id varchar, customer_id varchar, reseller_id varchar, file_sha256 varchar, line bigint, cdr_date date
    """,
}
RECORDS = """
    call_key varchar, call_id varchar, source varchar, leg varchar, account varchar, caller varchar, callee varchar,
    started_wall_clock timestamp, started_utc timestamp, duration_s bigint, direction varchar, disposition varchar, correlation_id varchar,
    cdr_date date, file_id integer, line bigint, reject_reason varchar, call_hash ubigint, sequence bigint, group_hash ubigint
"""


@st.composite
def changes_of_hands(draw: st.DrawFn) -> tuple[Ownership, ...]:
    """Two to four owners, one after the other, each in a zone; the second may have it a day only, and between two it may be nobody's."""
    seam = draw(st.sampled_from(SEAMS))
    owners, begins = [], date(2026, 1, 1)
    for number in range(draw(st.integers(2, 4))):
        ends = seam + timedelta(days=number + draw(st.sampled_from((0, 0, 0, 1)))) if number < 3 else date.max
        owners.append(Ownership(f"c{number}", draw(st.sampled_from(ZONES)), begins, ends))
        begins = ends + timedelta(days=draw(st.sampled_from((0, 0, 0, 1)))) if ends < date.max else ends
    return tuple(owners)


@pytest.mark.parametrize("borne_by", ["account", "caller", "callee"])
@settings(max_examples=8, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), phases=(Phase.explicit, Phase.generate))
@given(owners=changes_of_hands())
def test_every_minute_around_a_change_of_hands_has_the_one_owner_that_the_rule_names(borne_by: str, owners: Sequence[Ownership]) -> None:
    """A call that begins between two midnights would be billed to both owners, or to nobody and lost."""
    first = datetime.combine(owners[0].valid_to, datetime.min.time(), UTC) - REACH
    minutes = [first + timedelta(minutes=minute) for minute in range(int((2 * REACH).total_seconds()) // 60)]
    found = _attributed(borne_by, owners, minutes)
    assert Counter(minute for minute, *_ in found) == Counter(minutes), "a call is there twice, or is gone"
    for minute, customer, on in found:
        owner = holder(owners, minute)
        assert customer == (owner.owner if owner else None), f"{minute}: {owners}"
        if owner:
            day = minute.astimezone(ZoneInfo(owner.zone)).date()
            assert on == min(day, owner.valid_to - timedelta(days=1)), f"{minute}: {owners}"


def test_a_clock_without_a_zone_is_the_day_that_it_says() -> None:
    """A call that says its local time only would be billed to both owners, or to nobody: what instant it was hangs on whose it is."""
    owners = [
        Ownership("c0", "Europe/London", date(2026, 1, 1), date(2026, 10, 1)),
        Ownership("c1", "Europe/Amsterdam", date(2026, 10, 1), date.max),
    ]
    clocks = [datetime(2026, 9, 30, 23, 59, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC)]
    found = _attributed("account", owners, clocks, has_zone=False)
    assert [(customer, on) for _, customer, on in found] == [("c0", date(2026, 9, 30)), ("c1", date(2026, 10, 1))]


def _attributed(
    borne_by: str, owners: Sequence[Ownership], minutes: Sequence[datetime], has_zone: bool = True
) -> list[tuple[datetime, str | None, date]]:
    """What the model makes of a call at each minute: its minute, whose it is, and the day on which it stands."""
    with duckdb.connect(config={"threads": "1"}) as connection:
        for name, columns in EMPTY.items():
            connection.execute(f"create table {name} ({columns})")
        connection.execute(f"create table int_call_records ({RECORDS})")
        connection.execute(
            "create table int_related_records as select *, call_key as joined_call_key, true as is_kept, "
            "duration_s as counted_s, cdr_date as home_date from int_call_records"
        )
        for name, key in (("int_accounts", "account"), ("int_payer_numbers", "payer_number")):
            connection.execute(
                f"create table {name} ({key} varchar, customer_id varchar, partner_id varchar, reseller_id varchar, "
                "local_time_zone varchar, valid_from date, valid_to date)"
            )
        connection.executemany(
            f"insert into {'int_accounts' if borne_by == 'account' else 'int_payer_numbers'} values ('0201234567', ?, ?, null, ?, ?, ?)",
            [[each.owner, f"of {each.owner}", each.zone, each.valid_from, each.valid_to] for each in owners],
        )
        connection.execute(
            "create table minutes as select unnest(?::timestamp[]) as minute", [[each.replace(tzinfo=None) for each in minutes]]
        )
        connection.execute("create table int_days_to_rate as select distinct minute::date as cdr_date from minutes")
        connection.execute(
            f"insert into int_call_records by name select minute::varchar as call_key, 'standard' as source, 'pbx' as leg, "
            f"'0201234567' as {borne_by}, minute as started_wall_clock, {'minute' if has_zone else 'null'} as started_utc, "
            f"60 as duration_s, '{'inbound' if borne_by == 'callee' else 'outbound'}' as direction, 'answered' as disposition, "
            "minute::date as cdr_date, 1 as file_id, 1 as line, 0 as call_hash from minutes"
        )
        relations = {name.removeprefix("raw_"): name for name in EMPTY}
        relations |= {
            name: name for name in ("int_call_records", "int_related_records", "int_days_to_rate", "int_accounts", "int_payer_numbers")
        }
        rows = connection.execute(
            f"select call_key::timestamp, customer_id, call_date from ({model('int_calls_attributed', relations)}) order by 1"
        ).fetchall()
    return [(minute.replace(tzinfo=UTC), customer, on) for minute, customer, on in rows]
