"""The version of the catalogue: what tells whether an answer made from it is still true (docs/adr/0030).

It is read from the rows themselves. PostgreSQL keeps on every row the transaction that wrote it, so any committed
change of a category, service or plan changes the version, and nothing else does: also the taking of a slot, which
every act that fills or frees the machines does too.
"""

from sqlalchemy import ScalarSelect
from sqlalchemy.dialects import postgresql

from minispod.kernel.database import ask

_QUESTION = """
SELECT concat(md5(string_agg(concat(id, xmin), ',' ORDER BY id)), ';', ({beside}))
FROM (
    SELECT id, xmin FROM categories UNION ALL SELECT id, xmin FROM services UNION ALL SELECT id, xmin FROM plans
) rows
"""


def reading(beside: ScalarSelect[str]) -> str:
    """The one statement that reads the version together with what else an answer depends on; made once."""
    told = beside.element.compile(
        dialect=postgresql.dialect(),  # type: ignore[no-untyped-call]
        compile_kwargs={"literal_binds": True},
    )
    return _QUESTION.format(beside=told)


def read(statement: str) -> str:
    """The version as of what is committed now."""
    return str(ask(statement))
