"""Tell the administrators of backups that fail or are overdue: one mail each per set of new troubles.

A trouble is remembered as long as it lasts, so that it is told once; when it is over and comes again, again.
"""

import hashlib
import uuid
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, select, true, tuple_
from sqlalchemy.dialects.postgresql import insert

from minispod.accounts.models import User
from minispod.audit import trail
from minispod.backups.models import BackupTrouble, TroubleKind
from minispod.backups.standing import Standing, in_trouble, standings
from minispod.instances.models import Instance
from minispod.kernel.actor import Role, system
from minispod.kernel.database import session
from minispod.notifications import post
from minispod.notifications.messages import MessageKind

_SHOWN = 20
_Trouble = tuple[uuid.UUID, TroubleKind]


def look(at: datetime, alarm: timedelta) -> int:
    """Find the troubles there are now and tell of the new ones; returns how many those are."""
    rows = session().execute(standings().where(in_trouble(at, alarm)).order_by(Instance.name))
    troubles = {
        (standing.instance.id, kind): standing
        for standing in (Standing(*row) for row in rows)
        if (kind := standing.trouble(at, alarm)) is not None
    }
    _forget_all_but(troubles.keys())
    new = [(kind, troubles[id_, kind]) for id_, kind in _remember(troubles.keys(), at)]
    if new:
        _call_staff(sorted(new, key=lambda each: each[1].instance.name), len(troubles), at)
    return len(new)


def _forget_all_but(lasting: Collection[_Trouble]) -> None:
    """What is over will be told again when it comes back."""
    key = tuple_(BackupTrouble.instance_id, BackupTrouble.kind)
    session().execute(delete(BackupTrouble).where(key.not_in(lasting) if lasting else true()))


def _remember(lasting: Collection[_Trouble], at: datetime) -> Sequence[_Trouble]:
    """Write down what is to be told, and return what nobody wrote down before us."""
    if not lasting:
        return ()
    rows = [{"instance_id": id_, "kind": kind, "told_at": at} for id_, kind in sorted(lasting)]
    written = (
        insert(BackupTrouble)
        .values(rows)
        .on_conflict_do_nothing()
        .returning(BackupTrouble.instance_id, BackupTrouble.kind)
    )
    return [(id_, kind) for id_, kind in session().execute(written)]


def _call_staff(new: Sequence[tuple[TroubleKind, Standing]], total: int, at: datetime) -> None:
    names = [{"name": standing.instance.name, "kind": kind.value} for kind, standing in new]
    failed = sum(kind is TroubleKind.FAILED for kind, _ in new)
    trail.record(
        system("backups"),
        trail.Action.BACKUP_TROUBLED,
        at=at,
        subject_kind="backup",
        subject_id="troubles",
        failed=failed,
        overdue=len(new) - failed,
        instances=[each["name"] for each in names[:_SHOWN]],
    )
    administrators = session().scalars(
        select(User).where(User.role == Role.ADMINISTRATOR, User.is_active.is_(True))
    )
    for user in administrators:
        post.queue(
            MessageKind.STAFF_ALERT,
            post.Recipient(user.name, user.email, user.id),
            dedupe_key=f"backups:{_digest(new)}:{user.id}",
            at=at,
            facts={
                "backups": names[:_SHOWN],
                "failed": failed,
                "overdue": len(new) - failed,
                "total": total,
            },
        )


def _digest(new: Sequence[tuple[TroubleKind, Standing]]) -> str:
    """The same troubles, counted from the same good backups, have the same digest."""
    told = sorted(
        f"{standing.instance.id} {kind} {standing.newest.id if standing.newest else None}"
        for kind, standing in new
    )
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:32]
