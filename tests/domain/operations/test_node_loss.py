"""A node is lost: who is touched, who is told, what is restored elsewhere, and what happens when it comes back."""

import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from sqlalchemy import delete, select

from minispod.backups.models import Backup, BackupReason, BackupStatus
from minispod.cluster import monitoring, outages, spells
from minispod.cluster.models import NodeOutage
from minispod.cluster.port import VolumeSighting, WorkloadSighting
from minispod.instances import observation, volumes
from minispod.instances.models import Instance
from minispod.instances.naming import claim_name
from minispod.instances.states import InstanceStatus
from minispod.jobs.alerts import watch_alerts
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.ids import new_id
from minispod.kernel.outbox import OutboxRow
from minispod.kernel.unit_of_work import unit_of_work
from minispod.operations import node_loss
from minispod.operations.errors import NoBackupYet, NodeAnswers
from minispod.operations.models import Operation
from minispod.operations.states import OperationKind
from tests.factories.nodes import worker
from tests.factories.statements import asked
from tests.plugins.app import Person
from tests.plugins.shop import Shop

DEAD, WELL = "worker-1", "worker-2"


class Yard:
    """Two workers, and what runs on them."""

    def __init__(self, shop: Shop, clock: FrozenClock) -> None:
        self.shop, self.clock = shop, clock

    def poll(self, *, dead: bool) -> None:
        """Read the nodes, as the job does."""
        seen = [worker(DEAD, is_ready=not dead), worker(WELL)]
        with self.shop.app.app_context(), unit_of_work():
            monitoring.record_nodes(seen, self.clock.now())
            node_loss.tell(at=self.clock.now())
        self.clock.advance(seconds=61)

    def poll_without(self) -> None:
        """Read the nodes after one was taken out of the cluster, as the job does."""
        with self.shop.app.app_context(), unit_of_work():
            monitoring.record_nodes([worker(WELL)], self.clock.now())
            node_loss.tell(at=self.clock.now())
            node_loss.let_go(listed={WELL}, at=self.clock.now())

    def watch(self) -> None:
        """Look at the alerts, as the job does."""
        with self.shop.app.app_context():
            watch_alerts(self.shop.ports, self.shop.settings)  # type: ignore[arg-type]

    def run_on(self, subscription: uuid.UUID, node: str, *, bound: bool) -> uuid.UUID:
        """Let an instance run on a node, its volume tied to it or not; returns its id."""
        self.shop.put(
            subscription, status=InstanceStatus.RUNNING, node_name=node, first_ran_at=self.clock.now()
        )
        with self.shop.app.app_context(), unit_of_work():
            instance = (
                session().scalars(select(Instance).where(Instance.subscription_id == subscription)).one()
            )
            claim = claim_name(instance.name, instance.volume_number)
            volumes.note_places([VolumeSighting(instance.namespace, claim, (node,) if bound else ())])
            volumes.note_nodes()
            return instance.id

    def back_up(self, instance_id: uuid.UUID) -> None:
        """Give an instance a backup that was taken an hour ago."""
        with self.shop.app.app_context(), unit_of_work():
            instance = session().get_one(Instance, instance_id)
            session().add(
                Backup(
                    id=new_id(),
                    instance_id=instance.id,
                    user_id=instance.user_id,
                    service_slug=instance.service_slug,
                    version=instance.version,
                    reason=BackupReason.DAILY,
                    status=BackupStatus.DONE,
                    taken_at=self.clock.now() - timedelta(hours=1),
                    finished_at=self.clock.now(),
                    keep_until=self.clock.now() + timedelta(days=30),
                    plain_size=5,
                )
            )


@pytest.fixture
def yard(shop: Shop, clock: FrozenClock) -> Yard:
    """A cluster that is well."""
    yard = Yard(shop, clock)
    yard.poll(dead=False)
    return yard


@pytest.fixture
def subscription(shop: Shop, customer: Person, plan_id: Callable[..., uuid.UUID]) -> uuid.UUID:
    """A subscription that was ordered just now."""
    return shop.order(customer, plan_id())


def _outages(shop: Shop) -> list[tuple[str, bool]]:
    with shop.app.app_context():
        rows = session().scalars(select(NodeOutage).order_by(NodeOutage.began_at))
        return [(row.node_name, row.ended_at is None) for row in rows]


def test_an_outage_has_one_row_from_its_beginning_to_its_end(shop: Shop, yard: Yard) -> None:
    yard.poll(dead=True)
    yard.poll(dead=True)
    assert _outages(shop) == [(DEAD, True)]

    yard.poll(dead=False)
    assert _outages(shop) == [(DEAD, False)]

    yard.poll(dead=True)
    assert _outages(shop) == [(DEAD, False), (DEAD, True)]


def test_a_node_that_is_taken_out_of_the_cluster_is_lost_too(
    shop: Shop, yard: Yard, clock: FrozenClock
) -> None:
    with shop.app.app_context(), unit_of_work():
        monitoring.record_nodes([worker(WELL)], clock.now())

    assert _outages(shop) == [(DEAD, True)]


def test_a_day_later_its_outage_ends_and_says_why(shop: Shop, yard: Yard, clock: FrozenClock) -> None:
    yard.poll_without()
    clock.advance(hours=23)
    yard.poll_without()
    assert _outages(shop) == [(DEAD, True)]

    clock.advance(hours=1)
    yard.poll_without()
    yard.poll_without()

    assert _outages(shop) == [(DEAD, False)]
    with shop.app.app_context():
        [spell] = spells.list_spells(DEAD, clock.now() - timedelta(days=2))
    assert (spell.condition, spell.ended_at) == (spells.REMOVED, clock.now())


@pytest.mark.parametrize("bound", [True, False])
def test_it_lasts_while_an_instance_waits_for_the_node(
    shop: Shop, yard: Yard, subscription: uuid.UUID, clock: FrozenClock, bound: bool
) -> None:
    yard.run_on(subscription, DEAD, bound=bound)
    yard.poll_without()
    clock.advance(days=3)
    yard.poll_without()
    assert _outages(shop) == [(DEAD, True)]

    shop.put(subscription, status=InstanceStatus.TERMINATED)
    yard.poll_without()

    assert _outages(shop) == [(DEAD, False)]


def test_one_that_is_still_listed_is_waited_for(shop: Shop, yard: Yard, clock: FrozenClock) -> None:
    yard.poll(dead=True)
    clock.advance(days=3)
    with shop.app.app_context(), unit_of_work():
        node_loss.let_go(listed={DEAD, WELL}, at=clock.now())

    assert _outages(shop) == [(DEAD, True)]


def test_what_lies_on_a_removed_node_is_out_of_reach_until_it_is_listed_again(
    shop: Shop, yard: Yard, clock: FrozenClock
) -> None:
    def out_of_reach() -> frozenset[str]:
        with shop.app.app_context():
            return outages.out_of_reach()

    assert out_of_reach() == frozenset()
    yard.poll_without()
    clock.advance(days=1)
    yard.poll_without()
    assert _outages(shop) == [(DEAD, False)]
    assert out_of_reach() == {DEAD}

    yard.poll(dead=False)
    assert out_of_reach() == frozenset()


@pytest.mark.parametrize("bound", [True, False])
def test_owner_and_staff_are_told_once_and_the_truth(
    shop: Shop, yard: Yard, subscription: uuid.UUID, customer: Person, administrator: Person, bound: bool
) -> None:
    yard.run_on(subscription, DEAD, bound=bound)

    yard.poll(dead=True)
    assert "node_lost" not in shop.mails(customer), "a reboot alarms nobody"
    yard.poll(dead=True)
    yard.poll(dead=True)

    [told] = [each for each in shop.messages(customer) if each.kind.value == "node_lost"]
    assert told.facts["is_bound"] is bound
    yard.watch()
    yard.watch()
    [alert] = [each for each in shop.messages(administrator) if each.kind.value == "staff_alert"]
    assert f"Instances with their data on this node: {int(bound)};" in alert.facts["sentence"]
    assert f"Without a backup: {int(bound)}." in alert.facts["sentence"]

    yard.poll(dead=False)
    yard.poll(dead=False)
    yard.watch()
    yard.watch()

    assert shop.mails(customer).count("node_back") == int(bound)
    [_, over] = [each for each in shop.messages(administrator) if each.kind.value == "staff_alert"]
    assert [(each["rule"], each["names"]) for each in over.facts["ended_groups"]] == [("node_down", [DEAD])]


def test_what_runs_elsewhere_is_none_of_it(
    shop: Shop, yard: Yard, subscription: uuid.UUID, customer: Person
) -> None:
    yard.run_on(subscription, WELL, bound=True)

    yard.poll(dead=True)
    yard.poll(dead=True)

    assert "node_lost" not in shop.mails(customer)


def test_its_health_says_why_it_does_not_answer(
    shop: Shop, yard: Yard, subscription: uuid.UUID, clock: FrozenClock
) -> None:
    instance_id = yard.run_on(subscription, DEAD, bound=True)
    yard.poll(dead=True)
    with shop.app.app_context(), unit_of_work():
        instance = session().get_one(Instance, instance_id)
        waits = WorkloadSighting(instance.namespace, instance.name, str(instance.id), 1, 0, False, False)
        observation.apply_sightings([waits], [], at=clock.now())

    health = shop.look(subscription)[1].health_status or ""

    assert "the server that holds its data does not answer" in health
    assert DEAD not in health


def test_what_is_tied_to_it_is_restored_elsewhere_from_its_backup(
    shop: Shop,
    yard: Yard,
    customer: Person,
    administrator: Person,
    plan_id: Callable[..., uuid.UUID],
    clock: FrozenClock,
) -> None:
    saved = yard.run_on(shop.order(customer, plan_id("n8n-automation", "BASIC")), DEAD, bound=True)
    yard.back_up(saved)
    bare = yard.run_on(shop.order(customer, plan_id("ghost-blog", "BASIC")), DEAD, bound=True)
    yard.run_on(shop.order(customer, plan_id("grafana", "BASIC")), DEAD, bound=False)

    def evacuate() -> tuple[int, Sequence[tuple[str, str]]]:
        with shop.app.app_context():
            return node_loss.evacuate(
                DEAD, transaction=unit_of_work, actor=administrator.actor, at=clock.now()
            )

    with pytest.raises(NodeAnswers):
        evacuate()
    yard.poll(dead=True)

    asked, refused = evacuate()
    with shop.app.app_context():
        bare_name = session().get_one(Instance, bare).name

    assert asked == 1
    assert [name for name, _ in refused] == [bare_name]
    with shop.app.app_context(), unit_of_work():
        [operation] = session().scalars(select(Operation)).all()
        assert (operation.instance_id, operation.kind) == (saved, OperationKind.EVACUATE)
        assert operation.avoid_node == DEAD
    assert evacuate()[0] == 0


def test_the_clock_restores_only_what_was_lost_long_enough(
    shop: Shop, yard: Yard, subscription: uuid.UUID, administrator: Person, clock: FrozenClock
) -> None:
    yard.back_up(yard.run_on(subscription, DEAD, bound=True))
    yard.poll(dead=True)

    def asked() -> int:
        with shop.app.app_context():
            return node_loss.evacuate_overdue(
                after=timedelta(minutes=10),
                transaction=unit_of_work,
                actor=administrator.actor,
                at=clock.now(),
            )

    assert asked() == 0
    clock.advance(minutes=10)
    assert asked() == 1
    assert asked() == 0
    with shop.app.app_context():
        assert set(outages.open_outages()) == {DEAD}


def test_one_statement_finds_whatever_a_node_touches(
    shop: Shop, yard: Yard, customer: Person, administrator: Person, plan_id: Callable[..., uuid.UUID]
) -> None:
    held = yard.run_on(shop.order(customer, plan_id("n8n-automation", "BASIC")), DEAD, bound=True)
    yard.back_up(held)
    yard.clock.advance(hours=2)
    yard.back_up(held)
    bare = yard.run_on(shop.order(customer, plan_id("ghost-blog", "BASIC")), DEAD, bound=True)
    free = yard.run_on(shop.order(customer, plan_id("grafana", "BASIC")), DEAD, bound=False)
    yard.poll(dead=True)
    with shop.app.app_context(), unit_of_work():
        node_loss.evacuate_one(held, actor=administrator.actor, at=yard.clock.now())

    with asked() as questions, shop.app.app_context():
        found = {each.instance.id: each for each in node_loss.touched_by(DEAD)}
        assert len(questions) == 1
        newest = session().scalars(select(Backup).order_by(Backup.taken_at.desc())).first()

        assert (found[held].backup, found[bare].backup, found[free].backup) == (newest, None, None)
    assert {id_ for id_, each in found.items() if each.operation} == {held}
    assert {id_ for id_, each in found.items() if each.is_bound} == {held, bare}


def test_a_backup_of_what_the_volume_held_before_a_reset_is_none_of_these_data(
    shop: Shop, yard: Yard, subscription: uuid.UUID, administrator: Person
) -> None:
    instance_id = yard.run_on(subscription, DEAD, bound=True)
    yard.back_up(instance_id)
    with shop.app.app_context(), unit_of_work():
        volume = volumes.volume_of(instance_id, 1)
        assert volume is not None
        volume.data_since = yard.clock.now()
    yard.poll(dead=True)

    with shop.app.app_context():
        [touched] = node_loss.touched_by(DEAD)
        assert (touched.backup, touched.loss(yard.clock.now())) == (None, None)
        with pytest.raises(NoBackupYet), unit_of_work():
            node_loss.evacuate_one(instance_id, actor=administrator.actor, at=yard.clock.now())


def test_what_is_displaced_is_asked_for_in_the_order_of_its_ids_as_by_other_sweeps(
    shop: Shop, yard: Yard, clock: FrozenClock, customer: Person, plan_id: Callable[..., uuid.UUID]
) -> None:
    ids = [
        yard.run_on(shop.order(customer, plan_id(service)), DEAD, bound=False)
        for service in ("n8n-automation", "wordpress")
    ]
    yard.poll(dead=True)
    with shop.app.app_context(), unit_of_work():
        for number, id_ in enumerate(sorted(ids, reverse=True)):
            session().get_one(Instance, id_).name = f"displaced-{number}"
        session().execute(delete(OutboxRow))

    with shop.app.app_context(), unit_of_work():
        node_loss.make_way(at=clock.now())
        asked_for = session().scalars(select(OutboxRow.key).order_by(OutboxRow.id)).all()

    assert asked_for == sorted(map(str, ids))
