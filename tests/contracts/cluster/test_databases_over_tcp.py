"""Databases from outside and inside: the right port, TLS, and nobody else's door.

The simulator runs no database: there the objects are what is looked at. On the real cluster real clients connect.
"""

import contextlib
import secrets
import socket
import ssl
from dataclasses import replace

import psycopg2
import pytest
import redis

from minispod.cluster.port import PortTaken
from minispod.instances.manifests import instance_manifests, namespace_manifests, spec_hash
from minispod.instances.naming import inside_host
from minispod.instances.provisioning import OutcomeKind, WorkOrder, carry_out
from minispod.instances.states import Wanted
from minispod.integrations.kubernetes import paths
from minispod.integrations.kubernetes.client import ApiSaidNo
from tests.contracts.cluster.conftest import exposure
from tests.contracts.cluster.test_life_of_an_instance import exists, ready, stopped

DATABASES = ["postgresql", "mariadb", "redis"]
TLS_PORTS = {"postgresql": 5432, "mariadb": 3306, "redis": 6380}
CLIENT_SECONDS = 10
# Network policies reach the nodes a moment after a new pod does.
WALLS_SECONDS = 5


def exposed(customer, slug):
    """A running database with a port of its own outside."""
    spec = customer.spec(slug)
    while True:
        port = 30000 + secrets.randbelow(2768)
        spec = replace(spec, exposure=exposure(spec.name, spec.host, spec.namespace, port))
        try:
            customer.apply(spec)
        except PortTaken:
            continue
        ready(customer.target, spec)
        opened(customer.target, spec)
        return spec


def opened(target, spec):
    """The nodes learn of a pod that is ready a moment later."""
    if target.simulator is None:
        target.eventually(lambda: accepts(target, spec))


def accepts(target, spec):
    try:
        socket.create_connection((node_address(target), spec.exposure.port), CLIENT_SECONDS).close()
    except OSError:
        return False
    return True


def node_address(target):
    return target.cluster.nodes()[0].addresses[0]


def postgres(target, spec, *, password=None, **how):
    """A session of psycopg2 through the port of a node."""
    return psycopg2.connect(
        host=spec.host,
        hostaddr=node_address(target),
        port=spec.exposure.port,
        dbname="myapp",
        user="admin",
        password=password or spec.secrets["POSTGRES_PASSWORD"],
        connect_timeout=CLIENT_SECONDS,
        **how,
    )


def written(folder, text):
    path = folder / f"{secrets.token_hex(4)}.crt"
    path.write_text(text)
    return str(path)


def run_client(target, namespace, script, *, image, environment=None, spec=None):
    """Run a shell script in a pod of its own; its output when it ended well, else None and what it said."""
    name = f"client-{secrets.token_hex(4)}"
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "containers": [
                {
                    "name": "client",
                    "image": image,
                    "command": ["sh", "-c", f"sleep {WALLS_SECONDS}; {script}"],
                    "env": [{"name": key, "value": value} for key, value in (environment or {}).items()],
                }
            ],
        },
    }
    if spec is not None:
        pod["spec"]["hostAliases"] = [{"ip": node_address(target), "hostnames": [spec.host]}]
    address = paths.POD.one(namespace, name)
    target.bare.apply(address, pod, "tests")

    def over():
        phase = target.bare.get(address)["status"].get("phase")
        return phase if phase in ("Succeeded", "Failed") else None

    phase = target.eventually(over)
    said = target.bare.text(f"{address}/log", container="client")
    target.bare.delete(address)
    return phase == "Succeeded", said


@pytest.fixture
def open_namespace(target):
    """A namespace without walls: who is there stands for anybody in the cluster."""
    name = f"anybody-{secrets.token_hex(4)}"
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    target.bare.apply(paths.NAMESPACE.one(None, name), body, "tests")
    yield name
    target.cluster.delete_namespace(name)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("slug", DATABASES)
def test_one_port_of_the_nodes_leads_to_it_and_goes_with_it(target, customer, slug):
    spec = exposed(customer, slug)

    service = exists(target, paths.NETWORK_SERVICE, spec, spec.names.public_entry)
    [port] = service["spec"]["ports"]
    assert (service["spec"]["type"], port["port"], port["nodePort"]) == (
        "NodePort",
        TLS_PORTS[slug],
        spec.exposure.port,
    )
    inside = exists(target, paths.NETWORK_SERVICE, spec, spec.names.network_service)
    assert inside["spec"]["type"] == "ClusterIP"

    target.eventually(
        lambda: target.cluster.delete_instance(spec.namespace, str(spec.instance_id), with_volume=True)
    )
    assert exists(target, paths.NETWORK_SERVICE, spec, spec.names.public_entry) is None
    assert exists(target, paths.SECRET, spec, spec.names.certificate) is None


@pytest.mark.timeout(400)
def test_closing_it_takes_the_port_away_and_nothing_else(target, customer):
    spec = exposed(customer, "postgresql")
    closed = replace(spec, exposure=replace(spec.exposure, port=None))
    order = WorkOrder(
        spec.instance_id,
        1,
        Wanted.RUNNING,
        spec.namespace,
        spec.name,
        _objects(customer, closed),
        spec_hash(closed),
        closes=True,
    )

    assert carry_out(order, target.cluster, patience=target.seconds).kind is OutcomeKind.DONE

    assert exists(target, paths.NETWORK_SERVICE, spec, spec.names.public_entry) is None
    assert exists(target, paths.NETWORK_SERVICE, spec, spec.names.network_service)
    assert exists(target, paths.SECRET, spec, spec.names.certificate)
    if target.simulator is None:
        target.eventually(lambda: not accepts(target, spec))


def test_a_port_that_something_else_holds_is_told_apart(target, customer, open_namespace):
    port = 30000 + secrets.randbelow(2768)
    spec = customer.spec("redis")
    spec = replace(spec, exposure=exposure(spec.name, spec.host, spec.namespace, port))
    held = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "somebody-else", "namespace": open_namespace},
        "spec": {"type": "NodePort", "ports": [{"port": 1, "nodePort": port, "protocol": "TCP"}]},
    }
    with contextlib.suppress(ApiSaidNo):  # a neighbour of this test has it: as good
        target.bare.apply(paths.NETWORK_SERVICE.one(open_namespace, "somebody-else"), held, "tests")

    with pytest.raises(PortTaken):
        customer.apply(spec)
    order = WorkOrder(
        spec.instance_id,
        1,
        Wanted.RUNNING,
        spec.namespace,
        spec.name,
        _objects(customer, spec),
        spec_hash(spec),
    )
    assert carry_out(order, target.cluster, patience=0).kind is OutcomeKind.PORT_TAKEN


def _objects(customer, spec):
    return [*namespace_manifests(customer.walls()), *instance_manifests(spec)]


@pytest.mark.timeout(400)
def test_postgresql_is_reached_with_tls_only_and_keeps_what_was_written(target, customer, tmp_path):
    spec = exposed(customer, "postgresql")
    if target.simulator is not None:
        return
    trusted = written(tmp_path, spec.exposure.authority)
    strict = {"sslmode": "verify-full", "sslrootcert": trusted}

    with postgres(target, spec, sslmode="require") as session, session.cursor() as cursor:
        cursor.execute("CREATE TABLE notes (text text)")
        cursor.execute("INSERT INTO notes VALUES ('kept')")
        cursor.execute("SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        assert cursor.fetchone()[0] is True
    with postgres(target, spec, **strict) as session, session.cursor() as cursor:
        cursor.execute("SELECT text FROM notes")
        assert cursor.fetchall() == [("kept",)]

    with pytest.raises(psycopg2.OperationalError, match="no encryption"):
        postgres(target, spec, sslmode="disable")
    stranger = written(tmp_path, exposure("x", "x.localhost", "x").authority)
    with pytest.raises(psycopg2.OperationalError, match="certificate verify failed"):
        postgres(target, spec, sslmode="verify-full", sslrootcert=stranger)
    other = replace(spec, host="somebody.else.localhost")
    with pytest.raises(psycopg2.OperationalError, match="does not match host name"):
        postgres(target, other, **strict)
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        postgres(target, spec, password="wrong", **strict)

    target.cluster.scale(spec.namespace, spec.name, 0)
    stopped(target, spec)
    with pytest.raises(psycopg2.OperationalError):
        postgres(target, spec, **strict)
    customer.apply(spec)
    ready(target, spec)
    opened(target, spec)
    with postgres(target, spec, **strict) as session, session.cursor() as cursor:
        cursor.execute("SELECT text FROM notes")
        assert cursor.fetchall() == [("kept",)]

    renewed = replace(spec, exposure=exposure(spec.name, spec.host, spec.namespace, spec.exposure.port))
    before = target.cluster.see(spec.namespace, spec.name).pod_name
    customer.apply(renewed)
    target.eventually(lambda: target.cluster.see(spec.namespace, spec.name).pod_name != before)
    ready(target, renewed)
    opened(target, renewed)
    new = {"sslmode": "verify-full", "sslrootcert": written(tmp_path, renewed.exposure.authority)}
    with postgres(target, renewed, **new) as session, session.cursor() as cursor:
        cursor.execute("SELECT text FROM notes")
        assert cursor.fetchall() == [("kept",)]


@pytest.mark.timeout(400)
def test_redis_is_reached_with_tls_outside_and_without_inside(target, customer, open_namespace, tmp_path):
    spec = exposed(customer, "redis")
    if target.simulator is not None:
        return
    where = {
        "host": node_address(target),
        "port": spec.exposure.port,
        "password": spec.secrets["REDIS_PASSWORD"],
        "socket_timeout": CLIENT_SECONDS,
    }
    # redis-py checks the name under which it connects; here that is the address of a node.
    with redis.Redis(
        **where,
        ssl=True,
        ssl_ca_certs=written(tmp_path, spec.exposure.authority),
        ssl_check_hostname=False,
    ) as client:
        client.set("note", "kept")
        assert client.get("note") == b"kept"
    tls_name_is_checked(where["host"], where["port"], spec)

    with pytest.raises(redis.ConnectionError), redis.Redis(**where) as client:
        client.ping()
    stranger = written(tmp_path, exposure("x", "x.localhost", "x").authority)
    with pytest.raises(redis.ConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
        redis.Redis(**where, ssl=True, ssl_ca_certs=stranger, ssl_check_hostname=False).ping()

    host = inside_host(spec.name, spec.namespace)
    password = {"REDISCLI_AUTH": spec.secrets["REDIS_PASSWORD"]}
    ask = f"timeout {CLIENT_SECONDS} redis-cli -h"
    own = run_client(
        target, spec.namespace, f"{ask} {host} get note", image="redis:7.4.11-alpine", environment=password
    )
    assert own == (True, "kept\n")
    # The port for inside is closed to everybody else, the one with TLS is not.
    [pod] = target.bare.items(
        paths.POD.within(spec.namespace), labelSelector=f"minispod.com/instance={spec.instance_id}"
    )
    address = pod["status"]["podIP"]
    plain = run_client(
        target,
        open_namespace,
        f"{ask} {address} -p 6379 ping",
        image="redis:7.4.11-alpine",
        environment=password,
    )
    assert plain[0] is False
    with_tls = f"{ask} {address} -p 6380 --tls --insecure ping"
    assert run_client(
        target, open_namespace, with_tls, image="redis:7.4.11-alpine", environment=password
    ) == (True, "PONG\n")


def tls_name_is_checked(address, port, spec):
    """The certificate is for the public host and the inside name, and for no other."""
    context = ssl.create_default_context(cadata=spec.exposure.authority)
    for name in (spec.host, inside_host(spec.name, spec.namespace)):
        with (
            socket.create_connection((address, port), CLIENT_SECONDS) as raw,
            context.wrap_socket(raw, server_hostname=name) as secured,
        ):
            assert secured.version() == "TLSv1.3"
    with (
        pytest.raises(ssl.SSLCertVerificationError),
        socket.create_connection((address, port), CLIENT_SECONDS) as raw,
    ):
        context.wrap_socket(raw, server_hostname="somebody.else.localhost")


@pytest.mark.timeout(400)
def test_mariadb_is_reached_with_tls_only(target, customer, open_namespace):
    spec = exposed(customer, "mariadb")
    if target.simulator is not None:
        return

    def ask(how, *, authority=spec.exposure.authority, host=spec.host):
        script = (
            'printf "%s" "$AUTHORITY" > /tmp/ca.crt && '
            f"mariadb --host={host} --port={spec.exposure.port} --user=admin {how} --connect-timeout=10 "
            "--batch --skip-column-names -e \"SHOW STATUS LIKE 'Ssl_version'\" myapp 2>&1"
        )
        environment = {"AUTHORITY": authority, "MYSQL_PWD": spec.secrets["MARIADB_PASSWORD"]}
        return run_client(
            target, open_namespace, script, image="mariadb:11.8.6", environment=environment, spec=spec
        )

    checked = "--ssl-ca=/tmp/ca.crt --ssl-verify-server-cert"
    assert ask(checked) == (True, "Ssl_version\tTLSv1.3\n")
    worked, said = ask("--skip-ssl")
    # The same password: how old the server is decides which of the two it says.
    assert not worked
    assert "Access denied" in said or "insecure transport" in said
    worked, said = ask(checked, authority=exposure("x", "x.localhost", "x").authority)
    assert (worked, "SSL" in said) == (False, True)
    worked, said = ask(checked, host=node_address(target))
    assert (worked, "SSL" in said) == (False, True)


@pytest.mark.timeout(400)
def test_by_name_it_is_reached_by_its_owners_applications_alone(target, customer, stranger):
    spec = exposed(customer, "postgresql")
    if target.simulator is not None:
        return
    script = (
        f"psql 'host={inside_host(spec.name, spec.namespace)} dbname=myapp user=admin connect_timeout=10' "
        "-Atc 'select ssl from pg_stat_ssl where pid = pg_backend_pid()' 2>&1"
    )
    ask = {"image": "postgres:15.19-alpine", "environment": {"PGPASSWORD": spec.secrets["POSTGRES_PASSWORD"]}}

    own = run_client(target, spec.namespace, script, **ask)
    foreign = run_client(target, stranger.namespace, script, **ask)

    assert own == (True, "t\n")
    assert foreign[0] is False
    assert "Connection refused" in foreign[1] or "timeout expired" in foreign[1]


@pytest.fixture
def stranger(target, customer):
    """Another customer, with walls of their own."""
    other = type(customer)(target)
    target.cluster.apply(namespace_manifests(other.walls()))
    yield other
    target.cluster.delete_namespace(other.namespace)
