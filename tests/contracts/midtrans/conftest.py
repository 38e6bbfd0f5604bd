"""The adapter and the simulator it talks to, with the control API in one hand."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from minispod.integrations.midtrans import MidtransGateway
from minispod.payments.gateway import CheckoutRequest, PaymentGroup
from tests.plugins.simulators import Simulator

SERVER_KEY = "SB-Mid-server-TESTKEY-minispod"
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_numbers = itertools.count(1)


def fresh_order_id() -> str:
    """An order id nobody has used."""
    number, text = next(_numbers), ""
    for _ in range(26):
        number, digit = divmod(number, 32)
        text = ALPHABET[digit] + text
    return f"TOPUP-{text}"


def order(
    order_id: str | None = None,
    *,
    amount: int = 100_000,
    method: PaymentGroup = PaymentGroup.BANK_TRANSFER,
    **changes: Any,
) -> CheckoutRequest:
    """A valid request; tests say only what matters."""
    facts: dict[str, Any] = {
        "customer_name": "Budi Santoso",
        "customer_email": "budi@example.com",
        "customer_phone": "+628123456789",
        "expires_in_minutes": 60,
        "finish_url": "http://127.0.0.1:5000/finish?from=topup",
    }
    return CheckoutRequest(
        order_id=order_id or fresh_order_id(), amount=amount, method=method, **(facts | changes)
    )


class Control:
    """The control API of a running simulator."""

    def __init__(self, simulator: Simulator) -> None:
        self.url: str = simulator["url"]
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {simulator['admin_token']}"

    def post(self, path: str, **body: Any) -> Any:
        answer = self._session.post(f"{self.url}/sim/api/{path}", json=body, timeout=20)
        assert answer.ok, answer.text
        return answer.json()

    def get(self, path: str, **query: Any) -> Any:
        answer = self._session.get(f"{self.url}/sim/api/{path}", params=query, timeout=10)
        assert answer.ok, answer.text
        return answer.json()

    def close(self) -> None:
        self._session.close()

    def fault(self, action: str, **more: Any) -> None:
        """One fault of the merchant API, used once."""
        self.post("faults", where="api", action=action, **{"times": 1, **more})

    def choose(self, token: str, method: str, **more: Any) -> str:
        """Pick a method as the customer; answers the transaction id."""
        return str(self.post(f"sessions/{token}/choose", method=method, **more)["id"])

    def event(self, id: str, event: str, **more: Any) -> Any:
        return self.post(f"transactions/{id}/events", event=event, **more)


@pytest.fixture
def control(midtrans_simulator: Simulator) -> Iterator[Control]:
    hand = Control(midtrans_simulator)
    hand.post("reset")
    # Nobody listens to notifications in these tests.
    hand.post("settings", sender="manual", style_404="http404")
    yield hand
    hand.post("reset")
    hand.close()


@pytest.fixture
def gateway(control: Control) -> Iterator[MidtransGateway]:
    adapter = MidtransGateway(server_key=SERVER_KEY, snap_base_url=control.url, core_base_url=control.url)
    yield adapter
    adapter.close()
