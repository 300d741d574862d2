"""Invoices to files: ``documents/<partner_id>/<YYYY-MM>/<invoice_number>.pdf``, ``.xml`` and ``-calls.csv``.

The only module of documents that writes. A file appears as a whole or not at all, and rendering an invoice again writes the same bytes.
"""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path

from loky import ProcessPoolExecutor

from orchestration.documents.calls_csv import calls_csv
from orchestration.documents.invoice import Invoice, file_stem
from orchestration.documents.invoice_pdf import invoice_pdf
from orchestration.documents.invoice_ubl import invoice_ubl, profile_gaps
from orchestration.errors import TiktellerError

BATCH = 20
"""Invoices that a process gets at a time; below two of them, starting processes takes longer than the work."""

NOT_TO_BE_MADE = (TiktellerError, ValueError, ArithmeticError, LookupError, TypeError)
"""What making a document raises where its data do not hold; whatever it is, it is this invoice's and keeps no other back."""


@dataclass(frozen=True)
class RenderedInvoice:
    """Where the documents of one invoice are."""

    partner_id: str
    month: str
    invoice_number: str
    pdf: Path
    ubl: Path
    calls: Path
    remarks: tuple[str, ...] = ()
    """What is other than wanted: without the logo, the electronic invoice without the name of the profile."""


@dataclass(frozen=True)
class FailedInvoice:
    """An invoice that could not be made or rendered, and why."""

    invoice_number: str
    message: str

    @classmethod
    def of(cls, invoice_number: str, error: Exception) -> FailedInvoice:
        """By one of NOT_TO_BE_MADE."""
        return cls(invoice_number, str(error) if isinstance(error, TiktellerError) else f"invoice {invoice_number}: {reason_of(error)}")


@dataclass(frozen=True)
class Rendering:
    made: list[RenderedInvoice]
    failed: list[FailedInvoice]


def render_all(invoices: Iterable[Invoice | FailedInvoice], folder: Path, *, processes: int = 2, profile: str = "nlcius") -> Rendering:
    """Write the documents of all ``invoices`` under ``folder``, which is made where it is missing; in the order given.

    ``profile`` is a key of ``invoice_ubl.PROFILES``. Takes invoices as they come: of a generator, only a few batches are in memory at a
    time. One invoice that cannot be rendered keeps no other back: the rest is written, and it is named.
    """
    done = Rendering([], [])
    for outcome in _outcomes(iter(invoices), folder, processes, profile):
        if isinstance(outcome, FailedInvoice):
            done.failed.append(outcome)
        else:
            done.made.append(outcome)
    return done


def reason_of(error: Exception) -> str:
    """One of NOT_TO_BE_MADE in words; of an error that nobody foresaw its kind too, since ``'NL'`` alone says nothing."""
    return str(error) if isinstance(error, TiktellerError) else f"{type(error).__name__}: {error}"


def render_draft(invoice: Invoice, folder: Path) -> Path:
    """The PDF of a draft, under ``drafts/`` beside the documents of its month: it has no number yet and is no invoice."""
    place = _folder_of(invoice, folder) / "drafts"
    content, _ = _pdf(invoice)
    place.mkdir(parents=True, exist_ok=True)
    path = place / f"{file_stem(invoice.customer_id)}.pdf"
    write_whole(path, content)
    return path


def _outcomes(
    invoices: Iterator[Invoice | FailedInvoice], folder: Path, processes: int, profile: str
) -> Iterator[RenderedInvoice | FailedInvoice]:
    first = list(islice(invoices, 2 * BATCH))
    if processes < 2 or len(first) < 2 * BATCH:
        for invoice in chain(first, invoices):
            yield _rendered(invoice, folder, profile)
        return
    try:
        yield from _outcomes_of_processes(chain(first, invoices), folder, processes, profile)
    except BrokenProcessPool as error:
        raise TiktellerError(
            "a process that rendered invoices was stopped", fix="see to memory, then render again: files are whole"
        ) from error


def _outcomes_of_processes(
    invoices: Iterator[Invoice | FailedInvoice], folder: Path, processes: int, profile: str
) -> Iterator[RenderedInvoice | FailedInvoice]:
    # not fork, which copies the threads of typst and of databases half alive, nor spawn, which runs __main__ again: in an app, the page
    with ProcessPoolExecutor(processes) as pool:
        waiting: deque[Future[list[RenderedInvoice | FailedInvoice]]] = deque()
        for batch in _batches(invoices):
            waiting.append(pool.submit(_rendered_batch, batch, folder, profile))
            if len(waiting) > 2 * processes:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()


def _batches(invoices: Iterator[Invoice | FailedInvoice]) -> Iterator[tuple[Invoice | FailedInvoice, ...]]:
    while batch := tuple(islice(invoices, BATCH)):
        yield batch


def _rendered_batch(invoices: tuple[Invoice | FailedInvoice, ...], folder: Path, profile: str) -> list[RenderedInvoice | FailedInvoice]:
    return [_rendered(invoice, folder, profile) for invoice in invoices]


def _rendered(invoice: Invoice | FailedInvoice, folder: Path, profile: str) -> RenderedInvoice | FailedInvoice:
    if isinstance(invoice, FailedInvoice):
        return invoice
    try:
        return render_one(invoice, folder, profile=profile)
    except NOT_TO_BE_MADE as error:
        return FailedInvoice.of(invoice.invoice_number, error)


def render_one(invoice: Invoice, folder: Path, *, profile: str = "nlcius") -> RenderedInvoice:
    """The documents of one invoice; all three are made before the first is written. A logo that is no picture is left out.

    Raises TiktellerError when the partner's id cannot name a folder.
    """
    place = _folder_of(invoice, folder)
    pdf, remarks = _pdf(invoice)
    if invoice.buyer.kind == "business":  # a consumer's bookkeeping reads no e-invoice
        remarks += tuple(f"e-invoice by EN 16931 only: {what} ({fix})" for what, fix in profile_gaps(invoice, profile))
    contents = {".xml": invoice_ubl(invoice, profile), "-calls.csv": calls_csv(invoice), ".pdf": pdf}
    place.mkdir(parents=True, exist_ok=True)
    paths = {ending: place / f"{invoice.file_stem}{ending}" for ending in contents}
    for ending, content in contents.items():
        write_whole(paths[ending], content)
    return RenderedInvoice(
        invoice.partner_id, invoice.month, invoice.invoice_number, paths[".pdf"], paths[".xml"], paths["-calls.csv"], remarks
    )


def _folder_of(invoice: Invoice, folder: Path) -> Path:
    if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", invoice.partner_id):
        raise TiktellerError(
            f"partner id {invoice.partner_id!r} cannot name a folder", fix="use letters, digits, '.', '_' and '-' in partners.partner_id"
        )
    return folder / invoice.partner_id / invoice.month


def _pdf(invoice: Invoice) -> tuple[bytes, tuple[str, ...]]:
    """The PDF, and a remark where it had to do without the logo."""
    try:
        return invoice_pdf(invoice), ()
    except TiktellerError as error:
        if invoice.branding.logo is None:
            raise
        plain = replace(invoice, branding=replace(invoice.branding, logo=None))
        return invoice_pdf(plain), (f"without its logo: {error}",)


def write_whole(path: Path, content: bytes) -> None:
    """Beside its place first, on disk before it gets its name: a machine that stops leaves the old file or the new one."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
