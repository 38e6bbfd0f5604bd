"""Tickets: the queue, and one of them with its customer beside it; answered, closed, reopened and sorted here."""

import uuid
from collections.abc import Callable
from typing import Any

from flask import Response, flash, make_response, render_template, request, url_for

from minispod.admin import guard, pages
from minispod.admin.door import door
from minispod.admin.languages import gettext as _
from minispod.admin.languages import said
from minispod.insights import ticket_desk
from minispod.kernel.errors import RuleBroken
from minispod.kernel.ids import new_id, parse_id
from minispod.kernel.object_store import NoSuchStoredObject
from minispod.kernel.unit_of_work import release_connection, unit_of_work
from minispod.ports import current_ports
from minispod.tickets import canned, figures, queries, queue, turning, writing
from minispod.tickets.errors import NoSuchAttachment
from minispod.tickets.models import Ticket
from minispod.tickets.queue import QueueOrder, Sought, View
from minispod.tickets.states import TicketPriority, TicketStatus

_MOST_AT_ONCE = 100


@door.get("/tickets")
def tickets_list() -> Any:
    """List the queue, or all tickets."""
    at = current_ports().clock.now()
    view = pages.chosen(View, "view") or View.QUEUE
    order = (
        pages.sorting(QueueOrder.DUE)
        if view is View.QUEUE
        else pages.sorting(QueueOrder.CHANGED, downward=True)
    )
    sought = Sought(
        view,
        status=pages.chosen(TicketStatus, "status"),
        priority=pages.chosen(TicketPriority, "priority"),
        search=pages.search_text(),
        user_id=parse_id(request.args["customer"]) if request.args.get("customer") else None,
    )
    found = queue.list_queue(pages.page_request(), sought, by=QueueOrder(order.by), downward=order.downward)
    answers = figures.first_answers(at=at)
    return pages.page_or_fragment(
        "admin/tickets/page.html",
        "admin/tickets/_list.html",
        found=found,
        sought=sought,
        sorting=order,
        statuses=TicketStatus,
        priorities=TicketPriority,
        answers=answers,
        waiting=queue.count_waiting(),
        median=ticket_desk.as_length(answers.median_seconds),
        answer_days=figures.ANSWERS_OVER_DAYS,
        at=at,
    )


@door.get("/tickets/<ticket_id>")
def ticket(ticket_id: str) -> Any:
    """Show one ticket; what is in it counts as read by staff from now on."""
    return _page(parse_id(ticket_id))


@door.post("/tickets/<ticket_id>/fill")
def fill_answer(ticket_id: str) -> Any:
    """Put a canned answer under what was typed so far; nothing is sent."""
    row = queries.get_ticket(parse_id(ticket_id), actor=guard.actor(), for_staff=True)
    chosen = canned.get_canned(parse_id(request.form.get("canned", "")))
    beside = ticket_desk.surroundings(row.ticket, current_ports().clock.now())
    facts = canned.facts_of(
        row.ticket,
        customer=row.owner.name,
        instance=beside.instance.name if beside.instance else None,
        address=beside.instance.public_url if beside.instance else None,
        staff=guard.actor().name,
    )
    filled = canned.fill(chosen.text(request.form.get("language", "")), facts)
    return _page(row.ticket.id, draft="\n\n".join(each for each in (_typed(), filled) if each))


@door.post("/tickets/<ticket_id>/answer")
def answer_ticket(ticket_id: str) -> Any:
    """Answer it, and close it with the answer on wish; what cannot be sent stays in the form."""
    id_, at, ports = parse_id(ticket_id), current_ports().clock.now(), current_ports()
    is_last = request.form.get("then") == "close"
    key = request.form.get("key")  # the same form sent twice is one answer
    try:
        with unit_of_work(ports.courier):
            if is_last:  # first: the mail says that it is closed
                turning.set_status(id_, TicketStatus.CLOSED, actor=guard.actor(), at=at)
            writing.write_message(
                id_,
                _typed(),
                as_staff=True,
                message_id=parse_id(key) if key else None,
                actor=guard.actor(),
                at=at,
            )
    except RuleBroken as refusal:
        return _page(id_, draft=_typed(), problem=said(refusal.message))
    return pages.told(
        _("Your answer is sent, and the ticket is closed.") if is_last else _("Your answer is sent."),
        url_for("panel.ticket", ticket_id=id_),
    )


@door.post("/tickets/<ticket_id>/close")
def close_ticket(ticket_id: str) -> Any:
    """Close it without a word."""
    return _turned(ticket_id, turning.set_status, TicketStatus.CLOSED, said=_("The ticket is closed."))


@door.post("/tickets/<ticket_id>/reopen")
def reopen_ticket(ticket_id: str) -> Any:
    """Open a closed one again."""
    return _turned(ticket_id, turning.reopen, said=_("The ticket is open again."))


@door.post("/tickets/<ticket_id>/priority")
def set_ticket_priority(ticket_id: str) -> Any:
    """Give it another priority."""
    try:
        wanted = TicketPriority(request.form.get("priority", ""))
    except ValueError:
        raise RuleBroken("There is no such priority.") from None
    return _turned(ticket_id, turning.set_priority, wanted, said=_("The priority is changed."))


@door.post("/tickets/close")
def close_tickets() -> Any:
    """Close the tickets that were ticked in the list."""
    ids = list(dict.fromkeys(request.form.getlist("ticket")))[:_MOST_AT_ONCE]
    with unit_of_work(current_ports().courier):
        closed = turning.close_many(ids, actor=guard.actor(), at=current_ports().clock.now())
    if not ids:
        flash(_("Tick the tickets to close first."), "warn")
    elif closed.tickets:
        flash(f"Closed: {', '.join(each.code for each in closed.tickets)}.", "good")
    for refusal in closed.refused.values():
        flash(said(refusal.message), "bad")
    return pages.back("panel.tickets_list")


@door.get("/tickets/attachments/<attachment_id>")
def ticket_attachment(attachment_id: str) -> Response:
    """A picture of a ticket, for administrators: they were written anew when they came, and nothing else is served."""
    found = queries.get_attachment(parse_id(attachment_id), actor=guard.actor())
    release_connection()
    try:
        content = b"".join(current_ports().object_store.get(found.key))
    except NoSuchStoredObject:
        raise NoSuchAttachment() from None
    answer = Response(content, content_type=found.mime_type)
    answer.headers.set("Content-Disposition", "attachment", filename=found.filename)
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer


def _typed() -> str:
    return request.form.get("content", "").replace("\x00", "").replace("\r\n", "\n").strip()


def _turned(ticket_id: str, act: Callable[..., Ticket], *wanted: object, said: str) -> Any:
    ports = current_ports()
    with unit_of_work(ports.courier):
        act(parse_id(ticket_id), *wanted, actor=guard.actor(), at=ports.clock.now())
    return pages.told(said, url_for("panel.ticket", ticket_id=ticket_id))


def _page(ticket_id: uuid.UUID, *, draft: str = "", problem: str | None = None) -> Response:
    at = current_ports().clock.now()
    row = queries.get_ticket(ticket_id, actor=guard.actor(), for_staff=True)
    is_part = pages.wants_fragment()
    if row.unread and not is_part:  # the form alone shows nothing of what was said
        with unit_of_work():
            writing.note_read(ticket_id, row.ticket.message_count, by_staff=True)
    facts: dict[str, Any] = {
        "row": row,
        "shown": queries.conversation(row),
        "beside": ticket_desk.surroundings(row.ticket, at),
        "next": queue.next_waiting(but=ticket_id),
        "canned": canned.list_canned(),
        "priorities": TicketPriority,
        "longest": writing.LONGEST_MESSAGE,
        "draft": draft,
        "key": new_id(),
        "problem": problem,
        "at": at,
    }
    page = render_template("admin/tickets/_answer.html" if is_part else "admin/tickets/one.html", **facts)
    return make_response(page, 400 if problem else 200)
