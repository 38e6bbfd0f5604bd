"""Ports and certificates of databases: taken once, kept, given back, renewed in time."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from flask import Flask
from sqlalchemy import func, select

from minispod.audit.models import AuditEntry
from minispod.instances import controls, exposing, provisioning
from minispod.instances.errors import NoPortLeft
from minispod.instances.exposing import TcpRules
from minispod.instances.models import CertificateAuthority, Instance
from minispod.instances.provisioning import OutcomeKind, WorkOrder
from minispod.instances.specifying import ClusterRules
from minispod.kernel.actor import system
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.outbox import OutboxRow
from minispod.kernel.tasks import Task
from minispod.kernel.unit_of_work import unit_of_work
from minispod.rules import cluster_rules
from minispod.settings import Settings
from tests.plugins.app import Person
from tests.plugins.shop import Shop

PlanFinder = Callable[..., uuid.UUID]
OURS = "http://localhost:5000"


@pytest.fixture
def mine(shop: Shop, customer: Person, plan_id: PlanFinder) -> uuid.UUID:
    """A PostgreSQL that was ordered just now."""
    return shop.order(customer, plan_id("postgresql"))


def _claim(shop: Shop, subscription_id: uuid.UUID, rules: ClusterRules | None = None) -> WorkOrder:
    _, instance = shop.look(subscription_id)
    with shop.app.app_context(), unit_of_work():
        order = provisioning.claim(
            instance.id,
            rules=rules or cluster_rules(shop.settings),
            sealer=shop.ports.sealer,
            at=shop.clock.now(),
        )
    assert order is not None
    return order


def _public_port(order: WorkOrder) -> int | None:
    for each in order.objects:
        if each["kind"] == "Service" and each["spec"]["type"] == "NodePort":
            port: int = each["spec"]["ports"][0]["nodePort"]
            return port
    return None


def _rules(settings: Settings, ports: range | None) -> ClusterRules:
    return replace(cluster_rules(settings), tcp=TcpRules(ports, OURS))


def _certificate(shop: Shop, instance: Instance) -> x509.Certificate:
    with shop.app.app_context():
        exposure = exposing.exposure_of(instance, shop.ports.sealer)
    assert exposure is not None
    return x509.load_pem_x509_certificate(exposure.certificate.encode())


def test_an_order_takes_port_certificate_and_page_at_once(shop: Shop, mine: uuid.UUID) -> None:
    _, instance = shop.look(mine)

    assert instance.tcp_port in range(30000, 32768)
    assert instance.public_url == f"{OURS}/connect/{instance.name}"
    assert _public_port(_claim(shop, mine)) == instance.tcp_port
    names = _certificate(shop, instance).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    inside = f"{instance.name}.{instance.namespace}.svc"
    assert {instance.host, inside} <= set(names.value.get_values_for_type(x509.DNSName))
    assert "PRIVATE KEY" not in (instance.sealed_certificate or "")


def test_what_has_a_web_page_takes_none(shop: Shop, customer: Person, plan_id: PlanFinder) -> None:
    _, instance = shop.look(shop.order(customer, plan_id("ghost-blog")))

    assert (instance.tcp_port, instance.sealed_certificate) == (None, None)
    assert instance.public_url == f"http://{instance.host}"


def test_all_databases_are_signed_by_one_authority(
    shop: Shop, app: Flask, mine: uuid.UUID, customer: Person, plan_id: PlanFinder
) -> None:
    other = shop.order(customer, plan_id("redis"))

    with app.app_context():
        authority = x509.load_pem_x509_certificate(exposing.authority_certificates().encode())
        assert session().scalar(select(func.count()).select_from(CertificateAuthority)) == 1
        assert "PRIVATE KEY" not in session().scalars(select(CertificateAuthority)).one().sealed_key
    for subscription in (mine, other):
        _certificate(shop, shop.look(subscription)[1]).verify_directly_issued_by(authority)


def test_port_and_certificate_survive_stopping_and_starting(shop: Shop, mine: uuid.UUID) -> None:
    _, before = shop.look(mine)
    shop.runs(mine)
    for act in (controls.stop, controls.start):
        with shop.app.app_context(), unit_of_work():
            act(before.id, actor=system("tests"), at=shop.clock.now())
        _claim(shop, mine)
        shop.runs(mine)

    _, after = shop.look(mine)
    assert (after.tcp_port, after.sealed_certificate) == (before.tcp_port, before.sealed_certificate)


def test_what_is_gone_gives_its_port_back(shop: Shop, mine: uuid.UUID, customer: Person) -> None:
    shop.runs(mine)
    shop.cancel(customer, mine)
    assert shop.look(mine)[1].tcp_port is not None  # until nothing of it is left
    shop.runs(mine)

    _, gone = shop.look(mine)
    assert gone.is_gone
    assert (gone.tcp_port, gone.sealed_certificate, gone.certificate_ends_at) == (None, None, None)


def test_one_from_before_gets_what_it_lacks_when_it_is_applied(shop: Shop, mine: uuid.UUID) -> None:
    shop.put(
        mine, tcp_port=None, sealed_certificate=None, certificate_ends_at=None, public_url="http://old.host"
    )

    order = _claim(shop, mine)

    _, instance = shop.look(mine)
    assert instance.tcp_port is not None
    assert _public_port(order) == instance.tcp_port
    assert instance.public_url == f"{OURS}/connect/{instance.name}"


def test_one_from_before_runs_without_a_port_while_none_is_left(
    shop: Shop, settings: Settings, mine: uuid.UUID
) -> None:
    taken = shop.look(mine)[1].tcp_port or 0
    shop.put(mine, tcp_port=None)

    assert _public_port(_claim(shop, mine, _rules(settings, range(0)))) is None
    assert _public_port(_claim(shop, mine, _rules(settings, range(taken, taken + 1)))) == taken


def test_without_exposure_it_is_reached_from_inside_only(
    shop: Shop, settings: Settings, mine: uuid.UUID
) -> None:
    order = _claim(shop, mine, _rules(settings, None))

    assert shop.look(mine)[1].tcp_port is None
    assert _public_port(order) is None
    assert not [each for each in order.objects if each["metadata"]["name"].endswith("-public")]


def test_a_port_that_the_cluster_does_not_give_is_left(shop: Shop, mine: uuid.UUID) -> None:
    before = shop.look(mine)[1].tcp_port

    settlement = shop.conclude(mine, OutcomeKind.PORT_TAKEN)

    _, instance = shop.look(mine)
    assert instance.tcp_port not in (before, None)
    assert settlement.again_after == timedelta(seconds=2)
    with shop.app.app_context():
        wanted = select(AuditEntry.details).where(AuditEntry.action == "instance.port_changed")
        assert session().scalars(wanted).one()["before"] == before


def test_certificates_are_renewed_in_the_last_thirty_days(
    shop: Shop, clock: FrozenClock, tick: Callable[[str], None], mine: uuid.UUID
) -> None:
    shop.runs(mine)
    _, before = shop.look(mine)
    ends_at = before.certificate_ends_at
    assert ends_at is not None
    old_objects = _claim(shop, mine).hash

    clock.advance(seconds=(ends_at - clock.now() - timedelta(days=31)).total_seconds())
    tick("renew-certificates")
    assert shop.look(mine)[1].sealed_certificate == before.sealed_certificate

    _forget_work(shop)
    clock.advance(days=2)
    tick("renew-certificates")
    _, after = shop.look(mine)
    assert after.certificate_ends_at is not None
    assert after.certificate_ends_at > ends_at + timedelta(days=600)
    assert (after.tcp_port, after.status) == (before.tcp_port, before.status)
    assert _claim(shop, mine).hash != old_objects
    with shop.app.app_context():
        work = select(OutboxRow.args).where(OutboxRow.task == Task.RECONCILE_INSTANCE.value)
        assert session().scalars(work).one()["instance_id"] == str(after.id)
        book = select(func.count()).where(AuditEntry.action == "instance.certificate_renewed")
        assert session().scalar(book) == 1


def test_an_authority_that_would_end_too_soon_is_followed_by_another(
    shop: Shop, clock: FrozenClock, mine: uuid.UUID, customer: Person, plan_id: PlanFinder
) -> None:
    clock.advance(days=18 * 365 + 1)
    later = shop.order(customer, plan_id("redis"))

    with shop.app.app_context():
        first, second = x509.load_pem_x509_certificates(exposing.authority_certificates().encode())
    _certificate(shop, shop.look(mine)[1]).verify_directly_issued_by(first)
    certificate = _certificate(shop, shop.look(later)[1])
    certificate.verify_directly_issued_by(second)
    assert certificate.not_valid_after_utc < second.not_valid_after_utc


def test_the_last_port_goes_to_one_and_nothing_is_charged_to_the_other(
    shop: Shop, person: Callable[..., Person], plan_id: PlanFinder
) -> None:
    first, second = person(credit=500_000), person(credit=500_000)
    narrow = Shop(shop.app, _narrow(shop.settings), shop.ports, shop.clock)
    plan = plan_id("redis")

    narrow.order(first, plan)
    with pytest.raises(NoPortLeft):
        narrow.order(second, plan)

    assert narrow.balance(second) == 500_000
    assert narrow.used(plan) == 1


def _narrow(settings: Settings) -> Settings:
    """The same settings with room for a single database."""
    given = {
        name: value
        for group in ("database", "redis", "operation", "web", "tokens", "business", "midtrans", "mail")
        for name, value in getattr(settings, group).model_dump().items()
    }
    return Settings(**{**given, "tcp_ports": "31999-31999", "public_scheme": "http", "ingress_tls": False})


def _forget_work(shop: Shop) -> None:
    with shop.app.app_context(), unit_of_work():
        for row in session().scalars(select(OutboxRow)):
            session().delete(row)
