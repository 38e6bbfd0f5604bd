"""The views of one instance: tabs on each, its history on one axis and in words, its manifests without a secret."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from minispod.audit import trail
from minispod.cluster import monitoring
from minispod.cluster.port import ClusterUnavailable
from minispod.instances.manifests import instance_manifests
from minispod.instances.models import Instance
from minispod.instances.restarts import RestartsSeen
from minispod.instances.specifying import spec_of
from minispod.instances.states import InstanceStatus
from minispod.instances.uptime.models import AvailabilitySpan, ClusterWatch, Standing
from minispod.kernel.actor import Actor
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.operations import requesting
from minispod.ports import current_ports, current_settings
from minispod.rules import cluster_rules
from tests.admin.conftest import Browser
from tests.admin.shop import Shop
from tests.factories.statements import asked
from tests.plugins.app import Person, PortsNow

VIEWS = ("", "/history", "/data", "/usage", "/events", "/logs", "/manifests", "/settings")


class Shelf:
    """A cluster that has the objects the test put there."""

    def __init__(self, objects: list[dict[str, object]] | None = None) -> None:
        self.objects = objects

    def objects_of(self, namespace: str, instance_id: str) -> list[dict[str, object]]:
        """What lies there."""
        if self.objects is None:
            raise ClusterUnavailable
        return self.objects


@pytest.fixture
def page(shop: Shop) -> str:
    """The address of the instance."""
    return f"/admin/instances/{shop.instance.id}"


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_leads_to_all_others(browser: Browser, page: str, view: str) -> None:
    text = browser.shown(page + view)

    for other in VIEWS:
        current = ' aria-current="page"' if other == view else ""
        assert f'<a href="{page}{other}"{current}>' in text, other


@pytest.fixture
def eventful(app: Flask, shop: Shop, clock: FrozenClock, administrator: Person) -> Callable[[int], None]:
    """Let so many of each kind of thing happen to the instance within a day, and one three days ago."""

    def happen(number: int) -> None:
        at = clock.now()
        with app.app_context(), unit_of_work():
            row = session().get_one(Instance, shop.instance.id)
            row.status, row.first_ran_at = InstanceStatus.RUNNING, at - timedelta(days=4)
            session().add(ClusterWatch(began_at=at - timedelta(hours=20 + number), until=at))
            for each in range(number):
                began = at - timedelta(hours=6 + number + each)
                away = AvailabilitySpan(
                    instance_id=row.id,
                    began_at=began,
                    ended_at=began + timedelta(minutes=12),
                    standing=Standing.DOWN,
                )
                session().add_all([away, RestartsSeen(instance_id=row.id, at=began, restarts=3)])
                _note(administrator.actor, row, at - timedelta(hours=1))
            if number == 1:
                _note(administrator.actor, row, at - timedelta(days=3))
                requesting.back_up(row.id, actor=administrator.actor, at=at - timedelta(minutes=30))

    return happen


def _note(actor: Actor, row: Instance, at: object) -> None:
    trail.record(
        actor,
        trail.Action.INSTANCE_CONTROLLED,
        at=at,  # type: ignore[arg-type]
        subject_kind="instance",
        subject_id=row.id,
        act="restart",
    )


def test_the_history_tells_every_book_once_newest_first(
    browser: Browser, page: str, eventful: Callable[[int], None]
) -> None:
    eventful(1)

    text = " ".join(browser.shown(f"{page}/history").split())

    places = [text.index(each) for each in ("<strong>Backup</strong>", "act restart", "Not there for 12 min")]
    assert places == sorted(places)
    assert "Its containers were restarted by the cluster" in text
    assert text.count("act restart") == 1, "what is three days old is not of this day"
    assert "Operation: requested" not in text, "an operation is told once"
    assert "away: 1, operations: 1" in text
    assert "kept for a day" not in text
    week = browser.shown(f"{page}/history?span=7d")
    assert week.count("act restart") == 2
    assert "kept for a day" in week, "there is no line of an older one, and it may have been"
    for band in ("lane-down", "lane-unknown", "lane-operation"):
        assert f'<rect class="{band}"' in text


def test_a_quiet_span_says_so(browser: Browser, page: str, clock: FrozenClock, administrator: Person) -> None:
    clock.advance(days=2)
    browser.sign_in(administrator.email)

    assert "Nothing happened in this span." in browser.shown(f"{page}/history")
    assert browser.get(f"{page}/history?span=nonsense").status_code == 200


def test_the_history_asks_as_much_for_many_as_for_one(
    browser: Browser, page: str, eventful: Callable[[int], None]
) -> None:
    def questions() -> int:
        with asked() as sent:
            browser.shown(f"{page}/history")
        return len(sent)

    eventful(1)
    questions()  # what is asked once in a process
    one = questions()
    eventful(4)

    assert questions() == one


def _manifests(app: Flask, shop: Shop) -> tuple[list[dict[str, object]], list[str]]:
    """What would be applied, and the secrets in it."""
    with app.app_context():
        ports = current_ports()
        row = session().get_one(Instance, shop.instance.id)
        spec = spec_of(row, cluster_rules(current_settings()), ports.sealer, ports.clock.now())
        return instance_manifests(spec), list(spec.secrets.values())


def test_manifests_show_what_differs_and_no_secret(
    browser: Browser, app: Flask, shop: Shop, page: str, ports: PortsNow
) -> None:
    wanted, secrets = _manifests(app, shop)
    changed = next(each for each in wanted if each["kind"] == "Deployment")
    changed["spec"]["replicas"] = 7  # type: ignore[index]
    ports.change(cluster=Shelf(wanted))

    text = browser.shown(f"{page}/manifests")

    assert "<ins>+   replicas: 7</ins>" in text
    assert "<del>-   replicas: 1</del>" in text
    assert "(hidden)" in text
    assert secrets
    assert not [each for each in secrets if each in text]
    assert "<html" not in browser.fragment(f"{page}/manifests").text


def test_a_silent_cluster_leaves_what_we_would_apply_and_says_since_when(
    browser: Browser, app: Flask, page: str, ports: PortsNow, clock: FrozenClock
) -> None:
    ports.change(cluster=Shelf(None))
    with app.app_context(), unit_of_work():
        monitoring.record_silence(clock.now() - timedelta(minutes=4))

    text = browser.shown(f"{page}/manifests")

    assert "unreachable since" in text
    assert "4 min ago" in text
    assert "kind: Deployment" in text
    assert "Not there" not in text


def test_what_is_gone_has_no_manifests(
    browser: Browser, app: Flask, shop: Shop, page: str, ports: PortsNow
) -> None:
    ports.change(cluster=Shelf([]))
    with app.app_context(), unit_of_work():
        session().get_one(Instance, shop.instance.id).status = InstanceStatus.TERMINATED

    assert "Nothing of this instance is left" in browser.shown(f"{page}/manifests")
