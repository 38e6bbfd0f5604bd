"""What an instance uses, how much of the time it was there, what happened to it, and what it writes."""

from marshmallow import fields, validate

from minispod.api.schemas.base import AnswerSchema, Timestamp, WireSchema
from minispod.instances.looking import MOST_LINES
from minispod.instances.usage.history import Range


class UsageQuery(WireSchema):
    """How far back."""

    range = fields.Enum(Range, by_value=True, load_default=Range.DAY)


class LogQuery(WireSchema):
    """Which lines: of which container (default: the application), of its run before this one, and how many."""

    container = fields.String(load_default=None, validate=validate.Length(max=63))
    previous = fields.Boolean(load_default=False)
    lines = fields.Integer(load_default=100, validate=validate.Range(min=1, max=MOST_LINES))


class BothLanguagesOut(AnswerSchema):
    """A text in English and Indonesian."""

    en = fields.String()
    id = fields.String()


class MeasureOut(AnswerSchema):
    """The least, the average and the most of one point."""

    min = fields.Integer(attribute="least")
    avg = fields.Integer(attribute="average")
    max = fields.Integer(attribute="most")


class UsagePointOut(AnswerSchema):
    """One point; null: nothing was measured. CPU in millicores, memory and storage in megabytes."""

    at = Timestamp(attribute="starts_at")
    cpu = fields.Nested(MeasureOut, allow_none=True)
    memory = fields.Nested(MeasureOut, allow_none=True)
    storage = fields.Nested(MeasureOut, allow_none=True)


class UsageLimitsOut(AnswerSchema):
    """What the plan gives."""

    cpu = fields.Integer()
    memory = fields.Integer()
    storage = fields.Integer()


class UsageHistoryOut(AnswerSchema):
    """The usage of a range in a fixed number of points, oldest first."""

    range = fields.String()
    step_seconds = fields.Integer()
    limits = fields.Nested(UsageLimitsOut)
    storage_measured = fields.Boolean()
    storage_note = fields.Nested(BothLanguagesOut, allow_none=True)
    points = fields.List(fields.Nested(UsagePointOut))


class UptimeMonthOut(AnswerSchema):
    """One month ("2026-11"), in seconds of the time in which the instance was meant to run."""

    month = fields.String()
    percent = fields.Float(allow_none=True)
    is_met = fields.Boolean(allow_none=True)
    up_seconds = fields.Integer()
    down_seconds = fields.Integer()
    unknown_seconds = fields.Integer()


class UptimeOut(AnswerSchema):
    """The uptime by month, newest first; `target` is what is promised, in per cent."""

    target = fields.Float()
    months = fields.List(fields.Nested(UptimeMonthOut))


class EventOut(AnswerSchema):
    """Something that happened: a stable reason, what it means, and what can be done (empty: nothing needs doing)."""

    at = Timestamp()
    reason = fields.String()
    severity = fields.String(metadata={"enum": ["info", "warning"]})
    count = fields.Integer()
    container = fields.String(allow_none=True)
    text = fields.Nested(BothLanguagesOut)
    advice = fields.Nested(BothLanguagesOut)
    log_lines = fields.List(fields.String())


class EventsOut(AnswerSchema):
    """What happened lately, newest first."""

    events = fields.List(fields.Nested(EventOut))


class LogOut(AnswerSchema):
    """The last lines of one container, and which containers there are."""

    container = fields.String()
    containers = fields.List(fields.String())
    previous = fields.Boolean()
    lines = fields.List(fields.String())


class MeterOut(AnswerSchema):
    """What is used now of what the plan gives; `percentage` is a whole number."""

    usage = fields.Float()
    limit = fields.Integer()
    percentage = fields.Integer()


class MetricsOut(AnswerSchema):
    """What an instance uses now: CPU in millicores, memory and storage in megabytes; storage null: not measured."""

    instance_id = fields.String()
    status = fields.String()
    cpu = fields.Nested(MeterOut)
    memory = fields.Nested(MeterOut)
    storage = fields.Nested(MeterOut, allow_none=True)
    timestamp = Timestamp()
