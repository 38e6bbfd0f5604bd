"""Ids and chances, drawn from the seed: the same seed and the same calls give the same run.

The count of draws is kept in the store, so that a restart does not hand out an id twice.
"""

import random
import string
import uuid

from minispod.simulator.midtrans.store import Store
from minispod.simulator.midtrans.times import wib

_TOKEN_ALPHABET = string.ascii_letters


class Mint:
    """Everything that is made up."""

    def __init__(self, store: Store, seed: int) -> None:
        self._store = store
        self._seed = seed

    def _draw(self) -> random.Random:
        # Reproducible on purpose; nothing here is a secret.
        return random.Random(f"{self._seed}:{self._store.next_number('mint')}")  # noqa: S311

    def uuid(self) -> str:
        """A version 4 UUID: Snap tokens and ordinary transaction ids."""
        return str(uuid.UUID(int=self._draw().getrandbits(128), version=4))

    def bi_snap_id(self, at: float) -> str:
        """The id of a BI-SNAP transaction: A1, time and number, eight letters, ID."""
        draw = self._draw()
        digits = "".join(c for c in wib(at) if c.isdigit()) + f"{draw.randrange(10_000):04d}"
        return f"A1{digits}{''.join(draw.choices(_TOKEN_ALPHABET, k=8))}ID"

    def digits(self, length: int, prefix: str = "") -> str:
        """A number to type at a bank."""
        draw = self._draw()
        return prefix + "".join(draw.choices(string.digits, k=length - len(prefix)))

    def word(self, length: int) -> str:
        """Letters for references."""
        return "".join(self._draw().choices(_TOKEN_ALPHABET, k=length))

    def between(self, low: float, high: float) -> float:
        """A number in a range: jitter."""
        return self._draw().uniform(low, high)

    def happens(self, probability: float) -> bool:
        """Whether something of this probability happens now."""
        return self._draw().random() < probability

    def number(self, name: str) -> int:
        """The next number of a series."""
        return self._store.next_number(name)
