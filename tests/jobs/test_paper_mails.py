"""Mails carry their papers: drawn when the mail leaves, numbered first if nobody was faster."""

import io
import uuid
from collections.abc import Callable
from typing import Any

import pytest
import requests
from flask import Flask
from pypdf import PdfReader
from sqlalchemy import select

from minispod.instances.provisioning import Outcome, OutcomeKind, WorkOrder
from minispod.instances.states import InstanceStatus, Wanted
from minispod.kernel.actor import system
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.outbox import OutboxRow
from minispod.kernel.tasks import Task
from minispod.kernel.unit_of_work import unit_of_work
from minispod.rules import business_rules, cluster_rules
from minispod.subscriptions import fulfilment
from tests.domain.papers.conftest import Bank
from tests.plugins.app import Person
from tests.plugins.shop import Shop
from tests.plugins.simulators import Simulator


@pytest.fixture
def received(mailbox: Simulator) -> Callable[[Person, str], dict[str, Any]]:
    """The one mail of a kind that a person got."""

    def look(who: Person, kind: str) -> dict[str, Any]:
        answer = requests.get(f"{mailbox['http']}/api/messages", params={"to": who.email}, timeout=5)
        header = {"name": "X-MinisPod-Kind", "value": kind}
        [mail] = [each for each in answer.json()["messages"] if header in each["headers"]]
        return dict(mail)

    return look


def names(mail: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["name"], each["content_type"]) for each in mail["attachments"]]


def test_the_receipt_of_a_topup_is_attached_and_can_be_read(
    app: Flask,
    customer: Person,
    clock: FrozenClock,
    run_jobs: Callable[..., int],
    mailbox: Simulator,
    received: Callable[[Person, str], dict[str, Any]],
) -> None:
    topup = Bank(app, clock).pays(customer)

    run_jobs()

    mail = received(customer, "topup_receipt")
    assert names(mail) == [("receipt-RCP-202611-000001.pdf", "application/pdf")]
    assert "Attached: RCP-202611-000001" in mail["text"]
    assert "RCP-202611-000001" in mail["html"]
    file = requests.get(f"{mailbox['http']}/messages/{mail['id']}/attachments/1", timeout=5).content
    text = PdfReader(io.BytesIO(file)).pages[0].extract_text()
    assert "Rp 100.000" in text
    assert topup.custom_id in text


def test_a_mail_that_leaves_first_numbers_its_paper_itself(
    app: Flask,
    customer: Person,
    clock: FrozenClock,
    run_jobs: Callable[..., int],
    received: Callable[[Person, str], dict[str, Any]],
) -> None:
    Bank(app, clock).pays(customer)
    with app.app_context(), unit_of_work():
        for row in session().scalars(select(OutboxRow).where(OutboxRow.task == Task.ISSUE_PAPERS.value)):
            session().delete(row)

    run_jobs()

    assert names(received(customer, "topup_receipt")) == [
        ("receipt-RCP-202611-000001.pdf", "application/pdf")
    ]
    with app.app_context():
        assert session().scalars(select(OutboxRow)).all() == []


def test_renewals_carry_the_invoice_and_refunds_the_credit_note(
    shop: Shop,
    customer: Person,
    plan_id: Callable[..., uuid.UUID],
    run_jobs: Callable[..., int],
    advance: Callable[..., Any],
    received: Callable[[Person, str], dict[str, Any]],
) -> None:
    mine = shop.order(customer, plan_id())
    run_jobs()
    advance(days=31)
    shop.cancel(customer, mine)
    run_jobs()

    assert names(received(customer, "renewed")) == [("invoice-INV-202612-000001.pdf", "application/pdf")]
    assert [name for name, _ in names(received(customer, "cancelled"))] == [
        "credit-note-CRN-202612-000001.pdf",
        "credit-note-CRN-202612-000002.pdf",
    ]
    assert names(received(customer, "welcome")) == []


def test_a_change_of_plan_its_return_and_a_refund_carry_their_papers(
    shop: Shop,
    person: Callable[..., Person],
    administrator: Person,
    plan_id: Callable[..., uuid.UUID],
    run_jobs: Callable[..., int],
    received: Callable[[Person, str], dict[str, Any]],
) -> None:
    failing, moving = person(credit=900_000), person(credit=900_000)
    basic, pro = plan_id(), plan_id("n8n-automation", "PRO")
    for owner in (failing, moving):
        mine = shop.order(owner, basic)
        shop.put(mine, status=InstanceStatus.RUNNING, first_ran_at=shop.clock.now())
        shop.upgrade(owner, mine, pro)
        if owner is failing:
            shop.gives_up(mine)
        else:
            shop.runs(mine)
            shop.refund(administrator, mine, 7_000)
    run_jobs()

    def attached(owner: Person, kind: str) -> list[str]:
        return [name for name, _ in names(received(owner, kind))]

    upgrades = [attached(owner, "plan_changed") for owner in (failing, moving)]
    assert upgrades == [["invoice-INV-202611-000002.pdf"], ["invoice-INV-202611-000004.pdf"]]
    assert attached(failing, "plan_change_returned") == ["credit-note-CRN-202611-000001.pdf"]
    assert attached(moving, "refunded") == ["credit-note-CRN-202611-000002.pdf"]


def test_a_move_to_a_cheaper_plan_carries_its_credit_note(
    shop: Shop,
    person: Callable[..., Person],
    administrator: Person,
    plan_id: Callable[..., uuid.UUID],
    run_jobs: Callable[..., int],
    received: Callable[[Person, str], dict[str, Any]],
) -> None:
    owner = person(credit=900_000)
    mine = shop.order(owner, plan_id("n8n-automation", "PRO"))
    shop.put(mine, status=InstanceStatus.RUNNING, first_ran_at=shop.clock.now())

    shop.change_plan(administrator, mine, plan_id())
    run_jobs()

    assert names(received(owner, "plan_changed")) == [
        ("credit-note-CRN-202611-000001.pdf", "application/pdf")
    ]


def test_the_mail_about_a_running_instance_carries_the_invoice_of_the_order(
    shop: Shop,
    customer: Person,
    plan_id: Callable[..., uuid.UUID],
    run_jobs: Callable[..., int],
    received: Callable[[Person, str], dict[str, Any]],
) -> None:
    mine = shop.order(customer, plan_id())
    shop.put(mine, status=InstanceStatus.STARTING)
    _, instance = shop.look(mine)
    order = WorkOrder(
        instance.id, instance.generation, Wanted.RUNNING, instance.namespace, instance.name, objects=[]
    )
    with shop.app.app_context(), unit_of_work():
        fulfilment.conclude(
            order,
            Outcome(OutcomeKind.DONE),
            rules=cluster_rules(shop.settings),
            zone=business_rules(shop.settings).zone,
            actor=system("tests"),
            at=shop.clock.now(),
        )

    run_jobs()

    assert names(received(customer, "instance_ready")) == [
        ("invoice-INV-202611-000001.pdf", "application/pdf")
    ]
