"""Carry out one step on a node: talks to the cluster, with no transaction open. Each step may be repeated.

A pod is asked to leave and never deleted; which pods stay is judged in cluster/draining. Volumes are not touched.
"""

from collections.abc import Callable

from minispod.cluster.draining import PlacedPod, Stay, stays
from minispod.cluster.port import ClusterPort, ClusterRefused, NoSuchObject
from minispod.operations.nodes.orders import NodeOrder, NodeReport, Seen
from minispod.operations.nodes.states import NodeAct, NodeStep

# So that one round ends long before its lease, however slow the cluster is.
_AT_ONCE = 20
_ENDS = "It is being stopped."
_HELD = "An operation works on this instance; its pod leaves afterwards."
_NEXT = "Its turn comes."
_WHY_IT_STAYS = {
    Stay.BOUND: "Its data are on this node only.",
    Stay.UNMANAGED: "Nobody would start it again elsewhere.",
}


def carry_out(order: NodeOrder, cluster: ClusterPort, *, is_wanted: Callable[[], bool]) -> NodeReport:
    """Do what the order's step says. Raises Unavailable."""
    try:
        if order.step is NodeStep.MARK:
            cluster.set_schedulable(order.node, is_schedulable=order.act is NodeAct.UNCORDON)
            return NodeReport()
        return _empty(order, cluster, is_wanted)
    except NoSuchObject:
        return NodeReport(failure="The node is not in the cluster any more.")
    except ClusterRefused as refusal:
        return NodeReport(failure=refusal.message)


def _empty(order: NodeOrder, cluster: ClusterPort, is_wanted: Callable[[], bool]) -> NodeReport:
    """Ask every pod that may go to leave; tell which are still there."""
    bound = {(each.namespace, each.claim) for each in cluster.volumes() if each.nodes == (order.node,)}
    waiting: list[Seen] = []
    staying: list[Seen] = []
    asked = sent_away = 0
    for pod in cluster.pods_on(order.node):
        why = stays(pod, bound, stand_still=order.stand_still)
        if pod.is_over or why in (Stay.DAEMON_SET, Stay.NODE):
            continue
        if why is not None and not pod.is_workbench:
            staying.append(_seen(pod, _WHY_IT_STAYS[why]))
        elif pod.is_workbench or (pod.instance_id in order.busy and not pod.is_leaving):
            waiting.append(_seen(pod, _HELD))
        elif pod.is_leaving:
            waiting.append(_seen(pod, _ENDS))
        elif asked >= _AT_ONCE or not is_wanted():
            waiting.append(_seen(pod, _NEXT))
        else:
            asked += 1
            answer = cluster.evict(pod.namespace, pod.name)
            sent_away += answer.is_accepted
            waiting.append(_seen(pod, answer.refusal or _ENDS))
    return NodeReport(waiting=tuple(waiting), staying=tuple(staying), sent_away=sent_away)


def _seen(pod: PlacedPod, why: str) -> Seen:
    return Seen(pod.namespace, pod.name, why, pod.instance_id)
