"""Try a recipe on the cluster without a shop around it: a scratch namespace, an instance, and nothing left.

Nothing is written to the database. Whoever begins a trial must end it with `remove`.
"""

import time
from collections.abc import Callable, Iterator
from datetime import datetime

from minispod.catalog.recipes import AppRecipe, first_login, generate_secrets
from minispod.cluster.port import ClusterPort
from minispod.instances.creation import AddressRules, Size
from minispod.instances.exposing import passing_exposure
from minispod.instances.manifests import InstanceSpec, instance_manifests, login_facts, spec_hash
from minispod.instances.namespace_manifests import namespace_manifests
from minispod.instances.naming import host_for, inside_host, instance_name, public_url
from minispod.instances.provisioning import Outcome, OutcomeKind, WorkOrder, carry_out
from minispod.instances.specifying import ClusterRules, walls_around
from minispod.instances.states import Wanted
from minispod.kernel.ids import new_id, short_code

_ROUND_SECONDS = 3.0


def trial_of(
    recipe: AppRecipe, size: Size, *, rules: ClusterRules, addresses: AddressRules, at: datetime
) -> tuple[InstanceSpec, WorkOrder]:
    """Specify one instance of the recipe in a namespace of its own, and the work that brings it up."""
    code = short_code()
    name, namespace = instance_name(recipe.slug, code), f"try-{code}"
    host = host_for(addresses.host_pattern, code=code, service_slug=recipe.slug, domain=addresses.base_domain)
    spec = InstanceSpec(
        instance_id=new_id(),
        subscription_id=new_id(),
        user_id=new_id(),
        namespace=namespace,
        name=name,
        service_slug=recipe.slug,
        recipe=recipe,
        host=host,
        public_url=public_url(addresses.scheme, host, addresses.port),
        cpu_milli=size.cpu_milli,
        memory_mb=size.memory_mb,
        storage_gb=size.storage_gb,
        secrets=generate_secrets(recipe),
        storage_class=rules.storage_class or None,
        ingress_class=rules.ingress_class,
        tls=addresses.tls,
        tls_issuer=rules.tls_issuer or None,
        cpu_request_ratio=rules.cpu_request_ratio,
        memory_request_ratio=rules.memory_request_ratio,
        priority_class=rules.priority_class or None,
        exposure=passing_exposure(name, inside_host(name, namespace), at) if recipe.tls else None,
    )
    objects = [*namespace_manifests(walls_around(spec, rules)), *instance_manifests(spec)]
    return spec, _order(spec, Wanted.RUNNING, objects)


def bring_up(order: WorkOrder, cluster: ClusterPort, *, patience: float) -> Iterator[Outcome]:
    """Bring the trial up; yield what is seen until it is ready, refused for good or out of `patience` seconds."""
    ends = time.monotonic() + patience
    while True:
        outcome = carry_out(order, cluster, patience=_ROUND_SECONDS)
        yield outcome
        if outcome.kind in (OutcomeKind.DONE, OutcomeKind.REFUSED) or time.monotonic() >= ends:
            return
        if outcome.sentence:  # carry_out does not wait on trouble or silence
            time.sleep(_ROUND_SECONDS)


def how_to_get_in(spec: InstanceSpec, language: str) -> str:
    """Write the first-login text that a customer would get."""
    return first_login(spec.recipe, language, login_facts(spec))


def remove(spec: InstanceSpec, cluster: ClusterPort, *, patience: float) -> bool:
    """Delete the instance with its volume, and its namespace; True when nothing is left."""
    gone = _until(lambda: _is_deleted(spec, cluster), patience)
    return _until(lambda: cluster.delete_namespace(spec.namespace), patience) and gone


def _is_deleted(spec: InstanceSpec, cluster: ClusterPort) -> bool:
    return carry_out(_order(spec, Wanted.ABSENT, []), cluster, patience=0).kind is OutcomeKind.DONE


def _until(done: Callable[[], bool], patience: float) -> bool:
    ends = time.monotonic() + patience
    while not done():
        if time.monotonic() >= ends:
            return False
        time.sleep(_ROUND_SECONDS / 6)
    return True


def _order(spec: InstanceSpec, wanted: Wanted, objects: list[dict[str, object]]) -> WorkOrder:
    digest = spec_hash(spec) if objects else ""
    return WorkOrder(spec.instance_id, 1, wanted, spec.namespace, spec.names.workload, objects, digest)
