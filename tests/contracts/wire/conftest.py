"""Send a recorded request to us and compare: what differs must be on the reviewed list, and nothing else may be."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.contracts.wire.deliberate import NULLABLE, OPAQUE, deliberate, is_addition
from tests.contracts.wire.recordings import Recording, all_answers, recording
from tests.contracts.wire.shapes import Vocabulary, differences, kind, vocabulary, wire_faults
from tests.plugins.app import Person

Replay = Callable[..., Any]
FAILURE = 400


@pytest.fixture(scope="session")
def known() -> Vocabulary:
    """The kinds of values the original is known to send."""
    return vocabulary((*all_answers(), *({key: None} for key in NULLABLE)))


@pytest.fixture
def replay(client: FlaskClient, known: Vocabulary) -> Replay:
    """`replay("auth__login_ok", somebody, *our_ids, **fields)`: our answer, after it was compared."""

    def play(name: str, who: Person | None = None, *ids: object, **fields: object) -> Any:
        recorded = recording(name)
        headers: Mapping[str, str] = who.headers if who else {}
        response = client.open(**recorded.request(*ids, **fields), headers=headers)
        body = response.get_json()
        found = _found(recorded, response.status_code, body, known)
        expected = deliberate(name)
        assert not (new := sorted(found - expected)), f"{name}: not on the list: {new}; we said {body}"
        assert not (gone := sorted(expected - found)), f"{name}: on the list, but as the original: {gone}"
        assert not wire_faults(body), (name, wire_faults(body))
        _check_envelope(recorded, response.status_code, body)
        return body

    return play


def _found(recorded: Recording, status: int, body: Any, known: Vocabulary) -> frozenset[str]:
    """The differences; where one succeeds and the other fails, that is the only one."""
    found = frozenset({f"status: {status} instead of {recorded.status}"} if status != recorded.status else ())
    if (recorded.status < FAILURE) is not (status < FAILURE):
        return found
    apart = differences(recorded.answer, body, known, frozenset(OPAQUE))
    return found | {each for each in apart if not is_addition(each)}


def _check_envelope(recorded: Recording, status: int, body: Any) -> None:
    """Contract README 2; health and the gateway's webhook are said to be plainer when they succeed."""
    assert body["success"] is (status < FAILURE)
    assert body["message"]
    if status >= FAILURE:
        assert body["code"]
        assert body["requestId"]
    if status >= FAILURE or "statusCode" in recorded.answer:
        assert body["statusCode"] == status
        assert kind(body["timestamp"]) == "timestamp"
