"""All doors of the JSON API, in the order of the document."""

from collections.abc import Sequence

from minispod.api import accounts, billing, catalog, health, payments, subscriptions, wallet
from minispod.api.envelope import Door
from minispod.api.staff import billing as staff_billing
from minispod.api.staff import cluster as staff_cluster


def all_doors() -> Sequence[Door]:
    """The blueprints to register."""
    return (
        accounts.door,
        catalog.door,
        wallet.door,
        payments.door,
        subscriptions.door,
        billing.door,
        staff_billing.door,
        staff_cluster.door,
        health.door,
    )
