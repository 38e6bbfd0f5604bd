"""Remove the files of attachments that belong to no ticket. What that is, is decided in `tickets/attaching`."""

import structlog

from minispod.kernel.errors import Unavailable
from minispod.kernel.unit_of_work import release_connection, unit_of_work
from minispod.ports import Ports
from minispod.settings import Settings
from minispod.tickets import attaching

log = structlog.get_logger()


def remove_loose_attachments(ports: Ports, settings: Settings) -> None:
    """Remove the files, then their rows; a silent store is logged by its adapter, and the next tick tries again."""
    removed = 0
    while rows := attaching.loose(ports.clock.now()):
        release_connection()
        try:
            attaching.remove_files(rows, ports.object_store)
        except Unavailable:
            break
        with unit_of_work():
            attaching.forget(rows)
        removed += len(rows)
    if removed:
        log.info("tickets.attachments_removed", count=removed)
