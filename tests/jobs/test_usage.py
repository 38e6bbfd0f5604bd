"""The jobs of usage: sampling by the clock, rolling up, and a cluster that says nothing."""

import uuid
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import func, select
from structlog.testing import capture_logs

from minispod.cluster import monitoring
from minispod.cluster.port import ClusterRefused, ClusterUnavailable, PodUsage, VolumeUsage
from minispod.instances.states import InstanceStatus
from minispod.instances.uptime.models import AvailabilitySpan
from minispod.instances.usage.models import UsageRollup, UsageSample
from minispod.integrations.kubernetes.adapter import KubernetesCluster
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.rollups import Grain
from tests.plugins.app import Person
from tests.plugins.shop import Shop


class MeasuringCluster(KubernetesCluster):
    """A cluster on which one pod is measured, until it falls silent."""

    is_silent = has_no_right = are_nodes_silent = False

    def __init__(self, namespace: str) -> None:
        super().__init__("/nonexistent/kubeconfig")
        self._namespace = namespace

    def usages(self) -> list[PodUsage]:
        if self.is_silent:
            raise ClusterUnavailable()
        return [PodUsage(self._namespace, "n8n-1", 100, 300.0)]

    def volume_usages(self) -> list[VolumeUsage]:
        if self.are_nodes_silent:
            raise ClusterUnavailable()
        if self.has_no_right:
            raise ClusterRefused("nodes/proxy is forbidden")
        return [VolumeUsage(self._namespace, "n8n-1", "n8n-data", 512, 10_000)]


def counted(shop: Shop, model: type) -> int:
    with shop.app.app_context():
        return session().scalar(select(func.count()).select_from(model)) or 0


def test_samples_become_hours_and_days_and_go(
    shop: Shop,
    customer: Person,
    plan_id: Callable[..., uuid.UUID],
    clock: FrozenClock,
    tick: Callable[[str], None],
) -> None:
    ordered = shop.order(customer, plan_id())
    shop.put(ordered, status=InstanceStatus.RUNNING, pod_name="n8n-1")
    cluster = MeasuringCluster(shop.look(ordered)[1].namespace)
    shop.ports.change(cluster=cluster)

    for _ in range(6):
        tick("sample-usage")
        clock.advance(minutes=30)
    cluster.is_silent = True
    tick("sample-usage")
    tick("roll-up-usage")
    assert counted(shop, UsageSample) == 6, "a silent cluster leaves a gap"
    # From 10:00 in Jakarta on, two an hour; the hour under way is not over.
    assert counted(shop, UsageRollup) == 2

    clock.advance(days=3)
    tick("roll-up-usage")
    assert counted(shop, UsageSample) == 0
    with shop.app.app_context():
        [day] = session().scalars(select(UsageRollup).where(UsageRollup.grain == Grain.DAY))
        assert (day.samples, day.cpu_avg, day.storage_samples, day.storage_max) == (6, 100, 6, 512)
    clock.advance(days=500)
    tick("roll-up-usage")
    assert counted(shop, UsageRollup) == 0


def test_without_the_right_to_ask_nodes_cpu_and_memory_are_noted(
    shop: Shop, customer: Person, plan_id: Callable[..., uuid.UUID], tick: Callable[[str], None]
) -> None:
    ordered = shop.order(customer, plan_id())
    shop.put(ordered, status=InstanceStatus.RUNNING, pod_name="n8n-1")
    cluster = MeasuringCluster(shop.look(ordered)[1].namespace)
    cluster.has_no_right = True
    shop.ports.change(cluster=cluster)

    tick("sample-usage")

    with shop.app.app_context():
        [row] = session().scalars(select(UsageSample))
        assert (row.cpu_milli, row.memory_mb, row.storage_mb) == (100, 300, None)


def test_a_missing_right_is_told_once_until_it_changes(
    shop: Shop, customer: Person, plan_id: Callable[..., uuid.UUID], tick: Callable[[str], None]
) -> None:
    ordered = shop.order(customer, plan_id())
    shop.put(ordered, status=InstanceStatus.RUNNING, pod_name="n8n-1")
    cluster = MeasuringCluster(shop.look(ordered)[1].namespace)
    shop.ports.change(cluster=cluster)
    told: list[str | None] = []

    def sample(times: int, **state: bool) -> list[str]:
        for name, value in state.items():
            setattr(cluster, name, value)
        with capture_logs() as lines:
            for _ in range(times):
                tick("sample-usage")
                shop.clock.advance(minutes=1)
        with shop.app.app_context():
            told.append(monitoring.last_picture().storage_refusal)
        return [each["event"] for each in lines if each["event"].startswith("usage.storage")]

    assert sample(2) == []
    assert sample(3, has_no_right=True) == ["usage.storage_not_measured"]
    assert sample(2, are_nodes_silent=True) == [], "silence says nothing about the right"
    assert sample(2, are_nodes_silent=False) == []
    sample(2, has_no_right=False)
    assert sample(2, has_no_right=True) == ["usage.storage_not_measured"], "it came back"
    assert told == [None, *["nodes/proxy is forbidden"] * 3, None, "nodes/proxy is forbidden"]


def test_old_uptime_goes_with_old_usage(
    shop: Shop,
    customer: Person,
    plan_id: Callable[..., uuid.UUID],
    clock: FrozenClock,
    tick: Callable[[str], None],
) -> None:
    ordered = shop.order(customer, plan_id())
    shop.runs(ordered)
    clock.advance(minutes=1)
    shop.cancel(customer, ordered)
    shop.runs(ordered)
    assert counted(shop, AvailabilitySpan) == 1

    clock.advance(days=400)
    tick("roll-up-usage")
    assert counted(shop, AvailabilitySpan) == 1

    clock.advance(days=10)
    tick("roll-up-usage")
    assert counted(shop, AvailabilitySpan) == 0


def test_a_look_at_the_cluster_records_who_is_down(
    shop: Shop,
    customer: Person,
    plan_id: Callable[..., uuid.UUID],
    cluster: KubernetesCluster,
    clock: FrozenClock,
    tick: Callable[[str], None],
) -> None:
    ordered = shop.order(customer, plan_id())
    shop.runs(ordered)
    clock.advance(seconds=10)

    tick("observe-cluster")  # nothing of it is there

    with shop.app.app_context():
        spans = session().scalars(select(AvailabilitySpan).order_by(AvailabilitySpan.began_at)).all()
    assert [span.standing.value for span in spans] == ["UP", "DOWN"]
    assert spans[0].ended_at == spans[1].began_at == clock.now()
    assert spans[0].began_at == clock.now() - timedelta(seconds=10)
