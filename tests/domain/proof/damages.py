"""Each kind of damage that the proof must name. Whoever adds a check adds what it finds."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from minispod.kernel.actor import system
from minispod.kernel.unit_of_work import unit_of_work
from minispod.wallet import ledger
from minispod.wallet.models import EntryKind, EntryType
from tests.domain.proof.conftest import Story

_LAST_ENTRY = "position = (SELECT max(position) FROM ledger_entries WHERE user_id = :owner)"
_FIRST_INVOICE = "SELECT min(number) FROM papers WHERE kind = 'INVOICE'"
_LAST = "SELECT id FROM papers WHERE number IS NOT NULL ORDER BY issued_at DESC, series DESC, position DESC LIMIT 1"
_NOTICE = """
    INSERT INTO gateway_notices (id, digest, order_id, transaction_id, transaction_status, gross_amount, facts,
                                 deliveries, received_at, settled_at, verdict)
    VALUES (gen_random_uuid(), 'planted', :order_id, 'tx-1', 'settlement', 20000, '{}', 1,
            :received, :settled, :verdict)
"""


@dataclass(frozen=True, slots=True)
class Damage:
    """Something planted, and the checks that must name it: these and no others."""

    what: str
    plant: Callable[[Story], None]
    named: frozenset[str]


def _sql(what: str, statement: str, *named: str) -> Damage:
    def plant(story: Story) -> None:
        known = {
            "owner": story.owner.id,
            "paid": story.paid,
            "part": story.part_refunded,
            "pending": story.pending.id,
            "renewing": story.renewing,
            "cancelled": story.cancelled,
            "upgraded": story.upgraded,
            "adjustment": story.adjustment,
            "now": story.now(),
        }
        story.change(statement, **{name: value for name, value in known.items() if f":{name}" in statement})

    return Damage(what, plant, frozenset(named))


def _charge_for_nothing(story: Story) -> None:
    posting = ledger.Posting(EntryType.SUBSCRIPTION, EntryKind.PERIOD, "nothing:1", "A month nobody got")
    with story.shop.app.app_context(), unit_of_work():
        ledger.debit(story.owner.id, 1_000, posting, actor=system("tests"), at=story.now())


def _refund_of_nothing(story: Story) -> None:
    posting = ledger.Posting(EntryType.REFUND, EntryKind.PERIOD_REFUND, "nothing:1", "For no month")
    with story.shop.app.app_context(), unit_of_work():
        ledger.credit(story.owner.id, 1_000, posting, actor=system("tests"), at=story.now())


def _reversal_of_nothing(story: Story) -> None:
    posting = ledger.Posting(EntryType.REFUND, EntryKind.TOPUP_REVERSAL, "nothing:1000", "Of no top-up")
    with story.shop.app.app_context(), unit_of_work():
        ledger.take_back(story.owner.id, 1_000, posting, actor=system("tests"), at=story.now())


def _credit_of_nothing(story: Story) -> None:
    posting = ledger.Posting(EntryType.TOP_UP, EntryKind.TOPUP, "no top-up", "Money from nowhere")
    with story.shop.app.app_context(), unit_of_work():
        ledger.credit(story.owner.id, 1_000, posting, actor=system("tests"), at=story.now())


def _paid_notice_of_an_unpaid_order(story: Story) -> None:
    now = story.now()
    story.change(_NOTICE, order_id=story.pending.order_id, received=now, settled=now, verdict="paid")


def _notice_left_lying(story: Story) -> None:
    before = story.now() - timedelta(days=2)
    story.change(_NOTICE, order_id=story.pending.order_id, received=before, settled=None, verdict=None)


def _month_that_is_over(story: Story) -> None:
    for statement in (
        "UPDATE periods SET ends_at = :at WHERE subscription_id = :sub AND ends_at = (SELECT ends_at FROM"
        " subscriptions WHERE id = :sub)",
        "UPDATE subscriptions SET ends_at = :at WHERE id = :sub",
    ):
        story.change(statement, at=story.now() - timedelta(minutes=20), sub=story.renewing)


def _adjustment_of_nobody(story: Story) -> None:
    posting = ledger.Posting(EntryType.ADMIN_ADJUSTMENT, EntryKind.ADJUSTMENT, "nobody", "A gift")
    with story.shop.app.app_context(), unit_of_work():
        ledger.credit(story.owner.id, 1_000, posting, actor=system("tests"), at=story.now())


def _old_charge_without_a_paper(story: Story) -> None:
    posting = ledger.Posting(EntryType.SUBSCRIPTION, EntryKind.PERIOD, "nothing:2", "A month nobody got")
    before = story.now() - timedelta(days=2)
    with story.shop.app.app_context(), unit_of_work():
        ledger.debit(story.owner.id, 1_000, posting, actor=system("tests"), at=before)


def _paper_left_waiting(story: Story) -> None:
    """The newest number of a series goes back, and the paper waits as if it never had one."""
    before = story.now() - timedelta(days=2)
    story.change("UPDATE paper_counters SET last = last - 1 WHERE series = (SELECT max(series) FROM papers)")
    story.change(
        "UPDATE papers SET number = NULL, series = NULL, position = NULL, issued_at = NULL, seller = NULL,"
        " language = NULL, time_zone = NULL, tax_rate = NULL, net = NULL, tax = NULL, opened_at = :before"
        " WHERE (series, position) = (SELECT series, position FROM papers WHERE series = (SELECT max(series) FROM"
        " papers) ORDER BY position DESC LIMIT 1)",
        before=before,
    )


DAMAGES = (
    _sql(
        "a balance that grew by itself",
        "UPDATE wallets SET balance = balance + 7 WHERE user_id = :owner",
        "wallet-balance",
    ),
    _sql(
        "a debt nobody has",
        "UPDATE wallets SET gateway_debt = 5 WHERE user_id = :owner",
        "wallet-debt",
    ),
    _sql(
        "a total that is off",
        "UPDATE wallets SET total_spent = total_spent + 1 WHERE user_id = :owner",
        "wallet-totals",
    ),
    _sql(
        "another total that is off",
        "UPDATE wallets SET total_top_up = total_top_up - 1 WHERE user_id = :owner",
        "wallet-totals",
    ),
    _sql(
        "an entry that begins elsewhere",
        "UPDATE ledger_entries SET balance_before = balance_before + 5, balance_after = balance_after + 5"
        f" WHERE user_id = :owner AND {_LAST_ENTRY}",
        "ledger-chain",
    ),
    _sql(
        "the credit of a top-up removed from the ledger",
        "DELETE FROM ledger_entries WHERE reference = CAST(:paid AS text)",
        "wallet-balance",
        "wallet-totals",
        "ledger-chain",
        "topup-credit",
        "entry-paper",
    ),
    _sql(
        "a top-up of another amount than was credited",
        "UPDATE topups SET amount = amount + 1000 WHERE id = :paid",
        "topup-credit",
    ),
    Damage("credit that no top-up brought", _credit_of_nothing, frozenset({"credit-topup"})),
    _sql(
        "a credited top-up set back",
        "UPDATE topups SET state = 'PENDING', paid_transaction_id = NULL WHERE id = :paid",
        "credit-topup",
        "settlement-topup",
    ),
    _sql(
        "a credit without the gateway's word",
        "UPDATE topups SET gateway_state = 'pending' WHERE id = :paid",
        "topup-settlement",
    ),
    _sql(
        "a credit for another payment",
        "UPDATE topups SET paid_transaction_id = 'tx-of-another' WHERE id = :paid",
        "topup-settlement",
    ),
    _sql(
        "a refund that was not booked",
        "UPDATE topups SET reversed_amount = reversed_amount + 1 WHERE id = :part",
        "topup-reversals",
    ),
    Damage("a reversal of no top-up", _reversal_of_nothing, frozenset({"topup-reversals"})),
    Damage("a paid notice of an unpaid order", _paid_notice_of_an_unpaid_order, frozenset({"notice-credit"})),
    Damage("a notice left lying", _notice_left_lying, frozenset({"notice-undecided"})),
    _sql(
        "a month charged less than its entry",
        "UPDATE periods SET charged = charged - 1 WHERE subscription_id = :renewing AND number = 1",
        "period-charge",
    ),
    _sql(
        "a month with the entry of another",
        "UPDATE ledger_entries SET reference = 'elsewhere' WHERE kind = 'period' AND subscription_id = :renewing"
        " AND split_part(reference, chr(58), 2) = '1'",
        "period-charge",
    ),
    Damage("a charge for no month", _charge_for_nothing, frozenset({"charge-period"})),
    _sql(
        "a month removed",
        "DELETE FROM periods WHERE subscription_id = :renewing AND number = 2",
        "charge-period",
        "period-sequence",
    ),
    _sql(
        "a refund that was not paid",
        "UPDATE periods SET refunded = 1 WHERE subscription_id = :renewing AND number = 1",
        "period-refund",
    ),
    Damage("a refund of no month", _refund_of_nothing, frozenset({"period-refund", "refund-entry"})),
    _sql(
        "a refund recorded for another sum",
        "UPDATE refunds SET amount = amount + 1 WHERE id = (SELECT max(id::text)::uuid FROM refunds)",
        "refund-entry",
    ),
    _sql(
        "months that overlap",
        "UPDATE periods SET starts_at = starts_at - interval '1 day' WHERE subscription_id = :renewing AND number = 2",
        "period-sequence",
    ),
    _sql(
        "a gap between months",
        "UPDATE periods SET starts_at = starts_at + interval '2 hours'"
        " WHERE subscription_id = :renewing AND number = 2",
        "period-sequence",
    ),
    _sql(
        "a month that nobody paid for",
        "UPDATE subscriptions SET ends_at = ends_at + interval '1 month' WHERE id = :renewing",
        "subscription-month",
    ),
    Damage("a month that is over and goes on", _month_that_is_over, frozenset({"live-period"})),
    _sql(
        "a slot nobody holds",
        "UPDATE plans SET used_quota = used_quota + 1"
        " WHERE id = (SELECT plan_id FROM subscriptions WHERE id = :renewing)",
        "plan-slots",
    ),
    _sql(
        "a cancelled subscription made live",
        "UPDATE subscriptions SET status = 'ACTIVE' WHERE id = :cancelled",
        "live-period",
        "live-instance",
        "live-sizes",
        "plan-slots",
    ),
    _sql(
        "a live instance that was not noted",
        "DELETE FROM live_sizes WHERE number = (SELECT min(number) FROM live_sizes)",
        "live-sizes",
    ),
    _sql(
        "an instance of another size than was noted",
        "/* by hand */ UPDATE instances SET memory_mb = memory_mb + 1 WHERE subscription_id = :renewing",
        "live-sizes",
    ),
    _sql(
        "an instance on its way out",
        "UPDATE instances SET wanted = 'ABSENT' WHERE subscription_id = :renewing",
        "live-instance",
    ),
    _sql(
        "no instance at all",
        "DELETE FROM instances WHERE subscription_id = :renewing",
        "live-instance",
        "live-sizes",
    ),
    _sql(
        "a closing balance that was another",
        "UPDATE wallet_snapshots SET balance = balance + 1 WHERE user_id = :owner",
        "wallet-snapshot",
    ),
    _sql(
        "an upgrade for another sum than was taken",
        "UPDATE plan_changes SET charged = charged + 1 WHERE subscription_id = :upgraded",
        "change-charge",
    ),
    _sql(
        "an upgrade given back and not paid",
        "UPDATE plan_changes SET refunded = 1 WHERE subscription_id = :upgraded",
        "change-refund",
    ),
    _sql(
        "a coupon used once more than is known",
        "UPDATE coupons SET used_count = used_count + 1 WHERE code = 'GIFT'",
        "coupon-uses",
    ),
    _sql(
        "a coupon that brought less than it is worth",
        "UPDATE coupon_redemptions SET credit_amount = credit_amount + 1 WHERE credit_amount IS NOT NULL",
        "coupon-credit",
    ),
    _sql(
        "a discount larger than the coupon gave",
        "UPDATE coupon_redemptions SET discount_amount = discount_amount + 1 WHERE discount_amount IS NOT NULL",
        "period-charge",
    ),
    _sql(
        "a coupon used for no month",
        """
        INSERT INTO coupon_redemptions (id, coupon_id, user_id, type, number, discount_amount, subscription_id,
                                        details, redeemed_at, returned_at)
        SELECT gen_random_uuid(), id, :owner, type, 1, 5000, CAST(:renewing AS uuid), '{}', :now, :now
        FROM coupons WHERE code = 'TENTH'
        """,
        "coupon-discount",
    ),
    _sql("a wallet removed", "DELETE FROM wallets WHERE user_id = :owner", "wallet-balance"),
    _sql(
        "a closing balance removed",
        "DELETE FROM wallet_snapshots WHERE user_id = :owner",
        "wallet-witness",
    ),
    _sql(
        "a payment that was settled and not credited",
        "UPDATE topups SET gateway_state = 'settlement', transaction_id = 'tx-9' WHERE id = :pending",
        "settlement-topup",
    ),
    _sql(
        "an adjustment of another sum than was moved",
        "UPDATE adjustments SET delta = delta + 1 WHERE id = :adjustment",
        "adjustment-entry",
    ),
    _sql(
        "an adjustment removed",
        "DELETE FROM adjustments WHERE id = :adjustment",
        "adjustment-entry",
    ),
    Damage("an adjustment nobody asked for", _adjustment_of_nobody, frozenset({"adjustment-entry"})),
    _sql(
        "an adjustment that waits beyond its time",
        """
        INSERT INTO adjustments (id, user_id, delta, reason, may_owe, state, requested_by, requested_at, expires_at)
        SELECT gen_random_uuid(), user_id, 5000, 'left lying', false, 'PENDING', requested_by, requested_at,
               CAST(:now AS timestamptz) - interval '2 hours'
        FROM adjustments WHERE id = :adjustment
        """,
        "adjustment-waiting",
    ),
    _sql(
        "a paper of another sum than its entry",
        "UPDATE papers SET total = total + 1, net = net + 1 WHERE entry_id = :paid",
        "entry-paper",
    ),
    _sql(
        "a receipt in another's name",
        "UPDATE papers SET user_id = (SELECT user_id FROM topups WHERE id = :part) WHERE entry_id = :paid",
        "entry-paper",
    ),
    _sql(
        "a paper about nothing",
        "UPDATE papers SET entry_id = gen_random_uuid() WHERE entry_id = :paid",
        "entry-paper",
    ),
    _sql(
        "a paper removed",
        f"DELETE FROM papers WHERE number = ({_FIRST_INVOICE})",
        "entry-paper",
        "paper-numbers",
        "paper-series",
    ),
    Damage(
        "a movement of long ago without a paper",
        _old_charge_without_a_paper,
        frozenset({"charge-period", "entry-paper"}),
    ),
    _sql(
        "a paper dated before the one it follows",
        "UPDATE papers SET issued_at = issued_at - interval '1 hour' WHERE position = 2 AND kind = 'INVOICE'"
        " AND series = (SELECT min(series) FROM papers WHERE kind = 'INVOICE')",
        "paper-numbers",
    ),
    _sql(
        "a paper in the month of another",
        f"UPDATE papers SET time_zone = 'Etc/GMT-14', issued_at = issued_at + interval '40 days' WHERE id = ({_LAST})",
        "paper-series",
    ),
    _sql(
        "a number that is not its place",
        f"UPDATE papers SET number = 'INV-190001-000001' WHERE number = ({_FIRST_INVOICE})",
        "entry-paper",
    ),
    _sql(
        "a counter that ran ahead",
        "UPDATE paper_counters SET last = last + 1 WHERE series = (SELECT max(series) FROM papers)",
        "paper-series",
    ),
    Damage("a paper left without a number", _paper_left_waiting, frozenset({"paper-waiting"})),
    _sql(
        "a credit note for another's invoice",
        f"UPDATE papers SET corrects_id = (SELECT id FROM papers WHERE number = ({_FIRST_INVOICE}))"
        " WHERE kind = 'CREDIT_NOTE' AND total = 100000",
        "paper-corrected",
    ),
    _sql(
        "an instance that nobody pays for",
        "UPDATE instances SET wanted = 'RUNNING' WHERE subscription_id = :cancelled",
        "ended-instance",
    ),
)
