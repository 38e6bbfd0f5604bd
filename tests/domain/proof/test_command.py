"""`flask proof`: a table and an exit status for people, one document for programs."""

import json

from click.testing import Result
from flask import Flask

from minispod.proof.checks import CHECKS
from tests.domain.proof.conftest import Story
from tests.domain.proof.damages import DAMAGES


def _run(app: Flask, *options: str) -> Result:
    with app.app_context():
        return app.test_cli_runner().invoke(args=["proof", *options])


def test_a_healthy_shop_is_a_table_and_status_0(story: Story, app: Flask) -> None:
    done = _run(app)

    assert done.exit_code == 0, done.output
    assert all(check.name in done.output for check in CHECKS)
    assert "Everything adds up" in done.output


def test_damage_is_named_explained_and_status_1(story: Story, app: Flask) -> None:
    next(damage for damage in DAMAGES if "grew by itself" in damage.what).plant(story)

    done = _run(app)
    short = _run(app, "--show", "0")

    assert (done.exit_code, short.exit_code) == (1, 1)
    for expected in (
        "not true that every wallet's balance",
        str(story.owner.id),
        "too_much 7",
        "What it may mean",
    ):
        assert expected in done.output, expected
    assert "too_much 7" not in short.output
    assert "and 1 more" in short.output
    assert "1 differences: the money is not proven" in short.output


def test_the_document_says_the_same(story: Story, app: Flask) -> None:
    next(damage for damage in DAMAGES if "grew by itself" in damage.what).plant(story)

    done = _run(app, "--json")

    told = json.loads(done.output)
    assert done.exit_code == 1
    assert (told["isClean"], told["differences"], len(told["checks"])) == (False, 1, len(CHECKS))
    [balance] = [check for check in told["checks"] if check["differences"]]
    assert balance["found"][0]["facts"]["too_much"] == 7
    assert balance["found"][0]["userId"] == str(story.owner.id)
