"""The book: one open alert of a subject, told once, ended when it is over; silence, reminders, crowds, competitors."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from minispod.alerts import acting, book
from minispod.alerts.book import Manners
from minispod.alerts.errors import AlertOver, BadSilence, NoSuchAlert
from minispod.alerts.judging import Finding, Verdict
from minispod.alerts.kinds import Rule
from minispod.alerts.models import Alert, AlertBulletin, AlertState
from minispod.audit.models import AuditEntry
from minispod.kernel.actor import Role
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.errors import Refusal
from minispod.kernel.ids import new_id
from minispod.kernel.outbox import OutboxRow
from minispod.kernel.tasks import Task
from minispod.kernel.unit_of_work import unit_of_work
from minispod.notifications.models import Notification
from tests.factories.statements import asked
from tests.plugins.app import Person
from tests.plugins.shop import Shop

MANNERS = Manners(quiet=timedelta(hours=1), remind=timedelta(hours=24))
EVERYTHING = frozenset(rule for rule in Rule if rule.nature.ends_by_itself)


def node(name: str = "worker-1", **facts: Any) -> Finding:
    return Finding(Rule.NODE_DOWN, "node", name, name, {"since": "2026-01-01T00:00:00+00:00", **facts})


def volume(number: int) -> Finding:
    return Finding(Rule.BACKUP_FAILED, "instance", f"id-{number:05}", f"blog-{number:05}", {"reason": "full"})


def payment(occasion: str) -> Finding:
    return Finding(Rule.PAYMENT_TROUBLE, "topup", "t-1", "TXMP-1", {"amount": 5000}, occasion)


class Book:
    """Acts on the book, each committed."""

    def __init__(self, shop: Shop, administrator: Person) -> None:
        self.shop, self.staff, self.clock, self.app = shop, administrator, shop.clock, shop.app

    def look(self, *findings: Finding, judged: frozenset[Rule] = EVERYTHING) -> book.Changed:
        with self.app.app_context(), unit_of_work():
            standing = book.begin()
            return book.settle(standing, Verdict(findings, judged), manners=MANNERS, at=self.clock.now())

    def raise_one(self, finding: Finding) -> None:
        with self.app.app_context(), unit_of_work():
            book.raise_one(finding, at=self.clock.now())

    def act(self, do: Callable[..., Alert], *args: Any, **more: Any) -> Alert:
        with self.app.app_context(), unit_of_work():
            return do(self.rows()[-1].id, *args, actor=self.staff.actor, at=self.clock.now(), **more)

    def rows(self) -> Sequence[Alert]:
        with self.app.app_context():
            wanted = select(Alert).order_by(Alert.opened_at, Alert.subject_id)
            return session().scalars(wanted.execution_options(populate_existing=True)).all()

    def states(self) -> list[str]:
        return [row.state.value for row in self.rows()]

    @property
    def mails(self) -> list[dict[str, Any]]:
        return [row.facts for row in self.shop.messages(self.staff) if row.kind.value == "staff_alert"]


@pytest.fixture
def alerts(shop: Shop, administrator: Person) -> Book:
    return Book(shop, administrator)


def test_what_lasts_is_one_alert_told_once(alerts: Book, clock: FrozenClock) -> None:
    for minutes in range(5):
        alerts.look(node(bound=minutes))
        clock.advance(minutes=2)

    [row] = alerts.rows()
    assert (row.state, row.facts["bound"]) == (AlertState.OPEN, 4)
    assert row.last_seen_at > row.opened_at
    assert [each["subject"] for each in alerts.mails] == ["Node worker-1 does not answer"]
    assert alerts.mails[0]["path"] == f"/admin/alerts/{row.id}"


def test_it_ends_by_itself_and_a_nodes_return_is_told(alerts: Book) -> None:
    alerts.look(node(), volume(1))
    alerts.look()

    assert alerts.states() == ["RESOLVED", "RESOLVED"]
    assert all(row.resolved_by is None for row in alerts.rows())
    over = alerts.mails[-1]
    assert (over["total"], over["ended"]) == (0, 1)
    assert [each["names"] for each in over["ended_groups"]] == [["worker-1"]]


def test_what_nobody_can_judge_keeps_its_state(alerts: Book) -> None:
    alerts.look(node())
    alerts.look(judged=EVERYTHING - {Rule.NODE_DOWN})

    assert alerts.states() == ["OPEN"]


def test_resolved_and_raised_again_is_a_new_row(alerts: Book, clock: FrozenClock) -> None:
    alerts.look(volume(1))
    clock.advance(minutes=1)
    alerts.look()
    clock.advance(minutes=1)
    alerts.look(volume(1))

    assert alerts.states() == ["RESOLVED", "OPEN"]
    assert len(alerts.mails) == 2


def test_what_flaps_is_told_once_within_the_hour_and_again_only_if_it_lasts(
    alerts: Book, clock: FrozenClock
) -> None:
    restarts = Finding(Rule.INSTANCE_RESTARTS, "instance", "1", "blog", {"restarts": 9})
    for _ in range(5):
        alerts.look(restarts)
        clock.advance(minutes=5)
        alerts.look()
        clock.advance(minutes=5)
    assert (len(alerts.rows()), len(alerts.mails)) == (5, 1)

    for _ in range(4):
        alerts.look(restarts)
        clock.advance(minutes=5)

    assert (len(alerts.rows()), len(alerts.mails)) == (6, 2)


def test_acknowledged_stays_so_while_it_lasts_and_is_never_told_again(
    alerts: Book, clock: FrozenClock
) -> None:
    alerts.look(node())
    alerts.act(acting.acknowledge, note="on my way")
    for _ in range(5):
        clock.advance(hours=13)
        alerts.look(node())

    [row] = alerts.rows()
    assert (row.state, row.note, row.acknowledged_by) == (
        AlertState.ACKNOWLEDGED,
        "on my way",
        alerts.staff.id,
    )
    assert len(alerts.mails) == 1


def test_a_critical_one_that_nobody_takes_up_is_told_each_day_and_a_lesser_one_is_not(
    alerts: Book, clock: FrozenClock
) -> None:
    for _ in range(5):
        alerts.look(node(), volume(1))
        clock.advance(hours=12)

    told = [[group["rule"] for group in mail["groups"]] for mail in alerts.mails if "groups" in mail]
    assert told == [["node_down", "backup_failed"]]
    assert [mail["subject"] for mail in alerts.mails if "subject" in mail] == [
        "Node worker-1 does not answer"
    ] * 2


def test_silence_covers_its_return_and_is_broken_when_it_is_over(alerts: Book, clock: FrozenClock) -> None:
    alerts.look(volume(1))
    alerts.act(acting.silence, clock.now() + timedelta(hours=8))
    clock.advance(hours=1)
    alerts.look()
    clock.advance(hours=1)
    alerts.look(volume(1))
    assert (alerts.states(), len(alerts.mails)) == (["RESOLVED", "OPEN"], 1)

    clock.advance(hours=7)
    alerts.look(volume(1))
    alerts.look(volume(1))

    assert len(alerts.mails) == 2


def test_a_silenced_one_that_lasts_is_told_again_once_afterwards(alerts: Book, clock: FrozenClock) -> None:
    alerts.look(volume(1))
    alerts.act(acting.silence, clock.now() + timedelta(hours=1))
    for _ in range(4):
        clock.advance(minutes=40)
        alerts.look(volume(1))

    assert len(alerts.mails) == 2


def test_resolved_by_hand_comes_back_if_it_is_still_so(alerts: Book, clock: FrozenClock) -> None:
    alerts.look(volume(1))
    alerts.act(acting.resolve, note="should be fine")
    clock.advance(minutes=1)
    alerts.look(volume(1))

    first, second = alerts.rows()
    assert (first.state, first.resolved_by, first.note) == (
        AlertState.RESOLVED,
        alerts.staff.id,
        "should be fine",
    )
    assert second.state is AlertState.OPEN


def test_an_act_tells_of_each_occasion_once(alerts: Book) -> None:
    for occasion in ("chargeback:1", "chargeback:1", "chargeback:2", "chargeback:1"):
        alerts.raise_one(payment(occasion))

    [row] = alerts.rows()
    assert row.occasions == ["chargeback:1", "chargeback:2"]
    assert len(alerts.mails) == 2
    alerts.look()
    assert alerts.states() == ["OPEN"], "only a person knows when that is dealt with"


def test_an_occasion_that_a_person_has_dealt_with_is_not_told_again(alerts: Book, clock: FrozenClock) -> None:
    """The gateway repeats itself for days: every look at the order finds the same chargeback."""
    alerts.raise_one(payment("chargeback:1"))
    alerts.act(acting.resolve)
    for _ in range(3):
        clock.advance(hours=2)
        alerts.raise_one(payment("chargeback:1"))
        alerts.look()
    assert (alerts.states(), len(alerts.mails)) == (["RESOLVED"], 1)

    alerts.raise_one(payment("chargeback:2"))
    assert (alerts.states(), len(alerts.mails)) == (["RESOLVED", "OPEN"], 2)


def test_an_instance_that_fails_at_every_turn_is_told_once_within_the_hour(
    alerts: Book, clock: FrozenClock
) -> None:
    failed = Finding(Rule.INSTANCE_FAILED, "instance", "i-1", "blog", {"reason": "x"}, "failed:2026-03-01")
    for _ in range(5):
        alerts.raise_one(failed)
        alerts.look(replace(failed, occasion=None))
        clock.advance(minutes=5)
        alerts.look()
        clock.advance(minutes=5)

    assert (alerts.states(), len(alerts.mails)) == (["RESOLVED"] * 5, 1)


def test_a_payment_that_is_held_again_is_told_again(alerts: Book, clock: FrozenClock) -> None:
    held = replace(payment("amount:1"), rule=Rule.PAYMENT_HELD)
    for _ in range(2):
        alerts.raise_one(held)
        alerts.look(replace(held, occasion=None))
        alerts.look()
        clock.advance(minutes=5)

    assert len(alerts.mails) == 2


def test_an_alert_that_an_act_raises_during_a_look_is_not_ended_by_it(
    app: Flask, alerts: Book, at_once: Callable[..., list[Any]]
) -> None:
    held = Finding(Rule.PAYMENT_HELD, "topup", "t-1", "TXMP-1", {}, "reason")

    with app.app_context(), unit_of_work():
        standing = book.begin()
        assert at_once(1, lambda _: alerts.raise_one(held)) == [None]
        book.settle(standing, Verdict((), EVERYTHING), manners=MANNERS, at=alerts.clock.now())

    assert alerts.states() == ["OPEN"]


def test_a_thousand_at_once_are_one_mail_and_few_statements(
    app: Flask, alerts: Book, clock: FrozenClock
) -> None:
    crowd = [volume(number) for number in range(1000)]
    with asked("") as sent:
        assert alerts.look(*crowd).raised == 1000
    assert len(sent) < 30

    [mail] = alerts.mails
    [group] = mail["groups"]
    assert (mail["total"], group["total"], len(group["names"])) == (1000, 1000, 20)
    with app.app_context():
        [bulletin] = session().scalars(select(AlertBulletin))
        assert (len(bulletin.content["raised"]), bulletin.content["raisedTotal"]) == (100, 1000)
    clock.advance(seconds=10)
    with asked("") as sent:
        alerts.look(*crowd)
    assert len(sent) < 10
    assert alerts.look().ended == 1000
    assert len(alerts.mails) == 1


def test_many_who_look_and_raise_at_once_open_and_tell_once(
    app: Flask, alerts: Book, at_once: Callable[..., list[Any]]
) -> None:
    def act(index: int) -> object:
        if index % 2:
            return alerts.raise_one(payment("chargeback:1"))
        return alerts.look(node(), *(volume(number) for number in range(30)))

    results = at_once(8, act)

    assert not [each for each in results if isinstance(each, Exception)]
    assert sum(each.raised for each in results if each is not None) == 31
    assert len(alerts.rows()) == 32
    assert len(alerts.mails) == 2


def test_staff_and_the_watch_at_once_lose_nothing(
    app: Flask, alerts: Book, clock: FrozenClock, at_once: Callable[..., list[Any]]
) -> None:
    alerts.look(volume(1))
    clock.advance(minutes=5)

    def act(index: int) -> object:
        return alerts.act(acting.acknowledge, note="mine") if index == 0 else alerts.look(volume(1))

    assert not [each for each in at_once(4, act) if isinstance(each, Exception)]

    assert alerts.states() == ["ACKNOWLEDGED"]
    assert [row.note for row in alerts.rows()] == ["mine"]


def test_a_commit_that_fails_leaves_neither_alert_nor_word(app: Flask, alerts: Book) -> None:
    class PowerCut(Exception):
        pass

    def die() -> None:
        with app.app_context(), unit_of_work():
            book.raise_one(payment("chargeback:1"), at=alerts.clock.now())
            raise PowerCut

    with pytest.raises(PowerCut):
        die()

    assert (alerts.rows(), alerts.mails) == ([], [])
    with app.app_context():
        assert not session().scalars(select(AlertBulletin)).all()


def test_a_process_that_dies_right_after_the_commit_leaves_the_word_to_the_sweep(
    app: Flask, alerts: Book, run_jobs: Callable[[], int], mailbox: object
) -> None:
    """Nobody hands the work over here, as after a crash; what the sweep finds is enough."""
    alerts.look(node())
    with app.app_context():
        waiting = {row.task for row in session().scalars(select(OutboxRow))}
    assert {Task.DELIVER_MESSAGE, Task.POST_ALERTS} <= waiting

    run_jobs()

    with app.app_context():
        wanted = select(Notification.state).where(Notification.kind == "staff_alert")
        assert [each.value for each in session().scalars(wanted)] == ["SENT"]


@pytest.mark.parametrize(
    ("act", "refusal"),
    [
        (lambda b: b.act(acting.acknowledge), AlertOver),
        (lambda b: b.act(acting.silence, b.clock.now() + timedelta(hours=1)), AlertOver),
    ],
    ids=["acknowledge", "silence"],
)
def test_what_is_over_is_not_taken_up(
    alerts: Book, act: Callable[[Book], Alert], refusal: type[Refusal]
) -> None:
    alerts.look(volume(1))
    alerts.act(acting.resolve)

    with pytest.raises(refusal):
        act(alerts)
    alerts.act(acting.resolve)  # a double click is harmless


@pytest.mark.parametrize("by", [timedelta(0), -timedelta(hours=1), timedelta(days=91)], ids=str)
def test_silence_ends_in_the_future_and_within_reason(alerts: Book, by: timedelta) -> None:
    alerts.look(volume(1))

    with pytest.raises(BadSilence):
        alerts.act(acting.silence, alerts.clock.now() + by)


def test_nobody_acts_on_what_is_not_there(app: Flask, alerts: Book) -> None:
    with app.app_context(), unit_of_work(), pytest.raises(NoSuchAlert):
        acting.resolve(new_id(), actor=alerts.staff.actor, at=alerts.clock.now())


def test_every_act_is_in_the_audit_book(app: Flask, alerts: Book, clock: FrozenClock) -> None:
    alerts.look(volume(1))
    alerts.act(acting.acknowledge)
    alerts.act(acting.acknowledge)
    alerts.act(acting.silence, clock.now() + timedelta(hours=1))
    alerts.act(acting.resolve)

    with app.app_context():
        wanted = select(AuditEntry).where(AuditEntry.subject_kind == "alert").order_by(AuditEntry.id)
        lines = session().scalars(wanted).all()
    assert [each.action for each in lines] == [
        "alert.raised",
        "alert.acknowledged",
        "alert.silenced",
        "alert.resolved",
    ]
    assert {each.subject_id for each in lines} == {str(alerts.rows()[0].id)}
    assert [each.actor_id for each in lines[1:]] == [alerts.staff.id] * 3


def test_history_is_kept_and_then_forgotten_but_never_what_is_open(
    app: Flask, alerts: Book, clock: FrozenClock
) -> None:
    alerts.look(volume(1), volume(2))
    alerts.look(volume(2))
    clock.advance(days=181)

    with app.app_context(), unit_of_work():
        book.forget(before=clock.now() - timedelta(days=180))

    assert [row.subject_id for row in alerts.rows()] == ["id-00002"]
    with app.app_context():
        assert not session().scalars(select(AlertBulletin)).all()


def test_every_active_administrator_is_told_and_nobody_else(
    alerts: Book, person: Callable[..., Person], customer: Person
) -> None:
    colleague = person(role=Role.ADMINISTRATOR)
    alerts.look(node())

    assert "staff_alert" in alerts.shop.mails(colleague)
    assert "staff_alert" not in alerts.shop.mails(customer)
