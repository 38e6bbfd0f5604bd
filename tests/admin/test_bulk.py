"""An administrator ticks instances, sees what would come of an act, has it done, and follows it."""

import re
import uuid
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from minispod.insights.fleet_lists import Sorting
from minispod.instances.models import Instance
from minispod.instances.states import InstanceStatus, Wanted
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.unit_of_work import unit_of_work
from minispod.settings import Settings
from minispod.subscriptions.bulk.models import BulkBatch, BulkItem
from minispod.subscriptions.bulk.states import BulkAct, ItemState
from tests.admin.conftest import Browser
from tests.factories.statements import asked
from tests.plugins.app import Person, PortsNow
from tests.plugins.shop import Shop as Counter

LIST = "/admin/instances"


@pytest.fixture
def running(
    app: Flask,
    settings: Settings,
    ports: PortsNow,
    clock: FrozenClock,
    person: Callable[..., Person],
    plan_id: Callable[..., uuid.UUID],
) -> list[Instance]:
    """Three customers' instances: one runs well, one unwell and elsewhere, one is stopped although it should run."""
    counter = Counter(app, settings, ports, clock)
    made = []
    for number, (slug, fields) in enumerate(
        {
            "n8n-automation": {
                "status": InstanceStatus.RUNNING,
                "health_status": "Healthy",
                "node_name": "worker-1",
            },
            "redis": {
                "status": InstanceStatus.RUNNING,
                "health_status": "Restarting",
                "node_name": "worker-2",
            },
            "postgresql": {
                "status": InstanceStatus.STOPPED,
                "wanted": Wanted.RUNNING,
                "node_name": "worker-1",
            },
        }.items()
    ):
        subscription = counter.order(person(credit=200_000, name=f"Owner {number}"), plan_id(slug, "BASIC"))
        counter.put(subscription, first_ran_at=clock.now(), cpu_usage=100 * number, **fields)
        made.append(counter.look(subscription)[1])
    return made


def _form(text: str) -> dict[str, str]:
    """The hidden fields of the preview's form."""
    return dict(re.findall(r'<input type="hidden" name="(key|act|ids)" value="([^"]*)">', text))


def _batches(app: Flask) -> list[BulkBatch]:
    with app.app_context():
        return list(session().scalars(select(BulkBatch)))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("service=redis", {1}),
        ("node=worker-1", {0, 2}),
        ("match=IN_TROUBLE", {1}),
        ("match=NOT_AS_WANTED", {2}),
        ("match=AS_WANTED", {0, 1}),
        ("status=STOPPED", {2}),
        ("plan=BASIC", {0, 1, 2}),
        ("plan=PRO", set()),
        ("q=Owner+1", {1}),
        ("node=worker-1&status=RUNNING", {0}),
    ],
)
def test_the_list_is_narrowed(browser: Browser, running: list[Instance], query: str, found: set[int]) -> None:
    text = browser.shown(f"{LIST}?{query}")

    assert {number for number, each in enumerate(running) if each.name in text} == found


@pytest.mark.parametrize("sorting", list(Sorting))
def test_the_list_is_sorted_both_ways(browser: Browser, running: list[Instance], sorting: Sorting) -> None:
    def order(query: str) -> list[str]:
        return re.findall(r'id="tick-([0-9a-f-]{36})"', browser.shown(f"{LIST}?sort={query}"))

    up, down = order(sorting.value), order(f"-{sorting.value}")

    assert sorted(up) == sorted(down) == sorted(str(each.id) for each in running)
    if sorting in (Sorting.CPU, Sorting.NAME, Sorting.CUSTOMER):
        assert up == down[::-1]
    if sorting is Sorting.CPU:
        assert up == [str(each.id) for each in running]


def test_the_list_refreshes_itself_only_when_something_changed(
    browser: Browser, app: Flask, running: list[Instance]
) -> None:
    text = browser.shown(f"{LIST}?node=worker-1")
    seen = re.search(r'"seen": "([0-9a-f]+)"', text)
    assert seen is not None
    path = f"{LIST}?node=worker-1&seen={seen[1]}"

    assert browser.fragment(path).status_code == 204
    with app.app_context(), unit_of_work():
        session().get_one(Instance, running[0].id).status = InstanceStatus.RESTARTING
    fresh = browser.fragment(path)

    assert fresh.status_code == 200
    assert "Restarting" in fresh.text
    assert "<html" not in fresh.text
    assert f'hx-get="{LIST}?node=worker-1"' in fresh.text


def test_the_preview_says_which_and_why_not_and_changes_nothing(
    browser: Browser, app: Flask, running: list[Instance]
) -> None:
    ticked = "&".join(f"id={each.id}" for each in running)

    text = browser.shown(f"{LIST}/bulk?act=STOP&{ticked}")

    assert _form(text)["ids"].split() == [
        str(each.id) for each in sorted(running[:2], key=lambda one: one.name)
    ]
    assert "The instance must be RUNNING; it is STOPPED." in text
    assert _batches(app) == []


def test_all_that_match_can_be_chosen(browser: Browser, running: list[Instance]) -> None:
    text = browser.shown(f"{LIST}/bulk?act=RESTART&all=yes&node=worker-1")

    assert _form(text)["ids"] == str(running[0].id)
    assert running[2].name in text
    assert running[1].name not in text


@pytest.mark.parametrize("query", ["act=STOP", "act=NONSENSE&all=yes", "act=STOP&id=nonsense"])
def test_without_a_choice_there_is_no_preview(browser: Browser, running: list[Instance], query: str) -> None:
    answer = browser.get(f"{LIST}/bulk?{query}")

    assert answer.status_code == 303
    assert "No instance was chosen." in browser.get(answer.location).text


def test_a_batch_is_asked_for_once_followed_and_called_off(
    browser: Browser, app: Flask, running: list[Instance], run_jobs: Callable[[], int]
) -> None:
    text = browser.shown(f"{LIST}/bulk?act=STOP&all=yes&status=RUNNING")
    form = _form(text)

    first = browser.post(f"{LIST}/bulk", **form)
    second = browser.post(f"{LIST}/bulk", **form)

    [batch] = _batches(app)
    assert first.location == second.location == f"/admin/bulk/{batch.id}"
    page = browser.shown(first.location)
    assert "0 of 2" in page
    assert "data-live" in page
    assert "Acts on many instances are under way" in browser.shown(LIST)
    assert "Stop" in browser.shown("/admin/bulk")
    assert "Bulk: requested" in browser.shown("/admin/audit?kind=batch")

    browser.post(f"/admin/bulk/{batch.id}/call-off", f"/admin/bulk/{batch.id}")
    assert "Cancelled (2)" in browser.shown(first.location)
    run_jobs()
    assert "2 of 2" in browser.shown(first.location)
    assert running[0].name in browser.shown(f"{first.location}?state=CANCELLED")
    assert "None is in this state" in browser.shown(f"{first.location}?state=DONE")


def test_nothing_is_asked_for_without_a_choice(browser: Browser, app: Flask, running: list[Instance]) -> None:
    browser.shown(LIST)

    for fields in ({"act": "STOP"}, {"act": "NONSENSE", "ids": str(running[0].id)}):
        browser.post(f"{LIST}/bulk", **fields, key=str(uuid.uuid4()))
    assert browser.post(f"{LIST}/bulk", act="STOP", ids=str(running[0].id), key="x").status_code == 404

    assert _batches(app) == []


def test_the_pages_ask_as_many_questions_for_many_as_for_one(
    browser: Browser, app: Flask, running: list[Instance], clock: FrozenClock
) -> None:
    with app.app_context(), unit_of_work():
        batches = [
            BulkBatch(
                act=BulkAct.STOP, request_key=uuid.uuid4(), requested_by="Ayu", requested_at=clock.now()
            )
            for _ in range(3)
        ]
        session().add_all(batches)
        session().flush()
        for batch, number in zip(batches, (1, 3, 3), strict=True):
            for position in range(number):
                item = BulkItem(
                    batch_id=batch.id,
                    position=position,
                    instance_id=running[position].id,
                    state=ItemState.WAITING,
                )
                session().add(item)
        ids = [each.id for each in batches]

    def questions(path: str) -> int:
        with asked() as sent:
            browser.shown(path)
        return len(sent)

    one, many = running[0].id, "&".join(f"id={each.id}" for each in running)
    questions(LIST)  # what is asked once in a process
    found_one, found_all = f"{LIST}?q={running[0].name}", f"{LIST}?q={running[0].host.rpartition('.')[2]}"
    assert all(each.name in browser.shown(found_all) for each in running)
    assert (
        questions(found_one) == questions(found_all) == questions(LIST) - 1
    )  # a search brings its count along
    assert questions(f"{LIST}/bulk?act=BACK_UP&id={one}") == questions(f"{LIST}/bulk?act=BACK_UP&{many}")
    assert questions(f"/admin/bulk/{ids[0]}") == questions(f"/admin/bulk/{ids[1]}")
    assert questions("/admin/bulk") == questions("/admin/bulk?page=1")
