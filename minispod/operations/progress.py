"""How far an operation is, in words for the customer and for staff, and as figures. Reads only; writes no state."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select

from minispod.kernel.database import session
from minispod.operations.models import Operation
from minispod.operations.plans import PLANS
from minispod.operations.states import LIVE, OperationKind, OperationStatus, Step

_WORDS: dict[Step, tuple[str, str]] = {
    Step.BEGIN: ("Waiting for its turn", "Menunggu giliran"),
    Step.COPY_LIVE: ("Copying the data while the application runs", "Menyalin data selagi aplikasi berjalan"),
    Step.QUIESCE: ("Stopping the application", "Menghentikan aplikasi"),
    Step.OPEN_OLD: ("Preparing to copy", "Menyiapkan penyalinan"),
    Step.COPY: ("Copying the data", "Menyalin data"),
    Step.CLOSE_OLD: ("The copy is made", "Salinan selesai dibuat"),
    Step.OPEN_FRESH: ("Preparing a fresh volume", "Menyiapkan volume baru"),
    Step.FILL: ("Filling the fresh volume", "Mengisi volume baru"),
    Step.CLOSE_FRESH: ("The fresh volume is filled", "Volume baru sudah terisi"),
    Step.SWITCH: ("Changing to the fresh volume", "Beralih ke volume baru"),
    Step.PROVE: ("Starting the new version", "Menjalankan versi baru"),
    Step.GO_BACK: ("Going back to how it was", "Kembali seperti semula"),
    Step.UNDO: ("Clearing up what the attempt left", "Membersihkan sisa percobaan"),
    Step.ENDED: ("Ended", "Selesai"),
}


@dataclass(frozen=True, slots=True)
class Progress:
    """The present step in both languages, and how many of how many steps are done."""

    en: str
    id: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class OperationFacts:
    """What its owner sees of an operation at one moment."""

    operation_id: uuid.UUID
    instance_id: uuid.UUID
    user_id: uuid.UUID
    kind: OperationKind
    status: OperationStatus
    step: Step
    error: str | None


def progress_of(operation: Operation | OperationFacts) -> Progress:
    """How far it is. A copy made while the application runs is a plan of one step."""
    en, id_ = _WORDS[operation.step]
    plan = PLANS[operation.kind]
    if operation.step is Step.COPY_LIVE:
        return Progress(en, id_, 0, 1)
    if operation.status not in LIVE:
        en, id_ = ("Done", "Selesai") if operation.status is OperationStatus.DONE else ("Failed", "Gagal")
        return Progress(en, id_, len(plan), len(plan))
    done = plan.index(operation.step) if operation.step in plan else 0
    return Progress(en, id_, done, len(plan))


def list_progress(*, owners: Collection[uuid.UUID] | None, ended_since: datetime) -> Sequence[OperationFacts]:
    """What is or was done lately with these customers' data (None: everybody's), without the rows.

    For live status: the caller shows each only to its owner and to staff.
    """
    wanted = select(
        Operation.id,
        Operation.instance_id,
        Operation.user_id,
        Operation.kind,
        Operation.status,
        Operation.step,
        Operation.error,
    ).where(or_(Operation.status.in_(LIVE), Operation.ended_at > ended_since))
    if owners is not None:
        wanted = wanted.where(Operation.user_id.in_(owners))
    return [OperationFacts(*row) for row in session().execute(wanted)]
