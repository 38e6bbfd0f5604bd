"""Data come out of an instance and go into a fresh volume by the recipes' own commands, through a workbench.

The simulator knows the commands by what they are for; the real cluster runs the real databases.
"""

from dataclasses import replace

import pytest

from minispod.instances.naming import claim_name, workbench_name
from minispod.instances.workbench import backup_commands, restore_commands, workbench_manifests


def ready_instance(target, customer, slug, **changes):
    customer.room = {"cpu_milli": 2000, "memory_mb": 4096, "storage_gb": 8, "instances": 4}
    spec = customer.spec(slug, **changes)
    customer.apply(spec)
    return spec, target.eventually(lambda: seen(target, spec)).pod_name


def seen(target, spec):
    found = target.cluster.see(spec.namespace, spec.name)
    return found if found and found.is_ready else None


def ready_workbench(target, spec, *, number=2, **wishes):
    """A workbench on the instance's volume of this number; the instance itself is stopped."""
    target.cluster.scale(spec.namespace, spec.name, 0)
    target.eventually(lambda: target.cluster.see(spec.namespace, spec.name).is_stopped)
    claim = claim_name(spec.name, number)
    target.cluster.apply(workbench_manifests(spec, claim=claim, storage_gb=1, **wishes))
    name = workbench_name(spec.name)
    target.eventually(lambda: target.cluster.see_pod(spec.namespace, name).is_ready)
    return name


def run(target, spec, pod, container, *command):
    """What a command writes."""
    return b"".join(target.cluster.read_from(spec.namespace, pod, container, list(command))).decode()


def copied(target, spec, pod):
    """Every part of a backup."""
    return {
        each.part: list(target.cluster.read_from(spec.namespace, pod, each.container, each.command))
        for each in backup_commands(spec.recipe)
    }


def put_back(target, spec, pod, parts):
    for each in restore_commands(spec.recipe):
        chunks = parts[each.part]
        size = sum(map(len, chunks))
        target.cluster.write_to(spec.namespace, pod, each.container, each.command, chunks, size)


def switched(target, customer, spec):
    """The instance started on its second volume, and the workbench gone."""
    target.eventually(lambda: target.cluster.delete_pod(spec.namespace, workbench_name(spec.name)))
    again = replace(spec, volume_number=2)
    customer.apply(again)
    return again, target.eventually(lambda: seen(target, again)).pod_name


SAMPLES = {
    "postgresql": (
        [
            "psql -q -U admin -d myapp -c 'create table t (v text)'",
            "psql -q -U admin -d myapp -c \"insert into t select 'row ' || n from generate_series(1, 500) n\"",
            "psql -q -U admin -d myapp -c 'create role guest login' -c 'create database more owner guest'",
        ],
        "psql -U admin -d myapp -Atc 'select count(*), max(v) from t'; "
        "psql -U admin -d more -Atc 'select rolname from pg_roles where oid > 16000 order by 1'",
        "app",
    ),
    "mariadb": (
        [
            'MYSQL_PWD=$MARIADB_ROOT_PASSWORD mariadb -uroot myapp -e "create table t (v text, b blob);'
            "insert into t values ('eins', x'00ff27'), ('zwei', 'a');"
            "create user guest identified by 'welcome'; grant select on myapp.* to guest\"",
        ],
        "mariadb -h127.0.0.1 -uguest -pwelcome myapp -Ne 'select v, hex(b) from t order by v'",
        "app",
    ),
    "redis": (
        [
            "for n in 1 2 3 4 5 6 7 8 9; do redis-cli set key$n value$n; done",
            "redis-cli -n 3 rpush list a b c",
        ],
        "redis-cli dbsize; redis-cli get key7; redis-cli -n 3 lrange list 0 -1",
        "app",
    ),
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("slug", SAMPLES)
def test_database_is_dumped_while_it_runs_and_restored_into_a_fresh_volume(target, customer, slug):
    if target.simulator is not None:
        pytest.skip("real")
    writes, question, container = SAMPLES[slug]
    spec, pod = ready_instance(target, customer, slug)
    for each in writes:
        run(target, spec, pod, container, "sh", "-c", each)
    answer = run(target, spec, pod, container, "sh", "-c", question)
    assert answer.strip()
    parts = copied(target, spec, pod)

    bench = ready_workbench(target, spec)
    put_back(target, spec, bench, parts)
    put_back(target, spec, bench, parts)  # what was begun may be done again
    spec, pod = switched(target, customer, spec)

    assert run(target, spec, pod, container, "sh", "-c", question) == answer
