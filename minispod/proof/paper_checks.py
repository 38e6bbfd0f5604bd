"""Papers: each movement that deserves one has one, of its sum, and the numbers of a series have no gap."""

from minispod.proof.check import Check, Subject

_NUMBERED = "SELECT count(*) FROM papers WHERE number IS NOT NULL"

PAPER = Check(
    name="entry-paper",
    promise="Every top-up, charge and refund has one paper of its kind, customer and sum, and every paper its entry",
    subject=Subject.ENTRY,
    looked_at="SELECT count(*) FROM papers",
    differences="""
        SELECT coalesce(e.id, p.entry_id) AS subject_id, coalesce(e.user_id, p.user_id) AS user_id,
               'TXMP-' || coalesce(e.number, p.entry_number) AS number, e.type, e.amount,
               p.kind AS paper_kind, p.number AS paper, p.total AS paper_total
        FROM (
            SELECT id, user_id, number, type, amount, created_at FROM ledger_entries
            WHERE amount > 0 AND type IN ('TOP_UP', 'SUBSCRIPTION', 'UPGRADE', 'REFUND')
        ) e
        FULL JOIN papers p ON p.entry_id = e.id
        WHERE (p.id IS NULL AND e.created_at < :unpapered)
           OR (p.id IS NOT NULL AND (
               e.id IS NULL OR p.total <> e.amount OR p.user_id <> e.user_id OR p.entry_number <> e.number
               OR p.kind <> CASE e.type
                      WHEN 'TOP_UP' THEN 'RECEIPT' WHEN 'REFUND' THEN 'CREDIT_NOTE' ELSE 'INVOICE' END
           ))
        ORDER BY 3
    """,
    meaning="Money moved without a receipt, invoice or credit note, or a paper says something else than the ledger.",
    advice="What is missing is written by the periodic work complete-papers: see under Jobs why that fails. A paper "
    "that is wrong is never changed; tell the customer and your tax adviser, and correct the sum by an adjustment.",
)

NUMBERS = Check(
    name="paper-numbers",
    promise="The numbers of papers follow one another without a gap, as their dates do, each in its own month",
    subject=Subject.PAPER,
    looked_at=_NUMBERED,
    differences="""
        SELECT q.id AS subject_id, q.user_id, q.number AS paper, q.position, q.position_before, q.issued_at,
               q.issued_before
        FROM (
            SELECT id, user_id, kind, number, series, position, issued_at, time_zone,
                   lag(position, 1, 0) OVER numbers AS position_before, lag(issued_at) OVER numbers AS issued_before
            FROM papers WHERE number IS NOT NULL
            WINDOW numbers AS (PARTITION BY series ORDER BY position)
        ) q
        WHERE q.position <> q.position_before + 1 OR q.issued_at < q.issued_before
           OR q.number <> q.series || '-' || lpad(q.position::text, greatest(6, length(q.position::text)), '0')
           OR q.series <> CASE q.kind WHEN 'RECEIPT' THEN 'RCP' WHEN 'INVOICE' THEN 'INV' ELSE 'CRN' END
                          || to_char(q.issued_at AT TIME ZONE q.time_zone, '-YYYYMM')
        ORDER BY q.series, q.position
    """,
    meaning="A numbered paper was removed or changed, which the program cannot do: the database refuses it.",
    advice="Find out who had access and compare with the last backup. A gap is explained in writing to whoever audits; "
    "numbers are never given again.",
)

COUNTER = Check(
    name="paper-counter",
    promise="Every counter of papers stands at the last number of its series, which has as many papers",
    subject=Subject.PAPER,
    looked_at="SELECT count(*) FROM paper_counters",
    differences="""
        SELECT coalesce(c.series, p.series) AS subject_id, NULL::uuid AS user_id,
               c.last AS counter, p.last AS last_number, p.papers
        FROM paper_counters c
        FULL JOIN (
            SELECT series, max(position) AS last, count(*) AS papers
            FROM papers WHERE series IS NOT NULL
            GROUP BY series
        ) p ON p.series = c.series
        WHERE coalesce(c.last, 0) <> coalesce(p.last, 0) OR coalesce(p.last, 0) <> coalesce(p.papers, 0)
        ORDER BY 1
    """,
    meaning="The newest paper was removed, or the counter was set by hand: then the next number leaves a gap, or "
    "cannot be given because it is taken.",
    advice="Compare the newest papers of the series with the last backup before anything is issued on top.",
)

WAITING = Check(
    name="paper-waiting",
    promise="No paper waits longer than a day for its number",
    subject=Subject.ENTRY,
    looked_at="SELECT count(*) FROM papers",
    differences="""
        SELECT p.entry_id AS subject_id, p.user_id, 'TXMP-' || p.entry_number AS number, p.kind AS paper_kind,
               p.total AS paper_total, p.opened_at
        FROM papers p
        WHERE p.number IS NULL AND p.opened_at < :unpapered
        ORDER BY p.entry_number
    """,
    meaning="The work that numbers papers fails or does not run; customers wait for their invoice.",
    advice="See under Jobs what fails. When it works again, whatever waits is numbered by itself.",
)

CORRECTED = Check(
    name="paper-corrected",
    promise="What credit notes give back of a paper is the same customer's, and together no more than the paper",
    subject=Subject.PAPER,
    looked_at="SELECT count(*) FROM papers WHERE corrects_id IS NOT NULL",
    differences="""
        SELECT n.corrects_id AS subject_id, coalesce(p.user_id, n.user_id) AS user_id, p.number AS paper,
               p.total AS paper_total, n.given_back, n.user_id AS given_back_to
        FROM (
            SELECT corrects_id, user_id, sum(total)::bigint AS given_back, sum(tax)::bigint AS tax
            FROM papers WHERE corrects_id IS NOT NULL
            GROUP BY corrects_id, user_id
        ) n
        LEFT JOIN papers p ON p.id = n.corrects_id
        WHERE p.id IS NULL OR p.user_id <> n.user_id OR n.given_back > p.total OR n.tax > p.tax
        ORDER BY 1
    """,
    meaning="A credit note names the wrong paper, or more was given back than was ever charged.",
    advice="Compare the refunds of the charge with its credit notes. What was given back too much is taken back by an "
    "adjustment that says why.",
)

CHECKS = (PAPER, NUMBERS, COUNTER, WAITING, CORRECTED)
