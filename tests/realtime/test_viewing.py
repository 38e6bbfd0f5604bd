"""Whoever looks as a customer follows what the customer follows, until the viewing ends."""

from collections.abc import Callable

from minispod.accounts import viewing
from minispod.kernel.clock import FrozenClock
from minispod.kernel.unit_of_work import unit_of_work
from tests.plugins.app import Person, PortsNow
from tests.realtime.conftest import Bought, Listener, Polling
from tests.realtime.test_door import refusal


def test_who_looks_as_a_customer_is_let_in_until_it_ends(
    listen: Callable[..., Listener],
    polling: Callable[..., Polling],
    ports: PortsNow,
    administrator: Person,
    customer: Person,
    buy: Callable[..., Bought],
    clock: FrozenClock,
) -> None:
    bought, at = buy(customer), clock.now()
    with ports.app.app_context():
        with unit_of_work():
            begun = viewing.begin(customer.id, "They say it is slow.", actor=administrator.actor, at=at)
        seen = viewing.get_own(begun.id, actor=administrator.actor, at=at)
        auth = {"token": viewing.issue(seen, keys=ports.token_keys, at=at)}

    told = listen("/status", auth).next("instance-status")
    with ports.app.app_context(), unit_of_work():
        viewing.end(begun.id, actor=administrator.actor, at=at)

    assert told["subscriptionId"] == str(bought.subscription_id)
    assert refusal(polling(), "/status", auth)[1] == "accounts.bad_token"
