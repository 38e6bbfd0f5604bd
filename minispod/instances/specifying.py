"""From rows and rules to the values that manifests are made of: what runs for one customer, and the walls around it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from minispod.catalog.recipes import get_recipe
from minispod.instances import exposing, lost_nodes, volumes
from minispod.instances.environment import own_values
from minispod.instances.models import Instance
from minispod.instances.namespace_manifests import NamespaceSpec
from minispod.instances.specification import InstanceSpec
from minispod.instances.states import InstanceStatus, Wanted
from minispod.kernel.database import session
from minispod.kernel.sealed import Sealer


@dataclass(frozen=True, slots=True)
class ClusterRules:
    """What settings say about instances on the cluster; times in seconds."""

    storage_class: str
    ingress_class: str
    ingress_namespace: str
    tls_issuer: str
    cpu_request_ratio: float
    memory_request_ratio: float
    ready_timeout: int
    attempts: int
    retry_seconds: int
    repair_hours: int
    node_loss_seconds: int
    tcp: exposing.TcpRules
    service_accounts_namespace: str = ""
    priority_class: str = ""
    blocked_ranges: tuple[str, ...] = ()


def spec_of(instance: Instance, rules: ClusterRules, sealer: Sealer, at: datetime) -> InstanceSpec:
    """Specify the instance as it is wanted now, in the version and on the volume that are its own; reads only."""
    recipe = get_recipe(instance.service_slug).at(instance.version)
    exposure = None
    if recipe.tls is not None and instance.is_gone:
        # Whoever tidies up after it makes no more than names of it.
        exposure = exposing.passing_exposure(instance.name, instance.host, at)
    elif recipe.tls is not None:
        exposure = exposing.exposure_of(instance, sealer)
    return InstanceSpec(
        instance_id=instance.id,
        subscription_id=instance.subscription_id,
        user_id=instance.user_id,
        namespace=instance.namespace,
        name=instance.name,
        service_slug=instance.service_slug,
        recipe=recipe,
        host=instance.host,
        public_url=instance.public_url,
        cpu_milli=instance.cpu_milli,
        memory_mb=instance.memory_mb,
        storage_gb=instance.storage_gb,
        secrets=sealer.open(instance.sealed_secrets),
        own_values=own_values(instance, sealer),
        volume_number=instance.volume_number,
        replicas=0 if instance.wanted is Wanted.STOPPED else 1,
        restarted_at=instance.restart_wish_at,
        storage_class=rules.storage_class or None,
        ingress_class=rules.ingress_class,
        tls=instance.tls,
        tls_issuer=rules.tls_issuer or None,
        cpu_request_ratio=rules.cpu_request_ratio,
        memory_request_ratio=rules.memory_request_ratio,
        node_loss_seconds=rules.node_loss_seconds,
        priority_class=rules.priority_class or None,
        exposure=exposure,
        preferred_node=instance.preferred_node,
    )


def walls_of(instance: Instance, rules: ClusterRules) -> NamespaceSpec:
    """The walls around all of a customer's instances that have something in the cluster, and all their volumes."""
    rows = session().scalars(
        select(Instance).where(
            Instance.user_id == instance.user_id, Instance.status != InstanceStatus.TERMINATED
        )
    )
    living = list(rows)
    spare = volumes.spare_volumes(instance.user_id)
    # A pod on a dead node stays in the books, and is counted, while another takes its place.
    lost = lost_nodes.look()
    displaced = [each for each in living if lost.displaces(each)]
    return NamespaceSpec(
        namespace=instance.namespace,
        user_id=instance.user_id,
        cpu_milli=sum(each.cpu_milli for each in [*living, *displaced]),
        memory_mb=sum(each.memory_mb for each in [*living, *displaced]),
        storage_gb=sum(each.storage_gb for each in living),
        instances=len(living),
        spare_claims=sum(spare.get(each.id, 0) for each in living),
        spare_storage_gb=sum(each.storage_gb * spare.get(each.id, 0) for each in living),
        rolling_cpu_milli=max((each.cpu_milli for each in living), default=0),
        rolling_memory_mb=max((each.memory_mb for each in living), default=0),
        cpu_request_ratio=rules.cpu_request_ratio,
        memory_request_ratio=rules.memory_request_ratio,
        ingress_namespace=rules.ingress_namespace,
        private_ranges=rules.blocked_ranges,
        service_accounts_namespace=rules.service_accounts_namespace,
    )


def walls_around(spec: InstanceSpec, rules: ClusterRules) -> NamespaceSpec:
    """The walls around one instance that has a namespace for itself: a trial, a drill."""
    return NamespaceSpec(
        namespace=spec.namespace,
        user_id=spec.user_id,
        cpu_milli=spec.cpu_milli,
        memory_mb=spec.memory_mb,
        storage_gb=spec.storage_gb,
        instances=1,
        rolling_cpu_milli=spec.cpu_milli,
        rolling_memory_mb=spec.memory_mb,
        cpu_request_ratio=rules.cpu_request_ratio,
        memory_request_ratio=rules.memory_request_ratio,
        ingress_namespace=rules.ingress_namespace,
        private_ranges=rules.blocked_ranges,
        service_accounts_namespace=rules.service_accounts_namespace,
    )
