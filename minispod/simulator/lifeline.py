"""How a simulator process begins and ends: it dies with its parent, leaves on SIGTERM, tells where it listens.

Invariant: no simulator outlives the one who started it, and the ready file is there whole or not at all.
"""

import contextlib
import ctypes
import json
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path

_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Ask Linux for SIGTERM when the parent (to be exact: the thread that started us) is gone."""
    if not sys.platform.startswith("linux"):
        return
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        # It went before we had asked.
        raise SystemExit("the parent process is gone")


def stop_on_signals() -> threading.Event:
    """Return the event that SIGTERM and SIGINT set."""
    stopped = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stopped.set())
    return stopped


def write_ready_file(path: str | None, facts: Mapping[str, str | None]) -> None:
    """Write `facts` as JSON, readable by the owner only, in one step."""
    if path is None:
        return
    target = Path(path)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=target.name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(facts, file)
        Path(name).replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
