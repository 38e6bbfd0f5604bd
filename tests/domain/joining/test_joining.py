"""A token for a new worker: it is in the cluster for its time and no longer, is seen once, and is in nobody's book."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from minispod.audit.models import AuditEntry
from minispod.audit.trail import Action
from minispod.cluster.joining import queries, requesting
from minispod.cluster.joining.errors import NoFreeToken, NoSuchJoin, NothingToRevoke, NotOpen, ShownBefore
from minispod.cluster.joining.models import NodeJoin
from minispod.cluster.joining.requesting import SLOTS
from minispod.cluster.joining.states import JoinState
from minispod.cluster.joining.wishes import Wishes
from minispod.cluster.port import ClusterRefused, ClusterUnavailable, NoSuchObject
from minispod.jobs.joining import work_on_join
from minispod.jobs.work import Work
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import db, session
from minispod.kernel.outbox import Lease
from minispod.kernel.tasks import Task
from minispod.kernel.unit_of_work import unit_of_work
from minispod.settings import Settings
from tests.domain.joining.certificates import ALONE
from tests.factories.nodes import worker
from tests.plugins.app import Person, PortsNow

AtOnce = Callable[[int, Callable[[int], Any]], list[Any]]
HOUR = timedelta(hours=1)


class Doors:
    """A cluster that knows tokens only, with what is to go wrong."""

    def __init__(self) -> None:
        self.tokens: dict[str, tuple[str, datetime] | None] = dict.fromkeys(SLOTS)
        self.trouble: Exception | None = None

    def authority(self) -> bytes:
        """One certificate."""
        return ALONE

    def put_join_token(self, slot: str, secret: str, *, expires_at: datetime) -> None:
        """Fill the Secret that is there."""
        self._go_wrong()
        self.tokens[slot] = (secret, expires_at)

    def clear_join_token(self, slot: str) -> None:
        """Empty it."""
        self._go_wrong()
        self.tokens[slot] = None

    def _go_wrong(self) -> None:
        if self.trouble is not None:
            raise self.trouble


class Yard:
    """An administrator, a worker, and the doors of the cluster."""

    def __init__(
        self, app: Flask, settings: Settings, ports: PortsNow, clock: FrozenClock, staff: Person
    ) -> None:
        self.app, self.settings, self.ports, self.clock, self.staff = app, settings, ports, clock, staff
        self.doors = Doors()
        ports.change(cluster=self.doors)

    def ask(self, lasts: timedelta = HOUR) -> uuid.UUID:
        """Have a token made."""
        with self.app.app_context(), unit_of_work():
            wishes = Wishes("worker-3", ("disk=fast",), ())
            return requesting.ask(
                wishes, lasts, sealer=self.ports.sealer, actor=self.staff.actor, at=self.clock.now()
            ).id

    def work(self, join_id: uuid.UUID) -> timedelta | None:
        """What a worker does when the row comes to it."""
        lease = Lease(uuid.uuid4(), Task.WORK_ON_JOIN, "", {"join_id": str(join_id)}, 1, 0, None, 1)
        with self.app.app_context():
            try:
                return work_on_join(Work(lease, self.ports, self.settings))  # type: ignore[arg-type]
            finally:
                db.session.remove()

    def show(self, join_id: uuid.UUID) -> str:
        """The token, once."""
        with self.app.app_context(), unit_of_work():
            return requesting.show(
                join_id, sealer=self.ports.sealer, actor=self.staff.actor, at=self.clock.now()
            ).token

    def revoke(self, join_id: uuid.UUID) -> None:
        """Take it back."""
        with self.app.app_context(), unit_of_work():
            requesting.revoke(join_id, actor=self.staff.actor, at=self.clock.now())

    def row(self, join_id: uuid.UUID) -> NodeJoin:
        """How it stands."""
        with self.app.app_context():
            return queries.get_join(join_id)

    def state(self, join_id: uuid.UUID) -> JoinState:
        """How far it is."""
        return self.row(join_id).state


@pytest.fixture
def yard(app: Flask, settings: Settings, ports: PortsNow, clock: FrozenClock, administrator: Person) -> Yard:
    """The yard."""
    return Yard(app, settings, ports, clock, administrator)


def test_a_token_is_put_shown_once_and_nowhere_else(yard: Yard) -> None:
    join = yard.ask()
    with pytest.raises(NotOpen):
        yard.show(join)
    yard.work(join)

    token = yard.show(join)

    row, put = yard.row(join), yard.doors.tokens[SLOTS[0]]
    assert put is not None
    assert token == f"K10{row.authority_hash}::{row.slot}.{put[0]}"
    assert put[1] == yard.clock.now() + HOUR
    assert row.sealed_secret is None
    with pytest.raises(ShownBefore):
        yard.show(join)
    with yard.app.app_context():
        book = session().scalars(select(AuditEntry).where(AuditEntry.subject_kind == "node_join")).all()
        assert [each.action for each in book] == [
            Action.NODE_JOIN_REQUESTED.value,
            Action.NODE_JOIN_SHOWN.value,
        ]
        assert put[0] not in str([each.details for each in book])


def test_two_who_look_at_once_see_it_once(yard: Yard, at_once: AtOnce) -> None:
    join = yard.ask()
    yard.work(join)

    seen = at_once(4, lambda _: yard.show(join))

    assert sorted(type(each).__name__ for each in seen) == ["ShownBefore"] * 3 + ["str"]


def test_so_many_at_a_time_also_when_all_ask_at_once(yard: Yard, at_once: AtOnce) -> None:
    made = at_once(5, lambda _: yard.ask())

    refused = [each for each in made if isinstance(each, NoFreeToken)]
    assert len(refused) == 5 - len(SLOTS), made
    slots = {yard.row(each).slot for each in made if isinstance(each, uuid.UUID)}
    assert slots == set(SLOTS)


def test_what_is_revoked_is_taken_out_and_its_place_is_free(yard: Yard) -> None:
    join = yard.ask()
    yard.work(join)

    yard.revoke(join)
    assert yard.state(join) is JoinState.ENDING
    yard.work(join)

    assert yard.state(join) is JoinState.REVOKED
    assert yard.doors.tokens[SLOTS[0]] is None
    with pytest.raises(NothingToRevoke):
        yard.revoke(join)
    assert yard.row(yard.ask()).slot == SLOTS[0]


def test_what_is_revoked_while_it_is_put_is_out_again(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    join = yard.ask()
    really = yard.doors.put_join_token

    def slow(slot: str, secret: str, *, expires_at: datetime) -> None:
        really(slot, secret, expires_at=expires_at)
        yard.revoke(join)

    monkeypatch.setattr(yard.doors, "put_join_token", slow)
    assert yard.work(join) == timedelta(0)
    yard.work(join)

    assert yard.state(join) is JoinState.REVOKED
    assert yard.doors.tokens[SLOTS[0]] is None


def test_its_time_ends_it(yard: Yard, tick: Callable[[str], None]) -> None:
    join = yard.ask()
    yard.work(join)
    yard.clock.advance(minutes=61)
    with pytest.raises(NotOpen):
        yard.show(join)

    tick("end-joins")
    assert yard.state(join) is JoinState.ENDING
    yard.work(join)

    assert yard.state(join) is JoinState.EXPIRED
    assert yard.doors.tokens[SLOTS[0]] is None


def test_a_token_lasts_a_day_at_most(yard: Yard) -> None:
    assert yard.row(yard.ask(timedelta(days=30))).expires_at == yard.clock.now() + timedelta(days=1)
    assert yard.row(yard.ask(timedelta(0))).expires_at == yard.clock.now() + timedelta(minutes=5)


def test_the_machine_that_came_with_it_ends_it(yard: Yard) -> None:
    first, second = yard.ask(), yard.ask()
    for each in (first, second):
        yard.work(each)

    for _ in range(2):  # the nodes are read again and again
        with yard.app.app_context(), unit_of_work():
            nodes = [worker("worker-1"), worker("worker-3", join=str(second))]
            requesting.note_arrivals(nodes, yard.clock.now())

    assert yard.state(first) is JoinState.READY
    assert yard.row(second).node_name == "worker-3"
    yard.work(second)
    assert yard.state(second) is JoinState.JOINED
    assert yard.doors.tokens[yard.row(second).slot] is None


@pytest.mark.parametrize("trouble", [NoSuchObject("none"), ClusterRefused("forbidden")])
def test_a_cluster_that_does_not_take_it_is_said_and_nothing_is_open(yard: Yard, trouble: Exception) -> None:
    yard.doors.trouble = trouble
    join = yard.ask()

    yard.work(join)

    row = yard.row(join)
    assert (row.state, row.sealed_secret) == (JoinState.FAILED, None)
    assert row.error
    yard.doors.trouble = None
    assert yard.row(yard.ask()).slot == SLOTS[0]


def test_a_token_that_cannot_be_taken_out_is_tried_again(yard: Yard) -> None:
    join = yard.ask()
    yard.work(join)
    yard.revoke(join)

    yard.doors.trouble = ClusterRefused("forbidden")
    assert yard.work(join) == timedelta(seconds=30)
    yard.doors.trouble = ClusterUnavailable()
    with pytest.raises(ClusterUnavailable):
        yard.work(join)
    assert yard.state(join) is JoinState.ENDING
    yard.doors.trouble = NoSuchObject("removed by the cluster")
    yard.work(join)

    assert yard.state(join) is JoinState.REVOKED


class Died(BaseException):
    """The process is gone."""


def test_a_worker_that_dies_with_the_token_in_the_cluster_is_followed_by_another(yard: Yard) -> None:
    join = yard.ask()
    really = yard.doors.put_join_token

    def mortal(slot: str, secret: str, *, expires_at: datetime) -> None:
        really(slot, secret, expires_at=expires_at)
        raise Died

    yard.doors.put_join_token = mortal  # type: ignore[method-assign]
    with pytest.raises(Died):
        yard.work(join)
    first = yard.doors.tokens[SLOTS[0]]
    assert yard.state(join) is JoinState.ASKED

    yard.doors.put_join_token = really  # type: ignore[method-assign]
    yard.work(join)

    assert yard.doors.tokens[SLOTS[0]] == first, "the same token, whoever puts it"
    assert first is not None
    assert yard.show(join).endswith(first[0])


def test_a_token_that_never_came_into_the_cluster_is_forgotten_at_its_end(yard: Yard) -> None:
    join = yard.ask()
    yard.clock.advance(minutes=61)

    yard.work(join)

    row = yard.row(join)
    assert (row.state, row.sealed_secret) == (JoinState.EXPIRED, None)


def test_several_are_locked_in_the_order_of_their_ids(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    joins = [yard.ask() for _ in SLOTS]
    for each in reversed(joins):
        yard.work(each)  # a row that is written anew lies behind the others
    locked: list[uuid.UUID] = []
    really = requesting._lock
    monkeypatch.setattr(requesting, "_lock", lambda id_: (locked.append(id_), really(id_))[1])

    with yard.app.app_context(), unit_of_work():
        nodes = [worker(f"worker-{each}", join=str(each)) for each in joins]
        requesting.note_arrivals(nodes, yard.clock.now())
    with yard.app.app_context(), unit_of_work():
        requesting.end_overdue(yard.clock.now())

    assert locked == [*joins, *joins]


def test_what_ended_long_ago_is_removed_and_the_book_keeps_it(
    yard: Yard, tick: Callable[[str], None]
) -> None:
    over, lasting = yard.ask(), yard.ask(timedelta(days=1000))
    yard.work(over)
    yard.revoke(over)
    yard.work(over)

    yard.clock.advance(days=365)
    tick("clean-up")
    assert yard.state(over) is JoinState.REVOKED
    yard.clock.advance(seconds=1)
    tick("clean-up")

    with pytest.raises(NoSuchJoin):
        yard.row(over)
    assert yard.state(lasting) is JoinState.ASKED, "what is not at its end stays, however old"
    with yard.app.app_context():
        wanted = select(AuditEntry.action).where(AuditEntry.subject_id == str(over))
        assert Action.NODE_JOIN_ENDED.value in session().scalars(wanted).all()
