"""A new price for existing customers: told at least 14 days before the renewal that costs it (decision 10)."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from minispod.catalog import planning
from minispod.kernel.actor import system
from minispod.kernel.database import session
from minispod.kernel.money import Rupiah
from minispod.kernel.unit_of_work import unit_of_work
from minispod.rules import business_rules
from minispod.subscriptions import announcing, expiry, reminders, rounds
from minispod.subscriptions.models import Subscription
from tests.plugins.app import PASSWORD, Person, data_of
from tests.plugins.shop import Shop

PlanFinder = Callable[..., uuid.UUID]
Advance = Callable[..., datetime]


@pytest.fixture
def price(app: Flask, shop: Shop, administrator: Person, tick: Callable[[str], None]) -> Callable[..., None]:
    """Change a plan's price, and let the round that tells of it pass: `price(plan, 60_000, for_existing=True)`."""

    def change(plan: uuid.UUID, amount: int, *, for_existing: bool | None, is_told: bool = True) -> None:
        with app.app_context(), unit_of_work():
            planning.change_plan(
                plan,
                {"monthly_price": Rupiah(amount)},
                for_existing=for_existing,
                actor=administrator.actor,
                at=shop.clock.now(),
            )
        if is_told:
            tick("announce-prices")

    return change


@pytest.fixture
def mine(shop: Shop, customer: Person, plan_id: PlanFinder) -> uuid.UUID:
    """A running subscription of 50,000 that began on 20 November and renews on the 20th."""
    made = shop.order(customer, plan_id())
    shop.runs(made)
    return made


def charged(shop: Shop, subscription: uuid.UUID) -> tuple[int, int]:
    """Price and last charge."""
    row, _ = shop.look(subscription)
    return row.price, row.last_charge


def told(shop: Shop, person: Person) -> list[dict[str, object]]:
    return [each.facts for each in shop.messages(person) if each.kind.value == "price_announced"]


def test_existing_customers_keep_their_price_unless_it_is_chosen(
    shop: Shop,
    customer: Person,
    plan_id: PlanFinder,
    mine: uuid.UUID,
    price: Callable[..., None],
    advance: Advance,
) -> None:
    price(plan_id(), 60_000, for_existing=False)
    advance(days=31)

    assert charged(shop, mine) == (50_000, 50_000)
    assert told(shop, customer) == []


def test_a_price_for_all_comes_with_the_first_renewal_fourteen_days_after_the_notice(
    shop: Shop,
    customer: Person,
    plan_id: PlanFinder,
    mine: uuid.UUID,
    price: Callable[..., None],
    advance: Advance,
) -> None:
    price(plan_id(), 60_000, for_existing=True)
    [notice] = told(shop, customer)
    row, _ = shop.look(mine)

    assert (notice["old_price"], notice["new_price"], notice["applies_on"]) == (
        "Rp 50.000",
        "Rp 60.000",
        "2026-12-20",
    )
    assert (row.price, row.price_from(row.ends_at)) == (50_000, 60_000)
    advance(days=30)
    assert charged(shop, mine) == (60_000, 60_000)
    row, _ = shop.look(mine)
    assert (row.coming_price, row.coming_price_from) == (None, None)


def test_a_renewal_before_the_fourteen_days_costs_the_old_price(
    shop: Shop,
    customer: Person,
    plan_id: PlanFinder,
    mine: uuid.UUID,
    price: Callable[..., None],
    advance: Advance,
) -> None:
    advance(days=17)  # 13 days before the renewal
    price(plan_id(), 60_000, for_existing=True)

    assert [each["applies_on"] for each in told(shop, customer)] == ["2027-01-20"]
    advance(days=13)
    assert charged(shop, mine) == (50_000, 50_000)
    advance(days=31)
    assert charged(shop, mine) == (60_000, 60_000)


def test_exactly_fourteen_days_before_is_in_time(
    shop: Shop, plan_id: PlanFinder, mine: uuid.UUID, price: Callable[..., None], advance: Advance
) -> None:
    advance(days=16)
    price(plan_id(), 60_000, for_existing=True)
    advance(days=14)

    assert charged(shop, mine) == (60_000, 60_000)


def test_it_is_told_once_however_often_one_looks(
    shop: Shop,
    customer: Person,
    plan_id: PlanFinder,
    mine: uuid.UUID,
    price: Callable[..., None],
    tick: Callable[[str], None],
    advance: Advance,
) -> None:
    price(plan_id(), 60_000, for_existing=True)
    tick("announce-prices")
    advance(days=31)
    tick("announce-prices")

    assert len(told(shop, customer)) == 1


def test_a_price_that_is_taken_back_is_taken_back_in_words_too(
    shop: Shop,
    customer: Person,
    plan_id: PlanFinder,
    mine: uuid.UUID,
    price: Callable[..., None],
    advance: Advance,
) -> None:
    price(plan_id(), 60_000, for_existing=True)
    price(plan_id(), 50_000, for_existing=True)

    assert [each["withdrawn"] for each in told(shop, customer)] == [None, "Rp 60.000"]
    advance(days=31)
    assert charged(shop, mine) == (50_000, 50_000)


@pytest.mark.parametrize("amount", [50_000, 40_000, 70_000])
@pytest.mark.parametrize("is_told", [True, False], ids=["told", "renewed-before-the-round"])
def test_a_rise_that_is_asked_of_nobody_any_more_is_not_charged(
    shop: Shop,
    customer: Person,
    plan_id: PlanFinder,
    mine: uuid.UUID,
    price: Callable[..., None],
    advance: Advance,
    amount: int,
    is_told: bool,
) -> None:
    price(plan_id(), 60_000, for_existing=True)
    if not is_told:
        shop.clock.advance(days=30)
    price(plan_id(), amount, for_existing=None, is_told=is_told)
    if is_told:
        assert [(each["withdrawn"], each["new_price"]) for each in told(shop, customer)][1:] == [
            ("Rp 60.000", "Rp 50.000")
        ]
        assert shop.look(mine)[0].coming_price is None
        advance(days=31)
    else:
        shop.advance(mine)

    assert (shop.look(mine)[0].period_number, *charged(shop, mine)) == (2, 50_000, 50_000)


def test_for_all_is_switched_off_without_another_price(
    shop: Shop,
    customer: Person,
    plan_id: PlanFinder,
    mine: uuid.UUID,
    price: Callable[..., None],
    advance: Advance,
) -> None:
    price(plan_id(), 60_000, for_existing=True)
    price(plan_id(), 60_000, for_existing=None)
    assert shop.look(mine)[0].coming_price == 60_000
    price(plan_id(), 60_000, for_existing=False)

    assert [each["withdrawn"] for each in told(shop, customer)] == [None, "Rp 60.000"]
    advance(days=31)
    assert charged(shop, mine) == (50_000, 50_000)


def test_a_fall_that_was_promised_is_kept(
    shop: Shop,
    customer: Person,
    plan_id: PlanFinder,
    mine: uuid.UUID,
    price: Callable[..., None],
    advance: Advance,
) -> None:
    price(plan_id(), 40_000, for_existing=True)
    price(plan_id(), 45_000, for_existing=False)

    assert len(told(shop, customer)) == 1
    advance(days=31)
    assert charged(shop, mine) == (40_000, 40_000)


def test_a_second_change_has_its_own_fourteen_days(
    shop: Shop,
    customer: Person,
    plan_id: PlanFinder,
    mine: uuid.UUID,
    price: Callable[..., None],
    advance: Advance,
) -> None:
    price(plan_id(), 60_000, for_existing=True)
    advance(days=20)
    price(plan_id(), 70_000, for_existing=True)
    advance(days=10)

    assert charged(shop, mine) == (
        50_000,
        50_000,
    )  # the first announcement was replaced, the second is too young
    advance(days=31)
    assert charged(shop, mine) == (70_000, 70_000)
    assert len(told(shop, customer)) == 2


def test_who_orders_after_the_change_pays_the_new_price_and_is_told_nothing(
    shop: Shop, customer: Person, plan_id: PlanFinder, price: Callable[..., None]
) -> None:
    price(plan_id(), 60_000, for_existing=True)
    made = shop.order(customer, plan_id())

    assert charged(shop, made) == (60_000, 60_000)
    assert told(shop, customer) == []


def test_grace_and_credit_follow_the_price_of_the_period_that_is_due(
    shop: Shop,
    person: Callable[..., Person],
    plan_id: PlanFinder,
    price: Callable[..., None],
    advance: Advance,
    run_jobs: Callable[[], int],
) -> None:
    owner = person(credit=100_000)
    made = shop.order(owner, plan_id())
    shop.runs(made)
    price(plan_id(), 60_000, for_existing=True)
    advance(days=27)
    advance(days=3)
    waiting, _ = shop.look(made)

    facts = {each.kind.value: each.facts for each in shop.messages(owner)}
    assert facts["low_credit"]["price_text"] == facts["grace_started"]["price_text"] == "Rp 60.000"
    assert waiting.waits_for_credit
    shop.credit(owner, 10_000)
    run_jobs()
    assert charged(shop, made) == (60_000, 60_000)
    assert shop.balance(owner) == 0


@pytest.mark.parametrize(("credit", "is_short"), [(105_000, False), (99_000, True)])
def test_what_is_told_of_the_next_price_is_what_will_be_charged(
    app: Flask,
    client: FlaskClient,
    shop: Shop,
    person: Callable[..., Person],
    plan_id: PlanFinder,
    price: Callable[..., None],
    advance: Advance,
    credit: int,
    is_short: bool,
) -> None:
    owner = person(credit=credit)
    made = shop.order(owner, plan_id())
    shop.runs(made)
    price(plan_id(), 60_000, for_existing=True)
    advance(days=26)
    price(plan_id(), 50_000, for_existing=True, is_told=False)  # taken back; no round has told of it yet
    rules, at = business_rules(shop.settings), shop.clock.now() + timedelta(days=1)
    with app.app_context(), unit_of_work():
        short = rounds.soon_short_of_credit(at, rules=rules, limit=9)
        reminders.remind(made, rules=rules, at=at)
        looked = rounds.look(made, rules=rules, actor=system("clock"), at=at)
    entry = client.post("/api/auth/login", json={"email": owner.email, "password": PASSWORD})
    headers = {"Authorization": f"Bearer {data_of(entry)['accessToken']}"}
    shown = data_of(client.get(f"/api/subscriptions/{made}", headers=headers))["subscription"]
    options = data_of(client.get(f"/api/subscriptions/{made}/billing-info", headers=headers))

    assert looked.price == shown["billingInfo"]["nextChargeAmount"] == 50_000
    assert options["billingInfo"]["nextChargeAmount"] == 50_000
    assert (list(short), "low_credit" in shop.mails(owner)) == ([made] if is_short else [], is_short)
    if is_short:
        [letter] = [each for each in shop.messages(owner) if each.kind.value == "low_credit"]
        assert letter.facts["price_text"] == "Rp 50.000"
    with app.app_context(), unit_of_work():
        expiry.advance(made, rules=rules, actor=system("clock"), at=shop.clock.now() + timedelta(days=4))
    assert charged(shop, made)[1] == 50_000


def test_a_subscription_that_was_taken_up_again_keeps_what_it_was_told(
    shop: Shop,
    person: Callable[..., Person],
    plan_id: PlanFinder,
    price: Callable[..., None],
    advance: Advance,
    run_jobs: Callable[[], int],
) -> None:
    owner = person(credit=50_000)
    made = shop.order(owner, plan_id())
    shop.runs(made)
    price(plan_id(), 60_000, for_existing=True)
    advance(days=30)
    advance(days=8)
    assert not shop.look(made)[0].is_active
    shop.credit(owner, 60_000)
    run_jobs()

    assert charged(shop, made) == (60_000, 60_000)


def test_moving_to_another_plan_ends_what_was_announced_and_taking_it_back_announces_anew(
    shop: Shop,
    customer: Person,
    plan_id: PlanFinder,
    mine: uuid.UUID,
    price: Callable[..., None],
    tick: Callable[[str], None],
) -> None:
    price(plan_id(), 60_000, for_existing=True)
    shop.upgrade(customer, mine, plan_id(tier="PRO"))
    moved, _ = shop.look(mine)
    assert moved.price_from(moved.ends_at) == moved.price

    shop.gives_up(mine)
    shop.clock.advance(minutes=1)
    tick("announce-prices")

    back, _ = shop.look(mine)
    assert (back.price, back.price_from(back.ends_at)) == (50_000, 60_000)
    assert len(told(shop, customer)) == 2


def test_what_has_ended_is_told_nothing(
    app: Flask, shop: Shop, customer: Person, plan_id: PlanFinder, mine: uuid.UUID, price: Callable[..., None]
) -> None:
    shop.cancel(customer, mine)
    price(plan_id(), 60_000, for_existing=True)

    assert told(shop, customer) == []
    with app.app_context():
        assert announcing.owed_notice() == []
        assert session().get_one(Subscription, mine).coming_price is None
