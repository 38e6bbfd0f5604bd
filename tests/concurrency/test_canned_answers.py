"""Two administrators give two canned answers one name: the second is told so, also at the same instant."""

import uuid

import pytest
from flask import Flask

from minispod.kernel.clock import FrozenClock
from minispod.kernel.unit_of_work import unit_of_work
from minispod.tickets import canned
from minispod.tickets.errors import CannedAnswerTaken
from tests.concurrency.waiting import holding, waits_with
from tests.plugins.app import Person


def test_a_name_that_somebody_is_giving_at_this_moment_is_taken(
    app: Flask, clock: FrozenClock, administrator: Person
) -> None:
    def add(name: str) -> uuid.UUID:
        with app.app_context(), unit_of_work():
            return canned.add_canned(name, "Dear", "Halo", actor=administrator.actor, at=clock.now())

    def rename() -> None:
        with app.app_context(), unit_of_work():
            canned.change_canned(
                second, "Restarted", "Sorry", "Maaf", actor=administrator.actor, at=clock.now()
            )

    first, second = add("Thanks"), add("Sorry")

    renaming = holding(app, "UPDATE canned_answers SET name = 'Restarted' WHERE id = :id", id=first)
    with renaming as other, pytest.raises(CannedAnswerTaken):
        waits_with(app, other, rename)

    with app.app_context():
        kept = {each.name: each.text_en for each in canned.list_canned()}
    assert kept == {"Restarted": "Dear", "Sorry": "Dear"}
