"""The ports in one hand, and how a front door reaches them.

`wiring.py` builds them once per process; doors hand them into the domain as arguments. No domain file
imports this.
"""

from dataclasses import dataclass

from flask import current_app

from minispod.accounts.google import GoogleKeys
from minispod.accounts.staff_sessions import SessionStore
from minispod.accounts.tokens import TokenKeys
from minispod.alerts.webhook import Webhook
from minispod.backups.vault import Vault
from minispod.cluster.port import ClusterPort
from minispod.instances.domains.resolver import Resolver
from minispod.kernel.clock import Clock
from minispod.kernel.object_store import ObjectStore
from minispod.kernel.outbox import Courier
from minispod.kernel.sealed import Sealer
from minispod.notifications.mailer import Mailer
from minispod.payments.gateway import PaymentGateway
from minispod.settings import Settings


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything outside the program that a door may need."""

    clock: Clock
    courier: Courier
    cluster: ClusterPort
    gateway: PaymentGateway
    resolver: Resolver
    mailer: Mailer
    sealer: Sealer
    token_keys: TokenKeys
    google_keys: GoogleKeys
    admin_sessions: SessionStore
    object_store: ObjectStore
    vault: Vault
    webhook: Webhook


def current_ports() -> Ports:
    """The ports of the running application."""
    ports: Ports = current_app.extensions["minispod.ports"]
    return ports


def current_settings() -> Settings:
    """The settings of the running application."""
    settings: Settings = current_app.extensions["minispod.settings"]
    return settings
