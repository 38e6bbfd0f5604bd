"""`/status`: live status of one's own instances (administrators: of all), our addition to the contract.

The handshake carries `auth = {token}`. Each `instance-status` event is one whole state; all present
states come right after connecting, so that nothing is missed between a page's load and its connection.
"""

from flask import request
from flask_socketio import Namespace

from minispod.kernel.errors import Refusal
from minispod.kernel.unit_of_work import release_connection
from minispod.realtime.presence import Guest, Presence
from minispod.realtime.rounds import Rounds
from minispod.realtime.visitors import admit, connect_error

NAMESPACE = "/status"
PER_ACCOUNT = 10
IN_ALL = 150


class StatusNamespace(Namespace):
    """The namespace: refuses strangers; the rounds tell the others."""

    def __init__(self, presence: Presence, rounds: Rounds) -> None:
        super().__init__(NAMESPACE)
        self._presence = presence
        self._rounds = rounds

    def on_connect(self, auth: object = None) -> None:
        """Let a signed-in client listen."""
        sid: str = request.sid  # type: ignore[attr-defined]
        try:
            visitor = admit(auth, request.remote_addr)
            self._presence.enter(Guest(sid, NAMESPACE, visitor))
        except Refusal as refusal:
            raise connect_error(refusal) from None
        release_connection()
        self._rounds.begin()

    def on_disconnect(self, reason: object = None) -> None:
        """Forget the client."""
        self._presence.leave(request.sid)  # type: ignore[attr-defined]
