"""What an owner sets of an instance: /api/v1/subscriptions/<id>/environment and .../credentials.

Changes answer at once with the state they bring; the outcome is pushed over Socket.IO and visible here.
"""

import uuid
from typing import Any

from flask import g

from minispod.api.envelope import Door
from minispod.api.guard import limiter, requires_sign_in
from minispod.api.schemas.instances import (
    CredentialsOut,
    EnvironmentChangedOut,
    EnvironmentIn,
    EnvironmentOut,
    EnvironmentValuesOut,
)
from minispod.api.subscriptions import instance_row
from minispod.catalog.recipes import own_values
from minispod.instances import environment, rotation
from minispod.instances.errors import NoSuchInstance
from minispod.instances.models import Instance
from minispod.kernel.ids import parse_id
from minispod.kernel.unit_of_work import unit_of_work
from minispod.ports import current_ports
from minispod.subscriptions import queries

door = Door(
    "instances",
    __name__,
    url_prefix="/api/v1/subscriptions",
    description="What an owner sets of an instance: environment and credentials",
)


def own_instance(subscription_id: str) -> Instance:
    """The instance of one's own subscription; raise NoSuchSubscription, NoSuchInstance."""
    owned = queries.get_subscription(parse_id(subscription_id), actor=g.actor)
    if owned.instance is None:
        raise NoSuchInstance()
    return owned.instance


@door.get("/<subscription_id>/environment")
@requires_sign_in
@door.answers(200, EnvironmentOut, message="Environment retrieved successfully")
def show_environment(subscription_id: str) -> dict[str, Any]:
    """Show which values are set, by name, and which may be."""
    return _environment_row(own_instance(subscription_id).id)


@door.post("/<subscription_id>/environment/show")
@requires_sign_in
@limiter.limit("30 per hour")
@door.answers(200, EnvironmentValuesOut, message="Values shown")
def show_values(subscription_id: str) -> dict[str, Any]:
    """Show the values that were set; the showing is audited."""
    ports, instance = current_ports(), own_instance(subscription_id)
    with unit_of_work(ports.courier):
        values = environment.show_values(
            instance.id, sealer=ports.sealer, actor=g.actor, at=ports.clock.now()
        )
    return {"values": values}


@door.patch("/<subscription_id>/environment")
@requires_sign_in
@limiter.limit("60 per hour")
@door.arguments(EnvironmentIn)
@door.answers(202, EnvironmentChangedOut, message="Environment is being changed")
def change_environment(body: dict[str, Any], subscription_id: str) -> dict[str, Any]:
    """Set values and take some out; what runs restarts, and goes back by itself if it does not come up."""
    ports, instance = current_ports(), own_instance(subscription_id)
    with unit_of_work(ports.courier):
        environment.change(
            instance.id, body["values"], sealer=ports.sealer, actor=g.actor, at=ports.clock.now()
        )
    return _changed_row(subscription_id)


@door.post("/<subscription_id>/environment/revert")
@requires_sign_in
@limiter.limit("60 per hour")
@door.answers(202, EnvironmentChangedOut, message="Environment is being changed")
def revert_environment(subscription_id: str) -> dict[str, Any]:
    """Go back to the values before the newest change."""
    ports, instance = current_ports(), own_instance(subscription_id)
    with unit_of_work(ports.courier):
        environment.revert(instance.id, actor=g.actor, at=ports.clock.now())
    return _changed_row(subscription_id)


@door.get("/<subscription_id>/credentials")
@requires_sign_in
@door.answers(200, CredentialsOut, message="Credentials retrieved successfully")
def list_credentials(subscription_id: str) -> dict[str, Any]:
    """List the generated credentials by name, whether each can be changed here, and how its newest change went."""
    return _credentials_row(own_instance(subscription_id).id)


@door.post("/<subscription_id>/credentials/<name>/rotate")
@requires_sign_in
@limiter.limit("10 per hour")
@door.answers(202, CredentialsOut, message="The credential is being changed")
def rotate_credential(subscription_id: str, name: str) -> dict[str, Any]:
    """Give a credential another value: in the running application first, then a restart with it."""
    ports, instance = current_ports(), own_instance(subscription_id)
    with unit_of_work(ports.courier):
        rotation.ask(instance.id, name, sealer=ports.sealer, actor=g.actor, at=ports.clock.now())
    return _credentials_row(instance.id)


def _changed_row(subscription_id: str) -> dict[str, Any]:
    instance = own_instance(subscription_id)
    return {"instance": instance_row(instance), "environment": _environment_row(instance.id)}


def _environment_row(instance_id: uuid.UUID) -> dict[str, Any]:
    found = environment.get_environment(instance_id, actor=g.actor)
    offers = [
        {"name": name, "description": offer, "pattern": offer.pattern, "is_set": name in found.names}
        for name, offer in found.offers.items()
    ]
    change = found.state and {
        "state": found.state.value,
        "changed_at": found.changed_at,
        "names_before": found.names_before,
        "error": found.error,
    }
    return {
        "names": found.names,
        "offers": offers,
        "takes_more": found.takes_more,
        "most_values": own_values.MOST_VALUES,
        "longest_value": own_values.LONGEST_VALUE,
        "last_change": change,
    }


def _credentials_row(instance_id: uuid.UUID) -> dict[str, Any]:
    return {"credentials": rotation.list_credentials(instance_id, actor=g.actor)}
