"""Manifests: golden files show what is applied; the tests below say which promises it must keep.

After a wanted change: MINISPOD_WRITE_GOLDEN=1 python -m pytest tests/unit/test_manifests.py, then read the diff.
"""

import base64
import dataclasses
import os
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from minispod.catalog.recipes import all_recipes, first_login, get_recipe
from minispod.instances import manifests
from minispod.instances.manifests import (
    InstanceSpec,
    NamespaceSpec,
    SpecBroken,
    instance_manifests,
    namespace_manifests,
)
from minispod.instances.naming import host_for, instance_name, namespace_for, public_url

GOLDEN = Path(__file__).parent / "golden"
USER = uuid.UUID("01998a2e-0f5e-7a33-9d0a-3f6f5f0a1b2c")
INSTANCE = uuid.UUID("01998a2e-1111-7a33-9d0a-000000000001")
SUBSCRIPTION = uuid.UUID("01998a2e-2222-7a33-9d0a-000000000002")
SLUGS = [recipe.slug for recipe in all_recipes()]


def spec_of(slug, **changes):
    recipe = get_recipe(slug)
    host = host_for("{instance}.{service}.{domain}", code="k7m2qa", service_slug=slug, domain="example.com")
    values = {
        "instance_id": INSTANCE,
        "subscription_id": SUBSCRIPTION,
        "user_id": USER,
        "namespace": namespace_for(USER),
        "name": instance_name(slug, "k7m2qa"),
        "service_slug": slug,
        "recipe": recipe,
        "host": host,
        "public_url": public_url("https", host),
        "cpu_milli": 1000,
        "memory_mb": 1024,
        "storage_gb": 1,
        "secrets": {name: f"secret-of-{name}" for name in recipe.secret_names},
        "tls_issuer": "letsencrypt-prod",
    }
    return InstanceSpec(**{**values, **changes})


def namespace_spec(**changes):
    values = {
        "namespace": namespace_for(USER),
        "user_id": USER,
        "cpu_milli": 1250,
        "memory_mb": 1280,
        "storage_gb": 2,
        "instances": 2,
    }
    return NamespaceSpec(**{**values, **changes})


def only(objects, kind):
    return next(each for each in objects if each["kind"] == kind)


def pod_of(spec):
    return only(instance_manifests(spec), "Deployment")["spec"]["template"]["spec"]


def check_golden(name, objects):
    path = GOLDEN / f"{name}.yaml"
    if os.environ.get("MINISPOD_WRITE_GOLDEN"):
        path.write_text(yaml.safe_dump_all(objects, sort_keys=False))
    assert list(yaml.safe_load_all(path.read_text())) == objects


@pytest.mark.parametrize("slug", SLUGS)
def test_instance_is_made_as_the_golden_file_shows(slug):
    check_golden(slug, instance_manifests(spec_of(slug)))


def test_namespace_is_made_as_the_golden_file_shows():
    check_golden("namespace", namespace_manifests(namespace_spec()))


def test_our_own_rights_come_first_in_a_namespace():
    objects = namespace_manifests(namespace_spec(service_accounts_namespace="minispod"))

    assert [each["kind"] for each in objects[:4]] == [
        "Namespace",
        "RoleBinding",
        "RoleBinding",
        "ResourceQuota",
    ]
    check_golden("rights", objects[1:3])


@pytest.mark.parametrize("slug", SLUGS)
def test_same_spec_gives_the_same_objects(slug):
    assert instance_manifests(spec_of(slug)) == instance_manifests(spec_of(slug))


@pytest.mark.parametrize("slug", SLUGS)
def test_every_object_says_whose_it_is(slug):
    objects = instance_manifests(spec_of(slug))

    for each in [*objects, only(objects, "Deployment")["spec"]["template"]]:
        labels = each["metadata"]["labels"]
        assert labels["minispod.com/managed"] == "true"
        assert labels["minispod.com/instance"] == str(INSTANCE)
        assert labels["minispod.com/subscription"] == str(SUBSCRIPTION)
        assert labels["minispod.com/user"] == str(USER)
        assert labels["app.kubernetes.io/name"] == slug


@pytest.mark.parametrize("slug", SLUGS)
def test_pod_is_restricted_and_has_no_token(slug):
    pod = pod_of(spec_of(slug))

    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in [*pod["containers"], *pod.get("initContainers", [])]:
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


@pytest.mark.parametrize("slug", SLUGS)
def test_secrets_appear_in_the_secret_only(slug):
    spec = spec_of(slug)

    for each in instance_manifests(spec):
        if each["kind"] != "Secret":
            assert "secret-of-" not in yaml.safe_dump(each)
            continue
        data = {name: base64.b64decode(value).decode() for name, value in each["data"].items()}
        assert data == dict(spec.secrets)
    assert "secret-of-" not in repr(spec)


@pytest.mark.parametrize("slug", SLUGS)
def test_single_writer_volume_is_never_mounted_twice(slug):
    deployment = only(instance_manifests(spec_of(slug)), "Deployment")

    assert deployment["spec"]["strategy"] == {"type": "Recreate"}


def test_limit_is_the_plan_and_request_a_share_of_it():
    resources = pod_of(spec_of("ghost-blog"))["containers"][0]["resources"]

    assert resources["limits"]["cpu"] == "1000m"
    assert resources["limits"]["memory"] == "1024Mi"
    assert resources["requests"]["cpu"] == "250m"
    assert resources["requests"]["memory"] == "512Mi"


def test_stopping_and_restarting_do_not_change_the_hash():
    spec = spec_of("ghost-blog")
    later = dataclasses.replace(spec, replicas=0, restarted_at=datetime(2026, 11, 20, tzinfo=UTC))

    assert manifests.spec_hash(later) == manifests.spec_hash(spec)
    assert only(instance_manifests(later), "Deployment")["spec"]["replicas"] == 0


@pytest.mark.parametrize(
    "change",
    [
        {"memory_mb": 2048},
        {"storage_gb": 5},
        {"public_url": "http://other"},
        {"tls": False},
        {"secrets": {"N8N_ENCRYPTION_KEY": "another"}},
    ],
)
def test_what_runs_differently_has_another_hash(change):
    assert manifests.spec_hash(spec_of("n8n-automation", **change)) != manifests.spec_hash(
        spec_of("n8n-automation")
    )


def test_new_secrets_give_a_new_pod():
    def annotation(secret):
        deployment = only(
            instance_manifests(spec_of("postgresql", secrets={"POSTGRES_PASSWORD": secret})), "Deployment"
        )
        return deployment["spec"]["template"]["metadata"]["annotations"]["minispod.com/secrets-hash"]

    assert annotation("one") != annotation("two")


def test_database_has_no_ingress_and_its_own_port_inside():
    objects = instance_manifests(spec_of("postgresql"))

    assert "Ingress" not in {each["kind"] for each in objects}
    assert only(objects, "Service")["spec"]["ports"][0]["port"] == 5432


def test_database_says_how_to_connect():
    spec = spec_of("postgresql")

    text = first_login(spec.recipe, "en", manifests.login_facts(spec))

    for part in (
        f"postgresql-k7m2qa.{spec.namespace}.svc",
        "5432",
        "myapp",
        "admin",
        "secret-of-POSTGRES_PASSWORD",
    ):
        assert part in text


def test_tls_can_be_off_or_left_to_the_controllers_certificate():
    without = only(instance_manifests(spec_of("ghost-blog", tls=False)), "Ingress")
    shared = only(instance_manifests(spec_of("ghost-blog", tls_issuer=None)), "Ingress")

    assert "tls" not in without["spec"]
    assert shared["spec"]["tls"] == [{"hosts": ["k7m2qa.ghost-blog.example.com"]}]


def test_over_plain_http_the_application_knows_it():
    spec = spec_of("n8n-automation", public_url="http://k7m2qa.n8n.localhost:8480", tls=False)

    environment = manifests.environment(spec)

    assert environment["N8N_PROTOCOL"] == "http"
    assert environment["N8N_SECURE_COOKIE"] == "false"
    assert environment["WEBHOOK_URL"] == "http://k7m2qa.n8n.localhost:8480"


@pytest.mark.parametrize("change", [{"secrets": {}}, {"storage_gb": 0}, {"replicas": 2}])
def test_recipe_and_plan_that_do_not_fit_are_refused(change):
    with pytest.raises(SpecBroken):
        spec_of("n8n-automation", **change)


def test_quota_holds_the_plans_with_their_requests():
    hard = only(namespace_manifests(namespace_spec()), "ResourceQuota")["spec"]["hard"]

    assert hard["limits.cpu"] == "1450m"
    assert hard["limits.memory"] == "1408Mi"
    assert hard["requests.cpu"] == "365m"
    assert hard["requests.memory"] == "706Mi"
    assert hard["requests.storage"] == "2Gi"
    assert hard["persistentvolumeclaims"] == "2"


def test_no_container_may_be_bigger_than_all_plans():
    [limit] = only(namespace_manifests(namespace_spec()), "LimitRange")["spec"]["limits"]

    assert limit["max"] == {"cpu": "1250m", "memory": "1280Mi"}


def test_instances_of_a_customer_wish_for_different_nodes_and_wait_for_none():
    [spread] = pod_of(spec_of("ghost-blog"))["topologySpreadConstraints"]

    assert spread["topologyKey"] == "kubernetes.io/hostname"
    assert spread["whenUnsatisfiable"] == "ScheduleAnyway"


def test_quota_has_room_for_volumes_beside_those_in_use():
    spec = namespace_spec(spare_claims=2, spare_storage_gb=11)

    hard = only(namespace_manifests(spec), "ResourceQuota")["spec"]["hard"]

    assert hard["requests.storage"] == "13Gi"
    assert hard["persistentvolumeclaims"] == "4"
    assert (
        hard["pods"] == only(namespace_manifests(namespace_spec()), "ResourceQuota")["spec"]["hard"]["pods"]
    )


def test_namespace_is_closed_to_neighbours_and_to_the_clusters_own_network():
    policies = {
        each["metadata"]["name"]: each["spec"]
        for each in namespace_manifests(namespace_spec(private_ranges=("203.0.113.0/24",)))
        if each["kind"] == "NetworkPolicy"
    }

    assert policies["default-deny"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    internet = policies["allow-internet"]["egress"][0]["to"][0]["ipBlock"]
    assert internet["cidr"] == "0.0.0.0/0"
    assert {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"} <= set(internet["except"])
    assert "203.0.113.0/24" in internet["except"]


def test_pod_security_is_enforced_by_the_namespace():
    labels = namespace_manifests(namespace_spec())[0]["metadata"]["labels"]

    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


WITH_COMPANION = ["wordpress", "nextcloud"]


@pytest.mark.parametrize("slug", WITH_COMPANION)
@pytest.mark.parametrize(("cpu", "memory"), [(1000, 1024), (250, 333), (7, 1025)])
def test_application_and_companion_share_exactly_the_plan(slug, cpu, memory):
    containers = pod_of(spec_of(slug, cpu_milli=cpu, memory_mb=memory))["containers"]

    def total(kind, of, unit):
        return sum(int(each["resources"][kind][of].removesuffix(unit)) for each in containers)

    alone = pod_of(spec_of("ghost-blog", cpu_milli=cpu, memory_mb=memory))["containers"][0]["resources"]
    assert f"{total('limits', 'cpu', 'm')}m" == alone["limits"]["cpu"]
    assert f"{total('limits', 'memory', 'Mi')}Mi" == alone["limits"]["memory"]
    assert f"{total('requests', 'cpu', 'm')}m" == alone["requests"]["cpu"]
    assert f"{total('requests', 'memory', 'Mi')}Mi" == alone["requests"]["memory"]


def test_companion_runs_as_its_own_user_and_the_volume_is_the_applications_group():
    pod = pod_of(spec_of("wordpress"))

    assert (pod["securityContext"]["runAsUser"], pod["securityContext"]["fsGroup"]) == (33, 33)
    app, database = (each["securityContext"] for each in pod["containers"])
    assert "runAsUser" not in app
    assert (database["runAsUser"], database["runAsGroup"]) == (999, 999)


@pytest.mark.parametrize("slug", WITH_COMPANION)
def test_companion_has_a_directory_of_the_one_volume_to_itself(slug):
    objects = instance_manifests(spec_of(slug))

    assert [each["kind"] for each in objects].count("PersistentVolumeClaim") == 1
    directories = [
        mount["subPath"]
        for container in only(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
        for mount in container["volumeMounts"]
        if mount["name"] == "data"
    ]
    assert directories == ["site", "database"]


@pytest.mark.parametrize("slug", WITH_COMPANION)
def test_companion_is_behind_no_network_service(slug):
    service = only(instance_manifests(spec_of(slug)), "Service")

    assert [port["targetPort"] for port in service["spec"]["ports"]] == ["http"]


def test_application_and_companion_have_the_same_password():
    def password(container, name):
        [entry] = [each for each in container["env"] if each["name"] == name]
        return entry["valueFrom"]["secretKeyRef"]["key"]

    app, database = pod_of(spec_of("wordpress"))["containers"]

    assert (
        password(app, "WORDPRESS_DB_PASSWORD") == password(database, "MARIADB_PASSWORD") == "MARIADB_PASSWORD"
    )
    assert {"name": "WORDPRESS_DB_HOST", "value": "127.0.0.1:3306"} in app["env"]


def test_probe_may_ask_under_the_public_host_name():
    probes = pod_of(spec_of("nextcloud"))["containers"][0]

    assert probes["readinessProbe"]["httpGet"]["httpHeaders"] == [
        {"name": "Host", "value": "k7m2qa.nextcloud.example.com"}
    ]


@pytest.mark.parametrize("slug", SLUGS)
def test_directories_of_a_shared_volume_are_made_by_those_who_will_own_them(slug):
    pod = pod_of(spec_of(slug))
    owners = {each["name"]: each["securityContext"] for each in pod["containers"]}

    made = {
        path: each["securityContext"]
        for each in pod.get("initContainers", [])
        for path in each["command"][2:]
    }
    wanted = {
        f"/volume/{mount['subPath']}": owners[container["name"]]
        for container in pod["containers"]
        for mount in container["volumeMounts"]
        if "subPath" in mount
    }
    assert made == wanted
    assert bool(made) is (slug in {"wordpress", "nextcloud", "gitea"})
