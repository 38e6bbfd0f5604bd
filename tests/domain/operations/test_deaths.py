"""A worker dies at every step of every kind, on both sides of what the step does; another goes on.

Death is an exception that nothing catches: the transaction is lost and the lease stays, as after SIGKILL. Afterwards
wanted is seen, one volume is active, and nothing is left of the workbench.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from minispod.cluster.port import VolumeSighting
from minispod.instances import volumes
from minispod.jobs import operations
from minispod.kernel.unit_of_work import unit_of_work
from minispod.operations import carrying, requesting
from minispod.operations.orders import Hands, Report, StepOrder
from minispod.operations.plans import PLANS
from minispod.operations.states import OperationKind, OperationStatus, Step
from tests.domain.operations.conftest import ROWS, Yard
from tests.domain.operations.test_kinds import NEW, OLD, lose, old_version, see_nodes

LATER = b"written after the backup"
SIDES = ("before", "after")


class Died(BaseException):
    """The process is gone."""


def deaths() -> Iterator[tuple[OperationKind, Step, str]]:
    for kind, plan in PLANS.items():
        steps = [Step.COPY_LIVE, *plan] if kind is OperationKind.BACKUP else list(plan)
        if kind is OperationKind.UPGRADE:
            steps += [Step.GO_BACK, Step.UNDO]
        yield from ((kind, step, side) for step in steps if step is not Step.SWITCH for side in SIDES)


def die_once(monkeypatch: pytest.MonkeyPatch, step: Step, side: str) -> list[Step]:
    """Have the worker die the first time that it stands at this side of the step; the steps it took are told."""
    taken: list[Step] = []
    died: list[Step] = []
    really = carrying.carry_out

    def mortal(order: StepOrder, hands: Hands, *, patience: float) -> Report:
        taken.append(order.step)
        is_last = order.step is step and not died
        if is_last and side == "before":
            died.append(step)
            raise Died
        report = really(order, hands, patience=patience)
        if is_last:
            died.append(step)
            raise Died
        return report

    monkeypatch.setattr(operations.carrying, "carry_out", mortal)
    return died


def prepare(yard: Yard, kind: OperationKind, step: Step) -> Callable[[], object]:
    """Bring the yard to the moment before, and give what is then asked for."""
    if kind is OperationKind.BACKUP:
        if step is not Step.COPY_LIVE:
            yard.id = yard.order("n8n-automation")
        return lambda: yard.ask(requesting.back_up)
    if kind is OperationKind.RESET:
        return lambda: yard.ask(requesting.reset)
    if kind is OperationKind.RETURN:
        yard.ask(requesting.reset)
        yard.settle()
        return lambda: yard.ask(requesting.go_back, 1)
    if kind is OperationKind.RESCHEDULE:
        see_nodes(yard, "node-1", "node-2")
        with yard.shop.app.app_context(), unit_of_work():
            volumes.note_places([VolumeSighting(yard.instance().namespace, yard.claim(), ())])
        return lambda: yard.ask(requesting.move, "node-2")
    if kind is OperationKind.MOVE:
        see_nodes(yard, "node-1", "node-2")
        return lambda: yard.ask(requesting.move, "node-2")
    if kind is OperationKind.UPGRADE:
        old_version(yard)
        if step in (Step.GO_BACK, Step.UNDO):
            break_the_new_version(yard)
        return lambda: yard.ask(requesting.upgrade, NEW)
    backup = yard.back_up()
    yard.write(LATER)
    if kind is OperationKind.EVACUATE:
        lose(yard, "node-1")
        return lambda: yard.ask(requesting.evacuate)
    return lambda: yard.ask(requesting.restore, backup)


def break_the_new_version(yard: Yard) -> None:
    def before(call: str, container: str) -> None:
        if call == "write_to":
            yard.machine.broken.add(f"postgres:{NEW}")

    yard.machine.before = before


@pytest.mark.parametrize(("kind", "step", "side"), list(deaths()))
def test_another_worker_goes_on(
    yard: Yard, monkeypatch: pytest.MonkeyPatch, kind: OperationKind, step: Step, side: str
) -> None:
    ask = prepare(yard, kind, step)
    died = die_once(monkeypatch, step, side)

    operation_id = ask()
    for _ in range(60):
        with suppress(Died):
            if not yard.run_jobs() and died:
                break
        yard.clock.advance(seconds=10)
    assert died == [step]
    yard.clock.advance(seconds=61)
    yard.settle(rounds=150)

    operation = yard.operation(operation_id)  # type: ignore[arg-type]
    goes_back = kind is OperationKind.UPGRADE and step in (Step.GO_BACK, Step.UNDO)
    assert operation.status is (OperationStatus.FAILED if goes_back else OperationStatus.DONE), (
        operation.error
    )
    assert operation.kind is kind
    yard.assert_at_rest()
    assert yard.data() == ({} if kind is OperationKind.RESET else {"app": ROWS})
    if kind is OperationKind.UPGRADE:
        assert yard.instance().version == (OLD if goes_back else NEW)


def test_a_worker_that_wakes_up_after_another_took_over_changes_nothing(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It slept through its lease in the middle of copying; the other has done everything meanwhile."""
    backup = yard.back_up()
    yard.write(LATER)
    is_first = [True]

    def slept(call: str, container: str) -> None:
        if call == "writing" and is_first and is_first.pop():
            yard.clock.advance(seconds=61)
            yard.settle()

    yard.machine.before = slept
    operation_id = yard.ask(requesting.restore, backup)
    yard.settle()

    assert is_first == []
    operation = yard.operation(operation_id)
    assert (operation.status, operation.attempts) == (OperationStatus.DONE, 2)
    assert yard.data() == {"app": ROWS}
    yard.assert_at_rest()
