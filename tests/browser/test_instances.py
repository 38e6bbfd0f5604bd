"""Instances in a real browser: many acted on at once, a log followed, last night's backup restored in four clicks."""

import re
import uuid
from datetime import timedelta

import pytest
from flask import Flask
from playwright.sync_api import expect
from sqlalchemy import func, select

from minispod.backups.models import Backup, BackupReason, BackupStatus
from minispod.instances.models import Instance
from minispod.instances.states import InstanceStatus
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.operations.models import Operation
from minispod.operations.states import OperationKind, OperationStatus
from minispod.subscriptions.bulk.models import BulkBatch
from tests.browser.chromium import NARROW, Tab
from tests.factories.logs import WritingCluster
from tests.plugins.app import PortsNow

# A browser on a busy machine: longer than what a test waits for by itself.
pytestmark = pytest.mark.timeout(300)
_MORE = re.compile(r"/logs/more\?")


def _batches(app: Flask) -> int:
    with app.app_context():
        return session().scalar(select(func.count()).select_from(BulkBatch)) or 0


def test_what_is_ticked_stays_ticked_while_the_list_refreshes_itself(
    tab: Tab, app: Flask, ids: dict[str, str]
) -> None:
    page, box = tab.page, tab.page.locator(f"#tick-{ids['instance_id']}")
    page.clock.install()
    tab.go("/admin/instances")
    box.check()
    with app.app_context(), unit_of_work():
        session().get_one(Instance, uuid.UUID(ids["instance_id"])).status = InstanceStatus.RESTARTING

    with page.expect_response(lambda answer: answer.request.headers.get("x-refresh") == "auto"):
        page.clock.run_for(11_000)
    tab.settle()

    expect(page.locator("#list tbody")).to_contain_text("Restarting")
    expect(box).to_be_checked()
    assert tab.wrongs + tab.forbidden() == []


@pytest.mark.parametrize("size", [None, NARROW], ids=["wide", "narrow"])
def test_many_are_acted_on_with_the_keyboard_after_a_preview_and_once(
    tab: Tab, app: Flask, size: dict[str, int] | None
) -> None:
    page = tab.page
    if size:
        page.set_viewport_size(size)
    before = _batches(app)
    tab.go("/admin/instances?status=RUNNING")
    page.get_by_label("All that match").focus()
    page.keyboard.press("Space")
    page.get_by_label("What to do with those ticked").select_option("RESTART")
    page.get_by_role("button", name="Preview").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Restart many instances")).to_be_visible()
    assert _batches(app) == before

    tab.press_twice(page.get_by_role("button", name="Restart ("))

    expect(page.get_by_label("At their end")).to_be_visible()
    expect(page.get_by_text("It has begun.").first).to_be_visible()
    assert _batches(app) == before + 1
    page.reload()
    expect(page.get_by_label("At their end")).to_be_visible()
    assert tab.wrongs + tab.forbidden() + (tab.too_wide() if size else []) == []


def test_one_tick_stands_for_all_rows_of_the_page(tab: Tab) -> None:
    tab.go("/admin/instances")
    rows = tab.page.locator("#list tbody input[type=checkbox]")

    tab.page.get_by_label("Tick all on this page").check()
    assert all(each.is_checked() for each in rows.all())
    tab.page.get_by_label("Tick all on this page").uncheck()
    assert not any(each.is_checked() for each in rows.all())


def test_a_log_is_followed_paused_and_kept_short(tab: Tab, ids: dict[str, str], ports: PortsNow) -> None:
    page, cluster = tab.page, WritingCluster("the first line")
    ports.change(cluster=cluster)
    lines = page.locator("#log-lines > span")
    page.clock.install()
    tab.go(f"/admin/instances/{ids['instance_id']}/logs")
    expect(lines).to_have_count(1)

    cluster.write("the second line", "<b>as text</b>")
    expect(lines).to_have_count(3)
    expect(lines.last).to_have_text("<b>as text</b>\n", use_inner_text=False)

    page.get_by_role("link", name="Pause").click()
    expect(page.get_by_role("link", name="Resume")).to_be_visible()
    cluster.write("meanwhile")
    page.clock.run_for(6_000)
    tab.settle()
    expect(lines).to_have_count(3)
    page.get_by_role("link", name="Resume").click()
    expect(lines).to_have_count(4)

    cluster.replace("app-2")
    cluster.write(*(f"line {number}" for number in range(600)))
    expect(lines.last).to_contain_text("line 599")
    expect(lines).to_have_count(500)
    at_end = page.locator("#log-lines").evaluate(
        "(log) => log.scrollHeight - log.scrollTop - log.clientHeight < 40"
    )
    assert at_end
    assert tab.wrongs + tab.forbidden() + tab.against_access() == []


@pytest.mark.parametrize("first", ["the lines", "the pause"])
def test_a_pause_comes_before_lines_that_are_on_their_way(
    tab: Tab, ids: dict[str, str], ports: PortsNow, first: str
) -> None:
    page, cluster, held = tab.page, WritingCluster("the first line"), []
    ports.change(cluster=cluster)
    lines = page.locator("#log-lines > span")
    tab.go(f"/admin/instances/{ids['instance_id']}/logs")
    cluster.write("meanwhile")
    page.route(_MORE, lambda route: held.append(route))  # noqa: PLW0108 - Playwright marks what it calls
    with page.expect_request(lambda request: request.headers.get("x-refresh") == "auto"):
        pass  # the page asks by itself
    with page.expect_request(lambda request: "paused=yes" in request.url):
        page.get_by_role("link", name="Pause").click()

    for route in held if first == "the lines" else reversed(held):
        with page.expect_response(_MORE):
            route.continue_()
    page.unroute(_MORE)

    expect(page.get_by_role("link", name="Resume")).to_be_visible()
    expect(lines).to_have_text(["the first line\n"], use_inner_text=False)
    page.get_by_role("link", name="Resume").click()
    expect(page.get_by_role("link", name="Pause")).to_be_visible()
    expect(lines).to_have_text(["the first line\n", "meanwhile\n"], use_inner_text=False)
    assert tab.wrongs + tab.forbidden() == []


def test_last_nights_backup_is_restored_in_four_clicks(
    tab: Tab, app: Flask, ids: dict[str, str], clock: FrozenClock
) -> None:
    instance_id, night = uuid.UUID(ids["instance_id"]), clock.now() - timedelta(hours=8)
    with app.app_context(), unit_of_work():
        row = session().get_one(Instance, instance_id)
        row.status, row.first_ran_at = InstanceStatus.RUNNING, night
        name = row.name
        for each in session().scalars(select(Operation).where(Operation.instance_id == row.id)):
            each.status, each.ended_at = OperationStatus.DONE, night
        backup = Backup(
            instance_id=row.id,
            user_id=row.user_id,
            service_slug=row.service_slug,
            version=row.version,
            reason=BackupReason.DAILY,
            status=BackupStatus.DONE,
            taken_at=night,
            finished_at=night,
            keep_until=night + timedelta(days=30),
            plain_size=4096,
        )
        session().add(backup)
        session().flush()
        backup_id = str(backup.id)
    page = tab.page
    tab.go("/admin/")

    page.get_by_role("navigation", name="Administration").get_by_role("link", name="Backups").click()
    page.locator("#list").get_by_role("link", name=name).click()
    page.locator(f"button[popovertarget='restore-{backup_id}']").first.click()
    page.get_by_role("button", name="Restore them").click()

    expect(page.get_by_text("The backup is being restored.").first).to_be_visible()
    with app.app_context():
        wanted = select(Operation).where(Operation.kind == OperationKind.RESTORE)
        [asked] = session().scalars(wanted).all()
        assert (asked.instance_id, str(asked.source_backup_id)) == (instance_id, backup_id)
    assert tab.wrongs + tab.forbidden() == []
