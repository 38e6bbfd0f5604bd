"""PPN inside a price: what is paid always adds up, and parts given back give back exactly the tax of the whole."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minispod.papers.tax import Split, split, tax_within

AMOUNTS = st.integers(0, 10**12)
RATES = st.sampled_from([0, 11, 12])


@pytest.mark.parametrize(
    ("gross", "rate", "expected"),
    [
        (111_000, 11, Split(100_000, 11_000)),
        (112_000, 12, Split(100_000, 12_000)),
        (50_000, 11, Split(45_045, 4_955)),
        (50_000, 0, Split(50_000, 0)),
        (1, 11, Split(1, 0)),
        (14, 12, Split(12, 2)),  # 1.5 is rounded up
        (0, 11, Split(0, 0)),
    ],
)
def test_known_prices(gross: int, rate: int, expected: Split) -> None:
    assert split(gross, rate) == expected


@given(AMOUNTS, RATES)
def test_net_and_tax_add_up_and_the_tax_is_the_nearest_rupiah(gross: int, rate: int) -> None:
    parts = split(gross, rate)
    exact = Fraction(gross * rate, 100 + rate)

    assert parts.net + parts.tax == gross
    assert parts.net >= 0
    assert parts.tax >= 0
    assert Fraction(-1, 2) < parts.tax - exact <= Fraction(1, 2)


@given(AMOUNTS, AMOUNTS, RATES)
def test_more_is_never_taxed_less(one: int, other: int, rate: int) -> None:
    assert tax_within(min(one, other), rate) <= tax_within(max(one, other), rate)


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=8), RATES)
def test_refunds_in_parts_give_back_exactly_the_tax_of_the_charge(amounts: list[int], rate: int) -> None:
    given_back, parts = 0, []
    for amount in amounts:
        parts.append(split(amount, rate, given_back=given_back))
        given_back += amount

    assert sum(part.tax for part in parts) == split(sum(amounts), rate).tax
    assert all(part.tax >= 0 and part.net >= 0 for part in parts)
    assert [part.net + part.tax for part in parts] == amounts


def test_nothing_negative_is_taxed() -> None:
    with pytest.raises(ValueError, match="negative"):
        tax_within(-1, 11)
