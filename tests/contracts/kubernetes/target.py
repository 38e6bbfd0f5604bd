"""A Kubernetes API under test, and a namespace of a scenario's own in it."""

import http.client
import json
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlencode, urlsplit

import pytest
from kubernetes import client

from tests.contracts.kubernetes.manifests import Json

T = TypeVar("T")
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"


class Answer(NamedTuple):
    """What came back: the status, the object, and the headers."""

    status: int
    body: Any
    headers: dict[str, str]


@dataclass(frozen=True)
class Target:
    """A Kubernetes API, spoken to through the official client's connection."""

    name: str
    api: client.ApiClient
    ingress: str | None
    seconds: float

    def ask(
        self, method: str, path: str, body: Any = None, content_type: str = "application/json", **query: Any
    ) -> Answer:
        """One request; every status is an answer."""
        headers: dict[str, str] = {"Accept": "application/json", "Content-Type": content_type}
        self.api.update_params_for_auth(headers, {}, ["BearerToken"], None, None, None)
        url = self.api.configuration.host + path + (f"?{urlencode(query)}" if query else "")
        payload = body if isinstance(body, str | bytes | None) else json.dumps(body)
        pool = self.api.rest_client.pool_manager
        response = pool.request(method, url, body=payload, headers=headers, timeout=30.0, retries=False)
        text = response.data.decode()
        with suppress(json.JSONDecodeError):
            return Answer(response.status, json.loads(text), dict(response.headers))
        return Answer(response.status, text, dict(response.headers))

    def get(self, path: str, **query: Any) -> Any:
        """An object or list that must be there."""
        return self._well(self.ask("GET", path, **query))

    def create(self, path: str, body: Json, **query: Any) -> Any:
        """A new object."""
        return self._well(self.ask("POST", path, body, **query))

    def patch(self, path: str, body: Any, content_type: str = MERGE, **query: Any) -> Any:
        """A changed object."""
        return self._well(self.ask("PATCH", path, body, content_type, **query))

    def apply(self, path: str, body: Json, manager: str = "minispod", **query: Any) -> Any:
        """An applied object."""
        return self.patch(path, body, APPLY, fieldManager=manager, **query)

    def delete(self, path: str, body: Json | None = None, **query: Any) -> Any:
        """The answer to a deletion that must succeed."""
        return self._well(self.ask("DELETE", path, body, **query))

    def _well(self, answer: Answer) -> Any:
        if answer.status >= 300:
            pytest.fail(f"{answer.status}: {answer.body}")
        return answer.body

    def eventually(self, question: Callable[[], T], seconds: float | None = None) -> T:
        """The first true answer; fails with the last one when it takes too long."""
        deadline = time.monotonic() + (seconds or self.seconds)
        while not (answer := question()):
            assert time.monotonic() < deadline, f"not in time: {answer!r}"
            time.sleep(0.05)
        return answer

    def gone(self, path: str) -> bool:
        """Whether there is no such object."""
        return self.ask("GET", path).status == 404

    def at_least(self, minor: int) -> bool:
        """Whether the release is 1.<minor> or newer."""
        return int("".join(filter(str.isdigit, self.get("/version")["minor"]))) >= minor

    def http(self, host: str, path: str = "/") -> tuple[int, str]:
        """One request through the ingress front."""
        assert self.ingress is not None
        connection = http.client.HTTPConnection(urlsplit(self.ingress).netloc, timeout=10)
        try:
            connection.request("GET", path, headers={"Host": host})
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()


@dataclass(frozen=True)
class Room:
    """A namespace of a scenario's own, and the paths in it."""

    target: Target
    name: str

    @property
    def core(self) -> str:
        """The path of core objects."""
        return f"/api/v1/namespaces/{self.name}"

    @property
    def apps(self) -> str:
        """The path of workloads."""
        return f"/apis/apps/v1/namespaces/{self.name}"

    @property
    def networking(self) -> str:
        """The path of ingresses."""
        return f"/apis/networking.k8s.io/v1/namespaces/{self.name}"

    def pods(self, app: str) -> list[Json]:
        """The pods with that label that are not on their way out."""
        found = self.target.get(f"{self.core}/pods", labelSelector=f"app={app}")["items"]
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def complete(self, name: str) -> Json | None:
        """The deployment once its rollout is complete."""
        found: Json = self.target.get(f"{self.apps}/deployments/{name}")
        status, wanted = found["status"], found["spec"]["replicas"]
        current = status.get("observedGeneration") == found["metadata"]["generation"]
        counts = [status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas")]
        return found if current and counts == [wanted] * 3 else None

    def deploy(self, body: Json) -> Json:
        """A deployment whose rollout is complete."""
        self.target.create(f"{self.apps}/deployments", body)
        return self.rolled_out(body["metadata"]["name"])

    def rolled_out(self, name: str) -> Json:
        """The deployment when its rollout is complete."""
        found = self.target.eventually(lambda: self.complete(name))
        assert found is not None
        return found

    def events(self, reason: str) -> list[Json]:
        """The events of that reason."""
        found: list[Json] = self.target.get(f"{self.core}/events")["items"]
        return [event for event in found if event["reason"] == reason]


def new_room(target: Target) -> Room:
    """A fresh namespace in which pods can be made."""
    room = Room(target, f"contract-{uuid.uuid4().hex[:8]}")
    target.create("/api/v1/namespaces", {"metadata": {"name": room.name}})
    target.eventually(lambda: _furnished(room))
    return room


def _furnished(room: Room) -> bool:
    """Whether pods can be made: the account is there, before 1.24 with the token secret that came with it."""
    answer = room.target.ask("GET", f"{room.core}/serviceaccounts/default")
    return answer.status == 200 and ("secrets" in answer.body or room.target.at_least(24))
