"""Messages: what was sent, what waits, what could not be delivered; one of them as it reads, and every kind to look at.

A mail's HTML is an answer of its own, shown in a frame that may do nothing: its styles are not our pages'.
"""

from dataclasses import replace
from typing import Any, Protocol

from flask import Response, current_app, render_template, request, url_for

from minispod.accounts import resending
from minispod.admin import guard, pages
from minispod.admin.door import door
from minispod.admin.languages import N_
from minispod.admin.languages import gettext as _
from minispod.insights import workload
from minispod.kernel.errors import NotFound
from minispod.kernel.ids import new_id, parse_id
from minispod.kernel.tasks import Task
from minispod.kernel.unit_of_work import unit_of_work
from minispod.notifications import post
from minispod.notifications.mailer import Mail
from minispod.notifications.messages import MADE_WHEN_IT_LEAVES, MessageKind
from minispod.notifications.models import DeliveryState, Notification
from minispod.notifications.post import Letter, MessageOrder, Recipient, Wanted
from minispod.notifications.samples import SAMPLES
from minispod.ports import current_ports

LANGUAGES = ("en", "id")
_HIDDEN = N_("[made when the mail leaves, and shown to its reader only]")
_FRAMED = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox",
    "X-Frame-Options": "SAMEORIGIN",
}
_SOMEBODY = Recipient("Siti Rahayu", "siti@example.com")


class WritesLetters(Protocol):
    """What makes a mail of a message; handed in by whoever assembles, for doors do not know each other."""

    def __call__(self, letter: Letter, facts: dict[str, Any]) -> Mail:
        """Subject, text and HTML."""
        ...


@door.get("/messages")
def messages_list() -> Any:
    """List messages."""
    wanted = Wanted(
        state=pages.chosen(DeliveryState, "state"),
        kind=pages.chosen(MessageKind, "kind"),
        user_id=parse_id(request.args["customer"]) if request.args.get("customer") else None,
        search=pages.search_text(),
    )
    sorting = pages.sorting(MessageOrder.QUEUED, downward=True)
    found = post.list_messages(
        pages.page_request(), wanted, by=MessageOrder(sorting.by), downward=sorting.downward
    )
    return pages.page_or_fragment(
        "admin/messages/page.html",
        "admin/messages/_list.html",
        found=found,
        wanted=wanted,
        sorting=sorting,
        states=DeliveryState,
        kinds=MessageKind,
    )


@door.get("/messages/<message_id>")
def message(message_id: str) -> Any:
    """Show one mail as it reads, and what became of it."""
    row, at = post.get_message(parse_id(message_id)), current_ports().clock.now()
    mail = _as_sent(row) if row.to_address else None
    return render_template(
        "admin/messages/one.html",
        row=row,
        mail=mail,
        again=post.find_again(row.id),
        obstacle=post.obstacle(row, at),
        waiting=workload.find_row(Task.DELIVER_MESSAGE, str(row.id)),
        hidden=_(_HIDDEN) if row.kind in MADE_WHEN_IT_LEAVES else None,
    )


@door.get("/messages/<message_id>/html")
def message_html(message_id: str) -> Response:
    """The HTML of one mail, for the frame on its page."""
    row = post.get_message(parse_id(message_id))
    if not row.to_address:
        raise NotFound()
    return _framed(_as_sent(row))


@door.post("/messages/<message_id>/resend")
def resend_message(message_id: str) -> Any:
    """Send it once more."""
    id_, ports = parse_id(message_id), current_ports()
    with unit_of_work(ports.courier):
        resending.resend(id_, actor=guard.actor(), at=ports.clock.now())
    again = post.find_again(id_)
    target = url_for("panel.message", message_id=again.id if again else id_)
    return pages.told(_("The mail is on its way once more."), target)


@door.get("/messages/kinds")
def message_kinds() -> Any:
    """List every kind of mail with its subject in both languages."""
    firsts: dict[MessageKind, dict[str, Mail]] = {}
    for kind, facts in SAMPLES:
        firsts.setdefault(kind, {each: _sample(kind, facts, each) for each in LANGUAGES})
    return render_template("admin/messages/kinds.html", firsts=firsts)


@door.get("/messages/kinds/<kind>")
def message_kind(kind: str) -> Any:
    """Show one kind of mail with sample facts, in both languages."""
    shapes, number = _shapes(kind)
    mails = {each: _sample(MessageKind(kind), shapes[number], each) for each in LANGUAGES}
    return render_template(
        "admin/messages/kind.html", kind=MessageKind(kind), count=len(shapes), number=number, mails=mails
    )


@door.get("/messages/kinds/<kind>/html")
def message_kind_html(kind: str) -> Response:
    """The HTML of one kind of mail with sample facts, for the frame on its page."""
    shapes, number = _shapes(kind)
    return _framed(_sample(MessageKind(kind), shapes[number], pages.one_of(LANGUAGES, "language", "en")))


def _shapes(kind: str) -> tuple[list[dict[str, Any]], int]:
    """The samples of a kind, and which of them is asked for (the first, unless the address says so)."""
    shapes = [facts for each, facts in SAMPLES if each == kind]
    if not shapes:
        raise NotFound()
    asked = request.args.get("shape", "0")
    number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 3 else 0
    return shapes, number if number < len(shapes) else 0


def _sample(kind: MessageKind, facts: dict[str, Any], language: str) -> Mail:
    return _write(Letter(new_id(), kind, replace(_SOMEBODY, language=language), facts))


def _as_sent(row: Notification) -> Mail:
    """A message as it was or will be written; what opens something is left out."""
    hidden = dict.fromkeys(MADE_WHEN_IT_LEAVES.get(row.kind, ()), _(_HIDDEN))
    recipient = Recipient(row.to_name, row.to_address, row.user_id, row.language)
    return _write(Letter(row.id, row.kind, recipient, {**row.facts, **hidden}))


def _write(letter: Letter) -> Mail:
    write: WritesLetters = current_app.extensions["minispod.write_letter"]
    return write(letter, letter.facts)


def _framed(mail: Mail) -> Response:
    return Response(mail.html, content_type="text/html; charset=utf-8", headers=_FRAMED)
