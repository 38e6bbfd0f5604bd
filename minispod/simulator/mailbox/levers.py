"""Trouble on purpose: refuse the next mails, answer slowly."""

import threading
from dataclasses import asdict, dataclass
from typing import Any

STAGES = ("mail", "rcpt", "data")


class BadLever(Exception):
    """The lever cannot be pulled like this; the message says why."""


@dataclass(slots=True)
class _Refusal:
    times: int
    code: int
    stage: str = "mail"
    to: str | None = None


class Levers:
    """The levers as they stand. Safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._refusal: _Refusal | None = None
        self.delay_s = 0.0

    def pull(self, wanted: dict[str, Any]) -> None:
        """Set what is named; the rest stays."""
        refusal = _read_refusal(wanted["refuse"]) if wanted.get("refuse") is not None else None
        delay = wanted.get("delay_s", self.delay_s)
        if not isinstance(delay, int | float) or isinstance(delay, bool) or not 0 <= delay <= 600:
            raise BadLever("delay_s must be between 0 and 600")
        with self._lock:
            self.delay_s = float(delay)
            self._refusal = refusal or self._refusal

    def release(self) -> None:
        """No more trouble."""
        with self._lock:
            self._refusal, self.delay_s = None, 0.0

    def refusal_at(self, stage: str, recipient: str | None = None) -> str | None:
        """The SMTP answer that refuses now, if one is due; uses it up."""
        with self._lock:
            due = self._refusal
            if due is None or due.stage != stage or due.times < 1 or due.to not in (None, recipient):
                return None
            due.times -= 1
            return f"{due.code} {'Try again later' if due.code < 500 else 'Refused'} (simulated)"

    def state(self) -> dict[str, Any]:
        """As they stand."""
        with self._lock:
            return {"refuse": asdict(self._refusal) if self._refusal else None, "delay_s": self.delay_s}


def _read_refusal(given: Any) -> _Refusal:
    if not isinstance(given, dict):
        raise BadLever("refuse must be an object")
    times, code = given.get("times", 1), given.get("code", 451)
    stage = given.get("stage", "rcpt" if given.get("to") else "mail")
    if not isinstance(times, int) or isinstance(times, bool) or times < 1:
        raise BadLever("times must be a whole number of at least 1")
    if not isinstance(code, int) or not 400 <= code <= 599:
        raise BadLever("code must be a 4xx or 5xx code")
    if stage not in STAGES or (given.get("to") and stage != "rcpt"):
        raise BadLever("stage must be mail, rcpt or data; a refusal for one recipient happens at rcpt")
    return _Refusal(times, code, stage, given.get("to"))
