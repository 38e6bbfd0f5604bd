"""Custom domains of an instance: /api/v1/subscriptions/<id>/domains."""

import ipaddress
import uuid
from typing import Any

from flask import g

from minispod.api.envelope import Door
from minispod.api.guard import limiter, requires_sign_in
from minispod.api.schemas.domains import DomainIn, DomainOneOut, DomainsOut, PrimaryIn, RestartIn
from minispod.instances.domains import queries as domain_queries
from minispod.instances.domains.hosts import proof_name, shown
from minispod.instances.domains.models import CustomDomain
from minispod.instances.domains.primary import restarts_for_address
from minispod.instances.domains.wording import sentence
from minispod.instances.models import Instance
from minispod.instances.naming import with_host
from minispod.kernel.ids import parse_id
from minispod.kernel.unit_of_work import unit_of_work
from minispod.ports import current_ports, current_settings
from minispod.subscriptions import domains, queries
from minispod.subscriptions.errors import NotActive
from minispod.subscriptions.queries import OwnedSubscription

door = Door(
    "domains",
    __name__,
    url_prefix="/api/v1/subscriptions",
    description="A customer's own domains for an instance: proven by DNS, with a certificate each",
)


@door.get("/<subscription_id>/domains")
@requires_sign_in
@door.answers(200, DomainsOut, message="Domains retrieved successfully")
def list_domains(subscription_id: str) -> dict[str, Any]:
    """List the addresses of an instance, with the DNS records to set and what is still wrong."""
    return _all_of(parse_id(subscription_id))


@door.post("/<subscription_id>/domains")
@requires_sign_in
@limiter.limit("30 per hour")
@door.arguments(DomainIn)
@door.answers(201, DomainOneOut, message="Domain added; set the DNS records, they are looked at from now on")
def add_domain(body: dict[str, Any], subscription_id: str) -> dict[str, Any]:
    """Add a domain. It is looked at at once, then again and again in growing pauses, for a month."""
    ports, id_ = current_ports(), parse_id(subscription_id)
    with unit_of_work(ports.courier):
        domain = domains.add(
            id_,
            body["host"],
            base_domain=current_settings().cluster.base_domain,
            actor=g.actor,
            at=ports.clock.now(),
        )
    return {"domain": domain_row(domain, _instance(id_)[1])}


@door.post("/<subscription_id>/domains/<domain_id>/check")
@requires_sign_in
@limiter.limit("60 per hour")
@door.answers(202, DomainOneOut, message="The domain is being looked at")
def check_domain(subscription_id: str, domain_id: str) -> dict[str, Any]:
    """Have a domain looked at now; one that was given up or taken off gets another month."""
    ports, id_ = current_ports(), parse_id(subscription_id)
    with unit_of_work(ports.courier):
        domain = domains.check_again(id_, parse_id(domain_id), actor=g.actor, at=ports.clock.now())
    return {"domain": domain_row(domain, _instance(id_)[1])}


@door.put("/<subscription_id>/domains/primary")
@requires_sign_in
@limiter.limit("30 per hour")
@door.arguments(PrimaryIn)
@door.answers(200, DomainsOut, message="The primary address is changed")
def choose_primary(body: dict[str, Any], subscription_id: str) -> dict[str, Any]:
    """Choose the address that the application is told and that we show; the others go on leading to it."""
    ports, id_ = current_ports(), parse_id(subscription_id)
    wanted = body["domain_id"]
    with unit_of_work(ports.courier):
        domains.choose_primary(
            id_,
            parse_id(wanted) if wanted else None,
            is_confirmed=body["confirm_restart"],
            actor=g.actor,
            at=ports.clock.now(),
        )
    return _all_of(id_)


@door.delete("/<subscription_id>/domains/<domain_id>")
@requires_sign_in
@door.arguments(RestartIn, location="query")
@door.answers(200, DomainsOut, message="The domain is removed")
def remove_domain(query: dict[str, Any], subscription_id: str, domain_id: str) -> dict[str, Any]:
    """Remove a domain; it is free for others at once."""
    ports, id_ = current_ports(), parse_id(subscription_id)
    with unit_of_work(ports.courier):
        domains.remove(
            id_,
            parse_id(domain_id),
            is_confirmed=query["confirm_restart"],
            actor=g.actor,
            at=ports.clock.now(),
        )
    return _all_of(id_)


def domain_row(domain: CustomDomain, instance: Instance) -> dict[str, Any]:
    """A domain as the wire shows it."""
    certificate = domain.certificate and {
        "status": domain.certificate.value,
        "since": domain.certificate_since,
        "message": domain.certificate_message,
    }
    return {
        "id": domain.id,
        "host": domain.host,
        "display_host": shown(domain.host),
        "url": with_host(instance.public_url, domain.host),
        "status": domain.status.value,
        "status_since": domain.status_changed_at,
        "is_primary": domain.host == instance.public_host,
        "records": _records(domain, instance),
        "problems": [
            {
                "code": each["code"],
                "sentence": {language: sentence(each, language) for language in ("en", "id")},
            }
            for each in domain.problems
        ],
        "certificate": certificate,
        "checked_at": domain.checked_at,
        "next_check_at": domain.next_check_at,
        "verified_at": domain.verified_at,
        "grace_until": domain.grace_until,
        "created_at": domain.created_at,
    }


def _records(domain: CustomDomain, instance: Instance) -> list[dict[str, str]]:
    addresses = current_settings().domains.public_addresses
    return [
        {"type": "TXT", "name": proof_name(domain.host), "value": domain.token},
        {"type": "CNAME", "name": domain.host, "value": instance.host},
        *(
            {
                "type": "A" if ipaddress.ip_address(each).version == 4 else "AAAA",
                "name": domain.host,
                "value": each,
            }
            for each in addresses
        ),
    ]


def _instance(subscription_id: uuid.UUID) -> tuple[OwnedSubscription, Instance]:
    owned = queries.get_subscription(subscription_id, actor=g.actor)
    if owned.instance is None:
        raise NotActive(status=owned.subscription.status.value)
    return owned, owned.instance


def _all_of(subscription_id: uuid.UUID) -> dict[str, Any]:
    owned, instance = _instance(subscription_id)
    found = domain_queries.list_domains(instance.id, actor=g.actor)
    return {
        "own_host": instance.host,
        "primary_host": instance.public_host,
        "primary_url": instance.public_url,
        "max_domains": owned.subscription.plan.max_domains,
        "used_domains": sum(each.is_open for each in found),
        "restarts_on_change": restarts_for_address(instance),
        "domains": [domain_row(each, instance) for each in found],
    }
