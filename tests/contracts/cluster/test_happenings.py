"""What happened to an instance, told in words; logs of earlier runs; what is used of volumes."""

import json

import pytest

from minispod.catalog.recipes import get_recipe
from minispod.instances.manifests import instance_manifests, namespace_manifests
from minispod.integrations.kubernetes.adapter import KubernetesCluster
from minispod.integrations.kubernetes.client import KubernetesClient
from minispod.integrations.kubernetes.words import REASONS
from tests.contracts.cluster.conftest import Customer, Target, pull_lever


def changed(spec, **container):
    """The objects of an instance whose application is started otherwise."""
    objects = instance_manifests(spec)
    deployment = next(each for each in objects if each["kind"] == "Deployment")
    first = deployment["spec"]["template"]["spec"]["containers"][0]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        first.pop(probe, None)
    first |= container
    return objects


def put(target: Target, customer: Customer, spec, **container) -> None:
    target.cluster.apply([*namespace_manifests(customer.walls()), *changed(spec, **container)])


def await_event(target, spec, reason, *, until=lambda event: True):
    def ask():
        found = target.web.events_of(spec.namespace, spec.name)
        return next((event for event in found if event.reason == reason and until(event)), None)

    return target.eventually(ask)


def assert_is_for_customers(event):
    """Words in both languages, and nothing in them that is the cluster's own."""
    assert event.reason in REASONS
    for text in (event.words.english, event.words.indonesian):
        assert text.endswith(".")
        assert "{" not in text
    assert event.at.tzinfo is not None


def test_missing_image_is_told_with_its_name_and_what_to_do(target, customer):
    recipe = get_recipe("ghost-blog").model_copy(update={"image": "minispod-test/does-not-exist:1.0"})
    spec = customer.spec(recipe)

    customer.apply(spec)

    event = await_event(target, spec, "image_pull")
    assert_is_for_customers(event)
    assert event.is_warning
    assert "minispod-test/does-not-exist:1.0" in event.words.english
    assert "minispod-test/does-not-exist:1.0" in event.words.indonesian
    assert event.words.advice_english
    assert event.words.advice_indonesian
    assert event.container == "app"
    assert "minispod-test/does-not-exist:1.0" in event.raw


def test_crash_loop_is_told_with_exit_code_and_the_last_lines_before_it(target, customer):
    spec = customer.spec("ghost-blog")
    script = "echo the last words; exit 3"
    put(target, customer, spec, image="busybox:1.36", command=["sh", "-c", script], args=[])

    event = await_event(target, spec, "crash_loop", until=lambda event: event.count >= 1 and event.log_lines)

    assert_is_for_customers(event)
    assert "exit code 3" in event.words.english
    assert "3" in event.words.indonesian
    assert event.container == "app"
    if target.simulator is None:  # the simulator runs nothing: its lines are invented
        assert event.log_lines == ("the last words",)
    told = target.web.events_of(spec.namespace, spec.name)
    assert len([each for each in told if each.reason == "crash_loop"]) == 1, (
        "told once, however often it was seen"
    )


def test_what_the_container_wrote_before_it_was_started_again_can_be_read(target, customer):
    spec = customer.spec("ghost-blog")
    put(
        target, customer, spec, image="busybox:1.36", command=["sh", "-c", "echo number one; exit 3"], args=[]
    )

    def tail(**options):
        return target.web.tail_logs(spec.namespace, spec.name, container="app", lines=5, **options)

    # The simulator runs nothing: its lines are invented.
    wanted = ["number one"] if target.simulator is None else target.eventually(lambda: tail(previous=True))
    target.eventually(lambda: tail(previous=True) == wanted)


def test_there_is_no_earlier_log_of_what_never_ended(target, customer):
    spec = customer.spec("ghost-blog")
    customer.apply(spec)
    target.eventually(lambda: target.cluster.see(spec.namespace, spec.name).is_ready)

    assert target.web.tail_logs(spec.namespace, spec.name, container="app", lines=5, previous=True) == []


def test_out_of_memory_is_told_as_that(target, customer):
    spec = customer.spec("ghost-blog")
    # Something real that needs more than the plan has.
    hungry = ["sh", "-c", "a=x; while true; do a=$a$a; done"]
    put(target, customer, spec, image="busybox:1.36", command=hungry, args=[])
    if target.simulator is not None:
        target.eventually(lambda: target.cluster.see(spec.namespace, spec.name).pod_name)
        pull_lever(target.simulator, "oom", namespace=spec.namespace, workload=spec.name, times=100)

    event = await_event(target, spec, "oom")

    assert_is_for_customers(event)
    assert "memory" in event.words.english
    assert "137" in event.raw


def test_no_room_is_told_without_naming_nodes(target, customer):
    customer.room = {"cpu_milli": 20_000_000, "memory_mb": 20_000_000}
    spec = customer.spec("ghost-blog", cpu_milli=10_000_000, memory_mb=10_000_000)

    customer.apply(spec)

    event = await_event(target, spec, "unschedulable")
    assert_is_for_customers(event)
    names = [node.name for node in target.cluster.nodes()]
    assert not any(name in event.words.english for name in names)
    assert "Insufficient" in event.raw


def test_refused_by_quota_is_told(target, poor_customer):
    spec = poor_customer.spec("ghost-blog", cpu_milli=2000, memory_mb=2048)

    poor_customer.apply(spec)

    event = await_event(target, spec, "quota")
    assert_is_for_customers(event)
    assert "exceeded quota" in event.raw or "usage per Container" in event.raw


def test_an_ordinary_start_is_told_step_by_step_newest_first(target, customer):
    spec = customer.spec("ghost-blog")
    customer.apply(spec)
    target.eventually(lambda: target.cluster.see(spec.namespace, spec.name).is_ready)

    told = target.web.events_of(spec.namespace, spec.name)

    reasons = [event.reason for event in told]
    assert {"scheduled", "started"} <= set(reasons)
    assert [event.at for event in told] == sorted((event.at for event in told), reverse=True)
    for event in told:
        assert_is_for_customers(event)
        assert json.dumps(event.log_lines) == "[]"


def test_events_of_a_neighbour_are_not_mine(target, customer):
    mine, neighbours = customer.spec("ghost-blog"), customer.spec("ghost-blog")
    customer.apply(mine)
    customer.apply(neighbours)
    await_event(target, neighbours, "scheduled")
    await_event(target, mine, "scheduled")

    told = target.web.events_of(mine.namespace, mine.name)

    assert not any(neighbours.name in event.raw for event in told)


def test_nothing_happened_to_what_is_not_there(target):
    assert target.web.events_of("user-nobody", "nothing") == []


def test_volumes_that_cannot_be_measured_are_left_out(target, customer):
    spec = customer.spec("ghost-blog")
    customer.apply(spec)
    pod = target.eventually(
        lambda: (seen := target.cluster.see(spec.namespace, spec.name)).is_ready and seen.pod_name
    )
    node = target.cluster.see(spec.namespace, spec.name).node_name
    target.eventually(
        lambda: [
            each
            for each in target.bare.get(f"/api/v1/nodes/{node}/proxy/stats/summary")["pods"]
            if each["podRef"]["name"] == pod and each.get("containers")
        ]
    )

    # local-path is hostPath: the kubelet says nothing of it, and we do not guess.
    assert [each for each in target.cluster.volume_usages() if each.pod_name == pod] == []


@pytest.fixture
def measured(kubernetes_simulator):
    """The simulator with a storage class whose volumes measure themselves, as CSI drivers do; the real one has none."""
    kubeconfig = kubernetes_simulator["kubeconfig"]
    bare = KubernetesClient(kubeconfig)
    address = "/apis/storage.k8s.io/v1/storageclasses/block"
    body = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "block"},
        "provisioner": "block.example.com",
        "volumeBindingMode": "WaitForFirstConsumer",
    }
    bare.apply(address, body, "tests")
    simulated = Target(
        kubeconfig,
        None,
        60.0,
        kubernetes_simulator,
        KubernetesCluster(kubeconfig),
        KubernetesCluster(kubeconfig),
        bare,
    )
    customer = Customer(simulated)
    yield customer
    simulated.cluster.delete_namespace(customer.namespace)
    bare.delete(address)


def running_on_block_storage(customer):
    spec = customer.spec("ghost-blog", storage_class="block")
    customer.apply(spec)
    cluster = customer.target.cluster
    seen = customer.target.eventually(
        lambda: (now := cluster.see(spec.namespace, spec.name)).is_ready and now
    )
    return spec, seen


def test_volume_that_measures_itself_is_told(measured):
    spec, seen = running_on_block_storage(measured)

    def ask():
        found = measured.target.cluster.volume_usages()
        return next((each for each in found if each.pod_name == seen.pod_name), None)

    usage = measured.target.eventually(ask)

    assert usage.namespace == spec.namespace
    assert usage.claim == f"{spec.name}-data"
    assert 0 < usage.used_mb < usage.capacity_mb <= 1024


def test_use_is_asked_with_the_same_number_of_questions_for_one_instance_and_for_several(
    measured, monkeypatch
):
    asked = []
    send = KubernetesClient._send
    monkeypatch.setattr(
        KubernetesClient, "_send", lambda *args, **kwargs: asked.append(1) or send(*args, **kwargs)
    )
    cluster = measured.target.cluster

    def questions():
        asked.clear()
        cluster.usages()
        cluster.volume_usages()
        return len(asked)

    measured.room = {"cpu_milli": 2000, "memory_mb": 2048, "storage_gb": 4, "instances": 4}
    running_on_block_storage(measured)
    for_one = questions()
    for _ in range(3):
        running_on_block_storage(measured)

    # One list of use, one of claims, one of nodes, and one question to each node.
    assert questions() == for_one == 3 + len(cluster.nodes())


def test_node_that_went_away_is_told_without_its_name(measured):
    spec, seen = running_on_block_storage(measured)
    simulator = measured.target.simulator
    pull_lever(simulator, "node", node=seen.node_name, power="off")
    try:
        event = await_event(measured.target, spec, "node_not_ready")
    finally:
        pull_lever(simulator, "node", node=seen.node_name, power="on")

    assert_is_for_customers(event)
    assert event.is_warning
    assert seen.node_name not in event.words.english


def test_node_that_does_not_answer_keeps_nobody_else_from_being_measured(measured):
    _, seen = running_on_block_storage(measured)
    cluster, simulator = measured.target.cluster, measured.target.simulator
    measured.target.eventually(cluster.volume_usages)
    other = next(node.name for node in cluster.nodes() if node.name != seen.node_name)
    pull_lever(simulator, "node", node=other, power="off")
    try:
        # The kubelet of a node that is off does not answer, while the node still counts as ready for a while.
        found = [each.pod_name for each in cluster.volume_usages()]
    finally:
        pull_lever(simulator, "node", node=other, power="on")

    assert seen.pod_name in found
