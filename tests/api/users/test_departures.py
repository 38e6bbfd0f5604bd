"""How accounts end over the wire: deactivated, with what becomes of applications, and deleted."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from minispod.accounts.models import MailedToken, User
from minispod.audit.models import AuditEntry
from minispod.instances.models import Instance
from minispod.instances.states import Wanted
from minispod.kernel.database import session
from minispod.notifications.models import Notification
from minispod.subscriptions.models import Subscription
from minispod.subscriptions.states import SubscriptionStatus
from minispod.tickets.models import Ticket
from minispod.wallet.models import Wallet
from tests.api.users.conftest import PATH, acts_on
from tests.factories.tickets import open_ticket
from tests.plugins.app import PASSWORD, Person, data_of, refused
from tests.plugins.shop import Shop

PersonMaker = Callable[..., Person]
PlanFinder = Callable[..., uuid.UUID]


def test_a_deactivated_customer_is_out_everywhere_at_once(
    client: FlaskClient, switch: Callable[..., Any], person: PersonMaker
) -> None:
    someone = person()
    tokens = data_of(client.post("/api/auth/login", json={"email": someone.email, "password": PASSWORD}))
    headers = {"Authorization": f"Bearer {tokens['accessToken']}"}

    assert data_of(switch(someone.id))["user"]["isActive"] is False

    for each in (headers, someone.headers):
        refused(client.get("/api/wallet/info", headers=each), 401, "accounts.deactivated")
    refresh = {"refreshToken": tokens["refreshToken"]}
    assert client.post("/api/auth/refresh", json=refresh).status_code == 401
    login = {"email": someone.email, "password": PASSWORD}
    refused(client.post("/api/auth/login", json=login), 401, "accounts.deactivated")

    assert data_of(switch(someone.id))["user"]["isActive"] is True
    refused(client.get("/api/wallet/info", headers=headers), 401, "accounts.bad_token")
    refused(client.post("/api/auth/refresh", json=refresh), 401, "accounts.bad_token")
    data_of(client.post("/api/auth/login", json=login))


def test_several_are_switched_each_with_an_outcome_of_its_own(
    client: FlaskClient, administrator: Person, person: PersonMaker, listed: Callable[..., Any]
) -> None:
    two = [person(), person()]
    ids = [str(two[0].id), "nobody", str(administrator.id), str(two[1].id)]

    def switch(**body: Any) -> Any:
        return client.patch(f"{PATH}/status", json=body, headers=administrator.headers)

    data = data_of(switch(userIds=ids, isActive=False, instances="stop"))

    assert [each["success"] for each in data["results"]] == [True, False, False, True]
    assert [each.get("code") for each in data["results"]][2] == "accounts.last_administrator"
    assert data["summary"] == {"total": 4, "successful": 2, "failed": 2}
    assert listed(status="inactive")["pagination"]["totalCount"] == 2
    for each in two:
        refused(client.get("/api/auth/profile", headers=each.headers), 401, "accounts.deactivated")
    data_of(switch(userIds=ids, isActive=True))
    assert listed(status="inactive")["users"] == []
    for odd in ({}, {"userIds": []}, {"userIds": ["x"] * 101, "isActive": True}, {"userIds": ids}):
        refused(switch(**odd), 400, "request.invalid")


def _fate(app: Flask, subscription_id: uuid.UUID) -> tuple[SubscriptionStatus, Wanted]:
    with app.app_context():
        subscription = session().get_one(Subscription, subscription_id)
        instance = (
            session().scalars(select(Instance).where(Instance.subscription_id == subscription_id)).one()
        )
        return subscription.status, instance.wanted


@pytest.mark.parametrize(
    ("choice", "status", "wanted"),
    [
        (None, SubscriptionStatus.ACTIVE, Wanted.RUNNING),
        ("", SubscriptionStatus.ACTIVE, Wanted.RUNNING),
        ("leave", SubscriptionStatus.ACTIVE, Wanted.RUNNING),
        ("stop", SubscriptionStatus.ACTIVE, Wanted.STOPPED),
        ("cancel", SubscriptionStatus.CANCELLED, Wanted.ABSENT),
    ],
)
def test_applications_follow_the_choice(
    app: Flask,
    customer: Person,
    shop: Shop,
    plan_id: PlanFinder,
    switch: Callable[..., Any],
    run_jobs: Callable[[], int],
    cluster: object,
    choice: str | None,
    status: SubscriptionStatus,
    wanted: Wanted,
) -> None:
    two = [shop.order(customer, plan_id()), shop.order(customer, plan_id("ghost-blog"))]

    data_of(switch(customer.id, isActive=False, instances=choice))
    run_jobs()

    assert [_fate(app, each) for each in two] == [(status, wanted)] * 2


def test_who_is_active_again_before_the_job_came_keeps_everything(
    app: Flask,
    customer: Person,
    shop: Shop,
    plan_id: PlanFinder,
    switch: Callable[..., Any],
    run_jobs: Callable[[], int],
    cluster: object,
) -> None:
    mine = shop.order(customer, plan_id())

    data_of(switch(customer.id, isActive=False, instances="cancel"))
    data_of(switch(customer.id, isActive=True))
    run_jobs()

    assert _fate(app, mine) == (SubscriptionStatus.ACTIVE, Wanted.RUNNING)


@pytest.mark.parametrize(("choice", "wanted"), [("leave", Wanted.RUNNING), ("stop", Wanted.STOPPED)])
def test_a_choice_holds_only_for_the_deactivation_it_was_made_with(
    app: Flask,
    customer: Person,
    shop: Shop,
    plan_id: PlanFinder,
    switch: Callable[..., Any],
    run_jobs: Callable[[], int],
    cluster: object,
    choice: str,
    wanted: Wanted,
) -> None:
    mine = shop.order(customer, plan_id())

    data_of(switch(customer.id, isActive=False, instances="cancel"))
    data_of(switch(customer.id, isActive=True))
    data_of(switch(customer.id, isActive=False, instances=choice))
    run_jobs()

    assert _fate(app, mine) == (SubscriptionStatus.ACTIVE, wanted)


def test_without_a_history_the_account_is_gone(
    app: Flask,
    client: FlaskClient,
    remove: Callable[..., Any],
    person: PersonMaker,
    listed: Callable[..., Any],
) -> None:
    someone = person(email="gone@example.com")
    login = {"email": someone.email, "password": PASSWORD}
    data_of(client.post("/api/auth/login", json=login))
    open_ticket(client, someone)

    assert data_of(remove(someone.id)) is None

    with app.app_context():
        for table in (User, Wallet):
            column = table.id if table is User else Wallet.user_id  # type: ignore[attr-defined]
            assert session().scalar(select(func.count()).where(column == someone.id)) == 0
        left = session().scalars(select(Notification).where(Notification.user_id == someone.id)).all()
        assert [(each.to_address, each.state.value) for each in left] == [("", "FAILED")]
        assert session().scalar(select(func.count()).select_from(Ticket)) == 0
    refused(client.get("/api/user/profile", headers=someone.headers), 401, "accounts.bad_token")
    refused(client.post("/api/auth/login", json=login), 401, "accounts.bad_credentials")
    assert len(listed()["users"]) == 1
    person(email="gone@example.com")


def test_with_a_history_nothing_of_the_person_is_left_but_the_books(
    app: Flask,
    client: FlaskClient,
    put: Callable[..., Any],
    switch: Callable[..., Any],
    remove: Callable[..., Any],
    administrator: Person,
    customer: Person,
    shop: Shop,
    listed: Callable[..., Any],
) -> None:
    data_of(put(customer.id, phone="081298765432", avatar="https://example.com/a.png"))
    open_ticket(client, customer)
    data_of(client.post("/api/auth/password/forgot", json={"email": customer.email}))

    data_of(remove(customer.id, forfeitCredit=500_000))

    with app.app_context():
        assert session().scalar(select(func.count()).select_from(MailedToken)) == 0
        user = session().get_one(User, customer.id)
        assert (user.name, user.is_active, user.deleted_at is not None) == ("Deleted customer", False, True)
        assert (user.phone, user.avatar, user.google_id, user.password_hash) == (None,) * 4
        assert customer.email not in user.email
        assert session().get_one(Wallet, customer.id).balance == 500_000
        messages = session().scalars(select(Notification).where(Notification.user_id == customer.id)).all()
        assert {(each.to_name, each.to_address) for each in messages} == {("", "")}
        assert session().scalar(select(func.count()).select_from(Ticket)) == 0
    assert [each["name"] for each in listed()["users"]] == ["Ayu Admin"]
    refused(client.get("/api/user/profile", headers=customer.headers), 401, "accounts.deactivated")
    for again in (remove(customer.id), put(customer.id, name="Back"), switch(customer.id)):
        refused(again, 404, "accounts.no_such_user")
    address = f"{PATH}/{customer.id}"
    refused(client.get(address, headers=administrator.headers), 404, "accounts.no_such_user")
    assert acts_on(app, customer.id)[-1] == "account.anonymised"


def test_credit_is_lost_only_when_it_is_said_how_much(
    app: Flask, remove: Callable[..., Any], customer: Person
) -> None:
    for said in ({}, {"forfeitCredit": ""}, {"forfeitCredit": 499_999}):
        body = refused(remove(customer.id, **said), 409, "subscriptions.credit_left")
        assert body["data"] == {"creditBalance": 500_000}
        assert "Rp 500.000" in body["message"]
    for nonsense in ("all", -1, 10**16):
        refused(remove(customer.id, forfeitCredit=nonsense), 400, "request.invalid")
    with app.app_context():
        assert session().get_one(User, customer.id).deleted_at is None

    data_of(remove(customer.id, forfeitCredit=500_000))

    with app.app_context():
        line = session().scalars(select(AuditEntry).where(AuditEntry.action == "account.anonymised")).one()
        assert line.details["forfeited"] == 500_000


def test_the_credit_of_a_deactivated_customer_is_let_go_with_the_account(
    app: Flask, remove: Callable[..., Any], switch: Callable[..., Any], customer: Person
) -> None:
    refused(remove(customer.id), 409, "subscriptions.credit_left")
    data_of(switch(customer.id))

    data_of(remove(customer.id))

    with app.app_context():
        line = session().scalars(select(AuditEntry).where(AuditEntry.action == "account.anonymised")).one()
        assert line.details["forfeited"] == 500_000


def test_whoever_is_subscribed_is_not_deleted_with_a_click(
    app: Flask,
    client: FlaskClient,
    remove: Callable[..., Any],
    administrator: Person,
    customer: Person,
    shop: Shop,
    plan_id: PlanFinder,
) -> None:
    mine = shop.order(customer, plan_id())

    body = refused(remove(customer.id), 409, "subscriptions.still_subscribed")
    assert body["data"] == {"activeSubscriptions": 1}

    cancel = f"/api/admin/subscriptions/{mine}/force-cancel"
    reason = {"reason": "The customer asked for it", "terminateInstances": True}
    data_of(client.delete(cancel, json=reason, headers=administrator.headers))
    data_of(remove(customer.id, forfeitCredit=500_000))
