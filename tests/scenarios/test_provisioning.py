"""From the order to a running instance and back, on a cluster: the simulator's, or a real one by --cluster."""

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from minispod.catalog.models import Plan
from minispod.catalog.recipes import AppRecipe, all_recipes, get_recipe
from minispod.cluster.port import Manifest, WorkloadSighting
from minispod.cluster.quantities import parse_quantity
from minispod.instances.models import Instance
from minispod.instances.states import InstanceStatus
from minispod.integrations.kubernetes.adapter import KubernetesCluster
from minispod.kernel import outbox
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import db, session
from minispod.kernel.outbox import OutboxRow
from minispod.kernel.tasks import Task
from minispod.kernel.unit_of_work import unit_of_work
from minispod.subscriptions.models import PlanChange
from minispod.subscriptions.states import ChangeState, EndReason
from tests.plugins.app import Person, PortsNow, data_of

PlanFinder = Callable[..., uuid.UUID]
PATIENCE_SECONDS = 90

pytestmark = pytest.mark.timeout(400)


class Shop:
    """One customer, one subscription, one cluster."""

    def __init__(
        self,
        app: Flask,
        client: FlaskClient,
        clock: FrozenClock,
        run_jobs: Callable[[], int],
        headers: Callable[[], dict[str, str]],
    ) -> None:
        self.app, self.client, self.clock, self.run_jobs, self.headers = app, client, clock, run_jobs, headers
        self.id = ""
        self.is_real = False

    def order(self, plan: uuid.UUID) -> None:
        """Order over the wire."""
        body = {"planId": str(plan)}
        answer = self.client.post("/api/subscriptions", json=body, headers=self.headers())
        self.id = data_of(answer, 201)["subscription"]["id"]

    def detail(self) -> dict[str, object]:
        """What the customer sees."""
        answer = self.client.get(f"/api/subscriptions/{self.id}", headers=self.headers())
        subscription: dict[str, object] = data_of(answer)["subscription"]
        return subscription

    def row(self) -> Instance:
        """The instance's row."""
        with self.app.app_context():
            row = session().scalars(select(Instance)).one()
            db.session.remove()
            return row

    def until(self, *wanted: InstanceStatus, step: float = 2.0) -> Instance:
        """Run the jobs and let time pass until the instance shows one of the states."""
        # A real cluster needs real seconds to say what is wrong: do not let its time run out at once.
        step = min(step, 15.0) if self.is_real else step
        deadline = time.monotonic() + PATIENCE_SECONDS * (3 if self.is_real else 1)
        while time.monotonic() < deadline:
            self.run_jobs()
            row = self.row()
            if row.status in wanted:
                return row
            time.sleep(0.2)
            self.clock.advance(seconds=step)
        row = self.row()
        pytest.fail(f"{row.status} ({row.health_status}) instead of {wanted}")


@pytest.fixture
def shop(
    app: Flask,
    client: FlaskClient,
    customer: Person,
    clock: FrozenClock,
    run_jobs: Callable[[], int],
    headers_now: Callable[[Person], dict[str, str]],
    cluster: KubernetesCluster,
    pytestconfig: pytest.Config,
) -> Shop:
    """A customer with credit and a cluster."""
    shop = Shop(app, client, clock, run_jobs, lambda: headers_now(customer))
    shop.is_real = pytestconfig.getoption("--cluster")
    return shop


def test_an_order_becomes_a_running_instance(
    shop: Shop, plan_id: PlanFinder, cluster: KubernetesCluster
) -> None:
    shop.order(plan_id())

    row = shop.until(InstanceStatus.RUNNING)

    [instance] = shop.detail()["instances"]
    assert (instance["status"], instance["healthStatus"]) == ("RUNNING", "Healthy")
    assert instance["publicUrl"] == f"http://{row.host}"
    sighting = cluster.see(row.namespace, row.name)
    assert sighting is not None
    assert sighting.is_ready
    assert sighting.pod_name == instance["podName"]


@pytest.mark.parametrize("recipe", all_recipes(), ids=lambda recipe: recipe.slug)
def test_every_application_of_the_catalogue_becomes_a_running_instance(
    shop: Shop, plan_id: PlanFinder, cluster: KubernetesCluster, recipe: AppRecipe
) -> None:
    shop.order(plan_id(recipe.slug, "BASIC"))

    row = shop.until(InstanceStatus.RUNNING)

    [pod] = [each for each in cluster.inventory("pods") if each["metadata"]["name"] == row.pod_name]
    ready = {each["name"] for each in pod["status"]["containerStatuses"] if each["ready"]}
    assert ready == set(recipe.containers)


def test_the_calendar_stops_keeps_and_deletes_it(
    shop: Shop,
    plan_id: PlanFinder,
    cluster: KubernetesCluster,
    advance: Callable[..., datetime],
) -> None:
    shop.order(plan_id())
    row = shop.until(InstanceStatus.RUNNING)
    shop.client.put(
        f"/api/subscriptions/{shop.id}/auto-renew", json={"autoRenew": False}, headers=shop.headers()
    )

    advance(days=31)
    shop.until(InstanceStatus.STOPPED)
    sighting = cluster.see(row.namespace, row.name)
    assert sighting is not None
    assert sighting.is_stopped
    assert shop.detail()["status"] == "EXPIRED"

    advance(days=31)
    shop.until(InstanceStatus.TERMINATED)
    assert cluster.see(row.namespace, row.name) is None
    assert shop.detail()["status"] == "CANCELLED"


def test_an_expired_one_runs_again_after_a_new_order(
    shop: Shop, plan_id: PlanFinder, advance: Callable[..., datetime]
) -> None:
    shop.order(plan_id())
    before = shop.until(InstanceStatus.RUNNING)
    shop.client.put(
        f"/api/subscriptions/{shop.id}/auto-renew", json={"autoRenew": False}, headers=shop.headers()
    )
    advance(days=31)
    shop.until(InstanceStatus.STOPPED)

    shop.order(plan_id())
    after = shop.until(InstanceStatus.RUNNING)

    assert (after.id, after.host, after.name) == (before.id, before.host, before.name)


def test_drift_is_repaired(
    shop: Shop, plan_id: PlanFinder, cluster: KubernetesCluster, tick: Callable[[str], None]
) -> None:
    shop.order(plan_id())
    row = shop.until(InstanceStatus.RUNNING)
    cluster.scale(row.namespace, row.name, 0)

    def becomes_ready(wanted: bool) -> bool:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            sighting = cluster.see(row.namespace, row.name)
            if (sighting is not None and sighting.is_ready) is wanted:
                return True
            time.sleep(0.1)
        return False

    assert becomes_ready(False)
    tick("observe-cluster")
    shop.run_jobs()

    assert becomes_ready(True), "the workload was not brought back"


def test_cancelling_deletes_everything_of_the_instance(
    shop: Shop, plan_id: PlanFinder, cluster: KubernetesCluster
) -> None:
    shop.order(plan_id())
    row = shop.until(InstanceStatus.RUNNING)

    data_of(shop.client.delete(f"/api/subscriptions/{shop.id}", headers=shop.headers()))
    shop.until(InstanceStatus.TERMINATED)

    assert cluster.see(row.namespace, row.name) is None
    assert shop.detail()["status"] == "CANCELLED"
    wallet = data_of(shop.client.get("/api/wallet/info", headers=shop.headers()))["wallet"]
    assert wallet["creditBalance"] == 450_000, "what ran is not refunded by the customer's own cancelling"


def test_a_namespace_in_which_nothing_is_left_goes_and_comes_back_with_the_next_order(
    shop: Shop, plan_id: PlanFinder, cluster: KubernetesCluster, tick: Callable[[str], None]
) -> None:
    def present(namespace: str) -> bool:
        names = [each["metadata"] for each in cluster.inventory("namespaces")]
        return any(each["name"] == namespace and "deletionTimestamp" not in each for each in names)

    shop.order(plan_id("ghost-blog", "FREE"))
    row = shop.until(InstanceStatus.RUNNING)
    tick("tidy-namespaces")
    assert present(row.namespace)

    data_of(shop.client.delete(f"/api/subscriptions/{shop.id}", headers=shop.headers()))
    shop.until(InstanceStatus.TERMINATED)
    tick("tidy-namespaces")
    assert present(row.namespace), "it is given some minutes"
    shop.clock.advance(minutes=11)
    tick("tidy-namespaces")
    assert not present(row.namespace)

    shop.order(plan_id("postgresql", "BASIC"))
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        shop.run_jobs()
        with shop.app.app_context():
            states = session().scalars(select(Instance.status).order_by(Instance.created_at)).all()
            db.session.remove()
        if states[-1] is InstanceStatus.RUNNING:
            return
        time.sleep(0.3)
        shop.clock.advance(seconds=5)
    pytest.fail(f"the second instance is {states[-1]}")


def test_an_image_that_cannot_be_pulled_ends_in_error_and_after_the_repair_window_in_a_refund(
    shop: Shop,
    plan_id: PlanFinder,
    monkeypatch: pytest.MonkeyPatch,
    advance: Callable[..., datetime],
) -> None:
    _break_image(monkeypatch)
    shop.order(plan_id())

    row = shop.until(InstanceStatus.ERROR, step=100)

    assert "image" in (row.health_status or "").lower()
    assert shop.detail()["status"] == "ACTIVE", "the customer may still press Retry"
    advance(hours=25)
    shop.until(InstanceStatus.TERMINATED)
    detail = shop.detail()
    assert detail["status"] == "CANCELLED"
    with shop.app.app_context():
        from minispod.subscriptions.models import Subscription

        assert session().scalars(select(Subscription.end_reason)).one() is EndReason.NOT_PROVISIONED
        db.session.remove()
    wallet = data_of(shop.client.get("/api/wallet/info", headers=shop.headers()))["wallet"]
    assert wallet["creditBalance"] == 500_000


def test_retry_after_the_cause_is_gone_brings_it_up(
    shop: Shop, plan_id: PlanFinder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        _break_image(broken)
        shop.order(plan_id())
        shop.until(InstanceStatus.ERROR, step=100)

    answer = shop.client.post(f"/api/subscriptions/{shop.id}/retry-provisioning", headers=shop.headers())

    assert data_of(answer)["instance"]["previousStatus"] == "ERROR"
    shop.until(InstanceStatus.RUNNING)


def test_a_silent_cluster_loses_no_order(
    shop: Shop, plan_id: PlanFinder, ports: PortsNow, cluster: KubernetesCluster, tmp_path: object
) -> None:
    ports.change(cluster=KubernetesCluster(f"{tmp_path}/no-such-kubeconfig"))
    shop.order(plan_id())
    for _ in range(4):
        shop.run_jobs()
        shop.clock.advance(minutes=3)
    assert shop.row().status is InstanceStatus.PROVISIONING
    assert "Waiting for the cluster" in (shop.row().health_status or "")

    ports.change(cluster=cluster)

    shop.until(InstanceStatus.RUNNING)


class CountedCluster:
    """A cluster that counts how often something is applied to it; its pods are not ready in the first two looks.

    A pod of the simulator may be ready before the first look of a machine that is busy.
    """

    def __init__(self, cluster: KubernetesCluster) -> None:
        self._cluster = cluster
        self.applied = 0
        self._looks = 0

    def see(self, namespace: str, name: str) -> WorkloadSighting | None:
        """Look, and at first see no pod that is ready."""
        self._looks += 1
        found = self._cluster.see(namespace, name)
        return found if found is None or self._looks > 2 else replace(found, is_ready=False, ready_replicas=0)

    def apply(self, objects: Sequence[Manifest]) -> None:
        """Apply, and count."""
        self.applied += 1
        self._cluster.apply(objects)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cluster, name)


@pytest.fixture
def others_wait(app: Flask, clock: FrozenClock) -> None:
    """Work for another instance that is due and with nobody: no worker waits for a pod then."""
    with app.app_context(), unit_of_work():
        outbox.later(
            Task.RECONCILE_INSTANCE, key="another", at=clock.now(), instance_id=str(uuid.UUID(int=1))
        )
        row = session().scalars(select(OutboxRow)).one()
        row.handed_over_at = clock.now() + timedelta(days=1)


@pytest.mark.usefixtures("others_wait")
def test_rounds_after_the_first_only_look(
    shop: Shop, plan_id: PlanFinder, ports: PortsNow, cluster: KubernetesCluster
) -> None:
    counted = CountedCluster(cluster)
    ports.change(cluster=counted)
    shop.order(plan_id())

    rounds = 0
    while shop.row().status is not InstanceStatus.RUNNING:
        shop.run_jobs()
        rounds += 1
        assert rounds < 400
        time.sleep(0.1)
        shop.clock.advance(seconds=2)

    assert rounds > 1
    assert counted.applied == 1


@pytest.mark.usefixtures("others_wait")
def test_what_is_taken_away_while_it_starts_is_applied_again(
    shop: Shop, plan_id: PlanFinder, ports: PortsNow, cluster: KubernetesCluster
) -> None:
    counted = CountedCluster(cluster)
    ports.change(cluster=counted)
    shop.order(plan_id())
    shop.run_jobs()
    row = shop.row()
    assert row.status is InstanceStatus.PROVISIONING
    assert counted.applied == 1

    cluster.delete_instance(row.namespace, str(row.id), with_volume=False)

    shop.until(InstanceStatus.RUNNING)
    assert counted.applied == 2


def _limits(cluster: KubernetesCluster, namespace: str, workload: str) -> dict[str, str]:
    """The limits of the one container the workload's pods have now."""
    [deployment] = [
        each
        for each in cluster.inventory("deployments")
        if (each["metadata"]["namespace"], each["metadata"]["name"]) == (namespace, workload)
    ]
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    limits: dict[str, str] = container["resources"]["limits"]
    return {name: limits[name] for name in ("cpu", "memory")}


def _upgrade(shop: Shop, plan: uuid.UUID) -> None:
    body = {"newPlanId": str(plan)}
    data_of(shop.client.put(f"/api/subscriptions/{shop.id}/upgrade", json=body, headers=shop.headers()))


def _credit(shop: Shop) -> int:
    credit: int = data_of(shop.client.get("/api/wallet/info", headers=shop.headers()))["wallet"][
        "creditBalance"
    ]
    return credit


def test_an_upgrade_resizes_what_runs(shop: Shop, plan_id: PlanFinder, cluster: KubernetesCluster) -> None:
    shop.order(plan_id("n8n-automation", "FREE"))
    before = shop.until(InstanceStatus.RUNNING)
    small = _limits(cluster, before.namespace, before.name)

    _upgrade(shop, plan_id())
    assert shop.row().status is InstanceStatus.RESTARTING
    after = shop.until(InstanceStatus.RUNNING)

    assert (small["cpu"], small["memory"]) == ("500m", "512Mi")
    big = _limits(cluster, after.namespace, after.name)
    assert (parse_quantity(big["cpu"]), parse_quantity(big["memory"])) == (1, 1024 * 1024**2)
    sighting = cluster.see(after.namespace, after.name)
    assert sighting is not None
    assert sighting.is_ready
    assert (after.host, after.name) == (before.host, before.name)
    [instance] = shop.detail()["instances"]  # type: ignore[misc]
    assert (instance["status"], instance["healthStatus"]) == ("RUNNING", "Healthy")
    with shop.app.app_context():
        assert session().scalars(select(PlanChange.state)).one() is ChangeState.DONE
        db.session.remove()


def test_an_upgrade_the_cluster_cannot_hold_gives_plan_and_money_back_and_runs_as_before(
    shop: Shop, app: Flask, plan_id: PlanFinder, cluster: KubernetesCluster
) -> None:
    shop.order(plan_id())
    before = shop.until(InstanceStatus.RUNNING)
    with app.app_context():
        # More than any node has: the pod of that size is never placed.
        session().get_one(Plan, plan_id("n8n-automation", "PRO")).memory_mb = 4_000_000
        session().commit()
        db.session.remove()

    _upgrade(shop, plan_id("n8n-automation", "PRO"))
    assert _credit(shop) == 350_000
    deadline = time.monotonic() + PATIENCE_SECONDS * (3 if shop.is_real else 1)
    while time.monotonic() < deadline and _credit(shop) != 450_000:
        shop.run_jobs()
        shop.clock.advance(seconds=15 if shop.is_real else 100)
        time.sleep(0.2)
    after = shop.until(InstanceStatus.RUNNING)

    assert _credit(shop) == 450_000
    detail = shop.detail()
    assert (detail["status"], detail["monthlyPrice"]) == ("ACTIVE", 50_000)
    assert (after.cpu_milli, after.memory_mb) == (before.cpu_milli, before.memory_mb)
    sighting = cluster.see(after.namespace, after.name)
    assert sighting is not None
    assert sighting.is_ready


def _break_image(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the recipe an image that no registry has."""
    good = get_recipe("n8n-automation")
    bad: AppRecipe = good.model_copy(update={"image": "registry.invalid/does-not-exist:1.0"})
    for module in ("specifying", "creation"):
        monkeypatch.setattr(
            f"minispod.instances.{module}.get_recipe",
            lambda slug: bad if slug == good.slug else get_recipe(slug),
        )
