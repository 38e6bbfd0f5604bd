"""The health of all instances over the wire: counted from what was seen, looked at on demand."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from minispod.instances.states import InstanceStatus
from minispod.instances.usage.models import UsageRollup, UsageSample
from minispod.integrations.kubernetes.adapter import KubernetesCluster
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.rollups import Grain
from minispod.kernel.unit_of_work import unit_of_work
from tests.factories.statements import asked
from tests.plugins.app import Person, data_of, refused
from tests.plugins.shop import Shop

PATHS = ("summary", "stats", f"instances/{uuid.UUID(int=7)}")


@pytest.fixture
def ask(client: FlaskClient, administrator: Person) -> Callable[..., Any]:
    """Read, as an administrator."""

    def read(path: str, status: int = 200) -> Any:
        answer = client.get(f"/api/admin/health/{path}", headers=administrator.headers)
        return data_of(answer, status)

    return read


@pytest.fixture
def three(shop: Shop, person: Callable[..., Person], plan_id: Callable[..., uuid.UUID]) -> list[uuid.UUID]:
    """One that is healthy, one that is not, one that nobody has looked at lately."""
    at = shop.clock.now()
    made = [
        shop.order(person(credit=500_000), plan_id(slug)) for slug in ("ghost-blog",) * 2 + ("wordpress",)
    ]
    for each in made:
        shop.runs(each)
    shop.put(made[0], last_health_check_at=at, health_status="Healthy", cpu_usage=100, memory_usage=200.5)
    shop.put(made[1], last_health_check_at=at, health_status="Unhealthy: it crashes", last_error="it crashes")
    shop.put(made[2], last_health_check_at=at - timedelta(hours=2), health_status="Healthy")
    return made


def test_the_summary_counts_the_looks_of_five_minutes(
    shop: Shop,
    ask: Callable[..., Any],
    three: list[uuid.UUID],
    customer: Person,
    plan_id: Callable[..., uuid.UUID],
) -> None:
    gone = shop.order(customer, plan_id())
    shop.put(gone, status=InstanceStatus.TERMINATED)

    data = ask("summary")

    assert (data["totalInstances"], data["statusCounts"]) == (3, {"RUNNING": 3})
    assert (data["recentHealthChecks"], data["healthyInstances"], data["unhealthyInstances"]) == (2, 1, 1)


def test_the_figures_of_a_range(shop: Shop, ask: Callable[..., Any], three: list[uuid.UUID]) -> None:
    at, instance = shop.clock.now(), shop.look(three[0])[1].id
    with shop.app.app_context(), unit_of_work():
        for minutes, cpu, memory in ((10, 100, 200), (20, 300, 400), (60 * 5, 900, 1000)):
            session().add(
                UsageSample(
                    instance_id=instance,
                    at=at - timedelta(minutes=minutes),
                    cpu_milli=cpu,
                    memory_mb=memory,
                )
            )
        for hours, samples, average in ((30, 1, 100), (40, 3, 300)):
            session().add(
                UsageRollup(
                    instance_id=instance,
                    grain=Grain.HOUR,
                    starts_at=at - timedelta(hours=hours),
                    samples=samples,
                    cpu_min=1,
                    cpu_avg=average,
                    cpu_max=500,
                    memory_min=2,
                    memory_avg=average,
                    memory_max=600,
                    storage_samples=0,
                )
            )

    with asked() as sent:
        hour = ask("stats?timeRange=1h")
    six, week = ask("stats?timeRange=6h"), ask("stats?timeRange=7d")

    assert (hour["totalInstances"], hour["healthyInstances"], hour["healthPercentage"]) == (2, 1, 50)
    assert hour["serviceStats"] == {"Ghost Blog": {"total": 2, "healthy": 1, "unhealthy": 1}}
    assert hour["resourceStats"]["cpu"] == {"average": 200, "max": 300, "min": 100}
    assert hour["resourceStats"]["memory"] == {"average": 300, "max": 400, "min": 200}
    assert (six["totalInstances"], six["resourceStats"]["cpu"]["max"]) == (3, 900)
    assert week["resourceStats"]["cpu"] == {"average": 250, "max": 500, "min": 1}
    assert len(sent) < 6


def test_one_instance(shop: Shop, ask: Callable[..., Any], three: list[uuid.UUID]) -> None:
    well, ill = (ask(f"instances/{shop.look(each)[1].id}") for each in three[:2])

    assert (well["isHealthy"], well["errors"]) == (True, [])
    assert well["metrics"]["cpu"] == {"usage": 100, "limit": 600}
    assert well["deployment"] == well["instanceName"]
    assert (ill["isHealthy"], ill["metrics"]) == (False, None)
    assert ill["errors"] == ["Unhealthy: it crashes", "it crashes"]


def test_a_check_looks_at_the_cluster_now(
    client: FlaskClient,
    shop: Shop,
    administrator: Person,
    customer: Person,
    plan_id: Callable[..., uuid.UUID],
    cluster: KubernetesCluster,
    run_jobs: Callable[..., int],
    clock: FrozenClock,
) -> None:
    made = shop.order(customer, plan_id())
    for _ in range(100):
        run_jobs()
        if shop.look(made)[1].status is InstanceStatus.RUNNING:
            break
        clock.advance(seconds=2)
    shop.put(made, health_status="Unhealthy: said before", last_health_check_at=None)
    clock.advance(seconds=1)

    data = data_of(client.post("/api/admin/health/check", headers=administrator.headers))

    assert (data["success"], data["instancesChecked"], data["healthyInstances"]) == (True, 1, 1)
    assert data["results"][0]["healthStatus"] == "Healthy"
    assert shop.look(made)[1].last_health_check_at == clock.now()


def test_a_silent_cluster_is_said_and_everything_else_goes_on(
    client: FlaskClient, administrator: Person, ask: Callable[..., Any], three: list[uuid.UUID]
) -> None:
    data = data_of(client.post("/api/admin/health/check", headers=administrator.headers))

    assert (data["success"], data["instancesChecked"], "error" in data) == (False, 0, True)
    assert ask("summary")["totalInstances"] == 3


@pytest.mark.parametrize("path", PATHS)
def test_only_administrators(client: FlaskClient, customer: Person, path: str) -> None:
    refused(client.get(f"/api/admin/health/{path}", headers=customer.headers), 403, "accounts.staff_only")
    assert client.get(f"/api/admin/health/{path}").status_code == 401


def test_a_range_that_is_none(client: FlaskClient, administrator: Person) -> None:
    answer = client.get("/api/admin/health/stats?timeRange=2y", headers=administrator.headers)

    refused(answer, 400, "request.invalid")
