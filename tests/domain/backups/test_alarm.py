"""Administrators are told of backups that fail or are overdue: once, and again when it comes back."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from minispod.backups.models import BackupReason
from minispod.instances.models import Instance
from minispod.instances.states import InstanceStatus, Wanted
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from tests.plugins.app import Person
from tests.plugins.keeper import Keeper

MakeInstance = Callable[..., Instance]
Tick = Callable[[str], None]
pytestmark = pytest.mark.usefixtures("catalog")


@pytest.fixture
def told(keeper: Keeper, tick: Tick, administrator: Person) -> Callable[[], list[tuple[list[str], int]]]:
    """Look once more, and list what the administrator was told so far: (troubles, how many were told of at once)."""

    def look() -> list[tuple[list[str], int]]:
        with keeper.shop.app.app_context(), unit_of_work():
            session().execute(
                text("DELETE FROM outbox")
            )  # that nothing works in these tests is not their matter
        tick("watch-alerts")
        mails = [
            _of_mail(row.facts)
            for row in keeper.shop.messages(administrator)
            if row.kind.value == "staff_alert"
        ]
        return [each for each in mails if each is not None]

    return look


def _of_mail(facts: dict[str, Any]) -> tuple[list[str], int] | None:
    """What a mail says of backups: one alert has words of its own, several stand by rule; None if it is of others."""
    if "groups" not in facts:
        found = re.fullmatch(r"Backups of (\S+) fail|(\S+) has no backup of late", facts["subject"])
        return ([f"{found[1]} failed" if found[1] else f"{found[2]} overdue"], 1) if found else None
    for group in facts["groups"]:
        if group["rule"].startswith("backup_"):
            kind = group["rule"].removeprefix("backup_")
            return [f"{name} {kind}" for name in group["names"]], group["total"]
    return None


Told = Callable[[], list[tuple[list[str], int]]]


def test_without_trouble_nobody_is_told(keeper: Keeper, make_instance: MakeInstance, told: Told) -> None:
    keeper.take(make_instance())
    keeper.shop.clock.advance(hours=29)

    assert told() == []


def test_an_instance_without_a_young_backup_is_told_once(
    keeper: Keeper, make_instance: MakeInstance, told: Told
) -> None:
    mine = make_instance()
    keeper.take(mine)
    keeper.shop.clock.advance(hours=31)

    alarm = [([f"{mine.name} overdue"], 1)]
    assert told() == alarm
    keeper.shop.clock.advance(hours=31)
    assert told() == alarm


def test_one_that_never_had_a_backup_counts_from_its_first_running(
    keeper: Keeper, make_instance: MakeInstance, told: Told
) -> None:
    mine = make_instance()
    keeper.shop.clock.advance(hours=29)
    assert told() == []
    keeper.shop.clock.advance(hours=2)
    assert told() == [([f"{mine.name} overdue"], 1)]


def test_only_a_third_failed_night_attempt_is_told(
    keeper: Keeper, make_instance: MakeInstance, told: Told
) -> None:
    mine = make_instance()
    keeper.take(mine)
    for attempt in range(4):
        keeper.shop.clock.advance(hours=1)
        keeper.take_failing(mine)
        assert told() == ([([f"{mine.name} failed"], 1)] if attempt >= 2 else [])


def test_a_failed_wish_of_somebody_is_told_at_once(
    keeper: Keeper, make_instance: MakeInstance, told: Told
) -> None:
    mine = make_instance()
    keeper.take_failing(mine, BackupReason.BEFORE_UPGRADE)

    assert told() == [([f"{mine.name} failed"], 1)]


def test_a_new_trouble_is_told_without_the_old_ones_and_the_end_of_one_not_at_all(
    keeper: Keeper, make_instance: MakeInstance, told: Told
) -> None:
    first, second = make_instance(), make_instance("redis")
    keeper.take_failing(first, BackupReason.ON_DEMAND)
    assert len(told()) == 1
    keeper.take_failing(second, BackupReason.ON_DEMAND)
    assert told()[1:] == [([f"{second.name} failed"], 1)]

    keeper.shop.clock.advance(minutes=5)
    keeper.take(second)
    assert len(told()) == 2
    keeper.shop.clock.advance(minutes=5)
    keeper.take_failing(second, BackupReason.ON_DEMAND)
    assert told()[2:] == [([f"{second.name} failed"], 1)]


def test_failed_and_then_overdue_is_two_things(
    keeper: Keeper, make_instance: MakeInstance, told: Told
) -> None:
    mine = make_instance()
    keeper.take_failing(mine, BackupReason.ON_DEMAND)
    assert told() == [([f"{mine.name} failed"], 1)]
    keeper.shop.clock.advance(hours=31)
    assert told()[1:] == [([f"{mine.name} overdue"], 1)]


@pytest.mark.parametrize(
    "fields",
    [
        {"status": InstanceStatus.TERMINATED},
        {"wanted": Wanted.ABSENT},
        {"status": InstanceStatus.ERROR, "first_ran_at": None},
    ],
    ids=str,
)
def test_what_holds_no_data_or_is_to_go_is_no_trouble(
    keeper: Keeper, make_instance: MakeInstance, told: Told, fields: dict[str, object]
) -> None:
    mine = make_instance(**fields)
    keeper.take_failing(mine, BackupReason.BEFORE_DELETE)
    keeper.shop.clock.advance(days=5)

    assert told() == []


def test_every_administrator_is_told_and_no_customer(
    keeper: Keeper, make_instance: MakeInstance, told: Told, customer: Person, person: Callable[..., Person]
) -> None:
    make_instance()
    keeper.shop.clock.advance(days=5)

    assert len(told()) == 1
    assert keeper.shop.mails(customer).count("staff_alert") == 0


def test_many_at_once_are_one_mail_with_the_first_twenty(
    keeper: Keeper, make_instance: MakeInstance, person: Callable[..., Person], told: Told
) -> None:
    for _ in range(22):
        make_instance(owner=person(credit=500_000))
    keeper.shop.clock.advance(days=5)

    ((names, total),) = told()

    assert (len(names), total) == (20, 22)


def test_two_who_look_at_once_tell_it_once(
    keeper: Keeper, make_instance: MakeInstance, tick: Tick, told: Told, at_once: Callable[..., list[object]]
) -> None:
    make_instance()
    keeper.shop.clock.advance(days=5)

    assert at_once(4, lambda _: tick("watch-alerts")) == [None] * 4

    assert len(told()) == 1
