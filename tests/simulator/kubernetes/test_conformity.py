"""Whatever the simulator stores is what the schemas of a current release allow."""

from minispod.simulator.kubernetes.machinery.decoding import decode
from minispod.simulator.kubernetes.machinery.kinds import RESOURCES
from minispod.simulator.kubernetes.machinery.schema import schema
from tests.contracts.kubernetes.manifests import SHELL, claim, container, deployment, ingress, service
from tests.contracts.kubernetes.target import Room, Target
from tests.simulator.kubernetes.conftest import Running
from tests.strict import lacking


def test_every_stored_object_fits_its_schema(sim: Running, room: Room, target: Target) -> None:
    target.create(f"{room.core}/persistentvolumeclaims", claim("data"))
    target.create(f"{room.core}/services", service("web"))
    target.create(f"{room.networking}/ingresses", ingress("web", "web.localhost"))
    target.create(f"{room.core}/resourcequotas", {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "9"}}})
    mounted = container(volumeMounts=[{"name": "data", "mountPath": "/data"}])
    body = deployment("web", mounted)
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
    body["spec"]["template"]["spec"]["volumes"] = [volume]
    body["spec"]["template"]["spec"]["initContainers"] = [
        {"name": "init", "image": SHELL, "command": ["sh", "-c", "exit 0"]}
    ]
    room.deploy(body)
    job = {"spec": {"restartPolicy": "Never", "containers": [container(SHELL, command=["true"])]}}
    target.create(
        f"/apis/batch/v1/namespaces/{room.name}/jobs", {"metadata": {"name": "j"}, "spec": {"template": job}}
    )
    budget = {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}
    target.create(
        f"/apis/policy/v1/namespaces/{room.name}/poddisruptionbudgets",
        {"metadata": {"name": "b"}, "spec": budget},
    )
    sim.pull("crash", namespace=room.name, workload="web")
    room.rolled_out("web")

    for resource in RESOURCES:
        prefix = "/apis" if resource.group else "/api"
        for obj in target.get(f"{prefix}/{resource.group_version}/{resource.plural}")["items"]:
            assert decode(resource, obj).unknown == [], obj
            assert lacking(schema(resource.schema), obj) == [], obj
