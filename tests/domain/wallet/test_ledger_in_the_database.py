"""What the database itself refuses, whoever asks: changed, removed, doubled and unchained entries."""

import uuid
from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from minispod.kernel.actor import system
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.errors import Refusal
from minispod.kernel.unit_of_work import unit_of_work
from minispod.wallet import ledger
from minispod.wallet.models import EntryKind, EntryType, LedgerEntry, Wallet
from tests.plugins.app import START, Person
from tests.proofs import assert_wallets_add_up

_INSERT = """
    INSERT INTO ledger_entries (id, number, user_id, position, type, kind, reference, amount, delta,
        balance_before, balance_after, description, details, created_at)
    VALUES (:id, :number, :user_id, :position, 'TOP_UP', 'topup', :reference, abs(:delta), :delta,
        :before, :before + :delta, 'by hand', '{}', now())
"""


def _insert(
    user_id: uuid.UUID, *, before: int, delta: int, number: int = 900_000, position: int | None = None
) -> None:
    session().execute(
        text(_INSERT),
        {
            "id": uuid.uuid4(),
            "number": number,
            "user_id": user_id,
            "position": position,
            "reference": uuid.uuid4().hex,
            "delta": delta,
            "before": before,
        },
    )


def _entries(user_id: uuid.UUID) -> list[LedgerEntry]:
    wanted = select(LedgerEntry).where(LedgerEntry.user_id == user_id).order_by(LedgerEntry.position)
    return list(session().scalars(wanted))


@pytest.mark.parametrize("table", ["ledger_entries", "audit_entries"])
@pytest.mark.parametrize("act", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_a_book_is_append_only(app: Flask, customer: Person, table: str, act: str) -> None:
    with app.app_context(), pytest.raises(IntegrityError, match="append-only"), unit_of_work():
        session().execute(text(act.format(table)))


@pytest.mark.parametrize("before", [0, 499_999, 500_001, -1])
def test_an_entry_that_does_not_begin_where_the_last_one_ended_is_refused(
    app: Flask, customer: Person, before: int
) -> None:
    with app.app_context(), pytest.raises(IntegrityError, match="last one ended"), unit_of_work():
        _insert(customer.id, before=before, delta=1_000)


def test_positions_are_the_databases_own_and_without_gap(app: Flask, customer: Person) -> None:
    with app.app_context():
        with unit_of_work():
            _insert(customer.id, before=500_000, delta=1_000, number=900_000)
            _insert(customer.id, before=501_000, delta=-1_000, number=900_001)

        assert [entry.position for entry in _entries(customer.id)] == [1, 2, 3]


@pytest.mark.parametrize("position", [-1, 0, 3, 900])
def test_nobody_can_leave_a_gap(app: Flask, customer: Person, position: int) -> None:
    with app.app_context(), pytest.raises(IntegrityError, match="leaves a gap"), unit_of_work():
        _insert(customer.id, before=500_000, delta=1_000, position=position)


def test_two_writers_without_the_wallets_lock_cannot_both_go_on_from_the_same_entry(
    app: Flask, customer: Person, at_once: Callable[..., list[object]]
) -> None:
    def write(index: int) -> str:
        with app.app_context(), unit_of_work():
            _insert(customer.id, before=500_000, delta=1_000, number=900_000 + index)
        return "written"

    results = at_once(8, write)

    assert results.count("written") == 1
    assert sum(isinstance(each, IntegrityError) for each in results) == 7


def test_the_same_act_is_refused_twice(app: Flask, customer: Person, clock: FrozenClock) -> None:
    posting = ledger.Posting(EntryType.TOP_UP, EntryKind.TOPUP, "the same", "Top-up")

    def credit() -> None:
        with app.app_context(), unit_of_work():
            ledger.credit(customer.id, 10_000, posting, actor=system("tests"), at=clock.now())

    credit()
    with pytest.raises(IntegrityError, match="kind_reference"):
        credit()

    with app.app_context():
        assert session().get_one(Wallet, customer.id).balance == 510_000


@pytest.mark.parametrize("balance", [-1, -500_000])
def test_a_wallet_below_zero_must_say_what_it_owes(app: Flask, customer: Person, balance: int) -> None:
    with app.app_context(), pytest.raises(IntegrityError, match="covered"), unit_of_work():
        session().execute(text("UPDATE wallets SET balance = :balance"), {"balance": balance})


def test_numbers_of_transactions_go_up_and_are_readable(
    app: Flask, customer: Person, person: Callable[..., Person]
) -> None:
    other = person(credit=1_000)

    with app.app_context():
        numbers = [_entries(each.id)[0].custom_id for each in (customer, other)]

    assert numbers == ["TXMP-101", "TXMP-102"]


@pytest.mark.parametrize("amount", [0, -1])
@pytest.mark.parametrize("may_owe", [True, False])
def test_a_deduction_takes_something(
    app: Flask, customer: Person, clock: FrozenClock, amount: int, may_owe: bool
) -> None:
    posting = ledger.Posting(EntryType.ADMIN_ADJUSTMENT, EntryKind.ADJUSTMENT, "odd", "Odd")

    with app.app_context(), pytest.raises(ValueError, match="positive"), unit_of_work():
        ledger.deduct(customer.id, amount, posting, may_owe=may_owe, actor=system("tests"), at=clock.now())


MOVES = st.lists(
    st.tuples(st.sampled_from(["credit", "debit", "take_back", "deduct", "owe"]), st.integers(0, 90_000)),
    max_size=12,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=MOVES)
def test_after_any_movements_the_chain_holds(
    app: Flask, person: Callable[..., Person], moves: list[tuple[str, int]]
) -> None:
    owner = person()
    for index, (act, amount) in enumerate(moves):
        posting = ledger.Posting(
            EntryType.ADMIN_ADJUSTMENT, EntryKind.ADJUSTMENT, f"{owner.id}:{index}", "A move"
        )
        with app.app_context():
            _move(owner, act, amount, posting)

    with app.app_context():
        entries, wallet = _entries(owner.id), session().get_one(Wallet, owner.id)
        assert [each.position for each in entries] == list(range(1, len(entries) + 1))
        balances = [0, *(each.balance_after for each in entries)]
        assert [each.balance_before for each in entries] == balances[:-1]
        assert wallet.balance == sum(each.delta for each in entries) == balances[-1]
        assert wallet.gateway_debt == max(0, -wallet.balance)
        assert wallet.total_top_up - wallet.total_spent == wallet.balance
        assert_wallets_add_up()


def _move(owner: Person, act: str, amount: int, posting: ledger.Posting) -> None:
    facts = {"actor": system("tests"), "at": START}
    try:
        with unit_of_work():
            if act == "credit":
                ledger.credit(owner.id, amount, posting, **facts)  # type: ignore[arg-type]
            elif act == "debit":
                ledger.debit(owner.id, amount, posting, **facts)  # type: ignore[arg-type]
            elif act == "take_back":
                posting = replace(posting, type=EntryType.REFUND, kind=EntryKind.TOPUP_REVERSAL)
                ledger.take_back(owner.id, amount, posting, **facts)  # type: ignore[arg-type]
            else:
                ledger.deduct(owner.id, amount, posting, may_owe=act == "owe", **facts)  # type: ignore[arg-type]
    except (Refusal, ValueError):
        pass  # refused movements leave nothing behind


def test_a_wallet_that_was_read_is_read_again_after_it_moved(
    app: Flask, customer: Person, clock: FrozenClock
) -> None:
    posting = ledger.Posting(EntryType.SUBSCRIPTION, EntryKind.PERIOD, "a period", "A month")

    with app.app_context(), unit_of_work():
        wallet = session().get_one(Wallet, customer.id)
        before = wallet.balance
        ledger.debit(customer.id, 1_000, posting, actor=system("tests"), at=clock.now())

        assert wallet.balance == before - 1_000
