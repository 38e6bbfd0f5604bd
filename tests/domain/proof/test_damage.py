"""What is planted is named, by the checks it concerns and by no others; a healthy shop proves clean."""

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import InternalError

from minispod.kernel.clock import FrozenClock
from minispod.kernel.database import db, session
from minispod.proof.check import Check, Subject
from minispod.proof.checks import CHECKS
from minispod.proof.proving import prove
from tests.domain.proof.conftest import Story
from tests.domain.proof.damages import DAMAGES
from tests.proofs import assert_proven


def test_a_shop_in_which_everything_happened_proves_clean(story: Story, app: Flask) -> None:
    with app.app_context():
        proof = prove(story.now())

        assert_proven(story.now())
    assert proof.is_clean
    assert all(finding.looked_at for finding in proof.findings if "notice" not in finding.check.name)


def test_an_empty_shop_proves_clean(app: Flask, clock: FrozenClock) -> None:
    with app.app_context():
        assert_proven(clock.now())


def test_planted_damage_is_named(story: Story, app: Flask) -> None:
    """One damage after the other, each in the same shop put back to what it was."""
    named: dict[str, set[str]] = {}
    story.keep()
    for damage in DAMAGES:
        damage.plant(story)
        with app.app_context():
            proof = prove(story.now())
        named[damage.what] = set(proof.named)
        assert all(each.subject_id and each.facts for finding in proof.findings for each in finding.kept), (
            f"{damage.what}: says what is known"
        )
        story.put_back()

    assert named == {damage.what: set(damage.named) for damage in DAMAGES}
    with app.app_context():
        assert_proven(story.now())


def test_every_check_is_tried_with_damage_that_it_alone_names() -> None:
    alone = {name for damage in DAMAGES for name in damage.named if len(damage.named) == 1}

    assert alone == {check.name for check in CHECKS}


def test_checks_have_names_that_fit_and_words_for_a_person() -> None:
    assert len({check.name for check in CHECKS}) == len(CHECKS)
    for check in CHECKS:
        assert len(check.name) <= 40
        assert len(check.subject.value) <= 20
        assert min(map(len, (check.promise, check.meaning, check.advice))) > 30, check.name


def _numbers(name: str, statement: str) -> Check:
    return Check(name, "p", Subject.PLAN, "SELECT 100000", statement, "m", "a")


MANY = _numbers(
    "many", "SELECT n AS subject_id, NULL::uuid AS user_id, n AS place FROM generate_series(1, 100000) n"
)
SLOW = _numbers("slow", "SELECT 1 AS subject_id, NULL::uuid AS user_id FROM pg_sleep(30)")


def test_very_many_differences_are_counted_and_only_the_first_are_kept(
    app: Flask, clock: FrozenClock
) -> None:
    with app.app_context():
        [finding] = prove(clock.now(), checks=[MANY], kept=5).findings

    assert (finding.differences, len(finding.kept)) == (100_000, 5)


def test_the_same_differences_have_the_same_digest_in_any_order(app: Flask, clock: FrozenClock) -> None:
    turned = _numbers("many", MANY.differences + " ORDER BY n DESC")
    fewer = _numbers("many", MANY.differences + " WHERE n > 1")
    with app.app_context():
        one, other, less = (prove(clock.now(), checks=[check]).digest for check in (MANY, turned, fewer))

    assert one == other != less


def test_a_check_that_takes_too_long_is_unfinished_and_the_others_still_run(
    app: Flask, clock: FrozenClock
) -> None:
    with app.app_context():
        proof = prove(clock.now(), checks=[MANY, SLOW], patience=3)

    assert [finding.is_finished for finding in proof.findings] == [True, False]
    assert not proof.is_clean


def test_it_cannot_write_and_leaves_no_trace_on_the_connection(app: Flask, clock: FrozenClock) -> None:
    writes = Check("w", "p", Subject.PLAN, "SELECT nextval('transaction_numbers')", "SELECT 1", "m", "a")
    with app.app_context():
        with pytest.raises(InternalError, match="read-only transaction"):
            prove(clock.now(), checks=[writes])
        db.session.remove()
        shown = [session().execute(text(f"SHOW {name}")).scalar() for name in _SETTINGS]

    assert shown == ["read committed", "off", "30s"]


_SETTINGS = ("transaction_isolation", "transaction_read_only", "statement_timeout")


def test_all_checks_look_at_one_snapshot(story: Story, app: Flask) -> None:
    """What is committed while the proof runs is not seen by half of it."""
    meddling = _numbers("meddling", "SELECT 1 AS subject_id, NULL::uuid AS user_id LIMIT 0")

    class Meddler:
        """Yields the checks and changes the shop between the first and the others."""

        def __iter__(self):  # type: ignore[no-untyped-def]
            yield meddling
            story.change("UPDATE wallets SET balance = balance + 7 WHERE user_id = :id", id=story.owner.id)
            yield from CHECKS

    with app.app_context():
        assert prove(story.now(), checks=Meddler()).is_clean  # type: ignore[arg-type]
        assert prove(story.now()).named == ["wallet-balance"]
