"""Wallets and their ledger: the balance is the sum, the sum is a chain, and the totals follow their definition."""

from minispod.proof.check import Check, Subject

_WALLETS = "SELECT count(*) FROM wallets"

BALANCE = Check(
    name="wallet-balance",
    promise="Every wallet's balance is the sum of its ledger, and every ledger has its wallet",
    subject=Subject.WALLET,
    looked_at=_WALLETS,
    differences="""
        SELECT coalesce(w.user_id, l.user_id) AS subject_id, coalesce(w.user_id, l.user_id) AS user_id,
               w.balance, coalesce(l.total, 0) AS ledger_sum, w.balance - coalesce(l.total, 0) AS too_much
        FROM wallets w
        FULL JOIN (
            SELECT user_id, sum(delta)::bigint AS total FROM ledger_entries GROUP BY user_id
        ) l ON l.user_id = w.user_id
        WHERE w.balance IS DISTINCT FROM coalesce(l.total, 0)
        ORDER BY 1
    """,
    meaning="Somebody changed the wallet beside the ledger, or an entry was removed or changed.",
    advice="Look whether the chain of this wallet's entries is whole. If it is, only the wallet is wrong and it can be "
    "computed anew from the ledger. If not, compare with the last backup before anything is changed.",
)

DEBT = Check(
    name="wallet-debt",
    promise="What a wallet owes the gateway is exactly what its balance is below zero",
    subject=Subject.WALLET,
    looked_at=_WALLETS,
    differences="""
        SELECT user_id AS subject_id, user_id, balance, gateway_debt, greatest(0, -balance) AS owed
        FROM wallets
        WHERE gateway_debt <> greatest(0, -balance)
        ORDER BY user_id
    """,
    meaning="The debt was set by hand. Too much of it blocks a customer who owes nothing; too little lets one order "
    "who does.",
    advice="If the entries of this wallet are whole, it can be computed anew from the ledger.",
)

TOTALS = Check(
    name="wallet-totals",
    promise="What a wallet calls topped up and spent is what its ledger says",
    subject=Subject.WALLET,
    looked_at=_WALLETS,
    differences="""
        SELECT w.user_id AS subject_id, w.user_id, w.total_top_up, coalesce(l.topped_up, 0) AS topped_up,
               w.total_spent, coalesce(l.spent, 0) AS spent
        FROM wallets w
        LEFT JOIN (
            SELECT user_id,
                   sum(delta) FILTER (WHERE NOT is_spending)::bigint AS topped_up,
                   sum(-delta) FILTER (WHERE is_spending)::bigint AS spent
            FROM (
                SELECT user_id, delta,
                       kind = ANY(:refunds) OR (delta < 0 AND kind <> ALL(:reversals)) AS is_spending
                FROM ledger_entries
            ) e
            GROUP BY user_id
        ) l ON l.user_id = w.user_id
        WHERE w.total_top_up <> coalesce(l.topped_up, 0) OR w.total_spent <> coalesce(l.spent, 0)
        ORDER BY w.user_id
    """,
    meaning="Figures shown to the customer are off; the balance itself is another check.",
    advice="If the entries of this wallet are whole, it can be computed anew from the ledger.",
)

CHAIN = Check(
    name="ledger-chain",
    promise="Each entry begins where the one before it ended, and adds up",
    subject=Subject.ENTRY,
    looked_at="SELECT count(*) FROM ledger_entries",
    differences="""
        SELECT id AS subject_id, user_id, 'TXMP-' || number AS number, balance_before, begins_at AS should_begin_at,
               delta, balance_after
        FROM (
            SELECT id, user_id, number, position, delta, amount, balance_before, balance_after,
                   lag(balance_after, 1, 0::bigint) OVER (PARTITION BY user_id ORDER BY position) AS begins_at
            FROM ledger_entries
        ) chain
        WHERE balance_before <> begins_at OR balance_after <> balance_before + delta OR amount <> abs(delta)
        ORDER BY user_id, position
    """,
    meaning="An entry before this one was removed, or one of the two was changed. The program cannot do that: the "
    "database refuses it. Somebody had the rights to go around the database's own locks.",
    advice="Do not repair anything on this wallet. Find out who had access, compare with the last backup, and correct "
    "with a new adjusting entry that says why. Entries are never changed.",
)

SNAPSHOT = Check(
    name="wallet-snapshot",
    promise="Every closing balance is the balance after its entry",
    subject=Subject.WALLET,
    looked_at="SELECT count(*) FROM wallet_snapshots",
    differences="""
        SELECT s.user_id AS subject_id, s.user_id, s.day, s.position, s.balance, e.balance_after
        FROM wallet_snapshots s
        LEFT JOIN ledger_entries e ON e.id = s.entry_id AND e.user_id = s.user_id AND e.position = s.position
        WHERE e.balance_after IS DISTINCT FROM s.balance
        ORDER BY s.user_id, s.day
    """,
    meaning="An entry was changed or removed after the day on which the balance was witnessed, or the witness was.",
    advice="Compare the entries up to that day with the last backup before anything is changed.",
)

WITNESS = Check(
    name="wallet-witness",
    promise="Every wallet has a closing balance of its last entry before the last day that was closed",
    subject=Subject.WALLET,
    looked_at="SELECT count(DISTINCT user_id) FROM wallet_snapshots",
    differences="""
        SELECT l.user_id AS subject_id, l.user_id, l.position AS last_position, s.position AS witnessed_position
        FROM (
            SELECT user_id, max(position) AS position FROM ledger_entries
            -- The last moment that was witnessed for anybody lies before the end of that day, whatever its time zone.
            WHERE created_at <= (
                SELECT max(e.created_at)
                FROM wallet_snapshots s JOIN ledger_entries e ON e.id = s.entry_id
                WHERE s.day = (SELECT max(day) FROM wallet_snapshots WHERE taken_at < :overdue)
            )
            GROUP BY user_id
        ) l
        LEFT JOIN (
            SELECT user_id, max(position) AS position FROM wallet_snapshots GROUP BY user_id
        ) s ON s.user_id = l.user_id
        WHERE coalesce(s.position, 0) < l.position
        ORDER BY 1
    """,
    meaning="A closing balance was removed, or the work that writes them stopped half-way; entries of before could be "
    "rewritten without a witness.",
    advice="See under Jobs whether snapshot-wallets fails. If it does not, compare this wallet's entries with the last "
    "backup; the next closing writes what is missing.",
)

CHECKS = (SNAPSHOT, WITNESS, BALANCE, DEBT, TOTALS, CHAIN)
