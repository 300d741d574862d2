"""Documents in their folders: whole, in their place, the same again, and none kept back by another."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import psutil
import pytest
from pypdf import PdfReader

from orchestration.documents import rendering
from orchestration.documents.invoice import Branding, Invoice, usable_branding
from orchestration.documents.rendering import FailedInvoice, RenderedInvoice, render_all, render_draft
from orchestration.errors import TiktellerError
from tests.unit.documents import BUYER, credited, invoice

BATCH = 3  # small, so that a few invoices take the way of many


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "BATCH", BATCH)


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}


def render(invoices: Iterable[Invoice | FailedInvoice], folder: Path, processes: int = 2) -> list[RenderedInvoice]:
    """What was made, where all of it could be."""
    done = render_all(invoices, folder, processes=processes)
    assert not done.failed
    return done.made


def numbered(count: int) -> list[Invoice]:
    return [invoice(invoice_number=f"INV{number:03d}") for number in range(count)]


def test_each_document_has_its_place(tmp_path: Path) -> None:
    # Fails if documents are not where INTERFACE promises them, or a half-written one lies beside them.
    made = render([invoice(), credited(invoice_number="2026/10/../1")], tmp_path / "documents")
    assert set(contents(tmp_path)) == {
        f"documents/kustlijn/2026-10/{name}{ending}"
        for name in ("INV15901583", "2026%2F10%2F..%2F1")
        for ending in (".pdf", ".xml", "-calls.csv")
    }
    assert made[0].pdf == tmp_path / "documents" / "kustlijn" / "2026-10" / "INV15901583.pdf"
    assert made[0].pdf.read_bytes().startswith(b"%PDF-")
    assert made[1].ubl.read_bytes().startswith(b"<?xml")
    assert made[1].calls.read_bytes().startswith(b"call_date,")
    assert "INV15901583-calls.csv" in {path.name for path in made[0].pdf.parent.iterdir()}


def test_processes_make_what_one_process_makes_and_again_the_same(tmp_path: Path) -> None:
    # Fails if the bytes of an invoice depend on how many processes rendered it, or on a second rendering.
    invoices = numbered(2 * BATCH + 3)
    made = render(iter(invoices), tmp_path / "two", processes=2)
    assert [one.invoice_number for one in made] == [one.invoice_number for one in invoices]
    render(invoices, tmp_path / "one", processes=1)
    before = contents(tmp_path / "two")
    assert before == contents(tmp_path / "one")
    assert len(before) == 3 * len(invoices)
    render(invoices[:2], tmp_path / "two")
    assert contents(tmp_path / "two") == before


@pytest.mark.parametrize("processes", [1, 2])
def test_one_bad_invoice_keeps_no_other_back(tmp_path: Path, processes: int) -> None:
    # Fails if a thousand customers get no invoice because of one that cannot be made (FailedInvoice), or not be rendered.
    invoices: list[Invoice | FailedInvoice] = list(numbered(2 * BATCH + 1))
    invoices[1] = FailedInvoice("TORN", "invoice TORN: its lines add up to 3")
    invoices[3] = invoice(invoice_number="BAD", partner_id="a b")
    done = render_all(invoices, tmp_path / "all", processes=processes)
    assert [each.invoice_number for each in done.failed] == ["TORN", "BAD"]
    assert [each.message.split(" cannot")[0] for each in done.failed] == ["invoice TORN: its lines add up to 3", "partner id 'a b'"]
    assert len(done.made) == len(list((tmp_path / "all").rglob("*.pdf"))) == 2 * BATCH - 1
    assert not list(tmp_path.rglob("BAD*"))


def test_a_logo_that_is_none_is_left_out(tmp_path: Path) -> None:
    # Fails if an invoice that has its number can never be sent, because its partner's logo is no picture.
    (made,) = render([invoice(branding=Branding(logo=b"no picture"))], tmp_path / "broken")
    (plain,) = render([invoice(branding=Branding())], tmp_path / "none")
    assert made.pdf.read_bytes() == plain.pdf.read_bytes()
    assert made.remarks[0].startswith("without its logo: invoice INV15901583: the logo cannot be read")
    assert plain.remarks == ()


def test_what_cannot_be_used_of_a_house_style_is_left_out() -> None:
    # Fails if a colour that is none, or a logo of 5 MB, of an invoice approved before anybody asked, keeps it from being rendered for ever.
    assert usable_branding(b"x" * 5_000_000, "blauw", "voet \x00 ☎ 東京", "Jan") == Branding(None, None, "voet \x00 ☎ 東京", "Jan")
    assert usable_branding(b"x", "#0b7285", None, None) == Branding(b"x", "#0b7285")


def test_a_zone_that_nobody_knows_is_utc(tmp_path: Path) -> None:
    # Fails if the specification of an invoice cannot be written because its partner's time zone is called ACT.
    odd, utc = (render([invoice(time_zone=zone)], tmp_path / zone)[0].calls.read_bytes() for zone in ("ACT", "UTC"))
    assert odd == utc


def test_an_e_invoice_without_the_name_of_its_profile_says_why(tmp_path: Path) -> None:
    # Fails if finance believes that an e-invoice can be sent which no receiver of NLCIUS takes; a consumer reads none.
    business, consumer = (
        render([invoice(buyer=replace(BUYER, coc_number=None, kind=kind))], tmp_path)[0].remarks for kind in ("business", "consumer")
    )
    (remark,) = business
    assert remark.startswith(f"e-invoice by EN 16931 only: {BUYER.name} has no KvK number or OIN")
    assert remark.endswith("(fill in customers.coc_number or customers.oin)")
    assert consumer == ()


def test_a_draft_is_a_pdf_and_nothing_else(tmp_path: Path) -> None:
    # Fails if a draft can be taken for an invoice, or lies where the documents of invoices are.
    path = render_draft(invoice(invoice_number="CONCEPT", is_draft=True), tmp_path)
    assert set(contents(tmp_path)) == {"kustlijn/2026-10/drafts/kustlijn-c001.pdf"}
    page = " ".join(page.extract_text() for page in PdfReader(path).pages)
    assert page.endswith("CONCEPT")  # across the page, over all that stands there
    assert "CONCEPT" not in " ".join(page.extract_text() for page in PdfReader(render([invoice()], tmp_path)[0].pdf).pages)


def test_a_disk_that_is_full_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Fails if an interrupted write leaves half an invoice under its name, or rubbish beside it.
    render([invoice()], tmp_path)
    before = contents(tmp_path)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(rendering.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        render([invoice(customer_id="other")], tmp_path)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("partner", ["../else", "a/b", ".hidden", "", "a b"])
def test_a_partner_cannot_leave_its_folder(tmp_path: Path, partner: str) -> None:
    # Fails if a partner's id leads into another partner's documents.
    (failed,) = render_all([invoice(partner_id=partner)], tmp_path / "documents").failed
    assert "cannot name a folder" in failed.message
    assert contents(tmp_path) == {}


def test_invoices_are_taken_as_they_come(tmp_path: Path) -> None:
    # Fails if a month of a large partner must fit into memory: only a few batches may be waiting.
    taken = 0

    def stream() -> Iterator[Invoice]:
        nonlocal taken
        for one in numbered(12 * BATCH):
            taken += 1
            yield one

    outcomes = rendering._outcomes(stream(), tmp_path, 2, "nlcius")
    next(outcomes)
    assert taken <= 8 * BATCH
    assert len(list(outcomes)) == 12 * BATCH - 1


def test_rendering_from_a_page_does_not_run_the_page_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Fails if rendering in an app, whose __main__ is the page that is shown, starts that page in each process instead of the work.
    page = tmp_path / "page.py"
    page.write_text("raise SystemExit(1)")
    main = ModuleType("__main__")
    main.__file__ = str(page)
    monkeypatch.setitem(sys.modules, "__main__", main)
    assert len(render(numbered(2 * BATCH), tmp_path / "documents", processes=2)) == 2 * BATCH


def test_a_process_that_dies_is_told_and_leaves_whole_files(tmp_path: Path) -> None:
    # Fails if a process that the machine ended for its memory shows as a traceback, or leaves half a document.
    invoices = numbered(8 * BATCH)

    def stream() -> Iterator[Invoice]:
        for place, one in enumerate(invoices):
            if place == 7 * BATCH:
                for child in psutil.Process().children():
                    if "resource_tracker" not in " ".join(child.cmdline()):
                        child.kill()
            yield one

    with pytest.raises(TiktellerError, match="was stopped"):
        render(stream(), tmp_path, processes=2)
    assert all(path.read_bytes().rstrip().endswith(b"%%EOF") for path in tmp_path.rglob("*.pdf"))
