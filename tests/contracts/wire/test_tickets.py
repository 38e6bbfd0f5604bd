"""Recorded exchanges about tickets, of their owners and of administrators."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from flask.testing import FlaskClient
from PIL import Image

from tests.contracts.wire.conftest import Replay
from tests.contracts.wire.recordings import recording
from tests.plugins.app import Person


@pytest.fixture
def plain(replay: Replay, customer: Person) -> Any:
    """The recorded ticket without files."""
    return replay("tickets__create_json", customer)["data"]


@pytest.fixture
def pictured(replay: Replay, plain: Any, customer: Person) -> Any:
    """The recorded ticket with a picture."""
    return replay("tickets__create_with_attachment", customer)["data"]


def test_tickets_are_opened_and_listed(replay: Replay, customer: Person, plain: Any, pictured: Any) -> None:
    assert (plain["ticketNumber"], pictured["ticketNumber"]) == ("#001", "#002")
    [attachment] = pictured["attachments"]
    assert (attachment["filename"], attachment["mimeType"]) == ("shot.png", "image/png")
    assert not [
        each for each in attachment.values() if isinstance(each, str) and "/" in each.replace("image/", "")
    ]
    listed = replay("tickets__list", customer)["data"]
    assert [each["id"] for each in listed["tickets"]] == [pictured["id"], plain["id"]]
    assert listed["pagination"] | {"page": 1, "limit": 100, "total": 2, "pages": 1} == listed["pagination"]
    assert len(replay("tickets__list_status", customer)["data"]["tickets"]) == 1
    assert "status" in replay("tickets__list_bad_status", customer)["errors"]
    assert replay("tickets__stats", customer)["data"]["recentTickets"] == 2


def test_what_is_refused_when_opening(replay: Replay, customer: Person) -> None:
    assert replay("tickets__stats_empty", customer)["data"]["totalTickets"] == 0
    assert replay("tickets__create_no_token")["code"] == "unauthenticated"
    assert "subject" in replay("tickets__create_validation", customer)["errors"]
    assert replay("tickets__create_bad_attachment_type", customer)["code"] == "tickets.not_a_picture"


def test_one_ticket(
    replay: Replay, customer: Person, person: Callable[..., Person], plain: Any, pictured: Any
) -> None:
    replay("tickets__detail", customer, plain["id"])
    replay("tickets__detail_with_attachment", customer, pictured["id"])
    assert replay("tickets__detail_404", customer)["code"] == "tickets.no_such_ticket"
    assert replay("tickets__detail_other_user", person(), plain["id"])["code"] == "tickets.no_such_ticket"


def test_messages(
    replay: Replay, customer: Person, administrator: Person, person: Callable[..., Person], plain: Any
) -> None:
    mine = replay("tickets__message_user", customer, plain["id"])["data"]
    theirs = replay("admin_tickets__respond", administrator, plain["id"])["data"]

    assert (mine["isAdminReply"], theirs["isAdminReply"]) == (False, True)
    assert "content" in replay("tickets__message_validation", customer, plain["id"])["errors"]
    assert replay("tickets__message_other_user", person(), plain["id"])["code"] == "tickets.no_such_ticket"
    replay("admin_tickets__close", administrator, plain["id"])
    replay("tickets__message_on_closed", customer, plain["id"])


def test_the_owner_closes(replay: Replay, customer: Person, pictured: Any) -> None:
    assert replay("tickets__close_own", customer, pictured["id"])["data"]["status"] == "CLOSED"


def test_a_picture_is_saved(
    client: FlaskClient, replay: Replay, customer: Person, person: Callable[..., Person], pictured: Any
) -> None:
    [attachment] = pictured["attachments"]
    recorded = recording("tickets__attachment_download")

    answered = client.open(**recorded.request(attachment["id"]), headers=customer.headers)

    assert answered.status_code == recorded.status
    assert answered.content_type == "image/png"
    assert answered.headers["Content-Disposition"] in (
        "attachment; filename=shot.png",
        'attachment; filename="shot.png"',
    )
    assert answered.content_length == len(answered.data)
    assert Image.open(BytesIO(answered.data)).format == "PNG"
    refused = replay("tickets__attachment_other_user", person(), attachment["id"])
    assert refused["code"] == "tickets.no_such_attachment"


def test_staff_lists(
    replay: Replay, customer: Person, administrator: Person, plain: Any, pictured: Any
) -> None:
    replay("tickets__message_user", customer, plain["id"])

    assert len(replay("admin_tickets__list", administrator)["data"]["tickets"]) == 2
    assert replay("admin_tickets__list_as_user", customer)["code"] == "accounts.staff_only"
    [found] = replay("admin_tickets__list_search", administrator)["data"]["tickets"]
    assert found["id"] == pictured["id"]
    [newest] = replay("admin_tickets__list_status", administrator)["data"]["tickets"]
    assert newest["id"] == pictured["id"]
    assert len(replay("admin_tickets__list_user", administrator, customer.id)["data"]["tickets"]) == 2
    assert len(replay("admin_tickets__by_user", administrator, customer.id)["data"]["tickets"]) == 2
    replay("admin_tickets__stats", administrator)


def test_staff_acts(replay: Replay, customer: Person, administrator: Person, plain: Any) -> None:
    replay("tickets__message_user", customer, plain["id"])
    replay("admin_tickets__detail", administrator, plain["id"])
    assert replay("admin_tickets__detail_404", administrator)["code"] == "tickets.no_such_ticket"
    closed = replay("admin_tickets__close", administrator, plain["id"])["data"]
    again = replay("admin_tickets__close_again", administrator, plain["id"])["data"]
    opened = replay("admin_tickets__reopen", administrator, plain["id"])["data"]

    assert (closed["status"], again["status"], opened["status"]) == ("CLOSED", "CLOSED", "OPEN")
    [result] = replay("admin_tickets__bulk_close", administrator, plain["id"])["data"]["results"]
    assert (result["ticketId"], result["status"]) == (plain["id"], "CLOSED")
