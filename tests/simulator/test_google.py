"""The stand-in for Google: what it publishes, what it signs, and who may work its levers."""

from collections.abc import Iterator
from typing import Any

import jwt
import pytest
import requests

from tests.plugins.simulators import Simulator


@pytest.fixture
def ask(google_simulator: Simulator) -> Iterator[Any]:
    """Ask it with the lever token, unless the test sends another word."""

    def send(method: str, path: str, word: str | None = None, **body: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {google_simulator['lever_token'] if word is None else word}"}
        address = f"{google_simulator['url']}{path}"
        return requests.request(method, address, json=body, headers=headers, timeout=5)

    yield send
    send("DELETE", "/api/levers")


def test_what_it_signs_fits_what_it_publishes(ask: Any, google_simulator: Simulator) -> None:
    token = ask("POST", "/api/tokens", email="budi@example.com", picture=None).json()["idToken"]
    published = requests.get(google_simulator["keys_url"], timeout=5)

    keys = jwt.PyJWKSet.from_dict(published.json())
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, key, algorithms=["RS256"], audience=google_simulator["client_id"])

    assert (claims["email"], claims["email_verified"], "picture" in claims) == (
        "budi@example.com",
        True,
        False,
    )
    assert "max-age" in published.headers["Cache-Control"]
    assert {"d", "p", "q"}.isdisjoint(published.json()["keys"][0])


def test_a_rotation_keeps_the_key_before(ask: Any, google_simulator: Simulator) -> None:
    def published() -> list[str]:
        keys = requests.get(google_simulator["keys_url"], timeout=5).json()["keys"]
        return [key["kid"] for key in keys]

    before = published()[0]
    newest = ask("POST", "/api/rotate").json()["kid"]

    assert published() == [newest, before]


@pytest.mark.parametrize("word", ["", "wrong", "\u00e9".encode().decode("latin-1")])
@pytest.mark.parametrize("path", ["/api/tokens", "/api/rotate", "/api/levers"])
def test_nothing_is_signed_for_strangers(ask: Any, path: str, word: str) -> None:
    assert ask("POST", path, word=word).status_code == 401


@pytest.mark.parametrize("lever", [{"status": 200}, {"delay_s": 61}, {"delay_s": "x"}, {"unknown": 1}])
def test_odd_levers_are_refused(ask: Any, lever: dict[str, Any]) -> None:
    assert ask("POST", "/api/levers", **lever).status_code == 400


def test_trouble_begins_and_ends(ask: Any, google_simulator: Simulator) -> None:
    assert ask("POST", "/api/levers", status=503).json() == {"status": 503}
    assert requests.get(google_simulator["keys_url"], timeout=5).status_code == 503
    ask("DELETE", "/api/levers")
    assert requests.get(google_simulator["keys_url"], timeout=5).status_code == 200
