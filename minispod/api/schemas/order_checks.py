"""What an order would meet, on the wire."""

from marshmallow import fields, validate

from minispod.api.schemas.base import AnswerSchema, WireSchema


class OrderCheckIn(WireSchema):
    """Which plan would be ordered."""

    plan_id = fields.String(required=True, validate=validate.Length(1, 64))


class OrdererOut(AnswerSchema):
    """Who would order."""

    id = fields.String()
    name = fields.String()
    credit_balance = fields.Integer()


class OrderedPlanOut(AnswerSchema):
    """What would be ordered."""

    id = fields.String()
    name = fields.String()
    monthly_price = fields.Integer()
    service_name = fields.String()


class QuotaInfoOut(AnswerSchema):
    """The slots of the plan; `canAllocate` says whether the machines hold one more, too."""

    plan_id = fields.String()
    plan_name = fields.String()
    service_name = fields.String()
    total_quota = fields.Integer()
    used_quota = fields.Integer()
    available_quota = fields.Integer()
    requested_quota = fields.Integer()
    is_available = fields.Boolean()
    can_allocate = fields.Boolean()


class OrderCheckOut(AnswerSchema):
    """An order that would be taken now. A hindered one is answered 400 with `isValid` false, `error` and `code`."""

    is_valid = fields.Boolean()
    user = fields.Nested(OrdererOut)
    plan = fields.Nested(OrderedPlanOut)
    quota_info = fields.Nested(QuotaInfoOut)


class OrderCheckedOut(AnswerSchema):
    """What an order would meet."""

    validation = fields.Nested(OrderCheckOut)
