"""Top-ups in any state, made through the ledger as the real thing would, and the gateway's levers in one hand."""

import base64
import uuid
from datetime import datetime, timedelta
from typing import Any

import requests

from minispod.kernel.actor import system
from minispod.kernel.database import session
from minispod.kernel.ids import new_id, new_ulid
from minispod.kernel.money import Rupiah
from minispod.kernel.unit_of_work import unit_of_work
from minispod.payments import settling
from minispod.payments.gateway import PaymentGroup
from minispod.payments.models import TopUp
from minispod.payments.states import TAKEN_BACK, TopUpState
from minispod.wallet import ledger
from minispod.wallet.models import EntryKind, EntryType
from tests.plugins.simulators import Simulator

TESTER = system("tests")
PAYER = "tx-that-paid-0001"


def put_topup(
    user_id: uuid.UUID,
    *,
    at: datetime,
    state: TopUpState = TopUpState.PENDING,
    amount: int = 100_000,
    order_id: str | None = None,
    paid_by: str = PAYER,
    taken_back: int | None = None,
    **fields: Any,
) -> TopUp:
    """A committed top-up; what is credited or taken back is in the ledger. Needs an application context."""
    values = {
        "id": new_id(),
        "order_id": order_id or f"TOPUP-{new_ulid()}",
        "user_id": user_id,
        "amount": Rupiah(amount),
        "payment_group": PaymentGroup.QRIS,
        "expires_at": at + timedelta(hours=1),
        "reversed_amount": Rupiah(0),
        "polls": 0,
        "created_at": at,
        "updated_at": at,
    }
    with unit_of_work():
        topup = TopUp(number=ledger.next_number(), state=state, **(values | fields))
        if state.is_credited:
            back = amount if taken_back is None and state in TAKEN_BACK else taken_back or 0
            _credit(topup, paid_by, back, at)
        settling.plan_next_look(topup, at=at)
        session().add(topup)
    return topup


def _credit(topup: TopUp, paid_by: str, back: int, at: datetime) -> None:
    credit = ledger.Posting(
        EntryType.TOP_UP,
        EntryKind.TOPUP,
        str(topup.id),
        topup.description,
        entry_id=topup.id,
        number=topup.number,
    )
    ledger.credit(topup.user_id, topup.amount, credit, actor=TESTER, at=at)
    topup.paid_transaction_id, topup.completed_at = paid_by, at
    topup.gateway_state = topup.gateway_state or "settlement"
    if back:
        posting = ledger.Posting(
            EntryType.REFUND, EntryKind.TOPUP_REVERSAL, f"{topup.id}:{back}", "taken back"
        )
        ledger.take_back(topup.user_id, back, posting, actor=TESTER, at=at)
        topup.reversed_amount = Rupiah(back)


class Levers:
    """The control API of the simulated gateway."""

    def __init__(self, simulator: Simulator) -> None:
        self.url = str(simulator["url"])
        self.headers = {"Authorization": f"Bearer {simulator['admin_token']}"}

    def reset(self) -> None:
        """Forget all orders, answers and faults."""
        self._post("reset")

    def answer_about(self, raw: bytes, status_api: Any) -> None:
        """Say what the Status API answers when asked about the notification `raw`."""
        self._post("status-answers", raw_base64=base64.b64encode(raw).decode(), status_api=status_api)

    def fault(self, action: str, **more: Any) -> None:
        """Make the API misbehave, once unless said otherwise."""
        self._post("faults", **{"where": "api", "action": action, "times": 1} | more)

    def silent(self) -> None:
        """Answer nothing useful until `lift`."""
        self.fault("status", status=503, times=None)

    def lift(self) -> None:
        """Behave again."""
        requests.delete(f"{self.url}/sim/api/faults", headers=self.headers, timeout=10).raise_for_status()

    def choose(self, token: str, method: str = "other_qris") -> str:
        """Pick a method on the payment page; the transaction's id."""
        return str(self._post(f"sessions/{token}/choose", method=method)["id"])

    def event(self, transaction_id: str, event: str, **more: Any) -> Any:
        """Let something happen to a payment: pay, deny, refund ..."""
        return self._post(f"transactions/{transaction_id}/events", event=event, **more)

    def seed(self, order_id: str, amount: int, **facts: Any) -> str:
        """Put a payment in place without telling anybody; its id."""
        return str(self._post("orders/seed", order_id=order_id, gross_amount=amount, **facts)["id"])

    def refunds(self, transaction_id: str) -> list[int]:
        """What was given back of a payment, in rupiah."""
        answer = requests.get(
            f"{self.url}/sim/api/transactions/{transaction_id}", headers=self.headers, timeout=10
        )
        return [each["amount"] for each in answer.json()["refunds"]]

    def _post(self, path: str, **body: Any) -> Any:
        answer = requests.post(f"{self.url}/sim/api/{path}", json=body, headers=self.headers, timeout=20)
        assert answer.ok, answer.text
        return answer.json()
