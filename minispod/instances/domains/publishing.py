"""Bring the cluster to the proven domains of an instance: claim, carry out, settle.

Apart from the work on the instance itself: what the cluster thinks of a domain never fails an instance. Applying
again is harmless, and what is not wanted any more is withdrawn each time.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from minispod.cluster.port import ClusterPort, ClusterRefused, Manifest
from minispod.instances.domains.claiming import check_later
from minispod.instances.domains.manifests import domain_manifest
from minispod.instances.domains.models import CustomDomain
from minispod.instances.domains.queries import holding_domains
from minispod.instances.domains.states import ProblemCode
from minispod.instances.models import Instance
from minispod.instances.specifying import ClusterRules
from minispod.instances.states import Wanted
from minispod.kernel import outbox
from minispod.kernel.database import lock, session
from minispod.kernel.tasks import Task

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class PublishOrder:
    """The addresses that an instance is to have in the cluster besides its own, by domain."""

    instance_id: uuid.UUID
    namespace: str
    objects: dict[uuid.UUID, Manifest]


@dataclass(frozen=True, slots=True)
class Published:
    """Which domains the cluster took, and which it refused."""

    taken: tuple[uuid.UUID, ...]
    refused: tuple[uuid.UUID, ...]


def publish_later(instance: Instance, at: datetime) -> None:
    """Have the cluster follow the domains of an instance after the commit."""
    outbox.later(Task.PUBLISH_DOMAINS, key=str(instance.id), at=at, instance_id=str(instance.id))


def publish_again(instance: Instance, at: datetime) -> None:
    """Have what somebody changed by hand put right: asked for whenever the instance itself was brought to its wish."""
    if holding_domains(instance.id):
        outbox.ensure(Task.PUBLISH_DOMAINS, key=str(instance.id), at=at, instance_id=str(instance.id))


def claim(instance_id: uuid.UUID, *, rules: ClusterRules) -> PublishOrder | None:
    """What is to be in the cluster; None when the instance goes, and everything of it by itself."""
    instance = session().get(Instance, instance_id)
    if instance is None or instance.wanted is Wanted.ABSENT:
        return None
    return PublishOrder(
        instance.id,
        instance.namespace,
        {each.id: _manifest(instance, each.host, rules) for each in holding_domains(instance.id)},
    )


def carry_out(order: PublishOrder, cluster: ClusterPort) -> Published:
    """Apply each address by itself and withdraw the others; raises NoSuchObject before there is a namespace."""
    taken, refused = [], []
    for domain_id, manifest in order.objects.items():
        try:
            cluster.apply([manifest])
        except ClusterRefused as refusal:
            log.warning("domain.refused", domain_id=str(domain_id), reason=refusal.message)
            refused.append(domain_id)
        else:
            taken.append(domain_id)
    cluster.withdraw_domains(order.namespace, str(order.instance_id), list(order.objects.values()))
    return Published(tuple(taken), tuple(refused))


def settle(order: PublishOrder, published: Published, *, at: datetime) -> bool:
    """Note what the cluster took, and look at new ones again soon; locks the instance.

    False when the instance goes meanwhile: what was applied must be withdrawn, because its deletion may be over.
    """
    instance: Instance | None = lock(Instance, order.instance_id)
    if instance is None or instance.wanted is Wanted.ABSENT:
        return False
    for domain in _rows(published.taken):
        if domain.is_holding:
            if domain.published_at is None:
                check_later(domain, at)
            domain.published_at = at
            domain.problems = [each for each in domain.problems if each["code"] != ProblemCode.NOT_PUBLISHED]
    for domain in _rows(published.refused):
        if domain.is_holding:
            problem = {
                "code": ProblemCode.NOT_PUBLISHED.value,
                "name": domain.host,
                "found": "",
                "wanted": "",
            }
            domain.problems = [problem]
    return True


def _rows(ids: Sequence[uuid.UUID]) -> list[CustomDomain]:
    found = (session().get(CustomDomain, each, populate_existing=True) for each in ids)
    return [domain for domain in found if domain is not None]


def _manifest(instance: Instance, host: str, rules: ClusterRules) -> Manifest:
    return domain_manifest(
        host,
        instance_id=instance.id,
        subscription_id=instance.subscription_id,
        user_id=instance.user_id,
        namespace=instance.namespace,
        name=instance.name,
        service_slug=instance.service_slug,
        ingress_class=rules.ingress_class,
        tls=instance.tls,
        tls_issuer=rules.tls_issuer or None,
    )
