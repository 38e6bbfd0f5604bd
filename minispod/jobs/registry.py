"""Which function does which task. A test compares this with the inventory in kernel/tasks."""

from minispod.jobs import (
    accounts,
    alerts,
    bulk,
    domains,
    joining,
    lifecycle,
    nodes,
    notifications,
    operations,
    orphans,
    papers,
    payments,
    periodic,
    proof,
    provisioning,
    rotation,
)
from minispod.jobs.work import Handler
from minispod.kernel.tasks import Task

HANDLERS: dict[Task, Handler] = {
    Task.RECONCILE_INSTANCE: provisioning.reconcile_instance,
    Task.CREDIT_ARRIVED: lifecycle.credit_arrived,
    Task.ADVANCE_SUBSCRIPTION: lifecycle.advance_subscription,
    Task.SEND_REMINDER: lifecycle.send_reminder,
    Task.SETTLE_NOTICE: payments.settle_notice,
    Task.POLL_TOPUP: payments.poll_topup,
    Task.REFUND_TOPUP: payments.refund_topup,
    Task.DELIVER_MESSAGE: notifications.deliver_message,
    Task.PROVE_MONEY: proof.prove_money,
    Task.ISSUE_PAPERS: papers.issue_papers,
    Task.FIND_ORPHANS: orphans.find_orphans_now,
    Task.RESOLVE_ORPHAN: orphans.resolve_orphan,
    Task.ROTATE_SECRET: rotation.rotate_secret,
    Task.RUN_OPERATION: operations.run_operation,
    Task.DRILL_BACKUP: operations.drill_backup,
    Task.CHECK_DOMAIN: domains.check_domain,
    Task.PUBLISH_DOMAINS: domains.publish_domains,
    Task.FOLLOW_DEACTIVATION: accounts.follow_deactivation,
    Task.WORK_ON_NODE: nodes.work_on_node,
    Task.POST_ALERTS: alerts.post_alerts,
    Task.WORK_ON_BATCH: bulk.work_on_batch,
    Task.WORK_ON_JOIN: joining.work_on_join,
    Task.RUN_PERIODIC: periodic.run_out_of_turn,
}
