"""Ask for a token, see it once, take it back. The cluster is not asked here: the worker does that after the commit.

Locked is the join's own row; several in the order of their ids.
"""

import secrets
import string
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from minispod.audit import trail
from minispod.cluster.joining.errors import NoFreeToken, NoSuchJoin, NothingToRevoke, NotOpen, ShownBefore
from minispod.cluster.joining.models import NodeJoin
from minispod.cluster.joining.script import token_of
from minispod.cluster.joining.states import LIVE, JoinEnd, JoinState
from minispod.cluster.joining.wishes import Wishes
from minispod.cluster.port import NodeSighting
from minispod.kernel import outbox
from minispod.kernel.actor import Actor, system
from minispod.kernel.database import lock, session
from minispod.kernel.ids import new_id
from minispod.kernel.sealed import Sealer
from minispod.kernel.tasks import Task

SLOTS = ("mpod01", "mpod02", "mpod03")
"""The public parts of the tokens, and so the names of their Secrets (deploy/join-tokens.yaml)."""

SHORTEST, LONGEST = timedelta(minutes=5), timedelta(hours=24)
_SECRET_LENGTH = 16
_LETTERS = string.ascii_lowercase + string.digits
_LIVE_SLOT = NodeJoin.state.in_(LIVE)


@dataclass(frozen=True, slots=True)
class Shown:
    """A join with its token in the clear; to be shown once."""

    join: NodeJoin
    token: str

    def __repr__(self) -> str:
        """Keep the token out of logs."""
        return "Shown(***)"


def ask(wishes: Wishes, lasts: timedelta, *, sealer: Sealer, actor: Actor, at: datetime) -> NodeJoin:
    """Have a token made that ends by itself. Refuses NoFreeToken."""
    secret = "".join(secrets.choice(_LETTERS) for _ in range(_SECRET_LENGTH))
    taken = set(session().scalars(select(NodeJoin.slot).where(_LIVE_SLOT)))
    for slot in SLOTS:
        if slot in taken:
            continue
        row = insert(NodeJoin).values(
            id=new_id(),
            slot=slot,
            state=JoinState.ASKED,
            sealed_secret=sealer.seal({"secret": secret}),
            wanted_name=wishes.name,
            labels=list(wishes.labels),
            taints=list(wishes.taints),
            expires_at=at + min(max(lasts, SHORTEST), LONGEST),
            requested_by=actor.name[:120],
            requested_by_id=actor.user_id,
            requested_at=at,
        )
        # Somebody who asks at this moment may take it first; then the next one is tried.
        alone = row.on_conflict_do_nothing(index_elements=["slot"], index_where=_LIVE_SLOT)
        join: NodeJoin | None = session().scalar(alone.returning(NodeJoin))
        if join is not None:
            record(actor, trail.Action.NODE_JOIN_REQUESTED, join, at=at, until=join.expires_at.isoformat())
            work_later(join, at)
            return join
    raise NoFreeToken()


def show(join_id: uuid.UUID, *, sealer: Sealer, actor: Actor, at: datetime) -> Shown:
    """The token, once: it is forgotten here with the showing. Refuses NoSuchJoin, NotOpen, ShownBefore."""
    join = _lock(join_id)
    if join.state is not JoinState.READY or join.authority_hash is None or join.expires_at <= at:
        raise NotOpen(state=join.state.value)
    if join.sealed_secret is None:
        raise ShownBefore()
    secret = sealer.open(join.sealed_secret)["secret"]
    join.sealed_secret, join.shown_at = None, at
    record(actor, trail.Action.NODE_JOIN_SHOWN, join, at=at)
    return Shown(join, token_of(join.slot, secret, join.authority_hash))


def revoke(join_id: uuid.UUID, *, actor: Actor, at: datetime) -> NodeJoin:
    """Have the token taken out of the cluster. Refuses NoSuchJoin, NothingToRevoke."""
    join = _lock(join_id)
    if join.state not in (JoinState.ASKED, JoinState.READY):
        raise NothingToRevoke(state=join.state.value)
    record(actor, trail.Action.NODE_JOIN_REVOKED, join, at=at)
    end(join, JoinEnd.REVOKED, at=at)
    return join


def end(join: NodeJoin, ends_as: JoinEnd, *, at: datetime) -> None:
    """Have the token taken out, for this reason. The row is locked."""
    join.state, join.ends_as, join.sealed_secret = JoinState.ENDING, ends_as, None
    work_later(join, at)


def end_overdue(at: datetime) -> int:
    """Take out what is past its time, and carry on what is left lying; how many ended."""
    ended = 0
    for join_id in session().scalars(select(NodeJoin.id).where(_LIVE_SLOT).order_by(NodeJoin.id)).all():
        join = _lock(join_id)
        if join.state in (JoinState.ASKED, JoinState.READY) and join.expires_at <= at:
            end(join, JoinEnd.EXPIRED, at=at)
            ended += 1
        elif join.state in (JoinState.ASKED, JoinState.ENDING):
            outbox.ensure(Task.WORK_ON_JOIN, key=str(join.id), at=at, join_id=str(join.id))
    return ended


def note_arrivals(nodes: Iterable[NodeSighting], at: datetime) -> Sequence[str]:
    """Know machines again that have come with a token, which ends with that; the names of their nodes."""
    by_join = {each.join: each.name for each in nodes if each.join}
    if not by_join:
        return []
    arrived = []
    waited_for = select(NodeJoin.id).where(NodeJoin.state.in_((JoinState.ASKED, JoinState.READY)))
    for join_id in session().scalars(waited_for.order_by(NodeJoin.id)).all():
        name = by_join.get(str(join_id))
        join = _lock(join_id) if name else None
        if name and join is not None and join.state in (JoinState.ASKED, JoinState.READY):
            join.node_name = name
            record(system("nodes"), trail.Action.NODE_JOINED, join, at=at, node=name)
            end(join, JoinEnd.JOINED, at=at)
            arrived.append(name)
    return arrived


def forget(*, before: datetime) -> None:
    """Remove joins that ended before; what became of them is in the audit book."""
    session().execute(delete(NodeJoin).where(NodeJoin.ended_at < before))


def work_later(join: NodeJoin, at: datetime) -> None:
    """Have the cluster brought to what the row says, after the commit."""
    outbox.later(Task.WORK_ON_JOIN, key=str(join.id), at=at, join_id=str(join.id))


def record(actor: Actor, action: trail.Action, join: NodeJoin, *, at: datetime, **details: object) -> None:
    """Write into the book; the token is in none of it."""
    trail.record(
        actor, action, at=at, subject_kind="node_join", subject_id=join.id, slot=join.slot, **details
    )


def _lock(join_id: uuid.UUID) -> NodeJoin:
    join: NodeJoin | None = lock(NodeJoin, join_id)
    if join is None:
        raise NoSuchJoin()
    return join
