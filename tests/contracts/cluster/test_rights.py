"""Our own rights: what deploy/rights.yaml grants is what the program asks for, no more and no less.

What it asks for is not written down anywhere: every act of the adapter is carried out on the simulator, and each
request is noted. On the real cluster the whole folder runs with the accounts' own tokens; here is what they may not.
"""

import dataclasses
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from kubernetes import client

from minispod.catalog.recipes import all_recipes
from minispod.cluster.joining.requesting import SLOTS
from minispod.instances.manifests import instance_manifests
from minispod.instances.namespace_manifests import TENANT_ROLES
from minispod.instances.naming import claim_name, workbench_name
from minispod.instances.orphan_finding import KINDS
from minispod.instances.workbench import workbench_manifests
from minispod.integrations.kubernetes import paths
from minispod.integrations.kubernetes.adapter import _INVENTORY, _METRICS, KubernetesCluster
from tests.contracts.cluster.conftest import Customer, Target, on_simulator
from tests.plugins.rights import FILES, deployed
from tests.plugins.simulators import Simulator

AT = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
MINISPOD = Path(__file__).resolve().parents[3] / "minispod"
APPLY_PATCH = "application/apply-patch+yaml"
# What web and realtime call; everything else is the workers'. test_web_calls_nothing_else keeps it true.
OF_THE_WEB = {
    "version",
    "inventory",
    "see_all",
    "usages",
    "tail_logs",
    "follow_logs",
    "events_of",
    "objects_of",
}
# An administrator may have the cluster looked at from the web too.
OF_BOTH = {"see_all", "usages"}
WEB_CODE = ("api", "admin", "realtime", "cluster/monitoring.py", "instances/looking.py", "health.py")
ADDRESS = re.compile(
    r"/(?:api/v1|apis/(?P<group>[^/]+)/[^/]+)(?:/namespaces/(?P<namespace>[^/]+)(?=/))?"
    r"/(?P<plural>[^/]+)(?:/(?P<name>[^/]+))?(?:/(?P<below>[^/]+))?"
)


class Right(NamedTuple):
    """May do `verb` to `resource` of `group`: of the whole cluster, or (`inside`) in a customer's namespace."""

    verb: str
    group: str
    resource: str
    inside: bool


def needed_for(method: str, path: str, content_type: str) -> set[Right]:
    """What a request asks of the authorizer, as Kubernetes derives it."""
    found = ADDRESS.match(path)
    if not found:  # /version and the like: open to everybody who has signed in
        return set()
    plural, below, name = found["plural"], found["below"], found["name"]
    resource = f"{plural}/{below}" if below else plural
    verbs = {
        "GET": {"get"} if name else {"list"},
        "PATCH": {"patch", "create"} if content_type == APPLY_PATCH else {"patch"},
        "DELETE": {"delete"} if name else {"deletecollection"},
        "POST": {"create"},
        "PUT": {"update"},
    }[method]
    if below == "exec":  # with a WebSocket; servers from 1.35 on ask for both
        verbs |= {"create"}
    return {Right(verb, found["group"] or "", resource, bool(found["namespace"])) for verb in verbs}


@pytest.fixture
def addressed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, str]]:
    """Method, path and content type of every request of the adapter since the test began."""
    sent: list[tuple[str, str, str]] = []
    original = client.ApiClient.param_serialize

    def noting(self: Any, method: str, resource_path: str, *args: Any, **more: Any) -> Any:
        sent.append((method, resource_path, (more.get("header_params") or {}).get("Content-Type", "")))
        return original(self, method, resource_path, *args, **more)

    monkeypatch.setattr(client.ApiClient, "param_serialize", noting)
    return sent


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> set[Right]:
    """The rights that were needed since the test began; every request of the adapter is made up by this function."""
    needed: set[Right] = set()
    original = client.ApiClient.param_serialize

    def noting(self: Any, method: str, resource_path: str, *args: Any, **more: Any) -> Any:
        headers = more.get("header_params") or {}
        needed.update(needed_for(method, resource_path, headers.get("Content-Type", "")))
        return original(self, method, resource_path, *args, **more)

    monkeypatch.setattr(client.ApiClient, "param_serialize", noting)
    return needed


class Scene(NamedTuple):
    """What the acts are carried out on: a running instance with all kinds of objects."""

    target: Target
    cluster: KubernetesCluster
    customer: Customer
    spec: Any


@pytest.fixture
def scene(kubernetes_simulator: Simulator) -> Iterator[Scene]:
    """A running instance in the simulator."""
    target = dataclasses.replace(on_simulator(kubernetes_simulator), service_accounts_namespace="minispod")
    customer = Customer(target, {"cpu_milli": 9000, "memory_mb": 9000, "storage_gb": 20, "instances": 12})
    spec = customer.spec("n8n-automation", tls=True, tls_issuer="letsencrypt", storage_gb=2)
    customer.apply(spec)
    target.eventually(lambda: target.cluster.see(spec.namespace, spec.name).is_ready)
    labels = {"minispod.com/instance": str(spec.instance_id)}
    stray = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "stray", "labels": labels}}
    certificate = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": spec.names.certificate}}
    for each in (stray, certificate):
        address = paths.kind_of(each).one(spec.namespace, each["metadata"]["name"])
        target.bare.apply(address, each, "somebody")
    yield Scene(target, KubernetesCluster(target.kubeconfig), customer, spec)
    target.cluster.delete_namespace(customer.namespace)


def apply_all(scene: Scene) -> None:
    """All there is for each recipe, a quota that is waited for, and a volume that keeps its size."""
    scene.customer.room["instances"] += 1
    scene.customer.apply(scene.spec)
    fresh = claim_name(scene.spec.name, 2)
    scene.cluster.apply(workbench_manifests(scene.spec, claim=fresh, storage_gb=1))
    for recipe in all_recipes():
        scene.cluster.apply(instance_manifests(scene.customer.spec(recipe)))
    scene.cluster.apply(instance_manifests(dataclasses.replace(scene.spec, storage_gb=1)))
    # Whatever the controller made of it has ended before the next act looks at the pod.
    scene.target.eventually(lambda: scene.cluster.see(scene.spec.namespace, scene.spec.name).is_ready)


def follow(scene: Scene) -> None:
    """Open a log that goes on, and close it."""
    scene.cluster.follow_logs(scene.spec.namespace, scene.spec.name, container="app", lines=1).close()


def inventory(scene: Scene) -> None:
    """Every list that staff are shown; volume claims are looked through by the worker alone."""
    for kind in {*_INVENTORY, *_METRICS} - {"claims"}:
        scene.cluster.inventory(kind)


def see_certificate(scene: Scene) -> None:
    """Of a domain, from cert-manager where it is, else from the Secret."""
    scene.cluster.see_certificate(scene.spec.namespace, scene.spec.names.certificate)


def delete_instance(scene: Scene) -> None:
    """To the end, with the volume."""
    namespace, instance = scene.spec.namespace, str(scene.spec.instance_id)
    scene.target.eventually(lambda: scene.cluster.delete_instance(namespace, instance, with_volume=True))


def write(scene: Scene) -> None:
    """Give a command something to read."""
    pod = scene.cluster.see(scene.spec.namespace, scene.spec.name).pod_name
    scene.cluster.write_to(scene.spec.namespace, pod, "app", ["cat"], [b"four"], 4)


def read(scene: Scene) -> None:
    """Read what a command writes."""
    pod = scene.cluster.see(scene.spec.namespace, scene.spec.name).pod_name
    assert list(scene.cluster.read_from(scene.spec.namespace, pod, "app", ["echo", "x"]))


def events(scene: Scene) -> None:
    """Of an application whose container ended, so that the log of its run before is asked for too."""
    target, spec = scene.target, scene.spec
    target.make_crash(spec)
    target.eventually(lambda: target.cluster.see(spec.namespace, spec.name).restarts)
    scene.cluster.events_of(spec.namespace, spec.name)


def node_of(scene: Scene) -> str:
    """Where the instance runs."""
    return str(scene.cluster.see(scene.spec.namespace, scene.spec.name).node_name)


def cordon(scene: Scene) -> None:
    """Take a node out of service, and put it back."""
    node = node_of(scene)
    scene.cluster.set_schedulable(node, is_schedulable=False)
    scene.cluster.set_schedulable(node, is_schedulable=True)


def evict(scene: Scene) -> None:
    """Ask the pod to leave; whatever comes after it finds the next one running."""
    namespace, name = scene.spec.namespace, scene.spec.name
    old = scene.cluster.see(namespace, name).pod_name
    scene.cluster.evict(namespace, old)
    scene.target.eventually(lambda: _is_another(scene, old))


def _is_another(scene: Scene, old: str) -> bool:
    seen = scene.target.cluster.see(scene.spec.namespace, scene.spec.name)
    return bool(seen.is_ready and seen.pod_name != old)


def put_tokens(scene: Scene) -> None:
    """Fill the empty Secrets of deploy/, which an administrator has made."""
    for each in deployed("join-tokens.yaml"):
        if each["kind"] == "Secret":
            address = paths.SECRET.one("kube-system", each["metadata"]["name"])
            scene.target.bare.apply(address, each, "an administrator")
    for slot in SLOTS:
        scene.cluster.put_join_token(slot, "abcdefghijklmnop", expires_at=AT)


def clear_tokens(scene: Scene) -> None:
    """Empty them again."""
    for slot in SLOTS:
        scene.cluster.clear_join_token(slot)


# One line per public method of the adapter, in an order in which each finds what it needs.
ACTS: dict[str, Callable[[Scene], object]] = {
    "version": lambda scene: scene.cluster.version(),
    "apply": apply_all,
    "see": lambda scene: scene.cluster.see(scene.spec.namespace, scene.spec.name),
    "see_all": lambda scene: scene.cluster.see_all(),
    "usages": lambda scene: scene.cluster.usages(),
    "nodes": lambda scene: scene.cluster.nodes(),
    "inventory": inventory,
    "pods_on": lambda scene: scene.cluster.pods_on(node_of(scene)),
    "set_schedulable": cordon,
    "evict": evict,
    "authority": lambda scene: scene.cluster.authority(),
    "put_join_token": put_tokens,
    "clear_join_token": clear_tokens,
    "tail_logs": lambda scene: scene.cluster.tail_logs(
        scene.spec.namespace, scene.spec.name, container="app", lines=1
    ),
    "follow_logs": follow,
    "objects_of": lambda scene: scene.cluster.objects_of(scene.spec.namespace, str(scene.spec.instance_id)),
    "read_from": read,
    "write_to": write,
    "see_pod": lambda scene: scene.cluster.see_pod(scene.spec.namespace, workbench_name(scene.spec.name)),
    "delete_pod": lambda scene: scene.cluster.delete_pod(
        scene.spec.namespace, workbench_name(scene.spec.name)
    ),
    "delete_claim": lambda scene: scene.cluster.delete_claim(
        scene.spec.namespace, claim_name(scene.spec.name, 2)
    ),
    "delete_workload": lambda scene: scene.cluster.delete_workload(
        scene.spec.namespace, "left-behind", instance_label=""
    ),
    "delete_secret": lambda scene: scene.cluster.delete_secret(
        scene.spec.namespace, workbench_name(scene.spec.name)
    ),
    "volumes": lambda scene: scene.cluster.volumes(),
    "see_certificate": see_certificate,
    "withdraw_domains": lambda scene: scene.cluster.withdraw_domains(
        scene.spec.namespace, str(scene.spec.instance_id), keep=[]
    ),
    "volume_usages": lambda scene: scene.cluster.volume_usages(),
    "events_of": events,
    "scale": lambda scene: scene.cluster.scale(scene.spec.namespace, scene.spec.name, 1),
    "restart": lambda scene: scene.cluster.restart(scene.spec.namespace, scene.spec.name, AT),
    "prune": lambda scene: scene.cluster.prune(
        scene.spec.namespace, str(scene.spec.instance_id), instance_manifests(scene.spec)
    ),
    "delete_instance": delete_instance,
    "delete_namespace": lambda scene: scene.cluster.delete_namespace(scene.spec.namespace),
}


def granted(role: str, *, inside: bool) -> set[Right]:
    """What a ClusterRole of deploy/ grants where it is bound."""
    rules = next(
        each["rules"]
        for file in FILES
        for each in deployed(file)
        if (each["kind"], each["metadata"]["name"]) == ("ClusterRole", role)
    )
    return {
        Right(verb, group, resource, inside)
        for rule in rules
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }


BIND = Right("bind", "rbac.authorization.k8s.io", "clusterroles", inside=False)


def judge(account: str, needed: set[Right]) -> None:
    """Compare what an account needed with what it has: everywhere, and in customers' namespaces."""
    everywhere = granted(account, inside=False)
    if account == "minispod-worker":
        everywhere |= granted("minispod-volume-usage", inside=False)
    in_namespace = granted(TENANT_ROLES[account], inside=True)
    beyond_cluster = {right for right in needed if right._replace(inside=False) not in everywhere}
    # customers' namespaces are where the adapter works, except for the rights themselves, which must come first
    assert beyond_cluster - in_namespace == set(), "needed, but not granted"
    assert in_namespace - beyond_cluster == set(), "granted in customers' namespaces, but not needed there"
    unused = {right for right in everywhere if not {right, right._replace(inside=True)} & needed}
    assert unused == set(), "granted for the whole cluster, but not needed"


def test_every_act_of_the_adapter_is_looked_at():
    public = {name for name, value in vars(KubernetesCluster).items() if callable(value) and name[0] != "_"}

    assert public == set(ACTS)


def test_accounts_have_the_rights_they_use_and_no_others(scene, asked):
    of_worker, of_web = {BIND}, set()
    for name, act in ACTS.items():
        asked.clear()
        act(scene)
        if name in OF_THE_WEB:
            of_web.update(asked)
        if name not in OF_THE_WEB or name in OF_BOTH:
            of_worker.update(asked)

    asked.clear()
    for kind in KINDS.values():  # what nobody owns is found by the worker
        scene.cluster.inventory(kind)
    of_worker.update(asked)
    # whoever is refused in a namespace looks whether it is there (KubernetesClient._look_at)
    of_web.add(Right("get", "", "namespaces", inside=False))
    judge("minispod-worker", of_worker)
    judge("minispod-web", of_web)


def test_only_the_two_roles_of_customers_namespaces_can_be_bound():
    worker = next(
        each
        for each in deployed("rights.yaml")
        if (each["kind"], each["metadata"]["name"]) == ("ClusterRole", "minispod-worker")
    )
    [binding] = [rule for rule in worker["rules"] if "bind" in rule["verbs"]]

    assert sorted(binding["resourceNames"]) == sorted(TENANT_ROLES.values())
    assert binding["verbs"] == ["bind"]


@pytest.mark.parametrize("role", ["minispod-web", "minispod-worker", *TENANT_ROLES.values()])
def test_nothing_is_granted_by_a_wildcard(role):
    for right in granted(role, inside=False):
        assert "*" not in right
        assert right.verb not in ("escalate", "impersonate")


def test_no_secret_is_readable_outside_customers_namespaces():
    for role in ("minispod-web", "minispod-worker", "minispod-tenant-reader"):
        assert not {right for right in granted(role, inside=False) if right.resource == "secrets"}


def test_tokens_of_workers_are_changed_in_their_own_secrets_and_nothing_else_is(
    scene: Scene, addressed: list[tuple[str, str, str]]
) -> None:
    put_tokens(scene)
    addressed.clear()  # what an administrator did
    put = [(slot, "abcdefghijklmnop") for slot in SLOTS]
    for slot, secret in put:
        scene.cluster.put_join_token(slot, secret, expires_at=AT)
    clear_tokens(scene)

    files = {(each["kind"], each["metadata"]["name"]): each for each in deployed("join-tokens.yaml")}
    names = sorted(name for kind, name in files if kind == "Secret")
    assert names == [f"bootstrap-token-{slot}" for slot in SLOTS]
    wanted = {f"/api/v1/namespaces/kube-system/secrets/{name}" for name in names}
    assert {path for _, path, _ in addressed} == wanted
    assert {needed.verb for each in addressed for needed in needed_for(*each)} == {"patch"}
    role = files["Role", "minispod-join-tokens"]
    assert role["metadata"]["namespace"] == "kube-system"
    assert role["rules"] == [
        {"apiGroups": [""], "resources": ["secrets"], "resourceNames": names, "verbs": ["patch"]}
    ]
    binding = files["RoleBinding", "minispod-join-tokens"]
    assert [each["name"] for each in binding["subjects"]] == ["minispod-worker"]
    assert not any(kind.startswith("Cluster") for kind, _ in files)


def test_the_secrets_of_tokens_are_deployed_empty() -> None:
    for each in deployed("join-tokens.yaml"):
        if each["kind"] == "Secret":
            assert each["type"] == "bootstrap.kubernetes.io/token"
            assert "data" not in each
            assert "stringData" not in each


def test_web_calls_nothing_else():
    acts = "|".join(ACTS)
    call = re.compile(rf"cluster\.({acts})\(")
    files = [file for part in WEB_CODE for file in _files(MINISPOD / part)]

    called = {name for file in files for name in call.findall(file.read_text(encoding="utf-8"))}

    assert called <= OF_THE_WEB
    assert "tail_logs" in called  # the search finds something


def _files(place: Path) -> list[Path]:
    return sorted(place.rglob("*.py")) if place.is_dir() else [place]
