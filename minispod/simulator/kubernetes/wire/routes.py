"""From a path to what it means: the resource, the namespace, the name and the subresource."""

from dataclasses import dataclass
from urllib.parse import unquote

from minispod.simulator.kubernetes.machinery.kinds import BY_PATH, NAMESPACES, Resource
from minispod.simulator.kubernetes.machinery.refusals import no_such_path


@dataclass(frozen=True, slots=True)
class Route:
    """What a path of the resource API addresses."""

    resource: Resource
    namespace: str | None
    name: str | None
    subresource: str | None
    watch: bool = False


def find_route(path: str) -> Route:
    """The meaning of a path under /api or /apis; a 404 if it has none."""
    parts = [unquote(part) for part in path.strip("/").split("/")]
    if len(parts) >= 3 and parts[:2] == ["api", "v1"]:
        group, version, rest = "", "v1", parts[2:]
    elif len(parts) >= 4 and parts[0] == "apis":
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        raise no_such_path()
    watch = rest[0] == "watch"
    if watch:
        rest = rest[1:]
    namespace: str | None = None
    subresources_of_namespace = len(rest) == 3 and rest[2] in NAMESPACES.subresources
    if len(rest) >= 3 and rest[0] == "namespaces" and not subresources_of_namespace:
        namespace, rest = rest[1], rest[2:]
    if not rest or len(rest) > 3:
        raise no_such_path()
    resource = BY_PATH.get((group, version, rest[0]))
    if resource is None or (namespace is not None and not resource.namespaced):
        raise no_such_path()
    name = rest[1] if len(rest) > 1 else None
    subresource = rest[2] if len(rest) > 2 else None
    if subresource is not None and subresource not in resource.subresources:
        raise no_such_path()
    if name is not None and resource.namespaced and namespace is None:
        raise no_such_path()
    return Route(resource, namespace, name, subresource, watch)
