"""`make demo`: the whole of MinisPod on this machine, in the foreground, until Ctrl-C.

Starts nothing itself: it checks what was asked for, lays out the table, hands it to the supervisor, and says what
to click. Status 0: stopped on request; 1: a part could not be kept running; 2: could not start, with one sentence.
"""

import argparse
import contextlib
import os
import signal
import sys
import time
from pathlib import Path

from minispod.local import keeper, processes, residents, state
from minispod.local.console import Console
from minispod.local.refusals import CannotStart
from minispod.local.supervisor import Supervisor
from minispod.local.table import Table, lay_out
from minispod.local.wishes import Wishes

DOCS_PATH = "/api/v1/openapi.json"


def main() -> int:
    """Run the demo in one process and its keeper in another."""
    parser = argparse.ArgumentParser(prog="minispod.local.demo", description=__doc__)
    parser.add_argument("--state", type=Path, default=state.DIRECTORY, help="directory of the demo's data")
    parser.add_argument(
        "--end-with-parent", action="store_true", help="stop when the starting process is gone"
    )
    arguments = parser.parse_args()
    directory, began = arguments.state.absolute(), time.monotonic()
    if arguments.end_with_parent:
        processes.die_with(os.getppid(), signal.SIGTERM)
    if (code := keeper.split_off_keeper()) is not None:
        if code > 2:  # killed: it could not tidy up itself
            with contextlib.suppress(CannotStart), state.held(directory):
                pass
        return code
    stop = _StopSwitch()
    os.umask(0o077)  # mails, logs and payments of the demo are nobody else's business
    try:
        return _run(directory, stop, began)
    except CannotStart as reason:
        print(reason, file=sys.stderr)
        return 2
    finally:
        keeper.end_descendants(within_seconds=0.5)


class _StopSwitch:
    """Remembers that somebody asked to stop, and tells the supervisor once there is one."""

    def __init__(self) -> None:
        self.pressed = False
        self.supervisor: Supervisor | None = None
        for number in keeper.FORWARDED:
            signal.signal(number, lambda *_: self.press())
        keeper.accept_signals()

    def press(self) -> None:
        self.pressed = True
        if self.supervisor is not None:
            self.supervisor.ask_to_stop()


def _run(directory: Path, stop: _StopSwitch, began: float) -> int:
    wishes = Wishes.from_environment()
    with state.held(directory) as held:
        table = lay_out(wishes, held)
        console = Console(sys.stdout)
        for remark in table.remarks:
            console.say(remark)
        console.say(f"Starting {len(table.parts)} processes; their lines are kept in {held.logs}.")

        def announce() -> None:
            held.publish(table.endpoints)
            console.box(
                f"MinisPod is ready after {time.monotonic() - began:.1f} s",
                _what_to_click(table, wishes, directory),
            )

        stop.supervisor = Supervisor(table.parts, console=console, logs=held.logs, on_ready=announce)
        if stop.pressed:
            return 0
        code = stop.supervisor.run()
        console.say("Everything is stopped." if code == 0 else "Everything else has been stopped.")
        return code


def _residents(wishes: Wishes) -> list[tuple[str, str]]:
    if wishes.cluster is not None:
        return []
    first, *others = (each.email for each in residents.RESIDENTS)
    return [("With applications", f"{first} / {residents.PASSWORD}   (and {', '.join(others)})")]


def _what_to_click(table: Table, wishes: Wishes, directory: Path) -> list[tuple[str, str]]:
    endpoints = table.endpoints
    _, _, ingress_port = endpoints["ingress"].removeprefix("http://").partition(":")
    port = f":{ingress_port}" if ingress_port else ""
    return [
        ("Administration", f"{endpoints['admin']}   (admin@minispod.com / password)"),
        ("Customer", "user@minispod.com / password   (500,000 credit)"),
        *_residents(wishes),
        (
            "Front end",
            f"NEXT_PUBLIC_API_URL and API_BASE_URL are {endpoints['web']}; any port of localhost may call it",
        ),
        ("API", f"{endpoints['web']}{DOCS_PATH}"),
        ("Mailbox", endpoints["mailbox"]),
        (
            "Payments",
            f"{endpoints['midtrans']}/sim/   (simulated; operator key: {directory / 'midtrans.json'})",
        ),
        (
            "Google",
            f"{endpoints['google']}   (a stand-in that signs ID tokens; key: {directory / 'google.json'})",
        ),
        ("Instances", f"http://<instance>.<service>.{wishes.base_domain}{port}"),
        ("Own domains", f"add their DNS records to {endpoints['zone']}"),
        ("Cluster", f"kubectl --kubeconfig {endpoints['kubeconfig']} get pods -A"),
        ("Whole story", "make story   (in a second terminal)"),
        ("Stop", "Ctrl-C; the data stay until 'make demo-reset'"),
    ]


if __name__ == "__main__":
    sys.exit(main())
