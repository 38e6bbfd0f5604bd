"""The PDF as people read it: both languages, rupiah and days written out, the same bytes each time."""

import io
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from minispod.papers.drawing import draw
from minispod.papers.models import Paper
from minispod.papers.states import Language, PaperKind

EN, ID = Language.ENGLISH, Language.INDONESIAN
# In Jakarta it is the next day already.
AT = datetime(2026, 12, 31, 18, 30, tzinfo=UTC)


def paper(**changes: Any) -> Paper:
    """An issued invoice."""
    facts: dict[str, Any] = {
        "kind": PaperKind.INVOICE,
        "entry_number": 105,
        "buyer": {"name": "Siti Rahma", "email": "siti@example.com", "phone": "+6281234567890"},
        "lines": [
            {
                "what": "SUBSCRIPTION",
                "description": "Renewal until 2027-02-01",
                "amount": 1_250_000,
                "service": "n8n Automation",
                "plan": "Pro",
                "startsAt": "2026-12-31T18:30:00+00:00",
                "endsAt": "2027-01-31T18:30:00+00:00",
            }
        ],
        "payment": {"method": "WALLET"},
        "total": 1_250_000,
        "occurred_at": AT,
        "number": "INV-202701-000042",
        "issued_at": AT,
        "seller": {
            "name": "PT Contoh Awan",
            "logo_text": "MinisPod",
            "address": ["Jl. Sudirman 1", "Jakarta 12190"],
            "npwp": "01.234.567.8-901.000",
            "email": "billing@example.com",
            "phone": "+62 21 555",
        },
        "language": ID,
        "time_zone": "Asia/Jakarta",
        "tax_rate": 11,
        "net": 1_126_126,
        "tax": 123_874,
    }
    return Paper(**{**facts, **changes})


def text_of(content: bytes) -> str:
    reader = PdfReader(io.BytesIO(content))
    assert len(reader.pages) == 1
    return " ".join(reader.pages[0].extract_text().split())


def test_an_invoice_in_indonesian() -> None:
    text = text_of(draw(paper()))

    for expected in (
        *("FAKTUR", "INV-202701-000042", "LUNAS", "PT Contoh Awan", "NPWP 01.234.567.8-901.000"),
        *("Siti Rahma", "siti@example.com", "1 Januari 2027", "Saldo dompet", "TXMP-105"),
        *("Langganan: n8n Automation Pro", "1 Januari 2027 – 1 Februari 2027"),
        *("Rp 1.126.126", "PPN 11 %", "Rp 123.874", "Rp 1.250.000"),
        *("Terbilang", "Satu juta dua ratus lima puluh ribu rupiah", "sah tanpa tanda tangan"),
    ):
        assert expected in text, expected


def test_the_same_invoice_in_english() -> None:
    text = text_of(draw(paper(), EN))

    for expected in (
        *("INVOICE", "PAID", "1 January 2027", "Subscription: n8n Automation Pro", "Wallet credit"),
        *("Price without PPN", "Rp 1.250.000", "valid without signature"),
    ):
        assert expected in text, expected
    assert "Langganan" not in text


@pytest.mark.parametrize(
    ("language", "fee", "coupon"),
    [
        (
            EN,
            "Paid Rp 104.440 in all: beside the credit, a payment fee of Rp 4.440",
            "Price Rp 1.500.000, less Rp 250.000 by coupon",
        ),
        (
            ID,
            "Dibayar seluruhnya Rp 104.440: di luar saldo, biaya pembayaran Rp 4.440",
            "Harga Rp 1.500.000, dikurangi kupon Rp 250.000",
        ),
    ],
)
def test_a_fee_and_a_discount_explain_the_amount(language: Language, fee: str, coupon: str) -> None:
    line = {"what": "TOP_UP", "description": "x", "amount": 100_000, "fee": 4_440}
    receipt = paper(kind=PaperKind.RECEIPT, lines=[line], total=100_000, tax_rate=0, net=100_000, tax=0)
    invoice = paper()
    invoice.lines = [{**invoice.lines[0], "price": 1_500_000, "discount": 250_000}]

    assert fee in text_of(draw(receipt, language))
    assert coupon in text_of(draw(invoice, language))
    assert "Rp 1.250.000" in text_of(draw(invoice, language))


@pytest.mark.parametrize(("language", "title"), [(EN, "RECEIPT"), (ID, "KUITANSI")])
def test_a_receipt_names_the_way_of_paying_and_no_ppn(language: Language, title: str) -> None:
    line = {"what": "TOP_UP", "description": "Top-up credit via QRIS", "amount": 100_000}
    receipt = paper(
        kind=PaperKind.RECEIPT,
        lines=[line],
        payment={"method": "QRIS"},
        total=100_000,
        tax_rate=0,
        net=100_000,
        tax=0,
    )

    text = text_of(draw(receipt, language))

    assert title in text
    assert "QRIS" in text
    assert "Rp 100.000" in text
    assert "PPN" not in text


def test_a_credit_note_names_what_it_corrects_and_where_the_money_went() -> None:
    line = {"what": "REFUND", "description": "Refund", "amount": 50_000}
    note = paper(kind=PaperKind.CREDIT_NOTE, lines=[line], corrects_number="INV-202612-000007")

    assert "INV-202612-000007" in text_of(draw(note, EN))
    assert "Refund to the wallet" in text_of(draw(note, EN))
    assert "Pengembalian dana ke dompet" in text_of(draw(note, ID))
    note.payment = {"method": "QRIS"}
    assert "taken back by the payment provider" in text_of(draw(note, EN))


def test_an_upgrade_says_in_both_languages_to_what_and_for_how_many_days() -> None:
    line = {"what": "UPGRADE", "description": "Upgrade of n8n from Basic to Pro", "amount": 83_333}
    upgrade = paper(lines=[line | {"service": "n8n Automation", "plan": "Pro", "proratedDays": 25}])

    indonesian, english = text_of(draw(upgrade, ID)), text_of(draw(upgrade, EN))

    assert "Peningkatan paket ke n8n Automation Pro" in indonesian
    assert "sisa hari dalam bulan berjalan: 25" in indonesian
    assert "Upgrade to n8n Automation Pro" in english
    assert "remaining days of the month: 25" in english
    assert "Upgrade of" not in indonesian + english


def test_a_seller_whose_logo_is_its_name_is_named_once() -> None:
    seller = paper().seller | {"logo_text": ""}

    assert text_of(draw(paper(seller=seller))).count("PT Contoh Awan") == 1
    assert text_of(draw(paper())).count("PT Contoh Awan") == 1


def test_a_line_without_facts_is_told_in_the_words_of_the_ledger() -> None:
    line = {"what": "UPGRADE", "description": "Upgrade of n8n to Premium", "amount": 9}

    assert "Upgrade of n8n to Premium" in text_of(draw(paper(lines=[line])))


def test_the_same_paper_is_the_same_bytes_in_any_process() -> None:
    script = (
        "import hashlib; from tests.unit.test_paper_drawing import paper, draw;"
        "print(hashlib.sha256(draw(paper())).hexdigest())"
    )
    root = Path(__file__).parents[2]
    digests = {
        subprocess.run(
            [sys.executable, "-c", script],
            cwd=root,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(root)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }

    assert len(digests) == 1
    assert draw(paper()) == draw(paper())


@pytest.mark.parametrize(
    "name",
    [
        "x" * 100,
        "Tuan Muda " * 10,
        "Ωmega Ñandú Žluťoučký Ивáн",
        "王小明 🎉 عبد الله",
        "(parens) \\ backslash ) **bold** __under__",
        "line\nbreak\ttab\x07bell",
        "",
    ],
)
def test_any_name_is_drawn_on_one_page(name: str) -> None:
    text = text_of(draw(paper(buyer={"name": name, "email": "a@example.com", "phone": None})))

    assert "a@example.com" in text
    assert "Rp 1.250.000" in text


def test_special_letters_are_there_to_be_read() -> None:
    text = text_of(draw(paper(buyer={"name": "Žluťoučký Иван", "email": "a@example.com", "phone": None})))

    assert "Žluťoučký Иван" in text


def test_fonts_are_embedded() -> None:
    reader = PdfReader(io.BytesIO(draw(paper())))
    fonts = reader.pages[0]["/Resources"]["/Font"]

    for font in fonts.values():
        descriptor = font.get_object()["/DescendantFonts"][0].get_object()["/FontDescriptor"]
        assert "/FontFile2" in descriptor


def test_a_paper_without_a_number_is_not_drawn() -> None:
    with pytest.raises(ValueError, match="without a number"):
        draw(paper(number=None))
