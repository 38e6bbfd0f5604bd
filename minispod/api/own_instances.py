"""One's own instances by their own ids: /api/v1/instances.

An instance is made, resized, paid for and deleted with its subscription (decision 12). So what would part the two
is refused here with the address of the act that does it right: a resize without a charge (fault 26), a deletion that
goes on being billed (fault 27). Everything else is what the subscription's own addresses do.
"""

from typing import Any, NoReturn

from flask import g

from minispod.api.controls import PER_MINUTE, RESTART, START, STOP, carry_out, controls_instance
from minispod.api.envelope import Answer, Door, ProblemSchema
from minispod.api.guard import limiter, requires_sign_in
from minispod.api.instances import own_instance
from minispod.api.schemas.base import pagination, wanted_page
from minispod.api.schemas.own_instances import (
    InstanceLogQuery,
    InstanceLogsOut,
    OwnInstanceIn,
    OwnInstanceMadeOut,
    OwnInstanceOneOut,
    OwnInstancePlanIn,
    OwnInstancesOut,
    OwnInstancesQuery,
)
from minispod.api.subscriptions import instance_row
from minispod.insights import fleet
from minispod.insights.fleet import Sold
from minispod.instances import looking
from minispod.instances.errors import EndsWithSubscription, ResizedByUpgrade
from minispod.instances.models import Instance
from minispod.instances.naming import object_names
from minispod.instances.queries import get_instance
from minispod.instances.states import HEALTHY
from minispod.kernel.ids import parse_id
from minispod.kernel.unit_of_work import release_connection, unit_of_work
from minispod.ports import current_ports
from minispod.subscriptions import operating

door = Door("own_instances", __name__, url_prefix="/api/v1/instances", description="One's own instances")

_BEING_TRIED = "Provisioning is being tried again"


@door.post("")
@requires_sign_in
@limiter.limit(PER_MINUTE)
@door.arguments(OwnInstanceIn)
@door.answers(201, OwnInstanceMadeOut, message=_BEING_TRIED)
def provision(body: dict[str, Any]) -> dict[str, Any]:
    """Provision the instance of one's own subscription again after it failed; every subscription has one already."""
    ports, instance = current_ports(), own_instance(body["subscription_id"])
    with unit_of_work(ports.courier):
        operating.retry(instance.id, actor=g.actor, at=ports.clock.now())
    return {
        "instance": _row(fleet.get_sold(instance.id, actor=g.actor)),
        "message": _BEING_TRIED,
        "estimated_time": "1-5 minutes",
        "next_steps": ["You will get a mail as soon as it is ready"],
    }


@door.get("")
@requires_sign_in
@door.arguments(OwnInstancesQuery, location="query")
@door.answers(200, OwnInstancesOut, message="Service instances retrieved successfully")
def list_instances(query: dict[str, Any]) -> dict[str, Any]:
    """List one's own instances, newest first; those that are gone only on wish, or when asked for by status."""
    found = fleet.list_sold(
        wanted_page(query),
        status=query["status"],
        user_id=g.user.id,
        with_gone=query["include_terminated"],
    )
    rows = [_row(each) for each in found.items]
    return {"instances": rows, "total": found.total, "pagination": pagination(found)}


@door.get("/<instance_id>")
@requires_sign_in
@door.answers(200, OwnInstanceOneOut, message="Service instance retrieved successfully")
def show_instance(instance_id: str) -> dict[str, Any]:
    """Show one instance with what the cluster last said of it; a silent cluster does not matter."""
    sold = fleet.get_sold(parse_id(instance_id), actor=g.actor)
    instance, row = sold.instance, _row(sold)
    return {
        "instance": row,
        "kubernetes_status": _seen(instance),
        "urls": {"public": row["public_url"], "admin": row["admin_url"], "custom": row["custom_domain"]},
        "ssl": {
            "enabled": row["ssl_enabled"],
            "status": "ACTIVE" if row["ssl_enabled"] else "DISABLED",
        },
    }


@door.put("/<instance_id>/update")
@requires_sign_in
@door.arguments(OwnInstancePlanIn)
@door.alt_response(
    400, schema=ProblemSchema, description="`instances.resized_by_upgrade`: `data.use` says how"
)
def resize(body: dict[str, Any], instance_id: str) -> NoReturn:
    """Refused, always: another size is another plan, and that is PUT /subscriptions/<id>/upgrade, which charges it."""
    instance = _mine(instance_id)
    id_ = str(instance.subscription_id)
    raise ResizedByUpgrade(subscriptionId=id_, use=f"PUT /api/v1/subscriptions/{id_}/upgrade")


@door.delete("/<instance_id>")
@requires_sign_in
@door.alt_response(
    400, schema=ProblemSchema, description="`instances.ends_with_subscription`: `data.use` says how"
)
def terminate(instance_id: str) -> NoReturn:
    """Refused, always: an instance is deleted by cancelling its subscription, DELETE /subscriptions/<id>."""
    instance = _mine(instance_id)
    id_ = str(instance.subscription_id)
    raise EndsWithSubscription(subscriptionId=id_, use=f"DELETE /api/v1/subscriptions/{id_}")


@door.get("/<instance_id>/logs")
@requires_sign_in
@limiter.limit("60 per minute")
@door.arguments(InstanceLogQuery, location="query")
@door.answers(200, InstanceLogsOut, message="Instance logs retrieved successfully")
def show_logs(query: dict[str, Any], instance_id: str) -> dict[str, Any]:
    """Show the last lines with their time; they are followed live over the Socket.IO namespace /k8s-logs."""
    instance = _mine(instance_id)
    subject = looking.Subject.of(instance)
    release_connection()
    lines = looking.read_timed_log(subject, current_ports().cluster, lines=query["lines"])
    return {"instance_id": instance.id, "logs": lines, "total": len(lines)}


@door.put("/<instance_id>/stop")
@controls_instance(door, STOP)
def stop(instance_id: str) -> Answer:
    """Stop a running instance; its data are kept, and it goes on being billed."""
    return carry_out(STOP, _mine(instance_id))


@door.put("/<instance_id>/start")
@controls_instance(door, START)
def start(instance_id: str) -> Answer:
    """Start a stopped instance of an active subscription."""
    return carry_out(START, _mine(instance_id))


@door.post("/<instance_id>/restart")
@controls_instance(door, RESTART)
def restart(instance_id: str) -> Answer:
    """Replace the pod of a running instance; its data are kept."""
    return carry_out(RESTART, _mine(instance_id))


def _mine(instance_id: str) -> Instance:
    return get_instance(parse_id(instance_id), actor=g.actor)


def _row(sold: Sold) -> dict[str, Any]:
    return {
        **instance_row(sold.instance),
        "subscription_id": sold.subscription.id,
        "subscription": {
            "id": sold.subscription.id,
            "status": sold.subscription.status.value,
            "service": sold.service,
            "plan": sold.plan,
        },
    }


def _seen(instance: Instance) -> dict[str, Any] | None:
    """What of it was last seen in the cluster; nothing of what is gone."""
    if instance.is_gone:
        return None
    names = object_names(instance.name)
    is_ready = instance.health_status == HEALTHY
    pod = {"name": instance.pod_name, "ready": is_ready, "restarts": instance.restarts}
    return {
        "pods": [pod] if instance.pod_name else [],
        "namespace": instance.namespace,
        "deployment": names.workload,
        "service": names.network_service,
        "ingress": names.ingress if instance.is_web else None,
        "last_seen_at": instance.last_health_check_at,
    }
