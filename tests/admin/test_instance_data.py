"""Data and backups on the pages: what is offered when, what asks first, and what is under way."""

import uuid
from datetime import timedelta

import pytest
from flask import Flask

from minispod.backups.models import Backup, BackupReason, BackupStatus
from minispod.catalog.recipes import get_recipe
from minispod.instances import volumes
from minispod.instances.models import Instance
from minispod.instances.states import InstanceStatus, Wanted
from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import session
from minispod.kernel.ids import new_id
from minispod.kernel.unit_of_work import unit_of_work
from minispod.operations.models import Operation
from minispod.operations.states import OperationKind, OperationStatus, Step
from tests.admin.conftest import Browser
from tests.admin.shop import Shop


class Ground:
    """An n8n that runs, and the page of its data."""

    def __init__(self, app: Flask, clock: FrozenClock, browser: Browser, shop: Shop) -> None:
        self.app, self.clock, self.browser, self.shop = app, clock, browser, shop
        self.instance = f"/admin/instances/{shop.instance.id}"
        self.path = f"{self.instance}/data"

    def put(self, **fields: object) -> None:
        """Set columns of the instance."""
        with self.app.app_context(), unit_of_work():
            row = session().get_one(Instance, self.shop.instance.id)
            for name, value in fields.items():
                setattr(row, name, value)

    def backup(self, reason: BackupReason = BackupReason.DAILY) -> str:
        """A good backup, three hours old."""
        taken = self.clock.now() - timedelta(hours=3)
        with self.app.app_context(), unit_of_work():
            row = Backup(
                id=new_id(),
                instance_id=self.shop.instance.id,
                user_id=self.shop.customer.id,
                service_slug="n8n-automation",
                version=get_recipe("n8n-automation").version,
                reason=reason,
                status=BackupStatus.DONE,
                taken_at=taken,
                finished_at=taken,
                keep_until=taken + timedelta(days=30),
                plain_size=5_000_000,
            )
            session().add(row)
            return str(row.id)

    def post(self, act: str, **fields: str) -> str:
        """Send a form; the text of the page after it."""
        self.browser.get(self.path)
        self.browser.post(f"{self.instance}/{act}", self.path, **fields)
        return self.browser.shown(self.path)

    def operations(self) -> list[Operation]:
        """What was asked for."""
        with self.app.app_context():
            return list(session().query(Operation).order_by(Operation.requested_at))


@pytest.fixture
def ground(app: Flask, clock: FrozenClock, browser: Browser, shop: Shop) -> Ground:
    """One that runs in the newest version."""
    ground = Ground(app, clock, browser, shop)
    ground.put(
        status=InstanceStatus.RUNNING,
        first_ran_at=clock.now(),
        version=get_recipe("n8n-automation").version,
    )
    return ground


def test_a_backup_is_taken_and_followed(ground: Ground) -> None:
    text = ground.post("backups")

    assert "Waiting for its turn" in text
    assert "Back up now" not in text
    [operation] = ground.operations()
    assert (operation.kind, operation.requested_by) == (OperationKind.BACKUP, "Ayu Admin")
    with ground.app.app_context(), unit_of_work():
        session().get_one(Operation, operation.id).take_step(Step.COPY_LIVE, ground.clock.now())
    assert "Copying the data while the application runs" in ground.browser.shown(ground.path)
    assert "Copying the data while the application runs" in ground.browser.shown(ground.instance)


def test_a_restore_says_what_is_lost_and_holds_the_instance(ground: Ground) -> None:
    backup = ground.backup()
    assert "Everything written since" in ground.browser.shown(ground.path)

    text = ground.post("restore", backup=backup)

    assert "Maintenance" in text
    assert str(ground.operations()[0].source_backup_id) == backup


def test_a_reset_needs_the_name(ground: Ground) -> None:
    text = ground.post("reset", confirmed="something else")
    assert "confirm with the name" in text
    assert ground.operations() == []

    ground.post("reset", confirmed=ground.shop.instance.name)

    assert [each.kind for each in ground.operations()] == [OperationKind.RESET]


def test_one_goes_back_to_a_kept_volume_by_name(ground: Ground) -> None:
    with ground.app.app_context(), unit_of_work():
        instance = session().get_one(Instance, ground.shop.instance.id)
        number = instance.volume_number
        volumes.switch(instance, number + 1, reason="reset", keep=timedelta(hours=24), at=ground.clock.now())
    text = ground.browser.shown(ground.path)
    assert f"Go back to volume {number}?" in text
    assert f"Go back to volume {number + 1}?" not in text

    assert "confirm with the name" in ground.post(f"volumes/{number}/return", confirmed="something else")
    assert ground.operations() == []
    text = ground.post(f"volumes/{number}/return", confirmed=ground.shop.instance.name)

    assert [(each.kind, each.target_volume) for each in ground.operations()] == [
        (OperationKind.RETURN, number)
    ]
    assert "Go back to volume" not in text


@pytest.mark.usefixtures("nodes_seen")
def test_what_is_tied_to_no_node_moves_without_a_copy(ground: Ground) -> None:
    with ground.app.app_context(), unit_of_work():
        for volume in volumes.list_volumes(ground.shop.instance.id):
            volume.is_node_bound = False
    ground.put(node_name="control-1")
    assert "tied to no node" in ground.browser.shown(ground.path)

    ground.post("move", node="worker-1")

    assert [each.kind for each in ground.operations()] == [OperationKind.RESCHEDULE]


@pytest.mark.usefixtures("nodes_seen")
def test_it_moves_to_a_node_that_is_ready(ground: Ground) -> None:
    ground.put(node_name="control-1")
    text = ground.browser.shown(ground.path)
    assert '<option value="worker-1">' in text
    assert '<option value="worker-2">' not in text

    assert "There is no such node" in ground.post("move", node="worker-2")
    ground.post("move", node="worker-1")

    assert [(each.kind, each.target_node) for each in ground.operations()] == [
        (OperationKind.MOVE, "worker-1")
    ]


def test_it_is_upgraded_to_a_newer_version(ground: Ground) -> None:
    recipe = get_recipe("postgresql")
    assert "Back up and upgrade" not in ground.browser.shown(ground.path)
    ground.put(service_slug="postgresql", version=recipe.earlier[0].version)
    assert f'<option value="{recipe.version}">' in ground.browser.shown(ground.path)

    ground.post("version", version=recipe.version)

    assert [each.target_version for each in ground.operations()] == [recipe.version]


def test_a_deletion_without_a_last_backup_waits_for_a_word(ground: Ground) -> None:
    ground.put(awaits_last_backup=True, wanted=Wanted.ABSENT, status=InstanceStatus.STOPPING)
    assert "deletion waits for you" in ground.browser.shown(ground.path)
    assert "deletion waits for a decision" in ground.browser.shown(ground.instance)
    name, reason = ground.shop.instance.name, "the customer does not want a copy"

    assert "confirm with the name" in ground.post("delete-without-copy", confirmed="x", reason=reason)
    ground.post("delete-without-copy", confirmed=name, reason="short")
    with ground.app.app_context():
        assert session().get_one(Instance, ground.shop.instance.id).awaits_last_backup is True

    ground.post("delete-without-copy", confirmed=name, reason=reason)

    with ground.app.app_context():
        assert session().get_one(Instance, ground.shop.instance.id).awaits_last_backup is False
    assert reason in ground.browser.shown("/admin/audit")


def test_the_last_backup_is_tried_again(ground: Ground) -> None:
    ground.put(awaits_last_backup=True, wanted=Wanted.ABSENT, status=InstanceStatus.STOPPING)

    ground.post("last-backup")

    assert [(each.kind, each.backup_reason) for each in ground.operations()] == [
        (OperationKind.BACKUP, BackupReason.BEFORE_DELETE)
    ]


def test_only_a_backup_on_demand_can_be_deleted(ground: Ground) -> None:
    mine, nightly = ground.backup(BackupReason.ON_DEMAND), ground.backup()
    text = ground.browser.shown(ground.path)
    assert f"drop-{mine}" in text
    assert f"drop-{nightly}" not in text

    assert f"drop-{mine}" not in ground.post(f"backups/{mine}/delete")
    assert "Only backups that were taken on demand" in ground.post(f"backups/{nightly}/delete")


def test_what_failed_says_why(ground: Ground) -> None:
    ground.post("backups")
    with ground.app.app_context(), unit_of_work():
        [row] = session().query(Operation)
        row.status, row.ended_at, row.error = (
            OperationStatus.FAILED,
            ground.clock.now(),
            "The disk <is> full.",
        )

    text = ground.browser.shown(ground.path)

    assert "The disk &lt;is&gt; full." in text
    assert "Back up now" in text


def test_an_unknown_instance_is_not_found(browser: Browser) -> None:
    browser.shown(f"/admin/instances/{uuid.uuid4()}/data", 404)


def test_the_fragment_answers_204_when_nothing_changed(ground: Ground) -> None:
    fragment = ground.browser.fragment(ground.path)
    seen = fragment.text.partition('"seen": "')[2][:16]

    assert ground.browser.fragment(f"{ground.path}?seen={seen}").status_code == 204
