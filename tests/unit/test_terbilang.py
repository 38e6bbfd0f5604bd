"""Amounts in Indonesian words, checked against known ones and by reading them back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minispod.papers.terbilang import terbilang

ONES = {
    "satu": 1,
    "dua": 2,
    "tiga": 3,
    "empat": 4,
    "lima": 5,
    "enam": 6,
    "tujuh": 7,
    "delapan": 8,
    "sembilan": 9,
    "sepuluh": 10,
    "sebelas": 11,
    "nol": 0,
}
SCALES = {"ribu": 10**3, "juta": 10**6, "miliar": 10**9, "triliun": 10**12}


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        (0, "nol rupiah"),
        (11, "sebelas rupiah"),
        (15, "lima belas rupiah"),
        (21, "dua puluh satu rupiah"),
        (100, "seratus rupiah"),
        (110, "seratus sepuluh rupiah"),
        (1_000, "seribu rupiah"),
        (1_111, "seribu seratus sebelas rupiah"),
        (11_000, "sebelas ribu rupiah"),
        (50_000, "lima puluh ribu rupiah"),
        (100_000, "seratus ribu rupiah"),
        (101_001, "seratus satu ribu satu rupiah"),
        (1_000_000, "satu juta rupiah"),
        (1_250_000, "satu juta dua ratus lima puluh ribu rupiah"),
        (2_001_000, "dua juta seribu rupiah"),
        (1_000_000_000, "satu miliar rupiah"),
    ],
)
def test_amounts_are_written_as_people_say_them(amount: int, words: str) -> None:
    assert terbilang(amount) == words


@given(st.integers(0, 10**15 - 1))
def test_every_amount_can_be_read_back(amount: int) -> None:
    words = terbilang(amount)

    assert "  " not in words
    assert read(words.removesuffix(" rupiah").split()) == amount


def read(words: list[str]) -> int:
    """The number behind the words: groups of three digits, each closed by its scale."""
    total = group = last = 0
    for word in words:
        if word in ONES:
            last = ONES[word]
        elif word == "belas":
            last += 10
        elif word == "puluh":
            group, last = group + last * 10, 0
        elif word == "ratus":
            group, last = group + last * 100, 0
        elif word == "seratus":
            group += 100
        elif word == "seribu":
            total += 1_000
        else:
            total, group, last = total + (group + last) * SCALES[word], 0, 0
    return total + group + last


def test_what_no_wallet_holds_is_refused() -> None:
    for amount in (-1, 10**15):
        with pytest.raises(ValueError, match="no amount"):
            terbilang(amount)
