"""The version of the catalogue: what tells whether an answer made from it is still true (docs/adr/0030).

It is read from the rows themselves. PostgreSQL keeps on every row the transaction that wrote it, so any committed
change of a category, service or plan changes the version, and nothing else does: also the taking of a slot, which
every act that fills or frees the machines does too.
"""

from sqlalchemy import ColumnElement, ScalarSelect, Select, func, literal_column, select

from minispod.kernel.database import run

_ROWS: ColumnElement[str] = literal_column(
    """md5(concat(
        (SELECT string_agg(id::text || xmin::text, ',' ORDER BY id) FROM categories), ';',
        (SELECT string_agg(id::text || xmin::text, ',' ORDER BY id) FROM services), ';',
        (SELECT string_agg(id::text || xmin::text, ',' ORDER BY id) FROM plans)
    ))"""
)


def reading(beside: ScalarSelect[str]) -> Select[str]:
    """The one statement that reads the version together with what else an answer depends on; made once."""
    return select(func.concat(_ROWS, ";", beside))


def read(statement: Select[str]) -> str:
    """The version as of what is committed now."""
    return str(run(statement, {}).scalar_one())
