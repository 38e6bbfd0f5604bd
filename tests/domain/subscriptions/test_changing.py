"""Changes of plan: quote and charge, slot and size, and what is refused."""

import uuid
from collections.abc import Callable
from datetime import datetime

import pytest
from sqlalchemy import select

from minispod.catalog.errors import NoSuchPlan, PlanSoldOut
from minispod.instances.states import InstanceStatus, Wanted
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.subscriptions.errors import (
    ChangeUnderWay,
    ClusterFull,
    NoSuchSubscription,
    NotActive,
    NotAnUpgrade,
    OtherService,
    PeriodOver,
    RequestKeyReused,
)
from minispod.subscriptions.models import Period
from minispod.subscriptions.states import ChangeState
from minispod.wallet import ledger
from minispod.wallet.errors import InsufficientCredit, WalletInDebt
from minispod.wallet.models import EntryKind, EntryType, LedgerEntry
from tests.plugins.app import Person
from tests.plugins.shop import Shop

PlanFinder = Callable[..., uuid.UUID]
Advance = Callable[..., datetime]
People = Callable[..., Person]


class TestUpgrade:
    """Upward, by the customer."""

    @pytest.mark.parametrize(("days", "cost"), [(0, 100_000), (10, 66_667), (10.5, 66_667), (29.9, 3_333)])
    def test_costs_what_was_quoted_and_no_more(
        self,
        shop: Shop,
        customer: Person,
        mine: uuid.UUID,
        pro: uuid.UUID,
        clock: FrozenClock,
        days: float,
        cost: int,
        entries: Callable[[EntryKind], list[LedgerEntry]],
    ) -> None:
        clock.advance(days=days)
        [offer] = shop.options(customer, mine).offers

        changed = shop.upgrade(customer, mine, pro)

        assert (offer.plan.id, offer.hindrance) == (pro, None)
        assert offer.quote.amount == changed.change.charged == cost
        assert shop.balance(customer) == 450_000 - cost
        [entry] = entries(EntryKind.UPGRADE)
        assert (entry.type, entry.amount, entry.id) == (EntryType.UPGRADE, cost, changed.change.entry_id)

    def test_moves_plan_price_slot_and_size_and_waits_for_the_cluster(
        self, shop: Shop, customer: Person, mine: uuid.UUID, pro: uuid.UUID, plan_id: PlanFinder
    ) -> None:
        ends = shop.look(mine)[0].ends_at

        shop.upgrade(customer, mine, pro)

        subscription, instance = shop.look(mine)
        assert (subscription.plan_id, subscription.price) == (pro, 150_000)
        assert (subscription.previous_plan_id, subscription.ends_at) == (plan_id(), ends)
        assert (shop.used(plan_id()), shop.used(pro)) == (0, 1)
        assert (instance.cpu_milli, instance.memory_mb) == (2000, 2048)
        assert (instance.wanted, instance.status) == (Wanted.RUNNING, InstanceStatus.RESTARTING)
        assert shop.changes(mine)[0].state is ChangeState.PENDING

        shop.runs(mine)

        assert shop.changes(mine)[0].state is ChangeState.DONE
        assert shop.look(mine)[1].status is InstanceStatus.RUNNING
        assert shop.mails(customer).count("plan_changed") == 1

    def test_is_renewed_at_the_new_price(
        self, shop: Shop, customer: Person, mine: uuid.UUID, pro: uuid.UUID, advance: Advance
    ) -> None:
        shop.upgrade(customer, mine, pro)
        shop.runs(mine)

        advance(days=31)

        assert shop.balance(customer) == 500_000 - 50_000 - 100_000 - 150_000
        with shop.app.app_context():
            last = session().scalars(select(Period).where(Period.number == 2)).one()
            assert (last.price, last.charged, last.plan_id) == (150_000, 150_000, pro)

    def test_takes_the_subscriptions_own_price_not_the_plans(
        self,
        shop: Shop,
        customer: Person,
        mine: uuid.UUID,
        pro: uuid.UUID,
        plan_id: PlanFinder,
        set_plan: Callable[..., None],
    ) -> None:
        set_plan(plan_id(), monthly_price=90_000)

        assert shop.upgrade(customer, mine, pro).change.charged == 100_000

    def test_to_a_plan_that_became_cheaper_costs_nothing_and_gives_nothing_back(
        self, shop: Shop, customer: Person, mine: uuid.UUID, pro: uuid.UUID, set_plan: Callable[..., None]
    ) -> None:
        set_plan(pro, monthly_price=40_000)

        change = shop.upgrade(customer, mine, pro).change

        assert (change.quoted, change.charged, change.credited) == (0, 0, 0)
        assert shop.balance(customer) == 450_000

    def test_keeps_a_stopped_instance_stopped_in_its_new_size(
        self, shop: Shop, administrator: Person, mine: uuid.UUID, pro: uuid.UUID
    ) -> None:
        shop.put(mine, wanted=Wanted.STOPPED, status=InstanceStatus.STOPPED)

        shop.change_plan(administrator, mine, pro)
        shop.runs(mine)

        _, instance = shop.look(mine)
        assert (instance.status, instance.wanted) == (InstanceStatus.STOPPED, Wanted.STOPPED)
        assert (instance.cpu_milli, instance.last_stopped_at) == (2000, None)
        assert shop.changes(mine)[0].state is ChangeState.DONE

    def test_never_shrinks_the_volume(
        self,
        shop: Shop,
        customer: Person,
        mine: uuid.UUID,
        pro: uuid.UUID,
        administrator: Person,
        plan_id: PlanFinder,
        set_plan: Callable[..., None],
    ) -> None:
        set_plan(pro, storage_gb=5)
        shop.upgrade(customer, mine, pro)
        shop.runs(mine)
        assert shop.look(mine)[1].storage_gb == 5

        shop.change_plan(administrator, mine, plan_id())

        assert shop.look(mine)[1].storage_gb == 5

    def test_of_a_failed_instance_is_tried_in_the_new_size(
        self, shop: Shop, customer: Person, mine: uuid.UUID, pro: uuid.UUID
    ) -> None:
        shop.put(mine, status=InstanceStatus.ERROR, last_error="It needed more memory than its plan has.")

        shop.upgrade(customer, mine, pro)

        _, instance = shop.look(mine)
        assert (instance.status, instance.attempts, instance.last_error) == (
            InstanceStatus.RESTARTING,
            0,
            None,
        )

    def test_repeated_with_its_key_is_made_once(
        self, shop: Shop, customer: Person, mine: uuid.UUID, pro: uuid.UUID, plan_id: PlanFinder
    ) -> None:
        first = shop.upgrade(customer, mine, pro, "one click")
        shop.runs(mine)
        again = shop.upgrade(customer, mine, pro, "one click")

        assert (again.is_repeat, again.change.id) == (True, first.change.id)
        assert shop.balance(customer) == 350_000
        with pytest.raises(RequestKeyReused):
            shop.upgrade(customer, mine, plan_id(), "one click")


class TestRefused:
    """Nothing is moved when it is refused."""

    @pytest.fixture(autouse=True)
    def _nothing_moves(self, shop: Shop, customer: Person, mine: uuid.UUID, plan_id: PlanFinder) -> object:
        yield
        assert shop.changes(mine) == []
        assert shop.used(plan_id()) == 1
        assert shop.look(mine)[1].cpu_milli == 1000

    def test_downward_sideways_and_to_another_service(
        self, shop: Shop, customer: Person, mine: uuid.UUID, plan_id: PlanFinder
    ) -> None:
        with pytest.raises(NotAnUpgrade):
            shop.upgrade(customer, mine, plan_id("n8n-automation", "FREE"))
        with pytest.raises(NotAnUpgrade):
            shop.upgrade(customer, mine, plan_id())
        with pytest.raises(OtherService):
            shop.upgrade(customer, mine, plan_id("postgresql", "PRO"))
        with pytest.raises(NoSuchPlan):
            shop.upgrade(customer, mine, uuid.uuid4())

    def test_a_plan_that_is_not_sold(
        self, shop: Shop, customer: Person, mine: uuid.UUID, pro: uuid.UUID, set_plan: Callable[..., None]
    ) -> None:
        set_plan(pro, is_active=False)

        assert shop.options(customer, mine).offers == ()
        with pytest.raises(NoSuchPlan):
            shop.upgrade(customer, mine, pro)

    def test_a_plan_without_a_slot(
        self, shop: Shop, customer: Person, mine: uuid.UUID, pro: uuid.UUID, set_plan: Callable[..., None]
    ) -> None:
        set_plan(pro, total_quota=0)

        assert shop.options(customer, mine).offers[0].hindrance == PlanSoldOut.default_message
        with pytest.raises(PlanSoldOut):
            shop.upgrade(customer, mine, pro)
        assert shop.balance(customer) == 450_000

    def test_somebody_elses(self, shop: Shop, person: People, mine: uuid.UUID, pro: uuid.UUID) -> None:
        with pytest.raises(NoSuchSubscription):
            shop.upgrade(person(credit=500_000), mine, pro)

    def test_without_the_credit(
        self, shop: Shop, customer: Person, mine: uuid.UUID, pro: uuid.UUID, set_plan: Callable[..., None]
    ) -> None:
        set_plan(pro, monthly_price=900_000)

        assert shop.options(customer, mine).offers[0].hindrance == InsufficientCredit.default_message
        with pytest.raises(InsufficientCredit):
            shop.upgrade(customer, mine, pro)

    def test_in_debt(self, shop: Shop, customer: Person, mine: uuid.UUID, pro: uuid.UUID) -> None:
        shop.take_back(customer, 460_000)

        assert shop.options(customer, mine).offers[0].hindrance == WalletInDebt.default_message
        with pytest.raises(WalletInDebt):
            shop.upgrade(customer, mine, pro)

    def test_after_the_paid_period(
        self, shop: Shop, customer: Person, mine: uuid.UUID, pro: uuid.UUID, clock: FrozenClock
    ) -> None:
        clock.advance(days=31)

        assert shop.options(customer, mine).offers[0].hindrance == PeriodOver.default_message
        with pytest.raises(PeriodOver):
            shop.upgrade(customer, mine, pro)

    def test_without_room_on_the_machines(
        self,
        shop: Shop,
        customer: Person,
        mine: uuid.UUID,
        pro: uuid.UUID,
        one_machine: Callable[[int], None],
    ) -> None:
        one_machine(1000)

        offer = shop.options(customer, mine).offers[0]
        assert (offer.hindrance, offer.has_place) == (ClusterFull.default_message, False)
        with pytest.raises(ClusterFull):
            shop.upgrade(customer, mine, pro)
        assert shop.balance(customer) == 450_000


def test_what_has_ended_is_not_changed(
    shop: Shop, customer: Person, mine: uuid.UUID, pro: uuid.UUID, administrator: Person
) -> None:
    shop.cancel(customer, mine)

    with pytest.raises(NotActive):
        shop.upgrade(customer, mine, pro)
    with pytest.raises(NotActive):
        shop.change_plan(administrator, mine, pro)
    with pytest.raises(NotActive):
        shop.options(customer, mine)


def test_one_change_at_a_time(
    shop: Shop, customer: Person, plan_id: PlanFinder, pro: uuid.UUID, administrator: Person
) -> None:
    mine = shop.order(customer, plan_id("n8n-automation", "FREE"))
    shop.runs(mine)
    shop.upgrade(customer, mine, plan_id())

    with pytest.raises(ChangeUnderWay):
        shop.upgrade(customer, mine, pro)
    with pytest.raises(ChangeUnderWay):
        shop.change_plan(administrator, mine, plan_id("n8n-automation", "FREE"))

    assert shop.options(customer, mine).offers[0].hindrance == ChangeUnderWay.default_message
    assert shop.balance(customer) == 450_000


def test_the_ledger_refuses_the_same_change_twice(
    shop: Shop, customer: Person, mine: uuid.UUID, pro: uuid.UUID
) -> None:
    shop.upgrade(customer, mine, pro)
    posting = ledger.Posting(EntryType.UPGRADE, EntryKind.UPGRADE, f"{mine}:1", "Once more")

    with (
        shop.app.app_context(),
        pytest.raises(Exception, match="uq_ledger_entries_kind_reference"),
        unit_of_work(),
    ):
        ledger.debit(customer.id, 1, posting, actor=customer.actor, at=shop.clock.now())
