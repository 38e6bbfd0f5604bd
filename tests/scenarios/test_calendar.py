"""The calendar of a subscription: renew, grace, expire, keep, delete, revive. Time travels, jobs run."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from minispod.accounts.models import User
from minispod.catalog.models import Plan
from minispod.instances.models import Instance
from minispod.instances.states import InstanceStatus, Wanted
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.settings import Settings
from minispod.subscriptions.models import Period
from minispod.subscriptions.states import EndReason, SubscriptionStatus
from tests.plugins.app import Person
from tests.plugins.shop import Shop

PlanFinder = Callable[..., uuid.UUID]
Advance = Callable[..., datetime]


def test_a_month_later_it_renews_for_the_same_price(
    shop: Shop, person: Callable[..., Person], plan_id: PlanFinder, advance: Advance
) -> None:
    owner = person(credit=120_000)
    mine = shop.order(owner, plan_id())

    advance(days=31)

    subscription, _ = shop.look(mine)
    assert subscription.status is SubscriptionStatus.ACTIVE
    assert subscription.ends_at == datetime(2027, 1, 20, 3, 0, tzinfo=UTC)
    assert shop.balance(owner) == 20_000
    assert "renewed" in shop.mails(owner)


def test_the_calendar_run_twice_charges_once(
    shop: Shop, person: Callable[..., Person], plan_id: PlanFinder, advance: Advance
) -> None:
    owner = person(credit=200_000)
    mine = shop.order(owner, plan_id())

    advance(days=30)
    advance(seconds=1)
    advance(seconds=1)

    assert shop.balance(owner) == 100_000
    with shop.app.app_context():
        numbers = session().scalars(select(Period.number).where(Period.subscription_id == mine)).all()
    assert sorted(numbers) == [1, 2]


def test_months_do_not_drift(
    shop: Shop, person: Callable[..., Person], plan_id: PlanFinder, advance: Advance, clock: FrozenClock
) -> None:
    clock.set(datetime(2027, 1, 31, 3, 0, tzinfo=UTC))
    owner = person(credit=500_000)
    mine = shop.order(owner, plan_id())
    ends = []
    for _ in range(3):
        ends.append(shop.look(mine)[0].ends_at)
        advance(seconds=(ends[-1] - clock.now()).total_seconds())

    assert [(end.month, end.day) for end in ends] == [(2, 28), (3, 31), (4, 30)]


def test_without_credit_it_runs_on_in_grace_and_then_expires_with_its_data_kept(
    shop: Shop, person: Callable[..., Person], plan_id: PlanFinder, advance: Advance
) -> None:
    owner = person(credit=60_000)
    plan = plan_id()
    mine = shop.order(owner, plan)

    advance(days=30)
    subscription, instance = shop.look(mine)
    assert subscription.status is SubscriptionStatus.ACTIVE
    assert subscription.grace_until == datetime(2026, 12, 27, 3, 0, tzinfo=UTC)
    assert instance.wanted is Wanted.RUNNING

    advance(days=3)
    assert shop.look(mine)[0].grace_until == datetime(2026, 12, 27, 3, 0, tzinfo=UTC)

    advance(days=4)
    subscription, instance = shop.look(mine)
    assert subscription.status is SubscriptionStatus.EXPIRED
    assert subscription.end_reason is EndReason.NO_CREDIT
    assert instance.wanted is Wanted.STOPPED
    assert shop.used(plan) == 0
    assert shop.balance(owner) == 10_000
    assert [mail for mail in shop.mails(owner) if mail in ("grace_started", "expired")] == [
        "grace_started",
        "expired",
    ]


def test_credit_in_grace_renews_from_the_old_end(
    shop: Shop,
    person: Callable[..., Person],
    plan_id: PlanFinder,
    advance: Advance,
    run_jobs: Callable[[], int],
) -> None:
    owner = person(credit=60_000)
    mine = shop.order(owner, plan_id())
    advance(days=32)

    shop.credit(owner, 50_000)
    run_jobs()

    subscription, _ = shop.look(mine)
    assert subscription.grace_until is None
    assert subscription.ends_at == datetime(2027, 1, 20, 3, 0, tzinfo=UTC)
    assert shop.balance(owner) == 10_000


def test_credit_revives_what_expired_for_want_of_it(
    shop: Shop,
    person: Callable[..., Person],
    plan_id: PlanFinder,
    advance: Advance,
    run_jobs: Callable[[], int],
) -> None:
    owner = person(credit=50_000)
    plan = plan_id()
    mine = shop.order(owner, plan)
    advance(days=30)
    at = advance(days=8)
    assert shop.look(mine)[0].status is SubscriptionStatus.EXPIRED

    shop.credit(owner, 50_000)
    run_jobs()

    subscription, instance = shop.look(mine)
    assert subscription.status is SubscriptionStatus.ACTIVE
    assert subscription.started_at == at
    assert instance.wanted is Wanted.RUNNING
    assert (shop.used(plan), shop.balance(owner)) == (1, 0)
    assert "revived" in shop.mails(owner)


def test_revival_of_a_sold_out_plan_leaves_money_and_data(
    shop: Shop,
    person: Callable[..., Person],
    plan_id: PlanFinder,
    advance: Advance,
    run_jobs: Callable[[], int],
) -> None:
    owner = person(credit=50_000)
    plan = plan_id()
    mine = shop.order(owner, plan)
    advance(days=38)
    advance(days=1)
    with shop.app.app_context():
        row = session().get_one(Plan, plan)
        row.used_quota = row.total_quota
        session().commit()

    shop.credit(owner, 50_000)
    run_jobs()

    assert shop.look(mine)[0].status is SubscriptionStatus.EXPIRED
    assert shop.balance(owner) == 50_000


def test_with_renewal_off_it_ends_on_its_day_and_credit_alone_does_not_revive_it(
    shop: Shop,
    person: Callable[..., Person],
    plan_id: PlanFinder,
    advance: Advance,
    run_jobs: Callable[[], int],
) -> None:
    owner = person(credit=300_000)
    mine = shop.order(owner, plan_id())
    shop.auto_renew(owner, mine, False)

    advance(days=30)
    shop.credit(owner, 10_000)
    run_jobs()

    subscription, _ = shop.look(mine)
    assert subscription.status is SubscriptionStatus.EXPIRED
    assert subscription.end_reason is EndReason.AUTO_RENEW_OFF
    assert shop.balance(owner) == 260_000


def test_a_new_order_takes_an_expired_one_up_again_with_its_data(
    shop: Shop, person: Callable[..., Person], plan_id: PlanFinder, advance: Advance
) -> None:
    owner = person(credit=300_000)
    mine = shop.order(owner, plan_id())
    _, before = shop.look(mine)
    shop.auto_renew(owner, mine, False)
    advance(days=30)

    again = shop.order(owner, plan_id())

    subscription, instance = shop.look(again)
    assert again == mine
    assert subscription.status is SubscriptionStatus.ACTIVE
    assert subscription.retention_until is None
    assert (instance.id, instance.host) == (before.id, before.host)
    assert instance.wanted is Wanted.RUNNING
    assert shop.balance(owner) == 200_000
    advance(days=31)
    assert shop.balance(owner) == 150_000


def test_after_the_retention_the_data_are_given_up(
    shop: Shop, person: Callable[..., Person], plan_id: PlanFinder, advance: Advance
) -> None:
    owner = person(credit=50_000)
    plan = plan_id()
    mine = shop.order(owner, plan)
    advance(days=30)
    advance(days=7)
    advance(days=29)
    assert shop.look(mine)[1].wanted is Wanted.STOPPED

    advance(days=1)

    subscription, instance = shop.look(mine)
    assert subscription.status is SubscriptionStatus.CANCELLED
    assert subscription.end_reason is EndReason.RETENTION_OVER
    assert instance.wanted is Wanted.ABSENT
    assert shop.used(plan) == 0


def test_notices_go_out_before_the_end_once_each(
    shop: Shop, person: Callable[..., Person], plan_id: PlanFinder, advance: Advance
) -> None:
    owner = person(credit=50_000)
    mine = shop.order(owner, plan_id())
    shop.auto_renew(owner, mine, False)

    advance(days=22, hours=12)
    for _ in range(8 * 4):
        advance(hours=6)

    assert shop.mails(owner).count("expiry_notice") == 3


def test_low_credit_is_said_three_days_before(
    shop: Shop, person: Callable[..., Person], plan_id: PlanFinder, advance: Advance
) -> None:
    owner = person(credit=60_000)
    shop.order(owner, plan_id())

    advance(days=26)
    assert "low_credit" not in shop.mails(owner)
    advance(days=1, hours=1)

    assert shop.mails(owner).count("low_credit") == 1


def test_a_free_plan_lapses_when_its_owner_stays_away(
    shop: Shop, person: Callable[..., Person], plan_id: PlanFinder, advance: Advance
) -> None:
    owner = person()
    mine = shop.order(owner, plan_id("ghost-blog", "FREE"))

    advance(days=30)
    assert shop.look(mine)[0].status is SubscriptionStatus.ACTIVE
    advance(days=31)
    assert shop.look(mine)[0].end_reason is EndReason.IDLE


def test_a_free_plan_renews_while_its_owner_signs_in(
    shop: Shop, person: Callable[..., Person], plan_id: PlanFinder, advance: Advance, clock: FrozenClock
) -> None:
    owner = person()
    mine = shop.order(owner, plan_id("ghost-blog", "FREE"))
    for _ in range(4):
        with shop.app.app_context():
            session().get_one(User, owner.id).signed_in_at = clock.now()
            session().commit()
        advance(days=31)

    assert shop.look(mine)[0].status is SubscriptionStatus.ACTIVE


def test_the_fourth_free_plan_is_refused(
    shop: Shop, person: Callable[..., Person], plan_id: PlanFinder, catalog: None, settings: Settings
) -> None:
    from minispod.subscriptions.errors import TooManyFreePlans

    owner = person()
    shop.order(owner, plan_id("ghost-blog", "FREE"))
    shop.settings = Settings(
        database_url=settings.database.database_url,
        redis_url=settings.redis.redis_url,
        free_plans_per_customer=1,
    )

    with pytest.raises(TooManyFreePlans):
        shop.order(owner, plan_id("n8n-automation", "FREE"))


def test_an_outage_of_the_calendar_charges_each_missed_month_once(
    shop: Shop, person: Callable[..., Person], plan_id: PlanFinder, advance: Advance
) -> None:
    owner = person(credit=500_000)
    mine = shop.order(owner, plan_id())

    advance(days=100)

    subscription, _ = shop.look(mine)
    assert subscription.ends_at == datetime(2027, 3, 20, 3, 0, tzinfo=UTC)
    assert shop.balance(owner) == 500_000 - 4 * 50_000


def test_what_never_ran_is_cancelled_and_refunded_after_the_repair_window(
    shop: Shop, person: Callable[..., Person], plan_id: PlanFinder, advance: Advance, clock: FrozenClock
) -> None:
    owner = person(credit=50_000)
    plan = plan_id()
    mine = shop.order(owner, plan)
    with shop.app.app_context():
        instance = session().scalars(select(Instance)).one()
        instance.status = InstanceStatus.ERROR
        instance.repair_until = clock.now().replace(day=21)
        instance.last_error = "The image could not be pulled."
        session().commit()

    advance(hours=23)
    assert shop.look(mine)[0].status is SubscriptionStatus.ACTIVE
    advance(hours=2)

    subscription, instance = shop.look(mine)
    assert subscription.end_reason is EndReason.NOT_PROVISIONED
    assert instance.wanted is Wanted.ABSENT
    assert (shop.balance(owner), shop.used(plan)) == (50_000, 0)
    assert "provisioning_refunded" in shop.mails(owner)
