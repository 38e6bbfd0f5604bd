"""A new price for existing customers: told at least 14 days before the renewal that costs it (decision 10)."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from minispod.catalog import planning
from minispod.kernel.actor import system
from minispod.kernel.money import Rupiah
from minispod.kernel.unit_of_work import unit_of_work
from minispod.rules import business_rules
from minispod.subscriptions import announcing, expiry, reminders, rounds
from minispod.subscriptions.models import Subscription
from tests.plugins.app import PASSWORD, Person, data_of
from tests.plugins.shop import Shop

PlanFinder = Callable[..., uuid.UUID]


@dataclass
class Prices:
    """One plan of 50,000 on sale: its price in the hands of staff, and what becomes of one customer's subscription."""

    shop: Shop
    staff: Person
    plan: uuid.UUID
    tick: Callable[[str], None]
    advance: Callable[..., object]
    owner: Person = field(init=False)
    subscription: uuid.UUID = field(init=False)

    def order(self, owner: Person) -> None:
        """Order a subscription that runs, begins on 20 November and renews on the 20th."""
        self.owner, self.subscription = owner, self.shop.order(owner, self.plan)
        self.shop.runs(self.subscription)

    def set(self, amount: int, *, for_existing: bool | None, is_told: bool = True) -> None:
        """Change the plan's price, and let the round that tells of it pass."""
        with self.shop.app.app_context(), unit_of_work():
            planning.change_plan(
                self.plan,
                {"monthly_price": Rupiah(amount)},
                for_existing=for_existing,
                actor=self.staff.actor,
                at=self.shop.clock.now(),
            )
        if is_told:
            self.tell()

    def tell(self) -> None:
        """Let the round that tells of prices pass."""
        self.tick("announce-prices")

    @property
    def row(self) -> Subscription:
        """The subscription as it is now."""
        return self.shop.look(self.subscription)[0]

    @property
    def next_price(self) -> int:
        """The price of the period that begins when this one ends."""
        return self.row.price_from(self.row.ends_at)

    @property
    def charged(self) -> tuple[int, int]:
        """Price and last charge."""
        return self.row.price, self.row.last_charge

    @property
    def told(self) -> list[dict[str, object]]:
        """What the owner was told."""
        return [each.facts for each in self.shop.messages(self.owner) if each.kind.value == "price_announced"]


@pytest.fixture
def unsold(
    shop: Shop,
    administrator: Person,
    plan_id: PlanFinder,
    tick: Callable[[str], None],
    advance: Callable[..., object],
) -> Prices:
    """A plan that nobody has ordered yet."""
    return Prices(shop, administrator, plan_id(), tick, advance)


@pytest.fixture
def prices(unsold: Prices, customer: Person) -> Prices:
    """A plan of which a customer with enough credit has a subscription."""
    unsold.order(customer)
    return unsold


def test_existing_customers_keep_their_price_unless_it_is_chosen(prices: Prices) -> None:
    prices.set(60_000, for_existing=False)
    prices.advance(days=31)

    assert prices.charged == (50_000, 50_000)
    assert prices.told == []


def test_a_price_for_all_comes_with_the_first_renewal_fourteen_days_after_the_notice(prices: Prices) -> None:
    prices.set(60_000, for_existing=True)
    [notice] = prices.told
    row = prices.row

    assert (notice["old_price"], notice["new_price"], notice["applies_on"]) == (
        "Rp 50.000",
        "Rp 60.000",
        "2026-12-20",
    )
    assert (row.price, row.price_from(row.ends_at)) == (50_000, 60_000)
    prices.advance(days=30)
    assert prices.charged == (60_000, 60_000)
    row = prices.row
    assert (row.coming_price, row.coming_price_from) == (None, None)


def test_a_renewal_before_the_fourteen_days_costs_the_old_price(prices: Prices) -> None:
    prices.advance(days=17)  # 13 days before the renewal
    prices.set(60_000, for_existing=True)

    assert [each["applies_on"] for each in prices.told] == ["2027-01-20"]
    prices.advance(days=13)
    assert prices.charged == (50_000, 50_000)
    prices.advance(days=31)
    assert prices.charged == (60_000, 60_000)


def test_exactly_fourteen_days_before_is_in_time(prices: Prices) -> None:
    prices.advance(days=16)
    prices.set(60_000, for_existing=True)
    prices.advance(days=14)

    assert prices.charged == (60_000, 60_000)


def test_it_is_told_once_however_often_one_looks(prices: Prices) -> None:
    prices.set(60_000, for_existing=True)
    prices.tell()
    prices.advance(days=31)
    prices.tell()

    assert len(prices.told) == 1


def test_a_price_that_is_taken_back_is_taken_back_in_words_too(prices: Prices) -> None:
    prices.set(60_000, for_existing=True)
    prices.set(50_000, for_existing=True)

    assert [each["withdrawn"] for each in prices.told] == [None, "Rp 60.000"]
    prices.advance(days=31)
    assert prices.charged == (50_000, 50_000)


@pytest.mark.parametrize("amount", [50_000, 40_000, 70_000])
@pytest.mark.parametrize("is_told", [True, False], ids=["told", "renewed-before-the-round"])
def test_a_rise_that_is_asked_of_nobody_any_more_is_not_charged(
    prices: Prices, amount: int, is_told: bool
) -> None:
    prices.set(60_000, for_existing=True)
    if not is_told:
        prices.shop.clock.advance(days=30)
    prices.set(amount, for_existing=None, is_told=is_told)
    if is_told:
        assert [(each["withdrawn"], each["new_price"]) for each in prices.told][1:] == [
            ("Rp 60.000", "Rp 50.000")
        ]
        assert prices.row.coming_price is None
        prices.advance(days=31)
    else:
        prices.shop.advance(prices.subscription)

    assert (prices.row.period_number, *prices.charged) == (2, 50_000, 50_000)


def test_for_all_is_switched_off_without_another_price(prices: Prices) -> None:
    prices.set(60_000, for_existing=True)
    prices.set(60_000, for_existing=None)
    assert prices.row.coming_price == 60_000
    prices.set(60_000, for_existing=False)

    assert [each["withdrawn"] for each in prices.told] == [None, "Rp 60.000"]
    prices.advance(days=31)
    assert prices.charged == (50_000, 50_000)


def test_a_fall_that_was_promised_is_kept(prices: Prices) -> None:
    prices.set(40_000, for_existing=True)
    prices.set(45_000, for_existing=False)

    assert len(prices.told) == 1
    prices.advance(days=31)
    assert prices.charged == (40_000, 40_000)


def test_a_second_change_has_its_own_fourteen_days(prices: Prices) -> None:
    prices.set(60_000, for_existing=True)
    prices.advance(days=20)
    prices.set(70_000, for_existing=True)
    prices.advance(days=10)

    assert prices.charged == (50_000, 50_000), "the first announcement was replaced, the second is too young"
    prices.advance(days=31)
    assert prices.charged == (70_000, 70_000)
    assert len(prices.told) == 2


def test_who_orders_after_the_change_pays_the_new_price_and_is_told_nothing(
    unsold: Prices, customer: Person
) -> None:
    unsold.set(60_000, for_existing=True)
    unsold.order(customer)

    assert unsold.charged == (60_000, 60_000)
    assert unsold.told == []


def test_grace_and_credit_follow_the_price_of_the_period_that_is_due(
    unsold: Prices, person: Callable[..., Person], run_jobs: Callable[[], int]
) -> None:
    unsold.order(owner := person(credit=100_000))
    unsold.set(60_000, for_existing=True)
    unsold.advance(days=27)
    unsold.advance(days=3)

    facts = {each.kind.value: each.facts for each in unsold.shop.messages(owner)}
    assert facts["low_credit"]["price_text"] == facts["grace_started"]["price_text"] == "Rp 60.000"
    assert unsold.row.waits_for_credit
    unsold.shop.credit(owner, 10_000)
    run_jobs()
    assert unsold.charged == (60_000, 60_000)
    assert unsold.shop.balance(owner) == 0


@pytest.mark.parametrize(("credit", "is_short"), [(105_000, False), (99_000, True)])
def test_what_is_told_of_the_next_price_is_what_will_be_charged(
    app: Flask,
    client: FlaskClient,
    unsold: Prices,
    person: Callable[..., Person],
    credit: int,
    is_short: bool,
) -> None:
    unsold.order(owner := person(credit=credit))
    shop, made = unsold.shop, unsold.subscription
    unsold.set(60_000, for_existing=True)
    unsold.advance(days=26)
    unsold.set(50_000, for_existing=True, is_told=False)  # taken back; no round has told of it yet
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
    assert unsold.charged[1] == 50_000


def test_a_subscription_that_was_taken_up_again_keeps_what_it_was_told(
    unsold: Prices, person: Callable[..., Person], run_jobs: Callable[[], int]
) -> None:
    unsold.order(owner := person(credit=50_000))
    unsold.set(60_000, for_existing=True)
    unsold.advance(days=30)
    unsold.advance(days=8)
    assert not unsold.row.is_active
    unsold.shop.credit(owner, 60_000)
    run_jobs()

    assert unsold.charged == (60_000, 60_000)


def test_moving_to_another_plan_ends_what_was_announced_and_taking_it_back_announces_anew(
    prices: Prices, plan_id: PlanFinder
) -> None:
    prices.set(60_000, for_existing=True)
    prices.shop.upgrade(prices.owner, prices.subscription, plan_id(tier="PRO"))
    assert prices.next_price == prices.row.price

    prices.shop.gives_up(prices.subscription)
    prices.shop.clock.advance(minutes=1)
    prices.tell()

    assert (prices.row.price, prices.next_price) == (50_000, 60_000)
    assert len(prices.told) == 2


def test_what_has_ended_is_told_nothing(prices: Prices) -> None:
    prices.shop.cancel(prices.owner, prices.subscription)
    prices.set(60_000, for_existing=True)

    assert prices.told == []
    assert prices.row.coming_price is None
    with prices.shop.app.app_context():
        assert announcing.owed_notice() == []
