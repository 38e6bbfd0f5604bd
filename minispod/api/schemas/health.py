"""The health of instances on the wire."""

from marshmallow import fields

from minispod.api.schemas.base import SOMETIMES, AnswerSchema, Timestamp, WireSchema
from minispod.insights.instance_health import TimeRange


class HealthSummaryOut(AnswerSchema):
    """All instances by state; healthy and unhealthy are of those looked at within five minutes."""

    total_instances = fields.Integer()
    status_counts = fields.Dict(keys=fields.String(), values=fields.Integer())
    recent_health_checks = fields.Integer()
    healthy_instances = fields.Integer()
    unhealthy_instances = fields.Integer()
    last_updated = Timestamp()


class HealthFiguresQuery(WireSchema):
    """How far back."""

    time_range = fields.Enum(TimeRange, by_value=True, load_default=TimeRange.DAY)


class ServiceHealthOut(AnswerSchema):
    """The instances of one service."""

    total = fields.Integer()
    healthy = fields.Integer()
    unhealthy = fields.Integer()


class SpreadOut(AnswerSchema):
    """What one instance used at one moment."""

    average = fields.Integer()
    max = fields.Integer()
    min = fields.Integer()


class ResourceSpreadOut(AnswerSchema):
    """CPU in millicores, memory in megabytes."""

    cpu = fields.Nested(SpreadOut)
    memory = fields.Nested(SpreadOut)


class HealthFiguresOut(AnswerSchema):
    """The health of a range."""

    time_range = fields.String()
    total_instances = fields.Integer()
    healthy_instances = fields.Integer()
    unhealthy_instances = fields.Integer()
    health_percentage = fields.Integer()
    service_stats = fields.Dict(keys=fields.String(), values=fields.Nested(ServiceHealthOut))
    resource_stats = fields.Nested(ResourceSpreadOut)
    last_updated = Timestamp()


class UsedOut(AnswerSchema):
    """What is used of a limit."""

    usage = fields.Float()
    limit = fields.Integer()


class InstanceMetricsOut(AnswerSchema):
    """CPU in millicores, memory in megabytes."""

    cpu = fields.Nested(UsedOut)
    memory = fields.Nested(UsedOut)


class WatchedPodOut(AnswerSchema):
    """The pod as it was last seen."""

    name = fields.String()
    node_name = fields.String(allow_none=True)
    restarts = fields.Integer()


class InstanceHealthOut(AnswerSchema):
    """One instance when it was last looked at; `errors` say in words what is wrong."""

    instance_id = fields.String()
    instance_name = fields.String()
    service_name = fields.String()
    namespace = fields.String()
    status = fields.String()
    is_healthy = fields.Boolean()
    health_status = fields.String(allow_none=True)
    last_checked = Timestamp(allow_none=True)
    metrics = fields.Nested(InstanceMetricsOut, allow_none=True)
    pods = fields.List(fields.Nested(WatchedPodOut))
    deployment = fields.String(allow_none=True)
    errors = fields.List(fields.String())


class HealthCheckOut(AnswerSchema):
    """What a look found; when the cluster did not answer, `error` says so, and nothing was looked at."""

    success = fields.Boolean()
    error = fields.String(metadata=SOMETIMES)
    instances_checked = fields.Integer()
    healthy_instances = fields.Integer()
    unhealthy_instances = fields.Integer()
    results = fields.List(fields.Nested(InstanceHealthOut), metadata=SOMETIMES)
    timestamp = Timestamp(metadata=SOMETIMES)
