"""Look at a domain: what the DNS and the cluster say of it, and what follows: claim, carry out, settle.

Only a definite answer of the DNS changes anything; silence and errors of name servers are noted and asked again.
"""

import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.exc import IntegrityError

from minispod.audit import trail
from minispod.cluster.port import (
    CertificateSighting,
    CertificateState,
    ClusterPort,
    ClusterRefused,
    ClusterUnavailable,
)
from minispod.instances.domains.claiming import check_later
from minispod.instances.domains.inside import hidden
from minispod.instances.domains.judging import Verdict, judge, look_up
from minispod.instances.domains.manifests import certificate_name
from minispod.instances.domains.models import CustomDomain
from minispod.instances.domains.publishing import publish_later
from minispod.instances.domains.queries import holder_of
from minispod.instances.domains.releasing import withdraw
from minispod.instances.domains.resolver import Resolver
from minispod.instances.domains.rules import DomainRules
from minispod.instances.domains.states import CertificateStatus, DomainStatus, ProblemCode
from minispod.instances.domains.telling import tell_owner
from minispod.instances.models import Instance
from minispod.instances.states import InstanceStatus
from minispod.kernel.actor import Actor
from minispod.kernel.database import lock, session
from minispod.notifications.messages import MessageKind

_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=10), timedelta(days=1)
_FAILING_PAUSE = timedelta(minutes=30)
_PATIENCE_FOR_CERTIFICATE = timedelta(days=1)
_OPENS = (CertificateStatus.NOT_NEEDED, CertificateStatus.READY, CertificateStatus.UNKNOWN)


@dataclass(frozen=True, slots=True)
class CheckOrder:
    """What is to be looked at; `certificate` is the secret's name, None when there is none to look at."""

    domain_id: uuid.UUID
    instance_id: uuid.UUID
    host: str
    token: str
    own_host: str
    namespace: str
    certificate: str | None


@dataclass(frozen=True, slots=True)
class Checked:
    """What was seen; `certificate` is None when nobody could tell."""

    verdict: Verdict
    certificate: CertificateSighting | None


def pause(attempts: int) -> timedelta:
    """How long to wait after so many looks: seconds at first, a day in the end."""
    doublings = min(max(attempts - 1, 0), 20)
    return min(_FIRST_PAUSE * (1 << doublings), _LONGEST_PAUSE)


def claim(domain_id: uuid.UUID) -> CheckOrder | None:
    """What is to be looked at; None when the domain is not looked at any more."""
    domain = session().get(CustomDomain, domain_id)
    if domain is None or not domain.is_open:
        return None
    instance = session().get_one(Instance, domain.instance_id)
    looks = instance.tls and domain.is_holding and domain.published_at is not None
    return CheckOrder(
        domain.id,
        instance.id,
        domain.host,
        domain.token,
        instance.host,
        instance.namespace,
        certificate_name(instance.name, domain.host) if looks else None,
    )


def carry_out(order: CheckOrder, resolver: Resolver, cluster: ClusterPort, *, rules: DomainRules) -> Checked:
    """Ask the DNS, and the cluster for the certificate; a silent cluster is no finding."""
    seen = look_up(resolver, host=order.host, own_host=order.own_host, addresses=rules.addresses)
    verdict = judge(seen, host=order.host, own_host=order.own_host, token=order.token)
    certificate = None
    if order.certificate and rules.issues_certificates:
        with suppress(ClusterUnavailable, ClusterRefused):
            certificate = cluster.see_certificate(order.namespace, order.certificate)
    elif order.certificate:
        certificate = CertificateSighting(CertificateState.UNKNOWN, "Certificates are not issued by us here.")
    return Checked(verdict, certificate)


def settle(order: CheckOrder, checked: Checked, *, rules: DomainRules, actor: Actor, at: datetime) -> None:
    """Write what was seen and draw its consequences; locks the instance. A domain asked for anew makes it stale."""
    instance: Instance | None = lock(Instance, order.instance_id)
    domain = session().get(CustomDomain, order.domain_id, populate_existing=True)
    if instance is None or domain is None or not domain.is_open or domain.token != order.token:
        return
    domain.checked_at = domain.updated_at = at
    domain.attempts += 1
    if not domain.is_holding:
        _waiting(domain, instance, checked.verdict, rules, actor, at)
    elif checked.verdict.is_right:
        _right(domain, instance, checked.certificate, rules, actor, at)
    else:
        _wrong(domain, instance, checked.verdict, rules, actor, at)


def _waiting(
    domain: CustomDomain, instance: Instance, verdict: Verdict, rules: DomainRules, actor: Actor, at: datetime
) -> None:
    domain.problems = list(verdict.problems)
    if verdict.is_right:
        if _hold(domain, at):
            domain.verified_at = at
            domain.next_check_at = at + _FIRST_PAUSE
            publish_later(instance, at)
            _book(trail.Action.DOMAIN_VERIFIED, domain, instance, actor, at)
            return
        domain.problems = [_problem(ProblemCode.HELD_BY_ANOTHER, domain)]
        held = holder_of(domain.host)
        if held is not None:
            # Whoever held it until now may have lost the name to this one.
            check_later(held[0], at)
    if at - domain.waiting_since >= rules.give_up:
        domain.turn(DomainStatus.FAILED, at)
        domain.next_check_at = None
        tell_owner(MessageKind.DOMAIN_ENDED, domain, instance, how="given_up", days=rules.give_up.days)
        _book(trail.Action.DOMAIN_GIVEN_UP, domain, instance, actor, at)
    else:
        domain.next_check_at = at + pause(domain.attempts)


def _hold(domain: CustomDomain, at: datetime) -> bool:
    """Take the host unless somebody else holds it: between two at the same moment the unique index decides."""
    try:
        with session().begin_nested():
            domain.turn(DomainStatus.VERIFIED, at)
            session().flush()  # the unique index answers here
    except IntegrityError as error:
        if "uq_custom_domains_host_held" not in str(error.orig):
            raise
        return False
    return True


def _right(
    domain: CustomDomain,
    instance: Instance,
    certificate: CertificateSighting | None,
    rules: DomainRules,
    actor: Actor,
    at: datetime,
) -> None:
    domain.grace_until = None
    _note_certificate(domain, instance, certificate, at)
    was_active = domain.status is DomainStatus.ACTIVE
    opens = domain.published_at is not None and domain.certificate in _OPENS
    is_late = domain.verified_at is not None and at - domain.verified_at >= _PATIENCE_FOR_CERTIFICATE
    domain.problems = _problems_of_serving(domain, is_late=is_late)
    if opens or was_active:
        if not was_active:
            domain.turn(DomainStatus.ACTIVE, at)
            tell_owner(MessageKind.DOMAIN_ACTIVE, domain, instance)
            _book(trail.Action.DOMAIN_ACTIVE, domain, instance, actor, at)
        domain.next_check_at = at + (rules.recheck if opens else pause(domain.attempts))
        return
    domain.turn(DomainStatus.VERIFIED, at)
    if domain.published_at is None:
        publish_later(instance, at)
    domain.next_check_at = at + pause(domain.attempts)
    if is_late and domain.problems:
        event = f"certificate:{domain.verified_at}"
        tell_owner(MessageKind.DOMAIN_FAILING, domain, instance, event=event, until=None)


def _wrong(
    domain: CustomDomain, instance: Instance, verdict: Verdict, rules: DomainRules, actor: Actor, at: datetime
) -> None:
    domain.problems = list(verdict.problems)
    domain.next_check_at = at + min(_FAILING_PAUSE, rules.recheck)
    if not verdict.is_definite:
        return
    if domain.status is not DomainStatus.FAILING:
        domain.turn(DomainStatus.FAILING, at)
        domain.grace_until = at + rules.grace
        tell_owner(MessageKind.DOMAIN_FAILING, domain, instance, until=domain.grace_until.isoformat())
        _book(trail.Action.DOMAIN_FAILING, domain, instance, actor, at)
        return
    is_held_back = domain.host == instance.public_host and instance.status is InstanceStatus.MAINTENANCE
    if domain.grace_until is not None and at >= domain.grace_until and not is_held_back:
        withdraw(instance, domain, DomainStatus.TAKEN_OFF, at=at)
        tell_owner(MessageKind.DOMAIN_ENDED, domain, instance, how="taken_off", days=rules.grace.days)
        _book(trail.Action.DOMAIN_TAKEN_OFF, domain, instance, actor, at)


def _note_certificate(
    domain: CustomDomain, instance: Instance, sighting: CertificateSighting | None, at: datetime
) -> None:
    if not instance.tls:
        status, message = CertificateStatus.NOT_NEEDED, ""
    elif sighting is not None:
        status, message = CertificateStatus[sighting.state.name], sighting.message
    elif domain.certificate is None:
        status, message = CertificateStatus.WAITING, ""
    else:
        return
    if domain.certificate is not status:
        domain.certificate, domain.certificate_since = status, at
    # cert-manager tells whom it asked in vain, inside the cluster too.
    domain.certificate_message = hidden(message) or None


def _problems_of_serving(domain: CustomDomain, *, is_late: bool) -> list[dict[str, str]]:
    kept = [each for each in domain.problems if each["code"] == ProblemCode.NOT_PUBLISHED]
    overdue = is_late and domain.certificate is CertificateStatus.WAITING
    if overdue or domain.certificate is CertificateStatus.FAILING:
        kept.append(_problem(ProblemCode.CERTIFICATE, domain, domain.certificate_message or ""))
    return kept


def _problem(code: ProblemCode, domain: CustomDomain, found: str = "") -> dict[str, str]:
    return {"code": code.value, "name": domain.host, "found": found, "wanted": ""}


def _book(action: trail.Action, domain: CustomDomain, instance: Instance, actor: Actor, at: datetime) -> None:
    trail.record(actor, action, at=at, subject_kind="instance", subject_id=instance.id, host=domain.host)
