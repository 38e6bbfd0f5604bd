"""Amounts in Indonesian words ("terbilang"), as receipts and cheques carry them. Pure."""

_SMALL = (
    "",
    "satu",
    "dua",
    "tiga",
    "empat",
    "lima",
    "enam",
    "tujuh",
    "delapan",
    "sembilan",
    "sepuluh",
    "sebelas",
)
_SCALES = ((10**12, "triliun"), (10**9, "miliar"), (10**6, "juta"), (10**3, "ribu"))
_LIMIT = 10**15


def terbilang(amount: int) -> str:
    """Write an amount in words, with "rupiah" behind it: 51_000 -> "lima puluh satu ribu rupiah"."""
    if not 0 <= amount < _LIMIT:
        raise ValueError("no amount this program takes")
    return f"{_written(amount) or 'nol'} rupiah"


def _written(number: int) -> str:
    for scale, name in _SCALES:
        if number >= scale:
            head, rest = divmod(number, scale)
            # One thousand is "seribu"; one million and more keep their "satu".
            said = "seribu" if (head, scale) == (1, 10**3) else f"{_below_thousand(head)} {name}"
            return f"{said} {_written(rest)}".strip()
    return _below_thousand(number)


def _below_thousand(number: int) -> str:
    hundreds, rest = divmod(number, 100)
    if not hundreds:
        return _below_hundred(rest)
    said = "seratus" if hundreds == 1 else f"{_SMALL[hundreds]} ratus"
    return f"{said} {_below_hundred(rest)}".strip()


def _below_hundred(number: int) -> str:
    if number < len(_SMALL):
        return _SMALL[number]
    if number < 20:
        return f"{_SMALL[number - 10]} belas"
    tens, ones = divmod(number, 10)
    return f"{_SMALL[tens]} puluh {_SMALL[ones]}".strip()
