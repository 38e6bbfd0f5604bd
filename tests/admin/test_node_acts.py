"""An administrator drains a node: sees whom it touches first, chooses, follows it, stops it."""

import uuid
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from minispod.cluster import monitoring
from minispod.cluster.port import VolumeSighting
from minispod.instances import volumes
from minispod.instances.models import Instance
from minispod.instances.naming import claim_name
from minispod.instances.states import InstanceStatus
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import db, session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.operations.nodes.models import NodeOperation
from minispod.operations.nodes.states import BoundChoice, NodeAct, NodeActStatus
from minispod.settings import Settings
from tests.admin.conftest import Browser
from tests.admin.shop import Shop
from tests.factories.nodes import worker
from tests.factories.statements import asked
from tests.plugins.app import Person, PortsNow
from tests.plugins.shop import Shop as Counter

NODE = "worker-1"


@pytest.fixture
def tied(app: Flask, shop: Shop, nodes_seen: None, clock: FrozenClock) -> Instance:
    """The shop's instance runs on the node, with its data."""
    _put_there(app, shop.subscription.id, clock)
    return shop.instance


def _put_there(app: Flask, subscription: uuid.UUID, clock: FrozenClock) -> None:
    with app.app_context(), unit_of_work():
        found = select(Instance).where(Instance.subscription_id == subscription)
        instance = session().scalars(found).one()
        instance.status, instance.node_name = InstanceStatus.RUNNING, NODE
        instance.first_ran_at = clock.now()
        claim = claim_name(instance.name, instance.volume_number)
        volumes.note_places([VolumeSighting(instance.namespace, claim, (NODE,))])


def _newest(app: Flask) -> NodeOperation:
    with app.app_context():
        found = session().scalars(select(NodeOperation).order_by(NodeOperation.id.desc()).limit(1)).one()
        db.session.remove()
        return found


def test_the_preview_says_whom_it_touches_and_changes_nothing(
    browser: Browser, app: Flask, shop: Shop, tied: Instance
) -> None:
    text = browser.shown(f"/admin/nodes/{NODE}/drain")

    assert tied.name in text
    assert "Its data are here only" in text
    assert "no room for it elsewhere" in text, "worker-2 is not ready"
    assert 'value="MOVE" checked' in text
    with app.app_context():
        assert session().scalars(select(NodeOperation)).all() == []


def test_a_drain_that_makes_no_sense_is_refused_in_words(
    browser: Browser, app: Flask, tied: Instance
) -> None:
    browser.shown(f"/admin/nodes/{NODE}/drain")

    refused = browser.post(f"/admin/nodes/{NODE}/drain", f"/admin/nodes/{NODE}/drain", bound="LEAVE")
    assert "No other worker is ready" in browser.get(refused.location).text

    answer = browser.post("/admin/nodes/worker-2/drain", "/admin/nodes/worker-2/drain", bound="LEAVE")
    assert answer.status_code == 303
    assert "does not answer" in browser.get(answer.location).text


@pytest.mark.parametrize("choice", list(BoundChoice))
def test_the_choice_is_kept_and_the_page_is_live(
    browser: Browser, app: Flask, tied: Instance, clock: FrozenClock, choice: BoundChoice
) -> None:
    _second_worker(app, clock)
    browser.shown(f"/admin/nodes/{NODE}/drain")

    answer = browser.post(f"/admin/nodes/{NODE}/drain", bound=choice.value)

    asked = _newest(app)
    assert (asked.act, asked.bound) == (NodeAct.DRAIN, choice)
    assert asked.requested_by_id is not None
    assert answer.location.endswith(str(asked.id))
    page = browser.shown(f"/admin/node-operations/{asked.id}")
    assert "data-live" in page
    assert tied.name in page
    assert "is under way" in browser.shown(f"/admin/nodes/{NODE}")
    assert "is under way" in browser.shown(f"/admin/nodes/{NODE}/drain")

    browser.post(f"/admin/node-operations/{asked.id}/cancel")
    assert _newest(app).status is NodeActStatus.CANCELLED
    assert "Cancelled" in browser.shown(f"/admin/nodes/{NODE}")


def test_a_node_is_taken_out_of_service_and_put_back(browser: Browser, app: Flask, nodes_seen: None) -> None:
    for act in (NodeAct.CORDON, NodeAct.UNCORDON):
        browser.shown(f"/admin/nodes/{NODE}")
        assert browser.post(f"/admin/nodes/{NODE}/{act.value.lower()}").status_code == 303
        asked = _newest(app)
        assert asked.act is act
        browser.post(f"/admin/node-operations/{asked.id}/cancel")


@pytest.mark.parametrize("path", ["/admin/nodes/{}/drain", "/admin/node-operations/{}"])
def test_what_is_not_there_is_not_found(browser: Browser, nodes_seen: None, path: str) -> None:
    browser.shown(path.format("no-such-thing"), 404)


def test_the_pages_ask_as_many_questions_for_many_instances_as_for_one(
    browser: Browser,
    app: Flask,
    settings: Settings,
    ports: PortsNow,
    tied: Instance,
    customer: Person,
    clock: FrozenClock,
    plan_id: Callable[..., uuid.UUID],
) -> None:
    _second_worker(app, clock)
    pages = (f"/admin/nodes/{NODE}/drain", f"/admin/nodes/{NODE}")

    def questions() -> list[int]:
        numbers = []
        for path in pages:
            with asked() as sent:
                browser.shown(path)
            numbers.append(len(sent))
        return numbers

    questions()  # what is asked once in a process
    one = questions()
    counter = Counter(app, settings, ports, clock)
    counter.credit(customer, 500_000)
    for slug in ("postgresql", "redis", "grafana"):
        _put_there(app, counter.order(customer, plan_id(slug, "BASIC")), clock)

    assert questions() == one


def _second_worker(app: Flask, clock: FrozenClock) -> None:
    with app.app_context(), unit_of_work():
        monitoring.record_nodes([worker(NODE), worker("worker-2")], clock.advance(seconds=1))
