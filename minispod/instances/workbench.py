"""The workbench: a pod made from an instance's recipe and one of its volumes, in which commands are run while the
application itself is not running: to copy from a volume, or to fill a fresh one. Pure.

Containers whose data are dumped by their own program run as usual; the others sleep in a shell. No network service and
no workload selects it; whoever begins one must end it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from minispod.catalog.recipes import AppRecipe
from minispod.catalog.recipes.schema import BackupPart, Container
from minispod.instances import workload
from minispod.instances.manifests import certificate_secret, secret
from minispod.instances.manifests import claim as volume_claim
from minispod.instances.naming import workbench_name
from minispod.instances.specification import PREFIX, InstanceSpec, Manifest, labels_of, metadata_of

_HOSTNAME = "kubernetes.io/hostname"
_PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
# A shell that ends at once when it is told to, with nothing to end but itself.
_SLEEP = ("sh", "-c", "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done")

# What lies in the volume is added to "$@". The volume itself stays out: it is root's, its mode is nobody's to set.
# What an owner may have set for tar must not decide what is in a backup.
_CONTENT = """
unset TAR_OPTIONS POSIXLY_CORRECT
cd "$1" || exit 2
shift
found=
for each in * .[!.]* ..?*; do
  if [ -e "$each" ] || [ -L "$each" ]; then
    [ "$each" = lost+found ] || { set -- "$@" "./$each"; found=yes; }
  fi
done
"""
# The archive of nothing is its end: two blocks of zeros. Not every tar can write that by itself.
_ARCHIVE = (
    _CONTENT
    + """
[ -n "$found" ] || exec head -c 1024 /dev/zero
tar -cf - "$@"
status=$?
"""
)
# GNU tar ends with 1 when only files changed or went away while it read them, which is what running applications do;
# busybox ends with 1 whatever happened.
_FORGIVING = """
if [ "$status" = 1 ] && tar --version 2>/dev/null | grep -q GNU; then
  status=0
fi
"""
_UNPACK = (
    _CONTENT
    + """
[ -z "$found" ] || rm -rf -- "$@" || exit 2
exec tar -xopf -
"""
)


@dataclass(frozen=True, slots=True)
class PartCommand:
    """A command for one part of a backup, and the container in which it is run."""

    part: str
    container: str
    command: tuple[str, ...]


def backup_commands(recipe: AppRecipe) -> tuple[PartCommand, ...]:
    """List what writes each part of a backup to stdout, in the instance's own pod or in a workbench."""
    archive = _ARCHIVE + (_FORGIVING if recipe.consistency == "live" else "") + 'exit "$status"'
    return tuple(
        PartCommand(part.volume, name, part.dump or _archiving(archive, container, part))
        for name, container, part in _parts(recipe)
    )


def restore_commands(recipe: AppRecipe) -> tuple[PartCommand, ...]:
    """List what reads each part of a backup from stdin and replaces what is there; only ever in a workbench."""
    return tuple(
        PartCommand(
            part.volume, name, part.restore or ("sh", "-c", _UNPACK, "restore", _path(container, part))
        )
        for name, container, part in _parts(recipe)
    )


def workbench_manifests(
    spec: InstanceSpec, *, claim: str, storage_gb: int, node: str | None = None, avoid: Sequence[str] = ()
) -> list[Manifest]:
    """List the objects of a workbench on the volume `claim`, which is made when it is not there.

    `node` is where it must run, `avoid` are nodes where it must not; a fresh volume comes to be where it runs.
    """
    name = workbench_name(spec.name)
    objects = [volume_claim(spec, claim, storage_gb)]
    if spec.recipe.keeps_secrets:
        objects.append(secret(spec, name))
    if spec.exposure is not None:
        # The instance's own: a database does not start without it, wherever its workbench is.
        objects.append(certificate_secret(spec, spec.exposure))
    return [*objects, _pod(spec, name, claim, node, avoid)]


def _parts(recipe: AppRecipe) -> list[tuple[str, Container, BackupPart]]:
    # Databases first: files that came later do no harm, files that are missing do.
    parts = [(name, each, part) for name, each in recipe.containers.items() for part in each.backup]
    return sorted(parts, key=lambda found: not found[2].dump)


def _path(container: Container, part: BackupPart) -> str:
    return next(volume.path for volume in container.volumes if volume.name == part.volume)


def _archiving(script: str, container: Container, part: BackupPart) -> tuple[str, ...]:
    left_out = (f"--exclude=./{path}" for path in part.exclude)
    return ("sh", "-c", script, "archive", _path(container, part), *left_out)


def _pod(spec: InstanceSpec, name: str, claim: str, node: str | None, avoid: Sequence[str]) -> Manifest:
    labels = {**labels_of(spec), f"{PREFIX}workbench": str(spec.instance_id)}
    del labels[f"{PREFIX}instance"]
    body = {**workload.pod(spec), "restartPolicy": "OnFailure"}
    for volume in body["volumes"]:
        if "persistentVolumeClaim" in volume:
            volume["persistentVolumeClaim"]["claimName"] = claim
    for container in body["containers"]:
        _read_secret(container, spec.names.secret, name)
        if not spec.recipe.containers[container["name"]].has_dump:
            _put_to_sleep(container)
    placed = _placed(node, avoid)
    if placed:
        body["affinity"] = {**body.get("affinity", {}), "nodeAffinity": placed}
    metadata = {**metadata_of(spec, name), "labels": labels}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": body}


def _read_secret(container: dict[str, Any], of_the_instance: str, own: str) -> None:
    for entry in container["env"]:
        reference = entry.get("valueFrom", {}).get("secretKeyRef")
        if reference is not None and reference["name"] == of_the_instance:
            reference["name"] = own


def _put_to_sleep(container: dict[str, Any]) -> None:
    for field in (*_PROBES, "args"):
        container.pop(field, None)
    container["command"] = list(_SLEEP)


def _placed(node: str | None, avoid: Sequence[str]) -> dict[str, Any]:
    wishes = [("In", [node] if node else []), ("NotIn", sorted(avoid))]
    rules = [{"key": _HOSTNAME, "operator": how, "values": nodes} for how, nodes in wishes if nodes]
    terms = {"nodeSelectorTerms": [{"matchExpressions": rules}]}
    return {"requiredDuringSchedulingIgnoredDuringExecution": terms} if rules else {}
