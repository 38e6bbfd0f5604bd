"""The adapter, with the official client inside, against a gateway that behaves."""

import pytest
import requests

from minispod.integrations.midtrans import MidtransGateway
from minispod.payments.gateway import GatewayRejected, GatewayStatus, PaymentGroup
from tests.contracts.midtrans.conftest import Control, order

METHODS = [
    (PaymentGroup.BANK_TRANSFER, "permata_va", "bank_transfer"),
    (PaymentGroup.BANK_TRANSFER, "echannel", "echannel"),
    (PaymentGroup.E_WALLET, "gopay", "qris"),
    (PaymentGroup.E_WALLET, "ovo", "ovo"),
    (PaymentGroup.CREDIT_CARD, "credit_card", "credit_card"),
    (PaymentGroup.QRIS, "other_qris", "qris"),
]


def test_a_checkout_leads_to_a_page_that_shows_the_order(gateway: MidtransGateway) -> None:
    request = order(amount=125_000)

    checkout = gateway.open_checkout(request)

    page = requests.get(checkout.redirect_url, timeout=5)
    assert page.status_code == 200
    assert request.order_id in page.text
    assert "Rp 125.000" in page.text
    assert len(checkout.token) == 36


def test_nothing_is_found_before_a_method_was_picked(gateway: MidtransGateway, control: Control) -> None:
    request = order()
    gateway.open_checkout(request)

    assert gateway.status(request.order_id) == GatewayStatus(found=False, status_code="404")
    control.post("settings", style_404="http200")
    assert gateway.status(request.order_id) == GatewayStatus(found=False, status_code="404")


@pytest.mark.parametrize(("group", "method", "reported"), METHODS)
def test_every_group_can_be_paid_and_reports_its_own_type(
    gateway: MidtransGateway, control: Control, group: PaymentGroup, method: str, reported: str
) -> None:
    checkout = gateway.open_checkout(order(method=group, amount=55_000))
    transaction = control.choose(checkout.token, method)
    pending = gateway.status(transaction)

    control.event(transaction, "pay")

    paid = gateway.status(transaction)
    assert (pending.transaction_status, pending.status_code) == ("pending", "201")
    assert paid.transaction_status == ("capture" if method == "credit_card" else "settlement")
    assert (paid.gross_amount, paid.currency, paid.merchant_id) == (55_000, "IDR", "G812345678")
    assert (paid.payment_type, paid.fraud_status, paid.status_code) == (reported, "accept", "200")


def test_opening_again_before_a_method_was_picked_gives_a_new_page_for_the_same_order(
    gateway: MidtransGateway,
) -> None:
    request = order()

    first, second = gateway.open_checkout(request), gateway.open_checkout(request)

    assert first.token != second.token
    assert requests.get(first.redirect_url, timeout=5).status_code == 410
    assert requests.get(second.redirect_url, timeout=5).status_code == 200


def test_opening_again_after_a_method_was_picked_is_rejected(
    gateway: MidtransGateway, control: Control
) -> None:
    request = order()
    control.choose(gateway.open_checkout(request).token, "bca_va")

    with pytest.raises(GatewayRejected) as refused:
        gateway.open_checkout(request)

    assert refused.value.details == {"gatewayCode": "400"}


def test_bi_snap_channels_are_found_by_transaction_id_only(
    gateway: MidtransGateway, control: Control
) -> None:
    request = order(method=PaymentGroup.E_WALLET)
    transaction = control.choose(gateway.open_checkout(request).token, "dana")

    by_order, by_id = gateway.status(request.order_id), gateway.status(transaction)

    assert not by_order.found
    # "PENDING" with code 200 is how this one says pending.
    assert (by_id.transaction_status, by_id.status_code) == ("pending", "200")
    assert by_id.transaction_id == transaction
    control.event(transaction, "pay")
    assert gateway.status(transaction).transaction_status == "settlement"


def test_a_pending_payment_can_be_cancelled_a_settled_one_not_and_an_expired_one_says_so(
    gateway: MidtransGateway, control: Control
) -> None:
    cancelled, expired, settled = order(), order(), order()
    for request in (cancelled, expired, settled):
        control.choose(gateway.open_checkout(request).token, "bca_va")
    control.event(settled.order_id, "pay")
    control.event(expired.order_id, "expire")

    assert gateway.cancel(cancelled.order_id).transaction_status == "cancel"
    assert gateway.status(expired.order_id).status_code == "407"
    with pytest.raises(GatewayRejected) as refused:
        gateway.cancel(settled.order_id)
    assert refused.value.details == {"gatewayCode": "412"}


def test_cancelling_what_was_never_begun_finds_nothing(gateway: MidtransGateway) -> None:
    assert not gateway.cancel(order().order_id).found


def test_refunds_add_up_and_one_key_refunds_once(gateway: MidtransGateway, control: Control) -> None:
    request = order(method=PaymentGroup.E_WALLET, amount=150_000)
    transaction = control.choose(gateway.open_checkout(request).token, "gopay", device="mobile")
    control.event(transaction, "pay")

    part = gateway.refund(transaction, refund_key="RF-00000001", amount=50_000, reason="asked")
    again = gateway.refund(transaction, refund_key="RF-00000001", amount=50_000, reason="asked")
    rest = gateway.refund(transaction, refund_key="RF-00000002", amount=100_000, reason="asked")

    assert (part.transaction_status, part.refund_amount) == ("partial_refund", 50_000)
    assert (again.transaction_status, again.refund_amount) == ("partial_refund", 50_000)
    assert (rest.transaction_status, rest.refund_amount) == ("refund", 150_000)


def test_impossible_refunds_are_rejected_with_the_gateways_code(
    gateway: MidtransGateway, control: Control
) -> None:
    request = order(method=PaymentGroup.QRIS, amount=150_000)
    transaction = control.choose(gateway.open_checkout(request).token, "other_qris")
    control.event(transaction, "pay")
    gateway.refund(transaction, refund_key="RF-00000001", amount=50_000, reason="asked")

    for key, amount, code in (("RF-00000001", 40_000, "406"), ("RF-00000002", 100_001, "414")):
        with pytest.raises(GatewayRejected) as refused:
            gateway.refund(transaction, refund_key=key, amount=amount, reason="asked")
        assert refused.value.details == {"gatewayCode": code}


@pytest.mark.parametrize("odd", ["../../v2/account?x=", "", "a/b/status?", "x" * 65, "TOPUP-1 2345678"])
def test_ids_that_are_none_never_reach_the_gateway(
    gateway: MidtransGateway, control: Control, odd: str
) -> None:
    control.fault("delay", s=30)

    for call in (gateway.status, gateway.cancel):
        with pytest.raises(GatewayRejected):
            call(odd)

    assert control.get("faults")["uses"] == []


def test_production_keys_go_to_the_official_hosts_only() -> None:
    with pytest.raises(ValueError, match="official"):
        MidtransGateway(server_key="Mid-server-x", is_production=True, snap_base_url="http://127.0.0.1:1")


def test_a_fee_is_an_item_of_its_own_on_the_page(gateway: MidtransGateway, control: Control) -> None:
    request = order(amount=100_000, fee=4_440, method=PaymentGroup.QRIS)

    checkout = gateway.open_checkout(request)

    page = requests.get(checkout.redirect_url, timeout=10).text
    assert "Payment fee" in page
    control.choose(checkout.token, "other_qris")
    assert gateway.status(request.order_id).gross_amount == 104_440


def test_a_page_nobody_used_can_be_closed_once(gateway: MidtransGateway, control: Control) -> None:
    checkout = gateway.open_checkout(order())

    gateway.close_checkout(checkout.token)

    assert requests.get(checkout.redirect_url, timeout=10).status_code == 410
    for token in (checkout.token, "00000000-0000-0000-0000-000000000000", "no/token"):
        with pytest.raises(GatewayRejected):
            gateway.close_checkout(token)


def test_a_page_in_use_cannot_be_closed(gateway: MidtransGateway, control: Control) -> None:
    checkout = gateway.open_checkout(order(method=PaymentGroup.QRIS))
    control.choose(checkout.token, "other_qris")

    with pytest.raises(GatewayRejected):
        gateway.close_checkout(checkout.token)


def test_an_answer_names_the_order_it_is_about(gateway: MidtransGateway, control: Control) -> None:
    request = order(method=PaymentGroup.E_WALLET)
    dana = control.choose(gateway.open_checkout(request).token, "dana")
    other = order(method=PaymentGroup.QRIS)
    control.choose(gateway.open_checkout(other).token, "other_qris")

    assert gateway.status(other.order_id).order_id == other.order_id
    # This channel puts its own id there.
    assert gateway.status(dana).order_id == dana
