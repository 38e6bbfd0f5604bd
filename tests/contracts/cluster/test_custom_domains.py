"""Custom domains in the cluster: each has an address and a certificate of its own, and goes without the others."""

import base64
from dataclasses import replace

import pytest
import requests

from minispod.cluster.port import CertificateState
from minispod.instances.domains.manifests import (
    CUSTOM_DOMAIN,
    address_name,
    certificate_name,
    domain_manifest,
)
from minispod.instances.manifests import instance_manifests, spec_hash
from minispod.integrations.kubernetes import paths
from minispod.integrations.kubernetes.client import ApiSaidNo

SHOP, BLOG = "shop.example.com", "xn--toko-bku-q4a.example"

pytestmark = pytest.mark.timeout(400)


def address_of(spec, host, *, tls=False):
    return domain_manifest(
        host,
        instance_id=spec.instance_id,
        subscription_id=spec.subscription_id,
        user_id=spec.user_id,
        namespace=spec.namespace,
        name=spec.name,
        service_slug=spec.service_slug,
        ingress_class=spec.ingress_class,
        tls=tls,
        tls_issuer="letsencrypt-prod" if tls else None,
    )


def running(target, customer, slug="n8n-automation", **changes):
    spec = customer.spec(slug, **changes)
    customer.apply(spec)

    def ask():
        seen = target.cluster.see(spec.namespace, spec.name)
        return seen is not None and seen.is_ready

    target.eventually(ask)
    return spec


def ask(target, host, path="/"):
    address = target.ingress if "://" in target.ingress else f"http://{target.ingress}"
    return requests.get(address + path, headers={"Host": host}, timeout=5, allow_redirects=False)


def answers(target, host):
    return target.eventually(lambda: ask(target, host).status_code < 400)


def is_away(target, host):
    return target.eventually(lambda: ask(target, host).status_code == 404)


def exists(target, path):
    try:
        return target.bare.get(path)
    except ApiSaidNo as refusal:
        if refusal.status != 404:
            raise
        return None


def put_certificate(target, spec, host):
    """What cert-manager would have put there; it carries none of our labels."""
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": certificate_name(spec.name, host), "namespace": spec.namespace},
        "type": "kubernetes.io/tls",
        "data": {name: base64.b64encode(b"x").decode() for name in ("tls.crt", "tls.key")},
    }
    target.cluster.apply([secret])
    return paths.SECRET.one(spec.namespace, secret["metadata"]["name"])


def test_a_custom_domain_answers_beside_the_own_host_and_goes_alone(target, customer):
    spec = running(target, customer)
    target.cluster.apply([address_of(spec, SHOP), address_of(spec, BLOG)])
    for host in (SHOP, BLOG, spec.host):
        answers(target, host)

    target.cluster.prune(spec.namespace, str(spec.instance_id), instance_manifests(spec))
    assert answers(target, SHOP), "the work on the instance leaves its domains alone"

    target.cluster.withdraw_domains(spec.namespace, str(spec.instance_id), [address_of(spec, SHOP)])
    is_away(target, BLOG)
    answers(target, SHOP)
    answers(target, spec.host)

    target.cluster.withdraw_domains(spec.namespace, str(spec.instance_id), [])
    target.cluster.withdraw_domains(spec.namespace, str(spec.instance_id), [])
    is_away(target, SHOP)
    answers(target, spec.host)


def test_domains_of_neighbours_stay_when_one_withdraws(target, customer):
    mine, other = running(target, customer), running(target, customer)
    target.cluster.apply([address_of(mine, SHOP), address_of(other, BLOG)])

    target.cluster.withdraw_domains(mine.namespace, str(mine.instance_id), [])

    is_away(target, SHOP)
    answers(target, BLOG)


def test_a_domain_goes_with_its_certificate_and_leaves_the_others(target, customer):
    spec = running(target, customer)
    target.cluster.apply([address_of(spec, SHOP, tls=True), address_of(spec, BLOG, tls=True)])
    shop, blog = put_certificate(target, spec, SHOP), put_certificate(target, spec, BLOG)

    target.cluster.withdraw_domains(spec.namespace, str(spec.instance_id), [address_of(spec, BLOG, tls=True)])

    assert exists(target, shop) is None
    assert exists(target, blog) is not None
    target.eventually(
        lambda: target.cluster.delete_instance(spec.namespace, str(spec.instance_id), with_volume=True)
    )
    assert exists(target, blog) is None
    assert exists(target, paths.INGRESS.one(spec.namespace, address_name(spec.name, BLOG))) is None


def test_each_domain_asks_for_a_certificate_of_its_own(target, customer):
    spec = running(target, customer)
    target.cluster.apply([address_of(spec, SHOP, tls=True)])

    ingress = exists(target, paths.INGRESS.one(spec.namespace, address_name(spec.name, SHOP)))

    assert ingress["metadata"]["annotations"]["cert-manager.io/cluster-issuer"] == "letsencrypt-prod"
    assert ingress["metadata"]["labels"][CUSTOM_DOMAIN] == "true"
    assert ingress["spec"]["tls"] == [{"hosts": [SHOP], "secretName": certificate_name(spec.name, SHOP)}]


def test_without_cert_manager_a_certificate_is_unknown_until_somebody_puts_one(target, customer):
    spec = running(target, customer)
    target.cluster.apply([address_of(spec, SHOP, tls=True)])

    seen = target.cluster.see_certificate(spec.namespace, certificate_name(spec.name, SHOP))
    assert seen.state is CertificateState.UNKNOWN
    assert "cert-manager" in seen.message

    put_certificate(target, spec, SHOP)
    seen = target.cluster.see_certificate(spec.namespace, certificate_name(spec.name, SHOP))
    assert seen.state is CertificateState.READY


def test_an_application_follows_its_primary_address(target, customer):
    """WordPress keeps its address in its database, unless it is told otherwise: what was installed at one address
    moves to another by a new pod alone.
    """
    spec = running(target, customer, "wordpress", memory_mb=512)
    target.cluster.apply([address_of(spec, SHOP)])
    answers(target, SHOP)
    is_real = target.simulator is None
    if is_real:
        install_wordpress(target, spec.host)
        for host in (SHOP, spec.host):
            links_lead_to(target, host, spec.host, never=SHOP)
    before = target.cluster.see(spec.namespace, spec.name).pod_name

    moved = replace(spec, public_url=f"http://{SHOP}")
    customer.apply(moved)
    target.eventually(lambda: arrived(target, moved))

    assert target.cluster.see(spec.namespace, spec.name).pod_name != before
    answers(target, SHOP)
    answers(target, spec.host)
    if is_real:
        for host in (SHOP, spec.host):
            links_lead_to(target, host, SHOP, never=spec.host)


def links_lead_to(target, host, address, *, never):
    """The front page asked for at `host` leads to `address` only."""
    page = ask(target, host)
    assert page.status_code == 200
    assert f"http://{address}/wp-" in page.text
    assert f"http://{never}" not in page.text


def arrived(target, spec):
    seen = target.cluster.see(spec.namespace, spec.name)
    return seen.is_ready and seen.spec_hash == spec_hash(spec)


def install_wordpress(target, host):
    """What the first visitor does."""
    form = {
        "weblog_title": "Toko",
        "user_name": "siti",
        "admin_password": "a-long-password-of-siti",
        "admin_password2": "a-long-password-of-siti",
        "admin_email": "siti@example.com",
        "blog_public": "0",
        "language": "",
    }
    address = f"http://{target.ingress}/wp-admin/install.php?step=2"
    done = requests.post(address, data=form, headers={"Host": host}, timeout=60)
    assert done.status_code == 200
    assert ask(target, host).status_code == 200
