"""Credentials get another value only where the application took it."""

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from minispod.audit.models import AuditEntry
from minispod.instances import controls, rotation
from minispod.instances.environment_models import RotationState, SecretRotation
from minispod.instances.errors import (
    CannotRotate,
    NoSuchInstance,
    NoSuchSecret,
    RotationRuns,
    RotationWaits,
    WrongState,
)
from minispod.instances.rotation import RotationOrder
from minispod.instances.states import InstanceStatus
from minispod.kernel.actor import system
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from tests.plugins.app import Person
from tests.plugins.shop import Shop

PlanFinder = Callable[..., uuid.UUID]
ACTOR = system("tests")


class Ground:
    """Running databases of one customer."""

    def __init__(self, shop: Shop, owner: Person, plan_id: PlanFinder) -> None:
        self.shop, self.owner, self.plan_id = shop, owner, plan_id
        self.subscription = uuid.UUID(int=0)

    def run(self, slug: str) -> uuid.UUID:
        """Order one and have it run."""
        self.subscription = self.shop.order(self.owner, self.plan_id(slug, "BASIC"))
        self.shop.runs(self.subscription)
        return self.shop.look(self.subscription)[1].id

    def ask(self, instance: uuid.UUID, name: str, person: Person | None = None) -> None:
        """Ask for another value."""
        with self.shop.app.app_context(), unit_of_work():
            rotation.ask(
                instance,
                name,
                sealer=self.shop.ports.sealer,
                actor=(person or self.owner).actor,
                at=self.shop.clock.advance(seconds=1),
            )

    def claim(self, instance: uuid.UUID) -> RotationOrder | None:
        """What a worker finds to do."""
        with self.shop.app.app_context(), unit_of_work():
            return rotation.claim(
                instance, sealer=self.shop.ports.sealer, actor=ACTOR, at=self.shop.clock.now()
            )

    def settle(self, order: RotationOrder, refusal: str | None = None) -> timedelta | None:
        """What a worker writes down."""
        with self.shop.app.app_context(), unit_of_work():
            return rotation.settle(
                order, refusal, sealer=self.shop.ports.sealer, actor=ACTOR, at=self.shop.clock.now()
            )

    def secrets(self) -> dict[str, str]:
        """The credentials in force."""
        opened: dict[str, str] = self.shop.ports.sealer.open(
            self.shop.look(self.subscription)[1].sealed_secrets
        )
        return opened

    def rows(self) -> list[SecretRotation]:
        """All changes, oldest first."""
        with self.shop.app.app_context():
            return list(session().query(SecretRotation).order_by(SecretRotation.asked_at))


@pytest.fixture
def ground(app: Flask, shop: Shop, customer: Person, plan_id: PlanFinder) -> Ground:
    """A customer with credit."""
    return Ground(shop, customer, plan_id)


def test_the_new_value_is_the_credential_only_after_the_application_took_it(ground: Ground) -> None:
    instance = ground.run("postgresql")
    before = ground.secrets()
    ground.ask(instance, "POSTGRES_PASSWORD")
    order = ground.claim(instance)
    assert order is not None

    assert (order.container, order.command[0]) == ("app", "psql")
    assert ground.secrets() == before
    new = order.input.split("'")[1]
    assert new != before["POSTGRES_PASSWORD"]
    assert len(new) == 32
    assert new not in repr(order)

    assert ground.settle(order) is None

    assert ground.secrets() == {"POSTGRES_PASSWORD": new}
    assert ground.shop.look(ground.subscription)[1].status is InstanceStatus.RESTARTING
    [row] = ground.rows()
    assert (row.state, row.sealed_new) == (RotationState.DONE, None)
    assert ground.claim(instance) is None


def test_a_crash_before_settling_goes_on_with_the_same_value(ground: Ground) -> None:
    instance = ground.run("postgresql")
    ground.ask(instance, "POSTGRES_PASSWORD")

    first, second = ground.claim(instance), ground.claim(instance)

    assert first is not None
    assert second is not None
    assert first.input == second.input
    ground.settle(second)
    ground.settle(first)
    letters = [each for each in ground.shop.messages(ground.owner) if each.kind.value == "credential_rotated"]
    assert len(letters) == 1
    assert letters[0].facts["credential"] == "POSTGRES_PASSWORD"
    assert ground.secrets()["POSTGRES_PASSWORD"] not in str(letters[0].facts)
    assert ground.secrets()["POSTGRES_PASSWORD"] in first.input
    assert len(ground.rows()) == 1


def test_a_refusal_leaves_the_old_value_and_is_told(ground: Ground) -> None:
    instance = ground.run("mariadb")
    before = ground.secrets()
    ground.ask(instance, "MARIADB_PASSWORD")
    order = ground.claim(instance)
    assert order is not None

    assert ground.settle(order, "No.") is not None
    assert ground.settle(order, "No.") is not None
    assert ground.settle(order, "No.") is None

    assert ground.secrets() == before
    assert ground.shop.look(ground.subscription)[1].status is InstanceStatus.RUNNING
    [row] = ground.rows()
    assert (row.state, row.error) == (RotationState.FAILED, "No.")
    with ground.shop.app.app_context():
        actions = [entry.action for entry in session().query(AuditEntry).order_by(AuditEntry.id)]
    assert actions[-2:] == ["instance.rotation_asked", "instance.rotation_failed"]
    assert "credential_rotated" not in ground.shop.mails(ground.owner)


def test_asking_again_after_a_failure_goes_on_with_its_value(ground: Ground) -> None:
    instance = ground.run("mariadb")
    ground.ask(instance, "MARIADB_PASSWORD")
    first = ground.claim(instance)
    assert first is not None
    for _ in range(3):
        ground.settle(first, "The answer was lost.")

    ground.ask(instance, "MARIADB_PASSWORD")
    second = ground.claim(instance)

    assert second is not None
    assert (second.rotation_id == first.rotation_id, second.input == first.input) == (False, True)
    ground.settle(second)
    ground.shop.runs(ground.subscription)
    ground.ask(instance, "MARIADB_PASSWORD")
    third = ground.claim(instance)
    assert third is not None
    assert third.input != second.input


def test_a_restart_is_enough_where_the_recipe_says_so(ground: Ground) -> None:
    instance = ground.run("redis")
    before = ground.secrets()
    ground.ask(instance, "REDIS_PASSWORD")
    order = ground.claim(instance)
    assert order is not None

    assert order.command == ()
    ground.settle(order)

    assert ground.secrets() != before


@pytest.mark.parametrize(
    ("slug", "name"),
    [
        ("n8n-automation", "N8N_ENCRYPTION_KEY"),
        ("gitea", "GITEA__security__SECRET_KEY"),
        ("grafana", "GF_SECURITY_ADMIN_PASSWORD"),
        ("nextcloud", "POSTGRES_PASSWORD"),
    ],
)
def test_what_data_were_written_with_is_never_changed(ground: Ground, slug: str, name: str) -> None:
    instance = ground.run(slug)

    with pytest.raises(CannotRotate):
        ground.ask(instance, name)

    assert ground.rows() == []


def test_one_at_a_time(ground: Ground) -> None:
    instance = ground.run("mariadb")
    ground.ask(instance, "MARIADB_PASSWORD")

    with pytest.raises(RotationRuns):
        ground.ask(instance, "MARIADB_ROOT_PASSWORD")


def test_it_waits_while_the_instance_does_not_run(ground: Ground) -> None:
    instance = ground.run("postgresql")
    ground.ask(instance, "POSTGRES_PASSWORD")
    ground.shop.put(ground.subscription, status=InstanceStatus.STOPPED)

    with pytest.raises(RotationWaits):
        ground.claim(instance)
    with pytest.raises(WrongState):
        ground.ask(instance, "POSTGRES_PASSWORD")


def test_it_ends_with_the_instance(ground: Ground) -> None:
    instance = ground.run("postgresql")
    ground.ask(instance, "POSTGRES_PASSWORD")
    ground.shop.cancel(ground.owner, ground.subscription)

    assert ground.claim(instance) is None
    assert [row.state for row in ground.rows()] == [RotationState.FAILED]


def test_unknown_names_and_strangers_find_nothing(ground: Ground, person: Callable[..., Person]) -> None:
    instance = ground.run("postgresql")

    with pytest.raises(NoSuchSecret):
        ground.ask(instance, "POSTGRES_USER")
    with pytest.raises(NoSuchInstance):
        ground.ask(instance, "POSTGRES_PASSWORD", person())


@pytest.mark.parametrize("refusal", [None, "The application refused the new value (exit status 137)."])
def test_while_an_operation_holds_the_instance_nothing_is_settled(
    ground: Ground, refusal: str | None
) -> None:
    """A restore fills a fresh volume with the old value: a new one in the books would open nothing."""
    instance = ground.run("postgresql")
    before = ground.secrets()
    ground.ask(instance, "POSTGRES_PASSWORD")
    order = ground.claim(instance)
    assert order is not None
    with ground.shop.app.app_context(), unit_of_work():
        controls.hold(
            controls.lock_instance(instance), health="A backup is restored", at=ground.shop.clock.now()
        )

    assert ground.settle(order, refusal) is not None
    assert ground.secrets() == before
    assert ground.shop.look(ground.subscription)[1].status is InstanceStatus.MAINTENANCE
    assert [(row.state, row.attempts) for row in ground.rows()] == [(RotationState.ASKED, 0)]
    with pytest.raises(RotationWaits):
        ground.claim(instance)
    assert "credential_rotated" not in ground.shop.mails(ground.owner)

    with ground.shop.app.app_context(), unit_of_work():
        controls.let_go(controls.lock_instance(instance), at=ground.shop.clock.now())
    ground.shop.runs(ground.subscription)
    again = ground.claim(instance)
    assert again is not None
    assert again.input == order.input
    assert ground.settle(again) is None
    assert ground.secrets()["POSTGRES_PASSWORD"] in order.input
    assert ground.shop.look(ground.subscription)[1].status is InstanceStatus.RESTARTING
