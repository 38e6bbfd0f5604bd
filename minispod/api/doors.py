"""All doors of the JSON API, in the order of the document."""

from collections.abc import Sequence

from minispod.api import (
    accounts,
    billing,
    catalog,
    domains,
    health,
    instances,
    monitoring,
    operations,
    payments,
    promotions,
    subscriptions,
    upgrades,
    wallet,
)
from minispod.api.envelope import Door
from minispod.api.staff import analytics as staff_analytics
from minispod.api.staff import billing as staff_billing
from minispod.api.staff import charging as staff_charging
from minispod.api.staff import cluster as staff_cluster
from minispod.api.staff import money as staff_money
from minispod.api.staff import orphans as staff_orphans
from minispod.api.staff import promotions as staff_promotions
from minispod.api.staff import subscriptions as staff_subscriptions
from minispod.api.staff import wallets as staff_wallets


def all_doors() -> Sequence[Door]:
    """The blueprints to register."""
    return (
        accounts.door,
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
        staff_analytics.door,
        staff_billing.door,
        staff_charging.door,
        staff_cluster.door,
        staff_money.door,
        staff_orphans.door,
        staff_promotions.door,
        staff_subscriptions.door,
        staff_wallets.door,
        health.door,
    )
