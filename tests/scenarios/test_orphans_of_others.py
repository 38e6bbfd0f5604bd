"""A label alone proves nothing: what only claims to be an instance's is not taken for it, and takes nothing along."""

import uuid
from collections.abc import Callable
from dataclasses import replace

import pytest

from minispod.instances import orphans, volumes
from minispod.instances.errors import OrphanNotAdoptable, OrphanNotRemovable
from minispod.instances.manifests import instance_manifests
from minispod.instances.models import Instance, InstanceVolume
from minispod.instances.states import InstanceStatus, VolumeStatus, Wanted
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.subscriptions import adopting
from tests.plugins.app import Person
from tests.scenarios.test_orphans import Ground, ground

__all__ = ["ground"]
PlanFinder = Callable[..., uuid.UUID]

pytestmark = pytest.mark.timeout(400)


def _copy_of(ground: Ground, instance: Instance, name: str) -> None:
    """Somebody copied the Deployment of an instance, labels and all, under another name."""
    spec = replace(
        ground.spec(instance.namespace), instance_id=instance.id, name=name, user_id=instance.user_id
    )
    ground.cluster.apply([each for each in instance_manifests(spec) if each["kind"] == "Deployment"])


def _workloads(ground: Ground, namespace: str) -> set[str]:
    return {
        each["metadata"]["name"]
        for each in ground.cluster.inventory("deployments")
        if each["metadata"]["namespace"] == namespace
    }


def test_a_copy_with_a_living_instances_label_goes_alone(
    ground: Ground, customer: Person, plan_id: PlanFinder
) -> None:
    row = ground.runs(ground.shop.order(customer, plan_id("redis", "BASIC")))
    _copy_of(ground, row, "redis-copied")

    ground.until(lambda: ground.cluster.see(row.namespace, "redis-copied") is not None)
    for _ in range(3):
        ground.observe()
        now = ground.instance(row.id)
        assert (now.pod_name, now.status, now.health_status) == (row.pod_name, row.status, row.health_status)
    [orphan] = ground.look(row.namespace).values()
    assert (orphan.name, orphan.instance_label, orphan.instance_id) == ("redis-copied", str(row.id), None)
    with pytest.raises(OrphanNotAdoptable):
        ground.decide(adopting.adopt, orphan)
    ground.decide(orphans.remove, orphan)
    ground.until(lambda: _workloads(ground, row.namespace) == {row.name})

    ground.until(lambda: ground.look(row.namespace) == {})
    sighting = ground.cluster.see(row.namespace, row.name)
    assert sighting is not None
    assert sighting.is_ready
    assert ground.claims(row.namespace) == {f"{row.name}-data"}


def test_a_copy_with_the_label_of_a_gone_instance_is_not_taken_for_it(
    ground: Ground, customer: Person, plan_id: PlanFinder, clock: FrozenClock
) -> None:
    subscription = ground.shop.order(customer, plan_id("redis", "BASIC"))
    row = ground.runs(subscription)
    _copy_of(ground, row, "redis-copied")
    ground.shop.put(subscription, status=InstanceStatus.TERMINATED, status_changed_at=clock.now())
    clock.advance(minutes=11)
    found = ground.look(row.namespace)

    assert found["WORKLOAD", row.name].instance_id == row.id
    copied = found["WORKLOAD", "redis-copied"]
    assert copied.instance_id is None
    with pytest.raises(OrphanNotAdoptable):
        ground.decide(adopting.adopt, copied)
    ground.decide(orphans.remove, copied)
    ground.until(lambda: _workloads(ground, row.namespace) == {row.name})


def test_the_volume_of_a_living_instance_is_never_removed_whatever_its_label_says(
    ground: Ground, customer: Person, plan_id: PlanFinder
) -> None:
    row = ground.runs(ground.shop.order(customer, plan_id("redis", "BASIC")))
    claim = f"{row.name}-data"
    foreign = ground.spec(row.namespace, name=row.name, user_id=row.user_id, storage_gb=row.storage_gb)
    ground.cluster.apply(
        [each for each in instance_manifests(foreign) if each["kind"] == "PersistentVolumeClaim"]
    )
    orphan = ground.look(row.namespace)["CLAIM", claim]
    assert orphan.instance_label == str(foreign.instance_id)

    with pytest.raises(OrphanNotRemovable, match="living instance"):
        ground.decide(orphans.remove, orphan, confirmed=claim)
    ground.decide(adopting.adopt, orphan)

    ground.until(lambda: ground.look(row.namespace) == {})
    assert ground.claims(row.namespace) == {claim}


def test_what_carries_no_instance_at_all_is_really_removed(
    ground: Ground, customer: Person, plan_id: PlanFinder
) -> None:
    row = ground.runs(ground.shop.order(customer, plan_id("redis", "BASIC")))
    spec = replace(ground.spec(row.namespace), name="redis-bare", user_id=row.user_id)
    [bare] = [each for each in instance_manifests(spec) if each["kind"] == "Deployment"]
    del bare["metadata"]["labels"]["minispod.com/instance"]
    ground.cluster.apply([bare])
    [orphan] = ground.look(row.namespace).values()
    assert (orphan.name, orphan.instance_label) == ("redis-bare", "")

    ground.decide(orphans.remove, orphan)

    ground.until(lambda: ground.look(row.namespace) == {})
    assert _workloads(ground, row.namespace) == {row.name}


def test_a_workload_that_changed_hands_meanwhile_is_left_alone(
    ground: Ground, customer: Person, plan_id: PlanFinder
) -> None:
    row = ground.runs(ground.shop.order(customer, plan_id("redis", "BASIC")))

    assert ground.cluster.delete_workload(row.namespace, row.name, instance_label="somebody else's")
    assert ground.cluster.see(row.namespace, row.name) is not None
    assert ground.cluster.delete_workload(row.namespace, "nothing", instance_label="")


def test_an_instance_that_ended_wrongly_takes_up_the_volume_it_is_given(
    ground: Ground, customer: Person, plan_id: PlanFinder, clock: FrozenClock
) -> None:
    """It had moved on to another volume, of which nothing is left."""
    subscription = ground.shop.order(customer, plan_id("redis", "BASIC"))
    row = ground.runs(subscription)
    ground.shop.put(
        subscription,
        status=InstanceStatus.TERMINATED,
        wanted=Wanted.ABSENT,
        status_changed_at=clock.now(),
        volume_number=2,
    )
    with ground.ports.app.app_context(), unit_of_work():
        first = volumes.volume_of(row.id, 1)
        assert first is not None
        volumes.forget(first, at=clock.now())
        session().flush()
        session().add(
            InstanceVolume(instance_id=row.id, number=2, status=VolumeStatus.ACTIVE, created_at=clock.now())
        )
    clock.advance(minutes=11)
    found = ground.look(row.namespace)
    assert found["CLAIM", f"{row.name}-data"].instance_id == row.id

    ground.decide(adopting.adopt, found["CLAIM", f"{row.name}-data"])

    again = ground.runs(subscription)
    assert (again.id, again.volume_number) == (row.id, 1)
    assert ground.claims(row.namespace) == {f"{row.name}-data"}
    with ground.ports.app.app_context():
        states = {each.number: each.status for each in volumes.list_volumes(row.id)}
    assert states == {1: VolumeStatus.ACTIVE, 2: VolumeStatus.DELETED}
    assert ground.look(row.namespace) == {}
