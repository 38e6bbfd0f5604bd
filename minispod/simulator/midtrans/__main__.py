"""`python -m minispod.simulator.midtrans`: run the simulator as a process of its own."""

import argparse
import logging
import socket
import sys
import threading
from dataclasses import fields, replace

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from minispod.simulator.lifeline import die_with_parent, stop_on_signals, write_ready_file
from minispod.simulator.midtrans.app import create_app
from minispod.simulator.midtrans.config import Config, Refused, config_from
from minispod.simulator.midtrans.simulation import Simulation, build


class _Quiet(WSGIRequestHandler):
    """Tokens are part of addresses: they are not logged."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


def _arguments(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="midsim", description="Local stand-in for Midtrans. No real money.")
    parser.add_argument("--ready-file", help="written when it listens: JSON with url and admin_token")
    for item in fields(Config):
        parser.add_argument(f"--{item.name.replace('_', '-')}", dest=item.name, help=f"overrides {item.name}")
    return parser.parse_args(given)


def main(given: list[str] | None = None) -> int:
    """Serve until SIGTERM, SIGINT or the end of the parent."""
    arguments = vars(_arguments(given))
    ready_file = arguments.pop("ready_file")
    try:
        config = config_from(**arguments)
    except Refused as refusal:
        print(f"midsim: {refusal}", file=sys.stderr)
        return 2
    die_with_parent()
    stopped = stop_on_signals()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    try:
        config, server, sim = _listening(config)
    except OSError as error:
        print(f"midsim: cannot listen on {config.host}:{config.port}: {error.strerror}", file=sys.stderr)
        return 2
    sim.start()
    thread = threading.Thread(target=server.serve_forever, name="midsim-http", daemon=True)
    thread.start()
    url = f"http://{config.host}:{config.port}"
    write_ready_file(ready_file, {"url": url, "admin_token": config.admin_token})
    print(f"midsim: listening on {url} (simulation, no real money)", flush=True)
    stopped.wait()
    sim.stop()
    server.shutdown()
    sim.store.close()
    return 0


def _listening(config: Config) -> tuple[Config, BaseWSGIServer, Simulation]:
    """Bind first: with port 0 the application must know the port it really got."""
    with_socket = socket.create_server((config.host, config.port), backlog=128)
    config = replace(config, port=with_socket.getsockname()[1])
    sim = build(config)
    app = create_app(config, sim)
    server = make_server(
        config.host, config.port, app, threaded=True, request_handler=_Quiet, fd=with_socket.fileno()
    )
    with_socket.close()  # the server has its own copy
    return config, server, sim


if __name__ == "__main__":
    sys.exit(main())
