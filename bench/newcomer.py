"""A customer for a measurement: registered, and with a confirmed address, because free plans want one."""

import uuid

from minispod.local.bystanders import Mailbox
from minispod.local.shopper import Shopper
from minispod.local.surroundings import Surroundings
from minispod.local.timeline import StoryStopped
from minispod.local.visit import confirm_address


def newcomer(around: Surroundings) -> Shopper:
    """Register somebody new; raises StoryStopped without the demo's mailbox."""
    if around.mailbox is None:
        raise StoryStopped("free plans want a confirmed address, and this demo has no mailbox")
    customer, email = Shopper(around), f"bench-{uuid.uuid4().hex[:12]}@example.com"
    form = {"name": "Bench Mark", "email": email, "password": uuid.uuid4().hex}
    customer.keep(customer.call("POST", "/auth/register", form, status=201))
    confirm_address(customer, Mailbox(around.mailbox), email)
    return customer
