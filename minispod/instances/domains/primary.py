"""The primary address of an instance: the one its application is told, and that we show and write into mails.

It is the instance's own host, or one active custom domain. The others lead to the application too.
"""

import uuid
from datetime import datetime

from minispod.audit import trail
from minispod.catalog.recipes import get_recipe
from minispod.instances.controls import reconcile_later
from minispod.instances.domains.errors import NotYetActive, RestartNotConfirmed
from minispod.instances.domains.queries import find_domain
from minispod.instances.domains.states import DomainStatus
from minispod.instances.errors import WrongState
from minispod.instances.models import Instance
from minispod.instances.naming import with_host
from minispod.instances.states import InstanceStatus, Wanted
from minispod.kernel.actor import Actor

_CALM = (InstanceStatus.RUNNING, InstanceStatus.STOPPED)


def restarts_for_address(instance: Instance) -> bool:
    """Tell whether another primary address restarts the application, because it is told its address."""
    is_up = instance.wanted is Wanted.RUNNING and instance.status is InstanceStatus.RUNNING
    return is_up and get_recipe(instance.service_slug).knows_its_address


def choose(
    instance: Instance, domain_id: uuid.UUID | None, *, is_confirmed: bool, actor: Actor, at: datetime
) -> None:
    """Make a domain the primary address of a locked instance, or its own host (None).

    Refuses NoSuchDomain, NotYetActive, RestartNotConfirmed, and WrongState while something else goes on.
    """
    host = instance.host
    if domain_id is not None:
        domain = find_domain(instance.id, domain_id)
        if domain.status is not DomainStatus.ACTIVE:
            raise NotYetActive(status=domain.status.value)
        host = domain.host
    if host == instance.public_host:
        return
    if instance.status not in _CALM:
        raise WrongState("Please wait until the instance runs or is stopped.", status=instance.status.value)
    require_confirmation(instance, is_confirmed=is_confirmed)
    move(instance, host, at=at)
    trail.record(
        actor,
        trail.Action.DOMAIN_MADE_PRIMARY,
        at=at,
        subject_kind="instance",
        subject_id=instance.id,
        host=host,
    )


def require_confirmation(instance: Instance, *, is_confirmed: bool) -> None:
    """Raise RestartNotConfirmed when a move would restart the application and nobody said yes."""
    if restarts_for_address(instance) and not is_confirmed:
        raise RestartNotConfirmed()


def move(instance: Instance, host: str, *, at: datetime) -> None:
    """Let `host` be the primary address; whoever is told its address is given the new one, with a new pod."""
    restarts = restarts_for_address(instance)
    instance.public_url = with_host(instance.public_url, host)
    instance.wish(instance.wanted, at)
    if restarts:
        instance.turn(InstanceStatus.RESTARTING, at)
    reconcile_later(instance, at)
