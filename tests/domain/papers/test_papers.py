"""Which movement of money gets which paper, what is frozen when, and that nothing changes afterwards."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from flask import Flask
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import IntegrityError

from minispod.accounts.models import User
from minispod.audit.models import AuditEntry
from minispod.kernel.actor import system
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.papers import issuing, opening, queries
from minispod.papers.drawing import draw
from minispod.papers.errors import NoSuchPaper
from minispod.papers.models import Paper, PaperCounter
from minispod.papers.rules import PaperRules
from minispod.papers.states import Language, PaperKind, PaperStatus
from minispod.promotions.states import CouponType
from minispod.rules import paper_rules
from minispod.settings import Settings
from minispod.wallet import ledger
from minispod.wallet.models import EntryKind, EntryType, LedgerEntry
from tests.domain.papers.conftest import Bank
from tests.factories.coupons import put_coupon
from tests.factories.payments import put_topup
from tests.plugins.app import Person
from tests.plugins.shop import Shop

Papers = Callable[[], Sequence[Paper]]
PlanFinder = Callable[..., uuid.UUID]
CLERK = system("tests")


@pytest.fixture
def pkp(settings: Settings) -> PaperRules:
    """A company that is registered for PPN and writes Indonesian."""
    rules = paper_rules(settings)
    seller = replace(rules.seller, name="PT Contoh", address=("Jl. Satu", "Jakarta"), npwp="012345678901000")
    return replace(rules, seller=seller, ppn_rate=11, language=Language.INDONESIAN)


@pytest.fixture
def issue(app: Flask, clock: FrozenClock) -> Callable[[PaperRules], int]:
    """Issue what waits under given rules."""

    def run(rules: PaperRules) -> int:
        with app.app_context(), unit_of_work():
            return issuing.issue_waiting(rules=rules, actor=CLERK, at=clock.now())

    return run


def test_a_charge_opens_an_invoice_and_issuing_numbers_it(
    shop: Shop, customer: Person, plan_id: PlanFinder, papers: Papers, pkp: PaperRules, issue: Callable
) -> None:
    subscription = shop.order(customer, plan_id())
    [opened] = papers()
    assert (opened.kind, opened.number, opened.seller, opened.tax) == (PaperKind.INVOICE, None, None, None)

    assert issue(pkp) == 1

    [paper] = papers()
    assert paper.number == "INV-202611-000001"
    assert (paper.total, paper.net, paper.tax, paper.tax_rate) == (50_000, 45_045, 4_955, 11)
    assert paper.subscription_id == subscription
    assert paper.buyer["email"] == customer.email
    assert paper.seller["name"] == "PT Contoh"
    assert paper.lines[0]["plan"] == "Basic"
    assert paper.lines[0]["startsAt"] < paper.lines[0]["endsAt"]
    assert paper.language is Language.INDONESIAN


def test_an_invoice_freezes_the_discount_of_a_coupon_and_a_receipt_the_fee(
    app: Flask,
    shop: Shop,
    customer: Person,
    plan_id: PlanFinder,
    papers: Papers,
    bank: Bank,
    clock: FrozenClock,
) -> None:
    with app.app_context():
        put_coupon("SAVE20", CouponType.SUBSCRIPTION_DISCOUNT, at=clock.now())
        paid = put_topup(customer.id, at=clock.now(), amount=100_000, fee=4_440)
    shop.place(customer, plan_id(), coupon="SAVE20")
    shop.order(customer, plan_id("ghost-blog", "BASIC"))
    bank.says(paid, "settlement", gross=104_440)
    bank.pays(customer, 90_000)

    lines = [each.lines[0] for each in papers()]
    cheaper = next(line for line in lines if line.get("service") == "N8N Automation")
    with_fee = next(line for line in lines if line["what"] == "TOP_UP" and line["amount"] == 100_000)

    assert (cheaper["amount"], cheaper["price"], cheaper["discount"]) == (40_000, 50_000, 10_000)
    assert (with_fee["amount"], with_fee["fee"]) == (100_000, 4_440)
    others = [line for line in lines if line not in (cheaper, with_fee)]
    assert len(others) == 2
    for line in others:
        assert not {"price", "discount", "fee"} & set(line)


def test_an_upgrade_and_its_return_freeze_what_was_sold_and_for_how_many_days(
    shop: Shop, person: Callable[..., Person], plan_id: PlanFinder, papers: Papers, clock: FrozenClock
) -> None:
    owner = person(credit=1_000_000)
    subscription = shop.order(owner, plan_id())
    shop.put(subscription, status="RUNNING", first_ran_at=clock.now())
    clock.advance(days=5)
    shop.upgrade(owner, subscription, plan_id("n8n-automation", "PRO"))
    shop.gives_up(subscription)

    _, invoice, note = papers()

    sold = {"service": "N8N Automation", "plan": "Pro"}
    assert invoice.lines[0].items() >= {"what": "UPGRADE", "proratedDays": 25, **sold}.items()
    assert note.lines[0].items() >= {"what": "REFUND", **sold}.items()
    assert note.corrects_id == invoice.id


def test_dates_rise_with_the_numbers_whoever_looked_at_the_clock_first(
    shop: Shop,
    bank: Bank,
    customer: Person,
    papers: Papers,
    pkp: PaperRules,
    issue: Callable,
    clock: FrozenClock,
) -> None:
    early = clock.now()
    bank.pays(customer, 10_000)
    clock.advance(seconds=3)
    issue(pkp)
    late = clock.now()
    bank.pays(customer, 20_000)
    clock.set(early)  # this one read the clock before, and waited for the counters

    issue(pkp)

    assert [(paper.position, paper.issued_at) for paper in papers()] == [(1, late), (2, late)]


def test_an_act_that_is_rolled_back_leaves_neither_paper_nor_number(
    shop: Shop,
    person: Callable[..., Person],
    plan_id: PlanFinder,
    papers: Papers,
    pkp: PaperRules,
    issue: Callable,
) -> None:
    poor, rich = person(credit=10_000), person(credit=500_000)
    with pytest.raises(Exception, match="Insufficient"):
        shop.order(poor, plan_id())

    shop.order(rich, plan_id())
    issue(pkp)

    assert [paper.number for paper in papers()] == ["INV-202611-000001"]


def test_what_costs_nothing_and_what_was_adjusted_gets_no_paper(
    shop: Shop, customer: Person, plan_id: PlanFinder, papers: Papers
) -> None:
    shop.order(customer, plan_id("n8n-automation", "FREE"))
    shop.credit(customer, 10_000)

    assert papers() == []


def test_a_topup_gets_a_receipt_without_ppn(
    bank: Bank, customer: Person, papers: Papers, pkp: PaperRules, issue: Callable
) -> None:
    topup = bank.pays(customer)
    bank.says(topup, "settlement")
    issue(pkp)

    [paper] = papers()
    assert (paper.kind, paper.number) == (PaperKind.RECEIPT, "RCP-202611-000001")
    assert (paper.entry_id, paper.entry_code, paper.payment) == (
        topup.id,
        topup.custom_id,
        {"method": "QRIS"},
    )
    assert (paper.total, paper.tax_rate, paper.tax) == (100_000, 0, 0)


def test_payments_taken_back_in_parts_get_a_credit_note_each(
    bank: Bank, customer: Person, papers: Papers, pkp: PaperRules, issue: Callable
) -> None:
    topup = bank.pays(customer)
    issue(pkp)
    bank.says(topup, "partial_refund", 30_000)
    bank.says(topup, "partial_refund", 30_000)
    bank.says(topup, "refund", 100_000)
    issue(pkp)

    receipt, first, second = papers()
    assert [each.kind for each in (first, second)] == [PaperKind.CREDIT_NOTE] * 2
    assert [each.total for each in (first, second)] == [30_000, 70_000]
    assert {each.corrects_number for each in (first, second)} == {receipt.number}
    assert [each.number for each in (first, second)] == ["CRN-202611-000001", "CRN-202611-000002"]


def test_a_refund_gives_back_the_tax_of_the_charge_at_the_rate_of_then(
    shop: Shop, customer: Person, plan_id: PlanFinder, papers: Papers, pkp: PaperRules, issue: Callable
) -> None:
    mine = shop.order(customer, plan_id())
    issue(pkp)

    shop.cancel(customer, mine)
    issue(replace(pkp, ppn_rate=12))

    invoice, note = papers()
    assert (note.kind, note.corrects_id, note.corrects_number) == (
        PaperKind.CREDIT_NOTE,
        invoice.id,
        invoice.number,
    )
    assert (note.tax_rate, note.net, note.tax) == (11, invoice.net, invoice.tax)


def test_partial_refunds_of_one_charge_add_up_to_its_tax(
    app: Flask,
    shop: Shop,
    customer: Person,
    plan_id: PlanFinder,
    papers: Papers,
    pkp: PaperRules,
    issue: Callable,
) -> None:
    mine = shop.order(customer, plan_id())
    parts = [16_667, 16_667, 16_666]
    with app.app_context(), unit_of_work():
        for number, amount in enumerate(parts):
            posting = ledger.Posting(
                EntryType.REFUND,
                EntryKind.PERIOD_REFUND,
                f"{mine}:1:{number}",
                "A part",
                subscription_id=mine,
            )
            entry = ledger.credit(customer.id, amount, posting, actor=CLERK, at=shop.clock.now())
            opening.open_paper(entry, at=shop.clock.now())
    issue(pkp)

    invoice, *notes = papers()
    assert [note.corrects_id for note in notes] == [invoice.id] * 3
    assert sum(note.tax for note in notes) == invoice.tax
    with app.app_context():
        found = queries.get_paper(invoice.id, actor=customer.actor)
    assert (found.credited, found.status) == (50_000, PaperStatus.CANCELLED)


def test_one_entry_gets_one_paper_however_often_it_is_asked_for(
    app: Flask, shop: Shop, customer: Person, plan_id: PlanFinder, papers: Papers
) -> None:
    shop.order(customer, plan_id())
    with app.app_context(), unit_of_work():
        entry = session().scalars(select(LedgerEntry).where(LedgerEntry.kind == EntryKind.PERIOD)).one()
        ids = {opening.open_paper(entry, at=shop.clock.now()) for _ in range(3)}
        assert opening.open_missing(at=shop.clock.now()) == 0

    assert ids == {paper.id for paper in papers()}


def test_an_issued_paper_never_changes(
    app: Flask,
    shop: Shop,
    customer: Person,
    plan_id: PlanFinder,
    papers: Papers,
    pkp: PaperRules,
    issue: Callable,
) -> None:
    shop.order(customer, plan_id())
    changes = ({"total": 1}, {"tax": 0, "net": 50_000}, {"number": "INV-202611-000009"}, {"buyer": {}})
    with app.app_context():
        for change in ({"total": 1}, {"buyer": {"name": "Somebody else"}}):
            with pytest.raises(IntegrityError, match="never changes"), unit_of_work():
                session().execute(update(Paper).values(**change))
    issue(pkp)

    with app.app_context():
        for change in (*changes, {"seller": {}}, {"number": None}):
            with pytest.raises(IntegrityError, match="never changes"), unit_of_work():
                session().execute(update(Paper).values(**change))
        with pytest.raises(IntegrityError, match="never changes"), unit_of_work():
            session().execute(delete(Paper))
        with unit_of_work():
            queries.count_download(papers()[0].id)
    assert papers()[0].downloads == 1


def test_the_pdf_stays_the_same_whatever_customer_plan_and_settings_are_called_later(
    app: Flask,
    shop: Shop,
    customer: Person,
    plan_id: PlanFinder,
    papers: Papers,
    pkp: PaperRules,
    issue: Callable,
) -> None:
    shop.order(customer, plan_id())
    issue(pkp)
    before = draw(papers()[0])

    with app.app_context(), unit_of_work():
        session().execute(update(User).values(name="Somebody else"))
        session().execute(text("UPDATE plans SET name = 'Renamed'"))
    issue(replace(pkp, ppn_rate=0, language=Language.ENGLISH))

    assert draw(papers()[0]) == before


def test_a_month_has_series_of_its_own_in_jakarta_days(
    shop: Shop,
    customer: Person,
    bank: Bank,
    papers: Papers,
    pkp: PaperRules,
    issue: Callable,
    clock: FrozenClock,
) -> None:
    clock.set(datetime(2026, 11, 30, 16, 59, tzinfo=UTC))
    bank.pays(customer)
    issue(pkp)
    clock.set(datetime(2026, 11, 30, 17, 0, tzinfo=UTC))
    bank.pays(customer)
    bank.pays(customer)
    issue(pkp)

    assert [paper.number for paper in papers()] == [
        "RCP-202611-000001",
        "RCP-202612-000001",
        "RCP-202612-000002",
    ]


def test_charges_from_before_get_their_papers_once_originals_first(
    app: Flask,
    shop: Shop,
    customer: Person,
    plan_id: PlanFinder,
    papers: Papers,
    tick: Callable[[str], None],
    clock: FrozenClock,
) -> None:
    mine = shop.order(customer, plan_id())
    shop.cancel(customer, mine)
    with app.app_context(), unit_of_work():
        # As if it had been written before there were papers.
        session().execute(text("ALTER TABLE papers DISABLE TRIGGER papers_never_change"))
        session().execute(text("DELETE FROM papers"))
        session().execute(text("DELETE FROM outbox"))
        session().execute(text("ALTER TABLE papers ENABLE TRIGGER papers_never_change"))
    ordered_at = clock.now()
    clock.advance(days=40)

    tick("complete-papers")
    tick("complete-papers")

    invoice, note = papers()
    assert [each.number for each in (invoice, note)] == ["INV-202612-000001", "CRN-202612-000001"]
    assert note.corrects_number == invoice.number
    assert invoice.occurred_at == ordered_at
    assert invoice.issued_at == clock.now()


def test_more_than_one_batch_is_issued_in_the_order_of_the_entries(
    app: Flask, bank: Bank, customer: Person, papers: Papers, pkp: PaperRules, clock: FrozenClock
) -> None:
    for _ in range(5):
        bank.pays(customer)
    with app.app_context():
        while True:
            with unit_of_work():
                if not issuing.issue_waiting(rules=pkp, actor=CLERK, at=clock.now(), limit=2):
                    break

    assert [paper.position for paper in papers()] == [1, 2, 3, 4, 5]


def test_issuing_is_in_the_audit_book(
    app: Flask, bank: Bank, customer: Person, papers: Papers, pkp: PaperRules, issue: Callable
) -> None:
    bank.pays(customer)
    issue(pkp)

    with app.app_context():
        line = session().scalars(select(AuditEntry).where(AuditEntry.action == "paper.issued")).one()
        assert line.subject_id == str(papers()[0].id)
        assert line.details["number"] == "RCP-202611-000001"
        assert session().get_one(PaperCounter, "RCP-202611").last == 1


def test_papers_are_seen_by_their_owner_and_by_staff_once_they_have_a_number(
    app: Flask,
    bank: Bank,
    person: Callable[..., Person],
    administrator: Person,
    papers: Papers,
    pkp: PaperRules,
    issue: Callable,
) -> None:
    owner, other = person(), person()
    bank.pays(owner)
    [waiting] = papers()
    with app.app_context(), pytest.raises(NoSuchPaper):
        queries.get_paper(waiting.id, actor=owner.actor)
    issue(pkp)

    with app.app_context():
        assert queries.get_paper(waiting.id, actor=owner.actor).paper.id == waiting.id
        assert queries.get_paper(waiting.id, actor=administrator.actor).paper.id == waiting.id
        for look in (
            lambda: queries.get_paper(waiting.id, actor=other.actor),
            lambda: queries.list_papers(queries.PageRequest(), actor=other.actor, user_id=owner.id),
            lambda: queries.list_papers(queries.PageRequest(), actor=other.actor),
            lambda: queries.next_papers(queries.Filter(), after=None, limit=9, actor=other.actor),
        ):
            with pytest.raises(NoSuchPaper):
                look()


@pytest.mark.parametrize("type_", list(EntryType))
@pytest.mark.parametrize("amount", [0, 1_000])
def test_the_database_and_the_rule_agree_on_what_deserves_a_paper(
    app: Flask, customer: Person, papers: Papers, clock: FrozenClock, type_: EntryType, amount: int
) -> None:
    with app.app_context(), unit_of_work():
        posting = ledger.Posting(type_, EntryKind.ADJUSTMENT, "one of each", "An entry")
        entry = ledger.debit(customer.id, amount, posting, actor=CLERK, at=clock.now())
        opening.open_missing(at=clock.now())

    assert [paper.kind for paper in papers()] == list(filter(None, [opening.kind_for(entry)]))
