"""Money in: each credited top-up is one entry and one settlement of the gateway, and the other way round."""

from minispod.proof.check import Check, Subject

_TOPUPS = "SELECT count(*) FROM topups WHERE state = ANY(:credited)"

CREDIT = Check(
    name="topup-credit",
    promise="Every credited top-up has one ledger entry of its amount on its customer's wallet",
    subject=Subject.TOPUP,
    looked_at=_TOPUPS,
    differences="""
        SELECT t.id AS subject_id, t.user_id, 'TXMP-' || t.number AS number, t.state, t.amount,
               e.delta AS credited, e.user_id AS credited_to
        FROM topups t
        LEFT JOIN ledger_entries e ON e.kind = 'topup' AND e.reference = t.id::text
        WHERE t.state = ANY(:credited)
          AND (e.id IS NULL OR e.delta <> t.amount OR e.user_id <> t.user_id)
        ORDER BY t.id
    """,
    meaning="The customer paid and does not have the credit, or has another sum of it.",
    advice="Compare the payment with the gateway's dashboard. Missing credit is given by an adjustment that names the "
    "top-up; the top-up itself is left as it is.",
)

ENTRY = Check(
    name="credit-topup",
    promise="Every top-up entry of the ledger has a credited top-up",
    subject=Subject.ENTRY,
    looked_at="SELECT count(*) FROM ledger_entries WHERE kind = 'topup'",
    differences="""
        SELECT e.id AS subject_id, e.user_id, 'TXMP-' || e.number AS number, e.delta AS credited, e.reference,
               t.state
        FROM ledger_entries e
        LEFT JOIN topups t ON t.id::text = e.reference
        WHERE e.kind = 'topup' AND (t.id IS NULL OR t.state <> ALL(:credited))
        ORDER BY e.id
    """,
    meaning="There is credit that no payment brought: an entry written by hand, or a top-up that was removed or set "
    "back.",
    advice="Compare with the gateway's dashboard. If the money never came, take it back by an adjustment that says "
    "why.",
)

SETTLEMENT = Check(
    name="topup-settlement",
    promise="Every credited top-up was settled at the gateway by one transaction of its own",
    subject=Subject.TOPUP,
    looked_at=_TOPUPS,
    differences="""
        SELECT t.id AS subject_id, t.user_id, 'TXMP-' || t.number AS number, t.state, t.order_id, t.paid_transaction_id,
               t.gateway_state, e.details ->> 'transactionId' AS credited_for, twins.orders AS orders_it_paid
        FROM topups t
        LEFT JOIN ledger_entries e ON e.kind = 'topup' AND e.reference = t.id::text
        LEFT JOIN (
            SELECT paid_transaction_id, count(*) AS orders
            FROM topups WHERE paid_transaction_id IS NOT NULL
            GROUP BY paid_transaction_id HAVING count(*) > 1
        ) twins ON twins.paid_transaction_id = t.paid_transaction_id
        WHERE t.state = ANY(:credited) AND (
            t.paid_transaction_id IS NULL
            OR t.completed_at IS NULL
            OR coalesce(t.gateway_state, '') NOT IN
               ('settlement', 'capture', 'refund', 'partial_refund', 'chargeback', 'partial_chargeback')
            OR e.details ->> 'transactionId' <> t.paid_transaction_id
            OR twins.orders IS NOT NULL
        )
        ORDER BY t.id
    """,
    meaning="It was credited without the gateway's word, or one payment was used for two top-ups.",
    advice="Look the transaction up in the gateway's dashboard. If it did not pay this order, take the credit back by "
    "an adjustment that says why.",
)

SETTLED = Check(
    name="settlement-topup",
    promise="Every top-up that the gateway calls settled is credited, held for a person, or was given back",
    subject=Subject.TOPUP,
    looked_at="SELECT count(*) FROM topups",
    differences="""
        SELECT t.id AS subject_id, t.user_id, 'TXMP-' || t.number AS number, t.state, t.order_id, t.transaction_id,
               t.gateway_state, t.amount
        FROM topups t
        WHERE t.gateway_state IN ('settlement', 'capture', 'partial_refund', 'partial_chargeback')
          AND t.state <> ALL(:credited) AND t.state <> 'REVIEW'
          AND t.returned_transaction_id IS DISTINCT FROM t.transaction_id
        ORDER BY t.id
    """,
    meaning="The customer paid and neither has the credit nor is anybody looking at it.",
    advice="Open the top-up and ask the gateway: its answer credits it or puts it before you.",
)

REVERSALS = Check(
    name="topup-reversals",
    promise="What was taken back of a top-up is the sum of its reversing entries, and each of those has its top-up",
    subject=Subject.TOPUP,
    looked_at="SELECT count(*) FROM topups",
    differences="""
        SELECT coalesce(t.id::text, r.topup) AS subject_id, coalesce(t.user_id, r.user_id) AS user_id,
               'TXMP-' || t.number AS number, t.state, coalesce(t.reversed_amount, 0) AS reversed_amount,
               coalesce(r.total, 0) AS entries_sum
        FROM topups t
        FULL JOIN (
            SELECT split_part(reference, ':', 1) AS topup, user_id, sum(-delta)::bigint AS total
            FROM ledger_entries WHERE kind = 'topup_reversal'
            GROUP BY 1, 2
        ) r ON r.topup = t.id::text AND r.user_id = t.user_id
        WHERE coalesce(t.reversed_amount, 0) <> coalesce(r.total, 0)
        ORDER BY 1
    """,
    meaning="A refund or chargeback was written down and not booked, or booked and not written down.",
    advice="Compare with the refunds in the gateway's dashboard, then correct the wallet by an adjustment that says "
    "why.",
)

NOTICE = Check(
    name="notice-credit",
    promise="Every notice that was settled as paid belongs to a credited top-up",
    subject=Subject.NOTICE,
    looked_at="SELECT count(*) FROM gateway_notices WHERE settled_at IS NOT NULL",
    differences="""
        SELECT n.id AS subject_id, t.user_id, n.order_id, n.transaction_id, n.gross_amount, n.verdict, t.state
        FROM gateway_notices n
        LEFT JOIN topups t ON t.order_id = n.order_id
        WHERE n.settled_at IS NOT NULL AND n.verdict IN ('paid', 'paid_late', 'already_credited')
          AND (t.id IS NULL OR t.state <> ALL(:credited))
        ORDER BY n.id
    """,
    meaning="A payment was taken for good once, and its top-up has been set back or removed since.",
    advice="Open the top-up and compare it with the gateway's dashboard; the credit itself is another check.",
)

UNDECIDED = Check(
    name="notice-undecided",
    promise="No notice of the gateway waits longer than a day to be settled",
    subject=Subject.NOTICE,
    looked_at="SELECT count(*) FROM gateway_notices",
    differences="""
        SELECT n.id AS subject_id, t.user_id, n.order_id, n.transaction_id, n.transaction_status, n.gross_amount,
               n.received_at
        FROM gateway_notices n
        LEFT JOIN topups t ON t.order_id = n.order_id
        WHERE n.settled_at IS NULL AND n.received_at < :undecided
        ORDER BY n.received_at, n.id
    """,
    meaning="The gateway told of a payment and then would not say more about it, or nobody works on such notices.",
    advice="See under Jobs whether work fails. Look the order up in the gateway's dashboard; when the gateway answers "
    "again, the notice settles by itself.",
)

CHECKS = (CREDIT, ENTRY, SETTLEMENT, SETTLED, REVERSALS, NOTICE, UNDECIDED)
