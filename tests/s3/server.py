"""Run moto's S3 until the process is ended; its address goes into the file named on the command line.

Runs in .venv-s3: moto's requirements do not go together with ours.
"""

import json
import signal
import sys
from pathlib import Path

from moto.server import ThreadedMotoServer


def main(ready: Path) -> None:
    """Serve on a free port of the loopback interface."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    draft = ready.with_suffix(".draft")
    draft.write_text(json.dumps({"url": f"http://{host}:{port}"}))
    draft.rename(ready)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    server.stop()


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    main(Path(sys.argv[1]))
