"""The API server's front door: who asks, what for, and the answer, errors included.

Resource requests go on to `resources`; this file knows the other paths, the token and the faults levers planned.
"""

import hmac
import re
from collections.abc import Callable
from urllib.parse import unquote

from minispod.simulator.kubernetes.cluster import Cluster
from minispod.simulator.kubernetes.machinery.refusals import Refusal, no_such_path, unauthorized
from minispod.simulator.kubernetes.wire import discovery, kubelet, metrics, openapi
from minispod.simulator.kubernetes.wire.exchange import Request, Response, answer, text_answer
from minispod.simulator.kubernetes.wire.resources import Resources
from minispod.simulator.kubernetes.wire.reviews import review
from minispod.simulator.kubernetes.wire.routes import find_route

_SUMMARY = re.compile(r"/api/v1/nodes/(?P<name>[^/]+)/proxy/stats/summary")
OPEN_PATHS = ("/healthz", "/livez", "/readyz")


class Api:
    """The application behind the TLS port."""

    def __init__(self, cluster: Cluster, token: str) -> None:
        self._cluster = cluster
        self._token = token
        self._resources = Resources(cluster)
        self.address = ""

    def __call__(self, request: Request) -> Response:
        """Answer one request."""
        try:
            self._cluster.weather.endure(request)
            if request.path.rstrip("/").startswith(OPEN_PATHS):
                return text_answer("ok")
            self._authenticate(request)
            return self._dispatch(request)
        except Refusal as refusal:
            response = answer(refusal.status(), refusal.code)
            if refusal.retry_after is not None:
                response.headers.append(("Retry-After", str(refusal.retry_after)))
            return response

    def _authenticate(self, request: Request) -> None:
        scheme, _, token = request.header("authorization").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(
            token.strip().encode(), self._token.encode()
        ):
            raise unauthorized()

    def _dispatch(self, request: Request) -> Response:
        path = request.path.rstrip("/")
        if found := self._document(path):
            if request.method != "GET":
                raise no_such_path()
            return answer(found())
        if path.startswith(f"/apis/{discovery.METRICS}/"):
            return answer(metrics.answer_for(self._cluster, path, request.query))
        if path.startswith(("/apis/authorization.k8s.io/v1/", "/apis/authentication.k8s.io/v1/")):
            return answer(review(path, request), 201)
        if (node := _SUMMARY.fullmatch(path)) and request.method == "GET":
            return answer(kubelet.summary(self._cluster, unquote(node["name"])))
        return self._resources.handle(request, find_route(request.path))

    def _document(self, path: str) -> Callable[[], object] | None:
        fixed: dict[str, Callable[[], object]] = {
            "": lambda: {
                "paths": ["/api", "/apis", "/healthz", "/livez", "/openapi/v3", "/readyz", "/version"]
            },
            "/version": discovery.version,
            "/api": lambda: discovery.versions(self.address),
            "/apis": discovery.groups,
            "/openapi/v3": openapi.index,
        }
        if path in fixed:
            return fixed[path]
        parts = path.strip("/").split("/")
        if path.startswith("/openapi/v3/"):
            return lambda: openapi.document(path.removeprefix("/openapi/v3/"))
        if parts[0] == "api" and len(parts) == 2:
            return lambda: discovery.resources("", parts[1])
        if parts[0] == "apis" and len(parts) == 2:
            return lambda: discovery.group(parts[1])
        if parts[0] == "apis" and len(parts) == 3:
            return lambda: discovery.resources(parts[1], parts[2])
        return None
