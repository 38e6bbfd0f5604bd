"""Rupiah: money is an `int` everywhere inside; text only at the fence.

Neither float nor Decimal passes here. Rupiah has no minor unit in practice, so a fraction is an error.
"""

import re
from typing import NewType

Rupiah = NewType("Rupiah", int)

_GATEWAY_AMOUNT = re.compile(r"^\d{1,12}(\.0{1,2})?$")


def parse_rupiah(text: str) -> Rupiah:
    """Read a gateway amount such as "10000.00"; raise ValueError on a fraction or anything else."""
    if not _GATEWAY_AMOUNT.match(text):
        raise ValueError("not a whole amount of rupiah")
    return Rupiah(int(text.split(".")[0]))


def format_rupiah(amount: int) -> str:
    """Write an amount the way people in Indonesia do: 1250000 -> "Rp 1.250.000"."""
    sign = "-" if amount < 0 else ""
    return f"{sign}Rp {abs(amount):,}".replace(",", ".")
