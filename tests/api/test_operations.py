"""Backups, restores, resets and upgrades over the wire: what begins, what is refused, whose it is."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from minispod.backups.models import Backup, BackupReason, BackupStatus
from minispod.catalog.recipes import get_recipe
from minispod.cluster.models import NodeOutage
from minispod.instances import volumes
from minispod.instances.models import Instance
from minispod.instances.states import InstanceStatus
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.ids import new_id
from minispod.kernel.unit_of_work import unit_of_work
from minispod.operations.models import Operation
from minispod.operations.states import OperationStatus
from tests.plugins.app import Person, data_of, refused
from tests.plugins.shop import Shop

PlanFinder = Callable[..., uuid.UUID]


@dataclass
class Ground:
    """A running PostgreSQL and its owner at the wire."""

    client: FlaskClient
    shop: Shop
    owner: Person
    clock: FrozenClock
    subscription: uuid.UUID

    @property
    def path(self) -> str:
        """Where it is on the wire."""
        return f"/api/v1/subscriptions/{self.subscription}"

    def get(self, route: str) -> object:
        """Read as the owner."""
        return data_of(self.client.get(f"{self.path}/{route}", headers=self.owner.headers))

    def post(self, route: str, **body: object) -> object:
        """Ask as the owner."""
        return self.client.post(f"{self.path}/{route}", json=body, headers=self.owner.headers)

    def backup(self, **changes: object) -> str:
        """A good backup of it, two hours old."""
        instance = self.shop.look(self.subscription)[1]
        taken = self.clock.now() - timedelta(hours=2)
        values = {
            "id": new_id(),
            "instance_id": instance.id,
            "user_id": instance.user_id,
            "service_slug": instance.service_slug,
            "version": instance.version,
            "reason": BackupReason.ON_DEMAND,
            "status": BackupStatus.DONE,
            "taken_at": taken,
            "finished_at": taken,
            "keep_until": taken + timedelta(days=30),
            "plain_size": 4096,
        }
        with self.shop.app.app_context(), unit_of_work():
            row = Backup(**{**values, **changes})
            session().add(row)
            return str(row.id)

    def end(self, status: OperationStatus = OperationStatus.DONE) -> None:
        """What is under way has ended, and the instance runs."""
        with self.shop.app.app_context(), unit_of_work():
            for each in session().query(Operation).filter(Operation.ended_at.is_(None)):
                each.status, each.ended_at = status, self.clock.now()
        self.shop.put(self.subscription, status=InstanceStatus.RUNNING)


@pytest.fixture
def ground(
    client: FlaskClient, shop: Shop, customer: Person, clock: FrozenClock, plan_id: PlanFinder
) -> Ground:
    """A running PostgreSQL."""
    subscription = shop.order(customer, plan_id("postgresql", "BASIC"))
    shop.runs(subscription)
    shop.put(subscription, version=get_recipe("postgresql").version)
    return Ground(client, shop, customer, clock, subscription)


def test_a_backup_is_taken_beside_the_running_application(ground: Ground) -> None:
    data = data_of(ground.post("backups"), 202)

    assert data["instance"]["status"] == "RUNNING"
    operation = data["operation"]
    assert (operation["kind"], operation["status"]) == ("BACKUP", "PENDING")
    assert operation["progress"]["text"] == {"en": "Waiting for its turn", "id": "Menunggu giliran"}
    [listed] = ground.get("operations")["operations"]  # type: ignore[index]
    assert listed["id"] == operation["id"]
    one = ground.get(f"operations/{operation['id']}")["operation"]  # type: ignore[index]
    assert one == listed


def test_there_is_a_limit_a_day_and_none_for_staff(ground: Ground, administrator: Person) -> None:
    for _ in range(5):
        data_of(ground.post("backups"), 202)
        ground.end()
        ground.clock.advance(minutes=1)

    answer = ground.post("backups")

    refused(answer, 429, "subscriptions.too_many_backups")
    assert 23 * 3600 < int(answer.headers["Retry-After"]) < 24 * 3600  # type: ignore[attr-defined]
    data_of(ground.client.post(f"{ground.path}/backups", headers=administrator.headers), 202)


def test_what_failed_does_not_count(ground: Ground) -> None:
    for _ in range(6):
        data_of(ground.post("backups"), 202)
        ground.end(OperationStatus.FAILED)


def test_backups_are_listed_and_those_on_demand_deleted(ground: Ground) -> None:
    mine = ground.backup()
    nightly = ground.backup(reason=BackupReason.DAILY)
    ground.backup(status=BackupStatus.FAILED)

    listed = ground.get("backups")["backups"]  # type: ignore[index]

    assert {(each["id"], each["reason"], each["canDelete"]) for each in listed} == {
        (mine, "on_demand", True),
        (nightly, "daily", False),
    }
    assert listed[0]["size"] == 4096
    headers = ground.owner.headers
    data_of(ground.client.delete(f"{ground.path}/backups/{mine}", headers=headers))
    assert [each["id"] for each in ground.get("backups")["backups"]] == [nightly]  # type: ignore[index]
    refused(
        ground.client.delete(f"{ground.path}/backups/{mine}", headers=headers), 404, "backups.no_such_backup"
    )
    refused(
        ground.client.delete(f"{ground.path}/backups/{nightly}", headers=headers),
        400,
        "backups.not_deletable",
    )


def test_the_newest_backup_stays_until_there_is_a_newer_one(ground: Ground) -> None:
    only = ground.backup()
    [listed] = ground.get("backups")["backups"]  # type: ignore[index]
    assert listed["canDelete"] is False
    path = f"{ground.path}/backups/{only}"

    refused(ground.client.delete(path, headers=ground.owner.headers), 400, "backups.not_deletable")
    ground.backup(taken_at=ground.clock.now())

    data_of(ground.client.delete(path, headers=ground.owner.headers))


def test_a_restore_holds_the_instance_and_a_second_one_waits(ground: Ground) -> None:
    backup = ground.backup()

    data = data_of(ground.post(f"backups/{backup}/restore"), 202)

    assert data["instance"]["status"] == "MAINTENANCE"
    assert data["operation"]["sourceBackupId"] == backup
    refused(ground.post(f"backups/{backup}/restore"), 409, "operations.another_runs")


def test_a_backup_goes_into_another_own_instance_only(
    ground: Ground, person: Callable[..., Person], plan_id: PlanFinder
) -> None:
    shop, backup = ground.shop, ground.backup()
    other = shop.order(ground.owner, plan_id("redis", "BASIC"))
    shop.runs(other)
    stranger = person(credit=500_000)
    theirs = shop.order(stranger, plan_id("postgresql", "BASIC"))
    shop.runs(theirs)

    refused(
        ground.post(f"backups/{backup}/restore", intoSubscriptionId=str(other)),
        400,
        "operations.other_application",
    )
    refused(
        ground.post(f"backups/{backup}/restore", intoSubscriptionId=str(theirs)),
        404,
        "subscriptions.no_such_subscription",
    )
    path = f"/api/v1/subscriptions/{theirs}/backups/{backup}/restore"
    refused(ground.client.post(path, headers=stranger.headers), 404, "backups.no_such_backup")


def test_a_reset_needs_the_instances_name(ground: Ground) -> None:
    name = ground.shop.look(ground.subscription)[1].name

    refused(ground.post("reset-pod"), 400, "request.invalid")
    refused(ground.post("reset-pod", confirmName="postgresql"), 400, "subscriptions.not_confirmed")
    data = data_of(ground.post("reset-pod", confirmName=name), 202)

    assert (data["operation"]["kind"], data["instance"]["status"]) == ("RESET", "MAINTENANCE")
    refused(
        ground.client.patch(
            f"{ground.path}/environment", json={"values": {"A": "1"}}, headers=ground.owner.headers
        ),
        400,
        "instances.wrong_state",
    )


def test_versions_are_told_and_upgraded_to(ground: Ground) -> None:
    recipe = get_recipe("postgresql")
    assert ground.get("version") == {"version": recipe.version, "newerVersions": []}
    older = recipe.earlier[0].version
    ground.shop.put(ground.subscription, version=older)

    assert ground.get("version")["newerVersions"][0] == recipe.version  # type: ignore[index]
    refused(ground.post("version", version="99.9"), 400, "operations.no_such_version")
    data = data_of(ground.post("version", version=recipe.version), 202)

    assert (data["operation"]["fromVersion"], data["operation"]["targetVersion"]) == (older, recipe.version)


def test_a_cancelled_subscription_keeps_nothing_to_work_on(ground: Ground) -> None:
    backup = ground.backup()
    ground.shop.cancel(ground.owner, ground.subscription)

    for route, body in (
        ("backups", {}),
        (f"backups/{backup}/restore", {}),
        ("reset-pod", {"confirmName": "x"}),
        ("volumes/1/return", {"confirmName": "x"}),
        ("version", {"version": "1"}),
    ):
        refused(ground.post(route, **body), 400, "subscriptions.not_active")
    assert [each["id"] for each in ground.get("backups")["backups"]] == [backup]  # type: ignore[index]


ROUTES = [
    ("GET", "backups"),
    ("POST", "backups"),
    ("DELETE", "backups/{backup}"),
    ("POST", "backups/{backup}/restore"),
    ("POST", "reset-pod"),
    ("GET", "volumes"),
    ("POST", "volumes/1/return"),
    ("GET", "version"),
    ("POST", "version"),
    ("GET", "operations"),
    ("GET", "operations/{operation}"),
]


@pytest.mark.parametrize(("method", "route"), ROUTES)
def test_other_peoples_are_not_found(
    ground: Ground, person: Callable[..., Person], method: str, route: str
) -> None:
    operation = data_of(ground.post("backups"), 202)["operation"]["id"]
    path = f"{ground.path}/{route.format(backup=ground.backup(), operation=operation)}"
    body = {"confirmName": "x", "version": "1"} if method == "POST" else None

    answer = ground.client.open(path, method=method, json=body, headers=person().headers)

    refused(answer, 404, "subscriptions.no_such_subscription")
    assert ground.client.open(path, method=method, json=body).status_code == 401


def test_an_operation_of_another_own_instance_is_not_here(ground: Ground, plan_id: PlanFinder) -> None:
    operation = data_of(ground.post("backups"), 202)["operation"]["id"]
    other = ground.shop.order(ground.owner, plan_id("redis", "BASIC"))

    path = f"/api/v1/subscriptions/{other}/operations/{operation}"

    refused(ground.client.get(path, headers=ground.owner.headers), 404, "operations.no_such_operation")


def test_one_goes_back_to_a_kept_volume_by_name(ground: Ground) -> None:
    first = ground.shop.look(ground.subscription)[1]
    with ground.shop.app.app_context(), unit_of_work():
        instance = session().get_one(Instance, first.id)
        volumes.switch(
            instance,
            2,
            reason="reset",
            keep=timedelta(hours=24),
            fenced_node="worker-7",
            at=ground.clock.now(),
        )

    listed = ground.get("volumes")["volumes"]  # type: ignore[index]

    assert [(each["number"], each["status"], each["reason"], each["canReturn"]) for each in listed] == [
        (2, "ACTIVE", None, False),
        (1, "RETIRED", "reset", True),
    ]
    assert "worker-7" not in str(listed), "nodes are nobody's business but ours"
    assert listed[1]["keepUntil"] > listed[1]["retiredAt"]
    refused(ground.post("volumes/1/return", confirmName="another"), 400, "subscriptions.not_confirmed")
    refused(ground.post("volumes/1/return"), 400, "request.invalid")
    refused(ground.post("volumes/2/return", confirmName=first.name), 400, "operations.volume_not_kept")
    refused(ground.post("volumes/9/return", confirmName=first.name), 404, "operations.no_such_volume")
    for odd in ("99999999999", "x", "-1", "１"):
        refused(
            ground.post(f"volumes/{odd}/return", confirmName=first.name), 404, "operations.no_such_volume"
        )

    data = data_of(ground.post("volumes/1/return", confirmName=first.name), 202)

    assert data["instance"]["status"] == "MAINTENANCE"
    assert (data["operation"]["kind"], data["operation"]["status"]) == ("RETURN", "PENDING")
    refused(ground.post("volumes/1/return", confirmName=first.name), 409, "operations.another_runs")


def test_a_volume_on_a_server_that_does_not_answer_waits_for_it(ground: Ground) -> None:
    instance = ground.shop.look(ground.subscription)[1]
    with ground.shop.app.app_context(), unit_of_work():
        volumes.switch(
            session().get_one(Instance, instance.id),
            2,
            reason="evacuate",
            keep=timedelta(hours=24),
            fenced_node="worker-7",
            at=ground.clock.now(),
        )
        session().add(NodeOutage(node_name="worker-7", began_at=ground.clock.now()))

    answer = ground.post("volumes/1/return", confirmName=instance.name)

    refused(answer, 400, "operations.volume_out_of_reach")
    assert "worker-7" not in answer.text  # type: ignore[attr-defined]
    assert [each["canReturn"] for each in ground.get("volumes")["volumes"]] == [False, False]  # type: ignore[index]
