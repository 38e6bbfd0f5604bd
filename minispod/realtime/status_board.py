"""Which instance shows what, and who is told when it changes.

The board compares the present state with what it saw last (level, not edge). An event carries a whole
state, never a difference, so a client simply shows what comes; a newcomer gets every present state.
"""

import uuid
from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import Any

from minispod.instances.queries import StatusFacts, list_statuses
from minispod.ports import current_ports
from minispod.realtime.presence import Guest, Presence
from minispod.realtime.wire import Wire

EVENT = "instance-status"

# An instance that ended is still told of this long, however late its transaction was committed.
_FAREWELL = timedelta(minutes=2)


class StatusBoard:
    """What was seen last; looked at once a round while somebody listens."""

    def __init__(self, wire: Wire, presence: Presence) -> None:
        self._wire = wire
        self._presence = presence
        self._seen: dict[uuid.UUID, StatusFacts] = {}
        self._greeted: set[str] = set()

    def look(self) -> bool:
        """Read the present state and tell what is new; False when a newcomer could not be told yet."""
        guests = self._presence.guests()
        self._greeted &= {guest.sid for guest in guests}
        if not guests:
            self._seen = {}
            return True
        present = {facts.instance_id: facts for facts in _read(guests)}
        changed = [facts for id_, facts in present.items() if self._seen.get(id_) != facts]
        for guest in guests:
            if guest.sid in self._greeted:
                self._tell(guest, changed)
            elif self._wire.is_let_in(guest.sid, guest.namespace):
                self._greeted.add(guest.sid)
                self._tell(guest, present.values())
        self._seen = present
        return len(self._greeted) == len(guests)

    def _tell(self, guest: Guest, news: Iterable[StatusFacts]) -> None:
        for facts in news:
            if guest.visitor.actor.may_see(facts.user_id):
                self._wire.send(EVENT, on_the_wire(facts), to=guest.sid, namespace=guest.namespace)


def _read(guests: Collection[Guest]) -> Collection[StatusFacts]:
    is_staff = any(guest.visitor.actor.is_staff for guest in guests)
    owners = None if is_staff else {guest.visitor.user_id for guest in guests}
    return list_statuses(owners=owners, ended_since=current_ports().clock.now() - _FAREWELL)


def on_the_wire(facts: StatusFacts) -> dict[str, Any]:
    """One state as clients read it."""
    return {
        "subscriptionId": str(facts.subscription_id),
        "instanceId": str(facts.instance_id),
        "status": facts.status.value,
        "healthStatus": facts.health_status,
        "publicUrl": facts.public_url,
    }
