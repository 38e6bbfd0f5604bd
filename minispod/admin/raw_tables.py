"""Every table as it is, to read: Flask-Admin behind the administration's gate.

Read-only (decision 40: Flask-Admin commits by itself); changes go through our acts. Secrets, digests and
sealed values are not shown. The one file of this package that may know the database.
"""

import uuid
from collections.abc import Callable
from typing import Any

from flask import Flask, abort, request
from flask_admin import Admin, AdminIndexView, expose
from flask_admin.contrib.sqla import ModelView
from flask_admin.model.typefmt import dict_formatter
from flask_admin.theme import Bootstrap4Theme
from flask_login import current_user

from minispod.accounts.models import User
from minispod.admin.languages import N_
from minispod.admin.languages import gettext as _
from minispod.admin.pages import split_address
from minispod.admin.sessions import PATH, is_admin
from minispod.audit.models import AuditEntry
from minispod.backups.models import Backup, BackupPart
from minispod.catalog.models import Category, Plan, Service
from minispod.cluster.models import ClusterState, NodeReading
from minispod.instances.domains.models import CustomDomain
from minispod.instances.models import Instance, Tenancy
from minispod.kernel.database import db
from minispod.kernel.errors import NotFound
from minispod.kernel.ids import parse_id
from minispod.kernel.outbox import OutboxRow
from minispod.kernel.pulse import Pulse
from minispod.notifications.models import Notification
from minispod.papers.models import Paper, PaperCounter
from minispod.payments.models import GatewayLook, GatewayNotice, TopUp, TopUpRefund
from minispod.promotions.models import Coupon, Redemption
from minispod.proof.models import ProofDifference, ProofRun
from minispod.subscriptions.models import Period, PlanChange, Refund, Subscription
from minispod.wallet.models import Adjustment, LedgerEntry, Wallet

TABLES = f"{PATH}/tables"
STATIC_ENDPOINTS = frozenset({"admin.static", "rq_dashboard.static"})

_DIGITS = 10
_LAST_PAGE = 100_000
_READS = frozenset({"index_view", "details_view"})
_NEVER_SHOWN = (
    "password_hash",
    "google_id",
    "sealed_secrets",
    "sealed_certificate",
    "snap_token",
    "digest",
    "request_key",
)
# How a value reads that does not read well by itself.
_PLAINLY: dict[type[Any], Callable[..., str]] = {
    type(None): lambda _view, _value, _name: "—",
    bool: lambda _view, value, _name: _("yes") if value else _("no"),
    dict: dict_formatter,
    list: dict_formatter,
}
# Refresh tokens are left out whole: there is nothing in them but digests.
_SHELVES: dict[str, tuple[type[Any], ...]] = {
    N_("People"): (User, Tenancy),
    N_("Catalogue"): (Category, Service, Plan),
    N_("Money"): (
        Wallet,
        LedgerEntry,
        Adjustment,
        TopUp,
        TopUpRefund,
        GatewayNotice,
        GatewayLook,
        Paper,
        PaperCounter,
        ProofRun,
        ProofDifference,
    ),
    N_("Promotions"): (Coupon, Redemption),
    N_("Subscriptions"): (
        Subscription,
        Period,
        PlanChange,
        Refund,
        Instance,
        CustomDomain,
        Backup,
        BackupPart,
    ),
    N_("Platform"): (NodeReading, ClusterState, Notification, AuditEntry, OutboxRow, Pulse),
}


class ReadOnlyTable(ModelView):
    """A table to page through and sort; nothing can be made, changed, removed or exported in bulk."""

    can_create = False
    can_edit = False
    can_delete = False
    can_export = False
    can_view_details = True
    action_disallowed_list = ("delete",)
    column_display_pk = True
    column_display_all_relations = False
    page_size = 50
    can_set_page_size = False
    named_filter_urls = False
    list_template = "admin/tables/list.html"
    details_template = "admin/tables/one.html"
    column_type_formatters = _PLAINLY
    column_type_formatters_detail = _PLAINLY

    def __init__(self, model: type[Any], category: str) -> None:
        shown = [column.key for column in model.__table__.columns if column.key not in _NEVER_SHOWN]
        columns = sorted(shown, key=lambda key: key != "id")
        self.column_list = columns
        self.column_details_list = columns
        self.column_sortable_list = columns
        name = model.__tablename__
        super().__init__(
            model, db, name=name, category=category, endpoint=f"table_{name}", url=f"{TABLES}/{name}"
        )

    def get_one(self, id: str) -> Any:
        """Find one row; an id that cannot be one is not found, instead of an error of the database."""
        key = self.model.__table__.primary_key.columns[0].type.python_type
        if key is uuid.UUID:
            parse_id(id)
        elif (key is int and not (id.isascii() and id.isdigit() and len(id) < _DIGITS)) or "\x00" in id:
            raise NotFound()
        return super().get_one(id)

    def scaffold_form(self) -> Any:
        """No fields: nothing is written here, and the form of each table would stay in memory."""
        return self.form_base_class

    def create_blueprint(self, admin: Admin) -> Any:
        """Only what reads has an address."""
        self._urls = [each for each in self._urls if each[1] in _READS]  # type: ignore[has-type]
        return super().create_blueprint(admin)

    def _get_list_extra_args(self) -> Any:
        args = super()._get_list_extra_args()
        args.page = min(max(args.page or 0, 0), _LAST_PAGE)
        args.extra_args = {}  # they would become arguments of url_for, which reads some of them as orders
        return args

    def is_accessible(self) -> bool:
        """The gate has decided already; this is the second lock."""
        return bool(current_user.is_authenticated)


class TablesIndex(AdminIndexView):
    """The list of tables."""

    def is_accessible(self) -> bool:
        """As for the tables."""
        return bool(current_user.is_authenticated)

    @expose("/")
    def index(self) -> Any:
        """Show our own page instead of an empty one."""
        shelves = [(_(name), [model.__tablename__ for model in models]) for name, models in _SHELVES.items()]
        return self.render("admin/tables/page.html", shelves=shelves)


def init_app(app: Flask) -> None:
    """Mount the tables."""
    index = TablesIndex(name="Tables", url=TABLES, endpoint="admin")
    tables = Admin(
        app,
        name="MinisPod",
        theme=Bootstrap4Theme(fluid=True),
        index_view=index,
        url=TABLES,
        endpoint="admin",
    )
    for category, models in _SHELVES.items():
        for model in models:
            tables.add_view(ReadOnlyTable(model, category))


def check() -> None:
    """Refuse a way back that leads elsewhere or is no address; Flask-Admin would crash on some."""
    way_back = split_address(request.args.get("url", TABLES))
    if way_back is None or way_back.scheme or way_back.netloc or not is_admin(way_back.path):
        abort(400)


def is_table(path: str) -> bool:
    """Tell whether a path belongs to the tables (their index is a page of ours)."""
    return path.startswith(TABLES + "/") and path != TABLES + "/"


__all__ = ["STATIC_ENDPOINTS", "TABLES", "check", "init_app", "is_table"]
