"""The page of backups and what *Today* says of them."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from minispod.backups.models import Backup, BackupReason
from minispod.instances.models import Instance
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from tests.admin.conftest import Browser
from tests.plugins.app import Person
from tests.plugins.keeper import Keeper

MakeInstance = Callable[..., Instance]
pytestmark = pytest.mark.usefixtures("catalog")
HOSTILE = "<script>alert(1)</script>"


def test_the_newest_good_one_is_shown_with_size_age_and_drill(
    browser: Browser, keeper: Keeper, make_instance: MakeInstance
) -> None:
    mine = make_instance()
    keeper.take(mine, ago=timedelta(days=3), content=b"x" * 9000)
    newest = keeper.take(mine, ago=timedelta(hours=2), content=b"x" * 5_000_000)
    with keeper.shop.app.app_context(), unit_of_work():
        session().get_one(Backup, newest.id).proven_at = keeper.shop.clock.now() - timedelta(hours=1)

    text = browser.shown("/admin/backups")

    for expected in (mine.name, "4.8 MiB", "2 h ago", "1 h ago", "Kept", "1–1 of 1", "Siti Rahma"):
        assert expected in text, expected
    assert "3 d ago" not in text


def test_troubles_are_shown_first_filtered_and_told_today(
    browser: Browser, keeper: Keeper, make_instance: MakeInstance
) -> None:
    calm, failing, overdue = make_instance("redis"), make_instance("mariadb"), make_instance("postgresql")
    for each in (calm, failing):
        keeper.take(each)
    keeper.take(overdue, ago=timedelta(hours=40))
    keeper.shop.clock.advance(minutes=5)
    keeper.take_failing(failing, BackupReason.ON_DEMAND, sentence=f"tar: {HOSTILE}")

    every = browser.shown("/admin/backups")
    only_failed = browser.shown("/admin/backups?trouble=failed")
    only_overdue = browser.shown("/admin/backups?trouble=overdue")
    today = browser.shown("/admin/")

    assert every.index(overdue.name) < every.index(calm.name)
    assert ("Failed</span>" in every, "Overdue</span>" in every) == (True, True)
    assert "1–1 of 1" in only_failed
    assert failing.name in only_failed
    assert "1–1 of 1" in only_overdue
    assert overdue.name in only_overdue
    assert "2 instances have no good backup of late" in today
    assert failing.name in today
    assert overdue.name in today
    assert calm.name not in today
    for text in (every, today):
        assert HOSTILE not in text
        assert "&lt;script&gt;" in text


def test_one_without_any_backup_is_new_and_then_overdue(
    browser: Browser, keeper: Keeper, make_instance: MakeInstance, administrator: Person
) -> None:
    mine = make_instance()

    assert "None yet" in browser.shown("/admin/backups")
    assert "no good backup" not in browser.shown("/admin/")
    keeper.shop.clock.advance(hours=31)
    browser.sign_in(administrator.email)

    assert "Overdue" in browser.shown("/admin/backups")
    today = browser.shown("/admin/")
    assert "1 instance has no good backup of late" in today
    assert "there is none" in today
    assert mine.name in today


def test_the_list_is_searched_and_paged(
    browser: Browser, keeper: Keeper, make_instance: MakeInstance, person: Callable[..., Person]
) -> None:
    made = [make_instance(owner=person(credit=500_000, name=f"Customer {number:02}")) for number in range(27)]

    assert "1–25 of 27" in browser.shown("/admin/backups")
    assert "26–27 of 27" in browser.shown("/admin/backups?page=2")
    assert "1–1 of 1" in browser.shown("/admin/backups?q=customer+07")
    assert "1–1 of 1" in browser.shown(f"/admin/backups?q={made[3].name}")
    assert "1–25 of 27" in browser.shown("/admin/backups?q=postgres")
    assert "0 results" in browser.shown("/admin/backups?q=nobody")
