"""Rupiah: money is an `int` everywhere inside; text only at the fence.

Neither float nor Decimal passes here. Rupiah has no minor unit in practice, so a fraction is an error.
"""

from typing import NewType

Rupiah = NewType("Rupiah", int)


def format_rupiah(amount: int) -> str:
    """Write an amount the way people in Indonesia do: 1250000 -> "Rp 1.250.000"."""
    sign = "-" if amount < 0 else ""
    return f"{sign}Rp {abs(amount):,}".replace(",", ".")
