"""Several customers' instances, an administrator who acts on all of them, and a worker who does it."""

import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from sqlalchemy import select

from minispod.instances.models import Instance
from minispod.instances.states import InstanceStatus, Wanted
from minispod.jobs.bulk import work_on_batch
from minispod.jobs.work import Work
from minispod.kernel.database import db, session
from minispod.kernel.outbox import Lease, OutboxRow
from minispod.kernel.tasks import Task
from minispod.kernel.unit_of_work import unit_of_work
from minispod.subscriptions.bulk import queries, requesting
from minispod.subscriptions.bulk.models import BulkBatch, BulkItem
from minispod.subscriptions.bulk.states import BulkAct, ItemState
from tests.plugins.app import Person
from tests.plugins.shop import Shop


class Herd:
    """Instances that run, by number; every act commits."""

    def __init__(self, shop: Shop, staff: Person, subscriptions: Sequence[uuid.UUID]) -> None:
        self.shop, self.staff, self.subscriptions = shop, staff, subscriptions
        self.ids = [shop.look(each)[1].id for each in subscriptions]

    def put(self, number: int, **fields: object) -> None:
        """Set columns of one instance."""
        self.shop.put(self.subscriptions[number], **fields)

    def ask(
        self, act: BulkAct, ids: Sequence[uuid.UUID] | None = None, key: uuid.UUID | None = None
    ) -> BulkBatch:
        """Ask for an act on all, or on these."""
        with self.shop.app.app_context(), unit_of_work():
            return requesting.ask(
                act,
                self.ids if ids is None else ids,
                request_key=key or uuid.uuid4(),
                actor=self.staff.actor,
                at=self.shop.clock.now(),
            )

    def call_off(self, batch: BulkBatch) -> None:
        """Leave the rest alone."""
        with self.shop.app.app_context(), unit_of_work():
            requesting.call_off(batch.id, actor=self.staff.actor, at=self.shop.clock.now())

    def work(self, batch: BulkBatch) -> timedelta | None:
        """What a worker does when the batch's row comes to it."""
        lease = Lease(uuid.uuid4(), Task.WORK_ON_BATCH, "", {"batch_id": str(batch.id)}, 1, 0, None, 1)
        with self.shop.app.app_context():
            try:
                return work_on_batch(Work(lease, self.shop.ports, self.shop.settings))  # type: ignore[arg-type]
            finally:
                db.session.remove()

    def items(self, batch: BulkBatch) -> dict[uuid.UUID, BulkItem]:
        """How each instance stands, by its id."""
        with self.shop.app.app_context():
            wanted = select(BulkItem).where(BulkItem.batch_id == batch.id)
            return {each.instance_id: each for each in session().scalars(wanted)}

    def states(self, batch: BulkBatch) -> list[ItemState]:
        """The same in the order of the instances."""
        items = self.items(batch)
        return [items[each].state for each in self.ids]

    def has_ended(self, batch: BulkBatch) -> bool:
        """Whether the batch is at its end."""
        with self.shop.app.app_context():
            return queries.get_progress(batch.id).batch.ended_at is not None

    def waits_in_outbox(self, batch: BulkBatch) -> bool:
        """Whether the work is still to be done, as far as the database knows."""
        with self.shop.app.app_context():
            wanted = select(OutboxRow.id).where(
                OutboxRow.task == Task.WORK_ON_BATCH.value, OutboxRow.key == str(batch.id)
            )
            return session().scalar(wanted) is not None

    def instances(self) -> list[Instance]:
        """The instances as they are."""
        return [self.shop.look(each)[1] for each in self.subscriptions]


@pytest.fixture
def herd(
    shop: Shop, person: Callable[..., Person], administrator: Person, plan_id: Callable[..., uuid.UUID]
) -> Callable[[int], Herd]:
    """Make so many running instances, each of a customer of its own."""

    def make(number: int) -> Herd:
        owners = [person(credit=100_000) for _ in range(number)]
        made = Herd(shop, administrator, [shop.order(owner, plan_id()) for owner in owners])
        for each in range(number):
            made.put(
                each, status=InstanceStatus.RUNNING, wanted=Wanted.RUNNING, first_ran_at=shop.clock.now()
            )
        return made

    return make
