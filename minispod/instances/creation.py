"""Make the row of a new instance: names, address and secrets, once and for all."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, update
from sqlalchemy.dialects.postgresql import insert

from minispod.catalog.recipes import generate_secrets, get_recipe
from minispod.instances.exposing import TcpRules, expose
from minispod.instances.models import Instance, Tenancy
from minispod.instances.naming import host_for, instance_name, namespace_for, public_url
from minispod.instances.states import InstanceStatus, Wanted
from minispod.instances.volumes import first_volume
from minispod.kernel.database import run, table_of
from minispod.kernel.ids import new_id, short_code
from minispod.kernel.inserting import insert_now
from minispod.kernel.sealed import Sealer

_tenancies = table_of(Tenancy)
# Two first orders of one customer collide in either unique key; a conflict named by one key alone would be an error
# when the other is met first.
_OPEN_TENANCY = (
    insert(_tenancies)
    .values(user_id=bindparam("owner"), created_at=bindparam("at"))
    .on_conflict_do_nothing()
    .returning(_tenancies.c.namespace)
)
_KEEP_TENANCY = (
    update(_tenancies)
    .where(_tenancies.c.user_id == bindparam("owner"))
    .values(cleared_at=None)
    .returning(_tenancies.c.namespace)
)


@dataclass(frozen=True, slots=True)
class AddressRules:
    """How instances are named and reached."""

    host_pattern: str
    base_domain: str
    scheme: str
    port: int | None
    tls: bool
    tcp: TcpRules


@dataclass(frozen=True, slots=True)
class Size:
    """What a plan gives an instance."""

    cpu_milli: int
    memory_mb: int
    storage_gb: int


def create_instance(
    *,
    subscription_id: uuid.UUID,
    user_id: uuid.UUID,
    service_slug: str,
    size: Size,
    addresses: AddressRules,
    sealer: Sealer,
    at: datetime,
) -> Instance:
    """Write the row of a new instance, wanted running; raise NoSuchRecipe, NoPortLeft."""
    recipe = get_recipe(service_slug)
    code = short_code()
    host = host_for(
        addresses.host_pattern, code=code, service_slug=service_slug, domain=addresses.base_domain
    )
    instance = Instance(
        id=new_id(),
        subscription_id=subscription_id,
        user_id=user_id,
        service_slug=service_slug,
        name=instance_name(service_slug, code),
        namespace=namespace_of(user_id, at=at),
        host=host,
        public_url=public_url(addresses.scheme, host, addresses.port),
        is_web=recipe.expose == "http",
        tls=addresses.tls,
        cpu_milli=size.cpu_milli,
        memory_mb=size.memory_mb,
        storage_gb=size.storage_gb,
        sealed_secrets=sealer.seal(generate_secrets(recipe)),
        version=recipe.version,
        volume_number=1,
        wanted=Wanted.RUNNING,
        status=InstanceStatus.PENDING,
        status_changed_at=at,
        created_at=at,
        updated_at=at,
    )
    expose(instance, rules=addresses.tcp, sealer=sealer, at=at)
    insert_now(instance)
    if recipe.keeps_data:
        first_volume(instance, at=at)
    return instance


def namespace_of(user_id: uuid.UUID, *, at: datetime) -> str:
    """Return the customer's namespace, named with their first order and now kept from being cleared away."""
    values = {"owner": user_id, "namespace": namespace_for(user_id), "at": at}
    first: str | None = run(_OPEN_TENANCY, values).scalar_one_or_none()
    return first if first is not None else str(run(_KEEP_TENANCY, {"owner": user_id}).scalar_one())
