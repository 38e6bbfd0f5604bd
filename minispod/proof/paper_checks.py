"""Papers: each movement that deserves one has one, of its sum, and the numbers of a series have no gap."""

from minispod.proof.check import Check, Subject

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
               OR left(p.series, 3) <> CASE p.kind
                      WHEN 'RECEIPT' THEN 'RCP' WHEN 'INVOICE' THEN 'INV' ELSE 'CRN' END
               OR p.number <> p.series || '-'
                      || lpad(p.position::text, greatest(6, length(p.position::text)), '0')
           ))
        ORDER BY 3
    """,
    meaning="Money moved without a receipt, invoice or credit note, or a paper says something else than the ledger.",
    advice="What is missing is written by the periodic work complete-papers: see under Jobs why that fails. A paper "
    "that is wrong is never changed; tell the customer and your tax adviser, and correct the sum by an adjustment.",
)

NUMBERS = Check(
    name="paper-numbers",
    promise="The numbers of each series of papers follow one another without a gap, and their dates rise with them",
    subject=Subject.PAPER,
    looked_at="SELECT count(*) FROM papers WHERE number IS NOT NULL",
    # Only what is compared is sorted; the rest is looked up for the few that differ.
    differences="""
        SELECT p.id AS subject_id, p.user_id, p.number AS paper, q.position_before, q.issued_at, q.issued_before
        FROM (
            SELECT series, position, issued_at,
                   lag(position, 1, 0) OVER numbers AS position_before, lag(issued_at) OVER numbers AS issued_before
            FROM papers WHERE series IS NOT NULL
            WINDOW numbers AS (PARTITION BY series ORDER BY position)
        ) q
        JOIN LATERAL (
            SELECT id, user_id, number FROM papers WHERE series = q.series AND position = q.position OFFSET 0
        ) p ON true
        WHERE q.position <> q.position_before + 1 OR q.issued_at < q.issued_before
        ORDER BY q.series, q.position
    """,
    meaning="A numbered paper was removed or changed, which the program cannot do: the database refuses it.",
    advice="Find out who had access and compare with the last backup. A gap is explained in writing to whoever audits; "
    "numbers are never given again.",
)

SERIES = Check(
    name="paper-series",
    promise="Every counter stands at the last number of its series, whose first and last paper are of its month",
    subject=Subject.PAPER,
    looked_at="SELECT count(*) FROM paper_counters",
    # Dates rise with the numbers, so that what is between the first and the last is of the same month.
    differences="""
        SELECT coalesce(c.series, p.series) AS subject_id, NULL::uuid AS user_id,
               c.last AS counter, p.last AS last_number, p.papers,
               first.issued_at AS first_issued_at, latest.issued_at AS last_issued_at
        FROM paper_counters c
        FULL JOIN (
            SELECT series, min(position) AS first, max(position) AS last, count(*) AS papers
            FROM papers WHERE series IS NOT NULL
            GROUP BY series
        ) p ON p.series = c.series
        LEFT JOIN papers first ON first.series = p.series AND first.position = p.first
        LEFT JOIN papers latest ON latest.series = p.series AND latest.position = p.last
        WHERE coalesce(c.last, 0) <> coalesce(p.last, 0) OR coalesce(p.last, 0) <> coalesce(p.papers, 0)
           OR right(p.series, 6) <> to_char(first.issued_at AT TIME ZONE first.time_zone, 'YYYYMM')
           OR right(p.series, 6) <> to_char(latest.issued_at AT TIME ZONE latest.time_zone, 'YYYYMM')
        ORDER BY 1
    """,
    meaning="The newest paper was removed, or the counter was set by hand: then the next number leaves a gap, or "
    "cannot be given because it is taken. Or a paper stands in the month of another.",
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

CHECKS = (PAPER, NUMBERS, SERIES, WAITING, CORRECTED)
