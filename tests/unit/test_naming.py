"""Names: they fit DNS whatever comes in, and say what they promise."""

import re
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minispod.instances import naming

USER = uuid.UUID("01998a2e-0f5e-7a33-9d0a-3f6f5f0a1b2c")
DNS_1035 = re.compile(r"^[a-z]([a-z0-9-]*[a-z0-9])?$")


def test_namespace_holds_the_whole_user_id():
    assert naming.namespace_for(USER) == "user-01998a2e0f5e7a339d0a3f6f5f0a1b2c"


def test_instance_is_named_after_service_and_code():
    assert naming.instance_name("n8n-automation", "k7m2qa") == "n8n-automation-k7m2qa"


@given(slug=st.text(min_size=1, max_size=120), code=st.from_regex(r"\A[a-z][a-z0-9]{5}\Z"))
def test_every_object_name_is_a_dns_label(slug, code):
    if not re.search(r"[a-z0-9]", slug.lower()):
        with pytest.raises(ValueError, match="DNS"):
            naming.instance_name(slug, code)
        return

    names = naming.object_names(naming.instance_name(slug, code))

    for name in (
        names.workload,
        names.network_service,
        names.ingress,
        names.claim,
        names.secret,
        names.certificate,
    ):
        assert len(name) <= 63
        assert DNS_1035.match(name)


def test_host_follows_the_pattern():
    host = naming.host_for(
        "{instance}.{service}.{domain}", code="k7m2qa", service_slug="ghost-blog", domain="minispod.localhost"
    )

    assert host == "k7m2qa.ghost-blog.minispod.localhost"


def test_host_pattern_may_fit_one_wildcard_certificate():
    host = naming.host_for(
        "{instance}-{service}.{domain}", code="k7m2qa", service_slug="n8n", domain="example.com."
    )

    assert host == "k7m2qa-n8n.example.com"


@pytest.mark.parametrize(
    "pattern", ["{service}.{domain}", "{instance}.{service}", "{instance}.{customer}.{domain}"]
)
def test_host_pattern_without_its_parts_is_refused(pattern):
    with pytest.raises(ValueError, match="host pattern"):
        naming.check_host_pattern(pattern)


def test_host_that_does_not_fit_dns_is_refused():
    with pytest.raises(ValueError, match="DNS"):
        naming.host_for("{instance}.{domain}", code="k7m2qa", service_slug="n8n", domain="x" * 64)


@pytest.mark.parametrize(
    ("scheme", "port", "url"),
    [
        ("https", None, "https://a.b"),
        ("https", 443, "https://a.b"),
        ("http", 80, "http://a.b"),
        ("http", 8480, "http://a.b:8480"),
        ("https", 80, "https://a.b:80"),
    ],
)
def test_public_address_mentions_only_an_unusual_port(scheme, port, url):
    assert naming.public_url(scheme, "a.b", port) == url


def test_instances_of_a_customer_meet_by_name():
    assert naming.inside_host("postgresql-k7m2qa", "user-1") == "postgresql-k7m2qa.user-1.svc"


@pytest.mark.parametrize(
    ("claim", "number"),
    [
        ("redis-k7m2qa-data", 1),
        ("redis-k7m2qa-data-2", 2),
        ("redis-k7m2qa-data-17", 17),
        ("redis-k7m2qa-data-1", None),
        ("redis-k7m2qa-data-02", None),
        ("redis-k7m2qa-data-x", None),
        ("redis-k7m2qa-data2", None),
        ("redis-k7m2qb-data", None),
        ("redis-k7m2qa", None),
    ],
)
def test_a_claim_tells_its_number_only_as_we_write_it(claim, number):
    assert naming.claim_number("redis-k7m2qa", claim) == number


@given(number=st.integers(1, 10**8))
def test_every_claim_name_tells_its_number(number):
    assert naming.claim_number("n8n-x", naming.claim_name("n8n-x", number)) == number
