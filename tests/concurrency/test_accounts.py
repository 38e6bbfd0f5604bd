"""Accounts under pressure: no moment without an administrator, no token that outlives signing out."""

import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from minispod.accounts import mailed_tokens, sessions, stewardship
from minispod.accounts.errors import AccountDeactivated, BadCredentials, BadToken, LastAdministrator
from minispod.accounts.models import RefreshToken, User
from minispod.kernel.actor import Role, system, visitor
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from tests.plugins.app import PASSWORD, Person, PortsNow

AtOnce = Callable[[int, Callable[[int], Any]], list[Any]]
TESTER = system("tests")


def _sign_in(app: Flask, ports: PortsNow, person: Person, clock: FrozenClock) -> str:
    with app.app_context(), unit_of_work():
        user = sessions.check_password(person.email, PASSWORD, bcrypt_rounds=4)
        pair = sessions.sign_in(user, keys=ports.token_keys, actor=person.actor, at=clock.now())
        return pair.refresh


def _usable(app: Flask, user_id: uuid.UUID) -> int:
    with app.app_context():
        return (
            session().scalar(
                select(func.count())
                .select_from(RefreshToken)
                .where(
                    RefreshToken.user_id == user_id,
                    RefreshToken.revoked_at.is_(None),
                    RefreshToken.spent_at.is_(None),
                )
            )
            or 0
        )


@pytest.mark.parametrize("_round", range(5))
def test_administrators_who_block_each_other_leave_one(
    app: Flask, person: Callable[..., Person], clock: FrozenClock, at_once: AtOnce, _round: int
) -> None:
    people = [person(role=Role.ADMINISTRATOR, name=f"Admin {index}") for index in range(6)]

    def block(index: int) -> str:
        with app.app_context(), unit_of_work():
            stewardship.block(people[index].id, actor=TESTER, at=clock.now())
            return "blocked"

    results = at_once(6, block)

    assert [type(each) for each in results if each != "blocked"] == [LastAdministrator], results
    with app.app_context():
        active = select(func.count()).select_from(User).where(User.is_active.is_(True))
        assert session().scalar(active) == 1


@pytest.mark.parametrize("_round", range(5))
def test_signing_out_everywhere_also_ends_a_refresh_of_the_same_moment(
    app: Flask, ports: PortsNow, customer: Person, clock: FrozenClock, at_once: AtOnce, _round: int
) -> None:
    tokens = [_sign_in(app, ports, customer, clock) for _ in range(5)]

    def act(index: int) -> Any:
        with app.app_context(), unit_of_work():
            if index == 5:
                sessions.sign_out_everywhere(customer.id, actor=customer.actor, at=clock.now())
                return "signed out"
            return sessions.refresh(tokens[index], keys=ports.token_keys, actor=visitor(), at=clock.now())

    results = at_once(6, act)

    assert results[5] == "signed out"
    assert all(isinstance(each, tuple | BadToken) for each in results[:5]), results
    assert _usable(app, customer.id) == 0


def test_a_refresh_under_way_while_its_sign_in_ends_leaves_no_successor(
    app: Flask, ports: PortsNow, customer: Person, clock: FrozenClock
) -> None:
    token = _sign_in(app, ports, customer, clock)
    started = threading.Event()

    def sign_out() -> None:
        with app.app_context(), unit_of_work():
            started.set()
            sessions.sign_out(customer.id, token, actor=customer.actor, at=clock.now())

    other = threading.Thread(target=sign_out)
    with app.app_context(), unit_of_work():
        sessions.refresh(token, keys=ports.token_keys, actor=visitor(), at=clock.now())
        session().flush()
        other.start()
        assert started.wait(60)
        other.join(0.3)
    other.join(60)

    assert _usable(app, customer.id) == 0


def test_a_sign_in_whose_password_was_checked_before_the_block_is_refused(
    app: Flask, ports: PortsNow, customer: Person, administrator: Person, clock: FrozenClock
) -> None:
    with app.app_context():
        user = sessions.check_password(customer.email, PASSWORD, bcrypt_rounds=4)

        def block() -> None:
            with app.app_context(), unit_of_work():
                stewardship.block(customer.id, actor=administrator.actor, at=clock.now())

        other = threading.Thread(target=block)
        other.start()
        other.join(60)
        with pytest.raises(AccountDeactivated), unit_of_work():
            sessions.sign_in(user, keys=ports.token_keys, actor=customer.actor, at=clock.now())

    assert _usable(app, customer.id) == 0


def test_a_sign_in_whose_password_was_checked_before_it_changed_is_refused(
    app: Flask, ports: PortsNow, customer: Person, clock: FrozenClock
) -> None:
    def change() -> None:
        with app.app_context(), unit_of_work():
            mailed_tokens.change_password(
                customer.id, PASSWORD, "anew-and-fit1", bcrypt_rounds=4, actor=customer.actor, at=clock.now()
            )

    with app.app_context():
        user = sessions.check_password(customer.email, PASSWORD, bcrypt_rounds=4)
        other = threading.Thread(target=change)
        other.start()
        other.join(60)
        with pytest.raises(BadCredentials), unit_of_work():
            sessions.sign_in(user, keys=ports.token_keys, actor=customer.actor, at=clock.now())

    assert _usable(app, customer.id) == 0


@pytest.mark.parametrize("_round", range(3))
def test_blocking_and_refreshing_at_once_do_not_lock_each_other_out(
    app: Flask, ports: PortsNow, customer: Person, clock: FrozenClock, at_once: AtOnce, _round: int
) -> None:
    tokens = [_sign_in(app, ports, customer, clock) for _ in range(7)]

    def act(index: int) -> Any:
        with app.app_context(), unit_of_work():
            if index == 7:
                return stewardship.block(customer.id, actor=TESTER, at=clock.now())
            return sessions.refresh(tokens[index], keys=ports.token_keys, actor=visitor(), at=clock.now())

    results = at_once(8, act)

    assert isinstance(results[7], User)
    assert all(isinstance(each, tuple | BadToken | AccountDeactivated) for each in results[:7]), results
    assert _usable(app, customer.id) == 0
