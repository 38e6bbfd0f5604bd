"""The six cluster lists on the wire: built by cluster/monitoring in the contract's shape, passed through."""

from marshmallow import fields

from minispod.api.schemas.base import WireSchema


class ClusterListOut(WireSchema):
    """A list of cluster objects; the key is the kind's name."""

    total = fields.Integer(required=True)
    nodes = fields.List(fields.Dict())
    deployments = fields.List(fields.Dict())
    pods = fields.List(fields.Dict())
    namespaces = fields.List(fields.Dict())
    services = fields.List(fields.Dict())
    ingresses = fields.List(fields.Dict())


class ClusterNodeOut(WireSchema):
    """One node in full."""

    node = fields.Dict()
