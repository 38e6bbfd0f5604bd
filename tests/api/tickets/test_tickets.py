"""Tickets for customers: what the front end sends and reads, whose they are, what counts as read."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from minispod.kernel.clock import FrozenClock
from tests.factories.tickets import JSON, answer, open_ticket, show, write
from tests.plugins.app import Person, data_of, refused
from tests.plugins.shop import Shop


def test_a_ticket_is_opened_and_shown(client: FlaskClient, customer: Person) -> None:
    made = open_ticket(client, customer, "  Cannot open it  ")
    shown = show(client, customer, made)

    assert (made["ticketNumber"], made["status"], made["priority"]) == ("#001", "OPEN", "NORMAL")
    assert (made["subject"], made["attachments"]) == ("Cannot open it", [])
    assert shown["messages"] == []
    assert shown["user"] == {
        "id": str(customer.id),
        "name": "Siti Rahma",
        "email": customer.email,
        "avatar": None,
    }
    assert (shown["closedAt"], shown["closedBy"], shown["instanceState"]) == (None, None, None)
    assert open_ticket(client, customer)["ticketNumber"] == "#002"


def test_a_form_opens_a_ticket_too(client: FlaskClient, customer: Person) -> None:
    texts = {"subject": "Cannot open it", "description": "Since this morning."}

    for kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
        answered = client.post("/api/tickets", data=texts, content_type=kind, headers=customer.headers)
        assert data_of(answered, 201)["subject"] == "Cannot open it"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"subject": "abc", "description": "long enough text"}, "subject"),
        ({"subject": "     abc     ", "description": "long enough text"}, "subject"),
        ({"subject": "x" * 201, "description": "long enough text"}, "subject"),
        ({"subject": "long enough", "description": "short"}, "description"),
        ({"subject": "long enough", "description": "x" * 2001}, "description"),
        ({"subject": None, "description": "long enough text"}, "subject"),
        ({"subject": "with \x00 in it", "description": "long enough text"}, "subject"),
        ({"subject": "long enough", "description": "long enough text", "priority": "URGENT"}, "priority"),
        ({}, "subject"),
    ],
)
def test_texts_have_their_limits(
    client: FlaskClient, customer: Person, body: dict[str, Any], field: str
) -> None:
    answered = client.post("/api/tickets", json=body, headers=customer.headers)

    assert field in refused(answered, 400, "request.invalid")["errors"]
    assert data_of(client.get("/api/tickets", headers=customer.headers))["tickets"] == []


def test_blanks_nulls_and_unknown_keys_are_accepted(client: FlaskClient, customer: Person) -> None:
    made = open_ticket(client, customer, priority="", instanceId=None, subscriptionId="", category="billing")

    assert made["priority"] == "NORMAL"


def test_the_highest_priority_is_for_staff_to_give(client: FlaskClient, customer: Person) -> None:
    body = {"subject": "Help me", "description": "It is very urgent!", "priority": "CRITICAL"}

    refused(
        client.post("/api/tickets", json=body, headers=customer.headers), 400, "tickets.priority_for_staff"
    )
    assert open_ticket(client, customer, priority="HIGH")["priority"] == "HIGH"


def test_tickets_of_others_do_not_exist(
    client: FlaskClient, customer: Person, person: Callable[..., Person]
) -> None:
    theirs, stranger = open_ticket(client, customer), person()
    for method, path in (
        ("GET", theirs["id"]),
        ("PUT", f"{theirs['id']}/close"),
        ("POST", f"{theirs['id']}/close"),
    ):
        answered = client.open(f"/api/tickets/{path}", method=method, headers=stranger.headers)
        refused(answered, 404, "tickets.no_such_ticket")
    answered = client.post(
        f"/api/tickets/{theirs['id']}/messages", json={"content": "not mine"}, headers=stranger.headers
    )
    refused(answered, 404, "tickets.no_such_ticket")
    assert data_of(client.get("/api/tickets", headers=stranger.headers))["tickets"] == []

    assert show(client, customer, theirs)["messages"] == []


def test_staff_at_the_customers_door_are_staff_still(
    client: FlaskClient, customer: Person, administrator: Person
) -> None:
    theirs = open_ticket(client, customer)
    write(client, administrator, theirs, "Our answer")

    shown = show(client, administrator, theirs)

    assert [(each["isAdminReply"], each["authorId"]) for each in shown["messages"]] == [
        (True, str(administrator.id))
    ]
    assert (shown["status"], shown["unreadCount"]) == ("IN_PROGRESS", 1)
    assert show(client, customer, theirs)["unreadCount"] == 1  # only its owner's look makes it read
    assert data_of(client.get("/api/tickets", headers=administrator.headers))["tickets"] == []
    own = open_ticket(client, administrator)
    assert write(client, administrator, own)["isAdminReply"] is False


@pytest.mark.parametrize("id_", ["nonsense", "1", "#001", str(uuid.UUID(int=7))])
def test_ids_that_name_nothing_are_404(client: FlaskClient, customer: Person, id_: str) -> None:
    answered = client.get(f"/api/tickets/{id_.replace('#', '%23')}", headers=customer.headers)

    assert answered.status_code == 404


def test_nobody_comes_in_without_a_token(client: FlaskClient) -> None:
    for method, path in (
        ("GET", ""),
        ("GET", "/stats"),
        ("GET", f"/{uuid.uuid4()}"),
        ("POST", ""),
        ("PUT", f"/{uuid.uuid4()}/close"),
        ("GET", f"/attachments/{uuid.uuid4()}"),
    ):
        refused(client.open(f"/api/tickets{path}", method=method), 401, "unauthenticated")


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_the_owner_closes_once_and_cannot_reopen(client: FlaskClient, customer: Person, method: str) -> None:
    made = open_ticket(client, customer)
    path = f"/api/tickets/{made['id']}/close"

    # The front end announces JSON and sends nothing.
    closed = data_of(client.open(path, method=method, content_type=JSON, headers=customer.headers))

    assert (closed["status"], closed["closedBy"]) == ("CLOSED", str(customer.id))
    assert closed["closedByName"] == "Siti Rahma"
    assert closed["_count"] == {"messages": 0, "attachments": 0}
    again = client.open(path, method=method, content_type=JSON, headers=customer.headers)
    refused(again, 400, "tickets.already_closed")
    reopening = client.put(f"/api/tickets/{made['id']}/reopen", headers=customer.headers)
    refused(reopening, 404, "route.not_found")


def test_messages_stand_in_their_order_and_a_closed_ticket_stays_closed(
    client: FlaskClient, customer: Person, administrator: Person
) -> None:
    made = open_ticket(client, customer)
    write(client, customer, made, "first")
    answer(client, administrator, made, "second")
    client.put(f"/api/tickets/{made['id']}/close", headers=customer.headers)
    write(client, customer, made, "third")

    shown = show(client, customer, made)

    assert [(each["content"], each["isAdminReply"]) for each in shown["messages"]] == [
        ("first", False),
        ("second", True),
        ("third", False),
    ]
    assert shown["messages"][1]["author"] == {
        "id": str(administrator.id),
        "name": "Ayu Admin",
        "email": administrator.email,
        "avatar": None,
        "role": "ADMINISTRATOR",
    }
    assert shown["status"] == "CLOSED"
    assert shown["_count"]["messages"] == 3


@pytest.mark.parametrize("content", ["", "   ", None, "x" * 2001, "a\x00b", {"a": 1}])
def test_a_message_says_something(client: FlaskClient, customer: Person, content: Any) -> None:
    made = open_ticket(client, customer)

    answered = client.post(
        f"/api/tickets/{made['id']}/messages", json={"content": content}, headers=customer.headers
    )

    assert "content" in refused(answered, 400, "request.invalid")["errors"]


def test_what_was_shown_is_read(client: FlaskClient, customer: Person, administrator: Person) -> None:
    made = open_ticket(client, customer)

    def unread(who: Person, door: str) -> list[int]:
        listed = data_of(client.get(f"/api/{door}", headers=who.headers))["tickets"]
        return [each["unreadCount"] for each in listed]

    assert (unread(customer, "tickets"), unread(administrator, "admin/tickets")) == ([0], [1])
    assert show(client, administrator, made, door="admin/tickets")["unreadCount"] == 1
    assert unread(administrator, "admin/tickets") == [0]
    answer(client, administrator, made)
    answer(client, administrator, made)
    assert (unread(customer, "tickets"), unread(administrator, "admin/tickets")) == ([2], [0])
    stats = data_of(client.get("/api/tickets/stats", headers=customer.headers))
    assert stats["unreadTickets"] == 1
    only = "/api/tickets?unread=true"
    assert len(data_of(client.get(only, headers=customer.headers))["tickets"]) == 1

    before = data_of(client.get("/api/tickets", headers=customer.headers))["tickets"][0]["updatedAt"]
    assert show(client, customer, made)["unreadCount"] == 2
    assert show(client, customer, made)["unreadCount"] == 0
    assert data_of(client.get(only, headers=customer.headers))["tickets"] == []
    assert data_of(client.get("/api/tickets", headers=customer.headers))["tickets"][0]["updatedAt"] == before
    write(client, customer, made)
    assert (unread(customer, "tickets"), unread(administrator, "admin/tickets")) == ([0], [1])


def test_lists_are_filtered_searched_sorted_and_paged(client: FlaskClient, customer: Person) -> None:
    names = ["Alpha fails", "Beta fails", "100% of Gamma"]
    made = [
        open_ticket(client, customer, name, priority=rank)
        for name, rank in zip(names, ("HIGH", "LOW", ""), strict=True)
    ]
    client.put(f"/api/tickets/{made[1]['id']}/close", headers=customer.headers)

    def found(query: str) -> list[str]:
        listed = data_of(client.get(f"/api/tickets?{query}", headers=customer.headers))
        return [each["subject"].split()[0] for each in listed["tickets"]]

    assert found("") == ["100%", "Beta", "Alpha"]
    assert found("status=CLOSED") == ["Beta"]
    assert found("status=") == ["100%", "Beta", "Alpha"]
    assert found("search=fails") == ["Beta", "Alpha"]
    assert found("search=%25") == ["100%"]
    assert found("search=%23002") == found("search=2") == ["Beta"]
    assert found(f"search={'9' * 90}") == []
    assert found("search=%C2%B2") == []  # a digit to Unicode, no number
    assert found("priority=HIGH") == ["Alpha"]
    assert found("sortBy=priority&sortOrder=asc") == ["Beta", "100%", "Alpha"]
    assert found("sortBy=ticketNumber&sortOrder=asc") == ["Alpha", "Beta", "100%"]
    assert found("page=2&limit=2") == ["Alpha"]
    assert found("page=99") == []
    paged = data_of(client.get("/api/tickets?limit=2", headers=customer.headers))["pagination"]
    assert (paged["page"], paged["limit"], paged["total"], paged["pages"]) == (1, 2, 3, 2)
    for bad in ("status=NOPE", "page=0", "limit=1000", "sortBy=password", "sortOrder=up"):
        refused(client.get(f"/api/tickets?{bad}", headers=customer.headers), 400, "request.invalid")


def test_all_tickets_are_listed_without_paging(client: FlaskClient, customer: Person) -> None:
    for _ in range(12):
        open_ticket(client, customer)

    assert len(data_of(client.get("/api/tickets", headers=customer.headers))["tickets"]) == 12


def test_statistics_count_ones_own_and_the_last_day(
    client: FlaskClient,
    customer: Person,
    person: Callable[..., Person],
    clock: FrozenClock,
    headers_now: Callable[[Person], dict[str, str]],
    administrator: Person,
) -> None:
    open_ticket(client, person())
    first = open_ticket(client, customer)
    answer(client, administrator, first)
    clock.advance(hours=25)
    late = headers_now(customer)
    body = {"subject": "Another", "description": "long enough text"}
    second = data_of(client.post("/api/tickets", json=body, headers=late), 201)
    client.put(f"/api/tickets/{second['id']}/close", headers=late)

    stats = data_of(client.get("/api/tickets/stats", headers=late))

    assert stats == {
        "totalTickets": 2,
        "openTickets": 0,
        "inProgressTickets": 1,
        "closedTickets": 1,
        "recentTickets": 1,
        "unreadTickets": 1,
    }


def test_a_ticket_about_an_instance_carries_how_it_was(
    app: Flask,
    client: FlaskClient,
    customer: Person,
    person: Callable[..., Person],
    administrator: Person,
    shop: Shop,
    plan_id: Callable[..., uuid.UUID],
) -> None:
    subscription_id = shop.order(customer, plan_id())
    shop.gives_up(subscription_id)
    _, instance = shop.look(subscription_id)

    made = open_ticket(client, customer, subscriptionId=str(subscription_id))
    shop.runs(subscription_id)

    mine = show(client, customer, made)["instanceState"]
    staffs = show(client, administrator, made, door="admin/tickets")["instanceState"]
    assert made["instanceId"] == str(instance.id)
    assert (mine["status"], mine["name"], mine["serviceSlug"]) == ("ERROR", instance.name, "n8n-automation")
    assert "lastError" not in mine
    assert staffs["lastError"] == "No node has enough free memory."
    assert mine["at"] == made["createdAt"]
    assert "sealed" not in str(staffs)
    assert open_ticket(client, customer, instanceId=str(instance.id))["instanceId"] == str(instance.id)
    for body in ({"instanceId": str(instance.id)}, {"subscriptionId": str(subscription_id)}):
        answered = client.post(
            "/api/tickets",
            json={"subject": "Not mine", "description": "long enough text", **body},
            headers=person().headers,
        )
        refused(answered, 404, "instances.no_such_instance")
    nonsense = {"subject": "Whatever", "description": "long enough text", "instanceId": "nonsense"}
    assert client.post("/api/tickets", json=nonsense, headers=customer.headers).status_code == 404
