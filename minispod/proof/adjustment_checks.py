"""Corrections by administrators: each applied one is one entry of the ledger, and none waits beyond its time."""

from minispod.proof.check import Check, Subject

ENTRY = Check(
    name="adjustment-entry",
    promise="Every applied adjustment has one ledger entry of its sum, and every such entry its applied adjustment",
    subject=Subject.ADJUSTMENT,
    looked_at="SELECT count(*) FROM adjustments",
    differences="""
        SELECT coalesce(a.id::text, e.reference) AS subject_id, coalesce(a.user_id, e.user_id) AS user_id,
               'TXMP-' || e.number AS number, a.state, a.delta AS adjusted, e.delta AS entry_amount
        FROM adjustments a
        FULL JOIN (SELECT * FROM ledger_entries WHERE kind = 'adjustment') e ON e.reference = a.id::text
        WHERE (e.id IS NULL AND a.state = 'APPLIED')
           OR (e.id IS NOT NULL AND (
               a.id IS NULL OR a.state <> 'APPLIED' OR a.entry_id <> e.id OR a.delta <> e.delta
               OR a.user_id <> e.user_id
           ))
        ORDER BY 1
    """,
    meaning="Credit was moved in an administrator's name that nobody asked for or confirmed, or in another sum.",
    advice="Ask whoever is named in the audit book. What should not have moved is set right by an adjustment that says "
    "why; entries are never changed.",
)

WAITING = Check(
    name="adjustment-waiting",
    promise="No adjustment waits for its second confirmation beyond its time",
    subject=Subject.ADJUSTMENT,
    looked_at="SELECT count(*) FROM adjustments",
    differences="""
        SELECT id AS subject_id, user_id, state, delta AS adjusted, requested_at, expires_at
        FROM adjustments
        WHERE state = 'PENDING' AND coalesce(expires_at < :unclosed, true)
        ORDER BY requested_at, id
    """,
    meaning="The periodic work expire-adjustments does not run. Nothing has moved: what is overdue is refused.",
    advice="See under Jobs whether the scheduler lives and what fails; then it is closed by itself.",
)

CHECKS = (ENTRY, WAITING)
