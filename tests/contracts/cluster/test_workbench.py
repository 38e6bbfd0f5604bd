"""Data come out of an instance and go into a fresh volume by the recipes' own commands, through a workbench.

On the real cluster the databases are real, written to and asked in SQL; the simulator gives back what was put in.
"""

import hashlib
import random
from dataclasses import replace

import pytest

from minispod.catalog.recipes import all_recipes
from minispod.cluster.port import CommandFailed
from minispod.instances.naming import claim_name, workbench_name
from minispod.instances.workbench import backup_commands, restore_commands, workbench_manifests
from minispod.integrations.kubernetes import paths
from minispod.integrations.kubernetes.client import ApiSaidNo
from tests.contracts.cluster.workbenches import pod_of, ready_instance, run, sleeping, stop, workbench, write

ROOT_SQL = "MYSQL_PWD=$MARIADB_ROOT_PASSWORD mariadb -uroot"
# What is written into a real application, the question afterwards, and the container of both.
REAL = {
    "postgresql": (
        [
            "psql -q -U admin -d myapp -c 'create table t (v text)'",
            "psql -q -U admin -d myapp -c \"insert into t select 'row ' || n from generate_series(1, 500) n\"",
            "psql -q -U admin -d myapp -c 'create role guest login' -c 'create database more owner guest'",
        ],
        "psql -U admin -d myapp -Atc 'select count(*), max(v) from t'"
        " && psql -U admin -d more -Atc 'select rolname from pg_roles where oid > 16000 order by 1'"
        ' && PGPASSWORD=$POSTGRES_PASSWORD psql -h 127.0.0.1 -U admin -d myapp -Atc "select 1"',
        "app",
    ),
    "mariadb": (
        [
            f'{ROOT_SQL} myapp -e "create table t (v text, b longblob);'
            "insert into t values ('eins', x'00ff27'), ('zwei', repeat('a', 9000000));"
            "create user guest identified by 'welcome'; grant select on myapp.* to guest\"",
        ],
        "mariadb -h127.0.0.1 -uguest -pwelcome myapp -Ne 'select v, sha1(b) from t order by v'"
        " && mariadb -h127.0.0.1 -u$MARIADB_USER -p$MARIADB_PASSWORD myapp -Ne 'select count(*) from t'"
        " && healthcheck.sh --connect --innodb_initialized && echo healthy",
        "app",
    ),
    "redis": (
        [
            "for n in 1 2 3 4 5 6 7 8 9; do redis-cli set key$n value$n; done",
            "redis-cli -n 3 rpush list a b c && redis-cli expire key9 100000",
        ],
        "redis-cli dbsize && redis-cli get key7 && redis-cli -n 3 lrange list 0 -1",
        "app",
    ),
    "wordpress": (
        [
            f"{ROOT_SQL} wordpress -e \"create table ours (title text); insert into ours values ('Halo')\"",
        ],
        f"{ROOT_SQL} wordpress -Ne 'select title from ours'",
        "database",
    ),
}


def copied(target, spec, pod):
    """Every part of a backup."""
    return {
        each.part: list(target.cluster.read_from(spec.namespace, pod, each.container, each.command))
        for each in backup_commands(spec.recipe)
    }


def put_back(target, spec, pod, parts):
    for each in restore_commands(spec.recipe):
        chunks = parts[each.part]
        target.cluster.write_to(
            spec.namespace, pod, each.container, each.command, chunks, sum(map(len, chunks))
        )


def planted(target, spec, pod):
    """Data in a running instance, and a question that only they answer."""
    if target.simulator is None:
        writes, question, container = REAL[spec.recipe.slug]
        for each in writes:
            run(target, spec, pod, "sh", "-c", each, container=container)
        return lambda spec, pod: run(target, spec, pod, "sh", "-c", question, container=container)
    dumps = [each for each in restore_commands(spec.recipe) if "tar" not in "".join(each.command)]
    for each in dumps:
        target.cluster.write_to(spec.namespace, pod, each.container, each.command, [b"-- rows of ours"], 15)
    return lambda spec, pod: [copied(target, spec, pod)[each.part] for each in dumps]


def switched(target, customer, spec):
    """The instance on its second volume after the workbench has gone, and its pod."""
    target.eventually(lambda: target.cluster.delete_pod(spec.namespace, workbench_name(spec.name)))
    spec = replace(spec, volume_number=2)
    customer.apply(spec)
    return spec, pod_of(target, spec)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("slug", REAL)
def test_what_a_live_application_holds_is_copied_and_put_into_a_fresh_volume(target, customer, slug):
    spec, pod = ready_instance(target, customer, slug)
    ask = planted(target, spec, pod)
    answer = ask(spec, pod)
    assert answer
    files = {volume.name: volume.path for volume in spec.recipe.volumes if spec.recipe.companions}
    for path in files.values():
        write(target, spec, pod, f"{path}/ours.txt", b"a file of ours")
    parts = copied(target, spec, pod)

    stop(target, spec)
    bench = workbench(target, spec)
    put_back(target, spec, bench, parts)
    put_back(target, spec, bench, parts)  # what was begun may be done again
    spec, pod = switched(target, customer, spec)

    assert ask(spec, pod) == answer
    for path in files.values():
        assert run(target, spec, pod, "cat", f"{path}/ours.txt") == b"a file of ours"


@pytest.mark.timeout(300)
def test_dump_that_is_given_up_ends_and_leaves_a_healthy_database(target, customer):
    def sql(statement):
        return run(target, spec, pod, "psql", "-q", "-U", "admin", "-d", "myapp", "-Atc", statement)

    spec, pod = ready_instance(target, customer, "postgresql")
    if target.simulator is None:
        sql("create table big as select repeat('x', 100) from generate_series(1, 300000)")
    [dump] = backup_commands(spec.recipe)
    for _ in range(3):
        output = target.cluster.read_from(spec.namespace, pod, dump.container, dump.command)
        assert next(output)
        output.close()

    if target.simulator is None:
        dumps = "select count(*) from pg_stat_activity where application_name like 'pg_dump%'"
        target.eventually(lambda: sql(dumps) == b"0\n")
        log = target.web.tail_logs(spec.namespace, spec.name, container="app", lines=500)
        assert log
        assert not [line for line in log if "terminated by signal" in line]
    assert copied(target, spec, pod)["data"]


@pytest.mark.timeout(600)
def test_stopped_application_is_copied_volume_by_volume_into_fresh_ones(target, customer):
    spec, pod = ready_instance(target, customer, "gitea")
    write(target, spec, pod, "/var/lib/gitea/gitea.db", b"SQLite format 3\0rows")
    write(target, spec, pod, "/etc/gitea/app.ini", b"[server]")

    stop(target, spec)
    bench = workbench(target, spec, 1)
    parts = copied(target, spec, bench)
    target.eventually(lambda: target.cluster.delete_pod(spec.namespace, bench))
    bench = workbench(target, spec, 2)
    write(target, spec, bench, "/var/lib/gitea/half", b"of an attempt before")
    put_back(target, spec, bench, parts)
    spec, pod = switched(target, customer, spec)

    assert run(target, spec, pod, "cat", "/var/lib/gitea/gitea.db") == b"SQLite format 3\0rows"
    assert run(target, spec, pod, "cat", "/etc/gitea/app.ini") == b"[server]"
    with pytest.raises(CommandFailed):
        run(target, spec, pod, "test", "-e", "/var/lib/gitea/half")
    assert set(parts) == {"data", "config"}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("slug", ["ghost-blog", "wordpress"])
def test_archive_of_many_bytes_comes_back_byte_for_byte(target, customer, slug):
    """The first image's tar is busybox's, the second one's GNU's, which also copies while the application runs."""
    spec, pod = sleeping(target, customer, slug)
    path = spec.recipe.volumes[0].path
    megabytes = 50 if target.simulator is None else 5
    content = random.Random(4).randbytes(megabytes << 20)
    write(target, spec, pod, f"{path}/random", content)
    [copy] = [each for each in backup_commands(spec.recipe) if each.container == "app"]
    [back] = [each for each in restore_commands(spec.recipe) if each.container == "app"]

    chunks = list(target.cluster.read_from(spec.namespace, pod, "app", copy.command))
    write(target, spec, pod, f"{path}/random", b"something else")
    write(target, spec, pod, f"{path}/new", b"")
    target.cluster.write_to(spec.namespace, pod, "app", back.command, chunks, sum(map(len, chunks)))

    found = b"".join(target.cluster.read_from(spec.namespace, pod, "app", ["cat", f"{path}/random"]))
    assert hashlib.sha256(found).digest() == hashlib.sha256(content).digest()
    with pytest.raises(CommandFailed):
        run(target, spec, pod, "test", "-e", f"{path}/new")


def test_archive_of_nothing_is_put_back_as_nothing(target, customer):
    spec, pod = sleeping(target, customer)

    parts = copied(target, spec, pod)
    put_back(target, spec, pod, parts)

    assert copied(target, spec, pod).keys() == {"data"}


def test_database_is_not_asked_for_a_dump_where_it_sleeps(target, customer):
    spec, pod = sleeping(target, customer, "nextcloud")

    with pytest.raises(CommandFailed):
        run(target, spec, pod, "pg_dumpall", "--username=nextcloud", container="app")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("slug", [recipe.slug for recipe in all_recipes() if recipe.consistency == "stopped"])
def test_workbench_of_each_application_comes_up_and_is_nobodys_address(target, customer, slug):
    spec, pod = sleeping(target, customer, slug)
    customer.apply(replace(spec, replicas=0))

    found = target.bare.get(paths.POD.one(spec.namespace, pod))["metadata"]["labels"]
    assert found["minispod.com/workbench"] == str(spec.instance_id)
    assert "minispod.com/instance" not in found
    name = spec.names.network_service
    target.eventually(lambda: target.cluster.see(spec.namespace, spec.name).is_stopped)
    # They are written after the service, by a controller of its own.
    listed = f"/api/v1/namespaces/{spec.namespace}/endpoints"
    [endpoints] = target.eventually(
        lambda: [each for each in target.bare.items(listed) if each["metadata"]["name"] == name]
    )
    assert not any(each.get("addresses") for each in endpoints.get("subsets") or [])


def test_workbench_that_is_applied_again_is_the_same(target, customer):
    spec, pod = sleeping(target, customer)
    before = target.bare.get(paths.POD.one(spec.namespace, pod))["metadata"]

    assert workbench(target, spec, 1) == pod

    after = target.bare.get(paths.POD.one(spec.namespace, pod))["metadata"]
    assert (after["uid"], after["resourceVersion"]) == (before["uid"], before["resourceVersion"])


def test_workbench_runs_where_it_is_wanted_and_its_volume_with_it(target, customer):
    nodes = sorted(each.name for each in target.cluster.nodes() if each.is_ready and each.is_schedulable)
    spec, pod = sleeping(target, customer)
    here = target.cluster.see_pod(spec.namespace, pod).node_name
    target.eventually(lambda: target.cluster.delete_pod(spec.namespace, pod))
    wanted = next((each for each in nodes if each != here), here)

    workbench(target, spec, 2, node=wanted, avoid=[each for each in nodes if each != wanted])

    assert target.cluster.see_pod(spec.namespace, pod).node_name == wanted
    target.eventually(lambda: target.cluster.delete_pod(spec.namespace, pod))
    objects = workbench_manifests(spec, claim=claim_name(spec.name, 2), storage_gb=1, avoid=[wanted])
    target.cluster.apply(objects)
    trouble = target.eventually(lambda: target.cluster.see_pod(spec.namespace, pod).trouble)
    assert trouble.reason in ("unschedulable", "volume")


@pytest.mark.timeout(300)
def test_deleting_the_instance_takes_a_forgotten_workbench_along(target, customer):
    spec, pod = sleeping(target, customer)
    write(target, spec, pod, "/var/lib/ghost/content/x", b"data")
    instance = str(spec.instance_id)

    target.eventually(lambda: target.cluster.delete_instance(spec.namespace, instance, with_volume=True))

    assert target.cluster.see_pod(spec.namespace, pod) is None
    with pytest.raises(ApiSaidNo):
        target.bare.get(paths.CLAIM.one(spec.namespace, claim_name(spec.name, 1)))
    again = workbench(target, spec, 1)
    with pytest.raises(CommandFailed):
        run(target, spec, again, "test", "-e", "/var/lib/ghost/content/x")


def test_one_claim_is_deleted_and_no_other(target, customer):
    spec, pod = sleeping(target, customer)
    target.eventually(lambda: target.cluster.delete_pod(spec.namespace, pod))
    second = claim_name(spec.name, 2)
    target.cluster.apply(workbench_manifests(spec, claim=second, storage_gb=1)[:1])

    target.eventually(lambda: target.cluster.delete_claim(spec.namespace, second))

    assert target.cluster.delete_claim(spec.namespace, second)
    assert target.bare.get(paths.CLAIM.one(spec.namespace, claim_name(spec.name, 1)))
