"""Tell the administrators of backups that fail or are overdue: one mail each per set of new troubles.

A trouble is remembered as long as it lasts, so that it is told once; when it is over and comes again, again.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, select, tuple_

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


def look(at: datetime, alarm: timedelta) -> int:
    """Find the troubles there are now and tell of the new ones; returns how many those are."""
    rows = session().execute(standings().where(in_trouble(at, alarm)).order_by(Instance.name))
    troubles = {
        (standing.instance.id, kind): standing
        for standing in (Standing(*row) for row in rows)
        if (kind := standing.trouble(at, alarm)) is not None
    }
    told = {
        (id_, kind) for id_, kind in session().execute(select(BackupTrouble.instance_id, BackupTrouble.kind))
    }
    over = told - troubles.keys()
    if over:
        key = tuple_(BackupTrouble.instance_id, BackupTrouble.kind)
        session().execute(delete(BackupTrouble).where(key.in_(over)))
    new = [(kind, standing) for (id_, kind), standing in troubles.items() if (id_, kind) not in told]
    if new:
        session().add_all(
            BackupTrouble(instance_id=standing.instance.id, kind=kind, told_at=at) for kind, standing in new
        )
        session().flush()  # of two who look at once, one ends here
        _call_staff(new, len(troubles), at)
    return len(new)


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
