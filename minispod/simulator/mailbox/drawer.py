"""The mails on disk: one file with the bytes, one with the envelope, the oldest leave when it is full.

Invariant: a mail that was acknowledged is on disk whole, survives a restart, and no more than `limit` are kept.
"""

import json
import os
import re
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

_ID = re.compile(r"\d{13}-\d{6}")


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the SMTP dialogue said about a mail."""

    id: str
    received_at: float
    mail_from: str
    rcpt_to: tuple[str, ...]
    size: int

    def is_to(self, wanted: str) -> bool:
        """Whether a recipient contains `wanted`, whatever its case."""
        return any(wanted.lower() in address.lower() for address in self.rcpt_to)


class Drawer:
    """All kept mails."""

    def __init__(self, folder: Path, limit: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._limit = folder, limit
        self._lock = threading.Lock()
        self._number = 0
        self._envelopes = {envelope.id: envelope for envelope in self._read_all()}

    def keep(self, mail_from: str, rcpt_to: list[str], raw: bytes) -> Envelope:
        """Put a mail in; it is on disk when this returns."""
        with self._lock:
            now = time.time()
            self._number = (self._number + 1) % 1_000_000
            name = f"{int(now * 1000):013d}-{self._number:06d}"
            envelope = Envelope(name, now, mail_from, tuple(rcpt_to), len(raw))
            self._write(f"{name}.eml", raw)
            # The envelope comes last: without it the mail does not exist.
            self._write(f"{name}.json", json.dumps(asdict(envelope)).encode())
            self._envelopes[name] = envelope
            for oldest in sorted(self._envelopes)[: -self._limit]:
                self._forget(oldest)
            return envelope

    def envelopes(self, to: str | None = None) -> list[Envelope]:
        """All mails, newest first; with `to`, only those for a matching recipient."""
        with self._lock:
            found = [self._envelopes[name] for name in sorted(self._envelopes, reverse=True)]
        return [envelope for envelope in found if not to or envelope.is_to(to)]

    def find(self, id: str) -> tuple[Envelope, bytes] | None:
        """One mail with its bytes."""
        with self._lock:
            envelope = self._envelopes.get(id)
            return (envelope, (self._folder / f"{id}.eml").read_bytes()) if envelope else None

    def forget(self, ids: list[str]) -> int:
        """Throw mails away; says how many there were."""
        with self._lock:
            known = [name for name in ids if name in self._envelopes]
            for name in known:
                self._forget(name)
            return len(known)

    def _forget(self, id: str) -> None:
        self._envelopes.pop(id, None)
        for suffix in ("json", "eml"):
            (self._folder / f"{id}.{suffix}").unlink(missing_ok=True)

    def _write(self, name: str, content: bytes) -> None:
        unfinished = self._folder / f".{name}"
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self._folder / name)

    def _read_all(self) -> list[Envelope]:
        found = []
        for path in sorted(self._folder.glob("*.json")):
            if _ID.fullmatch(path.stem) and path.with_suffix(".eml").exists():
                known = json.loads(path.read_text(encoding="utf-8"))
                found.append(Envelope(**{**known, "rcpt_to": tuple(known["rcpt_to"])}))
        return found
