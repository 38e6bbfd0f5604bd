"""A viewing that begins while one of its two accounts loses what it needs does not begin."""

import pytest
from flask import Flask

from minispod.accounts import viewing
from minispod.accounts.errors import NotViewable
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from tests.concurrency.waiting import holding, waits_with
from tests.plugins.app import Person


@pytest.mark.parametrize("who", ["administrator", "customer"])
def test_a_role_that_changes_at_this_moment_is_waited_for(
    app: Flask, clock: FrozenClock, administrator: Person, customer: Person, who: str
) -> None:
    changed, role = (administrator, "USER") if who == "administrator" else (customer, "ADMINISTRATOR")

    def begin() -> None:
        with app.app_context(), unit_of_work():
            viewing.begin(customer.id, "They say it is slow.", actor=administrator.actor, at=clock.now())

    changing = holding(app, "UPDATE users SET role = :role WHERE id = :id", role=role, id=changed.id)
    with changing as other, pytest.raises(NotViewable):
        waits_with(app, other, begin)

    with app.app_context():
        assert session().query(viewing.Viewing).count() == 0
