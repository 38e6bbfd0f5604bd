"""Tickets by several people at once: no number twice, closed once, messages numbered without gaps."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from flask import Flask
from sqlalchemy import func, select

from minispod.audit.models import AuditEntry
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.errors import Refusal
from minispod.kernel.unit_of_work import unit_of_work
from minispod.notifications.models import Notification
from minispod.tickets import attaching, opening, turning, writing
from minispod.tickets.models import Ticket, TicketAttachment, TicketMessage
from minispod.tickets.opening import Wish
from minispod.tickets.pictures import Picture
from minispod.tickets.states import TicketStatus
from tests.plugins.app import Person

AtOnce = Callable[[int, Callable[[int], Any]], list[Any]]
WISH = Wish("Cannot open it", "It does not open since this morning.")
PICTURE = Picture("shot.png", "image/png", b"...")


def tally(results: list[Any]) -> Counter[str]:
    return Counter(each.code if isinstance(each, Refusal) else type(each).__name__ for each in results)


def opened(app: Flask, clock: FrozenClock, customer: Person) -> Ticket:
    with app.app_context(), unit_of_work():
        return opening.open_ticket(WISH, user_id=customer.id, actor=customer.actor, at=clock.now())


def test_no_number_is_given_twice(app: Flask, clock: FrozenClock, customer: Person, at_once: AtOnce) -> None:
    made = at_once(12, lambda _: opened(app, clock, customer))

    assert sorted(each.number for each in made) == list(range(1, 13))


def test_a_number_that_was_rolled_back_is_a_gap(app: Flask, clock: FrozenClock, customer: Person) -> None:
    class Crash(Exception):
        """Something else went wrong in the same transaction."""

    try:
        with app.app_context(), unit_of_work():
            opening.open_ticket(WISH, user_id=customer.id, actor=customer.actor, at=clock.now())
            raise Crash
    except Crash:
        pass

    assert opened(app, clock, customer).code == "#002"


def test_its_owner_closes_a_ticket_once(
    app: Flask, clock: FrozenClock, customer: Person, at_once: AtOnce
) -> None:
    ticket = opened(app, clock, customer)

    def close(_: int) -> Any:
        with app.app_context(), unit_of_work():
            return turning.close_own(ticket.id, actor=customer.actor, at=clock.now())

    assert tally(at_once(6, close)) == {"Ticket": 1, "tickets.already_closed": 5}


def test_owner_and_staff_close_it_at_once_and_one_of_them_did(
    app: Flask, clock: FrozenClock, customer: Person, administrator: Person, at_once: AtOnce
) -> None:
    ticket = opened(app, clock, customer)

    def close(index: int) -> Any:
        with app.app_context(), unit_of_work():
            if index % 2:
                return turning.close_own(ticket.id, actor=customer.actor, at=clock.now())
            return turning.set_status(
                ticket.id, TicketStatus.CLOSED, actor=administrator.actor, at=clock.now()
            )

    at_once(6, close)

    with app.app_context():
        acts = session().scalars(select(AuditEntry).where(AuditEntry.action == "ticket.closed")).all()
        [act] = acts
        assert session().get_one(Ticket, ticket.id).closed_by == act.actor_id


def test_many_who_close_the_same_ones_in_any_order_do_not_wait_for_each_other_for_ever(
    app: Flask, clock: FrozenClock, customer: Person, administrator: Person, at_once: AtOnce
) -> None:
    ids = [str(opened(app, clock, customer).id) for _ in range(8)]

    def close(index: int) -> Any:
        with app.app_context(), unit_of_work():
            wanted = ids if index % 2 else [each.upper() for each in reversed(ids)]
            return turning.close_many(wanted, actor=administrator.actor, at=clock.now())

    done = at_once(6, close)

    assert [len(each.tickets) for each in done] == [8] * 6
    with app.app_context():
        closed = select(func.count()).where(AuditEntry.action == "ticket.closed")
        assert session().scalar(closed) == 8


def test_messages_while_it_is_closed_are_all_there_in_a_row(
    app: Flask, clock: FrozenClock, customer: Person, administrator: Person, at_once: AtOnce
) -> None:
    ticket = opened(app, clock, customer)

    def act(index: int) -> Any:
        with app.app_context(), unit_of_work():
            if index % 3 == 0:
                return turning.set_status(
                    ticket.id, TicketStatus.CLOSED, actor=administrator.actor, at=clock.now()
                )
            if index % 3 == 1:
                return writing.write_message(
                    ticket.id, "More", as_staff=False, actor=customer.actor, at=clock.now()
                )
            return writing.write_message(
                ticket.id, "Yes", as_staff=True, actor=administrator.actor, at=clock.now()
            )

    assert tally(at_once(9, act)) == {"Ticket": 3, "TicketMessage": 6}
    with app.app_context():
        shown = session().get_one(Ticket, ticket.id)
        numbers = session().scalars(select(TicketMessage.number).order_by(TicketMessage.number)).all()
        assert (shown.status, shown.message_count, numbers) == (TicketStatus.CLOSED, 6, [1, 2, 3, 4, 5, 6])
        mails = select(func.count()).where(Notification.kind == "ticket_answered")
        assert session().scalar(mails) == 3


def test_one_file_goes_with_one_message(
    app: Flask, clock: FrozenClock, customer: Person, person: Callable[..., Person], at_once: AtOnce
) -> None:
    ticket, stranger = opened(app, clock, customer), person()
    with app.app_context(), unit_of_work():
        [mine] = attaching.begin([PICTURE], actor=customer.actor, at=clock.now())
        [theirs] = attaching.begin([PICTURE], actor=stranger.actor, at=clock.now())

    def write(index: int) -> Any:
        file = theirs if index == 0 else mine
        with app.app_context(), unit_of_work():
            return writing.write_message(
                ticket.id,
                "See",
                as_staff=False,
                attachment_ids=[file.id],
                actor=customer.actor,
                at=clock.now(),
            )

    assert tally(at_once(5, write)) == {"TicketMessage": 1, "tickets.no_such_attachment": 4}
    with app.app_context():
        assert session().scalars(select(TicketMessage.number)).all() == [1]
        assert session().get_one(TicketAttachment, theirs.id).ticket_id is None
