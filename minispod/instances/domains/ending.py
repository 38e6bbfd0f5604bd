"""The end of all domains of an instance that goes."""

from datetime import datetime

from sqlalchemy import select

from minispod.instances.domains.models import CustomDomain
from minispod.instances.domains.states import DomainStatus
from minispod.instances.models import Instance
from minispod.instances.naming import with_host
from minispod.kernel.database import session


def release_all(instance: Instance, *, at: datetime) -> None:
    """Free every host of a locked instance; its objects in the cluster go with the instance."""
    wanted = select(CustomDomain).where(
        CustomDomain.instance_id == instance.id, CustomDomain.status != DomainStatus.REMOVED
    )
    for domain in session().scalars(wanted):
        domain.turn(DomainStatus.REMOVED, at)
        domain.next_check_at = domain.grace_until = None
    instance.public_url = with_host(instance.public_url, instance.host)
