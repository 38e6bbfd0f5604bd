"""Faults: what the cluster cannot do is explained, and its silence ends within a bound."""

import dataclasses
import socket
import time
from pathlib import Path

import pytest
import yaml

from minispod.catalog.recipes import get_recipe
from minispod.cluster.port import ClusterRefused, ClusterUnavailable, NoSuchObject
from minispod.instances.manifests import instance_manifests, namespace_manifests
from minispod.integrations.kubernetes.adapter import KubernetesCluster
from minispod.integrations.kubernetes.client import TIMEOUT
from minispod.kernel.unit_of_work import UnitOfWorkMisuse, _open


def trouble(target, spec):
    def ask():
        seen = target.cluster.see(spec.namespace, spec.name)
        assert not seen.is_ready
        return seen.trouble

    return target.eventually(ask)


def test_image_that_does_not_exist_is_named(target, customer):
    recipe = get_recipe("ghost-blog").model_copy(update={"image": "minispod-test/does-not-exist:1.0"})
    spec = customer.spec(recipe)

    customer.apply(spec)

    found = trouble(target, spec)
    assert found.reason == "image_pull"
    assert "minispod-test/does-not-exist:1.0" in found.sentence


def test_application_that_keeps_ending_is_told_as_crash(target, customer):
    spec = customer.spec("ghost-blog")
    customer.apply(spec)
    target.eventually(lambda: target.cluster.see(spec.namespace, spec.name).is_ready)

    target.make_crash(spec)

    def ask():
        seen = target.cluster.see(spec.namespace, spec.name)
        return seen.trouble and seen.trouble.reason == "crash_loop" and seen.restarts

    assert target.eventually(ask)


def test_plan_without_room_is_told_as_quota(target, poor_customer):
    spec = poor_customer.spec("ghost-blog", cpu_milli=2000, memory_mb=2048)

    poor_customer.apply(spec)

    assert trouble(target, spec).reason == "quota"


def test_volume_beyond_the_plans_is_refused_with_the_reason(target, poor_customer):
    spec = poor_customer.spec("ghost-blog", storage_gb=50)

    with pytest.raises(ClusterRefused, match="quota"):
        poor_customer.apply(spec)


def test_pod_that_fits_nowhere_waits_for_a_place(target, customer):
    customer.room = {"cpu_milli": 20_000_000, "memory_mb": 20_000_000}
    spec = customer.spec("ghost-blog", cpu_milli=10_000_000, memory_mb=10_000_000)

    customer.apply(spec)

    assert trouble(target, spec).reason == "unschedulable"


def test_instance_after_a_raised_quota_needs_no_second_try(target, poor_customer):
    poor_customer.apply(poor_customer.spec("ghost-blog"))
    poor_customer.room = {"storage_gb": 3, "instances": 3}

    poor_customer.apply(poor_customer.spec("n8n-automation"))
    poor_customer.apply(poor_customer.spec("postgresql"))


def test_invalid_object_is_refused_and_secrets_stay_secret(target, customer):
    spec = customer.spec("postgresql", secrets={"POSTGRES_PASSWORD": "hunter2-hunter2"})
    target.cluster.apply(namespace_manifests(customer.walls()))
    secret = next(each for each in instance_manifests(spec) if each["kind"] == "Secret")
    secret["metadata"]["name"] = "Not_A_Name"

    with pytest.raises(ClusterRefused) as refusal:
        target.cluster.apply([secret])

    told = f"{refusal.value} {refusal.value.details}"
    assert "hunter2" not in told
    assert secret["data"]["POSTGRES_PASSWORD"] not in told


def test_selector_that_cannot_change_is_refused(target, customer):
    spec = customer.spec("ghost-blog")
    customer.apply(spec)
    other = dataclasses.replace(customer.spec("ghost-blog"), name=spec.name)

    with pytest.raises(ClusterRefused):
        customer.apply(other)


def test_what_is_not_there_is_said_to_be_missing(target, customer):
    cluster = target.cluster

    assert cluster.see("user-nobody", "nothing") is None
    assert cluster.delete_namespace("user-nobody")
    assert cluster.delete_instance("user-nobody", "none", with_volume=True)
    with pytest.raises(NoSuchObject):
        cluster.scale("user-nobody", "nothing", 1)
    with pytest.raises(NoSuchObject):
        target.web.tail_logs("user-nobody", "nothing", container="app", lines=1)


def test_nobody_talks_to_the_cluster_inside_a_unit_of_work(target):
    token = _open.set(True)
    try:
        with pytest.raises(UnitOfWorkMisuse):
            target.cluster.version()
    finally:
        _open.reset(token)


@pytest.fixture
def elsewhere(target, tmp_path):
    """Make a cluster of the same kubeconfig at another address."""

    def _elsewhere(port, **options):
        content = yaml.safe_load(Path(target.kubeconfig).read_text())
        for entry in content["clusters"]:
            entry["cluster"]["server"] = f"http://127.0.0.1:{port}"
            entry["cluster"].pop("certificate-authority-data", None)
            entry["cluster"].pop("certificate-authority", None)
        path = tmp_path / "kubeconfig"
        path.write_text(yaml.safe_dump(content))
        return KubernetesCluster(str(path), **options)

    return _elsewhere


def test_server_that_takes_the_call_and_says_nothing_is_given_up(elsewhere):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        cluster = elsewhere(mute.getsockname()[1], timeout=(1, 1))
        started = time.monotonic()

        with pytest.raises(ClusterUnavailable):
            cluster.version()

        assert time.monotonic() - started < TIMEOUT[1], "it was told to wait for a second"


def test_nobody_waits_long_for_the_cluster_by_default():
    assert TIMEOUT == (3, 10)


def test_server_that_is_not_there_is_noticed_at_once(elsewhere):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    cluster = elsewhere(port)
    started = time.monotonic()

    with pytest.raises(ClusterUnavailable):
        cluster.version()

    assert time.monotonic() - started < TIMEOUT[0], "sooner than one that does not answer"


@pytest.mark.parametrize("content", [None, "", "a: [", "clusters: []", "kind: Config\ncurrent-context: none"])
def test_kubeconfig_that_is_none_is_told_to_the_operator_not_to_the_customer(tmp_path, content):
    path = tmp_path / "kubeconfig"
    if content is not None:
        path.write_text(content)

    with pytest.raises(ClusterUnavailable) as silence:
        KubernetesCluster(str(path)).version()

    assert silence.value.code == "cluster.not_configured"
    assert str(path) in silence.value.reason
    assert str(path) not in silence.value.message
