"""The kinds of paper, and the languages they are written in."""

from enum import StrEnum


class PaperKind(StrEnum):
    """What a paper says about a ledger entry."""

    RECEIPT = "RECEIPT"
    INVOICE = "INVOICE"
    CREDIT_NOTE = "CREDIT_NOTE"

    @property
    def prefix(self) -> str:
        """How the numbers of this kind begin."""
        return _PREFIXES[self]


_PREFIXES = {PaperKind.RECEIPT: "RCP", PaperKind.INVOICE: "INV", PaperKind.CREDIT_NOTE: "CRN"}


class Language(StrEnum):
    """The languages of papers."""

    ENGLISH = "en"
    INDONESIAN = "id"


class PaperStatus(StrEnum):
    """What has become of an issued paper: settled, or taken back in full by credit notes."""

    PAID = "PAID"
    CANCELLED = "CANCELLED"
