"""A database from the order to a client's session and away again, on a cluster: the simulator's, or a real one.

The simulator runs no database, so there nobody connects: its port must be there and go again.
"""

import time
import uuid
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from minispod.instances.models import Instance
from minispod.instances.states import InstanceStatus
from minispod.integrations.kubernetes.adapter import KubernetesCluster
from minispod.kernel.database import db, session
from minispod.kernel.unit_of_work import unit_of_work
from tests.plugins.app import Person, data_of
from tests.scenarios.test_provisioning import PATIENCE_SECONDS, Shop, shop

__all__ = ["shop"]  # the fixture

pytestmark = pytest.mark.timeout(400)


def _node_ports(cluster: KubernetesCluster, row: Instance) -> set[int]:
    return {
        port["nodePort"]
        for service in cluster.inventory("services")
        if service["metadata"].get("labels", {}).get("minispod.com/instance") == str(row.id)
        for port in service["spec"]["ports"]
        if "nodePort" in port
    }


def _ask(shop: Shop, cluster: KubernetesCluster, folder: Path, question: str) -> list[tuple[object, ...]]:
    """Ask the database with nothing but what its owner was shown."""
    answer = shop.client.post(f"/api/subscriptions/{shop.id}/access", headers=shop.headers())
    connection = data_of(answer)["connection"]
    trusted = folder / "ca.crt"
    trusted.write_text(connection["certificateAuthority"])

    def connected() -> psycopg2.extensions.connection | None:
        try:
            return psycopg2.connect(
                connection["outside"],
                # there is no DNS for the host here; the name is checked all the same
                hostaddr=cluster.nodes()[0].addresses[0],
                sslmode="verify-full",
                sslrootcert=str(trusted),
                connect_timeout=5,
            )
        except psycopg2.OperationalError:
            return None

    deadline = time.monotonic() + PATIENCE_SECONDS
    while (opened := connected()) is None:  # the nodes learn of a ready pod a moment later
        assert time.monotonic() < deadline
        time.sleep(0.2)
    with closing(opened), opened, opened.cursor() as cursor:
        cursor.execute(question)
        return cursor.fetchall() if cursor.description else []


def test_a_database_is_ordered_connected_to_and_gone(
    shop: Shop,
    app: Flask,
    client: FlaskClient,
    customer: Person,
    plan_id: Callable[..., uuid.UUID],
    cluster: KubernetesCluster,
    tmp_path: Path,
) -> None:
    shop.order(plan_id("postgresql", "BASIC"))
    row = shop.until(InstanceStatus.RUNNING)

    assert _node_ports(cluster, row) == {row.tcp_port}
    page = client.get(row.public_url.removeprefix("http://localhost:5000"))
    assert str(row.tcp_port) in page.get_data(as_text=True)
    if shop.is_real:
        _ask(shop, cluster, tmp_path, "CREATE TABLE notes AS SELECT 'kept' AS note")
        assert _ask(shop, cluster, tmp_path, "SELECT note FROM notes") == [("kept",)]

    client.delete(f"/api/subscriptions/{shop.id}", headers=shop.headers())
    gone = shop.until(InstanceStatus.TERMINATED)
    assert gone.tcp_port is None
    assert _node_ports(cluster, row) == set()


def test_one_from_before_gets_its_port_and_keeps_its_data(
    shop: Shop,
    app: Flask,
    plan_id: Callable[..., uuid.UUID],
    cluster: KubernetesCluster,
    tick: Callable[[str], None],
    tmp_path: Path,
) -> None:
    shop.order(plan_id("postgresql", "BASIC"))
    shop.until(InstanceStatus.RUNNING)
    if shop.is_real:
        _ask(shop, cluster, tmp_path, "CREATE TABLE notes AS SELECT 'kept' AS note")
    with app.app_context(), unit_of_work():
        instance = session().scalars(select(Instance)).one()
        instance.tcp_port = instance.sealed_certificate = instance.certificate_ends_at = None
        instance.public_url = f"http://{instance.host}"
    db_closed(app)

    shop.clock.advance(minutes=11)
    tick("observe-cluster")
    row = shop.until(InstanceStatus.RUNNING)

    assert row.tcp_port is not None
    assert row.public_url.endswith(f"/connect/{row.name}")
    assert _node_ports(cluster, row) == {row.tcp_port}
    if shop.is_real:
        assert _ask(shop, cluster, tmp_path, "SELECT note FROM notes") == [("kept",)]


def db_closed(app: Flask) -> None:
    """Give the connection back, as a door does."""
    with app.app_context():
        db.session.remove()
