"""Tokens of new workers in the cluster: put, emptied, refused where there is no Secret for them."""

import base64
from datetime import UTC, datetime, timedelta

import pytest

from minispod.cluster.joining.authority import hash_of
from minispod.cluster.joining.requesting import SLOTS
from minispod.cluster.port import NoSuchObject
from minispod.integrations.kubernetes import paths
from minispod.integrations.kubernetes.client import ApiSaidNo
from tests.contracts.cluster.conftest import Target
from tests.plugins.rights import deployed

SLOT, SECRET = SLOTS[2], "abcdefghijklmnop"
ADDRESS = paths.SECRET.one("kube-system", f"bootstrap-token-{SLOT}")


@pytest.fixture
def place(target: Target) -> str:
    """The empty Secret of a token, as an administrator applies it."""
    files = deployed("join-tokens.yaml")
    empty = next(each for each in files if each["metadata"]["name"] == f"bootstrap-token-{SLOT}")
    target.bare.apply(ADDRESS, empty, "an administrator")
    return SLOT


def _kept(target: Target) -> dict[str, str]:
    data = target.bare.get(ADDRESS).get("data") or {}
    return {name: base64.b64decode(value).decode() for name, value in data.items()}


def test_a_token_is_put_and_taken_out(target: Target, place: str) -> None:
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)

    target.cluster.put_join_token(place, SECRET, expires_at=until)
    put = _kept(target)
    target.cluster.clear_join_token(place)
    emptied = _kept(target)

    assert (put["token-id"], put["token-secret"]) == (SLOT, SECRET)
    assert datetime.fromisoformat(put["expiration"]) == until + timedelta(minutes=15)
    assert put["usage-bootstrap-authentication"] == "true"
    assert put["auth-extra-groups"] == "system:bootstrappers:k3s:default-node-token"
    assert "token-secret" not in emptied
    assert "expiration" not in emptied, "the cluster would remove the Secret itself"
    assert emptied["usage-bootstrap-authentication"] == "false"
    assert target.bare.get(ADDRESS)["type"] == "bootstrap.kubernetes.io/token"


def test_without_a_secret_nothing_is_made(target: Target, place: str) -> None:
    target.bare.delete(ADDRESS)

    with pytest.raises(NoSuchObject):
        target.cluster.put_join_token(place, SECRET, expires_at=datetime.now(UTC))
    with pytest.raises(NoSuchObject):
        target.cluster.clear_join_token(place)
    with pytest.raises(ApiSaidNo):
        target.bare.get(ADDRESS)


def test_the_authority_can_be_pinned(target: Target) -> None:
    assert len(hash_of(target.cluster.authority())) == 64
