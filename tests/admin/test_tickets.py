"""Tickets on the pages: the queue in its order, one with its customer beside it, and what staff do with them."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from minispod.audit.models import AuditEntry
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.notifications.models import Notification
from minispod.tickets.models import CannedAnswer, Ticket
from minispod.tickets.states import TicketPriority, TicketStatus
from tests.admin.conftest import Browser
from tests.admin.shop import Shop
from tests.factories.pictures import picture
from tests.factories.statements import asked
from tests.factories.tickets import answer, open_ticket, send_files, write
from tests.plugins.app import Person, data_of

QUEUE = "/admin/tickets"
NEW = "/admin/tickets/canned/new"
CANNED = {
    "name": "Looking",
    "text_en": "Dear {customer}, we look at {instance} ({number}). {staff}",
    "text_id": "Yth. {customer}, kami memeriksa {instance} ({number}). {staff}",
}


def codes(text: str) -> list[str]:
    """The numbers of the tickets of a list, in its order."""
    return re.findall(r'href="/admin/tickets/[0-9a-f-]{36}">(#\d+) ', text)


def ticket_of(app: Flask, ticket: Any) -> Ticket:
    with app.app_context():
        found = session().get(Ticket, ticket["id"], populate_existing=True)
        assert found is not None
        session().expunge_all()
        return found


def actions(app: Flask, subject_kind: str) -> list[str]:
    with app.app_context():
        wanted = select(AuditEntry.action).where(AuditEntry.subject_kind == subject_kind)
        return list(session().scalars(wanted.order_by(AuditEntry.id)))


@pytest.fixture
def tickets(
    client: FlaskClient, customer: Person, administrator: Person, clock: FrozenClock
) -> dict[str, Any]:
    """Four tickets: an answered one, an old one that waits, an urgent one, and one that waits again."""
    found = {"answered": open_ticket(client, customer, "Answered already")}
    clock.advance(minutes=1)
    found["old"] = open_ticket(client, customer, "Waits for long")
    clock.advance(minutes=1)
    found["again"] = open_ticket(client, customer, "Waits again", priority="LOW")
    for name in ("answered", "again"):
        answer(client, administrator, found[name])
    clock.advance(minutes=5)
    write(client, customer, found["again"], "It is not solved.")
    clock.advance(minutes=1)
    found["urgent"] = open_ticket(client, customer, "Nothing works", priority="HIGH")
    clock.advance(minutes=1)
    return found


def numbers(tickets: dict[str, Any], *names: str) -> list[str]:
    return [tickets[name]["ticketNumber"] for name in names]


def test_the_queue_is_in_the_order_of_the_work(browser: Browser, tickets: dict[str, Any]) -> None:
    text = browser.shown(QUEUE)

    # Due after 8, 24 and 48 hours; what does not wait for us comes last.
    assert codes(text) == numbers(tickets, "urgent", "old", "again", "answered")
    assert 'class="figure-value" href="/admin/tickets">3</a>' in text
    assert codes(browser.shown(f"{QUEUE}?sort=-number")) == numbers(
        tickets, "urgent", "again", "old", "answered"
    )
    assert codes(browser.shown(f"{QUEUE}?priority=HIGH")) == numbers(tickets, "urgent")
    assert codes(browser.shown(f"{QUEUE}?q=Waits&sort=nonsense")) == numbers(tickets, "old", "again")
    fragment = browser.fragment(f"{QUEUE}?q=again").text
    assert "<html" not in fragment
    assert codes(fragment) == numbers(tickets, "again")


def test_what_is_overdue_says_so(
    browser: Browser, tickets: dict[str, Any], clock: FrozenClock, administrator: Person
) -> None:
    assert "answer was due" not in browser.shown(QUEUE)

    clock.advance(hours=9)
    browser.sign_in(administrator.email)

    assert "answer was due" in browser.shown(QUEUE)
    assert 'class="figure bad"' in browser.shown(QUEUE)


def test_a_closed_ticket_waits_only_when_its_customer_writes_again(
    browser: Browser, client: FlaskClient, customer: Person, tickets: dict[str, Any], clock: FrozenClock
) -> None:
    browser.shown(QUEUE)
    browser.post(f"{QUEUE}/{tickets['old']['id']}/close")
    assert codes(browser.shown(QUEUE)) == numbers(tickets, "urgent", "again", "answered")
    assert len(codes(browser.shown(f"{QUEUE}?view=all"))) == 4

    clock.advance(minutes=1)
    write(client, customer, tickets["old"], "It is back.")

    assert numbers(tickets, "old")[0] in codes(browser.shown(QUEUE))
    browser.shown(f"{QUEUE}/{tickets['old']['id']}")  # read: it does not wait any more
    assert numbers(tickets, "old")[0] not in codes(browser.shown(QUEUE))


def test_a_ticket_is_answered_and_read(
    browser: Browser, app: Flask, tickets: dict[str, Any], clock: FrozenClock
) -> None:
    page = f"{QUEUE}/{tickets['old']['id']}"
    text = browser.shown(page)
    assert "It does not open since this morning." in text
    assert f"Next: {tickets['urgent']['ticketNumber']}" in text
    assert ticket_of(app, tickets["old"]).staff_read == 0

    sent = browser.post(f"{page}/answer", page, content="  Please try again.\r\nThank you. ")

    assert (sent.status_code, sent.location) == (303, page)
    assert "Please try again.\nThank you." in browser.shown(page)
    row = ticket_of(app, tickets["old"])
    assert (row.status, row.first_answered_at) == (TicketStatus.IN_PROGRESS, clock.now())
    with app.app_context():
        mails = session().scalars(
            select(Notification).where(Notification.dedupe_key.startswith("ticket_answered:"))
        )
        assert [each.facts["answer"] for each in mails][-1] == "Please try again.\nThank you."


def test_an_answer_sent_twice_is_given_once(browser: Browser, app: Flask, tickets: dict[str, Any]) -> None:
    page = f"{QUEUE}/{tickets['old']['id']}"
    found = re.search(r'name="key" value="([0-9a-f-]{36})"', browser.shown(page))
    sent = {"content": "Please try again.", "key": found[1] if found else "", "then": "close"}

    answers = [browser.post(f"{page}/answer", page, **sent) for _ in range(2)]

    assert [each.location for each in answers] == [page, page]
    assert ticket_of(app, tickets["old"]).message_count == 1
    with app.app_context():
        mails = session().scalars(select(Notification).where(Notification.kind == "ticket_answered"))
        assert [each.facts["answer"] for each in mails].count("Please try again.") == 1
    other = f"{QUEUE}/{tickets['urgent']['id']}"
    assert browser.post(f"{other}/answer", other, **sent).status_code == 400
    assert ticket_of(app, tickets["urgent"]).message_count == 0


def test_an_answer_that_closes_says_so_in_its_mail(
    browser: Browser, app: Flask, tickets: dict[str, Any]
) -> None:
    page = f"{QUEUE}/{tickets['old']['id']}"
    browser.shown(page)

    browser.post(f"{page}/answer", page, content="Done.", then="close")

    assert ticket_of(app, tickets["old"]).status is TicketStatus.CLOSED
    with app.app_context():
        mail = session().scalars(select(Notification).order_by(Notification.id.desc())).first()
        assert mail is not None
        assert (mail.facts["answer"], mail.facts["is_closed"]) == ("Done.", True)


def test_an_empty_answer_closes_nothing(browser: Browser, app: Flask, tickets: dict[str, Any]) -> None:
    page = f"{QUEUE}/{tickets['old']['id']}"
    browser.shown(page)

    refused = browser.post(f"{page}/answer", page, content=" \n ", then="close")
    too_long = browser.post(f"{page}/answer", page, content="x" * 2001)

    assert refused.status_code == too_long.status_code == 400
    assert "Write between 1 and 2,000 characters." in refused.text
    assert "x" * 2001 in too_long.text
    row = ticket_of(app, tickets["old"])
    assert (row.status, row.message_count) == (TicketStatus.OPEN, 0)


def test_priority_close_and_reopen(browser: Browser, app: Flask, tickets: dict[str, Any]) -> None:
    page = f"{QUEUE}/{tickets['old']['id']}"
    browser.shown(page)

    browser.post(f"{page}/priority", page, priority="CRITICAL")
    browser.post(f"{page}/close", page)
    browser.post(f"{page}/close", page)
    assert ticket_of(app, tickets["old"]).status is TicketStatus.CLOSED
    assert "Closed" in browser.shown(page)
    browser.post(f"{page}/reopen", page)
    browser.post(f"{page}/priority", page, priority="NONSENSE")

    row = ticket_of(app, tickets["old"])
    assert (row.status, row.priority) == (TicketStatus.OPEN, TicketPriority.CRITICAL)
    assert row.answer_due_at - row.created_at == TicketPriority.CRITICAL.answer_within
    assert actions(app, "ticket")[-3:] == ["ticket.priority_changed", "ticket.closed", "ticket.reopened"]


def test_several_are_closed_at_once(browser: Browser, app: Flask, tickets: dict[str, Any]) -> None:
    browser.shown(QUEUE)
    ids = [tickets["old"]["id"], tickets["urgent"]["id"], "nonsense"]

    browser.client.post(
        f"{QUEUE}/close",
        data={"csrf_token": browser.token, "ticket": ids},
        headers={"Referer": f"http://localhost{QUEUE}"},
    )

    text = browser.shown(QUEUE)
    assert f"Closed: {', '.join(sorted(numbers(tickets, 'old', 'urgent')))}." in text
    assert 'class="message bad"' in text
    assert codes(text) == numbers(tickets, "again", "answered")
    browser.post(f"{QUEUE}/close", QUEUE)
    assert "Tick the tickets to close first." in browser.shown(QUEUE)


def test_the_customer_stands_beside(
    browser: Browser, client: FlaskClient, shop: Shop, tickets: dict[str, Any]
) -> None:
    mine = open_ticket(client, shop.customer, "About n8n", instanceId=str(shop.instance.id))

    text = browser.shown(f"{QUEUE}/{mine['id']}")

    assert f'href="/admin/instances/{shop.instance.id}">{shop.instance.name}' in text
    assert f'href="/admin/subscriptions/{shop.subscription.id}"' in text
    assert "Rp\u00a0" in text
    assert f'href="/admin/tickets/{tickets["urgent"]["id"]}"' in text


def test_a_canned_answer_is_filled_from_the_ticket(
    browser: Browser, app: Flask, client: FlaskClient, shop: Shop, administrator: Person
) -> None:
    mine = open_ticket(client, shop.customer, "About {staff}", instanceId=str(shop.instance.id))
    browser.shown(NEW)
    assert browser.post(NEW, NEW, **CANNED).location == "/admin/tickets/canned"
    with app.app_context():
        canned_id = str(session().scalars(select(CannedAnswer.id)).one())
    page = f"{QUEUE}/{mine['id']}"
    browser.shown(page)

    whole = browser.post(f"{page}/fill", page, canned=canned_id, language="id", content="Typed before.")
    part = browser.client.post(
        f"{page}/fill",
        data={"csrf_token": browser.token, "canned": canned_id, "language": "en"},
        headers={"HX-Request": "true"},
    )

    filled = f"Yth. {shop.customer.actor.name}, kami memeriksa {shop.instance.name} ({mine['ticketNumber']})."
    assert f"Typed before.\n\n{filled}" in whole.text
    assert part.text.lstrip().startswith('<form id="answer"')
    assert f"Dear {shop.customer.actor.name}, we look at {shop.instance.name}" in part.text
    assert ticket_of(app, mine).message_count == 0


def test_what_nobody_was_shown_is_not_read(
    browser: Browser, app: Flask, client: FlaskClient, customer: Person, tickets: dict[str, Any]
) -> None:
    browser.shown(NEW)
    browser.post(NEW, NEW, **CANNED)
    with app.app_context():
        canned_id = str(session().scalars(select(CannedAnswer.id)).one())
    page = f"{QUEUE}/{tickets['old']['id']}"
    browser.shown(page)
    write(client, customer, tickets["old"], "One thing more.")

    part = browser.client.post(
        f"{page}/fill",
        data={"csrf_token": browser.token, "canned": canned_id, "language": "en"},
        headers={"HX-Request": "true"},
    )

    assert "One thing more." not in part.text
    assert ticket_of(app, tickets["old"]).staff_read == 0
    assert "One thing more." in browser.shown(page)
    assert ticket_of(app, tickets["old"]).staff_read == 1


@pytest.mark.parametrize(
    ("field", "text", "told"),
    [
        ("name", " ", "Give it a name"),
        ("text_en", "", "Write the English text"),
        ("text_id", "Halo {nobody}", "{nobody}"),
        ("text_en", "x" * 2001, "at most 2000"),
    ],
)
def test_a_canned_answer_that_cannot_be_kept(
    browser: Browser, app: Flask, field: str, text: str, told: str
) -> None:
    browser.shown(NEW)

    refused = browser.post(NEW, NEW, **{**CANNED, field: text})

    assert refused.status_code == 400
    assert told in refused.text
    with app.app_context():
        assert session().scalars(select(CannedAnswer)).all() == []


def test_canned_answers_are_kept_and_booked(browser: Browser, app: Flask) -> None:
    browser.shown(NEW)
    browser.post(NEW, NEW, **CANNED)
    assert browser.post(NEW, NEW, **CANNED).status_code == 400  # the name is taken
    browser.post(NEW, NEW, **{**CANNED, "name": "Other"})
    with app.app_context():
        ids = {row.name: str(row.id) for row in session().scalars(select(CannedAnswer))}
    one = f"/admin/tickets/canned/{ids['Looking']}"

    assert "Yth. {customer}" in browser.shown(one)
    browser.post(one, one, **{**CANNED, "text_en": "Hello {customer}"})
    assert browser.post(one, one, **{**CANNED, "name": "Other"}).status_code == 400
    assert "Hello {customer}" in browser.shown("/admin/tickets/canned")
    browser.post(f"{one}/remove", one)

    assert browser.get(one).status_code == 404
    assert actions(app, "canned_answer") == [
        "canned_answer.added",
        "canned_answer.added",
        "canned_answer.changed",
        "canned_answer.removed",
    ]


def test_pictures_are_served_to_staff_only(
    browser: Browser, client: FlaskClient, customer: Person, stranger: Callable[[], Browser]
) -> None:
    ticket = data_of(send_files(client, customer, [("screen.png", picture())]), 201)
    path = f"/admin/tickets/attachments/{ticket['attachments'][0]['id']}"
    assert f'<img src="{path}"' in browser.shown(f"{QUEUE}/{ticket['id']}")

    answer = browser.client.get(path)

    assert (answer.status_code, answer.content_type) == (200, "image/png")
    assert answer.headers["Content-Disposition"] == "attachment; filename=screen.png"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert stranger().get(path).status_code == 303
    assert client.get(path, headers=customer.headers).status_code == 303
    assert browser.get(path[:-4] + "0000").status_code == 404


def test_a_long_queue_asks_no_more_than_a_short_one(
    browser: Browser, client: FlaskClient, customer: Person, tickets: dict[str, Any]
) -> None:
    page = f"{QUEUE}/{tickets['old']['id']}"
    counts = []
    browser.shown(page)
    for _ in range(2):
        with asked() as in_list:
            browser.shown(QUEUE)
        with asked() as in_one:
            browser.shown(page)
        counts.append((len(in_list), len(in_one)))
        for number in range(6):
            write(client, customer, open_ticket(client, customer, f"More {number}"))
            write(client, customer, tickets["old"])
        browser.shown(page)

    assert counts[0] == counts[1]
