"""Whose it is that a feed is not as expected: each source and partner in it is judged alone; who fails keeps the last good snapshot.

A source is a sub-folder of the feed, or a folder that sources.toml declares.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestration import warehouse
from orchestration.faults import Fault
from orchestration.landing.expectations import (
    FILES_OF_LANDED,
    SAMPLE_ROWS,
    Batch,
    ExpectationResult,
    by_feed,
    check,
    count_landed,
    landed_rows,
    named_columns,
)
from orchestration.landing.suites import (
    DECLARED_SUITE,
    FOLDERS_ACCOUNT,
    MOST,
    SUITES,
    Suite,
)
from orchestration.workspace import Workspace

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

SOURCES_ASKED = 200  # of a feed that failed: each takes a tenth of a second
FILES_NAMED = 3


@dataclass(frozen=True)
class Unexpected:
    """A source, and in it a partner's rows (None: whose is not known), that are not as expected: which files, and what is said of them."""

    partner_id: str | None
    file_ids: tuple[int, ...]
    says: str


def unexpected(
    connection: duckdb.DuckDBPyConnection, findings: Iterable[ExpectationResult], new: Collection[int], before: Collection[int] = ()
) -> list[Unexpected]:
    """Whose it is that feeds failed (``findings``) in the files in ``new``.

    ``before`` are files that failed before and that nobody accepted: judged by themselves, as what landed since must not outweigh them.
    """
    failed = {(finding.feed, finding.table): finding for finding in findings if not finding.success}
    of_before, of_new = by_feed(connection, before), by_feed(connection, new)
    found: list[Unexpected] = []
    for feed, suite in dict.fromkeys([*((feed, suite) for feed, suite in SUITES.items()), *of_before, *of_new]):
        found += _unexpected(connection, feed, suite, of_before.get((feed, suite), []))
        finding = failed.get((feed, suite.table))
        since = of_new.get((feed, suite), []) if finding else []
        of_feed = _unexpected(connection, feed, suite, since)
        if finding and since and not of_feed:  # wrong only as a whole: nobody's
            of_feed = [Unexpected(None, tuple(since), _said(feed, None, finding.reason, []))]
        found += of_feed
    return found


def found_before(connection: duckdb.DuckDBPyConnection) -> set[int]:
    """The files that the last run found not as expected."""
    return {file_id for (file_id,) in connection.execute("select distinct file_id from raw.unexpected_files").fetchall()}


def keep_unexpected(connection: duckdb.DuckDBPyConnection, found: Iterable[Unexpected]) -> None:
    """Write down what this run found, for the publishing and for the next run; what was accepted is not given."""
    connection.execute("delete from raw.unexpected_files")
    rows = [(file_id, each.partner_id, each.says) for each in found for file_id in each.file_ids]
    if rows:
        connection.executemany("insert into raw.unexpected_files values (?, ?, ?)", rows)


def faults(workspace: Workspace) -> list[Fault]:
    """What landed and is not as expected, by partner."""
    with warehouse.connect(workspace, read_only=True) as connection:
        rows = connection.execute("select distinct partner_id, says from raw.unexpected_files order by all").fetchall()
    return [Fault(partner_id, says, is_landed=True) for partner_id, says in rows]


def _unexpected(connection: duckdb.DuckDBPyConnection, feed: str, suite: Suite, file_ids: Sequence[int]) -> list[Unexpected]:
    if not file_ids:
        return []
    frame = _owned_sample(connection, suite, file_ids)
    found = []
    groups = sorted(frame.groupby(["source", "owner"], dropna=False), key=lambda group: -len(group[1]))[:SOURCES_ASKED]
    enough = [group for group in groups if len(group[1]) >= suite.judged_from]
    for chosen in (enough, [group for group in groups if len(group[1]) < suite.judged_from]):
        for (source, owner), rows in chosen:
            failed = [each for each in check(Batch(feed, suite, "rows", rows.reset_index(drop=True), len(rows))) if not each.success]
            if failed:
                partner_id = owner if isinstance(owner, str) else _owner_of_source(connection, feed, suite, source, file_ids)
                files = sorted(set(rows["file"]))
                says = _said(source, partner_id, failed[0].reason.split(": ", 1)[1], files)
                found.append(Unexpected(partner_id, tuple(int(each) for each in sorted(set(rows["file_id"]))), says))
        if found:
            break
    return found + _unexpected_lines(connection, feed, suite, file_ids)


def _unexpected_lines(connection: duckdb.DuckDBPyConnection, feed: str, suite: Suite, file_ids: Sequence[int]) -> list[Unexpected]:
    """Sources of which most lines are no rows."""
    files = connection.execute(
        f"""
        select {_source(suite)} as source, files.file, files.file_id, files.rows_read, files.rows_rejected,
            coalesce(sources.partner_id, owners.partner_id)
        from raw.files as files
        left join raw.file_sources as sources on files.file_id = sources.file_id
        left join ({_owners("payer")}) as owners on trim({FOLDERS_ACCOUNT}) = owners.name
        where files.file_id in (select unnest(?::integer[])) and files.rows_rejected > 0
        order by files.file_id
        """,
        [file_ids],
    ).fetchall()
    found = []
    for source in dict.fromkeys(row[0] for row in files):
        mine = [row for row in files if row[0] == source]
        read, rejected = sum(row[3] for row in mine), sum(row[4] for row in mine)
        if read < suite.judged_from or rejected <= (1 - MOST) * read:
            continue
        owners = {row[5] for row in mine}
        partner_id = owners.pop() if len(owners) == 1 else None
        partner_id = partner_id or _owner_of_source(connection, feed, suite, source, file_ids)
        names = [row[1] for row in mine]
        what = f"most lines are rows: expected at most {1 - MOST:.0%}, found {rejected:,} of {read:,} lines rejected".replace("%", " %")
        found.append(Unexpected(partner_id, tuple(row[2] for row in mine), _said(source, partner_id, what, names)))
    return found


def _source(suite: Suite) -> str:
    """The folder in which an exchange sends its files: the one that sources.toml declares, else a sub-folder of the feed, else the feed."""
    if suite is DECLARED_SUITE:
        return "files.feed"
    below = "substr(files.file, length(files.feed) + 2)"
    return (
        "case when 'cdrs/' || sources.source_name <> files.feed then 'cdrs/' || sources.source_name "
        f"when {below} like '%/%' then files.feed || '/' || split_part({below}, '/', 1) else files.feed end"
    )


def _owners(owned_by: str) -> str:
    """Account or customer -> partner, as it landed first: who uses another's name later is refused by staging."""
    customers = (
        "select trim(customer_id) as name, arg_min(trim(partner_id), file_id) as partner_id from raw.customers group by trim(customer_id)"
    )
    if owned_by == "customer_id":
        return customers
    return (
        "select trim(accounts.account) as name, arg_min(customers.partner_id, accounts.file_id) as partner_id "
        f"from raw.accounts as accounts inner join ({customers}) as customers on trim(accounts.customer_id) = customers.name "
        "group by trim(accounts.account)"
    )


CALLERS = """
            select callers.caller, min(blocks.partner_id) as partner_id
            from (
                select caller, cast(right(digits, 8) as bigint) as tail
                from (select distinct caller, regexp_replace(caller, '[^0-9]', '', 'g') as digits from sampled)
                where length(digits) >= 8
            ) as callers
            inner join (
                select
                    owners.partner_id,
                    try_cast(right(regexp_replace(first_number, '[^0-9]', '', 'g'), 8) as bigint) as first_tail,
                    try_cast(right(regexp_replace(coalesce(last_number, first_number), '[^0-9]', '', 'g'), 8) as bigint) as last_tail
                from raw.numbers as numbers
                inner join ({customers}) as owners on trim(numbers.customer_id) = owners.name
            ) as blocks on callers.tail between blocks.first_tail and blocks.last_tail
            group by callers.caller
            having count(distinct blocks.partner_id) = 1
"""
"""Caller -> partner, by the last eight digits, which every spelling has; whose these are of two partners is nobody's."""


def _owned_sample(connection: duckdb.DuckDBPyConnection, suite: Suite, file_ids: Sequence[int]) -> pd.DataFrame:
    """Rows of these files as in ``_sample``, with their source and owner: whom the source names, the row's, or that of its file's rest."""
    rows = count_landed(connection, file_ids)
    has_caller = suite.owned_by == "payer"
    callers = CALLERS.format(customers=_owners("customer_id")) if has_caller else "select '' as caller, '' as partner_id where false"
    return connection.execute(
        f"""
        with {landed_rows(suite)},

        sampled as (
            select
                files.file_id, files.file, landed.line, {_source(suite)} as source, sources.partner_id as named_by_source,
                trim({FOLDERS_ACCOUNT}) as folders_account, {named_columns(suite)}
            from ({suite.reads()}) as landed
            {FILES_OF_LANDED}
        ),

        owners as ({_owners(suite.owned_by)}),

        callers as ({callers}),

        owned as (
            select
                sampled.* exclude (named_by_source, folders_account),
                coalesce(sampled.named_by_source, owners.partner_id, of_folder.partner_id, callers.partner_id) as partner_id
            from sampled
            left join owners on sampled."{suite.owned_by}" = owners.name
            left join owners as of_folder on sampled.folders_account = of_folder.name
            left join callers on {"sampled.caller" if has_caller else "''"} = callers.caller
        )

        select
            * exclude (partner_id),
            coalesce(
                partner_id,
                case when min(partner_id) over (partition by file_id) = max(partner_id) over (partition by file_id)
                    then min(partner_id) over (partition by file_id) end
            ) as owner
        from owned
        order by hash(file_id, line), file_id, line
        """,
        [file_ids, max(1, -(-rows // SAMPLE_ROWS))],
    ).df()


def _owner_of_source(connection: duckdb.DuckDBPyConnection, feed: str, suite: Suite, source: str, file_ids: Sequence[int]) -> str | None:
    """Whose the last files of a folder were, where all were one partner's. In the own folder of a dialect's feed anybody's lie."""
    if source == feed and suite is not DECLARED_SUITE:
        return None
    earlier = connection.execute(
        f"""
        select files.file_id
        from raw.files as files
        left join raw.file_sources as sources on files.file_id = sources.file_id
        where files.feed = ? and {_source(suite)} = ? and files.file_id not in (select unnest(?::integer[]))
        order by files.file_id desc
        limit 5
        """,
        [feed, source, file_ids],
    ).fetchall()
    owners = connection.execute(
        f"""
        with {landed_rows(suite)}
        select distinct owners.partner_id
        from ({suite.reads()}) as landed
        {FILES_OF_LANDED}
        inner join ({_owners(suite.owned_by)}) as owners on {suite.columns()[suite.owned_by]} = owners.name
        """,
        [[file_id for (file_id,) in earlier], 1],
    ).fetchall()
    return owners[0][0] if len(owners) == 1 else None


def _said(source: str, partner_id: str | None, what: str, files: Sequence[str]) -> str:
    named = ", ".join(files[:FILES_NAMED]) + (f" and {len(files) - FILES_NAMED} files more" if len(files) > FILES_NAMED else "")
    whose = partner_id or "nobody knows whose"
    return (
        f"landed_as_expected: {source} ({whose}): {what}{f'; in {named}' if named else ''}. "
        "Likely its exchange writes another format than before. Fix: tikteller run --accept-landed if the files are right, "
        "else tikteller withdraw FILE for each of them"
    )
