"""What would be applied for an instance beside what the cluster has: to read only, and without any secret."""

from typing import Any

from minispod.admin import pages
from minispod.admin.door import door
from minispod.admin.monitoring import ask_cluster, find_sold
from minispod.cluster.monitoring import last_picture
from minispod.instances import comparing, looking
from minispod.instances.environment import own_values
from minispod.instances.manifests import instance_manifests as manifests_of
from minispod.instances.specifying import spec_of
from minispod.ports import current_ports, current_settings
from minispod.rules import cluster_rules


@door.get("/instances/<instance_id>/manifests")
def instance_manifests(instance_id: str) -> Any:
    """Each object as we state it, with what the cluster says otherwise."""
    sold = find_sold(instance_id)
    ports, instance = current_ports(), sold.instance
    at = ports.clock.now()
    spec = spec_of(instance, cluster_rules(current_settings()), ports.sealer, at)
    wanted = [] if instance.is_gone else manifests_of(spec)
    secrets = [*spec.secrets.values(), *own_values(instance, ports.sealer).values()]
    silent_since = last_picture().silent_since
    present, problem = ask_cluster(lambda: looking.read_objects(instance, ports.cluster))
    return pages.page_or_fragment(
        "admin/instances/manifests.html",
        "admin/instances/_manifests.html",
        sold=sold,
        compared=comparing.compare(wanted, present, secrets=secrets),
        problem=problem,
        silent_since=silent_since,
        at=at,
    )
