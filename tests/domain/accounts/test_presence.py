"""Accounts: when somebody was last there, what signing out writes down, and which field is taken."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from minispod.accounts import sessions, stewardship
from minispod.accounts.errors import EmailTaken, LastAdministrator
from minispod.accounts.models import User
from minispod.audit.models import AuditEntry
from minispod.kernel.actor import Role, system, visitor
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from tests.plugins.app import PASSWORD, Person, PortsNow


def test_who_refreshes_was_there(app: Flask, ports: PortsNow, customer: Person, clock: FrozenClock) -> None:
    with app.app_context():
        with unit_of_work():
            user = sessions.check_password(customer.email, PASSWORD, bcrypt_rounds=4)
            pair = sessions.sign_in(user, keys=ports.token_keys, actor=customer.actor, at=clock.now())
        clock.advance(days=5)

        with unit_of_work():
            sessions.refresh(pair.refresh, keys=ports.token_keys, actor=visitor(), at=clock.now())

        assert session().get_one(User, customer.id, populate_existing=True).signed_in_at == clock.now()


def test_signing_out_everywhere_is_written_down(app: Flask, customer: Person, clock: FrozenClock) -> None:
    with app.app_context():
        with unit_of_work():
            sessions.sign_out_everywhere(customer.id, actor=customer.actor, at=clock.now())

        entry = session().scalars(select(AuditEntry).where(AuditEntry.action == "account.signed_out")).one()
        assert (entry.actor_id, entry.details) == (customer.id, {"everywhere": True})


def test_a_taken_address_is_not_mistaken_for_a_phone(person: Callable[..., Person]) -> None:
    person(email="iphone@example.com")

    with pytest.raises(EmailTaken):
        person(email="iPhone@example.com")


def test_an_administrator_who_is_blocked_already_is_not_the_last(
    app: Flask, person: Callable[..., Person], clock: FrozenClock
) -> None:
    first, second = (person(role=Role.ADMINISTRATOR) for _ in range(2))

    def block(who: Person) -> None:
        with app.app_context(), unit_of_work():
            stewardship.block(who.id, actor=system("tests"), at=clock.now())

    block(first)
    block(first)
    with pytest.raises(LastAdministrator):
        block(second)
