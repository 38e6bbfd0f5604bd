"""Coupons: their counters are their uses, and each use for credit is one entry of the ledger."""

from minispod.proof.check import Check, Subject

USES = Check(
    name="coupon-uses",
    promise="Every coupon's counter is the number of its uses that stand",
    subject=Subject.COUPON,
    looked_at="SELECT count(*) FROM coupons",
    differences="""
        SELECT c.id AS subject_id, NULL::uuid AS user_id, c.code, c.used_count, coalesce(r.uses, 0) AS uses
        FROM coupons c
        LEFT JOIN (
            SELECT coupon_id, count(*) AS uses FROM coupon_redemptions WHERE returned_at IS NULL GROUP BY coupon_id
        ) r ON r.coupon_id = c.id
        WHERE c.used_count <> coalesce(r.uses, 0)
        ORDER BY c.id
    """,
    meaning="The coupon ends too early or can be used too often.",
    advice="The counter can be computed anew from the uses that stand.",
)

CREDIT = Check(
    name="coupon-credit",
    promise="Every coupon turned into credit has one ledger entry of its worth, and the other way round",
    subject=Subject.ENTRY,
    looked_at="SELECT count(*) FROM ledger_entries WHERE kind = 'coupon'",
    differences="""
        SELECT coalesce(e.id, r.id) AS subject_id, coalesce(e.user_id, r.user_id) AS user_id,
               'TXMP-' || e.number AS number, r.credit_amount AS worth, e.delta AS credited
        FROM (SELECT * FROM coupon_redemptions WHERE credit_amount IS NOT NULL) r
        FULL JOIN (SELECT * FROM ledger_entries WHERE kind = 'coupon') e ON e.id = r.entry_id
        WHERE e.id IS NULL OR r.id IS NULL OR e.delta <> r.credit_amount OR e.user_id <> r.user_id
        ORDER BY 1
    """,
    meaning="Credit was given without a coupon, or a coupon was used and brought nothing or another sum.",
    advice="Compare with the coupon's terms; what is missing or too much is set right by an adjustment that says why.",
)

DISCOUNT = Check(
    name="coupon-discount",
    promise="Every coupon used at checkout went into one month of the subscription it names",
    subject=Subject.COUPON,
    looked_at="SELECT count(*) FROM coupon_redemptions WHERE discount_amount IS NOT NULL",
    differences="""
        SELECT r.coupon_id AS subject_id, r.user_id, c.code, r.discount_amount, r.subscription_id, r.redeemed_at,
               p.subscription_id AS went_into
        FROM coupon_redemptions r
        JOIN coupons c ON c.id = r.coupon_id
        LEFT JOIN periods p ON p.redemption_id = r.id
        WHERE r.discount_amount IS NOT NULL AND p.subscription_id IS DISTINCT FROM r.subscription_id
        ORDER BY r.coupon_id, r.redeemed_at, r.id
    """,
    meaning="The coupon counts as used and took nothing off, or the month it belonged to was removed.",
    advice="Look at the subscription. If its first month was charged in full, give the difference by an adjustment.",
)

CHECKS = (USES, CREDIT, DISCOUNT)
