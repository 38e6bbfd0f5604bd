"""The first page of figures is worked out once for all staff who ask within a few seconds, and never for others."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from minispod.kernel.clock import FrozenClock
from minispod.settings import Settings
from tests.factories.statements import asked
from tests.plugins.app import Person, data_of

Headers = Callable[[Person], dict[str, str]]
AtOnce = Callable[[int, Callable[[int], Any]], list[Any]]
ADDRESS = "/api/admin/analytics/dashboard"
SECONDS = 5
FIGURES = "SELECT LEDGER_ENTRIES.TYPE"


@pytest.fixture(autouse=True)
def sharing(app: Flask, settings: Settings) -> Iterator[None]:
    """Answers are shared as in production; what was kept before is forgotten."""
    sharing = object.__new__(Settings)
    for name in Settings.__slots__:
        object.__setattr__(sharing, name, getattr(settings, name))
    web = settings.web.model_copy(update={"shared_answer_seconds": SECONDS})
    object.__setattr__(sharing, "web", web)
    app.extensions["minispod.settings"] = sharing
    app.extensions.pop("minispod.shared", None)
    yield
    app.extensions["minispod.settings"] = settings
    app.extensions.pop("minispod.shared", None)


def test_the_figures_are_read_once_in_a_while_and_say_how_old_they_are(
    client: FlaskClient,
    clock: FrozenClock,
    administrator: Person,
    person: Callable[..., Person],
    headers_now: Headers,
) -> None:
    headers = headers_now(administrator)
    first = client.get(ADDRESS, headers=headers)
    assert "Age" not in first.headers
    before = data_of(first)["dashboardAnalytics"]["summary"]["totalUsers"]
    person()
    clock.advance(seconds=SECONDS - 1)
    with asked(FIGURES) as said:
        again = client.get(ADDRESS, headers=headers)
    assert (again.get_data(), again.headers["Age"], said) == (first.get_data(), str(SECONDS - 1), [])
    assert again.mimetype == "application/json"

    clock.advance(seconds=1)
    fresh = client.get(ADDRESS, headers=headers)

    assert "Age" not in fresh.headers
    assert data_of(fresh)["dashboardAnalytics"]["summary"]["totalUsers"] == before + 1


def test_many_at_once_are_worked_out_once(
    app: Flask, administrator: Person, headers_now: Headers, at_once: AtOnce
) -> None:
    headers = headers_now(administrator)

    def look(_: int) -> bytes:
        return app.test_client().get(ADDRESS, headers=headers).get_data()

    with asked(FIGURES) as said:
        answers = at_once(8, look)

    assert (len(set(answers)), len(said)) == (1, 1)


def test_nobody_else_sees_what_is_kept(
    client: FlaskClient, administrator: Person, customer: Person, headers_now: Headers
) -> None:
    data_of(client.get(ADDRESS, headers=headers_now(administrator)))

    assert client.get(ADDRESS).status_code == 401
    assert client.get(ADDRESS, headers=headers_now(customer)).status_code == 403
