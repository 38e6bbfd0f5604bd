"""Every model in one import, so that the mappers and Alembic see the whole schema."""

from minispod.accounts import models as accounts
from minispod.alerts import models as alerts
from minispod.audit import models as audit
from minispod.backups import models as backups
from minispod.catalog import models as catalog
from minispod.cluster import models as cluster
from minispod.cluster.joining import models as node_joins
from minispod.instances import environment_models as instance_environments
from minispod.instances import models as instances
from minispod.instances import orphan_models as instance_orphans
from minispod.instances import restarts as instance_restarts
from minispod.instances.domains import models as domains
from minispod.instances.uptime import models as uptime
from minispod.instances.usage import models as usage
from minispod.kernel import kept_answers, outbox, pulse
from minispod.notifications import models as notifications
from minispod.operations import models as operations
from minispod.operations.nodes import models as node_operations
from minispod.papers import models as papers
from minispod.payments import models as payments
from minispod.promotions import models as promotions
from minispod.proof import models as proof
from minispod.subscriptions import models as subscriptions
from minispod.subscriptions import paid_run_models as paid_runs
from minispod.subscriptions.bulk import models as bulk
from minispod.tickets import models as tickets
from minispod.upkeep import models as upkeep
from minispod.wallet import models as wallet

__all__ = [
    "accounts",
    "alerts",
    "audit",
    "backups",
    "bulk",
    "catalog",
    "cluster",
    "domains",
    "instance_environments",
    "instance_orphans",
    "instance_restarts",
    "instances",
    "kept_answers",
    "node_joins",
    "node_operations",
    "notifications",
    "operations",
    "outbox",
    "paid_runs",
    "papers",
    "payments",
    "promotions",
    "proof",
    "pulse",
    "subscriptions",
    "tickets",
    "upkeep",
    "uptime",
    "usage",
    "wallet",
]
