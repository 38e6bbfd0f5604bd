"""`python -m minispod.simulator.google`: run the stand-in as a process of its own."""

import argparse
import logging
import secrets
import socket
import sys
import threading

from werkzeug.serving import make_server

from minispod.simulator.google.signing import Signer
from minispod.simulator.google.web import KEYS_PATH, create_app
from minispod.simulator.lifeline import die_with_parent, stop_on_signals, write_ready_file

CLIENT_ID = "minispod-demo.apps.googleusercontent.com"


def _arguments(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="google", description="A stand-in for Google's sign-in.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9027)
    parser.add_argument("--client-id", default=CLIENT_ID, help="whom the tokens are for")
    parser.add_argument("--ready-file", help="written when it listens: JSON with addresses and lever_token")
    return parser.parse_args(given)


def main(given: list[str] | None = None) -> int:
    """Serve until SIGTERM, SIGINT or the end of the parent."""
    wanted = _arguments(given)
    die_with_parent()
    stopped = stop_on_signals()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    lever_token = secrets.token_urlsafe(24)
    app = create_app(Signer(wanted.client_id), lever_token)
    try:
        listening = socket.create_server((wanted.host, wanted.port), backlog=128)
    except OSError as error:
        print(
            f"google: cannot listen on port {wanted.port} of {wanted.host}: {error.strerror}", file=sys.stderr
        )
        return 2
    http = make_server(wanted.host, 0, app, threaded=True, fd=listening.fileno())
    listening.close()  # the server has its own copy
    threading.Thread(target=http.serve_forever, name="google-http", daemon=True).start()
    url = f"http://{wanted.host}:{http.port}"
    facts = {
        "url": url,
        "keys_url": url + KEYS_PATH,
        "client_id": wanted.client_id,
        "lever_token": lever_token,
    }
    write_ready_file(wanted.ready_file, facts)
    print(f"google: listening on {url} (a stand-in, not Google)", flush=True)
    stopped.wait()
    http.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
