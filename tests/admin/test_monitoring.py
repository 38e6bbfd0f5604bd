"""The pages that show how one instance is doing."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from minispod.cluster.events import WorkloadEvent
from minispod.cluster.monitoring import record_storage
from minispod.instances.models import Instance
from minispod.instances.uptime.models import AvailabilitySpan, ClusterWatch, Standing
from minispod.instances.usage.models import UsageSample
from minispod.integrations.kubernetes.words import say
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from tests.admin.conftest import Browser
from tests.admin.shop import Shop
from tests.factories.logs import WritingCluster
from tests.plugins.app import PortsNow


class TalkingCluster(WritingCluster):
    """A cluster that tells one bad thing and logs what it was asked for."""

    def events_of(self, namespace: str, workload: str) -> list[WorkloadEvent]:
        text = say("crash_loop", code=3)
        at = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
        last = ("<script>alert(1)</script>",)
        return [WorkloadEvent(at, text.reason, text.words, True, 4, "app", "Error on worker-7 <b>", last)]

    def tail_logs(
        self, namespace: str, workload: str, *, container: str, lines: int, previous: bool = False
    ) -> list[str]:
        return [f"lines of {container}, previous={previous}"]


@pytest.fixture
def page(shop: Shop, app: Flask, clock: FrozenClock) -> str:
    """The address of an instance that ran for an hour, five minutes of it not."""
    at, hour = clock.now(), timedelta(hours=1)
    with app.app_context(), unit_of_work():
        row = session().get_one(Instance, shop.instance.id)
        row.first_ran_at = at - hour
        down = at - timedelta(minutes=5)
        session().add(ClusterWatch(began_at=at - hour, until=at))
        for began, ended, standing in ((at - hour, down, Standing.UP), (down, None, Standing.DOWN)):
            session().add(
                AvailabilitySpan(instance_id=row.id, began_at=began, ended_at=ended, standing=standing)
            )
        for minutes in range(0, 60, 5):
            moment = at - timedelta(minutes=minutes)
            session().add(
                UsageSample(instance_id=row.id, at=moment, cpu_milli=100, memory_mb=300, storage_mb=None)
            )
    return f"/admin/instances/{shop.instance.id}"


def test_usage_is_drawn_and_uptime_is_told(browser: Browser, page: str) -> None:
    for span in ("24h", "7d", "30d", "12m", "nonsense"):
        text = browser.shown(f"{page}/usage?span={span}")

        assert text.count("<chart-plot") == 2
        assert '"key": "used"' in text
        assert '<td data-label="average" class="number">' in text
        assert "CPU, per cent of the plan" in text
        assert "not measured by this storage class" in text
        assert "91.66 %" in text
        assert "down 0:05:00" in text


def test_a_part_of_the_page_is_answered_as_a_part(browser: Browser, page: str, ports: PortsNow) -> None:
    ports.change(cluster=TalkingCluster())

    for part, mark in (
        ("usage", '<div id="usage"'),
        ("events", '<div id="events"'),
        ("logs", '<div id="logs"'),
    ):
        assert browser.fragment(f"{page}/{part}").text.strip().startswith(mark)
        assert f'id="{part}"' in browser.shown(page)


def test_events_are_told_with_the_clusters_own_words_as_text(
    browser: Browser, page: str, ports: PortsNow
) -> None:
    ports.change(cluster=TalkingCluster("/nonexistent/kubeconfig"))

    text = browser.shown(f"{page}/events")

    assert "exit code 3" in text
    assert "4 times" in text
    assert "Error on worker-7 &lt;b&gt;" in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_a_container_and_the_run_before_can_be_chosen(browser: Browser, page: str, ports: PortsNow) -> None:
    ports.change(cluster=TalkingCluster("a line of this run"))

    assert "a line of this run" in browser.shown(f"{page}/logs")
    assert "lines of app, previous=True" in browser.shown(f"{page}/logs?container=app&previous=yes")
    assert "a line of this run" in browser.shown(f"{page}/logs?container=nonsense&previous=x")


@pytest.mark.parametrize("part", ["events", "logs"])
def test_a_silent_cluster_is_said(browser: Browser, page: str, part: str) -> None:
    assert "does not answer" in browser.shown(f"{page}/{part}")


@pytest.mark.parametrize("part", ["usage", "events", "logs"])
def test_what_is_not_there_is_not_found_and_strangers_are_sent_to_sign_in(
    browser: Browser, page: str, part: str, stranger: Callable[[], Browser]
) -> None:
    assert browser.get(f"/admin/instances/01a1f922-b4b6-77d2-9267-754f21fb013a/{part}").status_code == 404
    assert stranger().get(f"{page}/{part}").status_code in (302, 303)


def test_a_missing_right_to_measure_storage_is_told_on_the_nodes_page_and_with_the_usage(
    browser: Browser, page: str, app: Flask
) -> None:
    def shown() -> list[bool]:
        return [
            "lacks the right &lt;x&gt;" in browser.shown(each) for each in ("/admin/nodes", f"{page}/usage")
        ]

    assert shown() == [False, False]
    with app.app_context(), unit_of_work():
        assert record_storage("The account lacks the right <x>.")
        assert not record_storage("The account lacks the right <x>.")
    assert shown() == [True, True]
    assert "deploy/volume-usage.yaml" in browser.shown("/admin/nodes")
    with app.app_context(), unit_of_work():
        assert record_storage(None)
    assert shown() == [False, False]
