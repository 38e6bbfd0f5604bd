"""The workbench and the commands of backups: what is made of each recipe."""

from dataclasses import replace

import pytest

from minispod.catalog.recipes import all_recipes, get_recipe
from minispod.instances.manifests import instance_manifests
from minispod.instances.naming import claim_name, object_names
from minispod.instances.workbench import backup_commands, restore_commands, workbench_manifests
from tests.unit.test_manifests import INSTANCE, SLUGS, only, spec_of

LIVE = [recipe.slug for recipe in all_recipes() if recipe.consistency == "live"]


def bench_of(slug, **wishes):
    return workbench_manifests(spec_of(slug), claim=f"{slug}-k7m2qa-data-2", storage_gb=5, **wishes)


@pytest.mark.parametrize("slug", SLUGS)
def test_workbench_is_selected_by_nobody_and_belongs_to_the_instance(slug):
    objects = bench_of(slug)
    labels = only(objects, "Pod")["metadata"]["labels"]

    services = [each for each in instance_manifests(spec_of(slug)) if each["kind"] == "Service"]
    assert services
    assert not any(each["spec"]["selector"].items() <= labels.items() for each in services)
    assert labels["minispod.com/workbench"] == str(INSTANCE)
    assert labels["minispod.com/managed"] == "true"
    for each in objects:
        if each["kind"] != "Pod":
            assert each["metadata"]["labels"]["minispod.com/instance"] == str(INSTANCE)


@pytest.mark.parametrize("slug", SLUGS)
def test_workbench_is_the_applications_pod_on_another_volume_and_where_nothing_is_dumped_it_sleeps(slug):
    spec = spec_of(slug)
    own = only(instance_manifests(spec), "Deployment")["spec"]["template"]["spec"]
    bench = only(bench_of(slug), "Pod")["spec"]

    assert bench["restartPolicy"] == "OnFailure"
    assert bench["securityContext"] == own["securityContext"]
    for mine, theirs in zip(bench["containers"], own["containers"], strict=True):
        same = ("name", "image", "resources", "securityContext", "volumeMounts")
        assert {key: mine[key] for key in same} == {key: theirs[key] for key in same}
        probes = {"startupProbe", "readinessProbe", "livenessProbe"} & mine.keys()
        if spec.recipe.containers[mine["name"]].has_dump:
            assert len(probes) == 3
            assert mine.get("args") == theirs.get("args")
        else:
            assert probes == set()
            assert mine["command"][:2] == ["sh", "-c"]
            assert "args" not in mine
    [claimed] = [each for each in bench["volumes"] if "persistentVolumeClaim" in each]
    assert claimed["persistentVolumeClaim"]["claimName"] == f"{slug}-k7m2qa-data-2"
    assert only(bench_of(slug), "PersistentVolumeClaim")["spec"]["resources"]["requests"]["storage"] == "5Gi"


def test_secrets_of_the_workbench_are_its_own():
    objects = bench_of("wordpress")
    own = only(instance_manifests(spec_of("wordpress")), "Secret")

    secret = only(objects, "Secret")
    assert secret["data"] == own["data"]
    assert secret["metadata"]["name"] == "wordpress-k7m2qa-workbench" != own["metadata"]["name"]
    names = {
        entry["valueFrom"]["secretKeyRef"]["name"]
        for container in only(objects, "Pod")["spec"]["containers"]
        for entry in container["env"]
        if "valueFrom" in entry
    }
    assert names == {"wordpress-k7m2qa-workbench"}
    closed = {"extra_environment": False, "editable": {}}
    bare = spec_of("ghost-blog", recipe=get_recipe("ghost-blog").model_copy(update=closed))
    made = workbench_manifests(bare, claim="other-data", storage_gb=1)
    assert [each["kind"] for each in made] == ["PersistentVolumeClaim", "Pod"]


def test_what_the_owner_set_is_in_the_workbench_too():
    spec = spec_of("ghost-blog", own_values={"MINE": "1"})

    made = workbench_manifests(spec, claim="other-data", storage_gb=1)

    assert only(made, "Secret")["data"] == {"own.MINE": "MQ=="}


@pytest.mark.parametrize(
    ("wishes", "rules"),
    [
        ({}, None),
        ({"node": "n1"}, [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["n1"]}]),
        (
            {"avoid": ["n3", "n2"]},
            [{"key": "kubernetes.io/hostname", "operator": "NotIn", "values": ["n2", "n3"]}],
        ),
    ],
)
def test_node_is_a_wish_that_the_scheduler_carries_out(wishes, rules):
    pod = only(bench_of("redis", **wishes), "Pod")["spec"]

    assert "nodeName" not in pod
    affinity = pod.get("affinity", {}).get("nodeAffinity")
    required = (affinity or {}).get("requiredDuringSchedulingIgnoredDuringExecution")
    assert required == (rules and {"nodeSelectorTerms": [{"matchExpressions": rules}]})


@pytest.mark.parametrize("recipe", all_recipes(), ids=lambda recipe: recipe.slug)
def test_every_volume_is_a_part_that_can_be_written_and_put_back_in_its_container(recipe):
    backup, restore = backup_commands(recipe), restore_commands(recipe)

    assert [(each.part, each.container) for each in backup] == [
        (each.part, each.container) for each in restore
    ]
    for each in backup:
        assert each.part in {volume.name for volume in recipe.containers[each.container].volumes}
        assert len(each.part) <= 15


def test_databases_come_before_files():
    assert [each.part for each in backup_commands(get_recipe("wordpress"))] == ["database", "site"]


def test_what_is_excluded_is_left_out_of_the_archive_only():
    recipe = get_recipe("grafana")
    part = recipe.backup[0].model_copy(update={"exclude": ("png", "plugins/cache")})
    recipe = recipe.model_copy(update={"backup": (part,)})

    [backup], [restore] = backup_commands(recipe), restore_commands(recipe)

    assert backup.command[-3:] == ("/var/lib/grafana", "--exclude=./png", "--exclude=./plugins/cache")
    assert restore.command[-1] == "/var/lib/grafana"


@pytest.mark.parametrize("slug", SLUGS)
def test_files_may_change_under_the_archive_only_where_the_application_goes_on(slug):
    scripts = [each.command[2] for each in backup_commands(get_recipe(slug))]

    for each in (script for script in scripts if "tar -cf" in script):
        assert ("GNU" in each) == (slug in LIVE)


def test_volumes_have_numbers_and_the_instance_is_made_with_its_own():
    assert claim_name("wiki-k7", 1) == "wiki-k7-data" == object_names("wiki-k7").claim
    assert claim_name("wiki-k7", 12) == "wiki-k7-data-12"
    spec = replace(spec_of("redis"), volume_number=3)

    objects = instance_manifests(spec)

    assert only(objects, "PersistentVolumeClaim")["metadata"]["name"] == "redis-k7m2qa-data-3"
    volumes = only(objects, "Deployment")["spec"]["template"]["spec"]["volumes"]
    assert {"claimName": "redis-k7m2qa-data-3"} in [each.get("persistentVolumeClaim") for each in volumes]
