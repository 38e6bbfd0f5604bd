"""What runs by which recipe, for staff: services, instances by state, and versions that differ from the newest."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import func, select

from minispod.catalog.models import Service
from minispod.instances.models import Instance
from minispod.instances.states import InstanceStatus
from minispod.kernel.database import session

_GONE = (InstanceStatus.TERMINATED,)


@dataclass(slots=True)
class Use:
    """What uses one recipe; instances that are gone are not counted."""

    services: list[Service] = field(default_factory=list)
    states: dict[InstanceStatus, int] = field(default_factory=lambda: defaultdict(int))
    versions: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def instances(self) -> int:
        """How many instances there are."""
        return sum(self.states.values())

    @property
    def failed(self) -> int:
        """How many of them are in trouble."""
        return self.states.get(InstanceStatus.ERROR, 0)


def uses(slugs: Sequence[str]) -> Mapping[str, Use]:
    """What uses each of these recipes; two statements however many there are."""
    found = {slug: Use() for slug in slugs}
    for service in session().scalars(select(Service).where(Service.slug.in_(slugs))):
        found[service.slug].services.append(service)
    rows = session().execute(
        select(Instance.service_slug, Instance.status, Instance.version, func.count())
        .where(Instance.service_slug.in_(slugs), Instance.status.not_in(_GONE))
        .group_by(Instance.service_slug, Instance.status, Instance.version)
    )
    for slug, status, version, number in rows:
        found[slug].states[status] += number
        found[slug].versions[version] += number
    return found
