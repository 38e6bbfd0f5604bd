"""Pictures with tickets: what is refused leaves nothing behind, and what is kept is given to its owner and to staff."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import func, select

from minispod.integrations.object_store import DirectoryStore
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.object_store import ObjectStoreUnavailable, StoredObject
from minispod.kernel.unit_of_work import unit_of_work
from minispod.tickets import leaving
from minispod.tickets.models import Ticket, TicketAttachment, TicketMessage
from minispod.tickets.pictures import MAX_BYTES
from tests.factories.pictures import moving, picture, png_bomb
from tests.factories.tickets import open_ticket, send_files, show
from tests.plugins.app import Person, PortsNow, data_of, refused

PNG = picture("PNG")


@pytest.fixture(autouse=True)
def clean_store(ports: PortsNow) -> Iterator[None]:
    """No test leaves files behind."""
    yield
    for each in ports.object_store.list("tickets"):
        ports.object_store.delete(each.key)


@pytest.fixture(autouse=True)
def _store_of_its_own(ports: PortsNow, tmp_path: Path) -> None:
    """No file of another test is in it."""
    ports.change(object_store=DirectoryStore(tmp_path))


def stored(ports: PortsNow) -> Sequence[StoredObject]:
    return ports.object_store.list("tickets")


def rows(app: Flask) -> int:
    with app.app_context():
        return session().scalar(select(func.count()).select_from(TicketAttachment)) or 0


def with_picture(client: FlaskClient, who: Person, *files: tuple[str, bytes]) -> Any:
    return data_of(send_files(client, who, files or [("shot.png", PNG)]), 201)


def test_a_ticket_comes_with_pictures(client: FlaskClient, customer: Person, ports: PortsNow) -> None:
    kinds = ["JPEG", "PNG", "GIF", "WEBP"]
    files = [(f"shot.{each.lower()}", picture(each)) for each in kinds]

    made = with_picture(client, customer, *files, ("moves.gif", moving("GIF")))

    assert [each["mimeType"] for each in made["attachments"]] == [
        "image/jpeg",
        "image/png",
        "image/gif",
        "image/webp",
        "image/gif",
    ]
    assert sorted(each.size for each in stored(ports)) == sorted(
        each["fileSize"] for each in made["attachments"]
    )
    first = made["attachments"][0]
    assert set(first) == {
        "id",
        "filename",
        "fileSize",
        "mimeType",
        "ticketId",
        "messageId",
        "uploadedBy",
        "createdAt",
    }
    assert (first["ticketId"], first["messageId"]) == (made["id"], None)
    assert made["_count"] == {"messages": 0, "attachments": 5}
    assert show(client, customer, made)["attachments"] == made["attachments"]


def test_a_message_comes_with_pictures(client: FlaskClient, customer: Person, administrator: Person) -> None:
    made = open_ticket(client, customer)
    for door, who in (("tickets", customer), ("admin/tickets", administrator)):
        path = f"/api/{door}/{made['id']}/messages"
        message = data_of(
            send_files(client, who, [("a.png", PNG), ("b.png", PNG)], path=path, content="See"), 201
        )
        assert [each["filename"] for each in message["attachments"]] == ["a.png", "b.png"]
        assert {each["messageId"] for each in message["attachments"]} == {message["id"]}

    shown = show(client, customer, made)

    assert shown["attachments"] == []
    assert [len(each["attachments"]) for each in shown["messages"]] == [2, 2]
    assert shown["_count"]["attachments"] == 4


def test_a_picture_is_saved_and_never_shown_by_us(client: FlaskClient, customer: Person) -> None:
    [mine] = with_picture(client, customer, ("layar é.png", PNG))["attachments"]

    answered = client.get(f"/api/tickets/attachments/{mine['id']}", headers=customer.headers)

    assert answered.status_code == 200
    assert answered.content_type == "image/png"
    assert answered.content_length == mine["fileSize"] == len(answered.data)
    assert Image.open(BytesIO(answered.data)).size == (8, 6)
    disposition = answered.headers["Content-Disposition"]
    assert disposition == "attachment; filename=\"layar .png\"; filename*=UTF-8''layar%20%C3%A9.png"
    assert answered.headers["X-Content-Type-Options"] == "nosniff"
    assert answered.headers["Cache-Control"] == "private, no-store"
    assert "sandbox" in answered.headers["Content-Security-Policy"]


def test_pictures_are_given_to_the_owner_and_to_staff_only(
    client: FlaskClient, customer: Person, person: Callable[..., Person], administrator: Person
) -> None:
    made = with_picture(client, customer)
    [mine] = made["attachments"]
    path = f"/api/admin/tickets/{made['id']}/messages"
    message = data_of(send_files(client, administrator, [("a.png", PNG)], path=path, content="See"), 201)
    [theirs] = message["attachments"]

    for each in (mine, theirs):
        own, staff = f"/api/tickets/attachments/{each['id']}", f"/api/admin/tickets/attachments/{each['id']}"
        assert client.get(own, headers=customer.headers).status_code == 200
        assert client.get(staff, headers=administrator.headers).status_code == 200
        refused(client.get(own, headers=person().headers), 404, "tickets.no_such_attachment")
        assert client.get(own, headers=administrator.headers).status_code == 200
        refused(client.get(staff, headers=customer.headers), 403, "accounts.staff_only")
        refused(client.get(own), 401, "unauthenticated")
    for nothing in ("nonsense", made["id"]):
        answered = client.get(f"/api/tickets/attachments/{nothing}", headers=customer.headers)
        assert answered.status_code == 404


@pytest.mark.parametrize(
    ("files", "declared", "code"),
    [
        ([("x.txt", b"just a text")], None, "tickets.not_a_picture"),
        ([("x.png", b"<html><script>alert(1)</script>")], "image/png", "tickets.not_a_picture"),
        ([("x.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>")], "image/svg+xml", "tickets.not_a_picture"),
        ([("x.bmp", picture("BMP"))], "image/bmp", "tickets.not_a_picture"),
        ([("x.png", b"")], "image/png", "tickets.picture_broken"),
        ([("x.png", PNG[:-30])], "image/png", "tickets.picture_broken"),
        ([("x.png", png_bomb(8000, 6000))], "image/png", "tickets.picture_too_large"),
        ([("x.gif", moving("GIF", frames=101))], "image/gif", "tickets.picture_too_large"),
        ([("x.png", PNG + b"\x00" * MAX_BYTES)], "image/png", "tickets.attachment_too_large"),
        ([("x.png", PNG)] * 6, "image/png", "tickets.too_many_attachments"),
        ([("a.png", PNG), ("x.txt", b"just a text")], None, "tickets.not_a_picture"),
    ],
)
def test_what_may_not_be_attached_leaves_nothing_behind(
    app: Flask,
    client: FlaskClient,
    customer: Person,
    ports: PortsNow,
    files: list[tuple[str, bytes]],
    declared: str | None,
    code: str,
) -> None:
    made = open_ticket(client, customer)
    for path, texts in (
        ("/api/tickets", {}),
        (f"/api/tickets/{made['id']}/messages", {"content": "See the picture"}),
    ):
        refused(send_files(client, customer, files, path=path, declared=declared, **texts), 400, code)

    assert show(client, customer, made)["messages"] == []
    assert len(data_of(client.get("/api/tickets", headers=customer.headers))["tickets"]) == 1
    assert (rows(app), stored(ports)) == (0, [])


def test_a_picture_that_is_called_something_else_is_what_it_is(client: FlaskClient, customer: Person) -> None:
    answered = send_files(client, customer, [("shot.png", picture("JPEG"))], declared="application/pdf")

    [attachment] = data_of(answered, 201)["attachments"]
    assert (attachment["mimeType"], attachment["filename"]) == ("image/jpeg", "shot.jpg")


def test_five_megabytes_are_read_and_fields_may_have_any_name(client: FlaskClient, customer: Person) -> None:
    padded = PNG + b"\x00" * (MAX_BYTES - len(PNG))

    answered = send_files(
        client, customer, [(f"{number}.png", padded) for number in range(5)], field="files[]"
    )

    assert len(data_of(answered, 201)["attachments"]) == 5


class _Unread:
    """A body that fails the request when it is read."""

    def read(self, size: int = -1) -> bytes:
        raise AssertionError("the body was read")

    def close(self) -> None:
        """There is nothing to close."""


def unread(size: int) -> dict[str, Any]:
    """The environment of a request with a body of so many bytes that nobody may read."""
    return {"wsgi.input": _Unread(), "CONTENT_LENGTH": str(size)}


@pytest.mark.parametrize("path", ["/api/tickets", "/api/admin/tickets/x/messages"])
def test_a_body_that_is_too_large_is_not_read(
    client: FlaskClient, customer: Person, administrator: Person, path: str
) -> None:
    answered = client.post(
        path,
        environ_overrides=unread(27 * 1024 * 1024),
        content_type="multipart/form-data; boundary=x",
        headers=(administrator if "admin" in path else customer).headers,
    )

    assert "5 files of 5 MB" in refused(answered, 400, "tickets.attachment_too_large")["message"]


def test_a_visitors_body_is_not_read_at_all(client: FlaskClient) -> None:
    answered = client.post(
        "/api/tickets",
        environ_overrides=unread(1024 * 1024),
        content_type="multipart/form-data; boundary=x",
    )

    refused(answered, 401, "unauthenticated")


def test_other_bodies_are_no_larger_than_before(client: FlaskClient, customer: Person) -> None:
    for path, kind in (
        ("/api/tickets", "application/json"),
        ("/api/wallet/topup", "multipart/form-data; boundary=x"),
    ):
        answered = client.post(
            path,
            environ_overrides=unread(2 * 1024 * 1024),
            content_type=kind,
            headers=customer.headers,
        )
        refused(answered, 413, "request.too_large")


@pytest.mark.parametrize(
    "body",
    [b"", b"--x--", b"nonsense", b'--x\r\nContent-Disposition: form-data; name="subject"', b"\xff" * 99],
)
def test_broken_forms_are_forms_without_fields(client: FlaskClient, customer: Person, body: bytes) -> None:
    for kind in ("multipart/form-data; boundary=x", "multipart/form-data"):
        answered = client.post("/api/tickets", data=body, content_type=kind, headers=customer.headers)
        refused(answered, 400, "request.invalid")


def test_a_form_of_very_many_parts_is_refused(client: FlaskClient, customer: Person) -> None:
    body = b"".join(b'--x\r\nContent-Disposition: form-data; name="n"\r\n\r\n1\r\n' for _ in range(60))

    answered = client.post(
        "/api/tickets",
        data=body + b"--x--\r\n",
        content_type="multipart/form-data; boundary=x",
        headers=customer.headers,
    )

    refused(answered, 400, "tickets.attachment_too_large")


def test_a_file_field_that_nobody_filled_in_is_none(client: FlaskClient, customer: Person) -> None:
    body = (
        b'--x\r\nContent-Disposition: form-data; name="subject"\r\n\r\nA subject\r\n'
        b'--x\r\nContent-Disposition: form-data; name="description"\r\n\r\nA description of it\r\n'
        b'--x\r\nContent-Disposition: form-data; name="attachments"; filename=""\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n\r\n--x--\r\n"
    )

    answered = client.post(
        "/api/tickets", data=body, content_type="multipart/form-data; boundary=x", headers=customer.headers
    )

    assert data_of(answered, 201)["attachments"] == []


class _Full:
    """A store that takes so many files and no more."""

    def __init__(self, real: Any, room: int) -> None:
        self._real, self._room = real, room

    def put(self, key: str, chunks: Iterable[bytes]) -> int:
        if not self._room:
            raise ObjectStoreUnavailable()
        self._room -= 1
        return int(self._real.put(key, chunks))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def test_a_silent_store_makes_no_ticket_and_what_it_took_is_cleared(
    app: Flask,
    client: FlaskClient,
    customer: Person,
    ports: PortsNow,
    clock: FrozenClock,
    tick: Callable[[str], None],
) -> None:
    real = ports.object_store
    ports.change(object_store=_Full(real, room=1))
    refused(send_files(client, customer, [("a.png", PNG), ("b.png", PNG)]), 503, "object_store.unavailable")
    assert data_of(client.get("/api/tickets", headers=customer.headers))["tickets"] == []
    assert (rows(app), len(stored(ports))) == (2, 1)
    ports.change(object_store=real)

    tick("remove-loose-attachments")
    assert (rows(app), len(stored(ports))) == (2, 1)  # it might be on its way still
    clock.advance(hours=1)
    tick("remove-loose-attachments")

    assert (rows(app), stored(ports)) == (0, [])


def test_a_store_that_is_silent_when_files_go_is_asked_again(
    app: Flask,
    client: FlaskClient,
    customer: Person,
    ports: PortsNow,
    clock: FrozenClock,
    tick: Callable[[str], None],
) -> None:
    with_picture(client, customer)
    with app.app_context(), unit_of_work():
        leaving.forget_customer(customer.id, actor=customer.actor, at=clock.now())
    clock.advance(hours=1)
    real = ports.object_store

    class Silent:
        def delete(self, key: str) -> None:
            raise ObjectStoreUnavailable()

    ports.change(object_store=Silent())
    tick("remove-loose-attachments")
    assert rows(app) == 1
    ports.change(object_store=real)
    tick("remove-loose-attachments")

    assert (rows(app), stored(ports)) == (0, [])


def test_a_customer_who_leaves_takes_tickets_and_pictures_along(
    app: Flask,
    client: FlaskClient,
    customer: Person,
    person: Callable[..., Person],
    ports: PortsNow,
    clock: FrozenClock,
    tick: Callable[[str], None],
) -> None:
    made = with_picture(client, customer)
    path = f"/api/tickets/{made['id']}/messages"
    data_of(send_files(client, customer, [("b.png", PNG)], path=path, content="Another"), 201)
    other = person()
    [kept] = with_picture(client, other)["attachments"]
    clock.advance(hours=2)

    with app.app_context(), unit_of_work():
        assert leaving.forget_customer(customer.id, actor=customer.actor, at=clock.now()) == 1
        assert leaving.forget_customer(customer.id, actor=customer.actor, at=clock.now()) == 0
    tick("remove-loose-attachments")

    with app.app_context():
        assert session().scalars(select(Ticket.user_id)).all() == [other.id]
        assert session().scalars(select(TicketMessage.id)).all() == []
        assert [str(each) for each in session().scalars(select(TicketAttachment.id))] == [kept["id"]]
    assert [each.key.rpartition("/")[2] for each in stored(ports)] == [kept["id"]]


def test_a_file_that_is_gone_from_the_store_is_404(
    client: FlaskClient, customer: Person, ports: PortsNow
) -> None:
    [mine] = with_picture(client, customer)["attachments"]
    for each in stored(ports):
        ports.object_store.delete(each.key)

    answered = client.get(f"/api/tickets/attachments/{mine['id']}", headers=customer.headers)

    refused(answered, 404, "tickets.no_such_attachment")
