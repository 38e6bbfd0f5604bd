"""One question for all who wait: what many threads ask at once is asked once, and never answered from before."""

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Any


@dataclass(slots=True)
class _Round:
    """A question that has not been put yet, or its outcome."""

    is_over: Event = field(default_factory=Event)
    answer: Any = None
    error: BaseException | None = None


class Together:
    """Puts one question at a time.

    Whoever comes while it is under way waits for the next, which is put for all who came meanwhile: so an answer is
    never older than the asking. Alone, it costs a lock.
    """

    def __init__(self) -> None:
        self._guard, self._turn = Lock(), Lock()
        self._coming: _Round | None = None

    def ask(self, question: Callable[[], Any]) -> Any:
        """The answer to a question that was put after this was called; what it raises, it raises for all."""
        with self._guard:
            mine, leads = self._coming, self._coming is None
            if mine is None:
                mine = self._coming = _Round()
        if leads:
            self._put(mine, question)
        else:
            mine.is_over.wait()
        if mine.error is not None:
            raise mine.error
        return mine.answer

    def _put(self, mine: _Round, question: Callable[[], Any]) -> None:
        with self._turn:
            with self._guard:
                self._coming = None
            try:
                mine.answer = question()
            except BaseException as error:
                mine.error = error
            finally:
                mine.is_over.set()
