"""One bounded, plain conversation with a Kubernetes API: dictionaries in, dictionaries out.

The official package gives configuration, certificates and tokens; its models are not used, because they
refuse answers of other versions. Every call has a time limit, none is retried behind our back, and a
failure is either ClusterUnavailable (nobody answered) or ApiSaidNo (a status that the caller judges).
"""

import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson
import structlog

from minispod.cluster.port import ClusterUnavailable
from minispod.integrations.kubernetes.logstream import LogStream

log = structlog.get_logger()

TIMEOUT = (3.0, 10.0)
# A log that is silent this long ends; whoever still watches asks again.
LOG_SILENCE_SECONDS = 600.0
PAGE_SIZE = 500
MESSAGE_LIMIT = 300

APPLY_PATCH = "application/apply-patch+yaml"
MERGE_PATCH = "application/merge-patch+json"
_JSON = "application/json"


class ClusterNotConfigured(ClusterUnavailable):
    """There is no usable kubeconfig; `reason` is for operators, not for customers."""

    code = "cluster.not_configured"

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason


class ApiSaidNo(Exception):
    """The API answered with an error status; `message` is its own, cut to a limit."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status
        self.reason = reason
        self.message = message[:MESSAGE_LIMIT]


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
            page = self.get(path, **{**query, "limit": PAGE_SIZE, "continue": following or None})
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

    def delete(self, path: str) -> None:
        """Delete an object and, in the background, what it owns."""
        self._ask("DELETE", path, query={"propagationPolicy": "Background"})

    def text(self, path: str, **query: Any) -> str:
        """Read an answer that is not JSON."""
        with _Answer(self._send("GET", path, query=query)) as answer:
            return answer.text()

    def stream(self, path: str, **query: Any) -> LogStream:
        """Open an answer that goes on, line by line."""
        response = self._send("GET", path, query=query, read_timeout=LOG_SILENCE_SECONDS)
        if response.status >= 400:
            with _Answer(response) as answer:
                answer.text()
        return LogStream(response)

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
        with _Answer(response) as answer:
            return answer.json()

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
            raise _refusal(self._response.status, body)
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


def _refusal(status: int, body: str) -> ApiSaidNo:
    try:
        answer = json.loads(body)
        causes = (answer.get("details") or {}).get("causes") or []
        reason = next(
            (cause["reason"] for cause in causes if cause.get("reason") == "NamespaceTerminating"), None
        )
        return ApiSaidNo(status, reason or str(answer.get("reason") or ""), str(answer.get("message") or ""))
    except (ValueError, AttributeError, KeyError, TypeError):
        return ApiSaidNo(status, "", body)


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
