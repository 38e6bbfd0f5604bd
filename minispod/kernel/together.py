"""One question for all who wait: what many threads ask at once is asked once, and never answered from before."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock
from typing import Any


class Together:
    """Puts one question at a time.

    Whoever comes while it is under way waits for the next, which is put for all who came meanwhile: so an answer is
    never older than the asking. Alone, it costs a lock.
    """

    def __init__(self) -> None:
        self._guard, self._turn = Lock(), Lock()
        self._coming: Future[Any] | None = None

    def ask(self, question: Callable[[], Any]) -> Any:
        """The answer to a question that was put after this was called; what it raises, it raises for all."""
        with self._guard:
            coming = self._coming
            if coming is None:
                mine = self._coming = Future()
        return coming.result() if coming is not None else self._put(mine, question)

    def _put(self, mine: Future[Any], question: Callable[[], Any]) -> Any:
        with self._turn:
            with self._guard:
                self._coming = None
            try:
                answer = question()
            except BaseException as error:
                mine.set_exception(error)
                raise
        mine.set_result(answer)
        return answer
