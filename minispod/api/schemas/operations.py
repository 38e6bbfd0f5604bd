"""Backups, operations and versions on the wire."""

from marshmallow import fields, validate

from minispod.api.schemas.base import AnswerSchema, Blank, PaginationOut, Timestamp, WireSchema
from minispod.api.schemas.instances import TextsOut
from minispod.api.schemas.subscriptions import InstanceOut


class BackupOut(AnswerSchema):
    """One copy of an instance's data; `takenAt` is the moment whose data it holds, `size` is in bytes."""

    id = fields.String()
    reason = fields.String()
    version = fields.String()
    taken_at = Timestamp()
    finished_at = Timestamp(allow_none=True)
    keep_until = Timestamp()
    size = fields.Integer()
    proven_at = Timestamp(allow_none=True)
    can_delete = fields.Boolean()


class BackupsOut(AnswerSchema):
    """What can be restored, newest first."""

    backups = fields.List(fields.Nested(BackupOut))
    pagination = fields.Nested(PaginationOut)


class ProgressOut(AnswerSchema):
    """How many of how many steps are done, and the present one in words."""

    done = fields.Integer()
    total = fields.Integer()
    text = fields.Nested(TextsOut)


class OperationOut(AnswerSchema):
    """One piece of work with an instance's data; status PENDING, RUNNING, DONE or FAILED."""

    id = fields.String()
    kind = fields.String()
    status = fields.String()
    progress = fields.Nested(ProgressOut)
    error = fields.String(allow_none=True)
    attempts = fields.Integer()
    source_backup_id = fields.String(allow_none=True)
    from_version = fields.String(allow_none=True)
    target_version = fields.String(allow_none=True)
    requested_at = Timestamp()
    started_at = Timestamp(allow_none=True)
    ended_at = Timestamp(allow_none=True)


class OperationsOut(AnswerSchema):
    """What is and was done with an instance's data, newest first."""

    operations = fields.List(fields.Nested(OperationOut))
    pagination = fields.Nested(PaginationOut)


class OperationOneOut(AnswerSchema):
    """One operation."""

    operation = fields.Nested(OperationOut)


class OperationBegunOut(AnswerSchema):
    """The operation that was asked for, and the instance in the state that it brought it into."""

    instance = fields.Nested(InstanceOut)
    operation = fields.Nested(OperationOut)


class RestoreIn(WireSchema):
    """Into which of one's subscriptions; without one, into the instance that the backup is of."""

    into_subscription_id = Blank(load_default=None, validate=validate.Length(max=64))


class ResetIn(WireSchema):
    """The name of the instance, as a confirmation that its data are given up."""

    confirm_name = fields.String(required=True, validate=validate.Length(1, 63))


class VolumeOut(AnswerSchema):
    """One volume: `reason` is the operation that took it away, `keepUntil` when it will be deleted at the earliest."""

    number = fields.Integer()
    status = fields.String()
    created_at = Timestamp()
    retired_at = Timestamp(allow_none=True)
    reason = fields.String(allow_none=True)
    keep_until = Timestamp(allow_none=True)
    can_return = fields.Boolean()


class VolumesOut(AnswerSchema):
    """The volume in use, and those that one can go back to."""

    volumes = fields.List(fields.Nested(VolumeOut))


class ReturnIn(WireSchema):
    """The name of the instance, as a confirmation that the present data are given up."""

    confirm_name = fields.String(required=True, validate=validate.Length(1, 63))


class VersionOut(AnswerSchema):
    """The version that an instance runs, and those it can be upgraded to, newest first."""

    version = fields.String()
    newer_versions = fields.List(fields.String())


class VersionIn(WireSchema):
    """The version wanted."""

    version = fields.String(required=True, validate=validate.Length(1, 100))
