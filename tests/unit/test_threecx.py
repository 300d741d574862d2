"""Fails if the seats of a PBX are read wrong, read from somebody else, or not read at all without anybody knowing."""

from __future__ import annotations

import csv
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from orchestration.cli import main
from orchestration.connectors.readings import FEED, read_configuration, read_pbxs
from orchestration.connectors.threecx import Access, Patience, count_extensions
from orchestration.errors import TiktellerError
from orchestration.landing.arrivals import arrivals
from orchestration.landing.feeds import FEEDS, feed_named
from orchestration.workspace import Workspace
from tests.unit.threecx_double import CLIENT, KEY, USERS, Answer, Certificates, FakePbx, make_certificates, serving, slow

TOKEN = "/connect/token"
BRISK = Patience(connect_s=2, answer_s=5, tries=3, first_pause_s=1)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def start(certificates: Certificates) -> Iterator[Callable[[FakePbx], FakePbx]]:
    with ExitStack() as stack:

        def started(pbx: FakePbx) -> FakePbx:
            context: AbstractContextManager[FakePbx] = serving(pbx, certificates)
            return stack.enter_context(context)

        yield started


@pytest.fixture
def pauses() -> list[float]:
    """What would have been slept."""
    return []


@pytest.fixture
def count(certificates: Certificates, pauses: list[float]) -> Callable[..., int]:
    def counted(pbx: FakePbx, patience: Patience = BRISK, **access: str) -> int:
        asked = {"login": "client", "name": CLIENT, "secret": KEY, "ca_file": str(certificates.authority)} | access
        return count_extensions(Access(pbx.url, **asked), patience, pauses.append)  # type: ignore[arg-type]

    return counted


Start = Callable[[FakePbx], FakePbx]
Count = Callable[..., int]


# What is counted ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("users", "page_rows", "gives_links", "pages"),
    [(1, 100, True, 1), (100, 100, True, 1), (101, 100, True, 2), (250, 100, False, 3), (250, 40, True, 8), (250, 40, False, 7)],
)
def test_every_page_is_read(start: Start, count: Count, users: int, page_rows: int, gives_links: bool, pages: int) -> None:
    # Fails if a PBX with more users than fit on a page bills the first page only, however the server cuts its pages.
    pbx = start(FakePbx(users=users, page_rows=page_rows, gives_links=gives_links))
    assert count(pbx) == users
    assert len(pbx.asked(USERS)) == pages
    assert len(pbx.tokens) == 1


def test_hot_desks_are_not_billed(start: Start, count: Count) -> None:
    # Fails if a desk that anybody may sit at is billed as a user.
    pbx = start(FakePbx())
    count(pbx)
    assert pbx.asked(USERS)[0]["$filter"] == "not startsWith(Number,'HD')"


def test_a_user_signs_in_where_there_is_no_api_client(start: Start, count: Count) -> None:
    # Fails if a PBX without an Enterprise licence cannot be read.
    pbx = start(FakePbx(users=7))
    assert count(pbx, login="user") == 7
    assert [path for _, path, _ in pbx.requests] == ["/webclient/api/Login/GetAccessToken", USERS]


def test_the_next_page_is_asked_of_the_pbx_itself(start: Start, count: Count) -> None:
    # Fails if a link to elsewhere takes the token along.
    pbx = start(FakePbx(users=150, page_rows=50, link_host="https://elsewhere.example"))
    assert count(pbx) == 150


@pytest.mark.parametrize("link", ["https://elsewhere.example/steal?x=1", "/xapi/v1/Groups?$skip=1", 7])
def test_a_next_page_that_is_no_list_of_users_is_refused(start: Start, count: Count, link: object) -> None:
    # Fails if a PBX can send us to another address.
    page = {"@odata.count": 2, "value": [{"Id": 1}], "@odata.nextLink": link}
    pbx = start(FakePbx(interfere=lambda number, path, query: (200, page) if path == USERS else None))
    with pytest.raises(TiktellerError, match="no list of users"):
        count(pbx)


# What is no count --------------------------------------------------------------------------------------------------------------


def test_a_smaller_number_than_the_pbx_says_is_an_error(start: Start, count: Count) -> None:
    # Fails if users are given away because a page went missing.
    short = {"@odata.count": 5, "value": [{"Id": 1}, {"Id": 2}]}
    nothing = {"@odata.count": 5, "value": []}
    pbx = start(FakePbx(interfere=lambda n, path, query: None if path == TOKEN else (200, nothing if query["$skip"] == "2" else short)))
    with pytest.raises(TiktellerError, match="says it has 5 users but lists 2"):
        count(pbx)


@pytest.mark.parametrize(
    ("page", "problem"),
    [
        ({"@odata.count": 2, "value": [{"Id": 1}, {"Id": 1}]}, "lists 2, 1 of them different"),
        ({"@odata.count": 2, "value": [{"Id": 1}, {"Id": 1}, {"Id": 2}]}, "lists 3, 2 of them different"),
        ({"@odata.count": 1, "value": [{"Id": 1}, {"Id": 2}]}, "says it has 1 users but lists 2"),
        ({"value": [{"Id": 1}]}, "does not say how many"),
        ({"@odata.count": True, "value": [{"Id": 1}]}, "says it has 'True' users"),
        ({"@odata.count": 0, "value": []}, "sees no user at all"),
        ({"@odata.count": 1}, "page without users"),
        ({"@odata.count": 1, "value": [{"Number": "100"}]}, "page without users"),
        ([], "no JSON object"),
        (b"<html>", "no JSON object"),
    ],
)
def test_what_does_not_fit_together_is_no_count(start: Start, count: Count, page: object, problem: str) -> None:
    # Fails if a doubtful answer is billed.
    pbx = start(FakePbx(interfere=lambda number, path, query: (200, page) if path == USERS else None))
    with pytest.raises(TiktellerError, match=problem):
        count(pbx)


def test_a_number_that_changes_while_it_is_read_is_an_error(start: Start, count: Count) -> None:
    # Fails if a user who came between two pages makes the count of another day.
    pbx = FakePbx(users=150)

    def one_more(number: int, path: str, query: dict[str, str]) -> Answer | None:
        pbx.users += query.get("$skip") == "100"
        return None

    pbx.interfere = one_more
    with pytest.raises(TiktellerError, match="changed from 150 to 151"):
        count(start(pbx))


def test_a_chain_of_pages_without_end_is_left(start: Start, count: Count, monkeypatch: pytest.MonkeyPatch) -> None:
    # Fails if one PBX keeps the reading of all going for ever.
    monkeypatch.setattr("orchestration.connectors.threecx.MOST_PAGES", 5)
    page = {"@odata.count": 9, "value": [{"Id": 1}], "@odata.nextLink": f"{USERS}?$skip=1"}
    pbx = start(FakePbx(interfere=lambda number, path, query: (200, page) if path == USERS else None))
    with pytest.raises(TiktellerError, match="has no end"):
        count(pbx)
    assert len(pbx.asked(USERS)) == 5


# Who asks ----------------------------------------------------------------------------------------------------------------------


def test_a_token_that_ran_out_is_renewed(start: Start, count: Count) -> None:
    # Fails if a long list cannot be read because a token lives a minute.
    pbx = start(FakePbx(users=450, token_uses=2))
    assert count(pbx) == 450
    assert len(pbx.tokens) == 3


def test_a_token_that_is_refused_twice_is_not_asked_for_again(start: Start, count: Count, pauses: list[float]) -> None:
    # Fails if a client without rights hammers the PBX.
    pbx = start(FakePbx(token_uses=0))
    with pytest.raises(TiktellerError, match=r"may not list users \(HTTP 401\)"):
        count(pbx)
    assert len(pbx.tokens) == 2
    assert pauses == []


def test_a_wrong_key_is_said_and_never_shown(start: Start, count: Count, pauses: list[float]) -> None:
    # Fails if a key ends in a log, or a wrong one is tried until the PBX shuts us out.
    pbx = start(FakePbx())
    with pytest.raises(TiktellerError, match=r"900 is refused \(HTTP 401\)") as problem:
        count(pbx, secret="a wrong key")
    assert "wrong key" not in str(problem.value)
    assert len(pbx.requests) == 1
    assert pauses == []
    assert KEY not in repr(Access("https://pbx.example", "client", CLIENT, KEY))


def test_an_unknown_authority_is_refused(start: Start, count: Count, tmp_path: Path) -> None:
    # Fails if somebody in between could collect keys, or tell us any number.
    pbx = start(FakePbx())
    other = make_certificates(tmp_path)
    for ca_file in ("", str(other.authority)):
        with pytest.raises(TiktellerError, match=r"certificate of https://localhost:\d+ is not trusted"):
            count(pbx, ca_file=ca_file)
    pbx.url = pbx.url.replace("localhost", "127.0.0.1")  # not what the certificate is for
    with pytest.raises(TiktellerError, match="is not trusted"):
        count(pbx)
    assert pbx.requests == []


# What may pass by itself -------------------------------------------------------------------------------------------------------


def failing(*answers: Answer) -> Callable[[int, str, dict[str, str]], Answer | None]:
    """The first requests for users get these answers."""
    waiting = list(answers)
    return lambda number, path, query: waiting.pop(0) if waiting and path == USERS else None


@pytest.mark.parametrize("answer", [(500, None), (502, b"<html>"), (503, None), (429, None), (0, None)])
def test_what_may_pass_is_tried_again_and_later_each_time(start: Start, count: Count, pauses: list[float], answer: Answer) -> None:
    # Fails if a PBX that restarts at midnight blocks an invoice.
    pbx = start(FakePbx(interfere=failing(answer, answer)))
    assert count(pbx) == 3
    assert pauses == [1, 2]


def test_it_is_tried_a_bounded_number_of_times(start: Start, count: Count, pauses: list[float]) -> None:
    # Fails if a PBX that is down keeps the reading of all going.
    pbx = start(FakePbx(interfere=lambda number, path, query: (503, None)))
    with pytest.raises(TiktellerError, match=r"does not answer: HTTP 503 \(3 tries\)"):
        count(pbx)
    assert len(pbx.requests) == 3
    assert pauses == [1, 2]


def test_as_long_as_the_pbx_asks_is_waited(start: Start, count: Count, pauses: list[float]) -> None:
    # Fails if a PBX that asks for patience is asked again at once, and shuts us out.
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    pbx = start(FakePbx(interfere=failing((429, None, {"Retry-After": "7"}), (503, None, {"Retry-After": later}))))
    assert count(pbx) == 3
    assert pauses[0] == 7
    assert 25 < pauses[1] <= 30


@pytest.mark.parametrize("retry_after", ["86400", "soon", "-1"])
def test_a_pause_that_is_too_long_or_unreadable(start: Start, count: Count, pauses: list[float], retry_after: str) -> None:
    # Fails if one PBX holds up the others for a day.
    pbx = start(FakePbx(interfere=failing((429, None, {"Retry-After": retry_after}))))
    if retry_after == "86400":
        with pytest.raises(TiktellerError, match=r"HTTP 429, and it asks to wait 86400 s \(1 try\)"):
            count(pbx, Patience(whole_reading_s=1e9))
        assert pauses == []
    else:
        assert count(pbx) == 3
        assert pauses == [1]


def test_an_answer_that_does_not_come_is_tried_again(start: Start, count: Count, pauses: list[float]) -> None:
    # Fails if a PBX that accepts and then says nothing is waited for until the morning.
    pbx = start(FakePbx(interfere=lambda n, path, query: slow(1.5) if n == 2 else None))
    assert count(pbx, Patience(connect_s=2, answer_s=0.3, tries=2)) == 3
    assert pauses == [1]
    silent = start(FakePbx(interfere=lambda n, path, query: slow(1.5)))
    with pytest.raises(TiktellerError, match=r"no answer in time \(2 tries\)"):
        count(silent, Patience(connect_s=2, answer_s=0.3, tries=2))


def test_no_request_begins_after_the_time_is_up(start: Start, count: Count, pauses: list[float]) -> None:
    # Fails if retries add up to more than the time that there is at a month's end.
    pbx = start(FakePbx(interfere=lambda number, path, query: (503, None)))
    with pytest.raises(TiktellerError, match="there is no time left"):
        count(pbx, Patience(tries=100, first_pause_s=4, whole_reading_s=3))
    assert pauses == []


@pytest.mark.parametrize("status", [301, 403, 404])
def test_another_answer_is_said_as_it_is(start: Start, count: Count, status: int) -> None:
    # Fails if a web page or a redirect is taken for a PBX.
    there = {"Location": "https://elsewhere.example/"}
    pbx = start(FakePbx(interfere=lambda number, path, query: (status, None, there) if path == USERS else None))
    with pytest.raises(TiktellerError, match=f"the PBX sends HTTP {status}"):
        count(pbx)
    assert len(pbx.asked(USERS)) == 1


def test_a_pbx_that_is_not_there(count: Count, pauses: list[float]) -> None:
    # Fails if nobody is told that a PBX is off.
    with pytest.raises(TiktellerError, match=r"https://localhost:9 does not answer: .*refused \(3 tries\)"):
        count(FakePbx(url="https://localhost:9"))
    assert pauses == [1, 2]


# Many PBXs, one file -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path / "workspace")
    workspace.create(tuple(feed.name for feed in FEEDS))
    return workspace


def configuration(path: Path, *pbxs: tuple[str, FakePbx], ca_file: Path, **more: str) -> Path:
    (path / "key").write_text(KEY + "\n")
    lines = []
    for pbx_id, pbx in pbxs:
        told = {"pbx_id": pbx_id, "customer_id": f"of {pbx_id}", "service_code": "3CX-STD", "url": pbx.url, "client_id": CLIENT}
        told |= {"secret_file": "key", "ca_file": os.path.relpath(ca_file, path)} | more
        lines += ["[[pbx]]", *(f'{name} = "{value}"' for name, value in told.items())]
    file = path / "pbxs.toml"
    file.write_text("\n".join(lines))
    return file


def test_one_pbx_that_fails_stops_no_other(
    start: Start, workspace: Workspace, tmp_path: Path, certificates: Certificates, pauses: list[float]
) -> None:
    # Fails if one PBX that is down blocks all invoices, or gets a row that nobody read.
    good, other = start(FakePbx(users=12)), start(FakePbx(users=101))
    down = start(FakePbx(interfere=lambda number, path, query: (503, None)))
    config = configuration(tmp_path, ("good", good), ("down", down), ("other", other), ca_file=certificates.authority)
    before = datetime.now(UTC) - timedelta(seconds=1)
    found = read_pbxs(workspace, read_configuration(config), BRISK, pauses.append)
    assert [(each.pbx.pbx_id, each.extensions, each.problem is None) for each in found.readings] == [
        ("good", 12, True),
        ("down", None, False),
        ("other", 101, True),
    ]
    assert found.file is not None
    with found.file.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == feed_named(FEED).columns
    assert [(row["pbx_id"], row["customer_id"], row["service_code"], row["extensions"]) for row in rows] == [
        ("good", "of good", "3CX-STD", "12"),
        ("other", "of other", "3CX-STD", "101"),
    ]
    for row in rows:
        assert row["read_at"].endswith("+00:00")
        assert before <= datetime.fromisoformat(row["read_at"]) <= datetime.now(UTC)
    found_files, strays = arrivals(workspace.landing)
    assert [(each.feed.name, each.path) for each in found_files] == [(FEED, found.file)]
    assert strays == []
    assert [path.name for path in found.file.parent.iterdir()] == [found.file.name], "nothing unfinished is left"


def test_where_nothing_was_read_nothing_lands(
    start: Start, workspace: Workspace, tmp_path: Path, certificates: Certificates, pauses: list[float]
) -> None:
    # Fails if an empty file says that all was read.
    down = start(FakePbx(interfere=lambda number, path, query: (503, None)))
    config = configuration(tmp_path, ("down", down), ca_file=certificates.authority)
    found = read_pbxs(workspace, read_configuration(config), BRISK, pauses.append)
    assert found.file is None
    assert [path for path in (workspace.landing / FEED).rglob("*") if path.is_file()] == []


def test_every_reading_is_a_file_of_its_own(start: Start, workspace: Workspace, tmp_path: Path, certificates: Certificates) -> None:
    # Fails if a second reading replaces the first: a rebuild from landing would lose a month's end.
    config = configuration(tmp_path, ("good", start(FakePbx())), ca_file=certificates.authority)
    files = {read_pbxs(workspace, read_configuration(config), BRISK).file for _ in range(2)}
    assert len(files) == 2
    assert all(file is not None and file.exists() for file in files)


def test_a_disk_that_is_full_leaves_no_half_file(
    start: Start, workspace: Workspace, tmp_path: Path, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Fails if half a file of readings is landed as a whole one.
    config = configuration(tmp_path, ("good", start(FakePbx())), ca_file=certificates.authority)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("orchestration.connectors.readings.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        read_pbxs(workspace, read_configuration(config), BRISK)
    assert [path for path in (workspace.landing / FEED).rglob("*") if path.is_file()] == []


def test_the_verb_lands_and_says_what_failed(
    start: Start, workspace: Workspace, tmp_path: Path, certificates: Certificates, capsys: pytest.CaptureFixture[str]
) -> None:
    # Fails if a script that runs at the month's end cannot tell that a PBX was not read, or an operator not which.
    good, odd = start(FakePbx(users=12)), start(FakePbx(interfere=lambda n, path, query: (404, None)))
    config = configuration(tmp_path, ("good", good), ("odd", odd), ca_file=certificates.authority)
    arguments = ["--workspace", str(workspace.root), "read-pbx", "--config", str(config)]
    assert main([*arguments, "--format", "csv"]) == 1
    said = capsys.readouterr()
    rows = list(csv.DictReader(said.out.splitlines()))
    assert [(row["pbx_id"], row["extensions"]) for row in rows] == [("good", "12"), ("odd", "")]
    assert said.err.startswith("tikteller: odd: instead of a token the PBX sends HTTP 404. Fix: ")
    assert said.err.count("\n") == 1
    assert main([*arguments, "--only", "good"]) == 0
    assert main([*arguments, "--only", "other"]) == 1
    assert "other is not in the configuration" in capsys.readouterr().err


def test_a_secret_is_read_where_the_configuration_says(
    start: Start, workspace: Workspace, tmp_path: Path, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Fails if a PBX is not read because nobody says that its key is missing.
    pbx = start(FakePbx())
    config = configuration(tmp_path, ("one", pbx), ca_file=certificates.authority)
    assert read_pbxs(workspace, read_configuration(config), BRISK).failed == ()
    (tmp_path / "key").write_text(" \n")
    assert "is empty" in str(read_pbxs(workspace, read_configuration(config), BRISK).failed[0].problem)
    (tmp_path / "key").unlink()
    assert "cannot read the secret" in str(read_pbxs(workspace, read_configuration(config), BRISK).failed[0].problem)
    config.write_text(config.read_text().replace('secret_file = "key"', 'secret_env = "TIKTELLER_TEST_KEY"'))
    monkeypatch.delenv("TIKTELLER_TEST_KEY", raising=False)
    assert "TIKTELLER_TEST_KEY is not set" in str(read_pbxs(workspace, read_configuration(config), BRISK).failed[0].problem)
    monkeypatch.setenv("TIKTELLER_TEST_KEY", KEY)
    assert read_pbxs(workspace, read_configuration(config), BRISK).failed == ()


def test_the_netrc_of_the_machine_is_left_alone(start: Start, count: Count, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Fails if a password of the operator's own is sent to a PBX instead of the token.
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine localhost login operator password private\n")
    netrc.chmod(stat.S_IRUSR | stat.S_IWUSR)
    monkeypatch.setenv("NETRC", str(netrc))
    assert count(start(FakePbx())) == 3


RIGHT = {
    "pbx_id": "pbx",
    "customer_id": "C",
    "service_code": "3CX-STD",
    "url": "https://pbx.example:5001",
    "client_id": "900",
    "secret_env": "KEY",
}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"url": "http://pbx.example"}, "url is not the address"),
        ({"url": "https://pbx.example/webclient"}, "url is not the address"),
        ({"url": "https://me:key@pbx.example"}, "url is not the address"),
        ({"url": "https://pbx.example:port"}, "url is not the address"),
        ({"url": "pbx.example"}, "url is not the address"),
        ({"customer_id": None}, "customer_id is missing"),
        ({"client_id": None}, "give client_id or username"),
        ({"username": "admin"}, "give client_id or username"),
        ({"secret_file": "key"}, "give secret_env or secret_file"),
        ({"secret": "in the open"}, "secret is nothing it can have"),
        ({"verify": "false"}, "verify is nothing it can have"),
        ({"pbx_id": " "}, "pbx_id is no text"),
        ({"pbx_id": "a\\nb"}, "pbx_id is no text"),
    ],
)
def test_a_mistake_in_the_configuration_is_named(tmp_path: Path, changes: dict[str, str | None], problem: str) -> None:
    # Fails if a slip of the pen leaves a PBX unread, sends a key in the clear, or switches the check of a certificate off.
    config = tmp_path / "pbxs.toml"
    told = {name: value for name, value in (RIGHT | changes).items() if value is not None}
    config.write_text("\n".join(["[[pbx]]", *(f'{name} = "{value}"' for name, value in told.items())]))
    with pytest.raises(TiktellerError, match=problem) as error:
        read_configuration(config)
    assert str(config) in str(error.value)
    assert "in the open" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "names no PBX"),
        ("pbx = 1", "names no PBX"),
        ("verify = false\n[[pbx]]", "has verify beside its PBXs"),
        ("[[pbx]", "is no TOML"),
        ("\n".join(["[[pbx]]", *(f'{name} = "{value}"' for name, value in RIGHT.items())] * 2), "stands in it twice"),
    ],
)
def test_a_configuration_that_is_none(tmp_path: Path, text: str, problem: str) -> None:
    # Fails if a broken file reads no PBX and says nothing.
    config = tmp_path / "pbxs.toml"
    config.write_text(text)
    with pytest.raises(TiktellerError, match=problem):
        read_configuration(config)
    with pytest.raises(TiktellerError, match="cannot read"):
        read_configuration(tmp_path / "none.toml")
