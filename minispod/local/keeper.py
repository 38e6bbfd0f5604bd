"""Two processes where one would do: one does the work, the other sees to it that nothing is left behind.

The kernel only tells direct children that their parent died. The keeper therefore adopts whatever loses its parent
(a job's process whose worker was killed, say) and ends it. If the keeper itself is killed, the kernel asks the one
that works to stop in order.
"""

import os
import signal
import sys
import time
from types import FrameType

from minispod.local import processes

PATIENCE_SECONDS = 3.0
FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def split_off_keeper() -> int | None:
    """Fork. None: we are the process that does the work. A number: we were the keeper, and that is the exit status."""
    keeper = os.getpid()
    processes.adopt_orphans()
    # Until the one that works has its own handlers, a signal waits.
    signal.pthread_sigmask(signal.SIG_BLOCK, FORWARDED)
    child = os.fork()
    if child == 0:
        # A group of its own: Ctrl-C reaches the keeper, which passes it on once.
        os.setpgid(0, 0)
        processes.die_with(keeper, signal.SIGTERM)
        processes.adopt_orphans()
        return None
    return _keep(child)


def accept_signals() -> None:
    """Let the signals through that were held back since the fork; call it when handlers are in place."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, FORWARDED)


def end_descendants(*, within_seconds: float = PATIENCE_SECONDS) -> None:
    """End all children of this process, adopted ones too: politely first, then not."""
    deadline = time.monotonic() + within_seconds
    told: set[int] = set()
    while children := processes.children_of(os.getpid()):
        late = time.monotonic() > deadline
        for pid in children:
            if late or pid not in told:
                told.add(pid)
                processes.send(pid, signal.SIGKILL if late else signal.SIGTERM)
        if time.monotonic() > deadline + within_seconds:
            return
        time.sleep(0.05)


def _keep(child: int) -> int:
    def forward(number: int, frame: FrameType | None) -> None:
        processes.send(child, signal.Signals(number))

    for number in FORWARDED:
        signal.signal(number, forward)
    accept_signals()
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    end_descendants()
    if code < 0:
        print(
            f"The demo was killed ({signal.Signals(-code).name}); all its processes have been ended.",
            file=sys.stderr,
        )
        return 128 - code
    return code
