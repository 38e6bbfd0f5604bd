"""A shop whose instances run, and copies of their data."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from pyrage import x25519

from minispod.backups import keeping
from minispod.backups.models import Backup, BackupReason
from minispod.backups.sealing import BackupKeys
from minispod.backups.vault import Vault
from minispod.instances.models import Instance
from minispod.instances.states import InstanceStatus
from minispod.integrations.object_store import DirectoryStore
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.settings import Settings
from tests.plugins.app import Person, PortsNow
from tests.plugins.shop import Shop


@dataclass(frozen=True, slots=True)
class Keeper:
    """Takes backups of a shop's instances as the operations do, in small."""

    shop: Shop
    vault: Vault
    store: DirectoryStore

    def begin(
        self, instance: Instance, reason: BackupReason = BackupReason.DAILY, *, keep_days: int = 30
    ) -> Backup:
        """Write the row."""
        with self.shop.app.app_context(), unit_of_work():
            found = session().get_one(Instance, instance.id)
            return keeping.begin(found, reason, keep_days, self.shop.clock.now())

    def store_part(self, backup: Backup, name: str = "data", content: bytes = b"rows") -> None:
        """Put a file into the store and write it down."""
        kept = self.vault.keep(keeping.key_of(backup.instance_id, backup.id, name), [content])
        with self.shop.app.app_context(), unit_of_work():
            keeping.add_part(backup.id, name, kept)

    def finish(self, backup: Backup) -> Backup:
        """Say that it is whole."""
        with self.shop.app.app_context(), unit_of_work():
            return keeping.finish(backup.id, self.shop.clock.now())

    def fail(self, backup: Backup, sentence: str = "The pod died.") -> Backup:
        """Give it up."""
        with self.shop.app.app_context(), unit_of_work():
            return keeping.fail(backup.id, sentence, self.shop.clock.now())

    def take(
        self,
        instance: Instance,
        reason: BackupReason = BackupReason.DAILY,
        *,
        ago: timedelta = timedelta(0),
        keep_days: int = 30,
        content: bytes = b"rows",
    ) -> Backup:
        """A whole backup from begin to end, taken some time ago."""
        now = self.shop.clock.now()
        self.shop.clock.set(now - ago)
        backup = self.begin(instance, reason, keep_days=keep_days)
        self.store_part(backup, content=content)
        done = self.finish(backup)
        self.shop.clock.set(now)
        return done

    def take_failing(
        self, instance: Instance, reason: BackupReason = BackupReason.DAILY, sentence: str = "The pod died."
    ) -> Backup:
        """A backup that breaks off after its first file."""
        backup = self.begin(instance, reason)
        self.store_part(backup)
        return self.fail(backup, sentence)

    def stored(self) -> list[str]:
        """What lies in the store."""
        return [each.key for each in self.store.list("backups")]

    def row(self, backup: Backup) -> Backup:
        """The row as it is now."""
        with self.shop.app.app_context():
            return session().get_one(Backup, backup.id, populate_existing=True)


@pytest.fixture
def keeper(app: Flask, settings: Settings, ports: PortsNow, clock: FrozenClock, tmp_path: Path) -> Keeper:
    """Somebody who takes backups into a directory of the test's own."""
    store = DirectoryStore(tmp_path / "files")
    vault = Vault(store, BackupKeys([str(x25519.Identity.generate())]))
    ports.change(object_store=store, vault=vault)
    return Keeper(Shop(app, settings, ports, clock), vault, store)


@pytest.fixture
def make_instance(
    keeper: Keeper, customer: Person, plan_id: Callable[..., uuid.UUID]
) -> Callable[..., Instance]:
    """Make an instance that runs since a moment: `make_instance(slug, owner=..., since=...)`."""

    def make(
        slug: str = "postgresql",
        *,
        owner: Person = customer,
        since: datetime | None = None,
        **fields: Any,
    ) -> Instance:
        shop = keeper.shop
        subscription_id = shop.order(owner, plan_id(slug))
        known = {"status": InstanceStatus.RUNNING, "first_ran_at": since or shop.clock.now()}
        shop.put(subscription_id, **{**known, **fields})
        return shop.look(subscription_id)[1]

    return make
