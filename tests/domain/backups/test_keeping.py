"""The rows of backups: what counts, what may be repeated, and who may see them."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from minispod.audit.models import AuditEntry
from minispod.backups import keeping
from minispod.backups.errors import BackupBroken, BackupOver, NoSuchBackup
from minispod.backups.models import BackupReason, BackupStatus
from minispod.catalog.recipes import get_recipe
from minispod.instances.models import Instance
from minispod.kernel.database import session
from minispod.kernel.ids import new_id
from minispod.kernel.paging import PageRequest
from tests.plugins.app import Person
from tests.plugins.keeper import Keeper

MakeInstance = Callable[..., Instance]
pytestmark = pytest.mark.usefixtures("catalog")


def test_a_backup_counts_when_all_of_it_is_there(keeper: Keeper, make_instance: MakeInstance) -> None:
    mine = make_instance()
    backup = keeper.begin(mine, BackupReason.ON_DEMAND, keep_days=7)
    keeper.store_part(backup, "dump", b"a" * 100)
    keeper.store_part(backup, "volume", b"b" * 20)
    with keeper.shop.app.app_context():
        assert keeping.newest_done(mine.id) is None

    done = keeper.finish(backup)

    at = keeper.shop.clock.now()
    assert (done.status, done.finished_at, done.plain_size) == (BackupStatus.DONE, at, 120)
    assert (done.taken_at, done.keep_until) == (at, at + timedelta(days=7))
    assert (done.user_id, done.version) == (mine.user_id, get_recipe("postgresql").version)
    with keeper.shop.app.app_context():
        newest = keeping.newest_done(mine.id)
        assert newest is not None
        assert newest.id == backup.id
        parts = keeping.parts_of(backup.id)
        assert [part.name for part in parts] == ["dump", "volume"]
        assert [b"".join(keeper.vault.fetch(part)) for part in parts] == [b"a" * 100, b"b" * 20]
        assert keeping.stored_bytes() == sum(part.size for part in parts)


def test_nothing_copied_is_no_backup(keeper: Keeper, make_instance: MakeInstance) -> None:
    backup = keeper.begin(make_instance())

    with pytest.raises(BackupBroken):
        keeper.finish(backup)

    assert keeper.row(backup).status is BackupStatus.RUNNING


def test_each_step_may_be_repeated(keeper: Keeper, make_instance: MakeInstance) -> None:
    backup = keeper.begin(make_instance())
    keeper.store_part(backup, content=b"first try")
    keeper.store_part(backup, content=b"second")
    first = keeper.finish(backup)
    keeper.shop.clock.advance(minutes=1)
    second = keeper.finish(backup)

    assert first.finished_at == second.finished_at
    assert second.plain_size == len(b"second")
    assert len(keeper.stored()) == 1
    with keeper.shop.app.app_context():
        (part,) = keeping.parts_of(backup.id)
        assert b"".join(keeper.vault.fetch(part)) == b"second"


def test_what_has_ended_takes_nothing_more(keeper: Keeper, make_instance: MakeInstance) -> None:
    done, failed = keeper.take(make_instance()), keeper.take_failing(make_instance("redis"))

    for backup in (done, failed):
        with pytest.raises(BackupOver):
            keeper.store_part(backup, "late")
    with pytest.raises(BackupOver):
        keeper.fail(done)
    with pytest.raises(BackupOver):
        keeper.finish(failed)
    assert keeper.fail(failed, "another sentence").error == "The pod died."


def test_a_failed_backup_cannot_be_restored(keeper: Keeper, make_instance: MakeInstance) -> None:
    mine = make_instance()
    good = keeper.take(mine, ago=timedelta(days=2))
    keeper.take_failing(mine)

    with keeper.shop.app.app_context():
        newest = keeping.newest_done(mine.id)
        assert newest is not None
        assert newest.id == good.id


def test_people_see_their_own_and_staff_all(
    keeper: Keeper,
    make_instance: MakeInstance,
    person: Callable[..., Person],
    administrator: Person,
    customer: Person,
) -> None:
    other = person(credit=500_000)
    mine, theirs = keeper.take(make_instance()), keeper.take(make_instance(owner=other))
    keeper.take_failing(make_instance("redis"))
    at = keeper.shop.clock.now()

    with keeper.shop.app.app_context():

        def seen(who: Person, **what: object) -> list[object]:
            page = keeping.list_backups(PageRequest(), actor=who.actor, at=at, **what)  # type: ignore[arg-type]
            assert page.total == len(page.items)
            return [each.id for each in page.items]

        assert seen(customer) == [mine.id]
        assert seen(other) == [theirs.id]
        assert set(seen(administrator)) == {mine.id, theirs.id}
        assert seen(customer, instance_id=theirs.instance_id) == []
        assert keeping.get_backup(mine.id, actor=customer.actor).id == mine.id
        assert keeping.get_backup(mine.id, actor=administrator.actor).id == mine.id
        for backup_id in (theirs.id, new_id()):
            with pytest.raises(NoSuchBackup):
                keeping.get_backup(backup_id, actor=customer.actor)


def test_what_is_over_is_not_offered(keeper: Keeper, make_instance: MakeInstance, customer: Person) -> None:
    mine = make_instance()
    keeper.take(mine, ago=timedelta(days=31))
    keeper.take(mine, ago=timedelta(days=29))

    with keeper.shop.app.app_context():
        offered = keeping.list_backups(PageRequest(), actor=customer.actor, at=keeper.shop.clock.now())

    assert [each.taken_at for each in offered.items] == [keeper.shop.clock.now() - timedelta(days=29)]


def test_the_only_good_one_is_offered_whatever_its_age(
    keeper: Keeper, make_instance: MakeInstance, customer: Person
) -> None:
    mine = make_instance()
    keeper.take(mine, ago=timedelta(days=90))
    only = keeper.take(mine, ago=timedelta(days=60))
    keeper.take_failing(mine)

    with keeper.shop.app.app_context():
        offered = keeping.list_backups(PageRequest(), actor=customer.actor, at=keeper.shop.clock.now())

    assert [each.id for each in offered.items] == [only.id]


def test_the_book_tells_what_became_of_it(keeper: Keeper, make_instance: MakeInstance) -> None:
    backup = keeper.take_failing(make_instance(), sentence="x" * 5000)

    with keeper.shop.app.app_context():
        wanted = select(AuditEntry).where(AuditEntry.subject_id == str(backup.id)).order_by(AuditEntry.at)
        entries = session().scalars(wanted).all()
    assert sorted(each.action for each in entries) == ["backup.begun", "backup.failed"]
    assert {each.details["instance_id"] for each in entries} == {str(backup.instance_id)}
    assert len(backup.error or "") == 1000
