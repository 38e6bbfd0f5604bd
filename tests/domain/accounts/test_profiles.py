"""People change their own profile; what was deleted meanwhile stays without anything of the person."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from minispod.accounts import directory, stewardship
from minispod.accounts.errors import NoSuchUser
from minispod.accounts.models import User
from minispod.audit.models import AuditEntry
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from tests.plugins.app import Person


def test_only_what_is_named_changes_and_the_trail_says_what(
    app: Flask, customer: Person, clock: FrozenClock
) -> None:
    with app.app_context(), unit_of_work():
        directory.change_profile(
            customer.id, {"name": "", "phone": "+628123456789"}, actor=customer.actor, at=clock.now()
        )

    with app.app_context():
        user = session().get_one(User, customer.id)
        entry = session().scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
        assert (user.name, user.phone) == ("Siti Rahma", "+628123456789")
        assert entry is not None
        assert entry.details["changed"] == {"phone": [None, "+628123456789"]}


def test_a_change_that_comes_after_the_deletion_brings_nothing_back(
    app: Flask, person: Callable[..., Person], administrator: Person, clock: FrozenClock
) -> None:
    leaver = person(credit=50_000)
    with app.app_context():
        session().get_one(User, leaver.id)  # signed in: the request has read the account already
        session().rollback()
        with unit_of_work():
            user = stewardship.lock_to_delete(leaver.id, actor=administrator.actor)
            stewardship.anonymise(user, actor=administrator.actor, at=clock.now())

        with pytest.raises(NoSuchUser), unit_of_work():
            directory.change_profile(
                leaver.id,
                {"name": "Siti Rahma", "phone": "+628123456789"},
                actor=leaver.actor,
                at=clock.now(),
            )

    with app.app_context():
        user = session().get_one(User, leaver.id)
        assert (user.name, user.phone) == (stewardship.FORMER_NAME, None)
