"""Data and a template in, PDF out. The only module that knows typst.

Templates read one JSON text, so what stands in a name, a description or a footer is never markup. Fonts come with the templates, the fonts
of the machine do not count: the same data give the same bytes everywhere, as long as typst has the same version.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path

import typst

from orchestration.documents.invoice import Branding
from orchestration.errors import TiktellerError

TEMPLATES = Path(__file__).parent / "templates"

HOUSE_COLOR = "#1f4e5f"
"""Of a partner that has none."""

_one_at_a_time = threading.Lock()  # a typst compiler serves one thread; processes each have their own


@cache
def _fonts() -> typst.Fonts:
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(TEMPLATES / "fonts")])


@cache
def _compiler(template: str) -> typst.Compiler:
    return typst.Compiler(str(TEMPLATES / template), root=str(TEMPLATES), font_paths=_fonts(), ignore_system_fonts=True)


def typeset(template: str, data: Mapping[str, object], *, dated: date, branding: Branding, what: str) -> bytes:
    """The PDF. ``dated`` is the day that the PDF bears, ``what`` names the document in an error.

    Raises TiktellerError when the logo is no picture that can be set.
    """
    inputs = {
        "data": json.dumps({**data, "colors": palette(branding.brand_color or HOUSE_COLOR)}),
        "logo": json.dumps(list(branding.logo or b"")),
        "day": dated.isoformat(),
    }
    with _one_at_a_time:
        try:
            made = _compiler(template).compile(format="pdf", sys_inputs=inputs)
            assert isinstance(made, bytes), "without a file to write to, it is the document"
            return made
        except typst.TypstError as error:
            if branding.logo and "image" in error.message.lower():
                raise TiktellerError(
                    f"{what}: the logo cannot be read ({error.message})",
                    fix="make partners.logo_file a PNG, JPEG, GIF, WebP or SVG file that refers to no other file",
                ) from error
            raise TiktellerError(f"{what}: the page cannot be set ({error.message})") from error


def palette(color: str) -> dict[str, str]:
    """The brand colour, and what can be read with it: ``ink`` is the colour made dark enough for text on white, ``on_brand`` is text on
    the colour. Enough is a contrast of 4.5 (WCAG 2.1)."""
    digits = color.lstrip("#")
    if len(digits) == 3:
        digits = "".join(digit * 2 for digit in digits)
    brand = tuple(int(digits[place : place + 2], 16) for place in (0, 2, 4))
    ink = brand
    while _contrast(ink, (255, 255, 255)) < 4.5:
        ink = tuple(int(part * 0.94) for part in ink)
    on_brand = (255, 255, 255) if _contrast(brand, (255, 255, 255)) >= 4.5 or _luminance(brand) < 0.18 else (20, 24, 28)
    return {"brand": _hex(brand), "ink": _hex(ink), "on_brand": _hex(on_brand)}


def _hex(color: tuple[int, ...]) -> str:
    return "#" + "".join(f"{part:02x}" for part in color)


def _luminance(color: tuple[int, ...]) -> float:
    parts = [part / 255 for part in color]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)
