"""The program's own proof, as tests use it after whatever they did."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from minispod.proof import render
from minispod.proof.check import Check
from minispod.proof.checks import CHECKS
from minispod.proof.coupon_checks import CHECKS as COUPONS
from minispod.proof.proving import Proof, prove
from minispod.proof.wallet_checks import CHECKS as WALLETS
from tests.plugins.app import START


def assert_proven(at: datetime, checks: Sequence[Check] = CHECKS, *, apart_from: Sequence[str] = ()) -> None:
    """Everything adds up, else the table with what does not. Needs an application context."""
    proof = prove(at, checks=[check for check in checks if check.name not in apart_from])
    assert proof.is_clean, as_text(proof)


def as_text(proof: Proof) -> str:
    """The table as a failing test shows it."""
    return render.as_table(proof, render.Page(120, ZoneInfo("Asia/Jakarta"), {}))


def assert_wallets_add_up() -> None:
    """Wallets and ledger agree, whatever else a test has made up. Needs an application context."""
    assert_proven(START, WALLETS)


def assert_coupons_add_up() -> None:
    """Counters of coupons and their uses agree, and so do uses and credit. Needs an application context."""
    assert_proven(START, COUPONS)
