"""Manifests the scenarios share; images are such as both the simulator and the test cluster know."""

from typing import Any

Json = dict[str, Any]

WEB = "minispod-test/web:1"
WEB_NEWER = "minispod-test/web:2"
SHELL = "busybox:1"
MISSING = "minispod-test/does-not-exist:1"
SMALL = {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"cpu": "100m", "memory": "64Mi"}}


def container(image: str = WEB, **more: Any) -> Json:
    """A container called web."""
    return {"name": "web", "image": image, **more}


def pod(name: str, *containers: Json, **spec: Any) -> Json:
    """A pod that goes quickly when asked to."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": list(containers) or [container()], **spec},
    }


def deployment(name: str, *containers: Json, replicas: int = 1, **more: Any) -> Json:
    """A deployment of pods labelled with its name."""
    template = pod(name, *containers)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": template["spec"]},
            **more,
        },
    }


def service(name: str, port: int = 80, target: int = 8080) -> Json:
    """A service in front of the pods of that name."""
    spec = {"selector": {"app": name}, "ports": [{"port": port, "targetPort": target}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def claim(name: str, size: str = "1Gi") -> Json:
    """A claim to the default storage class."""
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": spec,
    }


def config(name: str, labels: dict[str, str] | None = None, **data: str) -> Json:
    """A config map."""
    metadata: Json = {"name": name}
    if labels:
        metadata["labels"] = labels
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def ingress(name: str, host: str, class_name: str | None = "traefik") -> Json:
    """An ingress that leads a host to the service of that name."""
    backend = {"service": {"name": name, "port": {"number": 80}}}
    paths = [{"path": "/", "pathType": "Prefix", "backend": backend}]
    spec: Json = {"rules": [{"host": host, "http": {"paths": paths}}]}
    if class_name:
        spec["ingressClassName"] = class_name
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": name}, "spec": spec}
