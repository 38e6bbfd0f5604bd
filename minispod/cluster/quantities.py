"""Quantities as Kubernetes writes them ("250m", "1Gi", "1536Ki", "12345n") in the units we count in."""

import re
from decimal import Decimal

MEBIBYTE = 2**20

_QUANTITY = re.compile(r"^([+-]?[0-9]+(?:\.[0-9]*)?|[+-]?\.[0-9]+)(?:[eE]([+-]?[0-9]+)|([A-Za-z]{0,2}))$")
_SUFFIXES = {
    "": Decimal(1),
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    **{letter: Decimal(1000) ** power for power, letter in enumerate("kMGTPE", start=1)},
    **{f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGTPE", start=1)},
}


def parse_quantity(text: str | int | float | None) -> Decimal:
    """Read a quantity in its base unit (cores, bytes, pieces); ValueError when it is none; None is 0."""
    if text is None:
        return Decimal(0)
    match = _QUANTITY.match(str(text).strip())
    if match is None or (match[3] is not None and match[3] not in _SUFFIXES):
        raise ValueError(f"not a quantity: {str(text)[:40]!r}")
    number, exponent, suffix = match.groups()
    scale = Decimal(10) ** int(exponent) if exponent else _SUFFIXES[suffix]
    return Decimal(number) * scale


def milli(text: str | int | float | None) -> int:
    """Read CPU in millicores, rounded to the nearest."""
    return round(parse_quantity(text) * 1000)


def mebibytes(text: str | int | float | None) -> int:
    """Read memory in megabytes of 2**20 bytes, rounded down."""
    return int(parse_quantity(text) / MEBIBYTE)


def whole_bytes(text: str | int | float | None) -> int:
    """Read bytes."""
    return int(parse_quantity(text))
