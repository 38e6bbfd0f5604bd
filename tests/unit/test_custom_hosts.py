"""Which names may become a custom domain: one form for one name, and a sentence for whatever is refused."""

import ipaddress
import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from minispod.instances.domains.errors import BadHost
from minispod.instances.domains.hosts import normalise, proof_name, shown

BASE = "minispod.example"
LABEL = st.text(alphabet=string.ascii_lowercase + string.digits, min_size=1, max_size=12).map("a{}".format)
HOSTS = st.lists(LABEL, min_size=2, max_size=5).map(".".join)


def clean(text: str) -> str:
    return normalise(text, base_domain=BASE)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("shop.example.com", "shop.example.com"),
        ("  Shop.EXAMPLE.com. ", "shop.example.com"),
        ("example.com", "example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("straße.de", "xn--strae-oqa.de"),
        ("toko。example。com", "toko.example.com"),
        ("ｓｈｏｐ.example.com", "shop.example.com"),
        ("toko.co.id", "toko.co.id"),
        ("notminispod.example", "notminispod.example"),
        ("1.2.3.4.example", "1.2.3.4.example"),
    ],
)
def test_one_name_has_one_form(typed, kept):
    assert clean(typed) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "   ",
        "shop",
        "localhost",
        "*.example.com",
        "https://shop.example.com",
        "shop.example.com/path",
        "shop.example.com:8080",
        "me@example.com",
        "shop example.com",
        "shop..example.com",
        ".example.com",
        "shop.example.com..",
        "-shop.example.com",
        "shop-.example.com",
        "_dmarc.example.com",
        "sho\u0000p.example.com",
        "xn--a.example",
        "192.0.2.1",
        "192.0.2.1.",
        "１９２.0.2.1",
        "127.1",
        "0x7f.1",
        "1.2.3.0x10",
        "2001:db8::1",
        "[2001:db8::1]",
        "co.id",
        "my.id",
        "com.sg",
        "minispod.example",
        "shop.minispod.example",
        "SHOP.Minispod.Example.",
        f"{'a' * 64}.example.com",
        ".".join(["a" * 60] * 5),
        "a" * 10_000,
        ("ä" * 300) + ".com",
    ],
)
def test_what_cannot_be_a_domain_is_refused_with_a_sentence(typed):
    with pytest.raises(BadHost) as refusal:
        clean(typed)

    assert refusal.value.message.endswith(".")
    assert len(refusal.value.message) < 200


def test_the_proof_fits_dns_for_the_longest_host():
    longest = ".".join(["a" * 60, "b" * 60, "c" * 60, "d" * 57, "id"])
    assert len(proof_name(clean(longest))) == 253

    with pytest.raises(BadHost):
        clean("x" + longest)


def test_people_read_their_own_script():
    assert shown("xn--bcher-kva.example") == "bücher.example"
    assert shown("shop.example.com") == "shop.example.com"


@given(HOSTS)
def test_a_plain_name_is_kept_however_it_is_written(host):
    assert clean(host) == host
    assert clean(f" {host.upper()}. ") == host


@given(st.text(max_size=80) | st.text(alphabet="ab1.-_*xnäß。İ", max_size=40))
@example("xn--.com")
@example("ǅ.com")
@example("a\u200d.com")
def test_whatever_is_typed_is_refused_or_becomes_a_name_that_stays(typed):
    try:
        host = clean(typed)
    except BadHost:
        return

    assert clean(host) == host
    assert host == host.lower()
    assert host.isascii()
    labels = host.split(".")
    assert len(labels) >= 2
    assert all(0 < len(label) <= 63 for label in labels)
    assert set(host) <= set(string.ascii_lowercase + string.digits + "-.")
    assert not any(label.startswith("-") or label.endswith("-") for label in labels)
    assert not host.endswith(f".{BASE}")


@given(st.ip_addresses())
def test_an_address_is_no_domain(address):
    with pytest.raises(BadHost):
        clean(str(address))


@given(st.integers(min_value=0, max_value=2**32 - 1))
def test_an_address_in_an_odd_form_is_no_domain(number):
    parts = ipaddress.IPv4Address(number).packed
    for odd in (f"{number >> 24}.{number & 0xFFFFFF}", ".".join(f"0x{part:x}" for part in parts)):
        with pytest.raises(BadHost):
            clean(odd)
