"""What stands on a paper, in English and Indonesian. Pure: facts in, words out; days are days of the paper's zone."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from minispod.kernel.money import format_rupiah
from minispod.papers.states import Language, PaperKind

_EN, _ID = Language.ENGLISH, Language.INDONESIAN

_MONTHS = {
    _EN: (
        *("January", "February", "March", "April", "May", "June"),
        *("July", "August", "September", "October", "November", "December"),
    ),
    _ID: (
        *("Januari", "Februari", "Maret", "April", "Mei", "Juni"),
        *("Juli", "Agustus", "September", "Oktober", "November", "Desember"),
    ),
}
_TITLES = {
    _EN: {PaperKind.RECEIPT: "Receipt", PaperKind.INVOICE: "Invoice", PaperKind.CREDIT_NOTE: "Credit note"},
    _ID: {PaperKind.RECEIPT: "Kuitansi", PaperKind.INVOICE: "Faktur", PaperKind.CREDIT_NOTE: "Nota kredit"},
}
_LABELS = {
    _EN: {
        "number": "Number",
        "issued": "Date of issue",
        "occurred": "Booked on",
        "transaction": "Transaction",
        "corrects": "Corrects",
        "payment": "Payment",
        "buyer": "Customer",
        "description": "Description",
        "amount": "Amount",
        "net": "Price without PPN",
        "total": "Total",
        "in_words": "In words (Indonesian)",
        "npwp": "NPWP",
        "automatic": "Made by computer; valid without signature.",
        "inclusive": "Prices include PPN. This is not a faktur pajak.",
    },
    _ID: {
        "number": "Nomor",
        "issued": "Tanggal terbit",
        "occurred": "Dibukukan pada",
        "transaction": "Transaksi",
        "corrects": "Mengoreksi",
        "payment": "Pembayaran",
        "buyer": "Pelanggan",
        "description": "Uraian",
        "amount": "Jumlah",
        "net": "Harga tanpa PPN",
        "total": "Total",
        "in_words": "Terbilang",
        "npwp": "NPWP",
        "automatic": "Dibuat oleh komputer; sah tanpa tanda tangan.",
        "inclusive": "Harga sudah termasuk PPN. Dokumen ini bukan faktur pajak.",
    },
}
_SETTLED = {
    _EN: {PaperKind.RECEIPT: "PAID", PaperKind.INVOICE: "PAID", PaperKind.CREDIT_NOTE: "CREDIT"},
    _ID: {PaperKind.RECEIPT: "LUNAS", PaperKind.INVOICE: "LUNAS", PaperKind.CREDIT_NOTE: "KREDIT"},
}
_METHODS = {
    _EN: {
        "WALLET": "Wallet credit",
        "BANK_TRANSFER": "Bank transfer",
        "E_WALLET": "E-wallet",
        "CREDIT_CARD": "Credit card",
    },
    _ID: {
        "WALLET": "Saldo dompet",
        "BANK_TRANSFER": "Transfer bank",
        "E_WALLET": "Dompet elektronik",
        "CREDIT_CARD": "Kartu kredit",
    },
}
_WHAT = {
    _EN: {
        "TOP_UP": "Wallet credit (top-up)",
        "SUBSCRIPTION": "Subscription: {sold}",
        "UPGRADE": "Upgrade to {sold}",
    },
    _ID: {
        "TOP_UP": "Pengisian saldo dompet",
        "SUBSCRIPTION": "Langganan: {sold}",
        "UPGRADE": "Peningkatan paket ke {sold}",
    },
}
_DAYS_LEFT = {
    _EN: "Difference in price for the remaining days of the month: {days}",
    _ID: "Selisih harga untuk sisa hari dalam bulan berjalan: {days}",
}
_LESS_COUPON = {
    _EN: "Price {price}, less {discount} by coupon",
    _ID: "Harga {price}, dikurangi kupon {discount}",
}
_WITH_FEE = {
    _EN: "Paid {paid} in all: beside the credit, a payment fee of {fee}",
    _ID: "Dibayar seluruhnya {paid}: di luar saldo, biaya pembayaran {fee}",
}
_GIVEN_BACK = {
    _EN: {
        True: "Refund to the wallet",
        False: "Top-up taken back by the payment provider",
    },
    _ID: {
        True: "Pengembalian dana ke dompet",
        False: "Pengisian saldo ditarik kembali oleh penyedia pembayaran",
    },
}


def title(kind: PaperKind, language: Language) -> str:
    """The name of the kind of paper."""
    return _TITLES[language][kind]


def label(name: str, language: Language) -> str:
    """A fixed word or sentence of the form."""
    return _LABELS[language][name]


def settled(kind: PaperKind, language: Language) -> str:
    """The word in the seal: papers are only written about money that has moved."""
    return _SETTLED[language][kind]


def method(name: str, language: Language) -> str:
    """How it was paid; names of brands stay as they are."""
    return _METHODS[language].get(name) or name.replace("_", " ")


def day(at: datetime, language: Language, zone: ZoneInfo) -> str:
    """A day written out: "20 November 2026"."""
    local = at.astimezone(zone)
    return f"{local.day} {_MONTHS[language][local.month - 1]} {local.year}"


def line(facts: Mapping[str, Any], language: Language, *, from_wallet: bool) -> str:
    """What a line is about; the ledger's own words only on papers from before its facts were frozen."""
    sold = " ".join(filter(None, (facts.get("service"), facts.get("plan"))))
    if facts["what"] == "REFUND":
        return ": ".join(filter(None, (_GIVEN_BACK[language][from_wallet], sold)))
    pattern = _WHAT[language].get(str(facts["what"]), "{sold}")
    return pattern.format(sold=sold) if sold or "{sold}" not in pattern else str(facts["description"])


def span(facts: Mapping[str, Any], language: Language, zone: ZoneInfo) -> str | None:
    """The period a line is about, or the days that an upgrade is charged for; None for neither."""
    if "proratedDays" in facts:
        return _DAYS_LEFT[language].format(days=facts["proratedDays"])
    if not facts.get("startsAt") or not facts.get("endsAt"):
        return None
    ends = (datetime.fromisoformat(str(facts[name])) for name in ("startsAt", "endsAt"))
    return " \u2013 ".join(day(end, language, zone) for end in ends)


def beside(facts: Mapping[str, Any], language: Language) -> str | None:
    """What explains the amount of a line: a coupon's discount, or a fee that was paid beside it; None for neither."""
    if facts.get("discount"):
        price, discount = (format_rupiah(facts[name]) for name in ("price", "discount"))
        return _LESS_COUPON[language].format(price=price, discount=discount)
    if facts.get("fee"):
        paid, fee = format_rupiah(facts["amount"] + facts["fee"]), format_rupiah(facts["fee"])
        return _WITH_FEE[language].format(paid=paid, fee=fee)
    return None
