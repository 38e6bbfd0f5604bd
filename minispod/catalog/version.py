"""The version of the catalogue: what tells whether an answer made from it is still true (docs/adr/0030).

It is read from the rows themselves. PostgreSQL keeps on every row the transaction that wrote it, so any committed
change of a category, service or plan changes the version, and nothing else does: also the taking of a slot, which
every act that fills or frees the machines does too.
"""

from sqlalchemy import text

from minispod.kernel.database import session

_READ = text(
    """
    SELECT md5(concat(
        (SELECT string_agg(id::text || xmin::text, ',' ORDER BY id) FROM categories), ';',
        (SELECT string_agg(id::text || xmin::text, ',' ORDER BY id) FROM services), ';',
        (SELECT string_agg(id::text || xmin::text, ',' ORDER BY id) FROM plans)
    ))
    """
)


def read() -> str:
    """The version as of what is committed now."""
    return str(session().scalar(_READ))
