"""Stop, start and restart on the wire."""

from marshmallow import fields

from minispod.api.schemas.base import AnswerSchema, Timestamp
from minispod.api.schemas.subscriptions import PlanBriefOut, ServiceBriefOut, SubscriptionOut


class ControlledInstanceOut(AnswerSchema):
    """The instance in the state that was reached, or on its way; ready is RUNNING with `Healthy`."""

    id = fields.String()
    name = fields.String()
    status = fields.String()
    health_status = fields.String(allow_none=True)
    service = fields.Nested(ServiceBriefOut)
    plan = fields.Nested(PlanBriefOut)


class StopOut(AnswerSchema):
    """A stop; `stoppedAt` is null while it is under way."""

    stopped_at = Timestamp(allow_none=True)
    method = fields.String()
    preserved_data = fields.Boolean()


class StartOut(AnswerSchema):
    """A start; null is what is not known yet."""

    started_at = Timestamp(allow_none=True)
    method = fields.String()
    new_pod_name = fields.String(allow_none=True)


class RestartOut(AnswerSchema):
    """A restart; null is what is not known yet."""

    old_pod_name = fields.String(allow_none=True)
    new_pod_name = fields.String(allow_none=True)
    restart_time = Timestamp()
    method = fields.String()


class ControlledOut(AnswerSchema):
    """What came of a control."""

    subscription = fields.Nested(SubscriptionOut)
    instance = fields.Nested(ControlledInstanceOut)
    stop = fields.Nested(StopOut)
    start = fields.Nested(StartOut)
    restart = fields.Nested(RestartOut)
    message = fields.String()
    next_steps = fields.List(fields.String())


class StoppedOut(ControlledOut):
    """What came of a stop."""

    class Meta(AnswerSchema.Meta):
        """The other controls are not told."""

        exclude = ("start", "restart")


class StartedOut(ControlledOut):
    """What came of a start."""

    class Meta(AnswerSchema.Meta):
        """The other controls are not told."""

        exclude = ("stop", "restart")


class RestartedOut(ControlledOut):
    """What came of a restart."""

    class Meta(AnswerSchema.Meta):
        """The other controls are not told."""

        exclude = ("stop", "start")
