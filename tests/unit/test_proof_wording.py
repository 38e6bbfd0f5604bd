"""A difference in words: what it is about, amounts and times as people write them, nothing said twice."""

import uuid
from zoneinfo import ZoneInfo

import pytest

from minispod.proof import wording

OWNER = uuid.uuid4()
JAKARTA = ZoneInfo("Asia/Jakarta")


@pytest.mark.parametrize(
    ("subject", "facts", "name"),
    [
        ("topup", {"number": "TXMP-12"}, "Top-up TXMP-12"),
        ("topup", {"number": None}, "Top-up 7"),
        ("entry", {"number": "TXMP-13"}, "Ledger entry TXMP-13"),
        ("plan", {"plan": "Ghost Basic"}, "Plan Ghost Basic"),
        ("coupon", {"code": "GIFT"}, "Coupon GIFT"),
        ("notice", {"order_id": "TOPUP-1"}, "Notice about TOPUP-1"),
        ("wallet", {}, "Wallet 7"),
        ("of later", {}, "Of later 7"),
    ],
)
def test_a_thing_has_the_name_its_people_use(subject: str, facts: dict[str, str], name: str) -> None:
    assert wording.name(subject, "7", facts) == name


def test_amounts_and_times_are_written_as_people_write_them() -> None:
    facts = {
        "balance": 1_250_000,
        "too_much": -7,
        "used_quota": 4,
        "ends_at": "2026-12-21T15:01:50.146317+00:00",
        "should_begin_at": 5_000,
    }

    told = wording.tell("wallet", facts, user_id=OWNER, zone=JAKARTA)

    assert told.replace("\u00a0", " ") == (
        "balance Rp 1.250.000, too much -Rp 7, slots counted as taken 4, ends at 21 Dec 2026, 22:01 WIB,"
        " should begin at Rp 5.000"
    )


def test_what_the_name_or_the_owner_says_already_is_left_out_and_what_is_zero_is_not() -> None:
    facts = {"number": "TXMP-12", "credited_to": str(OWNER), "state": None, "credited": 0, "reference": "7:1"}

    told = wording.tell("topup", facts, user_id=OWNER, zone=JAKARTA)

    assert told.replace("\u00a0", " ") == "credited Rp 0, reference 7:1"
