"""The door itself: handshake, origins, how many may come, and who is refused."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

import pytest
import requests
from socketio.exceptions import ConnectionError as RefusedError

from minispod.realtime import server
from minispod.settings import Settings
from tests.plugins.app import Person
from tests.realtime.conftest import PATIENCE_SECONDS, Bought, Listener, Polling, auth_of

FRONT_END = "http://localhost:3100"
ALLOWED = "Access-Control-Allow-Origin"


@pytest.fixture
def patient_with_strangers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who does not say who they are keeps the place for as long as a test takes."""
    monkeypatch.setattr(server, "STRANGER_SECONDS", 600.0)


def test_the_handshake_is_that_of_the_recorded_server(polling: Callable[..., Polling]) -> None:
    answer = polling().handshake

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/plain; charset=UTF-8"
    facts = json.loads(answer.text.removeprefix("0"))
    assert len(facts.pop("sid")) == 20
    assert facts == {
        "upgrades": ["websocket"],
        "pingInterval": 25000,
        "pingTimeout": 20000,
        "maxPayload": 1000000,
    }


def test_pages_of_the_front_end_may_connect(polling: Callable[..., Polling]) -> None:
    answer = polling(Origin=FRONT_END).handshake

    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == FRONT_END


def test_our_own_pages_may_connect(live: str, polling: Callable[..., Polling]) -> None:
    assert polling(Origin=live).handshake.status_code == 200


def test_pages_from_elsewhere_may_not(polling: Callable[..., Polling]) -> None:
    answer = polling(Origin="https://elsewhere.example").handshake

    assert answer.status_code == 400
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_preflight_is_answered(live: str) -> None:
    headers = {"Origin": FRONT_END, "Access-Control-Request-Headers": "content-type"}
    answer = requests.options(
        f"{live}/socket.io/?EIO=4&transport=polling", headers=headers, timeout=PATIENCE_SECONDS
    )

    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == FRONT_END
    assert answer.headers["Access-Control-Allow-Headers"] == "content-type"


def test_the_rest_of_the_application_answers_beside_it(live: str) -> None:
    assert requests.get(f"{live}/api/v1/catalog/services", timeout=PATIENCE_SECONDS).status_code == 200


def test_a_full_process_refuses_new_connections_and_still_answers_requests(
    live: str, settings: Settings, polling: Callable[..., Polling], patient_with_strangers: None
) -> None:
    most = settings.operation.realtime_connections
    clients = [polling() for _ in range(most + 5)]

    refused = [each.handshake for each in clients if each.handshake.status_code == 503]

    assert refused
    assert refused[0].headers["Retry-After"] == "10"
    assert requests.get(f"{live}/api/v1/catalog/services", timeout=PATIENCE_SECONDS).status_code == 200
    for client in clients:
        client.close()
    assert polling().handshake.status_code == 200


@pytest.mark.parametrize("namespace", ["/k8s-logs", "/status"])
@pytest.mark.parametrize("auth", [None, "a text", ["a", "list"], {}, {"token": ""}, {"token": 7}])
def test_without_a_token_nobody_is_let_in(polling: Callable[..., Polling], namespace: str, auth: Any) -> None:
    assert refusal(polling(), namespace, auth) == ("Access token is required", "unauthenticated")


def test_a_token_that_is_none_is_refused(polling: Callable[..., Polling], customer: Person) -> None:
    tampered = auth_of(customer)["token"][:-3] + "abc"

    for token in ("nonsense", tampered):
        assert refusal(polling(), "/status", {"token": token})[1] == "accounts.bad_token"


def test_an_expired_token_is_refused(polling: Callable[..., Polling], customer: Person, clock: Any) -> None:
    clock.advance(hours=25)

    assert refusal(polling(), "/status", auth_of(customer))[1] == "accounts.bad_token"


def test_logs_need_a_subscription_that_is_ones_own(
    polling: Callable[..., Polling],
    customer: Person,
    person: Callable[..., Person],
    buy: Callable[..., Bought],
) -> None:
    bought, stranger = buy(customer), person()

    def code(auth: dict[str, str]) -> str:
        return refusal(polling(), "/k8s-logs", auth)[1]

    assert code(auth_of(customer)) == "realtime.subscription_missing"
    assert code({**auth_of(customer), "subscriptionId": "nonsense"}) == "not_found"
    assert code({**auth_of(customer), "subscriptionId": str(bought.instance_id)}) == (
        "subscriptions.no_such_subscription"
    )
    assert code(auth_of(stranger, bought)) == "subscriptions.no_such_subscription"


def test_an_account_has_a_limited_number_of_views(
    listen: Callable[..., Listener],
    polling: Callable[..., Polling],
    customer: Person,
    eventually: Callable[..., None],
) -> None:
    views = [listen("/status", auth_of(customer)) for _ in range(10)]

    assert refusal(polling(), "/status", auth_of(customer))[1] == "realtime.too_many_streams"

    views[0].leave()
    again: list[Listener] = []

    def is_let_in() -> bool:
        try:
            again.append(listen("/status", auth_of(customer)))
        except RefusedError:
            return False
        return True

    eventually(is_let_in)  # a farewell travels, too
    assert again[0].quiet(0.1)


def refusal(client: Polling, namespace: str, auth: Any) -> tuple[str, str]:
    client.connect(namespace, auth)
    packet = client.read()[0]
    client.close()
    head, _, body = packet.partition(",")
    assert head == f"44{namespace}", packet
    said = json.loads(body)
    return said["message"], said["data"]["code"]


def test_refusals_can_be_read_by_the_pages_that_may_connect(
    live: str, settings: Settings, polling: Callable[..., Polling], patient_with_strangers: None
) -> None:
    elsewhere = {"Origin": "https://elsewhere.example"}
    ours = {"Origin": FRONT_END}
    for query in ("EIO=3&transport=polling", "EIO=4&transport=smoke", "EIO=4&transport=polling&sid=gone"):
        answer = requests.get(f"{live}/socket.io/?{query}", headers=ours, timeout=PATIENCE_SECONDS)
        assert (answer.status_code, answer.headers[ALLOWED]) == (400, FRONT_END), query

    clients = [polling(**ours) for _ in range(settings.operation.realtime_connections + 1)]
    full = clients[-1].handshake
    preflight = requests.options(
        f"{live}/socket.io/?EIO=4&transport=polling", headers=ours, timeout=PATIENCE_SECONDS
    )

    assert (full.status_code, full.headers[ALLOWED], full.headers["Vary"]) == (503, FRONT_END, "Origin")
    assert (preflight.status_code, preflight.headers[ALLOWED]) == (200, FRONT_END)
    assert ALLOWED not in polling(**elsewhere).handshake.headers
    assert ALLOWED not in polling().handshake.headers


def test_a_second_listener_of_one_connection_reads_why_it_is_refused(
    live: str, polling: Callable[..., Polling]
) -> None:
    mine = polling(Origin=FRONT_END)
    with ThreadPoolExecutor(2) as pool:
        answers = [
            pool.submit(requests.get, mine.mine, headers={"Origin": FRONT_END}, timeout=PATIENCE_SECONDS)
            for _ in range(2)
        ]
        overlapping = next(as_completed(answers)).result()
        mine.close()

    assert (overlapping.status_code, overlapping.headers[ALLOWED]) == (400, FRONT_END)
    assert "listened to already" in overlapping.text
