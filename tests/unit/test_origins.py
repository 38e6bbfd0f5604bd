"""Which pages may call: an origin as it is written, every port of a host, or everybody; never a look-alike."""

import pytest

from minispod.settings import BadSettings, Settings, origins


def may_call(allowed: str, origin: str) -> bool:
    return any(each.match(origin) for each in origins.patterns([origins.checked(allowed)]))


@pytest.mark.parametrize(
    ("allowed", "origin"),
    [
        ("http://localhost:3100", "http://localhost:3100"),
        ("http://localhost:3100/", "http://localhost:3100"),
        ("https://www.Example.com", "https://WWW.example.com"),
        ("http://localhost:*", "http://localhost:3000"),
        ("http://localhost:*", "http://localhost"),
        ("http://[::1]:*", "http://[::1]:3000"),
        ("*", "https://anybody.example"),
    ],
)
def test_pages_that_are_meant_may_call(allowed: str, origin: str) -> None:
    assert may_call(allowed, origin)


@pytest.mark.parametrize(
    ("allowed", "origin"),
    [
        ("http://localhost:3100", "http://localhost:3101"),
        ("http://localhost:3100", "https://localhost:3100"),
        ("http://localhost:3100", "http://localhost:3100.evil.example"),
        ("http://localhost:3100", "http://localhost:3100\n"),
        ("http://localhost:*", "http://localhost.evil.example"),
        ("http://localhost:*", "http://localhost:3000.evil.example"),
        ("http://localhost:*", "http://localhost:3000@evil.example"),
        ("https://www.example.com", "https://wwwxexample.com"),
    ],
)
def test_look_alikes_may_not(allowed: str, origin: str) -> None:
    assert not may_call(allowed, origin)


@pytest.mark.parametrize(
    "nonsense", ["localhost:3100", "https://*.example.com", "http://a/b", "http://", "http://:*"]
)
def test_what_is_no_origin_is_refused_at_boot(nonsense: str) -> None:
    with pytest.raises(BadSettings, match="CORS_ORIGINS"):
        Settings(database_url="postgresql://x@h/x", redis_url="redis://h", cors_origins=nonsense)
