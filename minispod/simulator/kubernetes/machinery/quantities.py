"""Kubernetes quantities ("250m", "1Gi"): reading, comparing, adding and writing them in canonical form.

Values are exact; no float is involved.
"""

import re
from decimal import ROUND_CEILING, Decimal

BINARY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50, "Ei": 2**60}
DECIMAL = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "P": Decimal(10**15),
    "E": Decimal(10**18),
}
SHAPE = re.compile(r"^([+-]?(?:\d+\.?\d*|\.\d+))(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]?|[eE][+-]?\d+)$")
FAULT = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"


class NotAQuantity(ValueError):
    """The text is no quantity."""


def amount(value: object) -> Decimal:
    """The exact value of a quantity; raises NotAQuantity."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise NotAQuantity(FAULT)
    found = SHAPE.match(str(value))
    if not found:
        raise NotAQuantity(FAULT)
    number, suffix = Decimal(found[1]), found[2]
    if suffix in BINARY:
        return number * BINARY[suffix]
    if suffix in DECIMAL:
        return number * DECIMAL[suffix]
    return number * Decimal(10) ** int(suffix[1:])


def is_binary(value: object) -> bool:
    """Whether the quantity is written with a suffix of powers of two."""
    return str(value)[-2:] in BINARY


def canonical(value: object) -> str:
    """The form in which a server gives a quantity back."""
    text = str(value)
    exact = amount(value)
    if re.search(r"[eE][+-]?\d+$", text):
        return text
    return written(exact, binary=is_binary(text))


def written(exact: Decimal, *, binary: bool) -> str:
    """A canonical quantity of that value: the largest suffix that leaves a whole number."""
    if exact == 0:
        return "0"
    if binary and abs(exact) >= 1024 and exact == exact.to_integral_value():
        whole = int(exact)
        fitting = [(suffix, unit) for suffix, unit in BINARY.items() if whole % unit == 0]
        if fitting:
            suffix, unit = fitting[-1]
            return f"{whole // unit}{suffix}"
        return str(whole)
    for suffix in ("E", "P", "T", "G", "M", "k", "", "m", "u", "n"):
        scaled = exact / DECIMAL[suffix]
        if scaled == scaled.to_integral_value():
            return f"{int(scaled)}{suffix}"
    rounded = (exact / DECIMAL["n"]).to_integral_value(rounding=ROUND_CEILING)
    return f"{int(rounded)}n"


def total(values: list[object]) -> str:
    """The sum, written as its first member is."""
    exact = sum((amount(value) for value in values), Decimal(0))
    return written(exact, binary=any(is_binary(value) for value in values))
