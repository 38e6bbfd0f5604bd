"""Rounds by hand beside the nightly job and beside each other: every customer's money is handled once."""

import uuid
from collections.abc import Callable
from typing import Any

from flask import Flask
from sqlalchemy import func, select

from minispod.jobs import runner
from minispod.jobs.schedule import find
from minispod.kernel.database import db, session
from minispod.settings import Settings
from minispod.subscriptions.models import Period, Subscription
from minispod.wallet.models import EntryType, LedgerEntry, Wallet
from tests.plugins.app import Person
from tests.plugins.shop import Shop
from tests.proofs import assert_wallets_add_up

PlanFinder = Callable[..., uuid.UUID]
AtOnce = Callable[[int, Callable[[int], Any]], list[Any]]
OWNERS = 12


def test_administrators_press_while_the_nightly_job_runs(
    app: Flask,
    settings: Settings,
    shop: Shop,
    person: Callable[..., Person],
    administrator: Person,
    plan_id: PlanFinder,
    headers_now: Callable[[Person], dict[str, str]],
    at_once: AtOnce,
) -> None:
    # Two thirds can pay the second month; every fourth thread is the clock with its workers.
    owners = [person(credit=100_000 if number % 3 else 50_000) for number in range(OWNERS)]
    for owner in owners:
        shop.runs(shop.order(owner, plan_id()))
    shop.clock.advance(days=31)
    headers = headers_now(administrator)

    def act(number: int) -> Any:
        if number % 4 == 0:
            with app.app_context():
                ports = app.extensions["minispod.ports"]
                periodic = find("advance-calendar", settings)
                assert periodic is not None
                periodic.run(ports, settings)
                runner.run_all(ports=ports, settings=settings)
                db.session.remove()
                return None
        path = "process-renewals" if number % 2 else "run-job/daily-renewals"
        answer = app.test_client().post(f"/api/admin/billing/{path}", headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.get_json()["data"]

    found = [each for each in at_once(8, act) if each is not None]

    assert all(isinstance(each, dict) for each in found), found
    # Whoever came first is the one who renewed it: no renewal is claimed by two.
    assert sum(each["successful"] for each in found) <= OWNERS * 2 // 3
    with app.app_context():
        assert_wallets_add_up()
        charges = select(func.count()).where(LedgerEntry.type == EntryType.SUBSCRIPTION)
        assert session().scalar(charges) == OWNERS + OWNERS * 2 // 3
        assert session().scalar(select(func.count()).select_from(Period)) == OWNERS + OWNERS * 2 // 3
        assert set(session().scalars(select(Wallet.balance))) == {0}
        unpaid = session().scalars(select(Subscription).where(Subscription.grace_until.is_not(None))).all()
    assert [each.failed_charges for each in unpaid] == [1] * (OWNERS // 3)
