"""The page of orphans: who owns the namespace, what asks first, and that a volume needs its name."""

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from minispod.instances.models import Instance
from minispod.instances.orphan_models import Orphan, OrphanKind, OrphanWish
from minispod.instances.states import InstanceStatus
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.ids import new_id
from minispod.kernel.outbox import OutboxRow
from minispod.kernel.tasks import Task
from minispod.kernel.unit_of_work import unit_of_work
from minispod.subscriptions.models import Subscription
from minispod.subscriptions.states import SubscriptionStatus
from tests.admin.conftest import Browser
from tests.admin.shop import Shop

REASON = "left behind by a restored database"
Put = Callable[..., Orphan]


@pytest.fixture
def put(app: Flask, clock: FrozenClock) -> Put:
    """Write down something nobody owns, two days old."""

    def go(kind: OrphanKind, name: str, **fields: object) -> Orphan:
        seen = clock.now() - timedelta(days=2)
        values = {"namespace": "user-1", "instance_label": "", "is_trial": False, **fields}
        with app.app_context(), unit_of_work():
            row = Orphan(
                id=new_id(),
                kind=kind,
                name=name,
                first_seen_at=seen,
                last_seen_at=seen,
                made_at=seen,
                **values,
            )
            session().add(row)
        return row

    return go


def _rows(app: Flask) -> list[Orphan]:
    with app.app_context():
        return list(session().query(Orphan).order_by(Orphan.name))


def test_nothing_is_said_and_today_is_calm(browser: Browser) -> None:
    assert "every object with our labels belongs to an instance" in browser.shown("/admin/orphans")
    assert "to no instance" not in browser.shown("/admin/")


def test_what_nobody_owns_is_shown_and_counted(browser: Browser, put: Put, shop: Shop) -> None:
    put(OrphanKind.CLAIM, "redis-x-data", size="3Gi", user_id=shop.customer.id)
    put(OrphanKind.WORKLOAD, "<script>", instance_label="0199-unknown")
    put(OrphanKind.NAMESPACE, "try-abc", namespace="try-abc", is_trial=True)

    text = browser.shown("/admin/orphans")

    assert "Volume, 3Gi" in text
    assert "Siti Rahma" in text
    assert "&lt;script&gt;" in text
    assert "a trial or drill that should be over" in text
    assert "3 objects in the cluster belong to no instance" in browser.shown("/admin/")


def test_a_trial_that_runs_is_not_counted(browser: Browser, put: Put, clock: FrozenClock) -> None:
    put(OrphanKind.NAMESPACE, "try-abc", namespace="try-abc", is_trial=True)
    clock.advance(days=-2, minutes=30)

    assert "Trials and drills that run" in browser.shown("/admin/orphans")
    assert "to no instance" not in browser.shown("/admin/")


def test_a_volume_is_removed_by_its_name_and_with_a_reason(app: Flask, browser: Browser, put: Put) -> None:
    row = put(OrphanKind.CLAIM, "redis-x-data")
    browser.get("/admin/orphans")
    path = f"/admin/orphans/{row.id}/remove"

    browser.post(path, "/admin/orphans", reason=REASON)
    browser.post(path, "/admin/orphans", reason=REASON, confirmed="redis-y-data")
    browser.post(path, "/admin/orphans", reason="no", confirmed="redis-x-data")
    assert [each.wish for each in _rows(app)] == [None]

    browser.post(path, "/admin/orphans", reason=REASON, confirmed="redis-x-data")

    assert [each.wish for each in _rows(app)] == [OrphanWish.REMOVE]
    assert "Being removed" in browser.shown("/admin/orphans")
    assert REASON in browser.shown("/admin/audit")


def test_a_namespace_with_a_volume_is_refused(app: Flask, browser: Browser, put: Put) -> None:
    put(OrphanKind.CLAIM, "a-data")
    room = put(OrphanKind.NAMESPACE, "user-1")
    browser.get("/admin/orphans")

    browser.post(f"/admin/orphans/{room.id}/remove", "/admin/orphans", reason=REASON)

    assert "still holds volumes" in browser.shown("/admin/orphans")
    assert [each.wish for each in _rows(app)] == [None, None]


def test_an_instance_that_ended_wrongly_is_offered_and_adopted(
    app: Flask, browser: Browser, put: Put, shop: Shop
) -> None:
    with app.app_context(), unit_of_work():
        instance = session().get_one(Instance, shop.instance.id)
        instance.status = InstanceStatus.TERMINATED
    row = put(
        OrphanKind.WORKLOAD,
        shop.instance.name,
        namespace=shop.instance.namespace,
        instance_label=str(shop.instance.id),
        instance_id=shop.instance.id,
        user_id=shop.customer.id,
    )
    assert "it runs again over what is there" in browser.shown("/admin/orphans")

    browser.post(f"/admin/orphans/{row.id}/adopt", "/admin/orphans", reason=REASON)

    assert _rows(app) == []
    assert "Pending" in browser.shown(f"/admin/instances/{shop.instance.id}")


@pytest.mark.parametrize(
    ("status", "is_offered", "shown"),
    [
        (SubscriptionStatus.EXPIRED, True, "Stopping"),
        (SubscriptionStatus.CANCELLED, False, "Terminated"),
    ],
)
def test_what_its_subscription_says_decides_what_becomes_of_it(
    app: Flask,
    browser: Browser,
    put: Put,
    shop: Shop,
    status: SubscriptionStatus,
    is_offered: bool,
    shown: str,
) -> None:
    with app.app_context():
        with unit_of_work():
            session().get_one(Subscription, shop.subscription.id).status = status
        with unit_of_work():
            session().get_one(Instance, shop.instance.id).status = InstanceStatus.TERMINATED
    row = put(
        OrphanKind.CLAIM,
        f"{shop.instance.name}-data",
        namespace=shop.instance.namespace,
        instance_label=str(shop.instance.id),
        instance_id=shop.instance.id,
    )
    assert (f"adopt-{row.id}" in browser.shown("/admin/orphans")) is is_offered

    browser.post(f"/admin/orphans/{row.id}/adopt", "/admin/orphans", reason=REASON)

    assert len(_rows(app)) == (0 if is_offered else 1)
    assert shown in browser.shown(f"/admin/instances/{shop.instance.id}")


def test_what_nothing_fits_is_not_offered_for_adoption(browser: Browser, put: Put) -> None:
    row = put(OrphanKind.WORKLOAD, "stray")
    assert f"adopt-{row.id}" not in browser.shown("/admin/orphans")

    browser.post(f"/admin/orphans/{row.id}/adopt", "/admin/orphans", reason=REASON)

    assert "no instance that it could belong to" in browser.shown("/admin/orphans")


def test_looking_now_is_work_that_waits_for_a_silent_cluster(
    app: Flask, browser: Browser, run_jobs: Callable[[], int]
) -> None:
    browser.get("/admin/orphans")

    browser.post("/admin/orphans/look", "/admin/orphans")
    run_jobs()

    assert "being looked at" in browser.shown("/admin/orphans")
    with app.app_context():
        [row] = session().query(OutboxRow).filter(OutboxRow.task == Task.FIND_ORPHANS.value)
        assert row.last_error is not None


@pytest.mark.parametrize("act", ["remove", "adopt"])
def test_what_is_gone_meanwhile_is_not_found(browser: Browser, act: str) -> None:
    browser.get("/admin/orphans")

    answer = browser.post(f"/admin/orphans/{uuid.uuid4()}/{act}", "/admin/orphans", reason=REASON)

    assert answer.status_code == 404


def test_the_list_is_paged_searched_and_refreshed_as_it_is(browser: Browser, put: Put, shop: Shop) -> None:
    for number in range(27):
        put(OrphanKind.WORKLOAD, f"redis-{number:02}", user_id=shop.customer.id)
    put(OrphanKind.CLAIM, "ghost-data", namespace="user-2")

    assert "Page 1 of 2, 28 objects" in browser.shown("/admin/orphans")
    assert "redis-26" in browser.shown("/admin/orphans?page=2")
    found = browser.shown("/admin/orphans?q=ghost&kind=CLAIM")
    assert "ghost-data" in found
    assert "redis-00" not in found
    assert 'hx-get="/admin/orphans?q=ghost&amp;kind=CLAIM"' in found
    assert "redis-00" in browser.shown("/admin/orphans?q=siti")
    assert "No object matches" in browser.shown("/admin/orphans?q=nothing-like-it")
