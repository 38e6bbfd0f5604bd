"""Custom domains: look at those that are due, and bring the cluster to the proven ones. No DNS within transactions."""

import uuid
from datetime import timedelta

from minispod.cluster.port import NoSuchObject
from minispod.instances.domains import checking, publishing, queries
from minispod.jobs.work import Work
from minispod.kernel import outbox
from minispod.kernel.actor import system
from minispod.kernel.tasks import Task
from minispod.kernel.unit_of_work import release_connection, unit_of_work
from minispod.ports import Ports
from minispod.rules import cluster_rules, domain_rules
from minispod.settings import Settings


def check_domain(work: Work) -> timedelta | None:
    """Look at one domain."""
    rules = domain_rules(work.settings)
    order = checking.claim(uuid.UUID(work.lease.args["domain_id"]))
    if order is None:
        return None
    release_connection()
    checked = checking.carry_out(order, work.ports.resolver, work.ports.cluster, rules=rules)
    with unit_of_work(work.ports.courier):
        checking.settle(order, checked, rules=rules, actor=system("domains"), at=work.now())
    return None


def publish_domains(work: Work) -> timedelta | None:
    """Bring the cluster to the proven domains of one instance."""
    instance_id = uuid.UUID(work.lease.args["instance_id"])
    order = publishing.claim(instance_id, rules=cluster_rules(work.settings))
    if order is None:
        return None
    release_connection()
    try:
        published = publishing.carry_out(order, work.ports.cluster)
    except NoSuchObject:
        # Nothing of the customer's is in the cluster yet; this is asked for again when the instance has come.
        return None
    with unit_of_work(work.ports.courier):
        still_wanted = publishing.settle(order, published, at=work.now())
    if not still_wanted:
        release_connection()
        work.ports.cluster.withdraw_domains(order.namespace, str(order.instance_id), [])
    return None


def fan_out_checks(ports: Ports, settings: Settings) -> None:
    """Ask for each domain whose time to be looked at has come."""
    at = ports.clock.now()
    with unit_of_work(ports.courier):
        wishes = {str(id_): {"domain_id": str(id_)} for id_ in queries.due(at)}
        outbox.ensure_each(Task.CHECK_DOMAIN, wishes, at=at)
