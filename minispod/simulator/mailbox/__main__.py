"""`python -m minispod.simulator.mailbox`: run the mailbox as a process of its own."""

import argparse
import logging
import secrets
import socket
import sys
import threading
from pathlib import Path

from werkzeug.serving import WSGIRequestHandler, make_server

from minispod.simulator.lifeline import die_with_parent, stop_on_signals, write_ready_file
from minispod.simulator.mailbox.drawer import Drawer
from minispod.simulator.mailbox.levers import Levers
from minispod.simulator.mailbox.smtp import SmtpSide
from minispod.simulator.mailbox.web import create_app

DEFAULT_LIMIT = 1000


class _Quiet(WSGIRequestHandler):
    """One line per page view helps nobody."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


def _arguments(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="mailbox", description="An SMTP server that keeps every mail.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--smtp-port", type=int, default=9025)
    parser.add_argument("--http-port", type=int, default=9026)
    parser.add_argument("--store", required=True, type=Path, help="folder for the mails")
    parser.add_argument("--limit", type=int, default=DEFAULT_LIMIT, help="how many mails are kept")
    parser.add_argument("--lever-token", default=None, help="made up when left out")
    parser.add_argument("--ready-file", help="written when it listens: JSON with smtp, http and lever_token")
    return parser.parse_args(given)


def main(given: list[str] | None = None) -> int:
    """Serve until SIGTERM, SIGINT or the end of the parent."""
    wanted = _arguments(given)
    if wanted.limit < 1:
        print("mailbox: --limit must be at least 1", file=sys.stderr)
        return 2
    die_with_parent()
    stopped = stop_on_signals()
    for name in ("werkzeug", "mail.log"):
        logging.getLogger(name).setLevel(logging.ERROR)
    lever_token = wanted.lever_token or secrets.token_urlsafe(24)
    drawer, levers = Drawer(wanted.store, wanted.limit), Levers()
    app = create_app(drawer, levers, lever_token)
    try:
        smtp = SmtpSide(wanted.host, wanted.smtp_port, drawer, levers)
        listening = socket.create_server((wanted.host, wanted.http_port), backlog=128)
    except OSError as error:
        ports = f"{wanted.smtp_port} and {wanted.http_port}"
        print(f"mailbox: cannot listen on ports {ports} of {wanted.host}: {error.strerror}", file=sys.stderr)
        return 2
    http = make_server(wanted.host, 0, app, threaded=True, request_handler=_Quiet, fd=listening.fileno())
    listening.close()  # the server has its own copy
    smtp.start()
    threading.Thread(target=http.serve_forever, name="mailbox-http", daemon=True).start()
    url = f"http://{wanted.host}:{http.port}"
    write_ready_file(wanted.ready_file, {"smtp": smtp.address, "http": url, "lever_token": lever_token})
    print(f"mailbox: SMTP on {smtp.address}, page on {url}", flush=True)
    stopped.wait()
    smtp.stop()
    http.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
