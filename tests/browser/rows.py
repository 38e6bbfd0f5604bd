"""Every address of the administration that answers GET, one row an endpoint."""

from dataclasses import dataclass, field

from minispod.cluster.sights import Kind


@dataclass(frozen=True, slots=True)
class Row:
    """How one endpoint is looked at: `pick` and `query` complete its address, `foreign` is a library's own page."""

    endpoint: str
    pick: dict[str, str | int] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    foreign: bool = False

    @property
    def name(self) -> str:
        """What tells it from others: the endpoint and what was picked."""
        return "-".join([self.endpoint, *map(str, self.pick.values())])


def page(endpoint: str, **pick: str | int) -> Row:
    """A page of ours."""
    return Row(endpoint, pick)


_BOARD = {"instance_number": 0}

ROWS: tuple[Row, ...] = (
    page("panel.today"),
    page("panel.alerts_list"),
    page("panel.alert"),
    page("panel.customers_list"),
    page("panel.customer"),
    *(page("panel.customer_part", part=part) for part in ("tickets", "messages", "alerts", "history")),
    Row("panel.find", query={"q": "search"}),
    page("panel.viewing_page"),
    page("panel.administrators_page"),
    page("panel.settings_page"),
    page("panel.wallet"),
    page("panel.adjust_form"),
    page("panel.instances_list"),
    Row("panel.bulk_preview", query={"act": "bulk_act", "id": "instance_id"}),
    page("panel.bulk_list"),
    page("panel.bulk_batch"),
    page("panel.instance"),
    page("panel.instance_data"),
    page("panel.instance_history"),
    page("panel.instance_manifests"),
    page("panel.instance_events"),
    page("panel.instance_logs"),
    page("panel.instance_settings"),
    page("panel.instance_usage"),
    page("panel.orphans_list"),
    page("panel.backups_list"),
    page("panel.domains_list"),
    page("panel.nodes"),
    page("panel.node"),
    page("panel.node", name="worker-2"),
    page("panel.drain_preview"),
    page("panel.node_operation"),
    page("panel.node_joins"),
    page("panel.node_join"),
    *(page("panel.cluster_list", kind=kind.value) for kind in Kind),
    page("panel.subscriptions_list"),
    page("panel.subscription"),
    page("panel.revenue_page"),
    page("panel.revenue_cohorts"),
    page("panel.revenue_forecast"),
    page("panel.revenue_earned"),
    page("panel.scoreboard"),
    page("panel.ledger_list"),
    page("panel.topups_list"),
    page("panel.topup"),
    page("panel.topup_at_gateway"),
    page("panel.papers_list"),
    page("panel.paper"),
    page("panel.adjustments_list"),
    page("panel.adjustment"),
    page("panel.proof"),
    page("panel.proof_run"),
    page("panel.coupons_list"),
    page("panel.coupon"),
    page("panel.edit_coupon"),
    page("panel.new_coupon"),
    page("panel.messages_list"),
    page("panel.message"),
    page("panel.message_kinds"),
    page("panel.message_kind"),
    page("panel.tickets_list"),
    page("panel.ticket"),
    page("panel.canned_list"),
    page("panel.new_canned"),
    page("panel.edit_canned"),
    page("panel.services_list"),
    page("panel.service"),
    page("panel.new_service"),
    page("panel.edit_service"),
    page("panel.plan"),
    page("panel.new_plan"),
    page("panel.edit_plan"),
    Row("panel.preview_price", query={"price": "price"}),
    page("panel.categories_list"),
    page("panel.new_category"),
    page("panel.edit_category"),
    page("panel.recipes_list"),
    page("panel.recipe", slug="n8n-automation"),
    page("panel.work"),
    page("panel.audit_list"),
    page("panel.sign_in"),
    page("panel.components"),
    page("admin.index"),
    page("table_users.index_view"),
    Row("table_users.details_view", query={"id": "user_id"}),
    Row("rq_dashboard.queues_overview", foreign=True),
    Row("rq_dashboard.workers_overview", _BOARD, foreign=True),
    Row("rq_dashboard.jobs_overview", _BOARD, foreign=True),
    Row("rq_dashboard.job_view", _BOARD, foreign=True),
)

# What answers GET and is no page: files to keep, parts of pages, data for a page's script, and writes that refuse GET.
NO_PAGES = frozenset(
    {
        "admin.static",
        "panel.more_logs",
        "panel.export_ledger",
        "panel.export_papers",
        "panel.export_topups",
        "panel.export_wallet",
        "panel.message_html",
        "panel.message_kind_html",
        "panel.paper_pdf",
        "panel.revenue_cohorts_file",
        "panel.revenue_days_file",
        "panel.revenue_endings_file",
        "panel.revenue_forecast_file",
        "panel.revenue_months_file",
        "panel.revenue_plans_file",
        "panel.revenue_services_file",
        "panel.revenue_shortfalls_file",
        "panel.ticket_attachment",
        "rq_dashboard.static",
        "rq_dashboard.favicon",
        "rq_dashboard.job_info",
        "rq_dashboard.list_jobs",
        "rq_dashboard.list_queues",
        "rq_dashboard.list_workers",
        "rq_dashboard.requeue_all",
    }
)
