"""Refusals of acts on nodes."""

from minispod.kernel.errors import Conflict, NotFound, RuleBroken


class NodeUnknown(NotFound):
    """The node is not in the cluster, as last seen."""

    code = "nodes.unknown"
    default_message = "There is no such node in the cluster, as it was last seen."


class NoSuchNodeOperation(NotFound):
    """There is no such work on a node."""

    code = "nodes.no_such_operation"
    default_message = "There is no such work on a node."


class NodeBusy(Conflict):
    """One act at a time on a node."""

    code = "nodes.busy"
    default_message = (
        "Something else is being done with this node. Please wait until it has ended, or cancel it."
    )


class NodeDoesNotAnswer(RuleBroken):
    """Nothing can be asked to leave a node that does not answer."""

    code = "nodes.does_not_answer"
    default_message = (
        "This node does not answer, so nothing on it can be asked to leave. "
        "What is tied to it can be restored elsewhere."
    )


class NowhereToGo(RuleBroken):
    """No other node takes pods."""

    code = "nodes.nowhere_to_go"
    default_message = "No other worker is ready to take what is on this node."


class NothingToCancel(Conflict):
    """The work has ended already."""

    code = "nodes.nothing_to_cancel"
    default_message = "This has ended already; there is nothing to cancel."
