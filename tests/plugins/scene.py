"""A furnished shop: one of everything a route may be asked about, kept in the database and brought back quickly.

`ids` has what exists under the names that routes, bodies and queries use; a part of the shop that gets routes of its
own adds its things in `_furnish`, one line each.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text

from minispod.accounts import sessions, stewardship
from minispod.accounts.models import User
from minispod.backups.models import Backup, BackupReason, BackupStatus
from minispod.catalog.models import Category, Service
from minispod.catalog.recipes import get_recipe
from minispod.instances.domains.models import CustomDomain
from minispod.instances.orphan_models import Orphan, OrphanKind
from minispod.integrations.kubernetes.adapter import KubernetesCluster
from minispod.kernel import pulse
from minispod.kernel.actor import Role, system
from minispod.kernel.database import db, session
from minispod.kernel.ids import new_id
from minispod.kernel.unit_of_work import unit_of_work
from minispod.operations.models import Operation
from minispod.papers.models import Paper
from minispod.payments.states import TopUpState
from minispod.ports import current_ports
from minispod.tickets.models import Ticket, TicketAttachment
from minispod.wallet import adjusting
from minispod.wallet.adjusting import AdjustmentRules, Correction
from minispod.wallet.models import LedgerEntry
from tests.factories.coupons import put_coupon
from tests.factories.payments import put_topup
from tests.factories.pictures import picture
from tests.factories.tickets import open_ticket, send_files
from tests.plugins.app import PASSWORD, Person, data_of
from tests.plugins.shop import Shop

AT_HAND = "the furnished shop"
_RULES = AdjustmentRules(confirm_above=1_000, expires_after=timedelta(hours=72))


@dataclass(frozen=True, slots=True)
class Scene:
    """Who is there, and what there is: for each name of an id, those that exist (the customer's own, where owned)."""

    customer: Person
    another: Person
    administrator: Person
    deactivated: Person
    ids: dict[str, tuple[str, ...]]

    def first(self, name: str) -> str:
        """The first thing of this name; a name nobody knows is a mistake of the test."""
        return self.ids[name][0]


@pytest.fixture(scope="session")
def _kept() -> dict[str, Scene]:
    return {}


@pytest.fixture
def scene(app: Flask, request: pytest.FixtureRequest, _kept: dict[str, Scene]) -> Scene:
    """The furnished shop: built once, then brought back."""
    ports = request.getfixturevalue("ports")
    if AT_HAND not in _kept:
        working = ports.cluster
        made = _furnish(app, request.getfixturevalue)
        ports.change(cluster=working)
        with app.app_context():
            _take_picture()
        _kept[AT_HAND] = made
    else:
        bring_back(app)
    return _kept[AT_HAND]


def bring_back(app: Flask) -> None:
    """Everything is again as it was when the shop was furnished."""
    with app.app_context(), unit_of_work():
        session().execute(text("SELECT scene.bring_back()"))


def _furnish(app: Flask, fixture: Callable[[str], Any]) -> Scene:
    person, shop, plan_id, clock = (fixture(name) for name in ("person", "shop", "plan_id", "clock"))
    customer, another = person(credit=5_000_000, email="siti@example.com"), person(credit=500_000)
    staff, colleague = (person(role=Role.ADMINISTRATOR, name=name) for name in ("Ayu Admin", "Budi Admin"))
    fixture("ports").change(cluster=KubernetesCluster("/nonexistent/kubeconfig"))
    gone, at = person(credit=50_000, name="Somebody Gone"), clock.now()
    services = "n8n-automation", "postgresql", "ghost-blog"
    running = [shop.order(customer, plan_id(slug)) for slug in services]
    with app.app_context():
        topups = [put_topup(customer.id, at=at), put_topup(customer.id, at=at, state=TopUpState.PAID)]
        coupons = [put_coupon(f"GIFT{number}", at=at, max_uses_per_user=99).id for number in range(4)]
        waiting = [_ask(customer, colleague, at) for _ in range(4)]
        with unit_of_work():
            keys = current_ports().token_keys
            refresh = sessions.sign_in(_user(customer), keys=keys, actor=customer.actor, at=at).refresh
            stewardship.block(gone.id, actor=system("tests"), at=at)
            for process in ("worker", "scheduler"):
                pulse.beat(process, at)
    fixture("run_jobs")()  # among other things papers get their numbers
    for each in running:
        shop.runs(each)
    shop.put(running[0], cpu_usage=120, memory_usage=300.5, last_health_check_at=at)
    shop.put(running[1], version=get_recipe("postgresql").version)
    backups = [_backup(shop, running[1]) for _ in range(4)]
    orphans = [_orphan(app, f"stray-{number}", at) for number in range(4)]
    _over_the_wire(app, customer, running)
    with app.app_context():
        mine = LedgerEntry.user_id == customer.id
        return Scene(
            customer,
            another,
            staff,
            gone,
            {
                "subscription_id": _texts(running),
                "transaction_id": _texts([*(each.id for each in topups), *_all(LedgerEntry.id, mine)]),
                "coupon_id": _texts(coupons),
                "adjustment_id": _texts(waiting),
                "backup_id": _texts(backups),
                "user_id": _texts([customer.id, another.id]),
                "domain_id": _texts(_all(CustomDomain.id)),
                "operation_id": _texts(_all(Operation.id)),
                "invoice_id": _texts(_all(Paper.id, Paper.user_id == customer.id)),
                "plan_id": _texts([plan_id("n8n-automation", "PRO"), plan_id("grafana")]),
                "new_plan_id": _texts([plan_id("n8n-automation", "PRO")]),
                "service_id": _texts([_service(services[0]), *_all(Service.id)]),
                "instance_id": _texts([shop.look(each)[1].id for each in running]),
                "ticket_id": _texts(_all(Ticket.id)),
                "attachment_id": _texts(_all(TicketAttachment.id)),
                "topup_id": _texts([each.id for each in topups]),
                "orphan_id": _texts(orphans),
                "number": ("1",),
                "job_name": ("low-credit-notifications",),
                "category_id": _texts(_all(Category.id)),
                "slug": (*services, *_all(Category.slug)),
                "instance_name": _texts([shop.look(each)[1].name for each in running]),
                "name": ("POSTGRES_PASSWORD", "worker-1", shop.look(running[1])[1].name),
                "email": (customer.email, "new@example.com"),
                "password": (PASSWORD,),
                "coupon_code": ("GIFT0", "GIFT1"),
                "refresh_token": (refresh,),
            },
        )


def _over_the_wire(app: Flask, customer: Person, running: list[uuid.UUID]) -> None:
    """What is quickest asked for at the door."""
    first, _, last = (f"/api/v1/subscriptions/{each}" for each in running)
    client, headers = app.test_client(), customer.headers
    data_of(client.post(f"{first}/domains", json={"host": "shop.example.com"}, headers=headers), 201)
    data_of(client.post(f"{last}/domains", json={"host": "blog.example.com"}, headers=headers), 201)
    data_of(client.post(f"{last}/backups", headers=headers), 202)
    data_of(send_files(client, customer, [("screen.png", picture())]), 201)
    closed = open_ticket(client, customer, "Solved long ago")
    data_of(client.put(f"/api/v1/tickets/{closed['id']}/close", headers=headers))


def _ask(owner: Person, colleague: Person, at: datetime) -> uuid.UUID:
    wanted = Correction(owner.id, 15_000, "Goodwill after an outage")
    with unit_of_work():
        return adjusting.request(wanted, request_key=None, rules=_RULES, actor=colleague.actor, at=at).id


def _backup(shop: Shop, subscription: uuid.UUID) -> uuid.UUID:
    instance, taken = shop.look(subscription)[1], shop.clock.now() - timedelta(hours=2)
    row = Backup(
        id=new_id(),
        instance_id=instance.id,
        user_id=instance.user_id,
        service_slug=instance.service_slug,
        version=instance.version,
        reason=BackupReason.ON_DEMAND,
        status=BackupStatus.DONE,
        taken_at=taken,
        finished_at=taken,
        keep_until=taken + timedelta(days=30),
        plain_size=4096,
    )
    with shop.app.app_context(), unit_of_work():
        session().add(row)
    return row.id


def _orphan(app: Flask, name: str, at: datetime) -> uuid.UUID:
    row = Orphan(
        id=new_id(),
        kind=OrphanKind.WORKLOAD,
        namespace="user-nobody",
        name=name,
        instance_label=str(new_id()),
        is_trial=False,
        first_seen_at=at,
        last_seen_at=at,
    )
    with app.app_context(), unit_of_work():
        session().add(row)
    return row.id


def _service(slug: str) -> uuid.UUID:
    return session().scalars(select(Service.id).where(Service.slug == slug)).one()


def _user(person: Person) -> User:
    return session().get_one(User, person.id)


def _all(column: Any, *where: Any) -> list[Any]:
    return list(session().scalars(select(column).where(*where).order_by(column)))


def _texts(ids: list[Any]) -> tuple[str, ...]:
    return tuple(str(each) for each in ids)


def _take_picture() -> None:
    """Keep all rows and sequences as they are now, and a function that brings them back."""
    names = [table.name for table in db.metadata.sorted_tables]
    with unit_of_work():
        run = session().connection().exec_driver_sql
        run("DROP SCHEMA IF EXISTS scene CASCADE; CREATE SCHEMA scene")
        acts = "PERFORM tests.empty();"
        for name in names:
            run(f"CREATE TABLE scene.{name} AS TABLE {name}")
            acts += f" INSERT INTO {name} TABLE scene.{name};"
        for sequence in run("SELECT sequencename, last_value FROM pg_sequences WHERE last_value > 0").all():
            acts += f" PERFORM setval('{sequence[0]}', {sequence[1]});"
        run(
            "CREATE FUNCTION scene.bring_back() RETURNS void LANGUAGE plpgsql "
            f"SET session_replication_role = replica AS $$ BEGIN {acts} END $$"
        )
