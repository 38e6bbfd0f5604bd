"""Find objects in the cluster with our labels that belong to no instance, and write them down.

One list per kind is compared with our rows. A label alone proves nothing: an object is an instance's own when label,
namespace and name say so. Nothing is removed here: what becomes of an orphan is in orphans.py.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from minispod.cluster.port import ClusterPort
from minispod.instances.models import Instance, InstanceVolume, Tenancy
from minispod.instances.naming import DRILL_PREFIX, TRIAL_PREFIX, claim_name, claim_number
from minispod.instances.orphan_models import Orphan, OrphanKind
from minispod.instances.specification import PREFIX
from minispod.instances.states import VolumeStatus
from minispod.kernel.database import session
from minispod.kernel.ids import new_id

Raw = Mapping[str, Any]

KINDS = {
    OrphanKind.WORKLOAD: "deployments",
    OrphanKind.CLAIM: "claims",
    OrphanKind.NAMESPACE: "namespaces",
}
# What was deleted a moment ago may still be listed, and what was ordered a moment ago may not be known yet.
_GRACE = timedelta(minutes=10)
NOBODY = uuid.UUID(int=0)


@dataclass(frozen=True, slots=True)
class Found:
    """One object with our labels, as the cluster lists it."""

    kind: OrphanKind
    namespace: str
    name: str
    instance_label: str
    size: str | None
    made_at: datetime | None

    @property
    def is_trial(self) -> bool:
        """Tell whether `flask recipes try` or a drill made it, which remove it themselves."""
        return self.namespace.startswith((TRIAL_PREFIX, DRILL_PREFIX))


@dataclass(frozen=True, slots=True)
class _Books:
    """What we know of: instances, customers' namespaces, the claims of volumes that are not deleted, and which living
    instance has the workload or the claim of a name.
    """

    instances: Mapping[uuid.UUID, Instance]
    tenancies: Mapping[str, Tenancy]
    claims: Mapping[uuid.UUID, Set[str]]
    places: Mapping[tuple[OrphanKind, str, str], Instance]

    def instance_of(self, found: Found) -> Instance | None:
        """The instance that the label of an object names."""
        return self.instances.get(instance_id_of(found.instance_label))

    def taker_of(self, found: Found) -> Instance | None:
        """The instance that it could go to: the living one that has an object of this name, or the one it is of."""
        living = self.places.get((found.kind, found.namespace, found.name))
        named = self.instance_of(found)
        if living is not None or named is None:
            return living
        return named if bears_name_of(named, found.kind, found.namespace, found.name) else None


def look(cluster: ClusterPort) -> list[Found]:
    """List what carries our labels, one list per kind; raises ClusterUnavailable."""
    return [each for kind, plural in KINDS.items() for each in _ours(kind, cluster.inventory(plural))]


def keep(found: Sequence[Found], *, at: datetime) -> int:
    """Write down which of the found objects nobody owns, forget those that are gone; return how many there are.

    What an administrator has decided about stays for the job that carries it out.
    """
    books = _open_books()
    orphans = [each for each in found if _is_orphan(each, books, at)]
    for each in orphans:
        tenancy = books.tenancies.get(each.namespace)
        match = books.taker_of(each)
        facts = {
            "instance_label": each.instance_label,
            "instance_id": match.id if match else None,
            "user_id": tenancy.user_id if tenancy else None,
            "size": each.size,
            "made_at": each.made_at,
            "last_seen_at": at,
        }
        session().execute(
            insert(Orphan)
            .values(
                id=new_id(),
                kind=each.kind,
                namespace=each.namespace,
                name=each.name,
                is_trial=each.is_trial,
                first_seen_at=at,
                **facts,
            )
            .on_conflict_do_update(index_elements=["kind", "namespace", "name"], set_=facts)
        )
    session().execute(delete(Orphan).where(Orphan.last_seen_at < at, Orphan.wish.is_(None)))
    return len(orphans)


def _ours(kind: OrphanKind, objects: Iterable[Raw]) -> Iterator[Found]:
    for each in objects:
        metadata = each["metadata"]
        labels = metadata.get("labels") or {}
        if labels.get(f"{PREFIX}managed") != "true" or metadata.get("deletionTimestamp"):
            continue
        request = ((each.get("spec") or {}).get("resources") or {}).get("requests") or {}
        yield Found(
            kind,
            metadata.get("namespace") or metadata["name"],
            metadata["name"],
            labels.get(f"{PREFIX}instance") or "",
            request.get("storage") if kind is OrphanKind.CLAIM else None,
            _time(metadata.get("creationTimestamp")),
        )


def _open_books() -> _Books:
    instances = {row.id: row for row in session().scalars(select(Instance))}
    claims: dict[uuid.UUID, set[str]] = {}
    volumes = select(Instance.id, Instance.name, InstanceVolume.number).join(
        InstanceVolume, InstanceVolume.instance_id == Instance.id
    )
    for id_, name, number in session().execute(volumes.where(InstanceVolume.status != VolumeStatus.DELETED)):
        claims.setdefault(id_, set()).add(claim_name(name, number))
    tenancies = {row.namespace: row for row in session().scalars(select(Tenancy))}
    living = [row for row in instances.values() if not row.is_gone]
    places = {(OrphanKind.WORKLOAD, row.namespace, row.name): row for row in living} | {
        (OrphanKind.CLAIM, row.namespace, claim): row for row in living for claim in claims.get(row.id, ())
    }
    return _Books(instances, tenancies, claims, places)


def _is_orphan(found: Found, books: _Books, at: datetime) -> bool:
    if found.kind is OrphanKind.NAMESPACE:
        tenancy = books.tenancies.get(found.name)
        return tenancy is None or (tenancy.cleared_at is not None and tenancy.cleared_at < at - _GRACE)
    instance = books.instance_of(found)
    if instance is None or instance.namespace != found.namespace:
        return True
    if instance.is_gone:
        return instance.status_changed_at < at - _GRACE
    if found.kind is OrphanKind.WORKLOAD:
        return found.name != instance.name
    is_young = found.made_at is None or found.made_at > at - _GRACE
    return not is_young and found.name not in books.claims.get(instance.id, ())


def bears_name_of(instance: Instance, kind: OrphanKind, namespace: str, name: str) -> bool:
    """Tell whether an object lies where this instance's do and is called as they are."""
    if namespace != instance.namespace:
        return False
    if kind is OrphanKind.WORKLOAD:
        return name == instance.name
    return kind is OrphanKind.CLAIM and claim_number(instance.name, name) is not None


def instance_id_of(text: str) -> uuid.UUID:
    """The id in a label; nobody's when it is none."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return NOBODY


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
