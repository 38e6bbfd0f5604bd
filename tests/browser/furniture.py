"""What the furnished shop has besides, so that no page is looked at empty: alerts, work on nodes, past months."""

import uuid
from datetime import datetime, timedelta

from sqlalchemy import select

from minispod.accounts import viewing
from minispod.alerts import acting, book
from minispod.alerts.book import Manners
from minispod.alerts.judging import Finding, Verdict
from minispod.alerts.kinds import Rule
from minispod.alerts.models import Alert
from minispod.catalog.models import Plan, Service
from minispod.cluster import sights
from minispod.cluster.joining.models import NodeJoin
from minispod.cluster.joining.states import JoinState
from minispod.cluster.port import VolumeSighting
from minispod.cluster.sights import Kind, Sight
from minispod.instances import volumes
from minispod.instances.models import Instance
from minispod.instances.naming import claim_name
from minispod.instances.uptime.models import AvailabilitySpan, ClusterWatch, Standing
from minispod.kernel.actor import Actor
from minispod.kernel.database import session
from minispod.kernel.ids import new_id
from minispod.operations.nodes.models import NodeOperation
from minispod.operations.nodes.states import BoundChoice, NodeAct, NodeActStatus, NodeStep
from minispod.subscriptions.bulk.models import BulkBatch, BulkItem
from minispod.subscriptions.bulk.states import OPEN, BulkAct, ItemState
from tests.factories.recurring import Change, Past, put_customer, put_past

_LATER = timedelta(hours=5)


def put_alerts(instance_id: str, *, actor: Actor, at: datetime) -> str:
    """One that is over, one taken up and silent, others open; the id of the one with a past and a note."""
    manners, everything = Manners(timedelta(hours=1), None), frozenset(Rule)
    down = Finding(
        Rule.NODE_DOWN,
        "node",
        "worker-2",
        "worker-2",
        {"since": (at - timedelta(minutes=9)).isoformat(), "movable": 1, "bound": 2, "bare": 0},
    )
    full = Finding(
        Rule.VOLUME_FULL, "instance", instance_id, "n8n-automation-of-siti", {"percent": 93, "of_mb": 1024}
    )
    others = (
        Finding(Rule.MAIL_STUCK, "mail", "outgoing", "outgoing mail", {"total": 3}),
        Finding(Rule.ADD_NODE, "cluster", "cluster", "the cluster", {"nodes": "worker-1"}),
    )
    for found, moment in (((down,), at - 2 * _LATER), ((), at - _LATER), ((down, full, *others), at)):
        book.settle(book.begin(), Verdict(found, everything), manners=manners, at=moment)
        session().flush()
    still = {
        row.rule: row.id for row in session().scalars(select(Alert).where(Alert.resolved_at.is_(None))).all()
    }
    acting.acknowledge(still[Rule.NODE_DOWN], note="The rack has no power; back at ten.", actor=actor, at=at)
    acting.silence(still[Rule.VOLUME_FULL], at + timedelta(hours=8), actor=actor, at=at)
    return str(still[Rule.NODE_DOWN])


def put_viewing(customer_id: str, *, actor: Actor, at: datetime) -> str:
    """The administrator looks as this customer."""
    begun = viewing.begin(uuid.UUID(customer_id), "To see what the page shows.", actor=actor, at=at)
    session().flush()
    return str(begun.id)


def put_on_nodes(instance_ids: list[str], at: datetime) -> None:
    """The first has its data on worker-1, the second on worker-2, the third runs on worker-1 with data everywhere."""
    for id_, node in zip(instance_ids, ("worker-1", "worker-2", "worker-1"), strict=True):
        row = session().get_one(Instance, uuid.UUID(id_))
        row.node_name = node
        if id_ != instance_ids[2]:
            claim = claim_name(row.name, row.volume_number)
            volumes.note_places([VolumeSighting(row.namespace, claim, (node,))])
    long_ago, down = at - timedelta(days=2), at - timedelta(hours=3)
    session().add(ClusterWatch(began_at=long_ago, until=at))
    for began, ended, standing in (
        (long_ago, down, Standing.UP),
        (down, down + timedelta(minutes=12), Standing.DOWN),
        (down + timedelta(minutes=12), at, Standing.UP),
    ):
        session().add(
            AvailabilitySpan(
                instance_id=uuid.UUID(instance_ids[0]), began_at=began, ended_at=ended, standing=standing
            )
        )


def put_node_acts(instance_ids: list[str], at: datetime) -> str:
    """A drain that failed on worker-1, and one of control-1 that is under way: its id."""
    kept = _drain("worker-1", NodeActStatus.FAILED, instance_ids[:1], at - timedelta(hours=1))
    kept.error = "Nothing has left for 10 minutes: a disruption budget allows no eviction."
    kept.ended_at = at - timedelta(minutes=40)
    live = _drain("control-1", NodeActStatus.RUNNING, instance_ids, at - timedelta(minutes=2))
    live.refusals = {instance_ids[0]: "No other worker has room for it."}
    live.waiting = [
        {
            "pod": "blog-7c9f6b5d4-x2x7q",
            "namespace": "user-1",
            "why": "Its disruption budget allows no eviction",
        }
    ]
    live.staying = [
        {
            "pod": "svclb-traefik-2b7a6e",
            "namespace": "kube-system",
            "why": "A daemon set runs it on every node",
        }
    ]
    session().add_all([kept, live])
    session().flush()
    return str(live.id)


def put_batches(instance_ids: list[str], at: datetime) -> str:
    """A restart of all that is under way, and a backup that ended: the first's id."""
    states = (ItemState.UNDER_WAY, ItemState.REFUSED, ItemState.WAITING)
    ended = at - timedelta(hours=1)
    done = BulkBatch(
        act=BulkAct.BACK_UP,
        request_key=new_id(),
        requested_by="Ayu Admin",
        requested_at=ended,
        ended_at=ended,
    )
    live = BulkBatch(act=BulkAct.RESTART, request_key=new_id(), requested_by="Ayu Admin", requested_at=at)
    session().add_all([done, live])
    session().flush()
    for position, (id_, state) in enumerate(zip(instance_ids, states, strict=True), 1):
        why = "The instance must be RUNNING; it is STOPPED." if state is ItemState.REFUSED else None
        for batch, how in ((live, state), (done, ItemState.DONE)):
            session().add(
                BulkItem(
                    batch_id=batch.id,
                    position=position,
                    instance_id=uuid.UUID(id_),
                    state=how,
                    reason=why if batch is live else None,
                    begun_at=None if how is ItemState.WAITING else batch.requested_at,
                    ended_at=None if how in OPEN else batch.requested_at,
                )
            )
    return str(live.id)


def put_joins(at: datetime) -> str:
    """A token that waits for its machine, and one that brought a worker: the first's id."""
    for slot, state, name in (("mpod01", JoinState.JOINED, "worker-1"), ("mpod02", JoinState.READY, None)):
        row = NodeJoin(
            slot=slot,
            state=state,
            authority_hash="5f" * 32,
            wanted_name="worker-3",
            labels=["disk=fast", "example.com/rack=jakarta-2"],
            taints=["gpu=yes:NoSchedule"],
            expires_at=at + timedelta(hours=1),
            node_name=name,
            requested_by="Ayu Admin",
            requested_at=at,
            ended_at=at if name else None,
        )
        session().add(row)
    session().flush()
    return str(row.id)


def _drain(node: str, status: NodeActStatus, instances: list[str], at: datetime) -> NodeOperation:
    return NodeOperation(
        id=new_id(),
        node_name=node,
        act=NodeAct.DRAIN,
        status=status,
        step=NodeStep.ENDED if status is NodeActStatus.FAILED else NodeStep.EVICT,
        bound=BoundChoice.MOVE,
        instances=instances,
        moves={},
        refusals={},
        waiting=[],
        staying=[],
        sent_away=7,
        moved_on_at=at,
        requested_by="Ayu Admin",
        requested_at=at,
        started_at=at,
    )


def put_past_months(at: datetime) -> None:
    """Customers of half a year: who came, came back, paid more or less, left, stops by decision, cannot pay."""
    blog, shop = plan_of("ghost-blog"), plan_of("wordpress")
    for number in range(9):
        begun = at - timedelta(days=25 + 19 * number)
        who = put_customer(f"Customer {number}", balance=40_000 * number, at=begun)
        months = 1 + (at - begun).days // 31
        change = Change(
            months, at - timedelta(days=3), 150_000 if number % 2 else 30_000, shop, charged=9_000
        )
        put_past(
            Past(
                who,
                blog,
                begun,
                price=80_000,
                months=months,
                changes=(change,) if number in (2, 5) else (),
                ended_at=at - timedelta(days=40) if number == 7 else None,
                auto_renew=number != 4,
            )
        )
    back = put_customer("Came Back", balance=0, at=at - timedelta(days=150))
    put_past(
        Past(back, blog, at - timedelta(days=150), price=60_000, months=2, ended_at=at - timedelta(days=95))
    )
    put_past(Past(back, shop, at - timedelta(days=12), price=90_000))


def plan_of(slug: str) -> uuid.UUID:
    """The cheapest plan of a service."""
    wanted = select(Plan.id).join(Service, Service.id == Plan.service_id).where(Service.slug == slug)
    return session().scalars(wanted.order_by(Plan.monthly_price).limit(1)).one()


def put_sights(at: datetime) -> None:
    """What was seen of each kind of the cluster's objects before it fell silent."""
    made = "2026-11-01T00:00:00Z"
    named = {
        "name": "ghost-blog-3f2a91c4-7c9f6b5d4-x2x7q",
        "namespace": "user-01a1f922b4b677d2",
        "made": made,
    }
    image = "registry.example.com/platform/automation/n8n:1.64.3-alpine, docker.io/library/postgres:16.4"
    rows: dict[Kind, dict[str, str]] = {
        Kind.PODS: named
        | {
            "status": "CrashLoopBackOff",
            "ready": "0 of 1",
            "restarts": "4",
            "node": "worker-1",
            "cpu": "125 m",
            "memory": "64 MB",
        },
        Kind.DEPLOYMENTS: named | {"ready": "1 of 1", "images": image},
        Kind.SERVICES: named
        | {"type": "ClusterIP", "address": "10.43.0.7", "ports": "80/TCP (node 30080)", "behind": "1"},
        Kind.INGRESSES: named
        | {
            "hosts": "ghost-blog-3f2a91c4.apps.example.com, blog.example.com",
            "leads_to": "ghost-blog-3f2a91c4:80",
            "tls": "tls-blog-example-com",
            "class": "traefik",
        },
        Kind.NAMESPACES: {"name": "user-01a1f922b4b677d2", "status": "Active", "made": made},
    }
    for kind, row in rows.items():
        sights.keep(kind, Sight(at, [row | {"name": f"{row['name']}-{number}"} for number in range(6)]))
