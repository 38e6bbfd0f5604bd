"""The six cluster lists on the wire: built by cluster/monitoring in the contract's shape, passed through."""

from marshmallow import fields

from minispod.api.schemas.base import AnswerSchema


class ClusterListOut(AnswerSchema):
    """A list of cluster objects, which stands under the name of their kind."""

    total = fields.Integer()


class ClusterNodesOut(ClusterListOut):
    """The nodes."""

    nodes = fields.List(fields.Dict())


class DeploymentsOut(ClusterListOut):
    """The deployments."""

    deployments = fields.List(fields.Dict())


class PodsOut(ClusterListOut):
    """The pods."""

    pods = fields.List(fields.Dict())


class NamespacesOut(ClusterListOut):
    """The namespaces."""

    namespaces = fields.List(fields.Dict())


class NetworkServicesOut(ClusterListOut):
    """The network services."""

    services = fields.List(fields.Dict())


class IngressesOut(ClusterListOut):
    """The ingresses."""

    ingresses = fields.List(fields.Dict())


class ClusterNodeOut(AnswerSchema):
    """One node in full."""

    node = fields.Dict()
