"""Random histories: drawn anew in each run, and the same again with the seed that each run names.

HISTORIES says how many are played (`make histories` for many), HISTORIES_SEED repeats a run.
"""

import os
import secrets
from collections.abc import Callable, Iterator

import pytest

from minispod.kernel.actor import Role
from tests.histories.playing import Player
from tests.histories.world import CUSTOMERS, World
from tests.plugins.app import Person
from tests.plugins.shop import Shop

SEED, NUMBER = "HISTORIES_SEED", "HISTORIES"
USUAL = 500
PROPERTY = "histories"


def pytest_configure(config: pytest.Config) -> None:
    """Draw the seed, unless one is given; workers of xdist have it from their parent's environment."""
    os.environ.setdefault(SEED, str(config.getoption("--hypothesis-seed") or secrets.randbelow(10**9)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how to play the same histories again, whether or not they went well."""
    reports = [each for kind in terminalreporter.stats.values() for each in kind]
    played = sum(
        int(str(value))
        for each in reports
        for name, value in getattr(each, "user_properties", ())
        if name == PROPERTY
    )
    if played:
        seed = os.environ[SEED]
        terminalreporter.write_line(
            f"histories: {played} played, seed {seed}; the same again with {SEED}={seed}"
        )


@pytest.fixture
def histories_seed() -> str:
    """The seed of this run."""
    return os.environ[SEED]


@pytest.fixture
def histories_wanted() -> int:
    """How many histories are to be played in this run, all tests together."""
    return int(os.environ.get(NUMBER, USUAL))


@pytest.fixture
def world(shop: Shop, catalog: None, person: Callable[..., Person]) -> World:
    """A small shop with three customers and two administrators."""
    made = World(
        shop,
        [person(name=name, credit=credit) for name, credit in CUSTOMERS],
        [person(role=Role.ADMINISTRATOR, name=name) for name in ("Ayu Admin", "Dewi Admin")],
    )
    made.build()
    return made


@pytest.fixture
def player(world: World, record_property: Callable[[str, object], None]) -> Iterator[Player]:
    """Somebody who plays histories in it, and counts them."""
    playing = Player(world)
    yield playing
    playing.close()
    record_property(PROPERTY, world.histories)
