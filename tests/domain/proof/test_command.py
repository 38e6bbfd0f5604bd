"""`flask proof`: a table and an exit status for people, one document for programs."""

import json
import re
from dataclasses import replace
from functools import partial

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy.exc import OperationalError

from minispod import cli
from minispod.kernel.database import db
from minispod.proof.checks import CHECKS
from minispod.proof.proving import prove
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
        f"<{story.owner.email}>:",
        "too much Rp 7",
        "What it may mean",
        'Repair: the button "Compute from the ledger"',
    ):
        assert expected in done.output, expected
    assert "too much" not in short.output
    assert "and 1 more" in short.output
    assert "1 difference: the money is not proven" in short.output


def test_the_document_says_the_same(story: Story, app: Flask) -> None:
    next(damage for damage in DAMAGES if "grew by itself" in damage.what).plant(story)

    done = _run(app, "--json")

    told = json.loads(done.output)
    assert done.exit_code == 1
    assert (told["isClean"], told["differences"], len(told["checks"])) == (False, 1, len(CHECKS))
    [balance] = [check for check in told["checks"] if check["differences"]]
    assert balance["found"][0]["facts"]["too_much"] == 7
    assert balance["found"][0]["userId"] == str(story.owner.id)


def test_no_line_is_wider_than_the_terminal_and_no_amount_is_broken(
    story: Story, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for damage in DAMAGES:
        if damage.what in ("a balance that grew by itself", "a closing balance that was another"):
            damage.plant(story)
    story.change("UPDATE topups SET gateway_state = 'pending' WHERE id = :paid", paid=story.paid)

    done = _run(app)

    assert done.exit_code == 1
    assert [line for line in done.output.splitlines() if len(line) > 80] == []
    assert not re.search(r"\bRp$", done.output, re.MULTILINE)


def test_what_could_not_be_found_out_is_another_status(
    app: Flask, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = replace(CHECKS[0], looked_at="SELECT count(*) FROM pg_sleep(30)")
    monkeypatch.setattr(cli, "prove", partial(prove, checks=(slow, *CHECKS[1:])))
    unfinished = _run(app, "--patience", "1")

    def silent() -> None:
        raise OperationalError("SELECT 1", {}, Exception("connection refused"))

    with app.app_context():
        monkeypatch.setattr(db.engine, "connect", silent)
        away = _run(app)

    assert (unfinished.exit_code, away.exit_code) == (2, 2)
    assert "not finished: the money is not proven" in unfinished.output
    assert "the database does not answer" in away.output
    assert "Traceback" not in away.output
