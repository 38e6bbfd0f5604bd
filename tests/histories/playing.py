"""Histories as they are drawn, played and told."""

import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier

import hypothesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, HypothesisProvider

from tests.histories import acts
from tests.histories.checks import check
from tests.histories.world import World

# How often each act is drawn. Time passes most of all; what ends a story comes seldom.
WEIGHTS: Mapping[str, int] = {
    "order": 5,
    "order_with_coupon": 3,
    "redeem": 2,
    "cancel": 1,
    "auto_renew": 1,
    "upgrade": 3,
    "topup": 3,
    "pays": 2,
    "calls_off": 1,
    "told": 3,
    "given_back": 2,
    "asks_refund": 1,
    "decides": 1,
    "move": 3,
    "refund": 2,
    "extend": 1,
    "force_cancel": 1,
    "adjust": 2,
    "confirms": 1,
    "concludes": 4,
    "calendar": 2,
    "works": 2,
    "polls": 1,
    "closes_day": 1,
    "numbers_papers": 1,
    "proves": 1,
}
MOST_AT_ONCE = 4
# How many steps a history has, by how much may happen in one of them.
LENGTHS = {1: (8, 12), MOST_AT_ONCE: (3, 5)}
PATIENCE = 60
TRIES = 4
SHRINK_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Act:
    """One act for one customer."""

    kind: str
    who: int
    number: int

    def __str__(self) -> str:
        return f"{self.kind}({self.who}, {self.number})"


@dataclass(frozen=True, slots=True)
class Step:
    """What happens at one moment, and how many days later the next step begins."""

    acts: tuple[Act, ...]
    days: int
    does_jobs: bool

    def __str__(self) -> str:
        told = " and ".join(map(str, self.acts))
        return f"{told}{', jobs' if self.does_jobs else ''}, {self.days} days"


History = Sequence[Step]


class Fresh(HypothesisProvider):
    """Draws as hypothesis does, but each history anew; its own way plays the same few with small changes."""


AVAILABLE_PROVIDERS["fresh"] = f"{__name__}.{Fresh.__name__}"


def steps(most_at_once: int) -> st.SearchStrategy[Step]:
    """Steps of one act, or of up to `most_at_once` at the same moment: different ones, or a rush for one thing."""
    kinds = st.sampled_from([kind for kind, weight in WEIGHTS.items() for _ in range(weight)])
    customers, numbers = st.integers(0, 2), st.integers(0, 11)
    one = st.builds(Act, kinds, customers, numbers)
    together = st.lists(one, min_size=1, max_size=most_at_once).map(tuple)
    if most_at_once > 1:
        crowd = st.lists(customers, min_size=2, max_size=most_at_once)
        together |= st.builds(_rush, kinds, crowd, numbers)
    days = st.sampled_from((0,) * 12 + acts.DAYS)
    return st.builds(Step, together, days, st.booleans())


def _rush(kind: str, crowd: Sequence[int], number: int) -> tuple[Act, ...]:
    return tuple(Act(kind, who, number) for who in crowd)


class Player:
    """Plays histories in a world, each of them from the beginning."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._threads = ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="act")

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown()

    def play(self, history: History) -> None:
        """Play it, and look whether everything adds up; raises what went wrong."""
        world = self._world
        world.begin()
        for step in history:
            self._at_once(step.acts)
            if step.does_jobs:
                world.tick("advance-calendar")
                world.work()
            world.refuse_failed_work()
            world.pass_time(step.days)
        acts.settle_all(world)
        world.refuse_failed_work()
        check(world)

    def _at_once(self, together: Sequence[Act]) -> None:
        if len(together) == 1:
            self._do(together[0], None)
            return
        barrier = Barrier(len(together))
        begun = [self._threads.submit(self._do, act, barrier) for act in together]
        errors = [error for each in begun if (error := each.exception(PATIENCE)) is not None]
        if errors:
            raise errors[0] if len(errors) == 1 else ExceptionGroup("several acts failed", errors)

    def _do(self, act: Act, barrier: Barrier | None) -> None:
        if barrier is not None:
            barrier.wait(PATIENCE)
        acts.perform(self._world, act.kind, act.who, act.number)


def steadied(play: Callable[[History], None]) -> Callable[[History], None]:
    """Make a failure that needs luck look steady, so that hypothesis can make its history smaller.

    What failed once fails again with the same error. As soon as one history has failed, each other one is tried
    several times before it counts as good, until it is time to be content with the smallest found. The first error
    and its history are printed at once, whatever follows.
    """
    errors: dict[History, Exception] = {}
    enough = float("inf")

    def steady(history: History) -> None:
        nonlocal enough
        if history in errors:
            raise errors[history]
        for _ in range(TRIES if errors else 1):
            if time.monotonic() > enough:
                return
            try:
                play(history)
            except Exception as error:
                told = "\n".join(f"  {step}" for step in history)
                error.add_note(f"after this history:\n{told}")
                if not errors:
                    enough = time.monotonic() + SHRINK_SECONDS
                    print("".join(traceback.format_exception(error)))
                errors[history] = error
                raise

    return steady


def play_many(play: Callable[[History], None], *, number: int, most_at_once: int, seed: str) -> None:
    """Draw `number` histories of steps with up to `most_at_once` acts, and play each."""
    low, high = LENGTHS[most_at_once]
    steady = steadied(play)

    @settings(
        max_examples=number,
        deadline=None,
        database=None,
        backend="fresh",
        phases=(Phase.generate, Phase.shrink),
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.seed(seed)
    @given(history=st.lists(steps(most_at_once), min_size=low, max_size=high).map(tuple))
    def holds(history: History) -> None:
        steady(history)

    holds()
