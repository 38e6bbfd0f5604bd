"""Numbers of papers have no gaps, whoever charges, fails and numbers at the same moment; no money waits for them."""

import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from minispod.kernel.actor import system
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.papers import issuing, opening
from minispod.papers.models import Paper, PaperCounter
from minispod.papers.states import PaperKind
from minispod.rules import paper_rules
from minispod.settings import Settings
from minispod.wallet import ledger
from minispod.wallet.models import EntryKind, EntryType, LedgerEntry
from tests.plugins.app import Person
from tests.plugins.shop import Shop

AtOnce = Callable[[int, Callable[[int], Any]], list[Any]]
CLERK = system("tests")


class Stumble(Exception):
    """Something went wrong after everything was written."""


@pytest.fixture
def charge(app: Flask, shop: Shop) -> Callable[..., None]:
    """Charge somebody and open the invoice; with `stumbles`, all of it is rolled back."""

    def act(person: Person, reference: str, *, stumbles: bool = False) -> None:
        with app.app_context(), unit_of_work():
            posting = ledger.Posting(EntryType.SUBSCRIPTION, EntryKind.PERIOD, reference, "A month")
            entry = ledger.debit(person.id, 1_000, posting, actor=CLERK, at=shop.clock.now())
            opening.open_paper(entry, at=shop.clock.now())
            if stumbles:
                raise Stumble

    return act


@pytest.fixture
def issue(app: Flask, shop: Shop, settings: Settings) -> Callable[..., int]:
    """Number what waits; with `stumbles`, the numbers are rolled back."""

    def act(limit: int = 3, *, stumbles: bool = False) -> int:
        with app.app_context(), unit_of_work():
            issued = issuing.issue_waiting(
                rules=paper_rules(settings), actor=CLERK, at=shop.clock.now(), limit=limit
            )
            if stumbles:
                raise Stumble
            return issued

    return act


def numbers(app: Flask) -> list[int]:
    with app.app_context():
        rows = session().scalars(select(Paper.position).where(Paper.kind == PaperKind.INVOICE))
        return sorted(position or 0 for position in rows)


def test_no_gaps_under_parallel_charges_of_which_some_are_rolled_back(
    app: Flask,
    person: Callable[..., Person],
    at_once: AtOnce,
    charge: Callable[..., None],
    issue: Callable[..., int],
) -> None:
    people = [person(credit=100_000) for _ in range(5)]

    def act(index: int) -> str:
        for turn in range(4):
            with suppress(Stumble):
                charge(people[index % 5], f"{index}:{turn}", stumbles=(index + turn) % 3 == 0)
            with suppress(Stumble):
                issue(stumbles=(index + turn) % 4 == 0)
        return "done"

    results = at_once(20, act)
    while issue():
        pass

    assert Counter(map(str, results)) == {"done": 20}
    with app.app_context():
        charged = session().scalar(
            select(func.count()).select_from(LedgerEntry).where(LedgerEntry.kind == EntryKind.PERIOD)
        )
        assert session().get_one(PaperCounter, "INV-202611").last == charged
    assert numbers(app) == list(range(1, (charged or 0) + 1))


def test_a_charge_does_not_wait_for_whoever_numbers_papers(
    app: Flask,
    person: Callable[..., Person],
    at_once: AtOnce,
    charge: Callable[..., None],
    settings: Settings,
    shop: Shop,
) -> None:
    owner = person(credit=100_000)
    charge(owner, "before")

    with app.app_context(), unit_of_work():
        issuing.issue_waiting(rules=paper_rules(settings), actor=CLERK, at=shop.clock.now())
        # Counters and papers are locked now; on waiting, this would run into the limit of the locks.
        results = at_once(3, lambda index: charge(owner, f"meanwhile {index}"))

    assert results == [None] * 3
    assert shop.balance(owner) == 96_000


def test_the_same_entries_completed_from_many_sides_get_one_paper_each(
    app: Flask, person: Callable[..., Person], at_once: AtOnce, issue: Callable[..., int], shop: Shop
) -> None:
    owner = person(credit=100_000)
    with app.app_context(), unit_of_work():
        for turn in range(6):
            posting = ledger.Posting(
                EntryType.SUBSCRIPTION, EntryKind.PERIOD, uuid.uuid4().hex, f"Month {turn}"
            )
            ledger.debit(owner.id, 1_000, posting, actor=CLERK, at=shop.clock.now())

    def complete(_: int) -> int:
        with app.app_context(), unit_of_work():
            return opening.open_missing(at=shop.clock.now())

    results = at_once(6, complete)
    while issue():
        pass

    assert sum(results) == 6
    assert numbers(app) == [1, 2, 3, 4, 5, 6]


def test_numbering_waits_for_nobody_who_is_correcting_a_paper(
    app: Flask,
    shop: Shop,
    customer: Person,
    charge: Callable[..., None],
    issue: Callable[..., int],
) -> None:
    charge(customer, "month:1")

    with app.app_context(), ThreadPoolExecutor(1) as clerk, unit_of_work():
        posting = ledger.Posting(EntryType.REFUND, EntryKind.PERIOD_REFUND, "month:1:0", "Given back")
        entry = ledger.credit(customer.id, 1_000, posting, actor=CLERK, at=shop.clock.now())
        opening.open_paper(entry, at=shop.clock.now())
        issued = clerk.submit(issue)

        assert issued.result(timeout=60) == 1, "the invoice, while its credit note is not committed yet"

    assert issue() == 1
