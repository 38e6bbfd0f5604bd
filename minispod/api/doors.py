"""All doors of the JSON API, in the order of the document."""

from collections.abc import Sequence

from minispod.api import (
    accounts,
    billing,
    catalog,
    controls,
    domains,
    google,
    health,
    instances,
    monitoring,
    operations,
    order_checks,
    own_instances,
    passwords,
    payments,
    promotions,
    subscriptions,
    tickets,
    upgrades,
    wallet,
)
from minispod.api.envelope import Door
from minispod.api.staff import analytics as staff_analytics
from minispod.api.staff import billing as staff_billing
from minispod.api.staff import categories as staff_categories
from minispod.api.staff import charging as staff_charging
from minispod.api.staff import cluster as staff_cluster
from minispod.api.staff import health as staff_health
from minispod.api.staff import money as staff_money
from minispod.api.staff import orphans as staff_orphans
from minispod.api.staff import plans as staff_plans
from minispod.api.staff import promotions as staff_promotions
from minispod.api.staff import quota as staff_quota
from minispod.api.staff import subscription_edits as staff_subscription_edits
from minispod.api.staff import subscriptions as staff_subscriptions
from minispod.api.staff import tickets as staff_tickets
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
        order_checks.door,
        subscriptions.door,
        upgrades.door,
        domains.door,
        controls.door,
        instances.door,
        operations.door,
        own_instances.door,
        monitoring.door,
        billing.door,
        tickets.door,
        staff_billing.door,
        staff_categories.door,
        staff_plans.door,
        staff_quota.door,
        staff_cluster.door,
        staff_health.door,
        staff_analytics.door,
        staff_charging.door,
        staff_money.door,
        staff_orphans.door,
        staff_promotions.door,
        staff_subscriptions.door,
        staff_subscription_edits.door,
        staff_users.door,
        staff_wallets.door,
        staff_tickets.door,
        health.door,
    )
