"""All doors of the JSON API, in the order of the document."""

from collections.abc import Sequence

from minispod.api import (
    accounts,
    billing,
    catalog,
    domains,
    google,
    health,
    instances,
    monitoring,
    operations,
    passwords,
    payments,
    promotions,
    subscriptions,
    upgrades,
    wallet,
)
from minispod.api.envelope import Door
from minispod.api.staff import billing as staff_billing
from minispod.api.staff import cluster as staff_cluster
from minispod.api.staff import promotions as staff_promotions
from minispod.api.staff import subscriptions as staff_subscriptions
from minispod.api.staff import users as staff_users
from minispod.api.staff import wallets as staff_wallets


def all_doors() -> Sequence[Door]:
    """The blueprints to register."""
    return (
        accounts.door,
        google.door,
        passwords.door,
        catalog.door,
        wallet.door,
        payments.door,
        promotions.door,
        subscriptions.door,
        upgrades.door,
        domains.door,
        instances.door,
        operations.door,
        monitoring.door,
        billing.door,
        staff_billing.door,
        staff_cluster.door,
        staff_promotions.door,
        staff_subscriptions.door,
        staff_users.door,
        staff_wallets.door,
        health.door,
    )
