"""The last line of defence: whatever the program does wrong, PostgreSQL refuses rows that would make money disagree.

For every protection of a money table there is one row, almost like a real one, that only this protection refuses.
"""

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import psycopg2
import pytest
from flask import Flask
from psycopg2.sql import SQL, Identifier

from minispod.kernel.clock import FrozenClock
from minispod.kernel.unit_of_work import unit_of_work
from minispod.papers import issuing
from minispod.payments.states import TopUpState
from minispod.promotions.states import CouponType
from minispod.rules import adjustment_rules, paper_rules
from minispod.settings import Settings
from minispod.wallet import adjusting, snapshots
from minispod.wallet.adjusting import Correction
from tests.factories.coupons import put_coupon
from tests.factories.payments import put_topup
from tests.mutants.schema import APPEND_ONLY, schema_mutants
from tests.plugins.app import Person
from tests.plugins.shop import Shop

# The entry of the opening credit, which belongs to no period and no coupon.
SPARE = "spare"
# What a copy of a row needs to be another row.
FRESH: dict[str, dict[str, Any]] = {
    "wallets": {},
    # It goes on where the wallet's last one ended, at the position the database gives it.
    "ledger_entries": {
        "id": uuid.uuid4().hex,
        "number": 900_001,
        "reference": "fresh",
        "position": None,
        "balance_before": 685_000,
        "balance_after": 660_000,
    },
    "adjustments": {"id": uuid.uuid4().hex, "request_key": "fresh", "entry_id": "spare"},
    "topups": {
        "id": uuid.uuid4().hex,
        "number": 900_001,
        "order_id": "fresh",
        "request_key": "fresh",
        "transaction_id": "fresh",
    },
    "topup_refunds": {"id": uuid.uuid4().hex, "refund_key": "fresh", "state": "REFUSED"},
    "gateway_notices": {"id": uuid.uuid4().hex, "digest": "fresh"},
    "subscriptions": {"id": uuid.uuid4().hex, "request_key": "fresh", "status": "CANCELLED"},
    "periods": {"id": uuid.uuid4().hex, "number": 2, "redemption_id": None},
    "plan_changes": {
        "id": uuid.uuid4().hex,
        "number": 2,
        "request_key": "fresh",
        "state": "DONE",
        "entry_id": SPARE,
    },
    "refunds": {"id": uuid.uuid4().hex, "request_key": "fresh", "entry_id": SPARE},
    "plans": {"id": uuid.uuid4().hex, "plan_type": "MAX"},
    "coupons": {"id": uuid.uuid4().hex, "code": "FRESH"},
    "coupon_redemptions": {
        "id": uuid.uuid4().hex,
        "number": 2,
        "request_key": "fresh",
        "entry_id": SPARE,
    },
    "papers": {"id": uuid.uuid4().hex, "entry_id": SPARE, "number": "fresh", "position": 900_001},
    "paper_counters": {"series": "FRESH"},
    "wallet_snapshots": {"day": "2020-01-01"},
    "outbox": {"id": uuid.uuid4().hex, "key": "fresh"},
}


@dataclass(frozen=True)
class Refusal:
    """A protection, the table it guards, what a copied row changes, and what of a fresh row it keeps as it was.

    `of` says which row is copied; else it is the one written last.
    """

    protection: str
    table: str
    change: dict[str, Any] = field(default_factory=dict)
    same: tuple[str, ...] = ()
    of: str = "true"


LONG_AGO = "2020-01-01T00:00:00Z"
PRICE = 50_000
PERCENTAGE = {"type": "SUBSCRIPTION_DISCOUNT", "discount_type": "PERCENTAGE", "credit_amount": None}
DISCOUNTED = {"discount_amount": 1, "subscription_id": uuid.uuid4().hex}
REFUSALS = (
    Refusal("ck_wallets_covered", "wallets", {"balance": -1, "gateway_debt": 0}),
    Refusal("ck_wallets_debt_not_negative", "wallets", {"balance": 10, "gateway_debt": -1}),
    Refusal("ck_ledger_entries_adds_up", "ledger_entries", {"balance_after": 123_456_789}),
    Refusal("ck_ledger_entries_amount_is_size", "ledger_entries", {"amount": 123_456_789}),
    Refusal("uq_ledger_entries_kind_reference", "ledger_entries", same=("reference",)),
    Refusal("uq_ledger_entries_number", "ledger_entries", same=("number",)),
    Refusal("uq_ledger_entries_user_id_position", "ledger_entries", same=("position",)),
    Refusal("ck_adjustments_moves_something", "adjustments", {"delta": 0}),
    Refusal("ck_adjustments_applied_by_an_entry", "adjustments", {"entry_id": None}),
    Refusal("ck_adjustments_decided_once", "adjustments", {"decided_at": None}),
    Refusal("uq_adjustments_entry_id", "adjustments", same=("entry_id",)),
    Refusal("uq_adjustments_requested_by_request_key", "adjustments", same=("request_key",)),
    Refusal(
        "ck_topups_amount_positive",
        "topups",
        {"amount": 0, "state": "PENDING", "paid_transaction_id": None, "reversed_amount": 0},
    ),
    Refusal("ck_topups_reversed_within_amount", "topups", {"reversed_amount": 999_999_999}),
    Refusal("ck_topups_paid_by_a_transaction", "topups", {"paid_transaction_id": None}),
    Refusal("ck_topups_taken_back_whole", "topups", {"state": "REFUNDED"}),
    Refusal("ck_topups_fee_not_negative", "topups", {"fee": -1}),
    Refusal("uq_topups_number", "topups", same=("number",)),
    Refusal("uq_topups_second_of_transaction_id", "topups", same=("transaction_id",)),
    Refusal("uq_topups_order_id", "topups", same=("order_id",)),
    Refusal("uq_topups_user_id_request_key", "topups", same=("request_key",)),
    Refusal("ck_topup_refunds_amount_positive", "topup_refunds", {"amount": 0}),
    Refusal("uq_topup_refunds_refund_key", "topup_refunds", same=("refund_key",)),
    Refusal("uq_topup_refunds_under_way", "topup_refunds", same=("state",)),
    Refusal("uq_gateway_notices_digest", "gateway_notices", same=("digest",)),
    Refusal("ck_subscriptions_ends_after_start", "subscriptions", {"ends_at": LONG_AGO}),
    Refusal("ck_subscriptions_price_not_negative", "subscriptions", {"price": -1}),
    Refusal("ck_subscriptions_coming_price_has_date", "subscriptions", {"coming_price": 60_000}),
    Refusal("uq_subscriptions_user_id_request_key", "subscriptions", same=("request_key",)),
    Refusal("uq_subscriptions_live", "subscriptions", same=("status",)),
    Refusal("ck_periods_ends_after_start", "periods", {"ends_at": LONG_AGO}),
    Refusal("ck_periods_refund_within_charge", "periods", {"refunded": 999_999_999}),
    Refusal("uq_periods_entry_id", "periods"),
    Refusal("ck_periods_waived_costs_nothing", "periods", {"waived_reason": "a gift", "entry_id": SPARE}),
    Refusal("uq_periods_subscription_id_number", "periods", {"entry_id": SPARE}, same=("number",)),
    Refusal("ck_periods_coupon_takes_off", "periods", {"charged": PRICE}, same=("redemption_id",)),
    Refusal("uq_periods_redemption_id", "periods", {"entry_id": SPARE}, same=("redemption_id",)),
    Refusal("ck_plan_changes_refund_within_charge", "plan_changes", {"refunded": 999_999_999}),
    Refusal("ck_plan_changes_charge_has_entry", "plan_changes", {"entry_id": None}),
    Refusal("ck_plan_changes_returned_with_money", "plan_changes", {"state": "RETURNED"}),
    Refusal("ck_plan_changes_charged_or_credited", "plan_changes", {"credited": 1}),
    Refusal("ck_plan_changes_days_within_period", "plan_changes", {"days_left": 99}),
    Refusal("uq_plan_changes_entry_id", "plan_changes", same=("entry_id",)),
    Refusal("uq_plan_changes_pending", "plan_changes", same=("state",)),
    Refusal("uq_plan_changes_subscription_id_number", "plan_changes", same=("number",)),
    Refusal("uq_plan_changes_subscription_id_request_key", "plan_changes", same=("request_key",)),
    Refusal("ck_refunds_amount_positive", "refunds", {"amount": 0}),
    Refusal("ck_refunds_of_one_charge", "refunds", {"period_id": None, "change_id": None}),
    Refusal("uq_refunds_entry_id", "refunds", same=("entry_id",)),
    Refusal("uq_refunds_period_id_request_key", "refunds", same=("request_key",), of="period_id IS NOT NULL"),
    Refusal("uq_refunds_change_id_request_key", "refunds", same=("request_key",), of="change_id IS NOT NULL"),
    Refusal("ck_plans_not_oversold", "plans", {"used_quota": 999_999}),
    Refusal("ck_plans_price_not_negative", "plans", {"monthly_price": -1}),
    Refusal("uq_plans_service_id_plan_type", "plans", same=("plan_type",)),
    Refusal("ck_coupons_code_upper_case", "coupons", {"code": "fresh"}),
    Refusal("ck_coupons_not_overused", "coupons", {"used_count": 6}),
    Refusal("ck_coupons_some_uses_per_user", "coupons", {"max_uses_per_user": 0}),
    Refusal("ck_coupons_one_welcome_per_user", "coupons", {"type": "WELCOME_BONUS"}),
    Refusal("ck_coupons_credit_positive", "coupons", {"credit_amount": 0}),
    Refusal("ck_coupons_percent_in_range", "coupons", {**PERCENTAGE, "discount_percent": 101}),
    Refusal("ck_coupons_worth_fits_type", "coupons", {"credit_amount": None}),
    Refusal("ck_coupons_ends_after_start", "coupons", {"valid_until": LONG_AGO}),
    Refusal("ck_coupons_counter_says_used_up", "coupons", {"status": "USED_UP"}),
    Refusal("uq_coupons_code", "coupons", same=("code",)),
    Refusal("uq_coupon_redemptions_use", "coupon_redemptions", same=("number",)),
    Refusal("uq_coupon_redemptions_user_id_request_key", "coupon_redemptions", same=("request_key",)),
    Refusal("uq_coupon_redemptions_entry_id", "coupon_redemptions", same=("entry_id",)),
    Refusal("ck_coupon_redemptions_number_from_one", "coupon_redemptions", {"number": 0}),
    Refusal("ck_coupon_redemptions_credit_positive", "coupon_redemptions", {"credit_amount": 0}),
    Refusal("ck_coupon_redemptions_credit_has_entry", "coupon_redemptions", {"entry_id": None}),
    Refusal("ck_coupon_redemptions_credit_or_discount", "coupon_redemptions", {**DISCOUNTED}),
    Refusal(
        "ck_coupon_redemptions_discount_has_subscription",
        "coupon_redemptions",
        {"subscription_id": uuid.uuid4().hex},
    ),
    Refusal(
        "ck_coupon_redemptions_discount_positive",
        "coupon_redemptions",
        {**DISCOUNTED, "discount_amount": 0, "credit_amount": None, "entry_id": None},
    ),
    Refusal("ck_papers_adds_up", "papers", {"net": 1}),
    Refusal("ck_papers_issued_at_once", "papers", {"issued_at": None}),
    Refusal("ck_papers_total_positive", "papers", {"total": 0, "net": 0, "tax": 0}),
    Refusal("uq_papers_entry_id", "papers", same=("entry_id",)),
    Refusal("uq_papers_number", "papers", same=("number",)),
    Refusal("uq_papers_series_position", "papers", same=("position",)),
    Refusal("ck_paper_counters_last_not_negative", "paper_counters", {"last": -1}),
    Refusal("pk_paper_counters", "paper_counters", same=("series",)),
    Refusal("pk_wallets", "wallets"),
    Refusal("pk_wallet_snapshots", "wallet_snapshots", same=("day",)),
    Refusal("uq_outbox_task_key", "outbox", same=("key",)),
)


@pytest.fixture
def books(
    app: Flask,
    settings: Settings,
    shop: Shop,
    customer: Person,
    administrator: Person,
    clock: FrozenClock,
    person: Callable[..., Person],
    plan_id: Callable[..., uuid.UUID],
) -> Iterator[psycopg2.extensions.connection]:
    """A connection to the books of a shop where one of everything is."""
    _change_and_refund(shop, person(credit=500_000), administrator, plan_id)
    with app.app_context():
        put_coupon("SAVE20", CouponType.SUBSCRIPTION_DISCOUNT, at=clock.now())
        put_coupon("GIFT", max_uses=5, max_uses_per_user=2, at=clock.now())
    shop.place(customer, plan_id(), coupon="SAVE20", request_key="an-order")
    shop.redeem(customer, "GIFT", request_key="a-gift")
    with app.app_context():
        first = put_topup(customer.id, at=clock.now(), state=TopUpState.PAID, request_key="a-top-up")
        put_topup(
            customer.id,
            at=clock.now(),
            state=TopUpState.PAID,
            request_key="paid-twice",
            second_of=first.id,
            transaction_id="tx-second",
        )
    with app.app_context(), unit_of_work():
        adjusting.request(
            Correction(customer.id, -25_000, "One of everything"),
            request_key="an-adjustment",
            rules=adjustment_rules(settings),
            actor=administrator.actor,
            at=clock.now(),
        )
        issuing.issue_waiting(rules=paper_rules(settings), actor=administrator.actor, at=clock.now())
        snapshots.take(
            clock.now().date(), until=clock.now() + timedelta(days=1), after=None, limit=100, at=clock.now()
        )
    connection = psycopg2.connect(settings.database.database_url.replace("+psycopg2", ""))
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO gateway_notices (id, digest, order_id, transaction_id, transaction_status, gross_amount,"
            " facts, deliveries, received_at)"
            " VALUES (gen_random_uuid(), 'seen', 'order', 'tx', 'settlement', 1, '{}', 1, now())"
        )
        cursor.execute(
            "INSERT INTO topup_refunds (id, topup_id, transaction_id, refund_key, amount, taken_back_before, reason,"
            " asked_by, state, asked_at)"
            " VALUES (gen_random_uuid(), %s, 'tx', 'RF-1', 1000, 0, 'asked', 'Ayu', 'ASKED', now())",
            (str(first.id),),
        )
    connection.commit()
    yield connection
    connection.close()


def _change_and_refund(
    shop: Shop, someone: Person, administrator: Person, plan_id: Callable[..., uuid.UUID]
) -> None:
    subscription_id = shop.order(someone, plan_id())
    shop.refund(administrator, subscription_id, 1_000, key="of-a-period")
    shop.upgrade(someone, subscription_id, plan_id(tier="PRO"), key="a-change")
    shop.refund(administrator, subscription_id, 1_000, key="of-a-change")


def insert_copy(books: psycopg2.extensions.connection, refusal: Refusal) -> None:
    """Insert a copy of the newest row of the table (ids rise with time), changed as the refusal says."""
    change = {name: value for name, value in FRESH[refusal.table].items() if name not in refusal.same}
    change |= refusal.change
    with books.cursor() as cursor:
        if change.get("entry_id") == SPARE:
            cursor.execute("SELECT id FROM ledger_entries WHERE kind = 'opening'")
            change["entry_id"] = cursor.fetchone()[0]
        cursor.execute(
            SQL(
                "INSERT INTO {table} SELECT (jsonb_populate_record(row, %s)).* FROM {table} row"
                " WHERE {of} ORDER BY to_jsonb(row) ->> 'id' DESC LIMIT 1"
            ).format(table=Identifier(refusal.table), of=SQL(refusal.of)),
            (json.dumps(change, default=str),),
        )


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.protection)
def test_a_row_that_would_disagree_is_refused(
    books: psycopg2.extensions.connection, refusal: Refusal
) -> None:
    with pytest.raises(psycopg2.IntegrityError) as refused:
        insert_copy(books, refusal)

    assert refused.value.diag.constraint_name == refusal.protection


# An account has one wallet: there is no fault-free copy of that row.
@pytest.mark.parametrize("table", sorted(FRESH.keys() - {"wallets"}))
def test_without_its_fault_the_row_is_taken(books: psycopg2.extensions.connection, table: str) -> None:
    change = {"entry_id": SPARE} if table == "periods" else {}

    insert_copy(books, Refusal("none", table, change))


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("statement", ["UPDATE {} SET description = 'another'", "DELETE FROM {}"])
def test_what_is_written_stays_written(
    books: psycopg2.extensions.connection, table: str, statement: str
) -> None:
    with books.cursor() as cursor, pytest.raises(psycopg2.IntegrityError, match="append-only"):
        cursor.execute(SQL(statement).format(Identifier(table)))


def test_there_is_a_row_for_every_protection() -> None:
    guarded = {each.name.split()[1] for each in schema_mutants() if not each.name.startswith("trigger")}

    assert {each.protection for each in REFUSALS} == guarded
