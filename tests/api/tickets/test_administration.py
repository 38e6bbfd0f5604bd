"""Tickets for administrators: the lists, answering with a mail, closing and reopening as the pages do, many at once."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from minispod.audit.models import AuditEntry
from minispod.kernel.actor import Role
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.notifications.models import Notification
from tests.factories.statements import asked
from tests.factories.tickets import JSON, answer, open_ticket, show, write
from tests.plugins.app import Person, data_of, refused
from tests.plugins.simulators import Simulator

ADMIN = "/api/admin/tickets"


@pytest.fixture
def ticket(client: FlaskClient, customer: Person) -> Any:
    """A ticket of the customer's."""
    return open_ticket(client, customer)


def acts_on(app: Flask, ticket: Any) -> list[str]:
    with app.app_context():
        wanted = select(AuditEntry.action).where(AuditEntry.subject_id == ticket["id"])
        return list(session().scalars(wanted.order_by(AuditEntry.id)))


def test_customers_and_visitors_stay_out(client: FlaskClient, customer: Person, ticket: Any) -> None:
    for method, path in (
        ("GET", ""),
        ("GET", "/stats"),
        ("GET", f"/{ticket['id']}"),
        ("GET", f"/user/{customer.id}"),
        ("GET", f"/attachments/{uuid.uuid4()}"),
        ("PUT", "/bulk/close"),
        ("POST", f"/{ticket['id']}/messages"),
        ("PUT", f"/{ticket['id']}/close"),
        ("POST", f"/{ticket['id']}/close"),
        ("PUT", f"/{ticket['id']}/reopen"),
        ("POST", f"/{ticket['id']}/reopen"),
        ("PATCH", f"/{ticket['id']}/status"),
        ("PATCH", f"/{ticket['id']}/priority"),
    ):
        refused(
            client.open(ADMIN + path, method=method, headers=customer.headers), 403, "accounts.staff_only"
        )
        refused(client.open(ADMIN + path, method=method), 401, "unauthenticated")


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_closing_and_reopening_send_nothing_and_may_be_repeated(
    app: Flask, client: FlaskClient, administrator: Person, ticket: Any, clock: FrozenClock, method: str
) -> None:
    def press(what: str) -> Any:
        path = f"{ADMIN}/{ticket['id']}/{what}"
        return data_of(client.open(path, method=method, content_type=JSON, headers=administrator.headers))

    closed = press("close")
    clock.advance(minutes=1)
    again = press("close")
    opened = press("reopen")
    press("reopen")

    assert (closed["status"], closed["closedBy"]) == ("CLOSED", str(administrator.id))
    assert closed["closedByName"] == "Ayu Admin"
    assert again["closedAt"] == closed["closedAt"]
    assert (opened["status"], opened["closedAt"], opened["closedBy"]) == ("OPEN", None, None)
    assert acts_on(app, ticket) == ["ticket.opened", "ticket.closed", "ticket.reopened"]


def test_a_ticket_goes_to_any_status(client: FlaskClient, administrator: Person, ticket: Any) -> None:
    def patch(status: Any) -> Any:
        path = f"{ADMIN}/{ticket['id']}/status"
        return client.patch(path, json={"status": status}, headers=administrator.headers)

    for status in ("IN_PROGRESS", "CLOSED", "IN_PROGRESS", "OPEN", "CLOSED", "OPEN", "OPEN"):
        turned = data_of(patch(status))
        assert turned["status"] == status
        assert (turned["closedAt"] is None) is (status != "CLOSED")
    for bad in ("DONE", "", None, 1):
        assert "status" in refused(patch(bad), 400, "request.invalid")["errors"]
    nowhere = f"{ADMIN}/{uuid.uuid4()}/status"
    answered = client.patch(nowhere, json={"status": "OPEN"}, headers=administrator.headers)
    refused(answered, 404, "tickets.no_such_ticket")


def test_reopening_does_not_put_back_what_is_in_progress(
    client: FlaskClient, administrator: Person, ticket: Any
) -> None:
    answer(client, administrator, ticket)

    answered = client.put(f"{ADMIN}/{ticket['id']}/reopen", headers=administrator.headers)

    assert data_of(answered)["status"] == "IN_PROGRESS"


def test_an_answer_takes_the_ticket_up_and_is_mailed_once(
    app: Flask,
    client: FlaskClient,
    customer: Person,
    administrator: Person,
    ticket: Any,
    clock: FrozenClock,
    mailbox: Simulator,
    run_jobs: Callable[[], int],
) -> None:
    clock.advance(minutes=30)
    first = answer(client, administrator, ticket, "Coba muat ulang <b>halaman</b>.")
    clock.advance(minutes=30)
    answer(client, administrator, ticket, "Any better?")
    write(client, customer, ticket, "Yes, thanks")
    run_jobs()
    run_jobs()

    shown = show(client, administrator, ticket, door="admin/tickets")
    assert (first["isAdminReply"], first["author"]["role"]) == (True, "ADMINISTRATOR")
    assert shown["status"] == "IN_PROGRESS"
    assert shown["firstAnsweredAt"] == first["createdAt"]
    with app.app_context():
        wanted = select(Notification).where(Notification.kind == "ticket_answered").order_by(Notification.id)
        mails = session().scalars(wanted).all()
        assert [(mail.to_address, mail.facts["answer"], mail.state) for mail in mails] == [
            (customer.email, "Coba muat ulang <b>halaman</b>.", "SENT"),
            (customer.email, "Any better?", "SENT"),
        ]
    assert acts_on(app, ticket) == ["ticket.opened", "ticket.answered", "ticket.answered", "ticket.written"]


def test_an_answer_to_a_closed_ticket_leaves_it_closed(
    client: FlaskClient, administrator: Person, ticket: Any
) -> None:
    client.put(f"{ADMIN}/{ticket['id']}/close", headers=administrator.headers)
    answer(client, administrator, ticket)

    assert show(client, administrator, ticket, door="admin/tickets")["status"] == "CLOSED"


def test_lists_of_staff_are_filtered_and_search_in_owners(
    client: FlaskClient, customer: Person, administrator: Person, person: Callable[..., Person], ticket: Any
) -> None:
    other = person(name="Budi Santoso")
    theirs = open_ticket(client, other, "Printer on fire")

    def found(path: str) -> list[str]:
        listed = data_of(client.get(ADMIN + path, headers=administrator.headers))
        return [each["ticketNumber"] for each in listed["tickets"]]

    assert found("") == ["#002", "#001"]
    assert found(f"?userId={other.id}") == found(f"/user/{other.id}") == ["#002"]
    assert found("?userId=") == ["#002", "#001"]
    assert found("?search=budi") == found(f"?search={other.email.upper()}") == ["#002"]
    assert found("?search=on+fire") == ["#002"]
    assert found("?unread=true") == ["#002", "#001"]
    show(client, administrator, theirs, door="admin/tickets")
    assert found("?unread=true") == ["#001"]
    assert found(f"/user/{uuid.uuid4()}") == []
    assert client.get(f"{ADMIN}?userId=nonsense", headers=administrator.headers).status_code == 404
    # A customer finds nothing by other people's names, not even by the own one.
    mine = data_of(client.get("/api/tickets?search=rahma", headers=customer.headers))["tickets"]
    assert mine == []


def test_a_priority_moves_the_first_answers_time(
    client: FlaskClient, administrator: Person, ticket: Any
) -> None:
    def put(priority: Any) -> Any:
        path = f"{ADMIN}/{ticket['id']}/priority"
        return client.patch(path, json={"priority": priority}, headers=administrator.headers)

    assert ticket["answerDueAt"] == "2026-11-21T03:00:00.000Z"
    critical = data_of(put("CRITICAL"))
    assert (critical["priority"], critical["answerDueAt"]) == ("CRITICAL", "2026-11-20T05:00:00.000Z")
    assert data_of(put("LOW"))["answerDueAt"] == "2026-11-22T03:00:00.000Z"
    refused(put("URGENT"), 400, "request.invalid")


def test_many_are_closed_at_once(client: FlaskClient, customer: Person, administrator: Person) -> None:
    made = [open_ticket(client, customer)["id"] for _ in range(3)]
    client.put(f"{ADMIN}/{made[0]}/close", headers=administrator.headers)
    nobodys = str(uuid.uuid4())

    body = {"ticketIds": [made[2], made[0], made[2], nobodys, "nonsense"]}
    done = data_of(client.put(f"{ADMIN}/bulk/close", json=body, headers=administrator.headers))

    assert (done["processed"], done["successful"], done["failed"]) == (4, 2, 2)
    assert [each["ticketNumber"] for each in done["results"]] == ["#001", "#003"]
    assert {each["ticketId"]: each["code"] for each in done["errors"]} == {
        nobodys: "tickets.no_such_ticket",
        "nonsense": "not_found",
    }
    stats = data_of(client.get(f"{ADMIN}/stats", headers=administrator.headers))
    assert (stats["openTickets"], stats["closedTickets"]) == (1, 2)
    for bad in (
        {"ticketIds": []},
        {},
        {"ticketIds": "all"},
        {"ticketIds": [nobodys] * 101},
        {"ticketIds": [""]},
    ):
        answered = client.put(f"{ADMIN}/bulk/close", json=bad, headers=administrator.headers)
        refused(answered, 400, "request.invalid")


def test_statistics_of_staff_run_the_first_answers_clock(
    client: FlaskClient,
    customer: Person,
    administrator: Person,
    clock: FrozenClock,
    headers_now: Callable[[Person], dict[str, str]],
) -> None:
    empty = data_of(client.get(f"{ADMIN}/stats", headers=administrator.headers))
    assert empty["firstAnswers"] == {
        "days": 30,
        "answered": 0,
        "inTime": 0,
        "medianSeconds": None,
        "p95Seconds": None,
    }
    made = [open_ticket(client, customer, priority=rank) for rank in ("HIGH", "HIGH", "LOW", "LOW")]
    client.put(f"/api/tickets/{made[3]['id']}/close", headers=customer.headers)
    clock.advance(hours=1)
    answer(client, administrator, made[0])
    clock.advance(hours=8)
    staff = Person(administrator.id, administrator.email, administrator.actor, headers_now(administrator))
    stats = data_of(client.get(f"{ADMIN}/stats", headers=staff.headers))
    assert (stats["waitingTickets"], stats["overdueTickets"]) == (2, 1)
    answer(client, staff, made[1])

    stats = data_of(client.get(f"{ADMIN}/stats", headers=staff.headers))

    assert stats["firstAnswers"] == {
        "days": 30,
        "answered": 2,
        "inTime": 1,
        "medianSeconds": 5 * 3600.0,
        "p95Seconds": pytest.approx(3600 + 0.95 * 8 * 3600),
    }
    assert (stats["waitingTickets"], stats["overdueTickets"], stats["unreadTickets"]) == (1, 0, 2)


def test_an_author_whose_account_is_gone_is_nobody(
    app: Flask, client: FlaskClient, customer: Person, person: Callable[..., Person], ticket: Any
) -> None:
    leaver = person(role=Role.ADMINISTRATOR)
    answer(client, leaver, ticket, "I am about to leave.")
    client.put(f"{ADMIN}/{ticket['id']}/close", headers=leaver.headers)
    with app.app_context():
        for table in ("ledger_entries", "wallets", "refresh_tokens"):
            session().connection().exec_driver_sql(f"DELETE FROM {table} WHERE user_id = '{leaver.id}'")
        session().connection().exec_driver_sql(f"DELETE FROM users WHERE id = '{leaver.id}'")
        session().commit()

    shown = show(client, customer, ticket)

    assert (shown["messages"][0]["author"], shown["messages"][0]["authorId"]) == (None, None)
    assert (shown["status"], shown["closedBy"], shown["closedByName"]) == ("CLOSED", None, None)


def test_lists_and_conversations_cost_the_same_however_long(
    client: FlaskClient, customer: Person, administrator: Person, person: Callable[..., Person]
) -> None:
    paths = ((customer, "/api/tickets"), (administrator, ADMIN), (administrator, f"{ADMIN}/stats"))

    def cost(paths: Any) -> list[int]:
        counted = []
        for who, path in paths:
            with asked() as seen:
                data_of(client.get(path, headers=who.headers))
            counted.append(len(seen))
        return counted

    first = open_ticket(client, customer)
    shown = ((customer, f"/api/tickets/{first['id']}"), (administrator, f"{ADMIN}/{first['id']}"))
    cost(shown)  # marks it read
    few, one = cost(paths), cost(shown)
    for _ in range(6):
        others = open_ticket(client, person())
        open_ticket(client, customer)
        write(client, customer, first)
        answer(client, person(role=Role.ADMINISTRATOR), others)
    cost(shown)

    assert (cost(paths), cost(shown)) == (few, one)
    assert max(few + one) <= 4
