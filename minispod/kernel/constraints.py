"""Refusals that the database decides: of those who write at the same instant, only it knows who was first."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy.exc import IntegrityError

from minispod.kernel.database import session
from minispod.kernel.errors import Refusal


@contextmanager
def refusing(refusals: Mapping[str, Refusal]) -> Iterator[None]:
    """Turn the violation of a constraint whose name begins so into a refusal; what was written inside is undone."""
    try:
        with session().begin_nested():
            yield
    except IntegrityError as error:
        diagnosis = getattr(error.orig, "diag", None)
        name = str(getattr(diagnosis, "constraint_name", "") or "")
        refusal = next((each for start, each in refusals.items() if name.startswith(start)), None)
        if refusal is None:
            raise
        raise refusal from None
