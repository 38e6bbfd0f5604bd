"""Who connects: the access token of the handshake, read like the JSON door reads its bearer token.

A refused handshake becomes a Socket.IO connect error whose text is a sentence and whose data carry our
stable code. Being let in is not for ever: `is_still_welcome` is asked again while the visitor stays.
"""

import uuid
from dataclasses import dataclass, field
from typing import Any

from flask_socketio import ConnectionRefusedError as ConnectRefused

from minispod.accounts import sessions
from minispod.accounts.tokens import read_access
from minispod.kernel.actor import Actor, ActorKind, Role
from minispod.kernel.errors import Refusal, Unauthenticated
from minispod.ports import current_ports


@dataclass(frozen=True, slots=True)
class Visitor:
    """A signed-in client."""

    user_id: uuid.UUID
    actor: Actor
    token: str = field(repr=False)


def admit(auth: object, address: str | None) -> Visitor:
    """The account behind the handshake's token; raise an Unauthenticated refusal."""
    token = said(auth, "token")
    if not token:
        raise Unauthenticated("Access token is required")
    ports, at = current_ports(), current_ports().clock.now()
    user = sessions.account_of(read_access(token, ports.token_keys, at), at)
    kind = ActorKind.STAFF if user.role is Role.ADMINISTRATOR else ActorKind.CUSTOMER
    return Visitor(user.id, Actor(kind, user.id, user.name, address), token)


def is_still_welcome(visitor: Visitor) -> bool:
    """Tell whether the token would be let in again with the same rights."""
    try:
        now = admit({"token": visitor.token}, visitor.actor.address)
    except Refusal:
        return False
    return now.actor.kind is visitor.actor.kind


def said(auth: object, name: str) -> str:
    """A text of the handshake; empty when it is missing or not a text."""
    value: Any = auth.get(name) if isinstance(auth, dict) else None
    return value.strip() if isinstance(value, str) else ""


def connect_error(refusal: Refusal) -> ConnectRefused:
    """A refusal in the words of Socket.IO."""
    return ConnectRefused(refusal.message, {"code": refusal.code})
