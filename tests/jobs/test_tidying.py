"""Namespaces in which nothing is left: cleared once, given back when that fails, kept when somebody comes back."""

import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from minispod.cluster.port import ClusterRefused, ClusterUnavailable
from minispod.instances import orphan_finding, tidying
from minispod.instances.models import Tenancy
from minispod.instances.orphan_finding import Found
from minispod.instances.orphan_models import OrphanKind
from minispod.instances.states import InstanceStatus, Wanted
from minispod.integrations.kubernetes.adapter import KubernetesCluster
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from tests.plugins.app import Person
from tests.plugins.shop import Shop

PlanFinder = Callable[..., uuid.UUID]
Tick = Callable[[str], None]


class Cluster(KubernetesCluster):
    """A cluster that deletes namespaces as it is told, and lets others act just before."""

    def __init__(self) -> None:
        super().__init__("/nonexistent/kubeconfig")
        self.claims: list[str] = []
        self.deleted: list[str] = []
        self.while_listing: Callable[[], object] = lambda: None
        self.fails: Exception | None = None
        self.is_silent = False

    def inventory(self, kind: str) -> Sequence[dict[str, Any]]:
        assert kind == "claims"
        if self.is_silent:
            raise ClusterUnavailable()
        self.while_listing()
        return [{"metadata": {"namespace": each, "name": "data"}} for each in self.claims]

    def delete_namespace(self, name: str) -> bool:
        if self.fails is not None:
            raise self.fails
        self.deleted.append(name)
        return False


class Ground:
    """A customer whose only instance has been gone for a while."""

    def __init__(self, shop: Shop, owner: Person, plan_id: PlanFinder) -> None:
        self.shop, self.owner, self.plan_id = shop, owner, plan_id
        subscription = shop.order(owner, plan_id("ghost-blog", "FREE"))
        shop.runs(subscription)
        shop.cancel(owner, subscription)
        shop.put(
            subscription,
            status=InstanceStatus.TERMINATED,
            wanted=Wanted.ABSENT,
            awaits_last_backup=False,
            updated_at=shop.clock.now(),
        )
        self.namespace = shop.look(subscription)[1].namespace
        self.cluster = Cluster()
        shop.ports.change(cluster=self.cluster)
        shop.clock.advance(minutes=11)

    def order(self) -> uuid.UUID:
        """They come back."""
        return self.shop.order(self.owner, self.plan_id("redis", "BASIC"))

    def is_cleared(self) -> bool:
        """Whether the books have it cleared."""
        with self.shop.app.app_context():
            return session().get_one(Tenancy, self.owner.id).cleared_at is not None


@pytest.fixture
def ground(app: Flask, shop: Shop, person: Callable[..., Person], plan_id: PlanFinder) -> Ground:
    """A customer with credit who has left."""
    return Ground(shop, person(credit=500_000), plan_id)


def test_it_goes_once(ground: Ground, tick: Tick) -> None:
    tick("tidy-namespaces")
    ground.shop.clock.advance(minutes=5)
    tick("tidy-namespaces")

    assert ground.cluster.deleted == [ground.namespace]
    assert ground.is_cleared()


def test_an_order_that_comes_while_it_is_cleared_keeps_it(ground: Ground, tick: Tick) -> None:
    ground.cluster.while_listing = ground.order

    tick("tidy-namespaces")

    assert ground.cluster.deleted == []
    assert not ground.is_cleared()
    ground.cluster.while_listing = lambda: None
    ground.shop.clock.advance(hours=1)
    tick("tidy-namespaces")
    assert ground.cluster.deleted == [], "it is in use again"


def test_an_order_that_comes_after_it_was_cleared_takes_the_same_name(ground: Ground, tick: Tick) -> None:
    tick("tidy-namespaces")

    ordered = ground.order()

    assert ground.shop.look(ordered)[1].namespace == ground.namespace
    assert not ground.is_cleared()


@pytest.mark.parametrize("fails", [ClusterUnavailable(), ClusterRefused("not allowed")])
def test_what_could_not_be_deleted_is_tried_again(ground: Ground, tick: Tick, fails: Exception) -> None:
    ground.cluster.fails = fails
    tick("tidy-namespaces")
    assert not ground.is_cleared()
    ground.cluster.fails = None

    tick("tidy-namespaces")

    assert ground.cluster.deleted == [ground.namespace]


def test_a_silent_cluster_and_a_volume_that_is_left_keep_it(ground: Ground, tick: Tick) -> None:
    ground.cluster.is_silent = True
    tick("tidy-namespaces")
    ground.cluster.is_silent = False
    ground.cluster.claims = [ground.namespace]
    tick("tidy-namespaces")

    assert ground.cluster.deleted == []
    assert not ground.is_cleared()


def test_a_worker_that_died_between_marking_and_deleting_is_followed_by_another(
    ground: Ground, tick: Tick
) -> None:
    with ground.shop.app.app_context(), unit_of_work():
        assert tidying.claim_empty_namespaces(ground.shop.clock.now()) == [ground.namespace]

    ground.shop.clock.advance(minutes=15)
    with ground.shop.app.app_context(), unit_of_work():
        there = Found(OrphanKind.NAMESPACE, ground.namespace, ground.namespace, "", None, None)
        assert orphan_finding.keep([there], at=ground.shop.clock.now()) == 1
    tick("tidy-namespaces")

    assert ground.cluster.deleted == [ground.namespace]
    assert ground.is_cleared()


def test_it_is_given_some_minutes(ground: Ground, tick: Tick) -> None:
    with ground.shop.app.app_context(), unit_of_work():
        assert tidying.claim_empty_namespaces(ground.shop.clock.now() - timedelta(minutes=2)) == []
        assert tidying.claim_empty_namespaces(ground.shop.clock.now()) == [ground.namespace]
