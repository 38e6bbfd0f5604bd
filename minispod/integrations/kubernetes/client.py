"""One bounded, plain conversation with a Kubernetes API: dictionaries in, dictionaries out.

The official package gives configuration, certificates and tokens; its models are not used, because they
refuse answers of other versions. Every call has a time limit, none is retried behind our back, and a
failure is either ClusterUnavailable (nobody answered) or ApiSaidNo (a status that the caller judges).
"""

import contextlib
import json
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import structlog

from minispod.cluster.port import ClusterUnavailable
from minispod.integrations.kubernetes.channels import Channels, open_channels

log = structlog.get_logger()

TIMEOUT = (3.0, 10.0)
# A log that is silent this long ends; whoever still watches asks again.
LOG_SILENCE_SECONDS = 600.0
PAGE_SIZE = 500
MESSAGE_LIMIT = 300

APPLY_PATCH = "application/apply-patch+yaml"
MERGE_PATCH = "application/merge-patch+json"
_JSON = "application/json"
_INSIDE = re.compile(r"/apis?/.*?/namespaces/([^/]+)/")


class ClusterNotConfigured(ClusterUnavailable):
    """There is no usable kubeconfig; `reason` is for operators, not for customers."""

    code = "cluster.not_configured"

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason


class ApiSaidNo(Exception):
    """The API answered with an error status; `message` is its own, cut to a limit."""

    def __init__(self, status: int, reason: str, message: str, retry_after: int | None = None) -> None:
        super().__init__(f"{status} {reason}")
        self.retry_after = retry_after
        self.status = status
        self.reason = reason
        self.message = message[:MESSAGE_LIMIT]


class NamespaceMissing(ApiSaidNo):
    """There is no such namespace, so nothing is in it.

    An account whose rights lie in the namespace (deploy/rights.yaml) is told 403 for one that is not there,
    where an administrator is told 404 or given an empty list. Nobody else needs to know the difference.
    """

    def __init__(self) -> None:
        super().__init__(404, "NotFound", "There is no such namespace.")


class KubernetesClient:
    """Speaks HTTP with one cluster; safe to share between threads, reopened after a fork."""

    def __init__(self, kubeconfig: str | None = None, timeout: tuple[float, float] = TIMEOUT) -> None:
        self._kubeconfig = kubeconfig
        self._timeout = timeout
        self._lock = threading.Lock()
        self._opened: tuple[int, Any] | None = None

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """Read one object or one answer."""
        return self._ask("GET", path, query=query)

    def items(self, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        """Read a list page by page."""
        following = ""
        while True:
            try:
                page = self.get(path, **{**query, "limit": PAGE_SIZE, "continue": following or None})
            except NamespaceMissing:
                return
            yield from page.get("items") or []
            following = (page.get("metadata") or {}).get("continue") or ""
            if not following:
                return

    def apply(self, path: str, body: Mapping[str, Any], manager: str) -> dict[str, Any]:
        """Server-side apply: what we state is ours, what others state stays, unknown fields are refused."""
        query = {"fieldManager": manager, "force": "true", "fieldValidation": "Strict"}
        return self._ask("PATCH", path, query=query, body=body, content_type=APPLY_PATCH)

    def merge(self, path: str, body: Mapping[str, Any], manager: str) -> dict[str, Any]:
        """Change some fields of an object."""
        return self._ask("PATCH", path, query={"fieldManager": manager}, body=body, content_type=MERGE_PATCH)

    def create(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Create an object, or ask for an act that is asked for in this form."""
        return self._ask("POST", path, query={}, body=body)

    def delete(self, path: str, *, grace_seconds: int | None = None) -> None:
        """Delete an object and, in the background, what it owns; 0 seconds of grace ask nobody."""
        query = {"propagationPolicy": "Background", "gracePeriodSeconds": grace_seconds}
        self._ask("DELETE", path, query=query)

    def text(self, path: str, **query: Any) -> str:
        """Read an answer that is not JSON."""
        response = self._send("GET", path, query=query)
        with self._understanding(path), _Answer(response) as answer:
            return answer.text()

    def open(self, path: str, **query: Any) -> Any:
        """Open an answer that goes on; whoever asked reads and closes it."""
        response = self._send("GET", path, query=query, read_timeout=LOG_SILENCE_SECONDS)
        if response.status >= 400:
            with self._understanding(path), _Answer(response) as answer:
                answer.text()
        return response

    def authority(self) -> bytes:
        """The certificates that the server is believed by; empty when those of the system are."""
        file = self._api().configuration.ssl_ca_cert
        if not file:
            return b""
        return Path(file).read_bytes()

    def channels(self, path: str, query: Sequence[tuple[str, str]], silence: float) -> Channels:
        """Upgrade a request to a WebSocket with channels; Cut or NotUpgraded when that fails."""
        return open_channels(self._api(), path, query, answer_seconds=sum(self._timeout), silence=silence)

    def _ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any],
        body: Mapping[str, Any] | None = None,
        content_type: str = _JSON,
    ) -> dict[str, Any]:
        response = self._send(method, path, query=query, body=body, content_type=content_type)
        with self._understanding(path), _Answer(response) as answer:
            return answer.json()

    @contextlib.contextmanager
    def _understanding(self, path: str) -> Iterator[None]:
        """A 403 in a namespace may only mean that the namespace, and our rights with it, is gone or going."""
        try:
            yield
        except ApiSaidNo as refusal:
            inside = _INSIDE.match(path)
            if refusal.status == 403 and inside:
                self._look_at(f"/api/v1/namespaces/{inside[1]}", refusal)
            raise

    def _look_at(self, address: str, refusal: ApiSaidNo) -> None:
        with _Answer(self._send("GET", address, query={})) as answer:
            try:
                found = answer.json()
            except ApiSaidNo as missing:
                if missing.status == 404:
                    raise NamespaceMissing from None
                return
        if (found.get("metadata") or {}).get("deletionTimestamp"):
            raise ApiSaidNo(refusal.status, "NamespaceTerminating", refusal.message) from None

    def _send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any],
        body: Mapping[str, Any] | None = None,
        content_type: str = _JSON,
        read_timeout: float | None = None,
    ) -> Any:
        from urllib3.exceptions import HTTPError

        api = self._api()
        connect, read = self._timeout
        headers = {"Accept": "application/json, */*"}
        if body is not None:
            headers["Content-Type"] = content_type
        wanted = [(name, str(value)) for name, value in query.items() if value is not None]
        try:
            request = api.param_serialize(
                method,
                path,
                query_params=wanted,
                header_params=headers,
                body=body,
                auth_settings=["BearerToken"],
            )
            return api.call_api(*request, _request_timeout=(connect, read_timeout or read)).response
        except (HTTPError, OSError) as error:
            raise _unavailable(error) from None
        except _api_exception() as error:  # TLS does not fit
            raise _unavailable(error) from None

    def _api(self) -> Any:
        with self._lock:
            if self._opened is None or self._opened[0] != os.getpid():
                self._opened = (os.getpid(), _open(self._kubeconfig))
            return self._opened[1]


class _Answer:
    """One response: read whole, judged, and its connection given back."""

    def __init__(self, response: Any) -> None:
        self._response = response

    def __enter__(self) -> "_Answer":
        return self

    def __exit__(self, *_: object) -> None:
        self._response.release_conn()

    def text(self) -> str:
        """Read the body; raise ApiSaidNo for an error status."""
        from urllib3.exceptions import HTTPError

        try:
            body = self._response.read().decode("utf-8", "replace")
        except (HTTPError, OSError) as error:
            self._response.close()
            raise _unavailable(error) from None
        if self._response.status >= 400:
            said = refusal(self._response.status, body)
            said.retry_after = _seconds(self._response.headers.get("Retry-After"))
            raise said
        return str(body)

    def json(self) -> dict[str, Any]:
        """Read the body as an object."""
        body = self.text()
        try:
            # A list of a thousand pods is megabytes: the standard parser takes most of the time of a look at all.
            answer = orjson.loads(body)
        except ValueError:
            raise ClusterUnavailable from None
        if not isinstance(answer, dict):
            raise ClusterUnavailable
        return answer


def refusal(status: int, body: str) -> ApiSaidNo:
    """Read what the API says against a request."""
    try:
        answer = json.loads(body)
        causes = (answer.get("details") or {}).get("causes") or []
        reason = next(
            (cause["reason"] for cause in causes if cause.get("reason") == "NamespaceTerminating"), None
        )
        return ApiSaidNo(status, reason or str(answer.get("reason") or ""), str(answer.get("message") or ""))
    except (ValueError, AttributeError, KeyError, TypeError):
        return ApiSaidNo(status, "", body)


def _seconds(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() else None


def _unavailable(error: BaseException) -> ClusterUnavailable:
    log.warning("cluster.silent", error=type(error).__name__)
    return ClusterUnavailable()


def _api_exception() -> type[Exception]:
    from kubernetes.client.exceptions import ApiException

    exception: type[Exception] = ApiException
    return exception


def _open(kubeconfig: str | None) -> Any:
    # Imported late: the package costs half a second and 35 MB, and most processes never ask a cluster.
    from kubernetes import client, config

    load_file: Callable[..., None] = config.load_kube_config
    load_pod: Callable[..., None] = config.load_incluster_config
    settings = client.Configuration()
    try:
        if kubeconfig:
            load_file(config_file=kubeconfig, client_configuration=settings, persist_config=False)
        else:
            load_pod(client_configuration=settings)
    except Exception as error:  # noqa: BLE001 - the loader lets YAML, OS and its own errors through
        reason = f"{kubeconfig or 'the service account of this pod'}: {type(error).__name__}: {error}"
        log.error("cluster.not_configured", reason=reason[:MESSAGE_LIMIT])
        raise ClusterNotConfigured(reason[:MESSAGE_LIMIT]) from None
    settings.retries = False
    return client.ApiClient(settings)
