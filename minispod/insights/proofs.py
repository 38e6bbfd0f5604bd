"""What a proof found, as staff read it: each difference with its customer, what it may mean, and its repair."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import select

from minispod.accounts.models import User
from minispod.kernel.database import session
from minispod.kernel.paging import Page, PageRequest
from minispod.proof import history
from minispod.proof.check import Check
from minispod.proof.checks import CHECKS, find_check
from minispod.proof.models import ProofDifference
from minispod.proof.repairs import REPAIRS, Repair


class HasOwner(Protocol):
    """A difference, found or kept."""

    @property
    def user_id(self) -> uuid.UUID | None:
        """Whose it is; None where it is nobody's."""
        ...


@dataclass(frozen=True, slots=True)
class ShownDifference:
    """One difference; `check` is None when this version does not know it, `repair` when none is safe or it is done."""

    difference: ProofDifference
    customer: User | None
    check: Check | None
    repair: Repair | None

    @property
    def place(self) -> int:
        """Where its check stands in the table of checks; behind all others when this version does not know it."""
        return CHECKS.index(self.check) if self.check else len(CHECKS)


def list_differences(run_id: uuid.UUID, page: PageRequest) -> Page[ShownDifference]:
    """What a run found, check by check."""
    found = history.list_differences(run_id, page)
    owners = owners_of(found.items)
    return found.map(lambda each: _shown(each, owners))


def _shown(difference: ProofDifference, owners: dict[uuid.UUID, User]) -> ShownDifference:
    repair = REPAIRS.get(difference.check) if difference.repaired_at is None else None
    owner = owners.get(difference.user_id) if difference.user_id else None
    return ShownDifference(difference, owner, find_check(difference.check), repair)


def owners_of(differences: Iterable[HasOwner]) -> dict[uuid.UUID, User]:
    """The customers that these are about, by id."""
    user_ids = {each.user_id for each in differences if each.user_id}
    rows = session().scalars(select(User).where(User.id.in_(user_ids)))
    return {row.id: row for row in rows}
