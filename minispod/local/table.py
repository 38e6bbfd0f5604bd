"""The demo's table: every process it consists of, with its command line, its environment and what it waits for.

Only a description; the supervisor carries it out. Ports are fixed before anything starts, so that all may start at
once and find each other.
"""

import http.client
import os
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from minispod.local import places
from minispod.local.postgres import plan_postgres
from minispod.local.processes import Program
from minispod.local.redis import plan_redis
from minispod.local.servers import ServerPlan
from minispod.local.state import DemoState
from minispod.local.supervisor import Part
from minispod.local.wishes import Wishes

ROOT = Path(__file__).resolve().parents[2]
_WEB_THREADS = "32"
WEBHOOK_PATH = "/api/v1/wallet/webhook/midtrans"
# Wherever on this machine a front end is started, it may call us.
FRONT_ENDS = "http://localhost:*,http://127.0.0.1:*,http://[::1]:*"
# Where the payment window may open; browsers take no IPv6 address here.
PAYMENT_WINDOWS = "http://localhost:* http://127.0.0.1:*"
# The stand-in's own default.
GOOGLE_CLIENT_ID = "minispod-demo.apps.googleusercontent.com"
# What the commands for new workers name in the demo: an address for documentation (RFC 5737), so that nobody is called.
JOIN_ADDRESS = "https://192.0.2.10:6443"
# Remembered once taken: addresses of instances and payment pages are stored.
FIRST_CHOICES = {
    "ingress": 8480,
    "midtrans": 8481,
    "mailbox": 8482,
    "smtp": 8425,
    "names": 8453,
    "google": 8483,
    "kubernetes": 8443,
    "levers": 8444,
}


@dataclass(frozen=True, slots=True)
class Table:
    """What to run, and where it will listen."""

    parts: tuple[Part, ...]
    endpoints: Mapping[str, str]
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Ground:
    """What all rows are made from."""

    wishes: Wishes
    state: DemoState
    secrets: Mapping[str, str]
    ports: Mapping[str, int]
    servers: tuple[ServerPlan, ...]
    database_url: str
    redis_url: str

    @property
    def kubeconfig(self) -> Path:
        cluster = self.wishes.cluster
        return cluster.kubeconfig if cluster else self.state.directory / "kubeconfig"

    @property
    def ingress(self) -> str:
        if self.wishes.cluster is None:
            return f"{places.LOOPBACK}:{self.ports['ingress']}"
        return self.wishes.ingress_address or ""

    def url(self, name: str) -> str:
        return f"http://{places.LOOPBACK}:{self.ports[name]}"


def lay_out(wishes: Wishes, state: DemoState) -> Table:
    """Decide ports and secrets, prepare the embedded servers, describe every process."""
    ports: dict[str, int] = {}
    for name, choice in FIRST_CHOICES.items():
        ports[name] = state.port(name, first_choice=choice, avoid={wishes.port, *ports.values()})
    taken = {wishes.port, *ports.values()}
    postgres = redis = None
    if not wishes.database_url:
        postgres = plan_postgres(state.directory / "postgres", durable=True, avoid=taken)
    if not wishes.redis_url:
        redis = plan_redis(state.directory / "redis", durable=True, avoid=taken)
    ground = _Ground(
        wishes=wishes,
        state=state,
        secrets=state.secrets(),
        ports=ports,
        servers=tuple(plan for plan in (postgres, redis) if plan is not None),
        database_url=wishes.database_url or (postgres.url if postgres else ""),
        redis_url=wishes.redis_url or (redis.url if redis else ""),
    )
    parts = (*_servers(ground), *_simulators(ground), *_program(ground), *_residents(ground))
    remarks = tuple(remark for plan in ground.servers for remark in plan.remarks)
    return Table(parts, _endpoints(ground), remarks)


def _servers(ground: _Ground) -> list[Part]:
    return [Part(plan.name.lower(), plan.program, plan.answers, quiet=True) for plan in ground.servers]


def _simulators(ground: _Ground) -> list[Part]:
    ports, directory = ground.ports, ground.state.directory
    rows = [
        _simulator(ground, "midtrans", ports["midtrans"], (), _midtrans_environment(ground)),
        _simulator(
            ground,
            "mailbox",
            ports["mailbox"],
            ("--smtp-port", ports["smtp"], "--http-port", ports["mailbox"], "--store", directory / "mail"),
        ),
        _simulator(
            ground,
            "names",
            ports["names"],
            ("--port", ports["names"], "--zone", _zone(ground), "--wildcard", ground.wishes.base_domain),
        ),
    ]
    rows.append(_simulator(ground, "google", ports["google"], ("--port", ports["google"])))
    if ground.wishes.cluster is None:
        listen = (
            "--port",
            ports["kubernetes"],
            "--ingress-port",
            ports["ingress"],
            "--levers-port",
            ports["levers"],
        )
        files = (
            *("--kubeconfig", ground.kubeconfig, "--state", directory / "cluster.state"),
            *("--plant", ROOT / "deploy" / "join-tokens.yaml"),
        )
        rows.append(_simulator(ground, "kubernetes", ports["kubernetes"], (*listen, *files, "--speed", 1)))
    return rows


def _zone(ground: _Ground) -> Path:
    """What the demo takes for the DNS of the world; a person may edit it."""
    return ground.state.directory / "dns.zone"


def _simulator(
    ground: _Ground,
    name: str,
    port: int,
    arguments: tuple[object, ...],
    more: Mapping[str, str] | None = None,
) -> Part:
    ready_file = ground.state.directory / f"{name}.json"
    argv = _python("-m", f"minispod.simulator.{name}", *arguments, "--ready-file", ready_file)
    return Part(name, Program(argv, _bare_environment() | dict(more or {}), ROOT), lambda: _accepts(port))


def _program(ground: _Ground) -> list[Part]:
    """Our own processes: schema, seed, then web, worker and scheduler at once."""
    environment = _environment(ground)
    port = ground.wishes.port
    grounds = tuple(plan.name.lower() for plan in ground.servers)
    gunicorn = [
        "-m",
        "gunicorn",
        "--no-control-socket",
        "-k",
        "gthread",
        "-w",
        "1",
        "--threads",
        _WEB_THREADS,
    ]
    gunicorn += ["--graceful-timeout", "3", *_bound_to(port), "wsgi:app"]
    simulators = (
        "midtrans",
        "mailbox",
        "names",
        "google",
        *(() if ground.wishes.cluster else ("kubernetes",)),
    )

    def row(name: str, *argv: str, after: tuple[str, ...], once: bool = False, **more: str) -> Part:
        ready = _answers_ok(port, "/readyz") if name == "web" else _always
        return Part(name, Program(_python(*argv), environment | more, ROOT), ready, after, once)

    return [
        row("migrate", "-m", "flask", "--app", "wsgi", "db", "upgrade", after=grounds, once=True),
        row("seed", "-m", "flask", "--app", "wsgi", "seed-demo", after=("migrate",), once=True),
        # It may have an account of its own on a real cluster, with fewer rights than the workers' (deploy/).
        row(
            "web",
            *gunicorn,
            after=("seed", *simulators),
            SERVE_REALTIME="true",
            WEB_THREADS=_WEB_THREADS,
            KUBECONFIG=environment.get("WEB_KUBECONFIG") or environment["KUBECONFIG"],
        ),
        # Several, so that a letter or a payment never waits behind an instance that starts slowly.
        row(
            "worker",
            "-m",
            "minispod.worker",
            "worker",
            "money",
            "mail",
            "sweeps",
            after=("seed", *simulators),
        ),
        row("provisioner", "-m", "minispod.worker", "worker", "provisioning", after=("seed", *simulators)),
        row("porter", "-m", "minispod.worker", "worker", "data", after=("seed", *simulators)),
        row("scheduler", "-m", "minispod.worker", "scheduler", after=("seed", *simulators)),
    ]


def _residents(ground: _Ground) -> list[Part]:
    """Customers who have bought something; on a real cluster nothing runs that nobody asked for."""
    if ground.wishes.cluster is not None:
        return []
    address = f"http://{places.LOOPBACK}:{ground.wishes.port}"
    argv = _python("-m", "minispod.local.residents", address)
    return [
        Part("residents", Program(argv, _bare_environment(), ROOT), after=("web",), once=True, aside=True)
    ]


def _bound_to(port: int) -> list[str]:
    """Both loopback addresses: a front end's Node.js may look for `localhost` on one of them alone."""
    bound = ["-b", f"{places.LOOPBACK}:{port}"]
    if places.has_ipv6() and places.is_free(port, places.LOOPBACK_6):
        bound += ["-b", f"[{places.LOOPBACK_6}]:{port}"]
    return bound


def _environment(ground: _Ground) -> dict[str, str]:
    """The person's own environment with the demo's facts on top."""
    secrets = {name: value for name, value in ground.secrets.items() if name != "LEVER_TOKEN"}
    environment = _bare_environment() | secrets
    environment |= {
        "MINISPOD_ENV": "development",
        "PORT": str(ground.wishes.port),
        "CORS_ORIGINS": environment.get("CORS_ORIGINS") or FRONT_ENDS,
        "BASE_DOMAIN": ground.wishes.base_domain,
        "DATABASE_URL": ground.database_url,
        "REDIS_URL": ground.redis_url,
        "MIDTRANS_IS_PRODUCTION": "false",
        "MIDTRANS_SNAP_BASE_URL": ground.url("midtrans"),
        "MIDTRANS_CORE_BASE_URL": ground.url("midtrans"),
        "SMTP_HOST": places.LOOPBACK,
        "SMTP_PORT": str(ground.ports["smtp"]),
        "SMTP_USER": "",
        "SMTP_STARTTLS": "false",
        "KUBECONFIG": str(ground.kubeconfig),
        "FILES_DIRECTORY": str(ground.state.directory / "files"),
        "FILES_S3_BUCKET": "",
        "PUBLIC_SCHEME": "http",
        "INGRESS_TLS": "false",
        **_google(ground),
        "DNS_NAMESERVERS": f"{places.LOOPBACK}:{ground.ports['names']}",
        "LOG_JSON": "false",
    }
    if ground.wishes.cluster is None:
        environment.setdefault("K3S_SERVER_URL", JOIN_ADDRESS)
    _, _, ingress_port = ground.ingress.partition(":")
    if ingress_port:
        environment["PUBLIC_PORT"] = ingress_port
    else:
        environment.pop("PUBLIC_PORT", None)
    return environment


def _google(ground: _Ground) -> dict[str, str]:
    """Whoever brings a client id of their own signs in with Google itself; otherwise the stand-in answers."""
    if os.environ.get("GOOGLE_CLIENT_ID"):
        return {}
    return {
        "GOOGLE_CLIENT_ID": GOOGLE_CLIENT_ID,
        "GOOGLE_KEYS_URL": ground.url("google") + "/oauth2/v3/certs",
    }


def _midtrans_environment(ground: _Ground) -> dict[str, str]:
    """In the environment rather than on the command line, which is public."""
    web = f"http://{places.LOOPBACK}:{ground.wishes.port}"
    return {
        "MIDSIM_PORT": str(ground.ports["midtrans"]),
        "MIDSIM_DB": str(ground.state.directory / "midtrans.sqlite"),
        "MIDSIM_SERVER_KEY": ground.secrets["MIDTRANS_SERVER_KEY"],
        "MIDSIM_CLIENT_KEY": ground.secrets["MIDTRANS_CLIENT_KEY"],
        "MIDSIM_MERCHANT_ID": ground.secrets["MIDTRANS_MERCHANT_ID"],
        "MIDSIM_ADMIN_TOKEN": ground.secrets["LEVER_TOKEN"],
        "MIDSIM_NOTIFICATION_URL": web + WEBHOOK_PATH,
        "MIDSIM_FINISH_URL": web + "/",
        "MIDSIM_APP_ORIGIN": PAYMENT_WINDOWS,
    }


def _bare_environment() -> dict[str, str]:
    # A proxy for the world must not be asked for this machine.
    direct = ",".join(filter(None, (os.environ.get("NO_PROXY"), places.LOOPBACK, "localhost")))
    facts = {
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "TZ": "UTC",
        "NO_PROXY": direct,
        "no_proxy": direct,
    }
    return os.environ | facts


def _endpoints(ground: _Ground) -> dict[str, str]:
    web = f"http://localhost:{ground.wishes.port}"
    cluster = ground.wishes.cluster
    return {
        "web": web,
        "admin": f"{web}/admin",
        "kubeconfig": str(ground.kubeconfig),
        "kubernetes": cluster.url if cluster else f"https://{places.LOOPBACK}:{ground.ports['kubernetes']}",
        "midtrans": ground.url("midtrans"),
        "mailbox": ground.url("mailbox"),
        "google": ground.url("google"),
        "ingress": f"http://{ground.ingress}" if ground.ingress else "",
        "zone": str(_zone(ground)),
        "database_url": ground.database_url,
        "redis_url": ground.redis_url,
    }


def _python(*arguments: object) -> tuple[str, ...]:
    return (sys.executable, *map(str, arguments))


def _always() -> bool:
    return True


def _accepts(port: int) -> bool:
    try:
        socket.create_connection((places.LOOPBACK, port), timeout=1).close()
    except OSError:
        return False
    return True


def _answers_ok(port: int, path: str) -> Callable[[], bool]:
    """Whether a GET is answered with 200."""

    def ask() -> bool:
        connection = http.client.HTTPConnection(places.LOOPBACK, port, timeout=3)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    return ask
