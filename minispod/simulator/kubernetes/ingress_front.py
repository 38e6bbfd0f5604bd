"""The HTTP front for ingresses: Host and path lead through Ingress and Service to a ready pod, or to an honest error.

It answers in the application's stead: 200 while a ready pod stands behind the host, 503 while none does, 404 for
hosts nobody claims.
"""

import re
import zlib
from typing import NamedTuple

import orjson

from minispod.simulator.kubernetes.cluster import Cluster
from minispod.simulator.kubernetes.controllers.endpoints import pods_behind
from minispod.simulator.kubernetes.controllers.ingresses import ANNOTATION
from minispod.simulator.kubernetes.machinery.jsonish import Json, dig
from minispod.simulator.kubernetes.machinery.kinds import INGRESS_CLASSES, INGRESSES, PODS, SERVICES
from minispod.simulator.kubernetes.pages import application_page, notice_page
from minispod.simulator.kubernetes.pod_facts import is_ready
from minispod.simulator.kubernetes.wire.exchange import Request, Response

HEALTH_PATHS = ("/healthz", "/health", "/livez", "/readyz", "/healthz/readiness", "/api/health")
HTML = "text/html; charset=utf-8"


class Backend(NamedTuple):
    """Where a path of a host leads."""

    ingress: Json
    service: str
    port: int | str


class Front:
    """The application behind the ingress port."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def __call__(self, request: Request) -> Response:
        """Answer as the application of that host would."""
        host = request.header("host").rsplit(":", 1)[0].lower().rstrip(".")
        with self._cluster.store.lock:
            backend = self._find(host, request.path)
            if backend is None:
                return _page(
                    404, notice_page(404, "Not found", f"No application answers at {host}{request.path}.")
                )
            pods = self._ready_pods(backend)
        if not pods:
            text = f"{host} has no running instance at the moment. Please try again shortly."
            response = _page(503, notice_page(503, "Not available", text))
            response.headers.append(("Retry-After", "5"))
            return response
        pod = pods[zlib.crc32(host.encode()) % len(pods)]
        return self._application(request, host, backend, pod)

    def _find(self, host: str, path: str) -> Backend | None:
        """The backend of the longest path of a rule for that host."""
        best: tuple[int, int, Backend] | None = None
        for ingress in self._cluster.store.list(INGRESSES):
            if not self._served(ingress):
                continue
            for rule in dig(ingress, "spec", "rules", default=[]):
                rank = _host_rank(rule.get("host", ""), host)
                for entry in dig(rule, "http", "paths", default=[]) if rank else ():
                    if _path_fits(entry, path) and (found := _backend(ingress, entry.get("backend"))):
                        candidate = (rank, len(entry.get("path") or "/"), found)
                        if best is None or candidate[:2] > best[:2]:
                            best = candidate
        return best[2] if best else None

    def _served(self, ingress: Json) -> bool:
        stated = dig(ingress, "spec", "ingressClassName") or dig(
            ingress, "metadata", "annotations", ANNOTATION
        )
        return stated is not None and self._cluster.store.find(INGRESS_CLASSES, "", stated) is not None

    def _ready_pods(self, backend: Backend) -> list[Json]:
        namespace = backend.ingress["metadata"]["namespace"]
        service = self._cluster.store.find(SERVICES, namespace, backend.service)
        if service is None:
            return []
        ports = dig(service, "spec", "ports", default=[])
        if not any(backend.port in (port["port"], port.get("name")) for port in ports):
            return []
        off = self._cluster.controllers.kubelets.off
        found = pods_behind(self._cluster.store.list(PODS, namespace), service)
        return [pod for pod in found if is_ready(pod) and pod["spec"]["nodeName"] not in off]

    def _application(self, request: Request, host: str, backend: Backend, pod: Json) -> Response:
        labels = dig(pod, "metadata", "labels", default={})
        name = labels.get("app.kubernetes.io/name") or labels.get("app") or backend.service
        container = pod["spec"]["containers"][0]
        if request.path.rstrip("/") in HEALTH_PATHS:
            told = {"status": "ok", "application": name, "host": host, "pod": pod["metadata"]["name"]}
            return Response(200, orjson.dumps(told) + b"\n")
        facts = {
            "Host": host,
            "Path": request.path,
            "Pod": pod["metadata"]["name"],
            "Namespace": pod["metadata"]["namespace"],
            "Node": pod["spec"]["nodeName"],
            "Image": container["image"],
        }
        return _page(200, application_page(name, facts))


def _host_rank(rule: str, host: str) -> int:
    """3 for the very host, 2 for a wildcard that covers it, 1 for a rule without a host, 0 for another host."""
    if rule.lower() == host:
        return 3
    if rule.startswith("*."):
        return 2 if re.fullmatch(r"[^.]+" + re.escape(rule[1:].lower()), host) else 0
    return 0 if rule else 1


def _path_fits(entry: Json, path: str) -> bool:
    wanted = entry.get("path") or "/"
    if entry.get("pathType") == "Exact":
        return bool(path == wanted)
    prefix = wanted.rstrip("/")
    return path == prefix or path.startswith(f"{prefix}/")


def _backend(ingress: Json, stated: Json | None) -> Backend | None:
    service = dig(stated, "service", "name")
    port = dig(stated, "service", "port", "number") or dig(stated, "service", "port", "name")
    return Backend(ingress, service, port) if service and port else None


def _page(code: int, page: str) -> Response:
    return Response(code, page.encode(), HTML)
