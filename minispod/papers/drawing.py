"""Draw an issued paper as a PDF of one page. Pure: the same paper gives the same bytes, on any day.

Everything drawn comes from the paper's own frozen row; nothing here reads a clock, settings or another row. Whoever
changes the layout changes old papers too (docs/adr/0018).
"""

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from minispod.kernel.money import format_rupiah
from minispod.papers import words
from minispod.papers.models import Paper
from minispod.papers.states import Language, PaperKind
from minispod.papers.terbilang import terbilang

_FONTS = Path(__file__).parent / "fonts"
_MARGIN, _RIGHT, _BOTTOM = 20.0, 190.0, 277.0
_WIDTH = _RIGHT - _MARGIN
_FACTS_LEFT, _AMOUNTS_LEFT, _AMOUNT_WIDTH = 116.0, 108.0, 42.0
_INK, _QUIET, _BRAND = (32, 40, 45), (91, 103, 112), (31, 111, 92)
_BAND, _LINE = (238, 244, 242), (205, 213, 216)


def draw(paper: Paper, language: Language | None = None) -> bytes:
    """The PDF of an issued paper, in its own language unless another is wanted."""
    if paper.number is None:
        raise ValueError("a paper without a number is not shown to anybody")
    return _Sheet(paper, language or paper.language or Language.ENGLISH).finish()


class _Sheet:
    """One page, drawn from top to bottom; `_y` is where the next part begins, in millimetres."""

    def __init__(self, paper: Paper, language: Language) -> None:
        # Here and not above: the library takes a third of a second, which only those who draw should wait.
        from fpdf import FPDF

        self._paper, self._language = paper, language
        self._zone = ZoneInfo(paper.time_zone or "UTC")
        self._seller: dict[str, Any] = paper.seller or {}
        self._y = _MARGIN
        pdf = FPDF(format="A4")
        pdf.set_auto_page_break(False)
        pdf.set_margins(_MARGIN, _MARGIN, _MARGIN)
        pdf.c_margin = 0
        pdf.add_font("Open Sans", "", _FONTS / "OpenSans-Regular.ttf")
        pdf.add_font("Open Sans", "B", _FONTS / "OpenSans-Semibold.ttf")
        # A PDF carries its date of making; the paper's own keeps the bytes the same.
        pdf.set_creation_date(paper.issued_at)
        pdf.set_title(f"{words.title(paper.kind, language)} {paper.number}")
        pdf.set_author(_clean(self._seller.get("name", "")))
        pdf.set_lang(language.value)
        pdf.add_page()
        self._pdf = pdf

    def finish(self) -> bytes:
        """Draw every part and return the file."""
        self._head()
        self._parties()
        self._lines()
        self._amounts()
        self._in_words()
        self._foot()
        return bytes(self._pdf.output())

    def _say(self, name: str) -> str:
        return words.label(name, self._language)

    def _day(self, at: Any) -> str:
        return words.day(at, self._language, self._zone)

    def _write(
        self,
        x: float,
        y: float,
        width: float,
        text: str,
        *,
        size: float = 9.5,
        bold: bool = False,
        ink: tuple[int, int, int] = _INK,
        align: str = "L",
    ) -> float:
        """Write text into a column, broken where it must be; returns where the next line may begin."""
        self._pdf.set_font("Open Sans", "B" if bold else "", size)
        self._pdf.set_text_color(*ink)
        self._pdf.set_xy(x, y)
        self._pdf.multi_cell(width, size * 0.5, _clean(text), align=align, new_x="LEFT", new_y="NEXT")
        return float(self._pdf.get_y())

    def _rule(self, y: float, left: float = _MARGIN) -> None:
        self._pdf.set_draw_color(*_LINE)
        self._pdf.set_line_width(0.2)
        self._pdf.line(left, y, _RIGHT, y)

    def _head(self) -> None:
        seller, top = self._seller, self._y
        left = self._write(
            _MARGIN, top, 90, seller.get("logo_text") or seller["name"], size=20, bold=True, ink=_BRAND
        )
        if seller.get("logo_text") not in ("", None, seller["name"]):
            left = self._write(_MARGIN, left + 2, 90, seller["name"], size=9, bold=True)
        contact = " \u00b7 ".join(filter(None, (seller.get("email"), seller.get("phone"))))
        npwp = f"{self._say('npwp')} {seller['npwp']}" if seller.get("npwp") else ""
        for text in filter(None, (*seller.get("address", ()), contact, npwp)):
            left = self._write(_MARGIN, left + 0.4, 90, text, size=8.5, ink=_QUIET)
        name = words.title(self._paper.kind, self._language).upper()
        right = self._write(_FACTS_LEFT, top, _RIGHT - _FACTS_LEFT, name, size=18, bold=True, align="R")
        right = self._write(
            _FACTS_LEFT, right + 1, _RIGHT - _FACTS_LEFT, str(self._paper.number), size=11, align="R"
        )
        right = self._seal(right + 3)
        self._y = max(left, right) + 7
        self._rule(self._y)
        self._y += 6

    def _seal(self, y: float) -> float:
        text = words.settled(self._paper.kind, self._language)
        self._pdf.set_font("Open Sans", "B", 9)
        width, height = self._pdf.get_string_width(text) + 8, 6.4
        self._pdf.set_fill_color(*(_QUIET if self._paper.kind is PaperKind.CREDIT_NOTE else _BRAND))
        self._pdf.rect(_RIGHT - width, y, width, height, style="F", round_corners=True, corner_radius=3.2)
        self._write(_RIGHT - width, y + 1, width, text, size=9, bold=True, ink=(255, 255, 255), align="C")
        return y + height

    def _parties(self) -> None:
        paper, buyer, top = self._paper, self._paper.buyer, self._y
        left = self._write(_MARGIN, top, 86, self._say("buyer"), size=8.5, ink=_QUIET)
        left = self._write(_MARGIN, left + 0.6, 86, str(buyer.get("name") or ""), size=11, bold=True)
        for text in filter(None, (buyer.get("email"), buyer.get("phone"))):
            left = self._write(_MARGIN, left + 0.6, 86, str(text), size=9, ink=_QUIET)
        facts = [
            ("issued", self._day(paper.issued_at)),
            ("occurred", self._day(paper.occurred_at)),
            ("payment", words.method(str(paper.payment.get("method", "")), self._language)),
            ("transaction", paper.entry_code),
            ("corrects", paper.corrects_number or ""),
        ]
        right = top
        for name, value in facts:
            if value:
                self._write(_FACTS_LEFT, right, 34, self._say(name), size=9, ink=_QUIET)
                right = self._write(_FACTS_LEFT + 34, right, _RIGHT - _FACTS_LEFT - 34, value, size=9) + 0.9
        self._y = max(left, right) + 8

    def _lines(self) -> None:
        self._pdf.set_fill_color(*_BAND)
        self._pdf.rect(_MARGIN, self._y, _WIDTH, 8, style="F")
        text_width, amount_left = _WIDTH - _AMOUNT_WIDTH - 6, _RIGHT - _AMOUNT_WIDTH - 3
        self._write(_MARGIN + 3, self._y + 1.7, text_width, self._say("description"), size=9, bold=True)
        self._write(
            amount_left, self._y + 1.7, _AMOUNT_WIDTH, self._say("amount"), size=9, bold=True, align="R"
        )
        self._y += 11
        from_wallet = self._paper.payment.get("method") == "WALLET"
        for facts in self._paper.lines:
            text = words.line(facts, self._language, from_wallet=from_wallet)
            self._write(
                amount_left, self._y, _AMOUNT_WIDTH, format_rupiah(facts["amount"]), size=10, align="R"
            )
            end = self._write(_MARGIN + 3, self._y, text_width, text, size=10)
            notes = words.span(facts, self._language, self._zone), words.beside(facts, self._language)
            for note in filter(None, notes):
                end = self._write(_MARGIN + 3, end + 0.6, text_width, note, size=8.5, ink=_QUIET)
            self._y = end + 3
            self._rule(self._y)
            self._y += 3

    def _amounts(self) -> None:
        paper = self._paper
        if paper.tax_rate:
            self._amount(self._say("net"), paper.net or 0)
            self._amount(f"PPN {paper.tax_rate} %", paper.tax or 0)
            self._rule(self._y + 0.5, _AMOUNTS_LEFT)
            self._y += 3
        self._amount(self._say("total"), paper.total, bold=True)
        self._y += 4

    def _amount(self, name: str, amount: int, *, bold: bool = False) -> None:
        size = 12.0 if bold else 9.5
        width = _RIGHT - _AMOUNTS_LEFT - 3
        self._write(_AMOUNTS_LEFT, self._y, width, name, size=size, bold=bold)
        self._y = (
            self._write(_AMOUNTS_LEFT, self._y, width, format_rupiah(amount), size=size, bold=bold, align="R")
            + 1.2
        )

    def _in_words(self) -> None:
        said = terbilang(self._paper.total)
        top = self._y
        end = self._write(_MARGIN + 5, top, _WIDTH - 5, self._say("in_words"), size=8.5, ink=_QUIET)
        end = self._write(_MARGIN + 5, end + 0.5, _WIDTH - 5, said[:1].upper() + said[1:], size=10)
        self._pdf.set_draw_color(*_BRAND)
        self._pdf.set_line_width(0.8)
        self._pdf.line(_MARGIN + 1, top + 0.5, _MARGIN + 1, end)
        self._y = end + 8

    def _foot(self) -> None:
        notes = [self._say("inclusive")] if self._paper.tax_rate else []
        notes.append(self._say("automatic"))
        self._rule(_BOTTOM - 12)
        self._write(_RIGHT - 50, _BOTTOM - 10, 50, str(self._paper.number), size=8, ink=_QUIET, align="R")
        y = _BOTTOM - 10
        for note in notes:
            y = self._write(_MARGIN, y, _WIDTH - 55, note, size=8, ink=_QUIET)


def _clean(text: str) -> str:
    """One line, whatever a name contains."""
    return " ".join("".join(each if each.isprintable() else " " for each in str(text)).split())
