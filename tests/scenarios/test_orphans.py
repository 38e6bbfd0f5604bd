"""What nobody owns is found, told apart from trials, adopted or removed: on the simulated cluster, or a real one."""

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from flask import Flask
from sqlalchemy import select

from minispod.catalog.recipes import generate_secrets, get_recipe
from minispod.insights import stray
from minispod.instances import orphans
from minispod.instances.creation import Size
from minispod.instances.errors import OrphanNotAdoptable, OrphanNotConfirmed, OrphanNotRemovable
from minispod.instances.exposing import passing_exposure
from minispod.instances.manifests import InstanceSpec, NamespaceSpec, instance_manifests, namespace_manifests
from minispod.instances.models import Instance, Tenancy
from minispod.instances.orphan_models import Orphan, OrphanKind
from minispod.instances.states import InstanceStatus, Wanted
from minispod.instances.trying import trial_of
from minispod.integrations.kubernetes.adapter import KubernetesCluster
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import db, session
from minispod.kernel.ids import new_id, short_code
from minispod.kernel.paging import PageRequest
from minispod.kernel.unit_of_work import unit_of_work
from minispod.rules import business_rules, cluster_rules
from minispod.subscriptions import adopting
from tests.plugins.app import Person, PortsNow
from tests.plugins.shop import Shop

PATIENCE_SECONDS = 120
REASON = "left behind by a restored database"

pytestmark = pytest.mark.timeout(400)


class Ground:
    """A cluster with things of ours, and the administrator who decides about them."""

    def __init__(
        self,
        ports: PortsNow,
        shop: Shop,
        cluster: KubernetesCluster,
        staff: Person,
        tick: Callable[[str], None],
        run_jobs: Callable[[], int],
    ) -> None:
        self.ports, self.shop, self.cluster, self.staff = ports, shop, cluster, staff
        self._tick, self.run_jobs = tick, run_jobs
        self.made: list[str] = []

    def spec(self, namespace: str, **changes: object) -> InstanceSpec:
        """A small Redis, of nobody unless said otherwise."""
        recipe = get_recipe("redis")
        code = short_code()
        values = {
            "instance_id": new_id(),
            "subscription_id": new_id(),
            "user_id": new_id(),
            "namespace": namespace,
            "name": f"redis-{code}",
            "service_slug": "redis",
            "recipe": recipe,
            "host": f"{code}.redis.minispod.localhost",
            "public_url": f"http://{code}.redis.minispod.localhost",
            "cpu_milli": 100,
            "memory_mb": 128,
            "storage_gb": 1,
            "secrets": generate_secrets(recipe),
            "tls": False,
            "exposure": passing_exposure("redis", "redis.minispod.localhost", self.shop.clock.now()),
        }
        return InstanceSpec(**{**values, **changes})

    def plant(self, spec: InstanceSpec) -> InstanceSpec:
        """Put an instance into the cluster that no row knows."""
        room = NamespaceSpec(spec.namespace, spec.user_id, 2000, 2048, 5, 5)
        self.cluster.apply([*namespace_manifests(room), *instance_manifests(spec)])
        self.made.append(spec.namespace)
        return spec

    def look(self, *namespaces: str) -> dict[tuple[str, str], Orphan]:
        """What is found in these namespaces now; others may have things in this cluster too."""
        self._tick("find-orphans")
        with self.ports.app.app_context():
            rows = session().scalars(select(Orphan).where(Orphan.namespace.in_(namespaces))).all()
            db.session.remove()
        return {(row.kind.value, row.name): row for row in rows}

    def decide(self, act: Callable[..., object], row: Orphan, **more: object) -> None:
        """The administrator decides."""
        with self.ports.app.app_context(), unit_of_work():
            act(row.id, reason=REASON, actor=self.staff.actor, at=self.shop.clock.now(), **more)

    def until(self, is_so: Callable[[], bool]) -> None:
        """Run the jobs until it is so."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not is_so():
            assert time.monotonic() < deadline, "it never came to be so"
            self.run_jobs()
            self.shop.clock.advance(seconds=4)
            time.sleep(0.3)

    def runs(self, subscription: uuid.UUID) -> Instance:
        """Wait until it runs in the cluster."""
        self.until(lambda: self.shop.look(subscription)[1].status is InstanceStatus.RUNNING)
        return self.shop.look(subscription)[1]

    def observe(self) -> None:
        """The cluster is looked at, as by the clock."""
        self._tick("observe-cluster")

    def instance(self, instance_id: uuid.UUID) -> Instance:
        """The row as it is."""
        with self.ports.app.app_context():
            return session().get_one(Instance, instance_id)

    def claims(self, namespace: str) -> set[str]:
        """The volume claims that are really there."""
        return {
            each["metadata"]["name"]
            for each in self.cluster.inventory("claims")
            if each["metadata"]["namespace"] == namespace
        }


@pytest.fixture
def ground(
    app: Flask,
    ports: PortsNow,
    shop: Shop,
    cluster: KubernetesCluster,
    administrator: Person,
    tick: Callable[[str], None],
    run_jobs: Callable[[], int],
) -> Iterator[Ground]:
    """A cluster; what a test planted in it is removed."""
    ground = Ground(ports, shop, cluster, administrator, tick, run_jobs)
    yield ground
    for namespace in ground.made:
        cluster.delete_namespace(namespace)


def test_what_no_row_knows_is_listed_and_what_lives_is_not(
    ground: Ground, customer: Person, plan_id: Callable[..., uuid.UUID], clock: FrozenClock
) -> None:
    living = ground.runs(ground.shop.order(customer, plan_id("redis", "BASIC")))
    stray = ground.plant(ground.spec(f"user-{uuid.uuid4().hex}"))
    beside = ground.plant(ground.spec(living.namespace, user_id=living.user_id))

    found = ground.look(living.namespace, stray.namespace)

    assert set(found) == {
        ("WORKLOAD", stray.name),
        ("CLAIM", f"{stray.name}-data"),
        ("NAMESPACE", stray.namespace),
        ("WORKLOAD", beside.name),
        ("CLAIM", f"{beside.name}-data"),
    }
    assert found["WORKLOAD", beside.name].user_id == customer.id
    assert found["WORKLOAD", stray.name].user_id is None
    assert found["CLAIM", f"{stray.name}-data"].size == "1Gi"
    first = found["WORKLOAD", stray.name].first_seen_at
    clock.advance(minutes=10)
    again = ground.look(stray.namespace)["WORKLOAD", stray.name]
    assert (again.first_seen_at, again.last_seen_at > first) == (first, True)


def test_a_running_trial_is_told_apart_until_it_is_stale(ground: Ground, clock: FrozenClock) -> None:
    settings = ground.shop.settings
    spec, order = trial_of(
        get_recipe("redis"),
        Size(100, 128, 1),
        rules=cluster_rules(settings),
        addresses=business_rules(settings).addresses,
        at=clock.now(),
    )
    ground.made.append(spec.namespace)
    ground.cluster.apply(order.objects)

    rows = ground.look(spec.namespace)

    assert len(rows) == 3
    with ground.ports.app.app_context():
        everything = PageRequest(1, 1_000)
        items, trials = (
            stray.find_stray(everything, at=clock.now()).items,
            orphans.list_trials(at=clock.now()),
        )
        assert {each.orphan.namespace for each in items} & {spec.namespace} == set()
        assert {row.name for row in trials} >= {spec.name, spec.namespace}
        later = clock.advance(hours=3)
        stale, none = stray.find_stray(everything, at=later).items, orphans.list_trials(at=later)
        assert {each.orphan.name for each in stale} >= {spec.name, spec.namespace}
        assert {row.namespace for row in none} & {spec.namespace} == set()


def test_a_volume_goes_only_by_its_name_and_a_namespace_only_without_volumes(ground: Ground) -> None:
    spec = ground.plant(ground.spec(f"user-{uuid.uuid4().hex}"))
    found = ground.look(spec.namespace)
    claim, room = found["CLAIM", f"{spec.name}-data"], found["NAMESPACE", spec.namespace]

    with pytest.raises(OrphanNotConfirmed):
        ground.decide(orphans.remove, claim)
    with pytest.raises(OrphanNotConfirmed):
        ground.decide(orphans.remove, claim, confirmed=spec.name)
    with pytest.raises(OrphanNotRemovable):
        ground.decide(orphans.remove, room)

    ground.decide(orphans.remove, found["WORKLOAD", spec.name])
    assert ground.look(spec.namespace)["WORKLOAD", spec.name].wish is not None
    ground.until(lambda: ground.cluster.see(spec.namespace, spec.name) is None)
    assert ground.claims(spec.namespace) == {claim.name}
    ground.decide(orphans.remove, claim, confirmed=claim.name)
    ground.until(lambda: ground.claims(spec.namespace) == set())
    ground.until(lambda: (OrphanKind.CLAIM.value, claim.name) not in ground.look(spec.namespace))
    ground.decide(orphans.remove, ground.look(spec.namespace)["NAMESPACE", spec.namespace])
    ground.until(lambda: ground.look(spec.namespace) == {})


def test_a_namespace_in_which_a_volume_appeared_meanwhile_is_left_alone(ground: Ground) -> None:
    namespace = f"user-{uuid.uuid4().hex}"
    bare = ground.spec(namespace)
    ground.made.append(namespace)
    ground.cluster.apply(namespace_manifests(NamespaceSpec(namespace, bare.user_id, 2000, 2048, 5, 5)))
    room = ground.look(namespace)["NAMESPACE", namespace]
    ground.decide(orphans.remove, room)
    ground.plant(bare)

    ground.run_jobs()

    assert ground.claims(namespace) == {f"{bare.name}-data"}
    row = ground.look(namespace)["NAMESPACE", namespace]
    assert (row.wish, row.error) == (None, "The namespace holds volumes; it is left alone.")


def test_an_instance_that_ended_wrongly_runs_again_over_its_volume(
    ground: Ground, customer: Person, plan_id: Callable[..., uuid.UUID], clock: FrozenClock
) -> None:
    subscription = ground.shop.order(customer, plan_id("redis", "BASIC"))
    row = ground.runs(subscription)
    ground.shop.put(
        subscription, status=InstanceStatus.TERMINATED, wanted=Wanted.ABSENT, status_changed_at=clock.now()
    )
    assert ground.look(row.namespace) == {}  # what ended a moment ago may still be listed
    clock.advance(minutes=11)
    with ground.ports.app.app_context(), unit_of_work():
        session().get_one(Tenancy, customer.id).cleared_at = clock.now()
    found = ground.look(row.namespace)
    assert set(found) == {("WORKLOAD", row.name), ("CLAIM", f"{row.name}-data")}

    ground.decide(adopting.adopt, found["WORKLOAD", row.name])

    again = ground.runs(subscription)
    assert (again.id, again.name) == (row.id, row.name)
    assert ground.claims(row.namespace) == {f"{row.name}-data"}
    assert ground.look(row.namespace) == {}


def test_a_workload_under_the_name_of_a_living_instance_gives_way(
    ground: Ground, customer: Person, plan_id: Callable[..., uuid.UUID]
) -> None:
    subscription = ground.shop.order(customer, plan_id("redis", "BASIC"))
    row = ground.runs(subscription)
    ground.cluster.delete_instance(row.namespace, str(row.id), with_volume=False)
    ground.until(lambda: ground.cluster.see(row.namespace, row.name) is None)
    foreign = ground.spec(row.namespace, name=row.name, user_id=row.user_id)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        ground.plant(replace(foreign, storage_gb=row.storage_gb))
        found = ground.look(row.namespace)
        if ("WORKLOAD", row.name) in found:
            break
    orphan = found["WORKLOAD", row.name]
    assert orphan.instance_id == row.id

    ground.decide(adopting.adopt, orphan)

    def is_our_own() -> bool:
        sighting = ground.cluster.see(row.namespace, row.name)
        return sighting is not None and sighting.instance_id == str(row.id) and sighting.is_ready

    ground.until(is_our_own)
    assert ground.claims(row.namespace) == {f"{row.name}-data"}


def test_what_belongs_to_no_instance_cannot_be_adopted(ground: Ground) -> None:
    spec = ground.plant(ground.spec(f"user-{uuid.uuid4().hex}"))
    found = ground.look(spec.namespace)

    with pytest.raises(OrphanNotAdoptable):
        ground.decide(adopting.adopt, found["WORKLOAD", spec.name])


def test_a_volume_of_a_living_instance_that_it_does_not_have_is_found_and_removed(
    ground: Ground, customer: Person, plan_id: Callable[..., uuid.UUID], clock: FrozenClock
) -> None:
    row = ground.runs(ground.shop.order(customer, plan_id("redis", "BASIC")))
    spare = replace(ground.spec(row.namespace), instance_id=row.id, name=row.name, volume_number=7)
    room = NamespaceSpec(row.namespace, row.user_id, 2000, 2048, 9, 5)
    claim = next(each for each in instance_manifests(spare) if each["kind"] == "PersistentVolumeClaim")
    ground.cluster.apply([*namespace_manifests(room), claim])
    assert ground.look(row.namespace) == {}  # an operation may have begun a moment ago
    clock.advance(minutes=11 + _behind(clock))
    [orphan] = ground.look(row.namespace).values()
    assert (orphan.name, orphan.instance_id) == (f"{row.name}-data-7", row.id)

    with pytest.raises(OrphanNotAdoptable):
        ground.decide(adopting.adopt, orphan)
    ground.decide(orphans.remove, orphan, confirmed=orphan.name)

    ground.until(lambda: ground.claims(row.namespace) == {f"{row.name}-data"})


def _behind(clock: FrozenClock) -> float:
    """Minutes by which our clock, which stands, is behind the cluster's."""
    return max(0.0, (datetime.now(UTC) - clock.now()).total_seconds() / 60)


def test_what_is_being_removed_is_not_adopted(
    ground: Ground, customer: Person, plan_id: Callable[..., uuid.UUID], clock: FrozenClock
) -> None:
    subscription = ground.shop.order(customer, plan_id("redis", "BASIC"))
    row = ground.runs(subscription)
    ground.shop.put(subscription, status=InstanceStatus.TERMINATED, status_changed_at=clock.now())
    clock.advance(minutes=11)
    found = ground.look(row.namespace)
    claim = found["CLAIM", f"{row.name}-data"]
    ground.decide(orphans.remove, claim, confirmed=claim.name)

    with pytest.raises(OrphanNotAdoptable, match="being removed"):
        ground.decide(adopting.adopt, found["WORKLOAD", row.name])


def test_what_is_owned_again_meanwhile_is_not_removed(
    ground: Ground, customer: Person, plan_id: Callable[..., uuid.UUID], clock: FrozenClock
) -> None:
    subscription = ground.shop.order(customer, plan_id("redis", "BASIC"))
    row = ground.runs(subscription)
    ended = clock.now()
    ground.shop.put(subscription, status=InstanceStatus.TERMINATED, status_changed_at=ended)
    clock.advance(minutes=11)
    orphan = ground.look(row.namespace)["CLAIM", f"{row.name}-data"]
    ground.decide(orphans.remove, orphan, confirmed=orphan.name)
    ground.shop.put(subscription, status=InstanceStatus.RUNNING)

    ground.run_jobs()

    assert ground.claims(row.namespace) == {f"{row.name}-data"}
