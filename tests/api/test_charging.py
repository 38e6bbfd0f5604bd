"""Charging by hand over HTTP: what a round does, what it leaves to the workers, reminders, graces, and who may."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from minispod.api.staff import charging
from minispod.catalog import planning
from minispod.kernel.database import session
from minispod.kernel.money import Rupiah
from minispod.kernel.outbox import OutboxRow
from minispod.kernel.unit_of_work import unit_of_work
from minispod.subscriptions.states import EndReason, SubscriptionStatus
from tests.plugins.app import Person, data_of, refused
from tests.plugins.shop import Shop

PlanFinder = Callable[..., uuid.UUID]
Press = Callable[..., Any]
People = Callable[..., Person]
NOBODY = uuid.UUID(int=1)


@pytest.fixture
def press(
    client: FlaskClient, administrator: Person, headers_now: Callable[[Person], dict[str, str]]
) -> Press:
    def go(path: str, status: int = 200, **body: object) -> Any:
        method = "GET" if path in ("stats", "low-credit", "job-status") else "POST"
        answer = client.open(
            f"/api/admin/billing/{path}", method=method, json=body or None, headers=headers_now(administrator)
        )
        return data_of(answer, status)

    return go


@pytest.fixture
def subscribed(shop: Shop, person: People, plan_id: PlanFinder) -> Callable[..., tuple[Person, uuid.UUID]]:
    """Somebody with a running subscription and `left` of credit after it."""

    def make(left: int = 0) -> tuple[Person, uuid.UUID]:
        owner = person(credit=50_000 + left)
        made = shop.order(owner, plan_id())
        shop.runs(made)
        return owner, made

    return make


def _waiting(app: Flask, task: str) -> set[str]:
    with app.app_context():
        rows = session().scalars(select(OutboxRow).where(OutboxRow.task == task))
        return {row.args["subscription_id"] for row in rows}


def test_a_round_renews_what_is_covered_and_begins_the_grace_of_the_rest(
    shop: Shop, press: Press, subscribed: Callable[..., tuple[Person, uuid.UUID]]
) -> None:
    (rich, renewed), (poor, unpaid) = subscribed(50_000), subscribed(100)
    shop.clock.advance(days=31)
    assert press("stats")["subscriptionsDueForRenewal"] == 2

    found = press("process-renewals")

    assert {key: found[key] for key in found if key != "errors"} == {
        "processed": 2,
        "successful": 1,
        "failed": 1,
        "insufficientCredit": 1,
        "quotaExceeded": 0,
        "queued": 0,
    }
    assert found["errors"] == [
        {
            "subscriptionId": str(unpaid),
            "userId": str(poor.id),
            "userEmail": poor.email,
            "error": "Insufficient credit. Balance: 100, Required: 50000",
        }
    ]
    assert (shop.balance(rich), shop.look(renewed)[0].period_number) == (0, 2)
    stats = press("stats")
    assert (stats["subscriptionsInGracePeriod"], stats["failedRenewals"]) == (1, 1)
    assert stats["monthlyRecurringRevenue"] == 100_000
    assert press("process-renewals")["successful"] == 0
    assert shop.balance(rich) == 0


def test_a_round_leaves_to_the_workers_what_one_request_has_no_time_for(
    app: Flask,
    shop: Shop,
    press: Press,
    subscribed: Callable[..., tuple[Person, uuid.UUID]],
    run_jobs: Callable[[], int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = [subscribed(50_000) for _ in range(3)]
    shop.clock.advance(days=31)
    monkeypatch.setattr(charging, "AT_ONCE", 1)

    found = press("process-renewals")

    assert (found["processed"], found["successful"], found["queued"]) == (1, 1, 2)
    status = press("job-status")
    assert "advance_subscription" in status["activeJobs"]
    assert status["jobCount"] >= 2
    assert status["isRunning"] is False
    assert len(_waiting(app, "advance_subscription")) == 2
    run_jobs()
    assert [shop.balance(owner) for owner, _ in made] == [0, 0, 0]
    assert [shop.look(mine)[0].period_number for _, mine in made] == [2, 2, 2]
    monkeypatch.setattr(charging, "SECONDS_AT_ONCE", -1.0)
    shop.clock.advance(days=31)
    assert press("process-renewals")["queued"] == 3


def test_renewals_leave_alone_what_is_not_to_be_renewed(
    shop: Shop, press: Press, subscribed: Callable[..., tuple[Person, uuid.UUID]]
) -> None:
    owner, mine = subscribed(50_000)
    shop.auto_renew(owner, mine, False)
    shop.clock.advance(days=31)

    assert press("process-renewals")["processed"] == 0
    assert shop.look(mine)[0].status is SubscriptionStatus.ACTIVE


def test_graces_that_are_over_end_or_are_paid(
    shop: Shop, press: Press, subscribed: Callable[..., tuple[Person, uuid.UUID]]
) -> None:
    (payer, paid), (_, unpaid) = subscribed(), subscribed()
    shop.clock.advance(days=31)
    press("process-renewals")
    shop.credit(payer, 50_000)
    shop.clock.advance(days=8)

    found = press("run-job/grace-period")

    assert (found["processed"], found["renewed"], found["expired"], found["errors"]) == (2, 1, 1, [])
    assert shop.look(paid)[0].is_active
    assert shop.look(unpaid)[0].end_reason is EndReason.NO_CREDIT


def test_who_is_short_of_credit_is_listed_and_warned_once_a_day(
    shop: Shop, press: Press, subscribed: Callable[..., tuple[Person, uuid.UUID]]
) -> None:
    (owner, mine), _ = subscribed(20_000), subscribed(50_000)
    assert press("low-credit")["count"] == 0
    shop.clock.advance(days=28)

    [found] = press("low-credit")["subscriptions"]

    assert (found["id"], found["user"]["creditBalance"]) == (str(mine), 20_000)
    for _ in range(2):
        assert press("send-low-credit-notifications")["successful"] == 1
    assert shop.mails(owner).count("low_credit") == 1


def test_what_was_announced_is_what_lists_and_notices_ask_for(
    app: Flask,
    shop: Shop,
    press: Press,
    subscribed: Callable[..., tuple[Person, uuid.UUID]],
    administrator: Person,
    plan_id: PlanFinder,
    tick: Callable[[str], None],
) -> None:
    owner, mine = subscribed(55_000)
    with app.app_context(), unit_of_work():
        dearer = {"monthly_price": Rupiah(60_000)}
        at = shop.clock.now()
        planning.change_plan(plan_id(), dearer, for_existing=True, actor=administrator.actor, at=at)
    tick("announce-prices")
    shop.clock.advance(days=28)
    assert [each["id"] for each in press("low-credit")["subscriptions"]] == [str(mine)]
    assert press("send-low-credit-notifications")["successful"] == 1

    shop.clock.advance(days=3)
    [unpaid] = press("process-renewals")["errors"]
    assert "Required: 60000" in unpaid["error"]
    shop.clock.advance(days=1)
    press("run-job/grace-period-reminders")

    asked = [each.facts.get("price_text") for each in shop.messages(owner) if "price_text" in each.facts]
    assert set(asked) == {"Rp 60.000"}
    assert shop.mails(owner).count("grace_reminder") == 1


def test_warnings_beyond_the_request_are_sent_by_the_workers(
    app: Flask,
    shop: Shop,
    press: Press,
    subscribed: Callable[..., tuple[Person, uuid.UUID]],
    run_jobs: Callable[[], int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    owners = [subscribed(100)[0] for _ in range(3)]
    shop.clock.advance(days=28)
    monkeypatch.setattr(charging, "AT_ONCE", 1)

    assert press("run-job/low-credit-notifications")["queued"] == 2
    run_jobs()
    assert [shop.mails(owner).count("low_credit") for owner in owners] == [1, 1, 1]

    shop.clock.advance(days=4)
    monkeypatch.undo()
    press("process-renewals")
    shop.clock.advance(days=1)
    monkeypatch.setattr(charging, "AT_ONCE", 1)
    assert press("run-job/grace-period-reminders")["queued"] == 2
    run_jobs()
    assert [shop.mails(owner).count("grace_reminder") for owner in owners] == [1, 1, 1]


def test_a_grace_is_reminded_of_by_itself_three_days_and_one_day_before_its_end(
    shop: Shop, subscribed: Callable[..., tuple[Person, uuid.UUID]], advance: Callable[..., Any]
) -> None:
    owner, mine = subscribed()
    advance(days=30, hours=1)
    told = []
    for day in range(1, 9):
        advance(days=1)
        told += [day] * (shop.mails(owner).count("grace_reminder") - len(told))

    assert told == [4, 6]
    assert shop.mails(owner).count("grace_started") == 1
    assert not shop.look(mine)[0].is_active


def test_a_grace_is_set_while_one_runs_or_begins(
    shop: Shop,
    press: Press,
    client: FlaskClient,
    administrator: Person,
    headers_now: Callable[[Person], dict[str, str]],
    subscribed: Callable[..., tuple[Person, uuid.UUID]],
) -> None:
    (owner, mine), (rich, covered) = subscribed(100), subscribed(50_000)

    def set_grace(of: uuid.UUID = mine, **body: object) -> Any:
        path = f"/api/admin/billing/set-grace-period/{of}"
        return client.post(path, json=body, headers=headers_now(administrator))

    for days in (5, "", None):
        refused(set_grace(graceDays=days), 400, "subscriptions.not_in_grace")
    assert shop.look(mine)[0].grace_until is None
    shop.clock.advance(days=30, hours=1)

    data_of(set_grace(graceDays=20))

    found = shop.look(mine)[0]
    assert (found.grace_until, found.failed_charges) == (
        shop.clock.now().replace(month=1, year=2027, day=9),
        2,
    )
    assert shop.mails(owner).count("grace_reminder") == 1
    for days, code in (
        (0, "request.invalid"),
        (31, "subscriptions.grace_too_long"),
        ("x", "request.invalid"),
    ):
        refused(set_grace(graceDays=days), 400, code)
    # What is covered is renewed by the calendar, not put off; the refusal itself moves no money.
    refused(set_grace(covered, graceDays=5), 400, "subscriptions.not_in_grace")
    assert (shop.look(covered)[0].period_number, shop.balance(rich)) == (1, 50_000)
    press(f"expire/{mine}")
    refused(set_grace(), 400, "subscriptions.not_active")


def test_staff_end_a_subscription_before_its_time(
    shop: Shop, press: Press, subscribed: Callable[..., tuple[Person, uuid.UUID]], plan_id: PlanFinder
) -> None:
    _, mine = subscribed()

    assert press(f"expire/{mine}", reason="the end of a trial")["subscription"]["status"] == "EXPIRED"

    found = shop.look(mine)[0]
    assert (found.end_reason, shop.used(plan_id())) == (EndReason.ADMINISTRATOR, 0)


@pytest.mark.parametrize(
    "path",
    [
        "GET stats",
        "GET low-credit",
        "GET job-status",
        "POST process-renewals",
        "POST process-grace-period",
        "POST send-low-credit-notifications",
        "POST run-job/billing-stats",
        f"POST set-grace-period/{NOBODY}",
        f"POST expire/{NOBODY}",
    ],
)
def test_only_for_administrators(client: FlaskClient, customer: Person, path: str) -> None:
    method, _, rest = path.partition(" ")

    refused(client.open(f"/api/admin/billing/{rest}", method=method), 401, "unauthenticated")
    answer = client.open(f"/api/admin/billing/{rest}", method=method, headers=customer.headers)
    refused(answer, 403, "accounts.staff_only")


@pytest.mark.parametrize("act", ["set-grace-period", "expire"])
@pytest.mark.parametrize("id_", [str(NOBODY), "nonsense"])
def test_what_is_not_there(client: FlaskClient, administrator: Person, act: str, id_: str) -> None:
    answer = client.post(f"/api/admin/billing/{act}/{id_}", headers=administrator.headers)

    assert answer.status_code == 404
