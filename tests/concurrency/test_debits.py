"""A debit looks at the credit in the statement that takes it: what others do meanwhile counts, either way."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.wallet import ledger
from minispod.wallet.errors import InsufficientCredit, WalletInDebt
from minispod.wallet.models import EntryKind, EntryType, LedgerEntry, Wallet
from tests.concurrency.waiting import Scene, waits_with
from tests.plugins.app import Person
from tests.plugins.shop import Shop

AtOnce = Callable[[int, Callable[[int], Any]], list[Any]]


@pytest.fixture
def scene(
    shop: Shop, person: Callable[..., Person], administrator: Person, plan_id: Callable[..., uuid.UUID]
) -> Scene:
    return Scene(shop, person(credit=50_000), administrator, plan_id)


def posting(kind: EntryKind = EntryKind.PERIOD) -> ledger.Posting:
    kinds = {EntryKind.PERIOD: EntryType.SUBSCRIPTION, EntryKind.TOPUP: EntryType.TOP_UP}
    return ledger.Posting(kinds.get(kind, EntryType.TOP_UP), kind, uuid.uuid4().hex, "A movement")


def debit(scene: Scene, amount: int) -> LedgerEntry:
    made: LedgerEntry = scene.do(
        lambda: ledger.debit(
            scene.customer.id, amount, posting(), actor=scene.customer.actor, at=scene.clock.now()
        )
    )
    return made


class Moving:
    """A movement of the wallet that is written and not committed yet; its end looks like that of a connection."""

    def __init__(self, scene: Scene, act: Callable[..., LedgerEntry], amount: int, kind: EntryKind) -> None:
        self._context = scene.app.app_context()
        self._context.push()
        self._unit = unit_of_work()
        self._unit.__enter__()
        act(scene.customer.id, amount, posting(kind), actor=scene.customer.actor, at=scene.clock.now())

    def commit(self) -> None:
        """Let it end."""
        self._unit.__exit__(None, None, None)
        self._context.pop()


def books(scene: Scene) -> tuple[int, int, list[int]]:
    """Balance and debt as cached, and the deltas of the entries in their order."""
    with scene.app.app_context():
        wallet = session().get_one(Wallet, scene.customer.id)
        entries = session().query(LedgerEntry).filter_by(user_id=scene.customer.id)
        return (
            wallet.balance,
            wallet.gateway_debt,
            [each.delta for each in entries.order_by(LedgerEntry.position)],
        )


def test_a_debit_waits_with_the_statement_that_takes_the_credit(scene: Scene) -> None:
    moving = Moving(scene, ledger.debit, 20_000, EntryKind.PERIOD)

    statement = waits_with(scene.app, moving, lambda: debit(scene, 30_000))

    assert statement.startswith("WITH moved AS \n(UPDATE wallets")
    assert books(scene) == (0, 0, [50_000, -20_000, -30_000])


def test_what_was_spent_meanwhile_cannot_be_spent_again(scene: Scene) -> None:
    moving = Moving(scene, ledger.debit, 20_000, EntryKind.PERIOD)

    with pytest.raises(InsufficientCredit) as refused:
        waits_with(scene.app, moving, lambda: debit(scene, 30_001))

    assert refused.value.details == {"currentBalance": 30_000, "requiredAmount": 30_001, "shortfall": 1}
    assert books(scene) == (30_000, 0, [50_000, -20_000])


def test_what_was_taken_back_meanwhile_is_owed_and_blocks_even_what_is_free(scene: Scene) -> None:
    debit(scene, 50_000)
    moving = Moving(scene, ledger.take_back, 20_000, EntryKind.TOPUP_REVERSAL)

    with pytest.raises(WalletInDebt):
        waits_with(scene.app, moving, lambda: debit(scene, 0))

    assert books(scene) == (-20_000, 20_000, [50_000, -50_000, -20_000])


def test_credit_that_is_just_arriving_is_waited_for_and_pays(scene: Scene) -> None:
    moving = Moving(scene, ledger.credit, 10_000, EntryKind.TOPUP)

    statement = waits_with(scene.app, moving, lambda: debit(scene, 60_000))

    assert "FOR NO KEY UPDATE" in statement, "who finds too little looks at the wallet, locked"
    assert books(scene) == (0, 0, [50_000, 10_000, -60_000])


def test_debits_at_once_take_what_is_there_and_no_more(scene: Scene, at_once: AtOnce) -> None:
    results = at_once(12, lambda _: debit(scene, 7_000))

    assert sum(isinstance(each, LedgerEntry) for each in results) == 7
    refused = [each for each in results if not isinstance(each, LedgerEntry)]
    assert [type(each) for each in refused] == [InsufficientCredit] * 5
    assert {each.details["currentBalance"] for each in refused} == {1_000}
    assert books(scene) == (1_000, 0, [50_000, *[-7_000] * 7])
    with scene.app.app_context():
        written = session().scalar(
            text("SELECT count(*) FROM audit_entries WHERE action = 'wallet.debited' AND subject_id = :id"),
            {"id": str(scene.customer.id)},
        )
    assert written == 7


def test_a_wallet_that_is_said_to_owe_pays_nothing_however_much_it_holds(scene: Scene) -> None:
    scene.do(lambda: session().execute(text("UPDATE wallets SET gateway_debt = 1 WHERE balance > 0")))

    with pytest.raises(WalletInDebt):
        debit(scene, 1_000)

    assert books(scene) == (50_000, 1, [50_000]), (
        "nobody's act leaves that: the proof finds it, and staff rebuild it"
    )
