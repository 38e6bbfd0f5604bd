"""Which instance shows what, how far each operation is, and who is told when it changes.

The board compares the present state with what it saw last (level, not edge). An event carries a whole
state, never a difference, so a client simply shows what comes; a newcomer gets every present state.
"""

import uuid
from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import Any

from minispod.instances.queries import StatusFacts, list_statuses
from minispod.operations.progress import OperationFacts, list_progress, progress_of
from minispod.ports import current_ports
from minispod.realtime.presence import Guest, Presence
from minispod.realtime.wire import Wire

EVENT = "instance-status"
OPERATION_EVENT = "instance-operation"

Facts = StatusFacts | OperationFacts

# An instance that ended is still told of this long, however late its transaction was committed.
_FAREWELL = timedelta(minutes=2)


class StatusBoard:
    """What was seen last; looked at once a round while somebody listens."""

    def __init__(self, wire: Wire, presence: Presence) -> None:
        self._wire = wire
        self._presence = presence
        self._seen: dict[uuid.UUID, Facts] = {}
        self._greeted: set[str] = set()

    def look(self) -> bool:
        """Read the present state and tell what is new; False when a newcomer could not be told yet."""
        guests = self._presence.guests()
        self._greeted &= {guest.sid for guest in guests}
        if not guests:
            self._seen = {}
            return True
        present = {_key(facts): facts for facts in _read(guests)}
        changed = [facts for id_, facts in present.items() if self._seen.get(id_) != facts]
        for guest in guests:
            if guest.sid in self._greeted:
                self._tell(guest, changed)
            elif self._wire.is_let_in(guest.sid, guest.namespace):
                self._greeted.add(guest.sid)
                self._tell(guest, present.values())
        self._seen = present
        return len(self._greeted) == len(guests)

    def _tell(self, guest: Guest, news: Iterable[Facts]) -> None:
        for facts in news:
            if guest.visitor.actor.may_see(facts.user_id):
                is_status = isinstance(facts, StatusFacts)
                event = EVENT if is_status else OPERATION_EVENT
                self._wire.send(event, on_the_wire(facts), to=guest.sid, namespace=guest.namespace)


def _key(facts: Facts) -> uuid.UUID:
    return facts.instance_id if isinstance(facts, StatusFacts) else facts.operation_id


def _read(guests: Collection[Guest]) -> Collection[Facts]:
    is_staff = any(guest.visitor.actor.is_staff for guest in guests)
    owners = None if is_staff else {guest.visitor.user_id for guest in guests}
    ended_since = current_ports().clock.now() - _FAREWELL
    statuses = list_statuses(owners=owners, ended_since=ended_since)
    return [*statuses, *list_progress(owners=owners, ended_since=ended_since)]


def on_the_wire(facts: Facts) -> dict[str, Any]:
    """One state as clients read it."""
    if isinstance(facts, OperationFacts):
        progress = progress_of(facts)
        return {
            "operationId": str(facts.operation_id),
            "instanceId": str(facts.instance_id),
            "kind": facts.kind.value,
            "status": facts.status.value,
            "progress": {
                "done": progress.done,
                "total": progress.total,
                "text": {"en": progress.en, "id": progress.id},
            },
            "error": facts.error,
        }
    return {
        "subscriptionId": str(facts.subscription_id),
        "instanceId": str(facts.instance_id),
        "status": facts.status.value,
        "healthStatus": facts.health_status,
        "publicUrl": facts.public_url,
    }
