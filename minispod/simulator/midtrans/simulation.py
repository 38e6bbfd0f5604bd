"""The simulated world in one hand: books, clock, faults and sender put together, and time passing in it.

Invariant: what falls due is done in the order of its moments, also when the clock jumps over many of them.
"""

import contextlib
import threading
from dataclasses import dataclass

from minispod.simulator.midtrans import presets, states
from minispod.simulator.midtrans.announcements import Announcer
from minispod.simulator.midtrans.config import Config
from minispod.simulator.midtrans.faults import Faults
from minispod.simulator.midtrans.mint import Mint
from minispod.simulator.midtrans.payments import Payments
from minispod.simulator.midtrans.post import Post
from minispod.simulator.midtrans.statusbook import StatusBook
from minispod.simulator.midtrans.store import Store
from minispod.simulator.midtrans.timers import Timer, Timers
from minispod.simulator.midtrans.times import Clock

TICK_SECONDS = 0.05
MAX_RINGS = 100_000


@dataclass(slots=True)
class Simulation:
    """Everything a request handler may need."""

    config: Config
    store: Store
    clock: Clock
    mint: Mint
    faults: Faults
    timers: Timers
    payments: Payments
    post: Post
    statuses: StatusBook
    stopped: threading.Event

    def start(self) -> None:
        """Let time pass and notifications leave by themselves."""
        threading.Thread(target=self._live, name="midsim-time", daemon=True).start()

    def stop(self) -> None:
        """End everything that runs or waits."""
        self.stopped.set()
        self.post.close()

    def pass_time(self) -> int:
        """Do all that has fallen due; says how many events rang."""
        rung = 0
        while rung < MAX_RINGS:
            timer = self.timers.take_due(self.clock.now())
            if timer is None:
                break
            self._ring(timer)
            rung += 1
        return rung

    def _ring(self, timer: Timer) -> None:
        # A transaction that went another way meanwhile, or is gone, spends the timer without effect.
        with contextlib.suppress(states.Refusal, KeyError):
            if timer.event == "double_payment":
                transaction = self.store.get("transaction", timer.transaction_id)
                if transaction:
                    self.payments.pay_again(transaction["order_id"], timer.at)
            else:
                self.payments.apply(timer.transaction_id, timer.event, at=timer.at, **timer.given)

    def reset(self) -> None:
        """Forget everything but the settings."""
        with self.store.writing():
            self.store.clear(keep_facts=True)
            self.clock.reset()
            presets.enter(self.faults, self.config.faults)

    def _live(self) -> None:
        while not self.stopped.wait(TICK_SECONDS):
            self.pass_time()
            if self.config.sender == "thread":
                self.post.send_due()


def build(config: Config) -> Simulation:
    """Put the world together."""
    store = Store(config.db)
    clock = Clock(store, is_manual=config.clock == "manual")
    mint = Mint(store, config.seed)
    faults = Faults(store, clock, mint)
    timers = Timers(store)
    announcer = Announcer(config, store, mint, faults, timers)
    if not faults.rules():
        presets.enter(faults, config.faults)
    return Simulation(
        config=config,
        store=store,
        clock=clock,
        mint=mint,
        faults=faults,
        timers=timers,
        payments=Payments(config, store, clock, mint, timers, announcer),
        post=Post(config, store, clock, mint),
        statuses=StatusBook(store, config),
        stopped=threading.Event(),
    )
