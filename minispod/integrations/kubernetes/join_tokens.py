"""Bootstrap tokens in Secrets that are there already: each is filled until its time, and emptied again.

Only changed, never made or read, so that no other right on Secrets of the system is needed (deploy/join-tokens.yaml).
"""

import base64
from datetime import UTC, datetime, timedelta

from minispod.integrations.kubernetes import paths
from minispod.integrations.kubernetes.client import KubernetesClient

NAMESPACE = "kube-system"
# The group that K3s' servers let join (k3s token create).
_GROUP = "system:bootstrappers:k3s:default-node-token"
# The cluster removes a token's Secret when its time is over. Ours is to stay for the next one: the worker empties it
# before; the cluster's own end is only for when no worker is there to do so.
_MARGIN = timedelta(minutes=15)


def put(client: KubernetesClient, slot: str, secret: str, *, expires_at: datetime, manager: str) -> None:
    """Let whoever has the token sign in until its time."""
    ends = (expires_at + _MARGIN).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    values = {
        "token-id": slot,
        "token-secret": secret,
        "expiration": ends,
        "usage-bootstrap-authentication": "true",
        "auth-extra-groups": _GROUP,
        "description": "A worker that may join; made by MinisPod",
    }
    data = {name: base64.b64encode(text.encode()).decode() for name, text in values.items()}
    client.merge(_address(slot), {"data": data}, manager)


def clear(client: KubernetesClient, slot: str, *, manager: str) -> None:
    """Let nobody sign in with it; the empty Secret stays."""
    no = base64.b64encode(b"false").decode()
    gone = {"token-secret": None, "expiration": None, "auth-extra-groups": None}
    client.merge(_address(slot), {"data": {**gone, "usage-bootstrap-authentication": no}}, manager)


def _address(slot: str) -> str:
    return paths.SECRET.one(NAMESPACE, f"bootstrap-token-{slot}")
