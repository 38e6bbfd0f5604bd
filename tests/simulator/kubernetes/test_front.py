"""The front for ingresses answers truly."""

import json

from tests.contracts.kubernetes.manifests import container, deployment, ingress, service
from tests.contracts.kubernetes.target import Room, Target
from tests.simulator.kubernetes.conftest import Running


def publish(room: Room, host: str, class_name: str | None = "traefik") -> None:
    """A ready application behind a host."""
    room.target.create(f"{room.core}/services", service("web"))
    room.target.create(f"{room.networking}/ingresses", ingress("web", host, class_name))
    body = deployment("web", container("n8nio/n8n:1"))
    body["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/name"] = "n8n"
    room.deploy(body)
    room.target.eventually(lambda: room.target.http(host)[0] == 200 or None)


def test_a_page_tells_which_pod_answers(room: Room, target: Target) -> None:
    publish(room, "one.n8n.minispod.localhost")

    status, page = target.http("one.n8n.minispod.localhost")

    (pod,) = room.pods("web")
    assert status == 200
    assert "<h1>n8n</h1>" in page
    assert pod["metadata"]["name"] in page
    assert "n8nio/n8n:1" in page


def test_health_is_told_as_json(room: Room, target: Target) -> None:
    publish(room, "one.n8n.minispod.localhost")

    status, text = target.http("one.n8n.minispod.localhost", "/healthz")

    assert status == 200
    assert json.loads(text)["status"] == "ok"


def test_hosts_and_paths_are_escaped(room: Room, target: Target) -> None:
    publish(room, "*.wild.localhost")

    status, page = target.http("<script>.wild.localhost", "/<b>")

    assert status == 200
    assert "<script>" not in page
    assert "<b>" not in page


def test_it_follows_the_cluster(room: Room, target: Target, sim: Running) -> None:
    host = "one.n8n.minispod.localhost"
    publish(room, host)

    sim.pull("ready", namespace=room.name, workload="web", ready=False)
    assert target.http(host)[0] == 503
    sim.pull("ready", namespace=room.name, workload="web", ready=True)
    assert target.http(host)[0] == 200
    target.patch(f"{room.apps}/deployments/web/scale", {"spec": {"replicas": 0}})
    target.eventually(lambda: target.http(host)[0] == 503)
    target.delete(f"{room.networking}/ingresses/web")
    assert target.http(host)[0] == 404


def test_a_dead_node_does_not_answer(room: Room, target: Target, sim: Running) -> None:
    publish(room, "one.n8n.minispod.localhost")
    (pod,) = room.pods("web")

    sim.pull("node", node=pod["spec"]["nodeName"], power="off")

    assert target.http("one.n8n.minispod.localhost")[0] == 503


def test_unknown_hosts_and_unserved_classes_are_not_found(room: Room, target: Target) -> None:
    target.create(f"{room.core}/services", service("web"))
    target.create(f"{room.networking}/ingresses", ingress("web", "two.localhost", "unserved"))
    room.deploy(deployment("web"))

    assert target.http("two.localhost")[0] == 404
    assert target.http("nobody.localhost")[0] == 404


def test_the_longest_path_wins(room: Room, target: Target) -> None:
    publish(room, "paths.localhost")
    body = ingress("other", "paths.localhost")
    body["spec"]["rules"][0]["http"]["paths"][0] |= {"path": "/admin", "pathType": "Prefix"}
    target.create(f"{room.networking}/ingresses", body)

    assert target.http("paths.localhost", "/")[0] == 200
    assert target.http("paths.localhost", "/administer")[0] == 200
    assert target.http("paths.localhost", "/admin/users")[0] == 503
