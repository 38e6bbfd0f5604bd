"""Remove backups whose time is over. What to do is decided in `backups/`."""

from collections.abc import Callable

import structlog

from minispod.backups import keeping, retention
from minispod.kernel.errors import Unavailable
from minispod.kernel.unit_of_work import release_connection, unit_of_work
from minispod.ports import Ports
from minispod.settings import Settings

log = structlog.get_logger()

_BATCH = 100


def remove_old_backups(ports: Ports, settings: Settings) -> None:
    """Give up what was never finished; remove the files of what is over, then say so on their rows."""
    with unit_of_work(ports.courier):
        retention.fail_abandoned(ports.clock.now())
    removed = 0
    while batch := _unless_silent(ports, lambda: _remove_batch(ports)):
        removed += batch
    if removed:
        log.info("backups.removed", count=removed)


def remove_stray_files(ports: Ports, settings: Settings) -> None:
    """Remove files that a crash left in the store."""
    removed = _unless_silent(ports, lambda: _remove_strays(ports))
    if removed:
        log.info("backups.strays_removed", count=removed)


def _remove_batch(ports: Ports) -> int:
    """Remove some; 0 when there is nothing more."""
    due = retention.expired(ports.clock.now(), _BATCH)
    release_connection()
    for removal in due:
        retention.remove_files(removal, ports.vault)
        with unit_of_work():
            retention.mark_removed(removal.backup_id, ports.clock.now())
    return len(due)


def _remove_strays(ports: Ports) -> int:
    """Remove what belongs to a known backup and is no part of it."""
    release_connection()
    stored = ports.object_store.list(keeping.PREFIX)
    keys = retention.strays(stored, ports.clock.now())
    release_connection()
    for key in keys:
        ports.vault.delete(key)
    return len(keys)


def _unless_silent(ports: Ports, act: Callable[[], int]) -> int:
    """The store is logged by its adapter when it is silent; the next tick tries again."""
    try:
        return act()
    except Unavailable:
        return 0
