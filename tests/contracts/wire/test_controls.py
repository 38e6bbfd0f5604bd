"""Recorded exchanges of controls, instances, order checks, the staff's figures and health, and of live connections."""

import json
import uuid
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from minispod.api.patience import Patience
from minispod.app import create_app
from minispod.instances.states import InstanceStatus
from minispod.kernel.database import db
from minispod.realtime.server import attach
from minispod.settings import Settings
from tests.contracts.wire.conftest import Replay
from tests.contracts.wire.recordings import recording
from tests.contracts.wire.shapes import differences
from tests.contracts.wire.test_subscriptions import buy, change_plan, pretend
from tests.plugins.app import Person

PlanFinder = Callable[..., uuid.UUID]
People = Callable[..., Person]


@pytest.fixture(autouse=True)
def nobody_waits(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no cluster here; the wait has tests of its own."""
    monkeypatch.setitem(app.extensions, "minispod.patience", Patience(0))


def test_controls_without_a_cluster(
    app: Flask, replay: Replay, customer: Person, person: People, plan_id: PlanFinder
) -> None:
    mine = buy(replay, customer, plan_id())

    # The original has no instance then; ours is still being provisioned.
    for name in (
        "subscriptions__stop_no_k8s",
        "subscriptions__start_no_k8s",
        "subscriptions__restart_no_k8s",
    ):
        assert replay(name, customer, mine)["code"] == "instances.wrong_state"
    for name in (
        "subscriptions__stop_other_user",
        "subscriptions__start_other_user",
        "subscriptions__restart_other_user",
    ):
        assert replay(name, person(), mine)["code"] == "subscriptions.no_such_subscription"
    pretend(app, InstanceStatus.STOPPED)
    assert replay("subscriptions__stop_expired", customer, mine)["data"] == {"status": "STOPPED"}


def test_an_order_of_a_third_customer(replay: Replay, customer: Person, plan_id: PlanFinder) -> None:
    assert replay("subscriptions__create_u3_basic", customer, plan_id())["data"]["chargeAmount"] == 50_000


def test_what_an_order_would_meet(app: Flask, replay: Replay, person: People, plan_id: PlanFinder) -> None:
    orderer = person(credit=100_000)

    fine = replay("subscriptions__validate_ok", orderer, plan_id())["data"]["validation"]
    assert (fine["isValid"], fine["user"]["creditBalance"], fine["quotaInfo"]["canAllocate"]) == (
        True,
        100_000,
        True,
    )
    short = replay("subscriptions__validate_insufficient", orderer, plan_id("n8n-automation", "PRO"))
    assert short["code"] == "subscriptions.order_hindered"
    assert short["data"]["validation"]["code"] == "INSUFFICIENT_CREDIT"
    assert short["data"]["validation"]["shortfall"] == 50_000
    unknown = replay("subscriptions__validate_unknown_plan", orderer)["data"]["validation"]
    assert unknown["code"] == "PLAN_NOT_AVAILABLE"
    change_plan(app, plan_id(), total_quota=1, used_quota=1)
    full = replay("subscriptions__validate_quota_full", orderer, plan_id())["data"]["validation"]
    assert (full["code"], full["quotaInfo"]["availableQuota"]) == ("QUOTA_EXCEEDED", 0)


def test_instances(replay: Replay, customer: Person, person: People, plan_id: PlanFinder) -> None:
    assert replay("instances__list", person())["data"]["instances"] == []
    mine = buy(replay, customer, plan_id())

    begun = replay("instances__create_no_k8s", customer, mine)
    assert begun["code"] == "instances.provisioning_runs"
    assert "subscriptionId" in replay("instances__create_validation", customer)["errors"]
    for name in (
        "instances__detail",
        "instances__detail_404",
        "instances__logs",
        "instances__restart",
        "instances__start",
        "instances__stop",
        "instances__terminate",
    ):
        assert replay(name, customer)["code"] == "instances.no_such_instance"


def test_staff_figures_and_edits(
    replay: Replay, administrator: Person, customer: Person, plan_id: PlanFinder
) -> None:
    mine = buy(replay, customer, plan_id())

    edited = replay("admin_subscriptions__update", administrator, mine)["data"]
    assert edited["fieldsUpdated"] == ["nextBilling", "failedCharges", "autoRenew"]
    assert (edited["subscription"]["autoRenew"], edited["subscription"]["failedCharges"]) == (False, 1)
    empty = replay("admin_subscriptions__update_empty", administrator, mine)
    assert empty["code"] == "subscriptions.nothing_to_edit"
    figures = replay("admin_subscriptions__stats", administrator)["data"]
    assert figures["overview"]["totalSubscriptions"] == 1


def test_health_without_a_cluster(replay: Replay, administrator: Person) -> None:
    assert replay("admin_health__summary", administrator)["data"]["totalInstances"] == 0
    assert replay("admin_health__stats", administrator)["data"]["timeRange"] == "24h"
    looked = replay("admin_health__check", administrator)["data"]
    assert (looked["success"], bool(looked["error"])) == (False, True)
    missing = replay("admin_health__instance_404", administrator)
    assert missing["code"] == "instances.no_such_instance"


def test_a_pod_by_name_is_no_address(replay: Replay, administrator: Person) -> None:
    assert replay("admin_k8s__pod_by_name_frontend_path", administrator)["code"] == "route.not_found"


@pytest.fixture
def live(settings: Settings) -> Iterator[FlaskClient]:
    """An application that answers /socket.io/ too."""
    live = create_app(settings)
    attach(live)
    yield live.test_client()
    with live.app_context():
        db.engine.dispose()


def test_the_handshake_of_a_live_connection(live: FlaskClient) -> None:
    recorded = recording("socketio__handshake")

    answer = live.open(recorded.path, method=recorded.method)

    assert answer.status_code == recorded.status
    theirs, ours = json.loads(recorded.answer[1:]), json.loads(answer.text[1:])
    assert recorded.answer[0] == answer.text[0] == "0"
    assert differences(theirs, ours, {}) == set()
    assert ours["upgrades"] == theirs["upgrades"] == ["websocket"]
    assert (ours["pingInterval"], ours["pingTimeout"], ours["maxPayload"]) == (25_000, 20_000, 1_000_000)
