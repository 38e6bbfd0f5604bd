"""The whole life of an instance of each recipe: made, repaired, stopped, started, restarted, removed."""

from datetime import UTC, datetime, timedelta

import pytest
import requests

from minispod.catalog.recipes import all_recipes
from minispod.instances.manifests import instance_manifests, spec_hash
from minispod.integrations.kubernetes import paths
from minispod.integrations.kubernetes.client import ApiSaidNo

AT = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
SLUGS = [recipe.slug for recipe in all_recipes()]


def ready(target, spec):
    def ask():
        seen = target.cluster.see(spec.namespace, spec.name)
        return seen if seen and seen.is_ready else None

    return target.eventually(ask)


def stopped(target, spec):
    target.eventually(lambda: target.cluster.see(spec.namespace, spec.name).is_stopped)


def exists(target, kind, spec, name):
    try:
        return target.bare.get(kind.one(spec.namespace, name))
    except ApiSaidNo as refusal:
        if refusal.status != 404:
            raise
        return None


@pytest.mark.timeout(400)
@pytest.mark.parametrize("slug", SLUGS)
def test_instance_lives_and_goes(target, customer, slug):
    spec = customer.spec(slug)
    cluster = target.cluster

    customer.apply(spec)
    first = ready(target, spec)
    assert first.spec_hash == spec_hash(spec)
    assert first.instance_id == str(spec.instance_id)
    assert first.trouble is None
    answers_through_the_ingress(target, spec)

    cluster.scale(spec.namespace, spec.name, 0)
    stopped(target, spec)
    assert not cluster.see(spec.namespace, spec.name).is_ready
    cluster.scale(spec.namespace, spec.name, 1)
    started = ready(target, spec)
    assert started.pod_name != first.pod_name

    cluster.restart(spec.namespace, spec.name, AT)
    target.eventually(lambda: cluster.see(spec.namespace, spec.name).pod_name != started.pod_name)
    restarted = ready(target, spec)
    cluster.restart(spec.namespace, spec.name, AT)
    assert ready(target, spec).pod_name == restarted.pod_name

    assert target.eventually(
        lambda: target.web.tail_logs(spec.namespace, spec.name, container="app", lines=5)
    )

    removed_with_its_data_kept_and_brought_back(target, customer, spec)

    target.eventually(
        lambda: cluster.delete_instance(spec.namespace, str(spec.instance_id), with_volume=True)
    )
    assert exists(target, paths.CLAIM, spec, spec.names.claim) is None
    target.eventually(lambda: cluster.delete_namespace(spec.namespace))
    assert cluster.delete_namespace(spec.namespace)


def answers_through_the_ingress(target, spec):
    if spec.recipe.expose != "http" or target.ingress is None:
        return
    address = target.ingress if "://" in target.ingress else f"http://{target.ingress}"

    def ask():
        answer = requests.get(address, headers={"Host": spec.host}, timeout=5, allow_redirects=False)
        return answer.status_code < 400

    target.eventually(ask)


def removed_with_its_data_kept_and_brought_back(target, customer, spec):
    cluster = target.cluster
    volume = exists(target, paths.CLAIM, spec, spec.names.claim)["metadata"]["uid"]

    target.eventually(
        lambda: cluster.delete_instance(spec.namespace, str(spec.instance_id), with_volume=False)
    )
    assert cluster.see(spec.namespace, spec.name) is None
    assert exists(target, paths.SECRET, spec, spec.names.secret) is None
    assert exists(target, paths.CLAIM, spec, spec.names.claim)["metadata"]["uid"] == volume

    customer.apply(spec)
    ready(target, spec)
    assert exists(target, paths.CLAIM, spec, spec.names.claim)["metadata"]["uid"] == volume


@pytest.mark.timeout(400)
@pytest.mark.parametrize("slug", [recipe.slug for recipe in all_recipes() if recipe.companions])
def test_companions_stop_and_start_with_the_application_and_keep_the_volume(target, customer, slug):
    def pods():
        path = paths.POD.within(spec.namespace)
        return list(target.bare.items(path, labelSelector=f"minispod.com/instance={spec.instance_id}"))

    spec = customer.spec(slug)
    customer.apply(spec)
    ready(target, spec)
    volume = exists(target, paths.CLAIM, spec, spec.names.claim)["metadata"]["uid"]
    [before] = pods()

    target.cluster.scale(spec.namespace, spec.name, 0)
    stopped(target, spec)
    assert pods() == []
    target.cluster.scale(spec.namespace, spec.name, 1)
    ready(target, spec)

    [after] = pods()
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    assert exists(target, paths.CLAIM, spec, spec.names.claim)["metadata"]["uid"] == volume
    statuses = after["status"]["containerStatuses"]
    assert {each["name"] for each in statuses if each["ready"]} == {"app", "database"}
    places = {
        container["name"]: [
            (mount["name"], mount["subPath"])
            for mount in container["volumeMounts"]
            if mount["name"] == "data"
        ]
        for container in after["spec"]["containers"]
    }
    assert places == {"app": [("data", "site")], "database": [("data", "database")]}
    [claimed] = [each for each in after["spec"]["volumes"] if "persistentVolumeClaim" in each]
    assert claimed["persistentVolumeClaim"]["claimName"] == spec.names.claim


def test_what_somebody_changed_by_hand_is_repaired(target, customer):
    spec = customer.spec("n8n-automation")
    customer.apply(spec)
    ready(target, spec)

    change = {"spec": {"replicas": 0, "template": {"spec": {"terminationGracePeriodSeconds": 1}}}}
    target.bare.merge(paths.DEPLOYMENT.one(spec.namespace, spec.name), change, "somebody")
    target.bare.delete(paths.NETWORK_SERVICE.one(spec.namespace, spec.name))
    customer.apply(spec)

    ready(target, spec)
    deployment = exists(target, paths.DEPLOYMENT, spec, spec.name)
    assert deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 60
    assert exists(target, paths.NETWORK_SERVICE, spec, spec.name)


def test_applying_twice_changes_nothing(target, customer):
    spec = customer.spec("ghost-blog")
    customer.apply(spec)
    seen = ready(target, spec)
    before = exists(target, paths.DEPLOYMENT, spec, spec.name)["metadata"]["generation"]

    customer.apply(spec)

    assert exists(target, paths.DEPLOYMENT, spec, spec.name)["metadata"]["generation"] == before
    assert ready(target, spec).pod_name == seen.pod_name


def test_restart_that_is_part_of_the_wish_replaces_the_pod(target, customer):
    spec = customer.spec("ghost-blog")
    customer.apply(spec)
    before = ready(target, spec)

    again = customer.spec(
        spec.recipe,
        instance_id=spec.instance_id,
        name=spec.name,
        host=spec.host,
        public_url=spec.public_url,
        restarted_at=AT + timedelta(hours=1),
    )
    customer.apply(again)

    assert ready(target, again).pod_name != before.pod_name


def test_prune_removes_what_is_not_wanted_and_never_the_volume(target, customer):
    spec = customer.spec("n8n-automation")
    customer.apply(spec)
    ready(target, spec)
    keep = [each for each in instance_manifests(spec) if each["kind"] in ("Deployment", "Secret")]

    target.cluster.prune(spec.namespace, str(spec.instance_id), keep)

    assert exists(target, paths.INGRESS, spec, spec.names.ingress) is None
    assert exists(target, paths.NETWORK_SERVICE, spec, spec.names.network_service) is None
    assert exists(target, paths.CLAIM, spec, spec.names.claim)
    assert ready(target, spec)


def test_bigger_plan_is_applied_even_where_the_volume_cannot_grow(target, customer):
    customer.room = {"storage_gb": 5}
    spec = customer.spec("ghost-blog")
    customer.apply(spec)
    ready(target, spec)

    bigger = customer.spec(
        spec.recipe,
        instance_id=spec.instance_id,
        name=spec.name,
        host=spec.host,
        public_url=spec.public_url,
        memory_mb=512,
        storage_gb=3,
    )
    customer.apply(bigger)

    assert ready(target, bigger).spec_hash == spec_hash(bigger)
