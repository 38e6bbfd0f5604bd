"""What a customer sees and does."""

import re

import pytest

from tests.simulator.midtrans.conftest import ORDER, MakeMidsim, Midsim, Shop

ACCEPT, DENIED, FDS = "4811 1111 1111 1114", "4911111111111113", "4611 1111 1111 1116"
LATER, CHALLENGE = "4024 0071 7626 5022", "4511 1111 1111 1117"


def _pay_by_card(midsim: Midsim, number: str, otp: str = "112233") -> str:
    token = midsim.token(enabled_payments=["credit_card"])
    midsim.press(token, "card", number=number, expiry="12/30", cvv="123")
    midsim.press(token, "otp", otp=otp)
    return token


def test_a_bank_transfer_is_paid_at_the_bank(midsim: Midsim) -> None:
    token = midsim.token()
    midsim.press(token, "choose", method="bca_va")
    number = re.search(r'id="number">(\d+)<', midsim.page(token).text)[1]

    bank = midsim.client.get(f"/sim/bank/{number}")
    midsim.client.post(f"/sim/bank/{number}", data={"action": "pay"})

    assert "Rp 100.000" in bank.text
    assert midsim.status(ORDER)["transaction_status"] == "settlement"
    assert "settlement" in midsim.client.get(f"/sim/bank/{number}").text
    assert midsim.client.get("/sim/bank/123").status_code == 404


def test_the_bank_can_let_a_transfer_expire_or_wait(midsim: Midsim) -> None:
    token = midsim.token()
    midsim.press(token, "choose", method="echannel")
    number = re.search(r'id="number">(\d+)<', midsim.page(token).text)[1]

    midsim.client.post(f"/sim/bank/{number}", data={"action": "later"})
    waiting = midsim.status(ORDER)["transaction_status"]
    midsim.client.post(f"/sim/bank/{number}", data={"action": "let_expire"})

    assert (waiting, midsim.status(ORDER)["transaction_status"]) == ("pending", "expire")


@pytest.mark.parametrize(
    ("method", "device", "reported", "acquirer"),
    [
        ("gopay", "desktop", "qris", "gopay"),
        ("shopeepay", "desktop", "qris", "airpay shopee"),
        ("gopay", "mobile", "gopay", None),
        ("other_qris", "desktop", "qris", "gopay"),
        ("dana", "desktop", "dana", None),
    ],
)
def test_wallets_are_reported_as_they_were_used(
    midsim: Midsim, method: str, device: str, reported: str, acquirer: str | None
) -> None:
    token = midsim.token()
    midsim.press(token, "choose", method=method, device=device)

    (transaction,) = midsim.inspect("transactions")
    page = midsim.page(token).text
    assert transaction["payment_type"] == reported
    assert transaction["fields"].get("acquirer") == acquirer
    assert ("<svg" in page) == (reported == "qris")
    if reported == "qris":
        assert f"MIDSIM|{transaction['id']}" in page


@pytest.mark.parametrize(
    ("number", "otp", "status", "fraud", "code"),
    [
        (ACCEPT, "112233", "capture", "accept", "200"),
        (ACCEPT, "000000", "deny", "accept", "202"),
        (DENIED, "112233", "deny", "accept", "202"),
        (FDS, "112233", "deny", "deny", "202"),
        (CHALLENGE, "112233", "capture", "challenge", "201"),
        (LATER, "112233", "pending", "accept", "201"),
    ],
)
def test_each_test_card_ends_as_it_should(
    midsim: Midsim, number: str, otp: str, status: str, fraud: str, code: str
) -> None:
    _pay_by_card(midsim, number, otp)

    answer = midsim.status(ORDER)
    assert (answer["transaction_status"], answer["fraud_status"], answer["status_code"]) == (
        status,
        fraud,
        code,
    )


def test_the_late_card_is_accepted_after_a_minute(midsim: Midsim) -> None:
    _pay_by_card(midsim, LATER)

    midsim.advance(61)

    assert midsim.status(ORDER)["transaction_status"] == "capture"


def test_cards_that_are_no_test_cards_are_refused_and_nothing_of_them_is_kept(midsim: Midsim) -> None:
    token = midsim.token(enabled_payments=["credit_card"])

    unknown = midsim.press(token, "card", number="4000 1234 5678 9010", expiry="12/30", cvv="123")
    wrong = midsim.press(token, "card", number=ACCEPT, expiry="13/30", cvv="123")
    midsim.press(token, "card", number=ACCEPT, expiry="12/30", cvv="123")

    assert "Card not supported" in unknown.text
    assert "expiry date" in wrong.text
    everything = str(midsim.sim.store._read("SELECT body FROM document", ()))
    assert "48111111-1114" in everything
    assert "4811111111111114" not in everything
    assert "9010" not in everything


def test_afterwards_the_customer_is_sent_back_with_the_result(midsim: Midsim) -> None:
    token = midsim.token(callbacks={"finish": "http://shop.example/done?lang=id"})
    midsim.press(token, "choose", method="bca_va")

    paid = midsim.press(token, "pay")

    assert paid.status_code == 302
    assert paid.headers["Location"] == (
        f"http://shop.example/done?lang=id&order_id={ORDER}&status_code=200&transaction_status=settlement"
    )
    assert "Back to the merchant" in midsim.page(token).text


def test_closing_and_cancelling_lead_back_too(midsim: Midsim) -> None:
    token = midsim.token()

    closed = midsim.press(token, "close")
    midsim.press(token, "choose", method="bca_va")
    left = midsim.press(token, "close")
    cancelled = midsim.press(token, "cancel")

    assert closed.headers["Location"] == f"http://shop.example/finish?order_id={ORDER}&action=back"
    assert left.headers["Location"].endswith("status_code=201&transaction_status=pending")
    assert cancelled.headers["Location"].endswith("status_code=202&transaction_status=cancel")


def test_cancelling_before_a_method_was_chosen_closes_the_page(midsim: Midsim) -> None:
    token = midsim.token()

    midsim.press(token, "cancel")

    assert midsim.page(token).status_code == 410


def test_a_card_cannot_be_paid_without_its_password(midsim: Midsim) -> None:
    token = midsim.token(enabled_payments=["credit_card"])
    midsim.press(token, "card", number=ACCEPT, expiry="12/30", cvv="123")

    midsim.press(token, "pay")

    assert midsim.status(ORDER)["transaction_status"] == "pending"


def test_looking_at_a_page_changes_nothing(midsim: Midsim) -> None:
    token = midsim.token(enabled_payments=["other_qris"])

    midsim.page(token)
    midsim.page(token)

    assert midsim.inspect("transactions") == []


def test_pages_are_strict_escaped_and_say_that_this_is_no_real_money(midsim: Midsim) -> None:
    item = {"price": 100_000, "quantity": 1, "name": "<script>alert(1)</script>"}
    token = midsim.token(item_details=[item])

    answer = midsim.page(token)

    policy = answer.headers["Content-Security-Policy"]
    assert "SIMULATION - no real money" in answer.text
    assert "<script>alert" not in answer.text
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'self' http://shop.example" in policy
    assert "form-action 'self' http://shop.example" in policy
    assert not re.search(r"\son\w+=|style=|https?://", answer.text)


def test_inside_a_frame_the_result_is_told_to_the_shop_only(midsim: Midsim) -> None:
    token = midsim.token()
    midsim.press(token, "choose", method="bca_va")

    over = midsim.press(token, "pay", embed="1")

    assert over.status_code == 200
    assert 'data-parent-origin="http://shop.example"' in over.text
    assert "&#34;transaction_status&#34;: &#34;settlement&#34;" in over.text


def test_pages_of_several_origins_may_frame_it_and_are_told(make_midsim: MakeMidsim) -> None:
    midsim = make_midsim(app_origin="http://localhost:* http://shop.example")
    token = midsim.token()
    midsim.press(token, "choose", method="bca_va")

    over = midsim.press(token, "pay", embed="1")

    assert (
        "frame-ancestors 'self' http://localhost:* http://shop.example"
        in over.headers["Content-Security-Policy"]
    )
    assert 'data-parent-origin="*"' in over.text


def test_the_snap_script_listens_to_its_own_origin_only(midsim: Midsim) -> None:
    script = midsim.client.get("/snap/snap.js", buffered=True)

    assert script.mimetype == "text/javascript"
    assert "event.origin !== home" in script.text
    assert "window.snap" in script.text


def test_faults_of_the_page_happen_as_ruled(midsim: Midsim, shop: Shop) -> None:
    token = midsim.token()
    midsim.control("faults", where="page", action="error_500", times=1)
    midsim.control("faults", where="page", action="expired", times=1)
    midsim.control("faults", where="page", action="no_finish_redirect", times=1)

    assert [midsim.page(token).status_code for _ in range(3)] == [500, 410, 200]
    midsim.press(token, "choose", method="bca_va")
    assert midsim.press(token, "pay").status_code == 200
