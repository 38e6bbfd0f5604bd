"""One's own instances on the wire."""

from marshmallow import fields, validate

from minispod.api.schemas.base import AnswerSchema, BlankEnum, PageQuery, PaginationOut, Timestamp, WireSchema
from minispod.api.schemas.subscriptions import InstanceOut, PlanBriefOut, ServiceBriefOut
from minispod.instances.looking import MOST_LINES
from minispod.instances.states import InstanceStatus

_ID = validate.Length(1, 64)


class OwnInstanceIn(WireSchema):
    """The subscription whose instance is provisioned again."""

    subscription_id = fields.String(required=True, validate=_ID)


class OwnInstancePlanIn(WireSchema):
    """The plan that is wanted."""

    plan_id = fields.String(required=True, validate=_ID)


class OwnInstancesQuery(PageQuery):
    """Which of one's instances; a status that is asked for is listed whatever it is."""

    status = BlankEnum(InstanceStatus, load_default=None)
    include_terminated = fields.Boolean(load_default=False)


class InstanceLogQuery(WireSchema):
    """How many lines. `follow` is read and has no effect: lines are followed over Socket.IO."""

    lines = fields.Integer(load_default=100, validate=validate.Range(min=1, max=MOST_LINES))
    follow = fields.Boolean(load_default=False)


class SoldAsOut(AnswerSchema):
    """The subscription an instance belongs to."""

    id = fields.String()
    status = fields.String()
    service = fields.Nested(ServiceBriefOut)
    plan = fields.Nested(PlanBriefOut)


class OwnInstanceOut(InstanceOut):
    """An instance with what it was sold as."""

    subscription_id = fields.String()
    subscription = fields.Nested(SoldAsOut)


class OwnInstancesOut(AnswerSchema):
    """One's own instances."""

    instances = fields.List(fields.Nested(OwnInstanceOut))
    total = fields.Integer()
    pagination = fields.Nested(PaginationOut)


class SeenPodOut(AnswerSchema):
    """A pod as it was last seen."""

    name = fields.String()
    ready = fields.Boolean()
    restarts = fields.Integer()


class SeenOut(AnswerSchema):
    """What was last seen in the cluster, and when."""

    pods = fields.List(fields.Nested(SeenPodOut))
    namespace = fields.String()
    deployment = fields.String()
    service = fields.String()
    ingress = fields.String(allow_none=True)
    last_seen_at = Timestamp(allow_none=True)


class AddressesOut(AnswerSchema):
    """Where an instance is reached; null is what it does not have."""

    public = fields.String()
    admin = fields.String(allow_none=True)
    custom = fields.String(allow_none=True)


class SslOut(AnswerSchema):
    """Whether it is reached with TLS: ACTIVE or DISABLED."""

    enabled = fields.Boolean()
    status = fields.String()


class OwnInstanceOneOut(AnswerSchema):
    """One instance; `kubernetesStatus` is null when nothing of it is left."""

    instance = fields.Nested(OwnInstanceOut)
    kubernetes_status = fields.Nested(SeenOut, allow_none=True)
    urls = fields.Nested(AddressesOut)
    ssl = fields.Nested(SslOut)


class OwnInstanceMadeOut(AnswerSchema):
    """What came of provisioning again."""

    instance = fields.Nested(OwnInstanceOut)
    message = fields.String()
    estimated_time = fields.String()
    next_steps = fields.List(fields.String())


class TimedLineOut(AnswerSchema):
    """A line of the log: when it was written, and how severe it calls itself (ERROR, WARN, INFO, DEBUG)."""

    timestamp = Timestamp(attribute="at", allow_none=True)
    level = fields.String()
    message = fields.String(attribute="text")


class InstanceLogsOut(AnswerSchema):
    """The last lines, oldest first."""

    instance_id = fields.String()
    logs = fields.List(fields.Nested(TimedLineOut))
    total = fields.Integer()
