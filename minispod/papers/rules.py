"""What settings say about papers, as one value that doors hand in."""

from dataclasses import asdict, dataclass
from typing import Any
from zoneinfo import ZoneInfo

from minispod.papers.states import Language


@dataclass(frozen=True, slots=True)
class Seller:
    """Who sells: everything that stands at the head of a paper. `address` is a tuple of lines."""

    name: str
    logo_text: str
    address: tuple[str, ...]
    npwp: str
    email: str
    phone: str

    def as_facts(self) -> dict[str, Any]:
        """As it is frozen in a paper."""
        return {**asdict(self), "address": list(self.address)}


@dataclass(frozen=True, slots=True)
class PaperRules:
    """The seller, its PPN (per cent; 0 for a company that is no PKP), and how papers are dated and written."""

    seller: Seller
    ppn_rate: int
    language: Language
    zone: ZoneInfo
