"""PPN inside a price, in whole rupiah. Pure.

Prices include PPN. The tax is `gross x rate / (100 + rate)`, rounded half up; the net amount is the rest, so that
both always add up to what was paid. Credit notes are taxed cumulatively: whatever the parts, the tax given back
for a whole charge is the tax of that charge.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Split:
    """A gross amount as net amount and tax, all in rupiah."""

    net: int
    tax: int


def tax_within(gross: int, rate: int) -> int:
    """The PPN contained in a gross amount at `rate` per cent, rounded half up."""
    if gross < 0 or rate < 0:
        raise ValueError("neither an amount nor a rate is negative")
    whole = 100 + rate
    return (2 * gross * rate + whole) // (2 * whole)


def split(gross: int, rate: int, *, given_back: int = 0) -> Split:
    """Net and tax of `gross`; for a credit note, `given_back` is what earlier notes of the same charge gave back."""
    tax = tax_within(given_back + gross, rate) - tax_within(given_back, rate)
    return Split(gross - tax, tax)
