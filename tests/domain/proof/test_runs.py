"""Runs of the proof: every night once, on demand, told once per set of differences, kept for a while."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select, text

from minispod.audit.models import AuditEntry
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.paging import PageRequest
from minispod.kernel.unit_of_work import unit_of_work
from minispod.notifications.models import Notification
from minispod.proof import history
from minispod.proof.errors import NoSuchRun
from minispod.proof.models import ProofDifference, ProofRun
from tests.plugins.app import Person
from tests.plugins.shop import Shop

Tick = Callable[[str], None]
RunJobs = Callable[[], int]


@pytest.fixture
def night(tick: Tick, run_jobs: RunJobs, clock: FrozenClock) -> Callable[[], None]:
    """A night passes, in which the proof is made."""

    def pass_by() -> None:
        clock.advance(days=1)
        tick("prove-money")
        run_jobs()

    return pass_by


def _runs(app: Flask) -> list[ProofRun]:
    with app.app_context():
        return list(session().scalars(select(ProofRun).order_by(ProofRun.at, ProofRun.id)))


def _alerts(shop: Shop, person: Person) -> int:
    return shop.mails(person).count("proof_differs")


def _spoil(app: Flask, person: Person, by: int) -> None:
    with app.app_context(), unit_of_work():
        session().execute(
            text("UPDATE wallets SET balance = balance + :by WHERE user_id = :id"),
            {"by": by, "id": person.id},
        )


def test_it_runs_once_a_night_however_often_the_clock_ticks(
    app: Flask, clock: FrozenClock, tick: Tick, run_jobs: RunJobs
) -> None:
    clock.set(datetime(2026, 11, 20, 19, 0, tzinfo=UTC))  # two in the morning in Jakarta

    for _ in range(3):
        tick("prove-money")
        run_jobs()
    first = len(_runs(app))
    clock.advance(hours=1, minutes=10)
    for _ in range(3):
        tick("prove-money")
        run_jobs()

    assert (first, len(_runs(app))) == (1, 2)
    assert {run.cause for run in _runs(app)} == {"night"}
    assert all(run.is_clean and run.checks for run in _runs(app))


def test_differences_are_kept_and_told_once_to_each_administrator(
    app: Flask,
    shop: Shop,
    customer: Person,
    administrator: Person,
    person: Callable[..., Person],
    night: Callable[[], None],
) -> None:
    night()
    assert _alerts(shop, administrator) == 0

    _spoil(app, customer, 7)
    for _ in range(3):
        night()

    runs = _runs(app)
    assert [run.differences for run in runs] == [0, 1, 1, 1]
    assert _alerts(shop, administrator) == 1
    assert _alerts(shop, customer) == 0
    with app.app_context():
        [found] = history.list_differences(runs[-1].id, PageRequest()).items
        told = session().scalars(select(Notification).where(Notification.kind == "proof_differs")).one()
        written = session().scalars(select(AuditEntry).where(AuditEntry.action == "proof.differed")).all()
    assert (found.check, found.subject, found.user_id) == ("wallet-balance", "wallet", customer.id)
    assert found.facts == {"balance": 500_007, "ledger_sum": 500_000, "too_much": 7}
    assert told.facts["differences"] == 1
    assert [entry.details["checks"] for entry in written] == [["wallet-balance"]]


def test_another_set_of_differences_is_told_again_and_so_is_one_that_comes_back(
    app: Flask, shop: Shop, customer: Person, administrator: Person, night: Callable[[], None]
) -> None:
    told = []
    for by in (7, 1, -8, 7):  # differs, differs otherwise, adds up, differs as at first
        _spoil(app, customer, by)
        night()
        told.append(_alerts(shop, administrator))

    assert told == [1, 2, 2, 3]


def test_two_runs_at_once_tell_one_thing_once(
    app: Flask, shop: Shop, customer: Person, administrator: Person, at_once: Callable[..., list[object]]
) -> None:
    from minispod.kernel.actor import system
    from minispod.proof.proving import prove

    _spoil(app, customer, 7)

    def run(number: int) -> bool:
        with app.app_context():
            proof = prove(shop.clock.now())
            with unit_of_work():
                return history.record(
                    proof, cause="staff", asked_by="somebody", actor=system("proof")
                ).is_clean

    assert at_once(2, run) == [False, False]
    assert _alerts(shop, administrator) == 1


def test_old_runs_are_forgotten_but_never_the_newest(
    app: Flask, customer: Person, night: Callable[[], None], tick: Tick, clock: FrozenClock
) -> None:
    _spoil(app, customer, 7)
    night()
    night()
    clock.advance(days=400)

    tick("clean-up")

    [left] = _runs(app)
    with app.app_context():
        assert session().query(ProofDifference).count() == 1
        with pytest.raises(NoSuchRun):
            history.get_run(customer.id)
        assert history.standing(clock.now()).is_late
        assert not history.standing(left.at + timedelta(hours=30)).is_late
