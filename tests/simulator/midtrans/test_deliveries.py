"""When notifications leave, what follows from the answer, and what fault rules make of them."""

import json
import time
from typing import Any

import pytest

from tests.simulator.midtrans.conftest import ORDER, MakeMidsim, Midsim, Shop

HOUR = 3600


def _exhaust(midsim: Midsim) -> dict[str, Any]:
    """Deliver until nothing is due any more, however long it takes; answers the last state."""
    for _ in range(10):
        midsim.deliver()
        midsim.advance(4 * HOUR)
    return midsim.inspect("deliveries")[0]


@pytest.mark.parametrize(
    ("status", "attempts"),
    [(500, 2), (503, 5), (400, 3), (404, 3), (301, 1), (302, 1), (303, 1), (403, 6), (429, 6), (502, 6)],
)
def test_the_answer_decides_how_often_it_is_tried(
    midsim: Midsim, shop: Shop, status: int, attempts: int
) -> None:
    shop.answers = [(status, {})] * 20
    midsim.pending(expiry={"unit": "days", "duration": 7})

    last = _exhaust(midsim)

    assert last["state"] == "gave_up"
    assert len(last["attempts"]) == len(shop.received) == attempts
    assert len(set(shop.received)) == 1


def test_the_class_of_the_latest_answer_sets_the_limit(midsim: Midsim, shop: Shop) -> None:
    shop.answers = [(503, {}), (503, {}), (500, {})]
    midsim.pending(expiry={"unit": "days", "duration": 7})

    assert _exhaust(midsim)["state"] == "gave_up"
    assert len(shop.received) == 3


def test_success_ends_it(midsim: Midsim, shop: Shop) -> None:
    shop.answers = [(503, {}), (204, {})]
    midsim.pending(expiry={"unit": "days", "duration": 7})

    assert _exhaust(midsim)["state"] == "done"
    assert len(shop.received) == 2


def test_retries_wait_longer_and_longer(midsim: Midsim, shop: Shop) -> None:
    shop.answers = [(502, {})] * 6
    midsim.pending(expiry={"unit": "days", "duration": 7})
    waits = []

    for longest in (2, 10, 30, 90, 210):
        midsim.deliver()
        before = midsim.sim.clock.now()
        midsim.sim.clock.set(midsim.sim.store.next_due("delivery", "due"))
        waits.append((midsim.sim.clock.now() - before) / 60)
        assert longest * 0.25 <= waits[-1] <= longest

    assert len(shop.received) == 5


def test_a_refused_connection_is_tried_again(midsim: Midsim) -> None:
    midsim.control("settings", notification_url="http://127.0.0.1:1/hook")
    midsim.pending(expiry={"unit": "days", "duration": 7})

    last = _exhaust(midsim)

    assert (last["state"], len(last["attempts"])) == ("gave_up", 6)
    assert last["attempts"][0]["error"] == "ConnectionError"


def test_permanent_redirects_are_followed_with_the_same_post(midsim: Midsim, shop: Shop) -> None:
    shop.answers = [(307, {"Location": "/elsewhere"}), (308, {"Location": shop.url})]
    midsim.pending()

    (sent,) = midsim.deliver()

    assert sent["state"] == "done"
    assert len(set(shop.received)) == 1
    assert len(shop.received) == 3


def test_redirects_end_after_five_hops(midsim: Midsim, shop: Shop) -> None:
    shop.answers = [(307, {"Location": shop.url})] * 9
    midsim.pending()

    (sent,) = midsim.deliver()

    assert len(shop.received) == 6
    assert sent["attempts"][0]["error"] == "too many redirects"


@pytest.mark.parametrize("hop", ["http://example.invalid/hook", "http://10.0.0.1/", "file:///etc/passwd"])
def test_nothing_leaves_for_hosts_that_are_not_allowed(midsim: Midsim, shop: Shop, hop: str) -> None:
    shop.answers = [(307, {"Location": hop})]
    if hop.startswith("http"):
        midsim.pending(order_id="OTHER", headers={"X-Override-Notification": hop})
        assert midsim.deliver()[0]["state"] == "blocked"
    midsim.pending()

    (sent,) = midsim.deliver()

    assert sent["state"] == "blocked"


def test_addresses_can_be_added_or_replaced_per_order(midsim: Midsim, shop: Shop) -> None:
    other = shop.url.replace("/hook", "/other")
    midsim.pending(order_id="A", headers={"X-Append-Notification": other})
    midsim.pending(order_id="B", headers={"X-Override-Notification": other})

    targets = {(one["order_id"], one["url"]) for one in midsim.inspect("deliveries")}

    assert targets == {("A", shop.url), ("A", other), ("B", other)}


def test_a_delivery_can_be_repeated_held_back_or_lost(midsim: Midsim, shop: Shop) -> None:
    transaction = midsim.pending()
    midsim.event(transaction, "pay")
    first, second = (one["id"] for one in midsim.inspect("deliveries"))
    midsim.control(f"deliveries/{first}/hold")
    midsim.control(f"deliveries/{second}/drop")

    assert midsim.deliver() == []
    midsim.control(f"deliveries/{first}/resend")
    midsim.control(f"deliveries/{first}/resend")

    assert shop.statuses == ["pending", "pending"]
    assert len(set(shop.received)) == 1


def test_a_retrying_event_does_not_hold_up_later_ones(midsim: Midsim, shop: Shop) -> None:
    shop.answers = [(503, {})]
    transaction = midsim.pending()
    midsim.deliver()
    midsim.event(transaction, "pay")

    midsim.deliver()
    midsim.advance(HOUR)
    midsim.deliver()

    assert shop.statuses == ["pending", "settlement", "pending"]


def test_the_thread_sends_in_the_order_of_events_and_by_itself(make_midsim: MakeMidsim, shop: Shop) -> None:
    midsim = make_midsim(clock="real", sender="thread")
    midsim.sim.start()
    transaction = midsim.pending()
    midsim.event(transaction, "pay")

    deadline = time.monotonic() + 60
    while len(shop.received) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)

    assert shop.statuses == ["pending", "settlement"]


def _rule(midsim: Midsim, action: Any, **more: Any) -> None:
    midsim.control("faults", where="webhook", action=action, match={"status": "settlement"}, **more)


def _paid(midsim: Midsim, shop: Shop) -> str:
    """A payment whose pending notification is out of the way."""
    transaction = midsim.pending()
    midsim.deliver()
    shop.received.clear()
    midsim.event(transaction, "pay")
    midsim.deliver()
    return transaction


@pytest.mark.parametrize(
    "action",
    ["bad_signature", "other_key", "tamper_amount", "amount_as_number", "no_signature", "non_json", "empty"],
)
def test_a_tampering_rule_replaces_the_genuine_body(midsim: Midsim, shop: Shop, action: str) -> None:
    _rule(midsim, action)
    _paid(midsim, shop)

    (body,) = shop.received
    genuine = midsim.status(ORDER)
    assert genuine["transaction_status"] == "settlement"
    assert genuine["signature_key"].encode() not in body or action in {"tamper_amount", "amount_as_number"}


def test_beside_the_genuine_one_if_so_wished(midsim: Midsim, shop: Shop) -> None:
    _rule(midsim, ["tamper_amount", "unknown_order", "extra_fields", "big_body"], beside=True, kb=70)
    _paid(midsim, shop)

    amounts = [json.loads(body)["gross_amount"] for body in shop.received]
    assert amounts == ["100000.00", "1000000.00", "100000.00", "100000.00", "100000.00"]
    assert max(map(len, shop.received)) > 70 * 1024


def test_a_forged_status_keeps_a_valid_signature(midsim: Midsim, shop: Shop) -> None:
    midsim.control("faults", where="webhook", action="tamper_status", match={"status": "pending"})
    midsim.pending()
    midsim.deliver()

    forged = json.loads(shop.received[0])
    assert (forged["transaction_status"], forged["status_code"]) == ("settlement", "201")


def test_lost_repeated_late_and_swapped_notifications(midsim: Midsim, shop: Shop) -> None:
    _rule(midsim, "drop", times=1)
    _paid(midsim, shop)
    assert shop.received == []
    assert midsim.inspect("deliveries?state=dropped")[0]["cause"] == "pay"

    midsim.control("reset")
    _rule(midsim, "duplicate", n=3)
    _paid(midsim, shop)
    assert len(shop.received) == 3

    midsim.control("reset")
    _rule(midsim, "old_event_again", s=60)
    _paid(midsim, shop)
    midsim.advance(61)
    midsim.deliver()
    assert len(shop.received) == 2

    midsim.control("reset")
    _rule(midsim, "delay", s=60)
    _paid(midsim, shop)
    assert shop.received == []
    midsim.advance(61)
    midsim.deliver()
    assert shop.statuses == ["settlement"]


def test_reorder_holds_an_event_until_the_next_was_delivered(midsim: Midsim, shop: Shop) -> None:
    midsim.control("faults", where="webhook", action="reorder", match={"status": "pending"})
    transaction = midsim.pending()
    midsim.deliver()

    midsim.event(transaction, "pay")
    midsim.deliver()

    assert shop.statuses == ["settlement", "pending"]


def test_a_burst_leaves_at_once(midsim: Midsim, shop: Shop) -> None:
    _rule(midsim, "burst", k=8)
    _paid(midsim, shop)

    assert len(shop.received) == 8
    assert len(set(shop.received)) == 1


def test_storm_sends_everything_five_times(midsim: Midsim, shop: Shop) -> None:
    midsim.control("faults", preset="storm")
    for number in range(5):
        midsim.event(midsim.pending(order_id=f"ORDER-{number}"), "pay")

    midsim.advance(3)
    midsim.deliver()

    assert len(shop.received) == 50


def test_attacker_sends_every_tampering_beside_the_genuine_one(midsim: Midsim, shop: Shop) -> None:
    midsim.control("faults", preset="attacker")
    midsim.pending()

    midsim.deliver()

    assert len(shop.received) == 12


def test_late_pay_comes_after_the_expiry(midsim: Midsim, shop: Shop) -> None:
    midsim.control("faults", where="webhook", action="late_pay", match={"status": "expire"}, s=300)
    midsim.pending("ovo")

    midsim.advance(66)
    midsim.advance(301)
    midsim.deliver()

    assert shop.statuses == ["pending", "expire", "settlement"]


def test_month_of_reversals_takes_the_money_back(midsim: Midsim) -> None:
    midsim.control("faults", preset="month_of_reversals")
    permata, gopay = midsim.pending("permata_va", "A"), midsim.pending("gopay", "B")
    for transaction in (permata, gopay):
        midsim.event(transaction, "pay")

    midsim.advance(2 * 24 * HOUR)

    assert midsim.status(permata)["transaction_status"] == "deny"
    assert midsim.status(gopay)["transaction_status"] == "refund"


def test_a_skewed_clock_shows_in_the_notification_only(midsim: Midsim, shop: Shop) -> None:
    midsim.control("faults", where="clock", action="skew", s=7200)
    midsim.pending()
    midsim.deliver()

    assert json.loads(shop.received[0])["transaction_time"] != midsim.status(ORDER)["transaction_time"]


def test_rules_count_skip_match_and_end(midsim: Midsim) -> None:
    midsim.control("faults", id="first", where="api", action="json_null", after=1, times=2)
    midsim.pending()

    answers = [midsim.status(ORDER) is None for _ in range(5)]

    assert answers[:3].count(True) == 2
    assert answers[3:] == [False, False]
    assert [one["rule"] for one in midsim.inspect("faults")["uses"]] == ["first", "first"]


def test_chance_follows_the_seed(make_midsim: MakeMidsim) -> None:
    def run() -> list[bool]:
        midsim = make_midsim(seed=7)
        midsim.pending()
        midsim.control("faults", where="api", action="json_null", probability=0.5)
        return [midsim.status(ORDER) is None for _ in range(20)]

    assert run() == run()
    assert len(set(run())) == 2


def test_so_many_leave_as_were_asked_for_and_in_order(midsim: Midsim, shop: Shop) -> None:
    for number in range(4):
        midsim.pending(order_id=f"ORDER-{number}")

    midsim.control("run-due", limit=3)
    midsim.control("run-due", parallel=True)

    assert [json.loads(body)["order_id"] for body in shop.received] == [f"ORDER-{n}" for n in range(4)]


def test_the_queue_survives_a_restart(make_midsim: MakeMidsim, shop: Shop, tmp_path: Any) -> None:
    kept = str(tmp_path / "midsim.db")
    make_midsim(db=kept).pending()

    again = make_midsim(db=kept)
    again.deliver()

    assert shop.statuses == ["pending"]
    assert again.inspect("deliveries")[0]["state"] == "done"


def test_what_is_sent_by_hand_is_sent_once(midsim: Midsim, shop: Shop) -> None:
    shop.answers = [(503, {})]

    midsim.control("notify", body="x")
    midsim.advance(HOUR)

    assert midsim.deliver() == []
    assert len(shop.received) == 1
