"""Creating and cancelling payment pages."""

from typing import Any

import pytest

from tests.simulator.midtrans.conftest import KEY, ORDER, MakeMidsim, Midsim

ITEM = {"price": 100_000, "quantity": 1, "name": "Credit"}


def test_a_created_page_has_a_token_and_an_address(midsim: Midsim) -> None:
    answer = midsim.create()

    body = answer.get_json()
    assert answer.status_code == 201
    assert len(body["token"]) == 36
    assert body["redirect_url"] == f"http://127.0.0.1:9300/snap/v4/redirection/{body['token']}"


@pytest.mark.parametrize(
    ("amount", "more"),
    [
        (99.5, {}),
        ("100000", {}),
        (True, {}),
        (0, {}),
        (None, {}),
        (100_000, {"item_details": [{**ITEM, "price": 1.5}]}),
        (100_000, {"item_details": [{**ITEM, "quantity": 0}]}),
        (100_000, {"item_details": [{**ITEM, "name": "x" * 51}]}),
        (100_000, {"item_details": ["credit"]}),
        (100_000, {"enabled_payments": ["qris"]}),
        (100_000, {"enabled_payments": "gopay"}),
        (100_000, {"enabled_payments": ["google_pay"]}),
        (100_000, {"expiry": {"unit": "week", "duration": 1}}),
        (100_000, {"expiry": {"unit": "minute", "duration": 1}}),
        (100_000, {"expiry": {"unit": "days", "duration": 8}}),
        (100_000, {"expiry": {"unit": "hour", "duration": 1, "start_time": "tomorrow"}}),
        (100_000, {"page_expiry": {"unit": "minute"}}),
        (100_000, {"callbacks": {"finish": "javascript:alert(1)"}}),
        (100_000, {"callbacks": {"finish": "http://shop.example/" + "x" * 255}}),
        (100_000, {"custom_field1": "x" * 256}),
        (100_000, {"headers": {"X-Append-Notification": "http://a/,http://b/,http://c/,http://d/"}}),
        (100_000, {"headers": {"X-Override-Notification": "file:///etc/passwd"}}),
    ],
)
def test_what_is_wrong_in_a_request_is_said_once(midsim: Midsim, amount: Any, more: dict[str, Any]) -> None:
    answer = midsim.create(amount=amount, **more)

    assert answer.status_code == 400
    assert len(answer.get_json()["error_messages"]) == 1


@pytest.mark.parametrize("order_id", ["", "x" * 51, "a b", "a/b", 7, None])
def test_odd_order_ids_are_refused(midsim: Midsim, order_id: Any) -> None:
    assert midsim.create(order_id).status_code == 400


def test_the_sum_of_the_items_must_fit(midsim: Midsim) -> None:
    discount = {"price": -1, "quantity": 1, "name": "Discount"}

    answer = midsim.create(item_details=[ITEM, discount])

    assert answer.get_json()["error_messages"] == [
        "transaction_details.gross_amount is not equal to the sum of item_details"
    ]
    assert midsim.create(amount=99_999, item_details=[ITEM, discount]).status_code == 201


@pytest.mark.parametrize("auth", [None, ("SB-Mid-server-wrong", ""), (KEY, "x")])
def test_only_the_server_key_opens_the_apis(midsim: Midsim, auth: Any) -> None:
    snap = midsim.client.post("/snap/v1/transactions", json={}, auth=auth)
    core = midsim.client.get(f"/v2/{ORDER}/status", auth=auth)

    assert (snap.status_code, core.status_code) == (401, 401)
    assert "Access denied" in snap.get_json()["error_messages"][0]
    assert core.get_json()["status_code"] == "401"


def test_bodies_that_are_no_json_or_too_long_are_refused(midsim: Midsim) -> None:
    for raw in (b"{", b'{"a": "' + b"x" * 17_000 + b'"}'):
        answer = midsim.client.post("/snap/v1/transactions", data=raw, auth=(KEY, ""))
        assert answer.status_code == 400
    refund = midsim.client.post(f"/v2/{ORDER}/refund", data=b"{", auth=(KEY, ""))
    assert refund.get_json()["status_code"] == "413"


def test_unknown_paths_and_methods_answer_in_json(midsim: Midsim) -> None:
    unknown = midsim.client.get("/v2/nothing/at/all", auth=(KEY, ""))
    wrong = midsim.client.delete("/snap/v1/transactions", auth=(KEY, ""))

    assert (unknown.status_code, unknown.get_json()["status_code"]) == (404, "404")
    assert (wrong.status_code, len(wrong.get_json()["error_messages"])) == (405, 1)


def test_a_second_create_replaces_the_first_page_until_a_method_is_chosen(midsim: Midsim) -> None:
    first = midsim.token()
    second = midsim.token()

    assert midsim.page(first).status_code == 410
    midsim.press(second, "choose", method="bca_va")
    assert midsim.create().get_json()["error_messages"] == [
        "transaction_details.order_id has been paid and utilized, please use another order ID"
    ]


def test_after_a_denied_attempt_the_same_page_stays_usable(midsim: Midsim) -> None:
    token = midsim.token()
    midsim.press(token, "choose", method="bca_va")
    midsim.press(token, "decline")

    midsim.press(token, "choose", method="bni_va")
    midsim.press(token, "pay")

    assert midsim.status(ORDER)["transaction_status"] == "settlement"
    assert [one["status"] for one in midsim.inspect("transactions")] == ["deny", "settlement"]


def test_a_page_can_be_cancelled_once_and_not_while_being_paid(midsim: Midsim) -> None:
    free, busy = midsim.token(), midsim.token("ORDER-2")
    midsim.press(busy, "choose", method="bca_va")

    def cancel(token: str) -> tuple[int, Any]:
        answer = midsim.client.post(f"/snap/v1/transactions/{token}/cancel", auth=(KEY, ""))
        return answer.status_code, answer.get_json()

    assert cancel(free)[0] == 200
    assert cancel(free) == (400, {"error_messages": ["token already canceled"]})
    assert cancel(busy) == (400, {"error_messages": ["Transaction is on progress"]})
    assert cancel("nothing") == (404, {"error_messages": ["token not found"]})
    assert midsim.page(free).status_code == 410


def test_a_page_closes_with_its_time_and_tells_nobody(midsim: Midsim) -> None:
    token = midsim.token(page_expiry={"unit": "minutes", "duration": 10})

    midsim.advance(601)

    assert midsim.page(token).status_code == 410
    assert midsim.press(token, "choose", method="bca_va").status_code == 410
    assert midsim.inspect("sessions")[0]["state"] == "expired"
    assert midsim.inspect("deliveries") == []


def test_only_active_methods_are_offered(make_midsim: MakeMidsim) -> None:
    midsim = make_midsim(active_methods=("bank_transfer", "gopay"))
    token = midsim.token(enabled_payments=["gopay", "shopeepay", "bca_va"])

    page = midsim.page(token).text

    assert "GoPay" in page
    assert "BCA" in page
    assert "ShopeePay" not in page
    assert midsim.press(token, "choose", method="shopeepay").status_code == 200
    assert midsim.inspect("transactions") == []
    assert midsim.create("ORDER-2", enabled_payments=["shopeepay"]).status_code == 400


def test_the_same_seed_gives_the_same_run_and_a_restart_repeats_no_id(
    make_midsim: MakeMidsim, tmp_path: Any
) -> None:
    kept = str(tmp_path / "midsim.db")
    first = make_midsim(db=kept)
    token = first.token()
    again = make_midsim(db=kept)

    assert make_midsim().token() == token
    assert again.token("ORDER-2") != token
    assert again.page(token).status_code == 200
