"""What may not be asked for is refused at once, with a code; nothing has changed then."""

import uuid
from collections.abc import Callable

import pytest

from minispod.backups.models import Backup, BackupStatus
from minispod.instances.errors import NoSuchInstance
from minispod.instances.states import InstanceStatus
from minispod.kernel.actor import system
from minispod.kernel.database import session
from minispod.kernel.errors import Refusal
from minispod.kernel.unit_of_work import unit_of_work
from minispod.operations import errors, queries, requesting
from tests.domain.operations.conftest import Yard
from tests.domain.operations.test_kinds import NEW, OLD, old_version, see_nodes
from tests.plugins.app import Person


def refusal(yard: Yard, act: Callable[..., object], *args: object, of: uuid.UUID | None = None) -> Refusal:
    """What the customer is told."""
    with pytest.raises(Refusal) as caught:
        yard.ask(act, *args, of=of)  # type: ignore[arg-type]
    with yard.shop.app.app_context():
        assert queries.list_live() == []
    return caught.value


def change(yard: Yard, backup: uuid.UUID, **fields: object) -> None:
    with yard.shop.app.app_context(), unit_of_work():
        row = session().get_one(Backup, backup)
        for name, value in fields.items():
            setattr(row, name, value)


def test_one_operation_at_a_time(yard: Yard) -> None:
    yard.ask(requesting.reset)
    with pytest.raises(errors.AnotherRuns):
        yard.ask(requesting.back_up)
    yard.settle()
    yard.ask(requesting.back_up)


@pytest.mark.parametrize("act", [requesting.back_up, requesting.reset])
@pytest.mark.parametrize(
    "status", [InstanceStatus.STARTING, InstanceStatus.STOPPING, InstanceStatus.PROVISIONING]
)
def test_what_is_on_its_way_is_left_alone(
    yard: Yard, act: Callable[..., object], status: InstanceStatus
) -> None:
    yard.put(status=status)
    assert isinstance(refusal(yard, act), errors.NotNow)


def test_what_never_ran_has_nothing_to_reset(yard: Yard) -> None:
    yard.put(status=InstanceStatus.ERROR, first_ran_at=None)
    assert isinstance(refusal(yard, requesting.reset), errors.NotNow)


def test_other_peoples_instances_and_backups_are_not_there(yard: Yard, person: Callable[..., Person]) -> None:
    backup = yard.back_up()
    mine, yard.customer = yard.id, person(credit=500_000)
    assert isinstance(refusal(yard, requesting.back_up, of=mine), NoSuchInstance)
    yard.id = yard.order("postgresql")
    assert isinstance(refusal(yard, requesting.restore, backup), errors.NoSuchSource)
    assert isinstance(refusal(yard, requesting.restore, uuid.uuid4()), errors.NoSuchSource)


def test_staff_may_not_mix_two_customers(yard: Yard, person: Callable[..., Person]) -> None:
    backup = yard.back_up()
    yard.customer = person(credit=500_000)
    other = yard.order("postgresql")
    with (
        yard.shop.app.app_context(),
        pytest.raises(errors.OtherCustomer),
        unit_of_work(),
    ):
        requesting.restore(other, backup, actor=system("staff"), at=yard.clock.now())


def test_a_backup_that_cannot_be_restored_is_refused(yard: Yard) -> None:
    backup = yard.back_up()
    n8n = yard.order("n8n-automation")
    assert isinstance(refusal(yard, requesting.restore, backup, of=n8n), errors.OtherApplication)
    change(yard, backup, plain_size=yard.instance().storage_gb * 2**30 + 1)
    assert isinstance(refusal(yard, requesting.restore, backup), errors.DoesNotFit)
    change(yard, backup, plain_size=10, status=BackupStatus.FAILED)
    assert isinstance(refusal(yard, requesting.restore, backup), errors.BackupNotUsable)
    change(yard, backup, status=BackupStatus.DONE, removed_at=yard.clock.now())
    assert isinstance(refusal(yard, requesting.restore, backup), errors.BackupNotUsable)
    assert yard.instance().status is InstanceStatus.RUNNING


def test_data_of_a_newer_version_are_not_given_to_an_older_one(yard: Yard) -> None:
    backup = yard.back_up()
    old_version(yard)
    assert isinstance(refusal(yard, requesting.restore, backup), errors.NewerVersion)


def test_a_move_needs_another_node_that_is_there(yard: Yard) -> None:
    assert isinstance(refusal(yard, requesting.move, "node-2"), errors.NoSuchNode)
    see_nodes(yard, "node-1", "node-2")
    assert isinstance(refusal(yard, requesting.move, "node-1"), errors.SameNode)
    assert isinstance(refusal(yard, requesting.move, "node-9"), errors.NoSuchNode)


def test_an_upgrade_leads_to_a_newer_version_only(yard: Yard) -> None:
    for version in (NEW, OLD, "99.1"):
        assert isinstance(refusal(yard, requesting.upgrade, version), errors.NoSuchVersion)
    with yard.shop.app.app_context():
        assert queries.newer_versions(yard.instance()) == ()


def test_nobody_leaves_a_node_without_a_backup(yard: Yard) -> None:
    assert isinstance(refusal(yard, requesting.evacuate), errors.NoBackupYet)
