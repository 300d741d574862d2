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
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from loky import ProcessPoolExecutor

from orchestration.documents.calls_csv import calls_csv
from orchestration.documents.invoice import Invoice
from orchestration.documents.invoice_pdf import invoice_pdf
from orchestration.documents.invoice_ubl import invoice_ubl
from orchestration.errors import TiktellerError

BATCH = 20
"""Invoices that a process gets at a time; below two of them, starting processes takes longer than the work."""


@dataclass(frozen=True)
class RenderedInvoice:
    """Where the documents of one invoice are."""

    partner_id: str
    month: str
    invoice_number: str
    pdf: Path
    ubl: Path
    calls: Path


@dataclass(frozen=True)
class _Failed:
    message: str


def render(invoices: Iterable[Invoice], folder: Path, *, processes: int = 2, profile: str = "nlcius") -> list[RenderedInvoice]:
    """Write the documents of all ``invoices`` under ``folder``, which is made where it is missing; in the order given.

    ``profile`` is a key of ``invoice_ubl.PROFILES``. Takes invoices as they come: of a generator, only a few batches are in memory at a
    time. One invoice that cannot be rendered keeps no other back: the rest is written, then TiktellerError names those that were not.
    """
    made: list[RenderedInvoice] = []
    failed: list[_Failed] = []
    for outcome in _outcomes(iter(invoices), folder, processes, profile):
        (failed if isinstance(outcome, _Failed) else made).append(outcome)  # type: ignore[arg-type]
    if failed:
        some = "; ".join(failure.message for failure in failed[:3]) + ("; and more" if len(failed) > 3 else "")
        raise TiktellerError(
            f"{len(failed)} of {len(failed) + len(made)} invoices were not rendered: {some}", mend="mend these and render again"
        )
    return made


def _outcomes(invoices: Iterator[Invoice], folder: Path, processes: int, profile: str) -> Iterator[RenderedInvoice | _Failed]:
    first = list(islice(invoices, 2 * BATCH))
    if processes < 2 or len(first) < 2 * BATCH:
        for invoice in chain(first, invoices):
            yield _rendered(invoice, folder, profile)
        return
    try:
        yield from _outcomes_of_processes(chain(first, invoices), folder, processes, profile)
    except BrokenProcessPool as error:
        raise TiktellerError(
            "a process that rendered invoices was stopped", mend="see to memory, then render again: files are whole"
        ) from error


def _outcomes_of_processes(invoices: Iterator[Invoice], folder: Path, processes: int, profile: str) -> Iterator[RenderedInvoice | _Failed]:
    # not fork, which copies the threads of typst and of databases half alive, nor spawn, which runs __main__ again: in an app, the page
    with ProcessPoolExecutor(processes) as pool:
        waiting: deque[Future[list[RenderedInvoice | _Failed]]] = deque()
        for batch in _batches(invoices):
            waiting.append(pool.submit(_rendered_batch, batch, folder, profile))
            if len(waiting) > 2 * processes:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()


def _batches(invoices: Iterator[Invoice]) -> Iterator[tuple[Invoice, ...]]:
    while batch := tuple(islice(invoices, BATCH)):
        yield batch


def _rendered_batch(invoices: tuple[Invoice, ...], folder: Path, profile: str) -> list[RenderedInvoice | _Failed]:
    return [_rendered(invoice, folder, profile) for invoice in invoices]


def _rendered(invoice: Invoice, folder: Path, profile: str) -> RenderedInvoice | _Failed:
    try:
        return render_one(invoice, folder, profile=profile)
    except TiktellerError as error:
        return _Failed(str(error))


def render_one(invoice: Invoice, folder: Path, *, profile: str = "nlcius") -> RenderedInvoice:
    """The documents of one invoice; all three are made before the first is written.

    Raises TiktellerError when the partner's id cannot name a folder or the logo is no picture.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", invoice.partner_id):
        raise TiktellerError(
            f"partner id {invoice.partner_id!r} cannot name a folder", mend="use letters, digits, '.', '_' and '-' in partners.partner_id"
        )
    place = folder / invoice.partner_id / invoice.month
    contents = {".xml": invoice_ubl(invoice, profile), "-calls.csv": calls_csv(invoice), ".pdf": invoice_pdf(invoice)}
    place.mkdir(parents=True, exist_ok=True)
    paths = {ending: place / f"{invoice.file_stem}{ending}" for ending in contents}
    for ending, content in contents.items():
        write_whole(paths[ending], content)
    return RenderedInvoice(invoice.partner_id, invoice.month, invoice.invoice_number, paths[".pdf"], paths[".xml"], paths["-calls.csv"])


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
