"""Ten thousand acts of all kinds by sixteen threads in one small shop: no deadlock, and everything adds up.

Few wallets, plans and coupons, so that acts meet all the time. The order of locks is watched as in every test
(tests/plugins/lock_order.py). The same seed draws the same acts; which meet is the machine's matter.
"""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest
from flask import Flask
from sqlalchemy import text

from minispod.kernel.database import db
from tests.histories import acts
from tests.histories.checks import check
from tests.histories.playing import WEIGHTS
from tests.histories.world import World

THREADS = 16
ROUNDS = 10
# Enough for the dearest plan, whatever was taken back before.
CREDIT = 5_000_000
OPERATIONS = 10_000


def deadlocks(app: Flask) -> int:
    """How many the database has counted; connections report when they are closed."""
    with app.app_context():
        db.engine.dispose()
        with db.engine.connect() as connection:
            wanted = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
            return int(connection.execute(text(wanted)).scalar_one())


@pytest.mark.timeout(900)
def test_ten_thousand_acts_of_all_kinds_meet_without_a_deadlock(world: World, histories_seed: str) -> None:
    drawn = Random(histories_seed)
    kinds, weights = list(WEIGHTS), list(WEIGHTS.values())
    before = deadlocks(world.app)
    world.begin()
    for customer in world.customers:
        world.shop.credit(customer, CREDIT)
    done: Counter[str] = Counter()
    errors: list[Exception] = []

    def one(act: tuple[str, int, int]) -> None:
        try:
            if not errors and acts.perform(world, *act):
                done[act[0]] += 1
        except Exception as error:  # noqa: BLE001 - told below, with those of the other threads
            error.add_note(f"in {act}")
            errors.append(error)

    # Some draws never come to what is seldom possible: one of each is made before, as far as it goes.
    for kind in ("order", "concludes", "upgrade", "order_with_coupon", "redeem", "concludes", "move"):
        for number in range(1 if kind == "order" else 12):
            one((kind, 0, number))

    with ThreadPoolExecutor(THREADS) as pool:
        for _ in range(ROUNDS):
            together = [
                (kind, drawn.randrange(3), drawn.randrange(12))
                for kind in drawn.choices(kinds, weights, k=OPERATIONS // ROUNDS)
            ]
            list(pool.map(one, together))
            if errors:
                raise ExceptionGroup("acts failed", errors)
            world.pass_time(drawn.choice(acts.DAYS))
            world.tick("advance-calendar")
    acts.settle_all(world)

    world.refuse_failed_work()
    assert deadlocks(world.app) == before
    assert set(done) == set(WEIGHTS), "everything was done at least once"
    check(world)
