"""Visitors who say nothing, or nonsense: they cost nobody else a place, and crash nothing."""

import base64
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed

import pytest
import requests

from minispod.realtime import server
from minispod.settings import Settings
from tests.plugins.app import Person
from tests.realtime.conftest import PATIENCE_SECONDS, Listener, Polling, auth_of
from tests.realtime.test_door import refusal

LONG_SECONDS = 600.0
DEEP = base64.urlsafe_b64encode(b"[" * 5000).decode().rstrip("=")


@pytest.mark.parametrize("origin", ["http://[", "//[", "null", "\xff", "http://localhost:99999999"])
def test_an_odd_origin_is_refused(polling: Callable[..., Polling], origin: str) -> None:
    assert polling(Origin=origin).handshake.status_code == 400


@pytest.mark.parametrize(
    "token",
    ["\x00", "\ud800", "x" * 100_000, f"{DEEP}.e30.x", f"e30.{DEEP}.x", "\u00e9.\u00e9.\u00e9"],
    ids=["nul", "surrogate", "long", "deep head", "deep body", "accents"],
)
def test_an_odd_token_is_no_token(polling: Callable[..., Polling], token: str) -> None:
    assert refusal(polling(), "/status", {"token": token})[1] == "accounts.bad_token"


@pytest.mark.parametrize("wanted", ["\x00", "\ud800", "x" * 10_000], ids=["nul", "surrogate", "long"])
def test_an_odd_subscription_is_none(polling: Callable[..., Polling], customer: Person, wanted: str) -> None:
    auth = {**auth_of(customer), "subscriptionId": wanted}

    assert refusal(polling(), "/k8s-logs", auth)[1] == "not_found"


@pytest.mark.parametrize(
    "packet",
    [
        "",
        "9",
        "4",
        "40/status,[" + "[" * 50_000,
        "42/status,[]",
        '42/status,["instance-status",1]',
        "51-[]",
        "\xff",
        "40/nowhere,",
    ],
    ids=["nothing", "unknown", "empty", "deep", "no event", "our event", "binary", "bytes", "nowhere"],
)
def test_odd_packets_end_at_most_ones_own_connection(
    live: str, polling: Callable[..., Polling], listen: Callable[..., Listener], customer: Person, packet: str
) -> None:
    other = listen("/status", auth_of(customer))

    answer = requests.post(polling().mine, data=packet.encode("latin-1"), timeout=PATIENCE_SECONDS)

    assert answer.status_code in (200, 400)
    assert other.quiet(0.1)
    assert polling().handshake.status_code == 200


def test_whoever_never_signs_in_gives_the_place_back(
    polling: Callable[..., Polling],
    listen: Callable[..., Listener],
    settings: Settings,
    customer: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server, "STRANGER_SECONDS", LONG_SECONDS)
    guest = listen("/status", auth_of(customer))
    silent = [polling() for _ in range(settings.operation.realtime_connections - 1)]
    silent[0].connect("/", None)
    assert polling().handshake.status_code == 503

    monkeypatch.setattr(server, "STRANGER_SECONDS", 0.0)

    assert polling().handshake.status_code == 200
    assert refusal(polling(), "/status", {})[1] == "unauthenticated"
    assert guest.quiet(0.1)
    assert [requests.get(each.mine, timeout=PATIENCE_SECONDS).status_code for each in silent] == [400] * len(
        silent
    )


def test_a_farewell_that_is_never_read_holds_nobody_up(polling: Callable[..., Polling]) -> None:
    client = polling()

    answer = requests.post(client.mine, data="9", timeout=PATIENCE_SECONDS)

    assert answer.status_code == 400
    assert requests.get(client.mine, timeout=PATIENCE_SECONDS).status_code == 400


def test_a_connection_is_listened_to_once(polling: Callable[..., Polling]) -> None:
    client = polling()
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(requests.get, client.mine, timeout=PATIENCE_SECONDS) for _ in range(2)]

        # Nobody says anything: the one that ends came while the other was there, whichever was sent first.
        assert next(as_completed(both)).result().status_code == 400

        client.close()
        assert sorted(each.result().status_code for each in both) == [200, 400]
    assert requests.get(client.mine, timeout=PATIENCE_SECONDS).status_code == 400
