"""When the gateway is asked by ourselves, and that no look is lost to its silence."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minispod.kernel.clock import FrozenClock
from minispod.kernel.unit_of_work import unit_of_work
from minispod.payments import polling, timetable
from minispod.payments.states import TopUpState
from tests.factories.payments import PAYER, put_topup
from tests.plugins.app import Person

NOON = datetime(2026, 11, 20, 5, tzinfo=UTC)
END = NOON + timedelta(hours=3)


def looks(state: TopUpState, payment_type: str | None = None, paid_after: int | None = None) -> list[str]:
    """All looks at an order of three hours in this state, as time since it was opened."""
    at, found = NOON, []
    while True:
        look = timetable.next_look(
            state,
            created_at=NOON,
            expires_at=END,
            completed_at=None if paid_after is None else NOON + timedelta(minutes=paid_after),
            payment_type=payment_type,
            at=at,
        )
        if look is None:
            return found
        found.append(str(look - NOON))
        at = look


def test_open_order_is_watched_closely_then_hourly_then_daily() -> None:
    seen = looks(TopUpState.PENDING)

    assert seen[:9] == [
        "0:01:00",
        "0:03:00",
        "0:10:00",
        "0:30:00",
        "1:00:00",
        "2:00:00",
        "3:10:00",
        "6:10:00",
        "1 day, 3:00:00",
    ]
    assert seen[-1] == "8 days, 3:00:00"
    assert looks(TopUpState.REVIEW) == seen


@pytest.mark.parametrize("state", [TopUpState.FAILED, TopUpState.EXPIRED, TopUpState.CANCELLED])
def test_given_up_order_is_looked_at_while_its_page_may_still_bring_money(state: TopUpState) -> None:
    assert looks(state) == ["3:10:00", "6:10:00", "1 day, 3:00:00"]


@pytest.mark.parametrize(
    ("payment_type", "expected"),
    [
        ("bank_transfer", ["0:15:00"]),
        ("echannel", ["0:15:00"]),
        ("cstore", ["0:15:00"]),
        ("credit_card", ["1 day, 12:05:00"]),
        ("qris", []),
        (None, []),
    ],
)
def test_payment_is_looked_at_again_where_it_may_be_undone(
    payment_type: str | None, expected: list[str]
) -> None:
    assert looks(TopUpState.PAID, payment_type, paid_after=5) == expected


@given(state=st.sampled_from(TopUpState), hours=st.integers(1, 168), at=st.integers(-10, 30_000))
def test_next_look_is_always_later_and_comes_to_an_end(state: TopUpState, hours: int, at: int) -> None:
    now = NOON + timedelta(minutes=at)

    look = timetable.next_look(
        state,
        created_at=NOON,
        expires_at=NOON + timedelta(hours=hours),
        completed_at=NOON,
        payment_type="credit_card",
        at=now,
    )

    assert look is None or now < look <= NOON + timedelta(hours=hours, days=8)


@pytest.mark.usefixtures("context")
class TestClaim:
    """Claiming a look in the database."""

    def test_claim_asks_by_order_and_then_by_the_attempt_heard_of(
        self, customer: Person, clock: FrozenClock
    ) -> None:
        topup = put_topup(customer.id, at=clock.now(), transaction_id="A120261120021400MinisPodDNID")

        with unit_of_work():
            look = polling.claim(topup.id, at=clock.advance(minutes=1))

        assert look is not None
        assert look.ids == (topup.order_id, "A120261120021400MinisPodDNID")
        assert topup.polls == 1

    def test_paid_order_is_asked_about_by_the_transaction_that_paid(
        self, customer: Person, clock: FrozenClock
    ) -> None:
        topup = put_topup(customer.id, at=clock.now(), state=TopUpState.PAID, payment_type="bank_transfer")

        with unit_of_work():
            look = polling.claim(topup.id, at=clock.advance(minutes=11))

        assert look is not None
        assert look.ids == (PAYER,)

    def test_last_look_is_repeated_until_it_is_answered(self, customer: Person, clock: FrozenClock) -> None:
        topup = put_topup(customer.id, at=clock.now(), state=TopUpState.PAID, payment_type="bank_transfer")
        assert not polling.list_due(clock.advance(minutes=9))
        assert list(polling.list_due(clock.advance(minutes=2))) == [topup.id]

        with unit_of_work():
            polling.claim(topup.id, at=clock.now())

        assert not polling.list_due(clock.now())
        assert list(polling.list_due(clock.advance(minutes=11))) == [topup.id]

    def test_decided_order_is_not_asked_about(self, customer: Person, clock: FrozenClock) -> None:
        topup = put_topup(customer.id, at=clock.now(), state=TopUpState.REFUNDED)

        with unit_of_work():
            assert polling.claim(topup.id, at=clock.now()) is None
