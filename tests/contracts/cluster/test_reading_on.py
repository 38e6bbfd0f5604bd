"""What staff's pages read of an instance: its objects as they are, and its log from where it was read to."""

from contextlib import closing

from minispod.cluster.port import LogPlace
from minispod.instances import comparing
from minispod.instances.comparing import Standing
from minispod.instances.manifests import instance_manifests
from tests.contracts.cluster.conftest import Customer, Target


def test_what_was_applied_is_found_again_without_a_difference(target: Target, customer: Customer) -> None:
    spec = customer.spec("n8n-automation")
    customer.apply(spec)
    wanted = instance_manifests(spec)

    present = target.web.objects_of(spec.namespace, str(spec.instance_id))
    compared = comparing.compare(wanted, present, secrets=spec.secrets.values())

    assert {each["kind"] for each in present} == {"Deployment", "Service", "Ingress"}
    assert [each for each in compared if each.standing not in (Standing.SAME, Standing.NOT_READ)] == []
    assert sum(each.standing is Standing.SAME for each in compared) == len(present)


def test_what_somebody_changed_is_a_difference(target: Target, customer: Customer) -> None:
    spec = customer.spec("n8n-automation")
    customer.apply(spec)
    target.cluster.scale(spec.namespace, spec.name, 0)

    present = target.web.objects_of(spec.namespace, str(spec.instance_id))
    compared = comparing.compare(instance_manifests(spec), present, secrets=spec.secrets.values())

    [changed] = [each for each in compared if each.standing is Standing.DIFFERS]
    assert [line for line in changed.lines if line[0] != " "] == [
        ("-", "  replicas: 1"),
        ("+", "  replicas: 0"),
    ]


def test_of_what_is_not_there_nothing_is_read(target: Target, customer: Customer) -> None:
    spec = customer.spec("n8n-automation")

    assert target.web.objects_of(spec.namespace, str(spec.instance_id)) == []


def test_a_log_is_read_to_its_end_and_on_from_there(target: Target, customer: Customer) -> None:
    spec = customer.spec("n8n-automation")
    customer.apply(spec)
    target.eventually(lambda: target.cluster.see(spec.namespace, spec.name).is_ready)

    def read(after: LogPlace | None) -> tuple[list[str], LogPlace | None]:
        stream = target.web.follow_logs(
            spec.namespace, spec.name, container="app", lines=1000, after=after, goes_on=False
        )
        with closing(stream):
            return list(stream), stream.place

    target.eventually(lambda: read(None)[0])
    first, place = read(None)
    assert place is not None
    later, reached = read(place)

    # Whatever it writes meanwhile comes once, and nothing comes twice.
    assert later == read(None)[0][len(first) : len(first) + len(later)]
    assert reached is not None
    assert reached.stamp >= place.stamp
