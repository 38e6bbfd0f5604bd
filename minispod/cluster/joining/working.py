"""Bring the cluster to what a join's row says: claim and settle; the job talks between them."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from minispod.audit import trail
from minispod.cluster.joining.models import NodeJoin
from minispod.cluster.joining.requesting import record
from minispod.cluster.joining.states import JoinEnd, JoinState
from minispod.kernel.actor import system
from minispod.kernel.database import lock
from minispod.kernel.sealed import Sealer

_OURSELVES = system("nodes")
_AGAIN = timedelta(seconds=30)
NOTHING_THERE = (
    "The cluster has no Secret bootstrap-token-{}. Apply deploy/join-tokens.yaml, then make another."
)


@dataclass(frozen=True, slots=True)
class JoinOrder:
    """What is to be in the cluster: a token until its time, or (`secret` is None) none."""

    join_id: uuid.UUID
    slot: str
    expires_at: datetime
    secret: str | None

    def __repr__(self) -> str:
        """Keep the secret out of logs."""
        return f"JoinOrder({self.slot})"


@dataclass(frozen=True, slots=True)
class JoinReport:
    """What became of it; `failure` is why the cluster did not take it."""

    authority_hash: str | None = None
    failure: str | None = None


def claim(join_id: uuid.UUID, *, sealer: Sealer, at: datetime) -> JoinOrder | None:
    """What to do now; None when nothing is left."""
    join: NodeJoin | None = lock(NodeJoin, join_id)
    if join is None or join.state not in (JoinState.ASKED, JoinState.ENDING):
        return None
    is_put = join.state is JoinState.ASKED and join.expires_at > at and join.sealed_secret is not None
    secret = sealer.open(join.sealed_secret)["secret"] if is_put and join.sealed_secret else None
    return JoinOrder(join.id, join.slot, join.expires_at, secret)


def settle(order: JoinOrder, report: JoinReport, *, at: datetime) -> timedelta | None:
    """Write down what became of it; a span when it is to be tried again."""
    join: NodeJoin | None = lock(NodeJoin, order.join_id)
    if join is None or join.state not in (JoinState.ASKED, JoinState.ENDING):
        return None
    if order.secret is not None:
        return _settle_put(join, report, at)
    if report.failure is not None:
        join.error = report.failure
        return _AGAIN
    if join.state is JoinState.ENDING or join.expires_at <= at:
        _end(join, JoinState(join.ends_as or JoinEnd.EXPIRED), at)
    return None


def _settle_put(join: NodeJoin, report: JoinReport, at: datetime) -> timedelta | None:
    if join.state is JoinState.ENDING:  # revoked meanwhile: out with it again
        return timedelta(0)
    if report.failure is not None:
        join.error = report.failure
        _end(join, JoinState.FAILED, at)
    else:
        join.state, join.authority_hash = JoinState.READY, report.authority_hash
    return None


def _end(join: NodeJoin, state: JoinState, at: datetime) -> None:
    join.state, join.sealed_secret, join.ended_at = state, None, at
    record(_OURSELVES, trail.Action.NODE_JOIN_ENDED, join, at=at, ended=state.value, error=join.error)
