"""The walls of a customer's namespace do refuse: too much, too big, too powerful, misspelt."""

import copy
import json
from typing import Any

import pytest

from minispod.catalog.recipes import all_recipes
from minispod.cluster.port import ClusterRefused
from minispod.instances.manifests import instance_manifests, namespace_manifests
from minispod.integrations.kubernetes import paths
from minispod.integrations.kubernetes.adapter import KubernetesCluster
from minispod.integrations.kubernetes.client import APPLY_PATCH, ApiSaidNo
from tests.contracts.cluster.conftest import Customer, Target
from tests.plugins.rights import address_of, deployed

SLUGS = [recipe.slug for recipe in all_recipes()]
POD_SECURITY_CAME_WITH = 25
CAREFUL: dict[str, Any] = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


def pod_of(target: Target, spec: Any) -> dict[str, Any]:
    """The application's pod as the cluster has it."""
    seen = target.eventually(lambda: target.cluster.see(spec.namespace, spec.name))
    assert target.eventually(lambda: target.cluster.see(spec.namespace, spec.name).pod_name), seen
    name = target.cluster.see(spec.namespace, spec.name).pod_name
    return target.bare.get(paths.POD.one(spec.namespace, name))


def bare_pod(**changes: Any) -> dict[str, Any]:
    """A pod that breaks no rule by itself."""
    container = {
        "name": "one",
        "image": "busybox:1.36",
        "command": ["sleep", "60"],
        "securityContext": CAREFUL,
        "resources": {"limits": {"cpu": "50m", "memory": "32Mi"}},
    }
    spec = {
        "terminationGracePeriodSeconds": 1,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container | changes.pop("container", {})],
        **changes,
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "probe"}, "spec": spec}


def try_to_make(target: Target, namespace: str, pod: dict[str, Any]) -> str:
    """What the server says to a pod that is not to be kept: a refusal, or nothing."""
    query = {"fieldManager": "test", "force": "true", "dryRun": "All"}
    try:
        target.bare._ask(
            "PATCH", paths.POD.one(namespace, "probe"), query=query, body=pod, content_type=APPLY_PATCH
        )
    except ApiSaidNo as refusal:
        if refusal.status != 403:
            raise
        return refusal.message
    return ""


@pytest.fixture
def walled(target: Target, customer: Customer) -> str:
    """A customer's namespace as the program makes it."""
    target.cluster.apply(namespace_manifests(customer.walls()))
    target.eventually(
        lambda: target.bare.get(paths.QUOTA.one(customer.namespace, "plans")).get("status", {}).get("used")
    )
    return customer.namespace


def test_pod_beyond_the_plans_is_refused(target, walled):
    """Together they would be more than the customer pays for."""
    fits = {
        "resources": {
            "limits": {"cpu": "1000m", "memory": "1024Mi"},
            "requests": {"cpu": "1m", "memory": "1Mi"},
        }
    }
    assert try_to_make(target, walled, bare_pod(container=fits)) == ""
    both = bare_pod()
    both["spec"]["containers"] = [
        {**both["spec"]["containers"][0], **fits, "name": name} for name in ("one", "two")
    ]

    told = try_to_make(target, walled, both)

    assert "exceeded quota: plans" in told
    assert "limits.cpu=2" in told


def test_container_bigger_than_all_plans_is_refused_by_the_limit_range(target, walled):
    big = {
        "resources": {"limits": {"cpu": "3", "memory": "64Mi"}, "requests": {"cpu": "1m", "memory": "1Mi"}}
    }

    told = target.eventually(lambda: try_to_make(target, walled, bare_pod(container=big)))

    assert "maximum cpu usage per Container is 1, but limit is 3" in told


def test_container_that_states_nothing_is_bounded(target, walled):
    silent = bare_pod()
    del silent["spec"]["containers"][0]["resources"]
    address = paths.POD.one(walled, "probe")

    target.bare.apply(address, silent, "test")

    resources = target.bare.get(address)["spec"]["containers"][0]["resources"]
    assert resources["limits"] == {"cpu": "200m", "memory": "128Mi"}


def test_customer_is_told_in_plain_words_that_the_plan_is_too_small(target, customer):
    customer.room = {"cpu_milli": 100, "memory_mb": 1024}
    spec = customer.spec("ghost-blog", cpu_milli=1500)
    customer.apply(spec)

    trouble = target.eventually(lambda: target.cluster.see(spec.namespace, spec.name).trouble)

    assert trouble.reason == "quota"
    assert "quota" in trouble.sentence


@pytest.mark.parametrize(
    ("what", "changes"),
    [
        ("privileged", {"container": {"securityContext": {"privileged": True}}}),
        ("hostNetwork", {"hostNetwork": True}),
        ("hostPID", {"hostPID": True}),
        ("hostPath", {"volumes": [{"name": "host", "hostPath": {"path": "/"}}]}),
        ("runAsNonRoot", {"securityContext": {}, "container": {"securityContext": {}}}),
    ],
)
def test_powerful_pods_are_refused_where_the_server_knows_how(target, walled, what, changes):
    """Servers before 1.25 have no Pod Security: there only our own manifests, which ask for nothing, protect."""
    told = try_to_make(target, walled, bare_pod(**copy.deepcopy(changes)))

    if minor_of(target) >= POD_SECURITY_CAME_WITH:
        assert 'violates PodSecurity "restricted' in told
        assert what.lower() in told.lower().replace(" ", "")
    else:
        assert told == ""


@pytest.mark.parametrize("slug", SLUGS)
def test_every_recipe_may_run_behind_the_walls(target, walled, slug):
    """Its pod is one that the enforced level "restricted" accepts, with the names that the Deployment gives it."""
    customer = Customer(target)
    objects = instance_manifests(customer.spec(slug, namespace=walled))
    template = next(each for each in objects if each["kind"] == "Deployment")["spec"]["template"]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "probe"}, "spec": template["spec"]}

    assert try_to_make(target, walled, pod) == ""


def minor_of(target: Target) -> int:
    """The server's minor version."""
    return int("".join(filter(str.isdigit, target.bare.get("/version")["minor"])))


def test_pod_gets_no_token_and_wishes_for_another_node_than_its_siblings(target, customer):
    spec = customer.spec("ghost-blog")
    customer.apply(spec)

    pod = pod_of(target, spec)

    mounts = [mount["mountPath"] for each in pod["spec"]["containers"] for mount in each["volumeMounts"]]
    assert not [path for path in mounts if "secrets" in path]
    assert {next(iter(set(each) - {"name"})) for each in pod["spec"]["volumes"]} <= {
        "emptyDir",
        "persistentVolumeClaim",
    }
    [spread] = pod["spec"]["topologySpreadConstraints"]
    assert (spread["topologyKey"], spread["whenUnsatisfiable"]) == (
        "kubernetes.io/hostname",
        "ScheduleAnyway",
    )


def test_customers_pods_come_after_the_platforms(target, customer):
    [priority] = deployed("priority.yaml")
    target.bare.apply(address_of(priority), priority, "minispod")
    spec = customer.spec("ghost-blog", priority_class="minispod-tenant")
    customer.apply(spec)

    pod = pod_of(target, spec)

    assert pod["spec"]["priority"] == -10
    assert pod["spec"]["preemptionPolicy"] == "Never"


def test_priority_class_that_is_not_there_keeps_the_pod_from_being_made(target, customer):
    spec = customer.spec("ghost-blog", priority_class="minispod-test-none")
    customer.apply(spec)

    target.eventually(lambda: target.cluster.see(spec.namespace, spec.name).trouble)

    assert target.cluster.see(spec.namespace, spec.name).pod_name is None


def planted(objects: list[dict[str, Any]], kind: str, path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """One of the objects with a value put somewhere."""
    manifest = copy.deepcopy(next(each for each in objects if each["kind"] == kind))
    place = manifest
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return manifest


CONTAINER = ("spec", "template", "spec", "containers", 0)
MISTAKES = [
    ("Deployment", (*CONTAINER, "enviroment"), []),
    ("Deployment", ("spec", "template", "spec", "terminationGracePeriod"), 60),
    ("Deployment", ("spec", "replicas"), "1"),
    ("Deployment", (*CONTAINER, "readinessProbe", "periodSeconds"), "10"),
    ("Service", ("spec", "selecter"), {}),
    ("Service", ("spec", "ports", 0, "port"), "http"),
    ("PersistentVolumeClaim", ("spec", "storageClass"), "local-path"),
    ("Ingress", ("spec", "rules", 0, "hostname"), "a.example"),
    ("NetworkPolicy", ("spec", "policyType"), ["Egress"]),
    ("ResourceQuota", ("spec", "hard"), ["pods"]),
    ("LimitRange", ("spec", "limits", 0, "maximum"), {}),
]


@pytest.mark.parametrize(("kind", "path", "value"), MISTAKES)
def test_field_that_does_not_exist_or_has_another_type_is_refused(target, customer, kind, path, value):
    """Also by servers that know nothing of fieldValidation: server-side apply itself needs to know every field."""
    walls = namespace_manifests(customer.walls())
    target.cluster.apply(walls)
    objects = [*instance_manifests(customer.spec("ghost-blog")), *walls]

    with pytest.raises(ClusterRefused) as refusal:
        target.cluster.apply([planted(objects, kind, path, value)])

    assert str(path[-1]) in refusal.value.message


def test_mistake_in_a_secret_is_refused_without_its_values(target, customer):
    target.cluster.apply(namespace_manifests(customer.walls()))
    objects = instance_manifests(customer.spec("postgresql"))
    secret = next(each for each in objects if each["kind"] == "Secret")
    values = json.dumps(secret["data"])

    with pytest.raises(ClusterRefused) as refusal:
        target.cluster.apply([{**secret, "data": [values]}])

    assert values[:20] not in f"{refusal.value} {refusal.value.details}"


def test_adapter_asks_for_strictness(target, customer, monkeypatch):
    """Servers from 1.25 on then refuse also what server-side apply would let pass, such as a key given twice."""
    asked: list[Any] = []
    original = type(target.bare)._ask

    def noting(self, method, path, **more):
        asked.append(more["query"].get("fieldValidation"))
        return original(self, method, path, **more)

    monkeypatch.setattr(type(target.bare), "_ask", noting)

    KubernetesCluster(target.kubeconfig).apply(namespace_manifests(customer.walls())[:1])

    assert asked == ["Strict"]
