"""`make bench`: measure a running demo. `ARGS=--start`: starting one, in a fresh clone; `ARGS=--money`: the money;
`ARGS=--provisioning`: many orders at once; `ARGS=--observe`: one look at a thousand instances; `ARGS=--access`: from
the order to HTTP 200 beside `kubectl apply`; `ARGS=--api`: the JSON API on large tables; `ARGS=--pages`: the pages of
the administration on them.

Everything printed was measured just now, on this machine, with whatever else ran on it.
"""

import argparse
import os
import sys
from pathlib import Path

from bench import access, api, memory, money, observing, orders, pages, provisioning, starts
from minispod.local.surroundings import DIRECTORY, Surroundings
from minispod.local.timeline import StoryStopped


def main() -> int:
    """Measure what was asked for; 1 when it could not be measured."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument(
        "--start", action="store_true", help="cold and warm start of `make demo`, in a fresh clone"
    )
    parser.add_argument(
        "--money",
        type=int,
        nargs="?",
        const=100_000,
        metavar="N",
        help="proof, postings and notifications over N customers (100000) with ten ledger entries each; needs no demo",
    )
    parser.add_argument(
        "--provisioning",
        type=int,
        nargs="?",
        const=100,
        metavar="N",
        help="N orders at once (100) with 1, 2 and 4 workers, on the simulator or KUBECONFIG's cluster; needs no demo",
    )
    parser.add_argument(
        "--observe",
        type=int,
        nargs="?",
        const=1_000,
        metavar="N",
        help="one look at a cluster of N instances (1000) on the simulator, and a day of their usage; needs no demo",
    )
    parser.add_argument(
        "--access",
        type=int,
        nargs="?",
        const=5,
        metavar="N",
        help="order to HTTP 200 against `kubectl apply` of the same, N times (5); needs a demo with KUBECONFIG",
    )
    parser.add_argument(
        "--api",
        type=int,
        nargs="?",
        const=10_000,
        metavar="N",
        help="the JSON API on gunicorn over N customers (10000), 16 requests at once; needs no demo",
    )
    parser.add_argument(
        "--pages",
        type=int,
        nargs="?",
        const=10_000,
        metavar="N",
        help="the administration's pages over N customers (10000), and in chromium; needs no demo",
    )
    parser.add_argument("--orders", type=int, default=5, metavar="N", help="orders from click to RUNNING (5)")
    parser.add_argument("--state", type=Path, default=DIRECTORY, help="directory of the running demo's data")
    asked = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} (1 min) when this began\n")
    try:
        if asked.start:
            starts.measure()
            return 0
        if asked.observe:
            observing.measure(asked.observe)
            return 0
        if asked.money:
            money.measure(asked.money)
            return 0
        if asked.provisioning:
            provisioning.measure(asked.provisioning)
            return 0
        if asked.api:
            api.measure(asked.api)
            return 0
        if asked.pages:
            pages.measure(asked.pages)
            return 0
        if asked.access:
            access.measure(Surroundings.look_around(directory=asked.state), asked.access)
            return 0
        memory.measure(asked.state)
        if asked.orders > 0:
            orders.measure(Surroundings.look_around(directory=asked.state), asked.orders)
    except StoryStopped as reason:
        print(f"Cannot measure: {reason}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
