"""Promises: each month has its charge, months follow one another, and what is promised has slot, place and instance."""

from minispod.proof.check import Check, Subject

_PERIODS = "SELECT count(*) FROM periods"
_SUBSCRIPTIONS = "SELECT count(*) FROM subscriptions"
_LIVE = "SELECT count(*) FROM subscriptions WHERE status = ANY(:live)"

CHARGE = Check(
    name="period-charge",
    promise="Every month of every subscription has one ledger entry: its price, less a coupon, or 0 if waived",
    subject=Subject.SUBSCRIPTION,
    looked_at=_PERIODS,
    differences="""
        SELECT s.id AS subject_id, s.user_id, p.number AS month, p.price, p.charged, -e.delta AS entry_amount,
               e.reference AS entry_reference, e.user_id AS entry_of
        FROM periods p
        JOIN subscriptions s ON s.id = p.subscription_id
        LEFT JOIN ledger_entries e ON e.id = p.entry_id
        LEFT JOIN coupon_redemptions c ON c.id = p.redemption_id AND c.subscription_id = s.id
        WHERE e.id IS NULL OR e.kind <> 'period' OR e.reference <> s.id || ':' || p.number
           OR e.user_id <> s.user_id OR e.subscription_id IS DISTINCT FROM s.id OR -e.delta <> p.charged
           OR p.charged <> CASE WHEN p.waived_reason IS NULL THEN p.price - coalesce(c.discount_amount, 0) ELSE 0 END
        ORDER BY s.id, p.number
    """,
    meaning="A month was given without its charge, for another sum than it cost, or charged to somebody else.",
    advice="Compare the month with the entry. What was charged too much is given back by an adjustment that says why; "
    "what was not charged is mostly better forgiven, in writing.",
)

_CHANGES = "SELECT count(*) FROM plan_changes"

CHANGE = Check(
    name="change-charge",
    promise="What a change of plan cost is its ledger entry, and each such entry has its change",
    subject=Subject.SUBSCRIPTION,
    looked_at=_CHANGES,
    differences="""
        SELECT coalesce(c.subscription_id, e.subscription_id) AS subject_id, coalesce(s.user_id, e.user_id) AS user_id,
               c.number AS change, c.charged, -e.delta AS entry_amount, e.reference AS entry_reference
        FROM plan_changes c
        JOIN subscriptions s ON s.id = c.subscription_id
        FULL JOIN (SELECT * FROM ledger_entries WHERE kind = 'upgrade') e ON e.id = c.entry_id
        WHERE (e.id IS NULL AND (c.charged > 0 OR c.entry_id IS NOT NULL))
           OR (e.id IS NOT NULL AND (c.id IS NULL OR -e.delta <> c.charged OR e.user_id <> s.user_id))
        ORDER BY 1, 3
    """,
    meaning="A higher plan was given for another sum than the ledger took, or money was taken for no change.",
    advice="Compare the change with the entry. What was charged too much is given back by an adjustment that says why.",
)

CHANGE_REFUND = Check(
    name="change-refund",
    promise="What a change of plan gave back is what the ledger gave back for it, and each such entry has its change",
    subject=Subject.SUBSCRIPTION,
    looked_at=_CHANGES,
    differences="""
        SELECT coalesce(c.subscription_id::text, r.subscription) AS subject_id,
               coalesce(c.user_id, r.user_id) AS user_id, coalesce(c.number::text, r.change) AS change, c.charged,
               coalesce(c.refunded, 0) AS refunded, coalesce(r.total, 0) AS entries_sum
        FROM (
            SELECT c.subscription_id, c.number, c.charged, c.refunded, s.user_id
            FROM plan_changes c JOIN subscriptions s ON s.id = c.subscription_id
        ) c
        FULL JOIN (
            SELECT split_part(reference, ':', 1) AS subscription, split_part(reference, ':', 2) AS change, user_id,
                   sum(delta)::bigint AS total
            FROM ledger_entries WHERE kind = 'upgrade_refund'
            GROUP BY 1, 2, 3
        ) r ON r.subscription = c.subscription_id::text AND r.change = c.number::text AND r.user_id = c.user_id
        WHERE coalesce(c.refunded, 0) <> coalesce(r.total, 0)
        ORDER BY 1, 3
    """,
    meaning="A refund of an upgrade was noted and not paid, or paid and not noted.",
    advice="If the customer lacks the money, give it by an adjustment that names the change.",
)

REFUND_ENTRY = Check(
    name="refund-entry",
    promise="Every refund of a charge has one ledger entry of its sum, and every such entry its refund",
    subject=Subject.ENTRY,
    looked_at="SELECT count(*) FROM refunds",
    differences="""
        SELECT coalesce(e.id, r.entry_id) AS subject_id, coalesce(e.user_id, s.user_id) AS user_id,
               'TXMP-' || e.number AS number, r.amount AS refunded, e.delta AS entry_amount, r.reason
        FROM refunds r
        JOIN subscriptions s ON s.id = r.subscription_id
        FULL JOIN (SELECT * FROM ledger_entries WHERE kind = ANY(:refunds)) e ON e.id = r.entry_id
        WHERE r.id IS NULL OR e.id IS NULL OR r.amount <> e.delta OR s.user_id <> e.user_id
        ORDER BY 1
    """,
    meaning="Money was given back without a reason on record, or the record names another sum.",
    advice="Look at the charge and its refunds. What the customer lacks is given by an adjustment that says why.",
)

MONTH = Check(
    name="charge-period",
    promise="Every charge of a month belongs to a month",
    subject=Subject.ENTRY,
    looked_at="SELECT count(*) FROM ledger_entries WHERE kind = 'period'",
    differences="""
        SELECT e.id AS subject_id, e.user_id, 'TXMP-' || e.number AS number, -e.delta AS charged, e.reference
        FROM ledger_entries e
        LEFT JOIN periods p ON p.entry_id = e.id
        WHERE e.kind = 'period' AND p.id IS NULL
        ORDER BY e.id
    """,
    meaning="The customer paid for a month that was never given, or the month was removed.",
    advice="Look at the subscription. If the month was not given, give the charge back by an adjustment that says why.",
)

REFUND = Check(
    name="period-refund",
    promise="What a month gave back is what the ledger gave back for it, and each such entry has its month",
    subject=Subject.SUBSCRIPTION,
    looked_at=_PERIODS,
    differences="""
        SELECT coalesce(p.subscription_id::text, r.subscription) AS subject_id,
               coalesce(p.user_id, r.user_id) AS user_id, coalesce(p.number::text, r.month) AS month, p.charged,
               coalesce(p.refunded, 0) AS refunded, coalesce(r.total, 0) AS entries_sum
        FROM (
            SELECT p.subscription_id, p.number, p.charged, p.refunded, s.user_id
            FROM periods p JOIN subscriptions s ON s.id = p.subscription_id
        ) p
        FULL JOIN (
            -- The reference of a refund begins with subscription and month, whatever follows.
            SELECT split_part(reference, ':', 1) AS subscription, split_part(reference, ':', 2) AS month, user_id,
                   sum(delta)::bigint AS total
            FROM ledger_entries WHERE kind = 'period_refund'
            GROUP BY 1, 2, 3
        ) r ON r.subscription = p.subscription_id::text AND r.month = p.number::text AND r.user_id = p.user_id
        WHERE coalesce(p.refunded, 0) <> coalesce(r.total, 0)
        ORDER BY 1, 3
    """,
    meaning="A refund was noted and not paid, or paid and not noted; then it may be asked for once more. The ledger "
    "itself refuses to pay the same month back twice.",
    advice="If the customer lacks the money, give it by an adjustment that names the month.",
)

SEQUENCE = Check(
    name="period-sequence",
    promise="Months are numbered without a gap and neither overlap nor leave a gap, except where one began anew",
    subject=Subject.SUBSCRIPTION,
    looked_at=_PERIODS,
    differences="""
        SELECT q.subscription_id AS subject_id, s.user_id, q.number AS month, q.number_before AS month_before,
               q.ended_before AS month_before_ended_at, q.starts_at, q.ends_at
        FROM (
            SELECT subscription_id, number, starts_at, ends_at, created_at,
                   lag(number, 1, 0) OVER months AS number_before, lag(ends_at) OVER months AS ended_before
            FROM periods
            WINDOW months AS (PARTITION BY subscription_id ORDER BY number)
        ) q
        JOIN subscriptions s ON s.id = q.subscription_id
        -- One that was taken up again begins at the moment it was paid; any other where the one before ended.
        WHERE q.number <> q.number_before + 1
           OR (q.starts_at <> q.ended_before AND NOT (q.starts_at = q.created_at AND q.starts_at > q.ended_before))
        ORDER BY q.subscription_id, q.number
    """,
    meaning="A month was removed, charged twice for the same days, or its dates were changed.",
    advice="If days were charged twice, give the sum back by an adjustment that says why.",
)

LAST = Check(
    name="subscription-month",
    promise="Every subscription stands in its last month: its number and its end",
    subject=Subject.SUBSCRIPTION,
    looked_at=_SUBSCRIPTIONS,
    differences="""
        SELECT s.id AS subject_id, s.user_id, s.status, s.period_number AS month, s.ends_at,
               p.number AS last_month, p.ends_at AS last_month_ends_at
        FROM subscriptions s
        LEFT JOIN (
            SELECT DISTINCT ON (subscription_id) subscription_id, number, ends_at
            FROM periods ORDER BY subscription_id, number DESC
        ) p ON p.subscription_id = s.id
        WHERE p.number IS DISTINCT FROM s.period_number OR p.ends_at IS DISTINCT FROM s.ends_at
        ORDER BY s.id
    """,
    meaning="The subscription runs longer or shorter than was paid for, or has no month at all.",
    advice="What was paid is in its months and in the ledger; they are right. Decide what the customer is owed.",
)

COVERED = Check(
    name="live-period",
    promise="Every live subscription has a month that covers this moment, or is in payment grace",
    subject=Subject.SUBSCRIPTION,
    looked_at=_LIVE,
    differences="""
        SELECT s.id AS subject_id, s.user_id, s.status, s.ends_at, s.grace_until, s.auto_renew
        FROM subscriptions s
        WHERE s.status = ANY(:live) AND coalesce(s.grace_until <= :overdue, true)
          AND NOT EXISTS (
              SELECT FROM periods p
              WHERE p.subscription_id = s.id AND p.starts_at <= :soon AND p.ends_at > :overdue
          )
        ORDER BY s.id
    """,
    meaning="It runs without being paid for: the calendar did not get to it, or its work fails.",
    advice="See under Jobs whether the scheduler lives and what fails. When the calendar gets to it, it renews or ends "
    "by itself.",
)

SLOTS = Check(
    name="plan-slots",
    promise="Every plan's counter of taken slots is the number of its live subscriptions",
    subject=Subject.PLAN,
    looked_at="SELECT count(*) FROM plans",
    differences="""
        SELECT p.id AS subject_id, NULL::uuid AS user_id, v.name || ' ' || p.name AS plan,
               p.used_quota, coalesce(s.live, 0) AS live_subscriptions, p.total_quota
        FROM plans p
        JOIN services v ON v.id = p.service_id
        LEFT JOIN (
            SELECT plan_id, count(*) AS live FROM subscriptions WHERE status = ANY(:live) GROUP BY plan_id
        ) s ON s.plan_id = p.id
        WHERE p.used_quota <> coalesce(s.live, 0)
        ORDER BY p.id
    """,
    meaning="Too many: the plan is sold out early. Too few: more is sold than there is.",
    advice="The counter can be computed anew from the live subscriptions.",
)

SIZES = Check(
    name="live-sizes",
    promise="Of each size as many live instances are noted as there are",
    subject=Subject.SIZE,
    looked_at=_LIVE,
    differences="""
        SELECT md5(cpu_milli || '-' || memory_mb)::uuid AS subject_id, NULL::uuid AS user_id,
               cpu_milli || 'm CPU, ' || memory_mb || ' MB' AS size, coalesce(noted, 0) AS noted,
               coalesce(live, 0) AS live_instances
        FROM (SELECT cpu_milli, memory_mb, sum(instances)::bigint AS noted FROM live_sizes GROUP BY 1, 2) notes
        FULL JOIN (
            SELECT cpu_milli, memory_mb, count(*) AS live
            FROM instances JOIN subscriptions s ON s.id = subscription_id
            WHERE s.status = ANY(:live) GROUP BY 1, 2
        ) counted USING (cpu_milli, memory_mb)
        WHERE coalesce(noted, 0) <> coalesce(live, 0)
        ORDER BY cpu_milli, memory_mb
    """,
    meaning="Too many: the shop shows less room than its machines have. Too few: more is sold than they hold. Somebody "
    "wrote past the database's triggers.",
    advice="The notes can be replaced by a count of all live instances.",
)

INSTANCE = Check(
    name="live-instance",
    promise="Every live subscription has its instance, of the same customer, that is not being deleted",
    subject=Subject.SUBSCRIPTION,
    looked_at=_LIVE,
    differences="""
        SELECT s.id AS subject_id, s.user_id, s.status, i.name AS instance, i.wanted, i.status AS instance_status,
               i.user_id AS instance_of
        FROM subscriptions s
        LEFT JOIN instances i ON i.subscription_id = s.id
        WHERE s.status = ANY(:live)
          AND (i.id IS NULL OR i.user_id <> s.user_id OR i.wanted = 'ABSENT' OR i.status = 'TERMINATED')
        ORDER BY s.id
    """,
    meaning="The customer pays and has nothing for it.",
    advice="Cancel the subscription, give the customer back what was not used by an adjustment, and let them order "
    "again.",
)

ENDED = Check(
    name="ended-instance",
    promise="What has ended runs nothing: expired is stopped, cancelled is deleted",
    subject=Subject.SUBSCRIPTION,
    looked_at="SELECT count(*) FROM subscriptions WHERE status IN ('EXPIRED', 'CANCELLED')",
    differences="""
        SELECT s.id AS subject_id, s.user_id, s.status, s.end_reason, i.name AS instance, i.wanted
        FROM subscriptions s
        JOIN instances i ON i.subscription_id = s.id
        WHERE (s.status = 'EXPIRED' AND i.wanted = 'RUNNING') OR (s.status = 'CANCELLED' AND i.wanted <> 'ABSENT')
        ORDER BY s.id
    """,
    meaning="An instance runs that nobody pays for and that holds no slot.",
    advice="Stop it from its page; if it was cancelled, have it deleted.",
)

CHECKS = (
    *(CHARGE, MONTH, REFUND, CHANGE, CHANGE_REFUND, REFUND_ENTRY),
    *(SEQUENCE, LAST, COVERED, SLOTS, SIZES, INSTANCE, ENDED),
)
