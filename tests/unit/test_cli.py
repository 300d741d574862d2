"""The command line: exact answers, errors that a person can act on, and verbs that answer at once."""

from __future__ import annotations

import csv
import io
import json
import os
import socket
import subprocess
import sys
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from orchestration import cli, output, run_lock
from orchestration.commands import pipeline
from orchestration.errors import TiktellerError
from orchestration.output import Answer
from orchestration.pipeline import runs
from orchestration.pipeline.settings import RunSettings
from orchestration.progress import Progress
from orchestration.workspace import PLATFORM, PROJECT_ROOT, Workspace

HEAVY = ("dagster", "dbt", "great_expectations", "pandas", "streamlit")


def publish(workspace: Workspace, owner: str, *statements: str) -> None:
    """A snapshot as the pipeline leaves it: a file, and a pointer to it."""
    folder = workspace.serving / owner
    folder.mkdir(parents=True)
    with duckdb.connect(str(folder / "s1.duckdb")) as connection:
        connection.execute(
            f"create table _snapshot as select 's1' as snapshot, '{owner}' as owner, timestamp '2026-11-01 02:00:00' as published_at"
        )
        for statement in statements:
            connection.execute(statement)
    (folder / "current").write_text("s1.duckdb\n")


@pytest.fixture
def empty(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path / "w")
    workspace.create(("orders", "cdrs/standard"))
    return workspace


@pytest.fixture
def published(empty: Workspace) -> Workspace:
    """Two partners and the platform."""
    for partner, amount in (("p1", "0.1"), ("p-2", "0.2")):
        publish(
            empty,
            partner,
            "create table countries as select 'NL' as country",
            f"create table calls as select '{partner}' as partner_id, {amount}::decimal(18, 6) as sale_eur, "
            "timestamp '2026-10-31 22:59:59' as started_at from range(3)",
            f"create table quarantine as select '{partner}' as partner_id, 'orders' as feed, 'missing_quantity' as reason",
        )
    publish(
        empty,
        PLATFORM,
        "create table quarantine (partner_id varchar, feed varchar, reason varchar)",
        "insert into quarantine values ('p1', 'orders', 'missing_quantity'), (null, 'cdrs/standard', 'unknown_customer')",
        "create table partner_months as select 'p1' as partner_id, '2026-10' as month, 'open' as status, 3 as calls, "
        "1 as unrated_calls, 0.3::decimal(18, 6) as sale_eur, 0.1::decimal(18, 6) as margin_eur",
    )
    return empty


def ask(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a verb."""
    code = cli.main(arguments)
    said = capsys.readouterr()
    return code, said.out, said.err


def usage(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as left:
        cli.main(arguments)
    return int(left.value.code or 0), capsys.readouterr().err


# Verbs answer at once -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("status",),
        ("sql", "select 1 as one"),
        ("pvc", "--codec", "G.711", "--framing", "pppoa-vc"),
        ("init",),
    ],
)
def test_quick_verbs_import_nothing_heavy(published: Workspace, arguments: tuple[str, ...]) -> None:
    """Dagster, dbt and Great Expectations take seconds to import: nobody would ask `status` twice."""
    code = (
        "import sys; from orchestration.cli import main\n"
        "try: code = main(sys.argv[1:])\n"
        "except SystemExit as left: code = left.code\n"
        f"print(code, sorted(set(sys.modules) & set({HEAVY})), file=sys.stderr)"
    )
    said = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        cwd=PROJECT_ROOT,
        env={**os.environ, "TIKTELLER_WORKSPACE": str(published.root)},
    )
    assert said.stderr.splitlines()[-1] == "0 []", said.stderr


# Errors -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [(), ("dance",), ("sql",), ("demo-data", "--calls", "many"), ("status", "--format", "xml"), ("pvc", "--codec", "G.711")],
)
def test_wrong_usage_is_one_line_and_exit_code_2(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]) -> None:
    """A script must be able to tell its own mistake from a failed run."""
    code, said = usage(capsys, *arguments)
    assert code == 2
    assert said.startswith("tikteller: ")
    assert said.count("\n") == 1
    assert "--help" in said


def test_errors_say_what_where_and_the_fix(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, out, said = ask(capsys, "status", "--workspace", str(tmp_path / "none"))
    assert (code, out) == (1, "")
    assert said.startswith(f"tikteller: {tmp_path}/none is not a workspace")
    assert f"Fix: tikteller --workspace {tmp_path}/none init" in said
    assert said.count("\n") == 1


def test_traceback_only_with_debug(capsys: pytest.CaptureFixture[str], empty: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> int:
        raise ValueError("two\nlines")

    monkeypatch.setattr(pipeline, "_status", fail)
    code, _, said = ask(capsys, "status")
    assert code == 1
    assert said.count("\n") == 1
    assert "two lines" in said
    assert "Traceback" not in said
    with pytest.raises(ValueError, match="two"):
        cli.main(["--debug", "status"])
    with pytest.raises(ValueError, match="two"):
        cli.main(["status", "--debug"])


def test_interrupted_is_130(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "_status", interrupt)
    assert ask(capsys, "status") == (130, "", "tikteller: interrupted\n")


def test_reader_that_has_seen_enough_is_no_error(published: Workspace) -> None:
    """`tikteller sql ... | head` must not end in a traceback."""
    process = subprocess.Popen(
        [sys.executable, "-m", "orchestration.cli", "--workspace", str(published.root), "sql", "--format", "csv", "from range(1000000)"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=PROJECT_ROOT,
    )
    assert process.stdout
    assert process.stderr
    assert process.stdout.readline() == b"range\n"
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(30) == 0


@pytest.mark.parametrize("order", [("--workspace", "W", "status"), ("status", "--workspace", "W")])
def test_workspace_before_or_after_the_verb(capsys: pytest.CaptureFixture[str], empty: Workspace, order: tuple[str, ...]) -> None:
    """Before the verb it was once passed over: a run into the wrong workspace."""
    code, out, _ = ask(capsys, *(str(empty.root) if word == "W" else word for word in order))
    assert (code, out) == (0, "nothing run yet; Fix: tikteller run\n")


# init, status ---------------------------------------------------------------------------------------------------------------


def test_init_makes_every_feeds_folder(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for says in ("is a workspace now", "is a workspace already"):
        code, out, _ = ask(capsys, "--workspace", str(tmp_path / "w"), "init")
        assert code == 0
        assert says in out
    assert (tmp_path / "w" / "landing" / "cdrs" / "asterisk").is_dir()
    assert (tmp_path / "w" / "landing" / "extension_counts").is_dir()


def test_status_tells_what_waits_and_what_is_no_feed(capsys: pytest.CaptureFixture[str], empty: Workspace) -> None:
    """A file in the wrong folder is a day that nobody bills."""
    (empty.landing / "orders" / "a.csv").write_text("x")
    (empty.landing / "lost.csv").write_text("x")
    code, out, _ = ask(capsys, "status", "--workspace", str(empty.root), "--format", "json")
    found = json.loads(out)
    assert code == 0
    assert found["waiting"] == [{"feed": "orders", "files": 1, "size_bytes": 1}]
    assert found["not_read"] == ["lost.csv: it is in no feed's folder"]
    assert found["last_run"] is None


def test_a_run_that_cannot_start_is_told_and_is_the_last_run(
    empty: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Night after night nothing would run, and the monitor would go on reading yesterday's "published"."""
    alarm = tmp_path / "alarm.json"
    monkeypatch.setenv("TIKTELLER_ON_FAILURE", f"cat > {alarm}")
    yesterday = json.dumps({"started_at": "2026-11-01T02:00:00Z", "seconds": 61.5, "published": True})
    empty.last_run.write_text(yesterday)

    with run_lock.held(empty):
        assert ask(capsys, "run", "--workspace", str(empty.root))[0] == 1
    assert "a run is going on" in json.loads(alarm.read_text())["problem"]
    assert empty.last_run.read_text() == yesterday, "the one that is at work says how it ended"

    def refuse(_workspace: Workspace) -> None:
        raise TiktellerError("the state is older than what is published", fix="restore it")

    monkeypatch.setattr(runs, "require_known_state", refuse)
    assert ask(capsys, "run", "--workspace", str(empty.root))[0] == 1
    for told in (json.loads(alarm.read_text()), json.loads(empty.last_run.read_text())):
        assert not told["published"]
        assert "the state is older" in told["problem"]
        assert told["started_at"] > "2026-11-01T02:00:00Z"


def test_status_of_what_is_published(capsys: pytest.CaptureFixture[str], published: Workspace) -> None:
    published.last_run.write_text(
        json.dumps({"started_at": "2026-11-01T02:00:00Z", "seconds": 61.5, "published": False, "problem": "calls: sum differs"})
    )
    _, out, _ = ask(capsys, "status", "--workspace", str(published.root), "--format", "json")
    found = json.loads(out)
    assert [(row["partner_id"], row["newest_call_at"], row["calls"]) for row in found["partners"]] == [
        ("p-2", "2026-10-31T22:59:59", 3),
        ("p1", "2026-10-31T22:59:59", 3),
    ]
    assert found["months"][0]["sale_eur"] == "0.300000"
    assert {row["reason"]: row["rows"] for row in found["quarantine"]} == {"missing_quantity": 1, "unknown_customer": 1}
    _, out, _ = ask(capsys, "status", "--workspace", str(published.root))
    assert out.startswith("last run: started 2026-11-01T02:00:00Z, 62 s, NOT published: calls: sum differs\n")
    _, out, _ = ask(capsys, "status", "--workspace", str(published.root), "--format", "csv")
    assert ["months", "1", "sale_eur", "0.300000"] in list(csv.reader(io.StringIO(out)))


def test_status_knows_what_is_published_already(capsys: pytest.CaptureFixture[str], empty: Workspace) -> None:
    path = empty.landing / "orders" / "a.csv"
    path.write_text("x")
    os.utime(path, (1_700_000_000, 1_700_000_000))
    publish(
        empty,
        PLATFORM,
        "create table ingested_files as select 'orders/a.csv' as file, sha256('x') as sha256",
    )
    _, out, _ = ask(capsys, "status", "--workspace", str(empty.root), "--format", "json")
    assert json.loads(out)["waiting"] == []


# sql ------------------------------------------------------------------------------------------------------------------------


def test_money_is_exact_in_every_format(capsys: pytest.CaptureFixture[str], published: Workspace, tmp_path: Path) -> None:
    """0.1 + 0.1 + 0.1 as floating point is 0.30000000000000004: no invoice adds up."""
    question = ("sql", "--workspace", str(published.root), "select sum(sale_eur) as sale_eur from calls where partner_id = 'p1'")
    assert json.loads(ask(capsys, *question, "--format", "json")[1]) == [{"sale_eur": "0.300000"}]
    assert ask(capsys, *question, "--format", "csv")[1] == "sale_eur\n0.300000\n"
    assert ask(capsys, *question)[1].splitlines()[-1] == "0.300000"
    out = tmp_path / "sales.parquet"
    assert ask(capsys, *question, "--format", "parquet", "--out", str(out))[0] == 0
    assert duckdb.sql(f"from '{out}'").fetchall() == [(Decimal("0.300000"),)]
    assert list(tmp_path.glob(".*")) == []


def test_all_partners_stand_side_by_side(capsys: pytest.CaptureFixture[str], published: Workspace) -> None:
    """Shared tables are not counted once per partner, and quarantine has the rows that belong to nobody too."""
    sql = "select (select count(*) from calls), (select count(*) from countries), (select count(*) from quarantine)"
    _, out, _ = ask(capsys, "sql", "--workspace", str(published.root), sql, "--format", "csv")
    assert out.splitlines()[1] == "6,1,2"


def test_partner_sees_one_file(capsys: pytest.CaptureFixture[str], published: Workspace) -> None:
    """The file is the wall between tenants: what is not in it cannot be asked for."""
    where = ("--workspace", str(published.root), "--partner", "p1")
    _, out, _ = ask(capsys, "sql", *where, "select distinct partner_id from calls", "--format", "csv")
    assert out == "partner_id\np1\n"
    other = published.serving / "p-2" / "s1.duckdb"
    for hostile in (f"attach '{other}' as other", f"select * from '{other}'", 'select * from "p-2".calls'):
        code, out, said = ask(capsys, "sql", *where, hostile)
        assert (code, out) == (1, "")
        assert said.startswith("tikteller: ")


@pytest.mark.parametrize("partner", [None, "p1"])
@pytest.mark.parametrize(
    "hostile",
    [
        "delete from calls",
        "with gone as (delete from calls returning *) select * from gone",
        "copy calls to '/tmp/tikteller-stolen.csv'",
        "select * from read_csv('/etc/passwd')",
        "select * from read_text('/etc/passwd')",
        "set memory_limit = '1TB'",
        "set enable_external_access = true",
        "attach ':memory:' as scratch",
        "create table scratch as select 1",
        "install httpfs",
        "load httpfs",
        "select 1; select 2",
        "",
        "selec 1",
        "select nothing from calls",
    ],
)
def test_sql_reads_and_does_nothing_else(
    capsys: pytest.CaptureFixture[str], published: Workspace, hostile: str, partner: str | None
) -> None:
    """A snapshot that a question could change would no longer be what was audited."""
    code, out, said = ask(capsys, "sql", "--workspace", str(published.root), *(("--partner", partner) if partner else ()), hostile)
    assert (code, out) == (1, "")
    assert said.startswith("tikteller: ")
    assert said.count("\n") == 1
    assert not Path("/tmp/tikteller-stolen.csv").exists()


def test_a_table_of_very_many_rows_stops_and_says_so(capsys: pytest.CaptureFixture[str], published: Workspace) -> None:
    """A million rows held to be aligned fill the memory of the machine that bills; cut off in silence, they are taken for all."""
    for rows, is_told in ((1_000, False), (1_001, True)):
        code, out, said = ask(capsys, "sql", "--workspace", str(published.root), f"select range as n from range({rows})")
        assert code == 0
        assert sum(line.strip().isdecimal() for line in out.splitlines()) == 1_000
        assert ("only the first 1,000 rows; --format csv" in said) is is_told
    _, out, _ = ask(capsys, "sql", "--workspace", str(published.root), "select range as n from range(1001)", "--format", "csv")
    assert len(out.splitlines()) == 1_002


def test_sql_before_anything_is_published(capsys: pytest.CaptureFixture[str], empty: Workspace) -> None:
    code, _, said = ask(capsys, "sql", "--workspace", str(empty.root), "select 1")
    assert code == 1
    assert said.endswith("Fix: tikteller run\n")


def test_parquet_wants_a_file(capsys: pytest.CaptureFixture[str], published: Workspace) -> None:
    code, _, said = ask(capsys, "sql", "--workspace", str(published.root), "select 1", "--format", "parquet")
    assert (code, said) == (2, "tikteller: parquet is no text for a terminal. Fix: add --out FILE\n")


def test_answer_that_fails_half_way_leaves_no_file(capsys: pytest.CaptureFixture[str], published: Workspace, tmp_path: Path) -> None:
    """Half an export looks like a whole one."""
    out = tmp_path / "answer.csv"
    sql = "select case when range = 500000 then error('broken') else range end as n from range(1000000)"
    code, _, said = ask(capsys, "sql", "--workspace", str(published.root), sql, "--format", "csv", "--out", str(out))
    assert code == 1
    assert "broken" in said
    assert list(tmp_path.glob("*answer*")) == []


# Output ---------------------------------------------------------------------------------------------------------------------


ROWS = Answer(
    ("name", "n", "amount_eur", "is_open", "at", "list"),
    [
        ("a", 1, Decimal("10.50"), True, datetime(2026, 10, 25, 2, 30), [Decimal("1.0")]),
        (None, None, Decimal("-0.000001"), False, None, None),
    ],
)


def written(form: output.Format, answer: Answer = ROWS) -> str:
    stream = io.StringIO()
    output.write(answer, form, stream)
    return stream.getvalue()


def test_table_is_aligned_with_numbers_to_the_right() -> None:
    assert written("table") == (
        "name  n  amount_eur  is_open  at                   list\n"
        "----  -  ----------  -------  -------------------  -------\n"
        'a     1       10.50  true     2026-10-25 02:30:00  ["1.0"]\n'
        "         -0.000001   false\n".replace("         -0.000001   false", "          -0.000001  false")
    )


def test_json_has_decimals_as_text() -> None:
    assert json.loads(written("json")) == [
        {"name": "a", "n": 1, "amount_eur": "10.50", "is_open": True, "at": "2026-10-25T02:30:00", "list": ["1.0"]},
        {"name": None, "n": None, "amount_eur": "-0.000001", "is_open": False, "at": None, "list": None},
    ]
    assert json.loads(written("json", Answer(("a",), []))) == []


def test_csv_has_exact_text() -> None:
    assert written("csv").splitlines()[1:] == ['a,1,10.50,true,2026-10-25 02:30:00,"[""1.0""]"', ",,-0.000001,false,,"]


def test_hostile_text_does_not_reach_the_terminal() -> None:
    """A rejected line may hold escape codes that clear the screen or forge a row below."""
    shown = written("table", Answer(("raw",), [("\x1b[2Jgone\nnext \u202e",)]))
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert shown.count("\n") == 3


# pvc, app, demo-data --------------------------------------------------------------------------------------------------------


def test_pvc_answers_the_check_value(capsys: pytest.CaptureFixture[str]) -> None:
    """448 kbit/s up, G.711, PPPoA: 4 calls (DOMAIN, 7). A fifth sold is a line on which everybody stutters."""
    question = ("pvc", "--codec", "G.711", "--framing", "pppoa-vc", "--guaranteed-kbps", "448")
    (record,) = json.loads(ask(capsys, *question, "--format", "json")[1])
    assert (Decimal(record["kbps_per_call"]), record["concurrent_calls"]) == (Decimal("106.0"), 4)
    assert ask(capsys, *question)[1].splitlines()[-1].endswith(" 4")


def test_app_says_when_the_port_is_taken(capsys: pytest.CaptureFixture[str], empty: Workspace) -> None:
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, out, said = ask(capsys, "app", "--workspace", str(empty.root), "--port", str(port), "--headless")
    assert (code, out) == (1, "")
    assert f"port {port}" in said
    assert f"--port {port + 1}" in said


def test_app_serves_this_workspace(capsys: pytest.CaptureFixture[str], empty: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another workspace's dashboard shows another partner's margins."""
    started = []

    def instead_of_streamlit(program: str, command: list[str], environment: dict[str, str]) -> None:
        started.append((command, environment))
        raise SystemExit(0)

    monkeypatch.setattr(os, "execve", instead_of_streamlit)
    monkeypatch.setattr(os, "chdir", lambda _: None)
    with socket.socket() as probe:
        probe.bind(("", 0))
        port = str(probe.getsockname()[1])
    with pytest.raises(SystemExit):
        cli.main(["app", "--workspace", str(empty.root), "--port", port, "--headless"])
    ((command, environment),) = started
    assert f"http://localhost:{port}" in capsys.readouterr().out
    assert environment["TIKTELLER_WORKSPACE"] == str(empty.root)
    assert command[command.index("--server.port") + 1] == port


def test_what_a_run_remarks_is_said_once(capsys: pytest.CaptureFixture[str], published: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said twice, one file that is left is looked for as two; not said, it is missing from the bills and nobody knows why."""
    left = "not read: orders/a.csv: it changed while it was read; the next run takes it"
    duckdb.connect(str(published.warehouse)).close()  # it is there, and the rated calls beside it are not

    def execute(_workspace: Workspace, progress: Progress, _settings: RunSettings) -> str:
        progress(left)
        return "calls: sum differs\nlog: last_run.log"

    monkeypatch.setattr(runs, "require_known_state", lambda _workspace: None)
    monkeypatch.setattr(runs, "_execute", execute)
    monkeypatch.setattr(runs, "_pending", lambda _workspace: ("cdrs/standard/night.csv (file 7)",))
    code, out, err = ask(capsys, "run", "--workspace", str(published.root))
    assert code == 1
    said = (out + err).splitlines()
    remembered = [step["name"] for step in json.loads(published.last_run.read_text())["steps"]]
    assert remembered[0].startswith("made anew: the rated calls of")
    assert remembered[-1] == left
    summary = ("calls: sum differs", "log: last_run.log", "landed and not published: cdrs/standard/night.csv (file 7)")
    for remark in (*remembered, *summary):
        assert sum(remark in line for line in said) == 1, remark


def test_run_that_is_not_published_fails(capsys: pytest.CaptureFixture[str], empty: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A scheduler that sees exit code 0 tells nobody that the night's calls are missing."""
    runs = pytest.importorskip("orchestration.pipeline.runs")
    for published, expected in ((True, 0), (False, 1)):
        report = runs.RunReport("2026-11-01T02:00:00Z", 1.0, published, "s1", None if published else "calls: sum differs")
        monkeypatch.setattr(runs, "run", lambda *_, report=report, **__: report)
        code, out, _ = ask(capsys, "run", "--workspace", str(empty.root))
        assert code == expected
        assert ("calls: sum differs" in out) is not published
