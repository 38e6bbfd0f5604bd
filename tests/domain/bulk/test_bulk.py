"""An act on many instances: what it foresees, that it does exactly that, and that each is done once, come what may."""

import signal
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from rq.timeouts import JobTimeoutException
from sqlalchemy import select, update
from structlog.testing import capture_logs

from minispod.accounts import stewardship
from minispod.audit.models import AuditEntry
from minispod.audit.trail import Action
from minispod.instances.states import InstanceStatus, Wanted
from minispod.kernel.actor import ActorKind, Role
from minispod.kernel.database import session
from minispod.kernel.errors import TimeIsUp
from minispod.kernel.outbox import OutboxRow
from minispod.kernel.unit_of_work import unit_of_work
from minispod.operations.models import Operation
from minispod.operations.states import OperationStatus
from minispod.subscriptions.bulk import working
from minispod.subscriptions.bulk.errors import (
    KeyOfAnother,
    NothingChosen,
    NothingToCallOff,
    TooManyChosen,
)
from minispod.subscriptions.bulk.foreseeing import MOST, foresee
from minispod.subscriptions.bulk.models import BulkBatch
from minispod.subscriptions.bulk.states import BulkAct, ItemState
from minispod.worker import _Worker
from tests.concurrency.waiting import holding, waits_with
from tests.domain.bulk.conftest import Herd
from tests.factories.statements import asked
from tests.plugins.app import Person

MakeHerd = Callable[[int], Herd]
AtOnce = Callable[[int, Callable[[int], Any]], list[Any]]


def lines(herd: Herd, *actions: Action) -> list[AuditEntry]:
    """Lines of the book."""
    with herd.shop.app.app_context():
        wanted = select(AuditEntry).where(AuditEntry.action.in_([each.value for each in actions]))
        return list(session().scalars(wanted.order_by(AuditEntry.id)))


def refusals(herd: Herd, act: BulkAct) -> dict[uuid.UUID, str | None]:
    """The code of each instance's refusal, None where it is taken."""
    with herd.shop.app.app_context():
        return {
            each.instance.id: each.refusal.code if each.refusal else None for each in foresee(act, herd.ids)
        }


@pytest.mark.parametrize(
    ("act", "taken"),
    [
        (BulkAct.START, InstanceStatus.STOPPED),
        (BulkAct.STOP, InstanceStatus.RUNNING),
        (BulkAct.RESTART, InstanceStatus.RUNNING),
        (BulkAct.RETRY, InstanceStatus.ERROR),
    ],
)
def test_exactly_what_was_foreseen_is_done(herd: MakeHerd, act: BulkAct, taken: InstanceStatus) -> None:
    some = herd(4)
    for number, status in enumerate(
        (InstanceStatus.RUNNING, InstanceStatus.STOPPED, InstanceStatus.ERROR, InstanceStatus.PENDING)
    ):
        some.put(number, status=status)
    ahead = refusals(some, act)

    batch = some.ask(act)
    some.work(batch)

    done = {id_ for id_, item in some.items(batch).items() if item.state is ItemState.UNDER_WAY}
    refused = {id_ for id_, item in some.items(batch).items() if item.state is ItemState.REFUSED}
    assert done == {id_ for id_, code in ahead.items() if code is None}
    assert refused == {id_ for id_, code in ahead.items() if code is not None}
    assert [each.status is not taken for each in some.instances()].count(True) == 4, "the one was acted on"
    assert all(some.items(batch)[each].reason for each in refused)


def test_a_backup_is_foreseen_beside_what_is_under_way(herd: MakeHerd) -> None:
    some = herd(3)
    some.put(1, first_ran_at=None)
    first = some.ask(BulkAct.BACK_UP, some.ids[:1])
    some.work(first)

    assert refusals(some, BulkAct.BACK_UP) == {
        some.ids[0]: "operations.another_runs",
        some.ids[1]: "operations.wrong_state",
        some.ids[2]: None,
    }


def test_each_ends_as_its_instance_does(herd: MakeHerd) -> None:
    some = herd(4)
    batch = some.ask(BulkAct.RESTART)
    assert some.work(batch) is not None
    assert some.states(batch) == [ItemState.UNDER_WAY] * 4

    some.put(0, status=InstanceStatus.RUNNING)
    some.put(1, status=InstanceStatus.ERROR, last_error="No node has enough free memory.")
    some.put(2, generation=99)
    some.work(batch)

    assert some.states(batch) == [
        ItemState.DONE,
        ItemState.FAILED,
        ItemState.OVERTAKEN,
        ItemState.UNDER_WAY,
    ]
    assert some.items(batch)[some.ids[1]].reason == "No node has enough free memory."
    assert not some.has_ended(batch)

    some.shop.clock.advance(minutes=31)
    assert some.work(batch) is None
    assert some.states(batch)[3] is ItemState.FAILED
    assert "half an hour" in (some.items(batch)[some.ids[3]].reason or "")
    assert some.has_ended(batch)


def test_a_backup_ends_as_its_operation_does(herd: MakeHerd) -> None:
    some = herd(2)
    batch = some.ask(BulkAct.BACK_UP)
    some.work(batch)
    with some.shop.app.app_context():
        made = session().scalars(select(Operation)).all()
        assert {each.instance_id for each in made} == set(some.ids)
        for each in made:
            is_first = each.instance_id == some.ids[0]
            each.status = OperationStatus.DONE if is_first else OperationStatus.FAILED
            each.error = None if is_first else "The store does not answer."
        session().commit()

    assert some.work(batch) is None

    assert some.states(batch) == [ItemState.DONE, ItemState.FAILED]
    assert some.items(batch)[some.ids[1]].reason == "The store does not answer."


def test_only_so_many_are_under_way_at_once(herd: MakeHerd) -> None:
    some = herd(12)
    batch = some.ask(BulkAct.STOP)

    assert some.work(batch) == timedelta(seconds=2)
    assert some.states(batch).count(ItemState.UNDER_WAY) == 10

    number = some.states(batch).index(ItemState.UNDER_WAY)
    some.put(number, status=InstanceStatus.STOPPED)
    some.work(batch)
    assert some.states(batch).count(ItemState.UNDER_WAY) == 10
    assert some.states(batch).count(ItemState.DONE) == 1


def test_what_changed_since_the_preview_is_left_alone_and_said(herd: MakeHerd) -> None:
    some = herd(2)
    batch = some.ask(BulkAct.STOP)
    some.put(0, status=InstanceStatus.STOPPED, wanted=Wanted.STOPPED)

    some.work(batch)

    assert some.states(batch) == [ItemState.REFUSED, ItemState.UNDER_WAY]
    assert "must be RUNNING" in (some.items(batch)[some.ids[0]].reason or "")


def test_the_rest_can_be_left_alone(herd: MakeHerd) -> None:
    some = herd(11)
    batch = some.ask(BulkAct.STOP)
    some.work(batch)

    some.call_off(batch)

    assert some.states(batch).count(ItemState.CANCELLED) == 1
    with pytest.raises(NothingToCallOff):
        some.call_off(batch)
    for number in range(11):
        some.put(number, status=InstanceStatus.STOPPED)
    assert some.work(batch) is None
    [called_off] = lines(some, Action.BULK_CALLED_OFF)
    assert called_off.details["instances"] == 1


def test_the_book_has_a_line_for_the_batch_and_one_for_each_instance(herd: MakeHerd) -> None:
    some = herd(3)
    some.put(2, status=InstanceStatus.STOPPED)
    batch = some.ask(BulkAct.STOP)
    some.work(batch)
    for number in range(2):
        some.put(number, status=InstanceStatus.STOPPED)
    some.work(batch)

    [requested] = lines(some, Action.BULK_REQUESTED)
    assert (requested.actor_id, requested.subject_id) == (some.staff.id, str(batch.id))
    assert requested.details == {"act": "STOP", "instances": 3}
    controlled = lines(some, Action.INSTANCE_CONTROLLED)
    assert {each.subject_id for each in controlled} == {str(each) for each in some.ids[:2]}
    assert {each.actor_id for each in controlled} == {some.staff.id}
    [ended] = lines(some, Action.BULK_ENDED)
    assert ended.details == {"act": "STOP", "done": 2, "refused": 1}


def test_a_double_click_is_one_batch(herd: MakeHerd, at_once: AtOnce) -> None:
    some, key = herd(3), uuid.uuid4()

    made = at_once(6, lambda _: some.ask(BulkAct.STOP, key=key).id)

    assert len(set(made)) == 1, made
    assert len(lines(some, Action.BULK_REQUESTED)) == 1


def test_a_key_stands_for_one_act_of_one_person(herd: MakeHerd, person: Callable[..., Person]) -> None:
    some, key = herd(1), uuid.uuid4()
    some.ask(BulkAct.STOP, key=key)

    with pytest.raises(KeyOfAnother):
        some.ask(BulkAct.RESTART, key=key)
    some.staff = person()
    with pytest.raises(KeyOfAnother):
        some.ask(BulkAct.STOP, key=key)


def test_nothing_and_too_many_are_refused(herd: MakeHerd) -> None:
    some = herd(1)

    with pytest.raises(NothingChosen):
        some.ask(BulkAct.STOP, [uuid.uuid4()])
    with pytest.raises(TooManyChosen):
        some.ask(BulkAct.STOP, [uuid.uuid4() for _ in range(MOST + 1)])
    assert lines(some, Action.BULK_REQUESTED) == []


def test_two_workers_and_a_second_batch_act_once_on_each(herd: MakeHerd, at_once: AtOnce) -> None:
    some = herd(6)
    batches = [some.ask(BulkAct.RESTART), some.ask(BulkAct.RESTART)]

    outcomes = at_once(4, lambda number: some.work(batches[number % 2]))

    assert not [each for each in outcomes if isinstance(each, Exception)], outcomes
    assert len(lines(some, Action.INSTANCE_CONTROLLED)) == 6
    first, second = (some.items(batch) for batch in batches)
    for each in some.ids:
        assert {first[each].state, second[each].state} == {ItemState.UNDER_WAY, ItemState.REFUSED}


class Died(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("side", ["before the commit", "after the commit"])
def test_a_worker_that_dies_leaves_a_batch_that_another_ends(
    herd: MakeHerd, monkeypatch: pytest.MonkeyPatch, side: str
) -> None:
    some = herd(3)
    batch = some.ask(BulkAct.STOP)
    really, turns = working.act, []

    def mortal(batch_id: uuid.UUID, position: int, **context: Any) -> None:
        turns.append(position)
        if side == "after the commit" and len(turns) == 3:
            raise Died  # the second one's commit is the last that stands
        really(batch_id, position, **context)
        if side == "before the commit" and len(turns) == 2:
            raise Died

    monkeypatch.setattr(working, "act", mortal)
    with pytest.raises(Died):
        some.work(batch)
    stands = some.states(batch).count(ItemState.UNDER_WAY)
    assert stands == (1 if side == "before the commit" else 2)
    assert len(lines(some, Action.INSTANCE_CONTROLLED)) == stands
    assert some.waits_in_outbox(batch)

    monkeypatch.setattr(working, "act", really)
    some.work(batch)

    assert some.states(batch) == [ItemState.UNDER_WAY] * 3
    assert len(lines(some, Action.INSTANCE_CONTROLLED)) == 3


def test_a_batch_whose_work_was_lost_is_carried_on(
    herd: MakeHerd, tick: Callable[[str], None], run_jobs: Callable[[], int]
) -> None:
    some = herd(1)
    batch = some.ask(BulkAct.STOP)
    with some.shop.app.app_context():
        session().query(OutboxRow).delete()
        session().commit()
    assert not some.waits_in_outbox(batch)

    tick("carry-on")

    assert some.waits_in_outbox(batch)
    run_jobs()
    assert some.states(batch) == [ItemState.UNDER_WAY]


def test_a_preview_asks_as_much_for_many_as_for_one(herd: MakeHerd) -> None:
    some = herd(5)

    def questions(number: int) -> int:
        with some.shop.app.app_context(), asked() as sent:
            foresee(BulkAct.BACK_UP, some.ids[:number])
        return len(sent)

    assert questions(1) == questions(5) == 2


def test_an_instance_that_breaks_the_act_fails_and_the_others_have_their_turn(
    herd: MakeHerd,
    monkeypatch: pytest.MonkeyPatch,
    run_jobs: Callable[[], int],
) -> None:
    some = herd(3)
    batch = some.ask(BulkAct.STOP)
    really = working.act

    def brittle(batch_id: uuid.UUID, position: int, **context: Any) -> None:
        really(batch_id, position, **context)
        if position == 2:
            raise ZeroDivisionError("nobody thought of this")

    monkeypatch.setattr(working, "act", brittle)
    with capture_logs() as log:
        run_jobs()

    broken = next(item for item in some.items(batch).values() if item.position == 2)
    assert broken.state is ItemState.FAILED
    assert some.states(batch).count(ItemState.UNDER_WAY) == 2
    assert len(lines(some, Action.INSTANCE_CONTROLLED)) == 2, "what broke was undone"
    reference = (broken.reason or "").rsplit(" ", 1)[-1].strip(".")
    [told] = [each for each in log if each["event"] == "bulk.turn_crashed"]
    assert (told["reference"], told["log_level"], told["exc_info"]) == (reference, "error", True)


def test_a_worker_whose_time_is_up_blames_no_instance(
    herd: MakeHerd, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = herd(3)
    batch = some.ask(BulkAct.STOP)
    really = working.act

    def slow(batch_id: uuid.UUID, position: int, **context: Any) -> None:
        really(batch_id, position, **context)
        if position == 2:
            with _Worker.death_penalty_class(60, JobTimeoutException):
                signal.raise_signal(signal.SIGALRM)

    monkeypatch.setattr(working, "act", slow)
    with pytest.raises(TimeIsUp):
        some.work(batch)
    states = [each.state for each in sorted(some.items(batch).values(), key=lambda item: item.position)]
    assert states == [ItemState.UNDER_WAY, ItemState.WAITING, ItemState.WAITING]

    monkeypatch.setattr(working, "act", really)
    some.work(batch)
    assert some.states(batch) == [ItemState.UNDER_WAY] * 3


@pytest.mark.parametrize("how", ["demoted", "blocked", "deleted"])
def test_the_rest_is_called_off_when_who_asked_is_no_administrator_any_more(
    herd: MakeHerd, person: Callable[..., Person], how: str
) -> None:
    some, other = herd(12), person(role=Role.ADMINISTRATOR)
    batch = some.ask(BulkAct.STOP)
    some.work(batch)
    with some.shop.app.app_context(), unit_of_work():
        about = {"actor": other.actor, "at": some.shop.clock.now()}
        if how == "demoted":
            stewardship.change(some.staff.id, {"role": Role.USER}, **about)
        elif how == "blocked":
            stewardship.block(some.staff.id, **about)
        else:
            session().execute(update(BulkBatch).values(requested_by_id=None))  # what the foreign key does

    some.work(batch)

    states = some.states(batch)
    assert (states.count(ItemState.UNDER_WAY), states.count(ItemState.CANCELLED)) == (10, 2)
    said = {item.reason for item in some.items(batch).values() if item.state is ItemState.CANCELLED}
    assert said == {"Who asked for it is no administrator any more."}
    [called_off] = lines(some, Action.BULK_CALLED_OFF)
    assert (called_off.actor_kind, called_off.details["instances"]) == (ActorKind.SYSTEM.value, 2)
    for number in range(12):
        some.put(number, status=InstanceStatus.STOPPED)
    assert some.work(batch) is None
    assert some.has_ended(batch)


def test_what_is_just_being_acted_on_is_waited_for_before_the_rest_is_called_off(
    herd: MakeHerd, person: Callable[..., Person]
) -> None:
    some, other = herd(2), person(role=Role.ADMINISTRATOR)
    batch = some.ask(BulkAct.STOP)
    with some.shop.app.app_context(), unit_of_work():
        stewardship.block(some.staff.id, actor=other.actor, at=some.shop.clock.now())

    acting = holding(
        some.shop.app,
        "UPDATE bulk_items SET state = 'UNDER_WAY', begun_at = :at, generation ="
        " (SELECT generation FROM instances WHERE id = instance_id) WHERE batch_id = :id AND position = 1",
        id=batch.id,
        at=some.shop.clock.now(),
    )
    with acting as worker:
        waits_with(some.shop.app, worker, lambda: some.work(batch))

    assert sorted(some.states(batch)) == [ItemState.CANCELLED, ItemState.UNDER_WAY]
    assert not some.has_ended(batch)


def test_what_ended_long_ago_is_removed_and_the_book_keeps_it(
    herd: MakeHerd, tick: Callable[[str], None]
) -> None:
    some, kept = herd(1), timedelta(days=365)
    over, lasting = some.ask(BulkAct.STOP), some.ask(BulkAct.RESTART)
    some.work(over)
    some.put(0, status=InstanceStatus.STOPPED)
    some.work(over)
    assert some.has_ended(over)

    some.shop.clock.advance(seconds=kept.total_seconds() - 1)
    tick("clean-up")
    assert some.items(over)
    some.shop.clock.advance(seconds=2)
    tick("clean-up")

    assert some.items(over) == {}
    assert some.items(lasting), "what is not at its end stays, however old"
    assert [each.subject_id for each in lines(some, Action.BULK_ENDED)] == [str(over.id)]
