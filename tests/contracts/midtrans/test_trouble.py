"""The adapter against a gateway in trouble: one kind of refusal, in time, and no key anywhere in it."""

import base64
import socket
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import suppress

import pytest

from minispod.integrations.midtrans import MidtransGateway
from minispod.integrations.midtrans.gateway import ACTION_SECONDS, STATUS_SECONDS
from minispod.kernel import unit_of_work
from minispod.payments.gateway import GatewayUnavailable, PaymentGroup
from tests.contracts.midtrans.conftest import SERVER_KEY, Control, order


@pytest.fixture
def paid(gateway: MidtransGateway, control: Control) -> str:
    """A settled transaction."""
    checkout = gateway.open_checkout(order(method=PaymentGroup.QRIS))
    transaction = control.choose(checkout.token, "other_qris")
    control.event(transaction, "pay")
    return transaction


TROUBLE = [
    ("status", {"status": 502, "body": "html"}),
    ("status", {"status": 503, "body": "json"}),
    ("status", {"status": 500, "body": "empty"}),
    ("status", {"status": 504, "body": "html"}),
    ("status", {"status": 429, "body": "json"}),
    ("html200", {}),
    ("invalid_json", {}),
    ("json_null", {}),
    ("close", {}),
    ("truncate", {}),
    ("redirect", {"to": "http://127.0.0.1:1/elsewhere"}),
    ("unauthorized", {}),
    ("commit_then_fail", {}),
    ("commit_then_fail", {"close": True}),
]


@pytest.mark.parametrize(("action", "more"), TROUBLE)
def test_any_trouble_while_asking_is_unavailability(
    gateway: MidtransGateway, control: Control, paid: str, action: str, more: dict[str, object]
) -> None:
    control.fault(action, **more)

    with pytest.raises(GatewayUnavailable):
        gateway.status(paid)

    assert gateway.status(paid).transaction_status == "settlement"


@pytest.mark.parametrize(("action", "more"), TROUBLE)
def test_any_trouble_while_opening_is_unavailability_and_a_second_try_works(
    gateway: MidtransGateway, control: Control, action: str, more: dict[str, object]
) -> None:
    control.fault(action, **more)
    request = order()

    with pytest.raises(GatewayUnavailable):
        gateway.open_checkout(request)

    checkout = gateway.open_checkout(request)
    control.choose(checkout.token, "bca_va")
    assert len(control.get("transactions", order_id=request.order_id)) == 1


def test_a_silent_gateway_is_given_up_on_within_three_seconds(
    gateway: MidtransGateway, control: Control, paid: str
) -> None:
    assert STATUS_SECONDS == 3
    control.fault("delay", s=8)

    began = time.monotonic()
    with pytest.raises(GatewayUnavailable) as refused:
        gateway.status(paid)

    assert time.monotonic() - began < 8, "the answer was not waited for"
    assert refused.value.details == {"reason": "timeout"}


def test_a_slow_answer_in_time_is_an_answer(gateway: MidtransGateway, control: Control, paid: str) -> None:
    control.fault("delay", s=1)

    assert gateway.status(paid).found


def test_an_amount_with_a_fraction_is_no_answer(gateway: MidtransGateway, control: Control) -> None:
    body = {
        "transaction_id": "11111111-2222-4333-8444-555555555555",
        "order_id": order().order_id,
        "status_code": "200",
        "gross_amount": "100000.50",
        "transaction_status": "settlement",
    }
    control.post("status-answers", body=body)

    with pytest.raises(GatewayUnavailable):
        gateway.status(body["transaction_id"])


def test_another_amount_is_reported_as_it_is(gateway: MidtransGateway, control: Control, paid: str) -> None:
    control.fault("wrong_amount", amount=1)

    assert gateway.status(paid).gross_amount == 1


def test_missing_fields_are_unknown_and_shouting_is_lowered(
    gateway: MidtransGateway, control: Control, paid: str
) -> None:
    control.fault("missing_fields")
    control.fault("upper_case_status")

    missing, shouted = gateway.status(paid), gateway.status(paid)

    assert (missing.gross_amount, missing.currency, missing.merchant_id) == (None, None, None)
    assert shouted.transaction_status == "settlement"


@pytest.mark.parametrize("http", [200, 404])
def test_a_transaction_the_gateway_denies_knowing_is_not_found(
    gateway: MidtransGateway, control: Control, paid: str, http: int
) -> None:
    control.fault("status_404", http=http)

    assert not gateway.status(paid).found


def test_a_stale_answer_contradicts_the_notification_for_a_while(
    gateway: MidtransGateway, control: Control, paid: str
) -> None:
    control.fault("stale_status", s=60)

    assert gateway.status(paid).transaction_status == "pending"
    assert gateway.status(paid).transaction_status == "settlement"


@pytest.mark.parametrize("action", ["unauthorized", "html200", "close", "status"])
def test_refusals_hold_neither_the_key_nor_the_librarys_exception(
    gateway: MidtransGateway, control: Control, paid: str, action: str
) -> None:
    control.fault(action)

    with pytest.raises(GatewayUnavailable) as refused:
        gateway.status(paid)

    error = refused.value
    assert error.__cause__ is None
    assert error.__context__ is None
    assert SERVER_KEY not in "".join(traceback.format_exception(error)) + repr(error.__dict__)


def test_nothing_that_is_logged_holds_the_key(
    gateway: MidtransGateway, control: Control, paid: str, capfd: pytest.CaptureFixture[str]
) -> None:
    for action, more in TROUBLE:
        control.fault(action, **more)
        with pytest.raises(GatewayUnavailable):
            gateway.status(paid)

    captured = capfd.readouterr()
    assert SERVER_KEY not in captured.out + captured.err
    assert base64.b64encode(f"{SERVER_KEY}:".encode()).decode() not in captured.out + captured.err


@pytest.fixture
def dripping_url() -> Iterator[str]:
    """A server that answers a byte at a time, for ever."""
    listening, stopped = socket.create_server(("127.0.0.1", 0)), threading.Event()

    def drip() -> None:
        with suppress(OSError):
            connection, _ = listening.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                while not stopped.wait(0.1):
                    connection.sendall(b"x")

    thread = threading.Thread(target=drip)
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    stopped.set()
    listening.close()
    thread.join()


def test_a_dripping_gateway_is_given_up_on_as_well(dripping_url: str) -> None:
    gateway = MidtransGateway(server_key=SERVER_KEY, core_base_url=dripping_url)

    began = time.monotonic()
    with pytest.raises(GatewayUnavailable) as refused:
        gateway.status(order().order_id)

    assert time.monotonic() - began < ACTION_SECONDS
    assert refused.value.details == {"reason": "timeout"}


@pytest.fixture
def open_unit_of_work() -> Iterator[None]:
    token = unit_of_work._open.set(True)
    yield
    unit_of_work._open.reset(token)


@pytest.mark.usefixtures("open_unit_of_work")
def test_nothing_is_asked_inside_a_unit_of_work(gateway: MidtransGateway, control: Control) -> None:
    with pytest.raises(unit_of_work.UnitOfWorkMisuse):
        gateway.status(order().order_id)
    with pytest.raises(unit_of_work.UnitOfWorkMisuse):
        gateway.open_checkout(order())

    assert control.get("sessions") == []


def test_one_adapter_serves_many_threads(gateway: MidtransGateway, control: Control) -> None:
    found: list[str | None] = []

    def pay() -> None:
        checkout = gateway.open_checkout(order(method=PaymentGroup.QRIS))
        transaction = control_of_its_own.choose(checkout.token, "other_qris")
        found.append(gateway.status(transaction).transaction_status)

    control_of_its_own = control
    threads = [threading.Thread(target=pay) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    assert found == ["pending"] * 8
