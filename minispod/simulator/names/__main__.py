"""`python -m minispod.simulator.names`: run the name server as a process of its own."""

import argparse
import sys
from pathlib import Path

from minispod.simulator.lifeline import die_with_parent, stop_on_signals, write_ready_file
from minispod.simulator.names.server import NameServer


def main(given: list[str] | None = None) -> int:
    """Serve until SIGTERM, SIGINT or the end of the parent."""
    parser = argparse.ArgumentParser(prog="names", description="A name server that answers from a zone file.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8453)
    parser.add_argument("--zone", required=True, type=Path, help="the zone file; made when it is missing")
    parser.add_argument(
        "--wildcard", help="a domain below which everything leads to this machine, for a new file"
    )
    parser.add_argument("--ready-file", help="written when it listens: JSON with its address")
    wanted = parser.parse_args(given)
    die_with_parent()
    stopped = stop_on_signals()
    if not wanted.zone.exists():
        wanted.zone.write_text(_first_zone(wanted.wildcard), encoding="utf-8")
    try:
        server = NameServer(wanted.zone, wanted.host, wanted.port)
    except OSError as error:
        print(
            f"names: cannot listen on port {wanted.port} of {wanted.host}: {error.strerror}", file=sys.stderr
        )
        return 2
    server.start()
    write_ready_file(wanted.ready_file, {"address": server.address})
    print(f"names: DNS on {server.address} from {wanted.zone}", flush=True)
    stopped.wait()
    server.stop()
    return 0


def _first_zone(wildcard: str | None) -> str:
    lines = [
        "; What the demo takes for the DNS of the world. Add records as at a DNS provider, for example:",
        ";   shop.toko.localhost.            CNAME  <the instance's host>.",
        ';   _minispod.shop.toko.localhost.  TXT    "<the token>"',
        "; Browsers look for names that end in .localhost on this machine. Changes of this file count at once.",
    ]
    if wildcard:
        lines.append(f"*.{wildcard}. A 127.0.0.1")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
