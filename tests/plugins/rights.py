"""MinisPod's own service accounts on a real cluster, as deploy/ makes them.

The tests run the program with their tokens. The administrator's kubeconfig is used to make them, and for what a test
wants to see with its own eyes.
"""

import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import config

from tests.contracts.kubernetes.target import Target

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
FILES = ("rights.yaml", "volume-usage.yaml", "join-tokens.yaml", "priority.yaml")
_GROUPS = {"v1": "/api/v1"}
_PLURALS = {
    "Namespace": "namespaces",
    "ServiceAccount": "serviceaccounts",
    "ClusterRole": "clusterroles",
    "ClusterRoleBinding": "clusterrolebindings",
    "PriorityClass": "priorityclasses",
    "Role": "roles",
    "RoleBinding": "rolebindings",
    "Secret": "secrets",
}
_BINDINGS = ("ClusterRoleBinding", "RoleBinding")
_TOKEN_SECONDS = 4 * 3600


@dataclass(frozen=True, slots=True)
class ServiceAccounts:
    """Kubeconfigs of our own accounts, and the namespace they live in."""

    namespace: str
    web: str
    worker: str


def deployed(name: str) -> list[dict[str, Any]]:
    """The objects of a file of deploy/."""
    return list(yaml.safe_load_all((DEPLOY / name).read_text(encoding="utf-8")))


def address_of(manifest: dict[str, Any]) -> str:
    """Where an object of deploy/ lives in the API."""
    prefix = _GROUPS.get(manifest["apiVersion"], f"/apis/{manifest['apiVersion']}")
    namespace = manifest["metadata"].get("namespace")
    within = f"/namespaces/{namespace}" if namespace else ""
    return f"{prefix}{within}/{_PLURALS[manifest['kind']]}/{manifest['metadata']['name']}"


def renamed(manifests: list[dict[str, Any]], namespace: str) -> list[dict[str, Any]]:
    """The same accounts in another namespace, so that several suites can use one cluster; the roles stay."""
    for each in manifests:
        metadata = each["metadata"]
        if each["kind"] == "Namespace":
            metadata["name"] = namespace
        elif each["kind"] == "ServiceAccount":
            metadata["namespace"] = namespace
        elif each["kind"] in _BINDINGS:
            metadata["name"] = f"{metadata['name']}-{namespace}"
            for subject in each["subjects"]:
                subject["namespace"] = namespace
    return manifests


@pytest.fixture(scope="session")
def service_accounts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceAccounts]:
    """Apply deploy/ to the cluster of --cluster, in a namespace of this session, and take it away at the end.

    The roles and the priority class are left: they are the same for everybody, and grant nothing by themselves.
    """
    admin = os.environ["KUBECONFIG"]
    target = Target("kubernetes", config.new_client_from_config(admin), None, 30.0)
    namespace = f"minispod-test-{uuid.uuid4().hex[:8]}"
    objects = renamed([each for file in FILES for each in deployed(file)], namespace)
    for each in objects:
        target.apply(address_of(each), each, force="true")
    directory = tmp_path_factory.mktemp("accounts")
    web, worker = (_kubeconfig(target, admin, namespace, name, directory) for name in ("web", "worker"))
    yield ServiceAccounts(namespace, web, worker)
    for each in objects:
        if each["kind"] in ("Namespace", *_BINDINGS):
            target.ask("DELETE", address_of(each))


def _kubeconfig(target: Target, admin: str, namespace: str, name: str, directory: Path) -> str:
    """A kubeconfig of the same cluster with a token of that account."""
    wish = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": _TOKEN_SECONDS},
    }
    account = f"/api/v1/namespaces/{namespace}/serviceaccounts/minispod-{name}"
    token = target.create(f"{account}/token", wish)["status"]["token"]
    content = yaml.safe_load(Path(admin).read_text(encoding="utf-8"))
    used = next(each for each in content["contexts"] if each["name"] == content["current-context"])
    used["context"]["user"] = name
    content |= {"contexts": [used], "users": [{"name": name, "user": {"token": token}}]}
    path = directory / name
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    path.chmod(0o600)
    return str(path)
