"""Every object we can make fits the schemas of a current Kubernetes: no field it does not know, no wrong type.

Each plan of the seed's catalogue with each recipe, in every option that changes an object; namespaces; deploy/.
"""

import copy
import itertools
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml

from minispod.catalog.recipes import all_recipes
from minispod.catalog.seeding import SEED_FILE
from minispod.instances.manifests import instance_manifests, namespace_manifests
from minispod.instances.naming import claim_name
from minispod.instances.workbench import workbench_manifests
from tests.plugins.rights import DEPLOY
from tests.strict import faults
from tests.unit.test_manifests import namespace_spec, only, spec_of

SLUGS = [recipe.slug for recipe in all_recipes()]
OPTIONS: list[dict[str, Any]] = [
    {},
    {"tls": False},
    {"tls_issuer": None},
    {"storage_class": None},
    {"priority_class": "minispod-tenant"},
    {"replicas": 0, "restarted_at": datetime(2026, 11, 20, 3, 0, tzinfo=UTC)},
    {"ingress_annotations": {"traefik.ingress.kubernetes.io/router.entrypoints": "websecure"}},
    {"cpu_request_ratio": 1.0, "memory_request_ratio": 1.0},
]


def _sizes() -> list[dict[str, int]]:
    """The different plans of the catalogue."""
    services = yaml.safe_load(SEED_FILE.read_text(encoding="utf-8"))["services"]
    found = {
        (plan["cpu_milli"], plan["memory_mb"], plan["storage_gb"])
        for service in services
        for plan in service["plans"]
    }
    return [
        {"cpu_milli": cpu, "memory_mb": memory, "storage_gb": max(1, storage)}
        for cpu, memory, storage in sorted(found)
    ]


@pytest.mark.parametrize("slug", SLUGS)
def test_every_instance_in_every_size_and_option_is_valid(slug):
    sizes = _sizes()
    assert len(sizes) >= 4

    for size, option in itertools.product(sizes, OPTIONS):
        for each in instance_manifests(spec_of(slug, **size, **option)):
            assert faults(each) == [], (each["kind"], size, option)


@pytest.mark.parametrize("slug", SLUGS)
def test_every_workbench_is_valid(slug):
    for option in OPTIONS:
        spec = spec_of(slug, **option)
        for where in ({}, {"node": "worker-1"}, {"avoid": ("worker-1", "worker-2")}):
            for each in workbench_manifests(spec, claim=claim_name(spec.name, 2), storage_gb=3, **where):
                assert faults(each) == [], (each["kind"], option, where)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"rolling_cpu_milli": 500, "rolling_memory_mb": 512},
        {"private_ranges": ("203.0.113.0/24", "2001:db8::/32")},
        {"pod_security": "baseline"},
        {"service_accounts_namespace": "minispod"},
        {"cpu_milli": 0, "memory_mb": 0, "storage_gb": 0, "instances": 0},
    ],
)
def test_every_namespace_is_valid(changes):
    for each in namespace_manifests(namespace_spec(**changes)):
        assert faults(each) == [], each["kind"]


@pytest.mark.parametrize("file", sorted(DEPLOY.glob("*.yaml")), ids=lambda file: file.name)
def test_what_operators_apply_is_valid(file):
    objects = list(yaml.safe_load_all(file.read_text(encoding="utf-8")))

    assert objects
    for each in objects:
        assert faults(each) == [], each["kind"]


def _planted(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    deployment = copy.deepcopy(only(instance_manifests(spec_of("wordpress")), "Deployment"))
    place = deployment
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return deployment


POD = ("spec", "template", "spec")


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("metdata",), {}, "unknown field metdata"),
        (
            (*POD, "containers", 1, "enviroment"),
            [],
            "unknown field spec.template.spec.containers[1].enviroment",
        ),
        ((*POD, "containers", 0, "securityContext", "runAsRoot"), False, "unknown field"),
        ((*POD, "initContainers", 0, "env"), "A=B", "cannot unmarshal string"),
        (("spec", "replicas"), "1", "cannot unmarshal string"),
        (("spec", "replicas"), True, "cannot unmarshal bool"),
        ((*POD, "automountServiceAccountToken"), "false", "cannot unmarshal string"),
        ((*POD, "containers", 0, "resources", "limits", "memory"), "1GB!", "quantities must match"),
        ((*POD, "topologySpreadConstraints", 0), {"maxSkew": 1}, "required"),
        ((*POD, "topologySpreadConstraints", 0, "whenUnsatisfiable"), "Perhaps", "Unsupported value"),
        (("metadata", "labels", "minispod.com/user"), "not a label!", "valid label"),
        (("apiVersion",), "apps/v2", "no such kind"),
    ],
)
def test_a_planted_mistake_is_found(path, value, told):
    assert told in " ".join(faults(_planted(path, value)))
