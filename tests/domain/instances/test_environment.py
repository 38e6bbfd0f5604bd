"""What an owner sets: changed, kept sealed, gone back to, and taken back when the instance does not come up."""

import uuid
from collections.abc import Callable, Mapping

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select, text

from minispod.audit.models import AuditEntry
from minispod.catalog.recipes import own_values
from minispod.instances import environment, provisioning
from minispod.instances.environment import Environment
from minispod.instances.environment_models import EnvironmentState
from minispod.instances.errors import EnvironmentRefused, NoSuchInstance, NothingToRevert, WrongState
from minispod.instances.models import Instance
from minispod.instances.provisioning import OutcomeKind
from minispod.instances.states import InstanceStatus
from minispod.kernel.database import session
from minispod.kernel.sealed import SealBroken, Sealer
from minispod.kernel.unit_of_work import unit_of_work
from minispod.notifications.messages import MessageKind
from minispod.rules import cluster_rules
from tests.plugins.app import Person
from tests.plugins.shop import Shop

PlanFinder = Callable[..., uuid.UUID]


class Ground:
    """One running n8n, and its owner's acts on its environment."""

    def __init__(self, shop: Shop, owner: Person, subscription: uuid.UUID) -> None:
        self.shop, self.owner, self.subscription = shop, owner, subscription
        self.id = shop.look(subscription)[1].id

    @property
    def instance(self) -> Instance:
        """The row as it is."""
        return self.shop.look(self.subscription)[1]

    def change(self, values: Mapping[str, str | None], person: Person | None = None) -> None:
        """Set values."""
        with self.shop.app.app_context(), unit_of_work():
            environment.change(
                self.id,
                values,
                sealer=self.shop.ports.sealer,
                actor=(person or self.owner).actor,
                at=self.shop.clock.now(),
            )

    def revert(self) -> None:
        """Go back."""
        with self.shop.app.app_context(), unit_of_work():
            environment.revert(self.id, actor=self.owner.actor, at=self.shop.clock.now())

    def seen(self) -> Environment:
        """What its owner sees."""
        with self.shop.app.app_context():
            return environment.get_environment(self.id, actor=self.owner.actor)

    def values(self) -> dict[str, str]:
        """The values, shown to the owner."""
        with self.shop.app.app_context(), unit_of_work():
            return environment.show_values(
                self.id, sealer=self.shop.ports.sealer, actor=self.owner.actor, at=self.shop.clock.now()
            )

    def applied(self) -> dict[str, str]:
        """What the cluster would be given."""
        with self.shop.app.app_context(), unit_of_work():
            order = provisioning.claim(
                self.id,
                rules=cluster_rules(self.shop.settings),
                sealer=self.shop.ports.sealer,
                at=self.shop.clock.now(),
            )
            assert order is not None
            [secret] = [each for each in order.objects if each["kind"] == "Secret"]
            return {key: value for key, value in secret["data"].items() if key.startswith("own.")}

    def book(self) -> list[tuple[str, dict[str, object]]]:
        """What the audit book says of it."""
        with self.shop.app.app_context():
            rows = session().scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
            return [(row.action, row.details) for row in rows if "environment" in row.action]


@pytest.fixture
def ground(shop: Shop, customer: Person, plan_id: PlanFinder) -> Ground:
    """An instance that runs."""
    subscription = shop.order(customer, plan_id("n8n-automation", "BASIC"))
    shop.runs(subscription)
    return Ground(shop, customer, subscription)


def test_a_change_restarts_and_holds_when_it_runs(ground: Ground) -> None:
    ground.change({"GENERIC_TIMEZONE": "Asia/Makassar", "MINE": "one"})

    assert ground.instance.status is InstanceStatus.RESTARTING
    assert ground.seen().state is EnvironmentState.APPLYING
    assert set(ground.applied()) == {"own.GENERIC_TIMEZONE", "own.MINE"}

    ground.shop.runs(ground.subscription)

    seen = ground.seen()
    assert (seen.names, seen.names_before, seen.state) == (
        ("GENERIC_TIMEZONE", "MINE"),
        (),
        EnvironmentState.APPLIED,
    )
    assert ground.values() == {"GENERIC_TIMEZONE": "Asia/Makassar", "MINE": "one"}


def test_values_are_nowhere_in_clear(ground: Ground) -> None:
    ground.change({"MINE": "a-very-own-secret"})
    ground.values()

    with ground.shop.app.app_context():
        for table in ("instance_environments", "audit_entries", "outbox", "instances"):
            rows = session().execute(text(f"SELECT * FROM {table}")).all()
            assert "a-very-own-secret" not in str(rows), table
    assert ground.book() == [
        ("instance.environment_changed", {"set": ["MINE"], "removed": []}),
        ("instance.environment_shown", {"names": ["MINE"]}),
    ]


def test_a_change_that_does_not_come_up_is_taken_back_once(ground: Ground) -> None:
    ground.change({"MINE": "good"})
    ground.shop.runs(ground.subscription)
    ground.change({"MINE": "bad", "MORE": "x"})

    ground.shop.conclude(ground.subscription, OutcomeKind.REFUSED, "The application ends at once.")

    seen = ground.seen()
    assert (seen.names, seen.state, seen.error) == (
        ("MINE",),
        EnvironmentState.UNDONE,
        "The application ends at once.",
    )
    assert ground.instance.status is InstanceStatus.RESTARTING
    letter = ground.shop.messages(ground.owner)[-1]
    assert (letter.kind, letter.facts["reason"], letter.facts["instance"]) == (
        MessageKind.ENVIRONMENT_UNDONE,
        "The application ends at once.",
        ground.instance.name,
    )
    assert "bad" not in str(letter.facts)
    assert ground.values() == {"MINE": "good"}
    ground.shop.runs(ground.subscription)
    assert ground.instance.status is InstanceStatus.RUNNING
    assert ground.seen().state is EnvironmentState.UNDONE


def test_what_fails_after_that_is_not_the_environments_fault(ground: Ground) -> None:
    ground.change({"MINE": "bad"})
    ground.shop.conclude(ground.subscription, OutcomeKind.REFUSED, "It ends at once.")

    ground.shop.gives_up(ground.subscription)

    assert ground.instance.status is InstanceStatus.ERROR
    assert ground.seen().names == ()
    assert ground.shop.mails(ground.owner).count("environment_undone") == 1


def test_what_failed_before_is_not_taken_back(ground: Ground) -> None:
    ground.shop.gives_up(ground.subscription)
    ground.change({"MINE": "an attempt to repair it"})
    assert ground.instance.status is InstanceStatus.RESTARTING

    ground.shop.gives_up(ground.subscription)

    assert ground.instance.status is InstanceStatus.ERROR
    assert ground.seen().names == ("MINE",)
    assert "environment_undone" not in ground.shop.mails(ground.owner)


def test_one_click_goes_back_and_forth(ground: Ground) -> None:
    ground.change({"A": "1"})
    ground.shop.runs(ground.subscription)
    ground.change({"A": None, "B": "2"})
    ground.shop.runs(ground.subscription)

    ground.revert()
    assert ground.instance.status is InstanceStatus.RESTARTING
    ground.shop.runs(ground.subscription)
    assert ground.values() == {"A": "1"}

    ground.revert()
    ground.shop.runs(ground.subscription)
    assert ground.values() == {"B": "2"}


def test_what_is_stopped_stays_stopped(ground: Ground) -> None:
    ground.shop.put(ground.subscription, status=InstanceStatus.STOPPED, wanted="STOPPED")

    ground.change({"A": "1"})

    assert ground.instance.status is InstanceStatus.STOPPED
    ground.shop.runs(ground.subscription)
    assert ground.instance.status is InstanceStatus.STOPPED
    assert ground.seen().state is EnvironmentState.APPLYING


def test_the_same_values_restart_nothing(ground: Ground) -> None:
    ground.change({"A": "1"})
    ground.shop.runs(ground.subscription)
    generation = ground.instance.generation

    ground.change({"A": "1", "NOT_SET": None})

    assert ground.instance.status is InstanceStatus.RUNNING
    assert ground.instance.generation == generation


def test_a_refused_name_or_value_changes_nothing(ground: Ground) -> None:
    with pytest.raises(EnvironmentRefused) as refusal:
        ground.change({"FINE": "1", "WEBHOOK_URL": "https://evil.example", "TZ": "a\nb"})

    assert set(refusal.value.details["errors"]) == {"WEBHOOK_URL", "TZ"}
    assert ground.seen().names == ()
    assert ground.instance.status is InstanceStatus.RUNNING


def test_there_is_a_limit_to_their_number(ground: Ground) -> None:
    most = own_values.MOST_VALUES
    ground.change({f"A{number}": "x" for number in range(most)})
    ground.shop.runs(ground.subscription)

    with pytest.raises(EnvironmentRefused, match=str(most)):
        ground.change({"ONE_MORE": "x"})

    ground.change({"ONE_MORE": "x", "A0": None})
    assert len(ground.seen().names) == most


@pytest.mark.parametrize("status", ["PENDING", "STARTING", "RESTARTING", "MAINTENANCE", "TERMINATED"])
def test_it_waits_until_the_instance_stands_still(ground: Ground, status: str) -> None:
    ground.shop.put(ground.subscription, status=InstanceStatus(status))

    with pytest.raises(WrongState):
        ground.change({"A": "1"})


def test_nothing_to_revert(ground: Ground) -> None:
    with pytest.raises(NothingToRevert):
        ground.revert()


def test_it_is_the_owners_business(ground: Ground, person: Callable[..., Person]) -> None:
    with pytest.raises(NoSuchInstance):
        ground.change({"A": "1"}, person())


def test_a_lost_key_overwrites_nothing(ground: Ground) -> None:
    ground.change({"A": "1"})
    ground.shop.runs(ground.subscription)
    ours = ground.shop.ports.sealer
    ground.shop.ports.change(sealer=Sealer([Fernet.generate_key().decode()]))

    with pytest.raises(SealBroken):
        ground.change({"A": "2"})
    with pytest.raises(SealBroken):
        ground.values()

    ground.shop.ports.change(sealer=ours)
    assert ground.values() == {"A": "1"}
    assert ground.instance.status is InstanceStatus.RUNNING
