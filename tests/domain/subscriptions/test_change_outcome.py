"""Changes of plan the cluster could not follow, or that were overtaken by the end: everything comes back once."""

import uuid
from collections.abc import Callable
from datetime import datetime

from minispod.catalog.models import Plan
from minispod.instances.provisioning import OutcomeKind
from minispod.instances.states import InstanceStatus, Wanted
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.subscriptions.states import ChangeState
from minispod.wallet.models import EntryKind, LedgerEntry
from tests.plugins.app import Person
from tests.plugins.shop import Shop

PlanFinder = Callable[..., uuid.UUID]
Advance = Callable[..., datetime]
People = Callable[..., Person]


class TestFailed:
    """Decision 17: plan, slot and money come back, once."""

    def test_everything_comes_back_once_and_the_old_size_is_tried(
        self,
        shop: Shop,
        customer: Person,
        administrator: Person,
        mine: uuid.UUID,
        pro: uuid.UUID,
        plan_id: PlanFinder,
        entries: Callable[[EntryKind], list[LedgerEntry]],
    ) -> None:
        shop.upgrade(customer, mine, pro)

        shop.gives_up(mine)

        subscription, instance = shop.look(mine)
        assert (subscription.plan_id, subscription.price) == (plan_id(), 50_000)
        assert (shop.used(plan_id()), shop.used(pro)) == (1, 0)
        assert (instance.cpu_milli, instance.memory_mb) == (1000, 1024)
        assert (instance.status, instance.wanted) == (InstanceStatus.RESTARTING, Wanted.RUNNING)
        [change] = shop.changes(mine)
        assert (change.state, change.refunded) == (ChangeState.RETURNED, 100_000)
        assert shop.balance(customer) == 450_000
        assert shop.mails(customer).count("plan_change_returned") == 1
        assert "staff_alert" in shop.mails(administrator)

        shop.gives_up(mine)

        assert shop.look(mine)[1].status is InstanceStatus.ERROR, "in its old size it failed for good"
        assert shop.balance(customer) == 450_000
        assert len(entries(EntryKind.UPGRADE_REFUND)) == 1

    def test_a_slot_that_was_sold_meanwhile_is_added(
        self,
        shop: Shop,
        customer: Person,
        administrator: Person,
        person: People,
        mine: uuid.UUID,
        pro: uuid.UUID,
        plan_id: PlanFinder,
        set_plan: Callable[..., None],
    ) -> None:
        set_plan(plan_id(), total_quota=1)
        shop.upgrade(customer, mine, pro)
        shop.order(person(credit=50_000), plan_id())

        shop.gives_up(mine)

        assert shop.used(plan_id()) == 2
        with shop.app.app_context():
            assert session().get_one(Plan, plan_id()).total_quota == 2
        [alert] = [row for row in shop.messages(administrator) if row.kind.value == "staff_alert"]
        assert "one slot more" in str(alert.facts)

    def test_a_renewal_at_the_new_price_is_set_right(
        self,
        shop: Shop,
        customer: Person,
        mine: uuid.UUID,
        pro: uuid.UUID,
        advance: Advance,
        clock: FrozenClock,
    ) -> None:
        clock.advance(days=29)
        shop.upgrade(customer, mine, pro)
        clock.advance(days=3)
        shop.advance(mine)
        assert shop.balance(customer) == 450_000 - 3_333 - 150_000

        shop.gives_up(mine)

        assert shop.balance(customer) == 400_000, "two months at the old price"

    def test_a_bonus_upgrade_gives_back_no_money(
        self,
        shop: Shop,
        customer: Person,
        administrator: Person,
        mine: uuid.UUID,
        pro: uuid.UUID,
        plan_id: PlanFinder,
    ) -> None:
        change = shop.change_plan(administrator, mine, pro, is_waived=True).change
        assert (change.quoted, change.charged, change.is_waived) == (100_000, 0, True)

        shop.gives_up(mine)

        assert shop.balance(customer) == 450_000
        assert shop.look(mine)[0].plan_id == plan_id()

    def test_an_upgrade_before_the_first_start_is_given_back_and_then_the_order(
        self, shop: Shop, customer: Person, plan_id: PlanFinder, pro: uuid.UUID, advance: Advance
    ) -> None:
        mine = shop.order(customer, plan_id())
        shop.upgrade(customer, mine, pro)
        shop.gives_up(mine)
        assert shop.look(mine)[1].status is InstanceStatus.PENDING
        shop.gives_up(mine)

        shop.clock.advance(hours=25)
        shop.advance(mine)

        assert shop.balance(customer) == 500_000
        assert (shop.used(plan_id()), shop.used(pro)) == (0, 0)

    def test_a_silent_cluster_gives_nothing_back(
        self, shop: Shop, customer: Person, mine: uuid.UUID, pro: uuid.UUID
    ) -> None:
        shop.upgrade(customer, mine, pro)

        shop.conclude(mine, OutcomeKind.SILENT)

        assert shop.changes(mine)[0].state is ChangeState.PENDING
        assert shop.balance(customer) == 350_000


class TestEndsWhileItWaits:
    """What was paid for a size that never came is given back when the subscription ends first."""

    def test_by_cancelling(
        self, shop: Shop, customer: Person, mine: uuid.UUID, pro: uuid.UUID, plan_id: PlanFinder
    ) -> None:
        shop.upgrade(customer, mine, pro)

        assert shop.cancel(customer, mine) == 100_000

        assert (shop.used(plan_id()), shop.used(pro)) == (0, 0)
        assert shop.balance(customer) == 450_000

    def test_by_expiring_and_it_revives_in_its_old_plan(
        self, shop: Shop, customer: Person, mine: uuid.UUID, pro: uuid.UUID, plan_id: PlanFinder
    ) -> None:
        shop.upgrade(customer, mine, pro)
        shop.auto_renew(customer, mine, False)
        shop.clock.advance(days=31)

        shop.advance(mine)

        subscription, instance = shop.look(mine)
        assert (subscription.plan_id, subscription.price) == (plan_id(), 50_000)
        assert (instance.cpu_milli, instance.wanted) == (1000, Wanted.STOPPED)
        assert (shop.used(plan_id()), shop.used(pro)) == (0, 0)
        assert shop.balance(customer) == 450_000

    def test_by_cancelling_what_never_ran(
        self, shop: Shop, customer: Person, plan_id: PlanFinder, pro: uuid.UUID
    ) -> None:
        mine = shop.order(customer, plan_id())
        shop.upgrade(customer, mine, pro)

        assert shop.cancel(customer, mine) == 150_000

        assert shop.balance(customer) == 500_000
