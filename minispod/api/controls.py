"""Stop, start and restart an instance: /api/v1/subscriptions/<id>/stop, /start, /restart.

The wish is recorded and committed; then the answer waits a bounded time for the cluster (decision 5): 200 with the
state that was reached, else 202 with the state on the way there. The front end reads the state once, right after.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import g

from minispod.api.envelope import Answer, Door, enveloped
from minispod.api.guard import limiter, requires_sign_in
from minispod.api.instances import own_instance
from minispod.api.patience import wait_for
from minispod.api.schemas.controls import ControlledOut, RestartedOut, StartedOut, StoppedOut
from minispod.api.subscriptions import subscription_row
from minispod.instances import controls
from minispod.instances import queries as instance_queries
from minispod.instances.errors import NoSuchInstance
from minispod.instances.models import Instance
from minispod.instances.states import HEALTHY, SETTLED, InstanceStatus
from minispod.kernel.unit_of_work import unit_of_work
from minispod.ports import current_ports, current_settings
from minispod.subscriptions import operating, queries
from minispod.subscriptions.queries import OwnedSubscription

door = Door(
    "controls",
    __name__,
    url_prefix="/api/v1/subscriptions",
    description="Stop, start and restart an instance",
)

PER_MINUTE = "30 per minute"
_ON_ITS_WAY = (
    "The cluster is still at it: `instance.status` says what is under way; the outcome is pushed over /status"
)


@dataclass(frozen=True, slots=True)
class Control:
    """One of the three: the act, the state it leads to, what is said about it, and in which schema."""

    name: str
    act: Callable[..., Instance]
    goal: InstanceStatus
    done: str
    under_way: str
    failed: str
    facts: Callable[[Instance, str | None], dict[str, Any]]
    schema: type[ControlledOut]


def _stop_facts(instance: Instance, old_pod: str | None) -> dict[str, Any]:
    is_stopped = instance.status is InstanceStatus.STOPPED
    return {
        "stopped_at": instance.last_stopped_at if is_stopped else None,
        "method": "scale-to-zero",
        "preserved_data": True,
    }


def _start_facts(instance: Instance, old_pod: str | None) -> dict[str, Any]:
    runs = instance.status is InstanceStatus.RUNNING
    return {
        "started_at": instance.last_started_at if runs else None,
        "method": "scale-up",
        "new_pod_name": instance.pod_name if runs else None,
    }


def _restart_facts(instance: Instance, old_pod: str | None) -> dict[str, Any]:
    runs = instance.status is InstanceStatus.RUNNING
    return {
        "old_pod_name": old_pod,
        "new_pod_name": instance.pod_name if runs else None,
        "restart_time": instance.restart_wish_at,
        "method": "replace-pod",
    }


STOP = Control(
    "stop",
    controls.stop,
    InstanceStatus.STOPPED,
    "The instance has been stopped; its data are kept",
    "The instance is stopping; its data are kept",
    "The instance could not be stopped",
    _stop_facts,
    StoppedOut,
)
START = Control(
    "start",
    operating.start,
    InstanceStatus.RUNNING,
    "The instance has been started",
    "The instance is starting",
    "The instance could not be started",
    _start_facts,
    StartedOut,
)
RESTART = Control(
    "restart",
    controls.restart,
    InstanceStatus.RUNNING,
    "The instance has been restarted",
    "The instance is restarting",
    "The instance could not be restarted",
    _restart_facts,
    RestartedOut,
)


def controls_instance(at_door: Door, control: Control) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Guard, limit and document a view that carries out a control."""
    waits = at_door.alt_response(202, schema=enveloped(control.schema), description=_ON_ITS_WAY)
    answers = at_door.answers(200, control.schema, message=control.done)
    return lambda view: requires_sign_in(limiter.limit(PER_MINUTE)(waits(answers(view))))


@door.put("/<subscription_id>/stop")
@controls_instance(door, STOP)
def stop(subscription_id: str) -> Answer:
    """Stop a running instance; its data are kept, and it goes on being billed."""
    return carry_out(STOP, own_instance(subscription_id))


@door.put("/<subscription_id>/start")
@controls_instance(door, START)
def start(subscription_id: str) -> Answer:
    """Start a stopped instance of an active subscription."""
    return carry_out(START, own_instance(subscription_id))


@door.post("/<subscription_id>/restart")
@controls_instance(door, RESTART)
def restart(subscription_id: str) -> Answer:
    """Replace the pod of a running instance; its data are kept."""
    return carry_out(RESTART, own_instance(subscription_id))


def carry_out(control: Control, instance: Instance) -> Answer:
    """Record the wish, wait for the cluster as long as is allowed, and say what was reached; the owner was checked."""
    ports, instance_id, old_pod = current_ports(), instance.id, instance.pod_name
    with unit_of_work(ports.courier):
        control.act(instance_id, actor=g.actor, at=ports.clock.now())
    wait_for(lambda: _settled(instance_id), current_settings().web.control_wait_seconds)
    reached = queries.get_subscription(instance.subscription_id, actor=g.actor)
    if reached.instance is None:
        raise NoSuchInstance()
    return _answer(control, reached, reached.instance, old_pod)


def _settled(instance_id: uuid.UUID) -> Instance | None:
    instance = instance_queries.get_instance(instance_id, actor=g.actor)
    return instance if instance.status in SETTLED else None


def _answer(control: Control, owned: OwnedSubscription, instance: Instance, old_pod: str | None) -> Answer:
    is_settled = instance.status in SETTLED
    message = control.under_way
    if instance.status is control.goal:
        message = control.done
    elif is_settled:
        message = f"{control.failed}: {instance.health_status or instance.status.value}"
    row = subscription_row(owned)
    data = {
        "subscription": row,
        "instance": {
            "id": instance.id,
            "name": instance.name,
            "status": instance.status.value,
            "health_status": instance.health_status,
            "service": row["service"],
            "plan": row["plan"],
        },
        control.name: control.facts(instance, old_pod),
        "message": message,
        "next_steps": _next_steps(instance, is_settled=is_settled),
    }
    return Answer(data, message, status=200 if is_settled else 202)


def _next_steps(instance: Instance, *, is_settled: bool) -> list[str]:
    if not is_settled:
        waits_for = instance.health_status
        why = f": {waits_for}" if waits_for and waits_for != HEALTHY else ""
        return [f"The page shows the state as it is; load it again in a moment{why}"]
    return {
        InstanceStatus.RUNNING: [f"The application answers at {instance.public_url}"],
        InstanceStatus.STOPPED: ["Start it at any time; the subscription goes on meanwhile"],
        InstanceStatus.ERROR: ["Try it again, or write to support"],
    }.get(instance.status, [])
