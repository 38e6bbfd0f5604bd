"""What tests of commands share: running instances, workbenches, and commands in them."""

from minispod.instances.manifests import InstanceSpec
from minispod.instances.namespace_manifests import namespace_manifests
from minispod.instances.naming import claim_name, workbench_name
from minispod.instances.workbench import workbench_manifests
from tests.contracts.cluster.conftest import Customer, Target

SPARE = {"spare_claims": 1, "spare_storage_gb": 1}


def ready_instance(target: Target, customer: Customer, slug: str) -> tuple[InstanceSpec, str]:
    """A running instance in a namespace with room for a fresh volume, and its pod."""
    spec = customer.spec(slug)
    customer.room = {"memory_mb": spec.memory_mb, "storage_gb": 1, "instances": 1, **SPARE}
    customer.apply(spec)
    return spec, pod_of(target, spec)


def pod_of(target: Target, spec: InstanceSpec) -> str:
    """The pod of an instance, as soon as it runs."""

    def ask():
        seen = target.cluster.see(spec.namespace, spec.name)
        return seen.pod_name if seen and seen.is_ready else None

    return target.eventually(ask)


def stop(target: Target, spec: InstanceSpec) -> None:
    """Wait until an instance has stopped."""
    target.cluster.scale(spec.namespace, spec.name, 0)
    target.eventually(lambda: target.cluster.see(spec.namespace, spec.name).is_stopped)


def workbench(target: Target, spec: InstanceSpec, number: int = 2, **wishes) -> str:
    """A workbench, ready, on the instance's volume of this number."""
    claim = claim_name(spec.name, number)
    target.cluster.apply(workbench_manifests(spec, claim=claim, storage_gb=1, **wishes))
    name = workbench_name(spec.name)

    def ask():
        seen = target.cluster.see_pod(spec.namespace, name)
        return seen is not None and seen.is_ready

    target.eventually(ask)
    return name


def sleeping(target: Target, customer: Customer, slug: str = "ghost-blog") -> tuple[InstanceSpec, str]:
    """A workbench without an instance, all of whose containers sleep."""
    spec = customer.spec(slug)
    customer.room = {"memory_mb": spec.memory_mb, "storage_gb": 1, "instances": 1, **SPARE}
    target.cluster.apply(namespace_manifests(customer.walls()))
    return spec, workbench(target, spec, 1)


def run(target: Target, spec: InstanceSpec, pod: str, *command: str, container: str = "app") -> bytes:
    """What a command writes."""
    return b"".join(target.cluster.read_from(spec.namespace, pod, container, command))


def write(target: Target, spec: InstanceSpec, pod: str, path: str, content: bytes) -> None:
    """Put a file into the application's container."""
    command = ["sh", "-c", f"cat > {path}"]
    target.cluster.write_to(spec.namespace, pod, "app", command, [content], len(content))
