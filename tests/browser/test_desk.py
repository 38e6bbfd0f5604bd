"""What people do at the desk in a browser: answer tickets, change a price, look at mails, have a job run."""

import re
import uuid

import pytest
from flask import Flask
from playwright.sync_api import expect
from sqlalchemy import func, select

from minispod.catalog.models import Plan
from minispod.kernel.database import session
from minispod.kernel.outbox import OutboxRow
from minispod.kernel.tasks import Task
from minispod.tickets.models import Ticket, TicketMessage
from minispod.tickets.states import TicketStatus
from tests.browser.chromium import Tab
from tests.plugins.scene import Scene

pytestmark = pytest.mark.timeout(300)


def test_the_oldest_ticket_is_answered_in_four_steps(tab: Tab, app: Flask, ids: dict[str, str]) -> None:
    page = tab.page
    tab.go("/admin/")

    page.get_by_role("link", name="Tickets", exact=True).click()
    page.locator("#list tbody tr").first.get_by_role("link", name=re.compile("^#")).click()
    page.get_by_role("textbox", name="Answer").fill("It runs again.")
    page.get_by_role("button", name="Send", exact=True).click()

    expect(page.locator("#outcomes")).to_contain_text("Your answer is sent.")
    expect(page.locator(".conversation")).to_contain_text("It runs again.")
    with app.app_context():
        wanted = select(TicketMessage).where(TicketMessage.ticket_id == uuid.UUID(ids["ticket_id"]))
        written = session().scalars(wanted.order_by(TicketMessage.number.desc())).first()
        assert written is not None
        assert (written.content, written.is_admin_reply) == ("It runs again.", True)
    assert tab.wrongs + tab.forbidden() == []


def test_a_canned_answer_comes_below_what_was_typed(tab: Tab, ids: dict[str, str]) -> None:
    page = tab.page
    tab.go(f"/admin/tickets/{ids['ticket_id']}")
    page.get_by_role("textbox", name="Answer").fill("One moment.")

    page.get_by_role("combobox", name="Canned answer").select_option("It runs again")
    page.get_by_role("button", name="Insert in Indonesian").click()

    answer = page.get_by_role("textbox", name="Answer")
    expect(answer).to_have_value(re.compile(r"^One moment\.\n\nYth\. Siti Rahma,\n"))
    expect(page).to_have_url(re.compile(rf"/admin/tickets/{ids['ticket_id']}$"))
    expect(page.get_by_role("combobox", name="Canned answer")).to_have_value(ids["canned_id"])
    page.get_by_role("button", name="Send and close").click()
    expect(page.locator(".conversation")).to_contain_text("Yth. Siti Rahma")
    expect(page.get_by_role("button", name="Reopen")).to_be_visible()
    assert tab.wrongs + tab.forbidden() == []


def test_the_ticked_tickets_are_closed_after_a_question(tab: Tab, app: Flask) -> None:
    page = tab.page
    tab.go("/admin/tickets")
    before = page.locator("#list tbody tr").count()

    page.get_by_role("checkbox").first.check()
    page.get_by_role("button", name="Close the ticked ones").click()
    page.get_by_role("dialog", name="Close the ticked tickets?").get_by_role(
        "button", name="Close them"
    ).click()

    expect(page.locator("#outcomes")).to_contain_text("Closed: #")
    expect(page.locator("#list tbody tr")).to_have_count(before - 1)
    with app.app_context():
        closed = select(func.count()).select_from(Ticket).where(Ticket.status == TicketStatus.CLOSED)
        assert session().scalar(closed) == 2
    assert tab.wrongs + tab.forbidden() == []


def test_a_price_for_new_customers_is_changed_in_four_steps(tab: Tab, app: Flask, scene: Scene) -> None:
    page = tab.page
    tab.go("/admin/")

    page.get_by_role("link", name="Catalogue", exact=True).click()
    page.locator("tr", has_text="Ghost Blog").get_by_role("link", name="Creator").click()
    page.get_by_label("New price a month in rupiah").fill("82.500")
    page.get_by_role("button", name="For new customers").click()

    expect(page.locator("#outcomes")).to_contain_text("existing ones keep theirs")
    expect(page.locator("main")).to_contain_text("75,000")  # what they pay
    with app.app_context():
        assert session().scalar(select(Plan.name).where(Plan.monthly_price == 82_500)) == "Creator"
    assert tab.wrongs + tab.forbidden() == []


def test_a_mail_is_seen_in_a_frame_that_may_do_nothing(tab: Tab, ids: dict[str, str]) -> None:
    page = tab.page
    tab.go(f"/admin/messages/{ids['message_id']}")

    frame = page.frame_locator("iframe.letter")

    expect(frame.locator("body")).to_contain_text("Halo Siti")
    expect(page.locator(".letter-text")).to_contain_text("Halo Siti")
    assert page.locator("iframe.letter").get_attribute("sandbox") == ""
    page.get_by_role("button", name="Send again").click()
    page.get_by_role("dialog").get_by_role("button", name="Send again").click()
    expect(page.locator("#outcomes")).to_contain_text("on its way once more")
    assert tab.wrongs + tab.forbidden() == []


def test_a_job_runs_once_however_often_it_is_pressed(tab: Tab, app: Flask) -> None:
    page = tab.page
    tab.go("/admin/work")

    tab.press_twice(page.get_by_role("button", name="Run clean-up"))

    expect(page.locator("tr", has_text="clean-up")).to_contain_text("on the queue")
    with app.app_context():
        asked = select(func.count()).select_from(OutboxRow).where(OutboxRow.task == Task.RUN_PERIODIC.value)
        assert session().scalar(asked) == 1
    assert tab.wrongs + tab.forbidden() == []


def test_a_list_is_sorted_by_the_head_of_a_column(tab: Tab) -> None:
    page = tab.page
    tab.go("/admin/catalogue")

    page.get_by_role("link", name="Service", exact=True).click()

    expect(page).to_have_url(re.compile("sort=-name"))
    expect(page.locator("#list tbody tr").first).to_contain_text("WordPress")
    expect(page.locator('th[aria-sort="descending"]')).to_have_text("Service")
    page.get_by_role("searchbox").fill("n8n")
    expect(page.locator("#list tbody tr")).to_have_count(1)
    expect(page).to_have_url(re.compile(r"\?(?=.*\bq=n8n\b).*\bsort=-name\b"))
    assert tab.wrongs + tab.forbidden() == []
