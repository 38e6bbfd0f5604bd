"""What lets a database be reached over TCP: its port, its certificate and its page.

A port is taken once, kept while the instance is stopped, and given back when nothing of it is left. Ports are chosen
at random, so that a client that was left behind does not knock at somebody else's database the day after. The
authority's key and each certificate's key are sealed.
"""

import contextlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from minispod.audit import trail
from minispod.instances.certificates import CERTIFICATE_LIFE, KeyPair, make_authority, make_certificate
from minispod.instances.errors import NoPortLeft
from minispod.instances.models import CertificateAuthority, Instance
from minispod.instances.naming import connect_url, inside_host
from minispod.instances.specification import Exposure
from minispod.kernel.actor import Actor
from minispod.kernel.database import session
from minispod.kernel.sealed import Sealer

# Any number that no other advisory lock of this database uses.
_PORT_LOCK = 37_00_37
_RENEW_BEFORE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class TcpRules:
    """Which ports databases may take (None: they are not reached from outside), and our own address."""

    ports: range | None
    own_url: str


def passing_exposure(name: str, host: str, at: datetime) -> Exposure:
    """A certificate by an authority of its own, for what is soon gone: a trial, a drill. It takes no port."""
    authority = make_authority(at)
    made = make_certificate(authority, name, [host], at)
    return Exposure(made.certificate, made.key, authority.certificate)


def expose(instance: Instance, *, rules: TcpRules, sealer: Sealer, at: datetime) -> None:
    """Give a database what it lacks of page, certificate and port; raise NoPortLeft.

    What it has stays, also when the range changes; only an installation that exposes nothing takes ports back.
    Orders of databases wait for each other here until they commit.
    """
    if instance.is_web:
        return
    instance.public_url = connect_url(rules.own_url, instance.name)
    if instance.sealed_certificate is None:
        _certify(instance, sealer, at)
    if rules.ports is None:
        instance.tcp_port = None
    elif instance.tcp_port is None:
        instance.tcp_port = _free_port(rules.ports)


def catch_up(instance: Instance, *, rules: TcpRules, sealer: Sealer, at: datetime) -> None:
    """The same for one from before databases were exposed; with no port left it does without for now."""
    with contextlib.suppress(NoPortLeft):
        expose(instance, rules=rules, sealer=sealer, at=at)


def move_to_another_port(instance: Instance, *, rules: TcpRules, actor: Actor, at: datetime) -> None:
    """Leave a port that something else in the cluster holds; raise NoPortLeft."""
    if rules.ports is None or instance.tcp_port is None:
        return
    left = instance.tcp_port
    instance.tcp_port = _free_port(rules.ports)
    _audit(instance, trail.Action.INSTANCE_PORT_CHANGED, actor, at, before=left, after=instance.tcp_port)


def give_back(instance: Instance) -> None:
    """Nothing of the instance is left: its port is free, its certificate is forgotten."""
    instance.tcp_port = instance.sealed_certificate = instance.certificate_ends_at = None


def exposure_of(instance: Instance, sealer: Sealer) -> Exposure | None:
    """The port and the opened certificate of a database; None for what has a web page or no certificate yet."""
    if instance.sealed_certificate is None:
        return None
    opened = sealer.open(instance.sealed_certificate)
    return Exposure(opened["certificate"], opened["key"], authority_certificates(), instance.tcp_port)


def authority_certificates() -> str:
    """What clients check our certificates with, as PEM; empty before there was a database, two after eighteen years."""
    wanted = select(CertificateAuthority.certificate).order_by(CertificateAuthority.number)
    return "".join(session().scalars(wanted))


def renew_certificates(*, sealer: Sealer, actor: Actor, at: datetime, limit: int = 20) -> list[Instance]:
    """Make new certificates for those that end within 30 days, the first to end first; locks the instances.

    Returns them: each needs to be applied, and its database is away for the seconds of a restart.
    """
    due = session().scalars(
        select(Instance)
        .where(Instance.certificate_ends_at <= at + _RENEW_BEFORE)
        .order_by(Instance.certificate_ends_at)
        .limit(limit)
        .with_for_update(skip_locked=True, key_share=True)
    )
    renewed = []
    for instance in due:
        before = instance.certificate_ends_at
        _certify(instance, sealer, at)
        _audit(instance, trail.Action.INSTANCE_CERTIFICATE_RENEWED, actor, at, ended=str(before))
        renewed.append(instance)
    return renewed


def _certify(instance: Instance, sealer: Sealer, at: datetime) -> None:
    inside = inside_host(instance.name, instance.namespace)
    hosts = (instance.host, inside, f"{inside}.cluster.local", instance.name, "localhost")
    made = make_certificate(_authority(sealer, at), instance.name, hosts, at)
    instance.sealed_certificate = sealer.seal({"certificate": made.certificate, "key": made.key})
    instance.certificate_ends_at = made.ends_at


def _authority(sealer: Sealer, at: datetime) -> KeyPair:
    """The authority that signs now. Whoever needs it first makes it, and the next one before it would end too soon."""
    newest = _newest_authority()
    if newest is None or newest.ends_at < at + CERTIFICATE_LIFE:
        made = make_authority(at)
        row = {
            "number": newest.number + 1 if newest else 1,
            "certificate": made.certificate,
            "sealed_key": sealer.seal({"key": made.key}),
            "ends_at": made.ends_at,
            "created_at": at,
        }
        session().execute(insert(CertificateAuthority).values(row).on_conflict_do_nothing())
        newest = _newest_authority()  # somebody else's, if theirs was first
    if newest is None:
        raise RuntimeError("the authority that was written is not there")
    return KeyPair(newest.certificate, sealer.open(newest.sealed_key)["key"], newest.ends_at)


def _newest_authority() -> CertificateAuthority | None:
    return session().scalar(
        select(CertificateAuthority).order_by(CertificateAuthority.number.desc()).limit(1)
    )


def _free_port(ports: range) -> int:
    """Choose a port that no instance has; whoever asks meanwhile waits for our commit."""
    session().execute(select(func.pg_advisory_xact_lock(_PORT_LOCK)))
    taken = set(session().scalars(select(Instance.tcp_port).where(Instance.tcp_port.is_not(None))))
    free = [port for port in ports if port not in taken]
    if not free:
        raise NoPortLeft()
    return secrets.choice(free)


def _audit(instance: Instance, action: trail.Action, actor: Actor, at: datetime, **details: object) -> None:
    trail.record(
        actor,
        action,
        at=at,
        subject_kind="instance",
        subject_id=instance.id,
        name=instance.name,
        **details,
    )
