"""Start a simulated Kubernetes cluster: `python -m minispod.simulator.kubernetes`.

    --port N            the API, HTTPS on 127.0.0.1 (0: any free port)
    --ingress-port N    HTTP front that answers the hosts of all ingresses
    --levers-port N     levers, plain HTTP under /sim
    --kubeconfig PATH   written at the start: address, authority and bearer token
    --ready-file PATH   written once everything answers: {"api", "ingress", "levers", "kubeconfig", "lever_token"}
    --state PATH        keep the cluster (and its identity) in this file over restarts
    --plant PATH        objects (YAML) that are made at the start where they are not there
    --speed FLOAT       simulated seconds per real second, 1 by default; tests use 20
    --lever-token T     the word for the levers; a random one by default, told in the ready file

The process ends on SIGTERM or SIGINT, and when its parent ends. Pull a lever:

    curl -X POST -H "Authorization: Bearer $TOKEN" $LEVERS/node -d '{"node": "worker-1", "power": "off"}'

`GET /sim` lists the levers, the dials (durations) and the present weather; each lever says its body in `levers.py`.
"""

import argparse
import secrets
import sys
from pathlib import Path

import orjson
import yaml

from minispod.simulator.kubernetes.certificates import tls_context, write_kubeconfig, write_private
from minispod.simulator.kubernetes.cluster import Cluster
from minispod.simulator.kubernetes.ingress_front import Front
from minispod.simulator.kubernetes.levers import Levers
from minispod.simulator.kubernetes.persistence import Keeper, load
from minispod.simulator.kubernetes.process import die_with_parent, wait_for_end
from minispod.simulator.kubernetes.reactor import FASTEST, SLOWEST
from minispod.simulator.kubernetes.wire.api import Api
from minispod.simulator.kubernetes.wire.server import Server


def arguments(words: list[str]) -> argparse.Namespace:
    """The command line, checked."""
    parser = argparse.ArgumentParser(
        prog="python -m minispod.simulator.kubernetes",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--ingress-port", type=int, default=0)
    parser.add_argument("--levers-port", type=int, default=0)
    parser.add_argument("--kubeconfig", type=Path, required=True)
    parser.add_argument("--ready-file", type=Path)
    parser.add_argument("--state", type=Path)
    parser.add_argument("--plant", type=Path)
    parser.add_argument("--speed", type=_speed, default=1.0)
    parser.add_argument("--lever-token", default="")
    return parser.parse_args(words)


def _speed(text: str) -> float:
    speed = float(text)
    if not SLOWEST <= speed <= FASTEST:
        raise argparse.ArgumentTypeError(f"must be between {SLOWEST} and {FASTEST}")
    return speed


def main(words: list[str]) -> int:
    """Run until asked to end."""
    options = arguments(words)
    die_with_parent()
    identity, saved = load(options.state)
    cluster = Cluster(speed=options.speed, root_certificate=identity.authority)
    token = options.lever_token or secrets.token_urlsafe(18)
    api_app = Api(cluster, identity.token)
    try:
        api = Server(options.port, api_app, tls_context(identity))
        front = Server(options.ingress_port, Front(cluster))
        levers = Server(options.levers_port, Levers(cluster, token))
    except OSError as fault:
        print(f"cannot listen: {fault}", file=sys.stderr)
        return 1
    api_app.address = f"127.0.0.1:{api.port}"
    keeper = Keeper(options.state, cluster, identity) if options.state else None
    cluster.start(saved)
    if options.plant:
        cluster.plant(yaml.safe_load_all(options.plant.read_text(encoding="utf-8")))
    for server in (api, front, levers):
        server.start()
    if keeper:
        keeper.start()
    address = f"https://127.0.0.1:{api.port}"
    write_kubeconfig(options.kubeconfig, identity, address)
    if options.ready_file:
        ready = {
            "api": address,
            "ingress": f"http://127.0.0.1:{front.port}",
            "levers": f"http://127.0.0.1:{levers.port}/sim",
            "kubeconfig": str(options.kubeconfig),
            "lever_token": token,
        }
        write_private(options.ready_file, orjson.dumps(ready))
    wait_for_end()
    cluster.stop()
    if keeper:
        keeper.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
