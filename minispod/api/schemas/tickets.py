"""Tickets on the wire."""

from typing import Any

from marshmallow import fields, validate

from minispod.api.schemas.base import (
    AnswerSchema,
    Blank,
    BlankEnum,
    PageQuery,
    PaginationOut,
    Timestamp,
    WireSchema,
)
from minispod.kernel.actor import Role
from minispod.tickets.pictures import MAX_BYTES, MAX_FILES
from minispod.tickets.queries import SortBy
from minispod.tickets.states import TicketPriority, TicketStatus
from minispod.tickets.writing import LONGEST_MESSAGE

_STATUSES = validate.OneOf([each.value for each in TicketStatus])
_PRIORITIES = validate.OneOf([each.value for each in TicketPriority])
_WRONG_STATUS = "must be OPEN, IN_PROGRESS, or CLOSED"


class _Text(fields.String):
    """A text that counts without the blanks around it."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        return super()._deserialize(value, attr, data, **kwargs).strip()


def _between(least: int, most: int) -> validate.Length:
    return validate.Length(least, most, error="must have {min} to {max} characters")


class TicketIn(WireSchema):
    """A new ticket; about an instance if one is named, by its own id or by its subscription's."""

    subject = _Text(required=True, validate=_between(5, 200))
    description = _Text(required=True, validate=_between(10, 2000))
    priority = BlankEnum(
        TicketPriority,
        load_default=None,
        metadata={"description": "NORMAL if none is given; CRITICAL is for staff"},
    )
    instance_id = Blank(load_default=None, validate=validate.Length(max=64))
    subscription_id = Blank(load_default=None, validate=validate.Length(max=64))


class TicketMessageIn(WireSchema):
    """What is written into a ticket."""

    content = _Text(required=True, validate=_between(1, LONGEST_MESSAGE))


def _pictures() -> fields.List[Any]:
    # Only told in the document: files are no fields of a body.
    binary = fields.Raw(metadata={"type": "string", "format": "binary"})
    told = f"JPEG, PNG, GIF or WebP of {MAX_BYTES // 1024**2} MB at most each"
    return fields.List(binary, validate=validate.Length(max=MAX_FILES), metadata={"description": told})


class TicketForm(TicketIn):
    """A new ticket as a form, with pictures."""

    attachments = _pictures()


class TicketMessageForm(TicketMessageIn):
    """What is written into a ticket as a form, with pictures."""

    attachments = _pictures()


class StatusIn(WireSchema):
    """The status a ticket is moved to."""

    status = fields.Enum(
        TicketStatus, by_value=True, required=True, error_messages={"unknown": _WRONG_STATUS}
    )


class PriorityIn(WireSchema):
    """The priority a ticket is given."""

    priority = fields.Enum(TicketPriority, by_value=True, required=True)


class BulkCloseIn(WireSchema):
    """Which tickets are closed."""

    ticket_ids = fields.List(
        fields.String(validate=validate.Length(1, 64)), required=True, validate=validate.Length(1, 100)
    )


class TicketsQuery(PageQuery):
    """Which tickets are listed, and in which order."""

    status = BlankEnum(TicketStatus, load_default=None, error_messages={"unknown": _WRONG_STATUS})
    priority = BlankEnum(TicketPriority, load_default=None)
    search = Blank(
        load_default=None,
        validate=validate.Length(max=100),
        metadata={"description": "Part of subject or description, or a number such as #001"},
    )
    unread = fields.Boolean(
        load_default=False, metadata={"description": "Only tickets in which there is something unread"}
    )
    sort_by = BlankEnum(SortBy, load_default=None)
    sort_order = Blank(load_default=None, validate=validate.OneOf(["asc", "desc"]))


class StaffTicketsQuery(TicketsQuery):
    """The same for administrators, who search in owners, too."""

    user_id = Blank(load_default=None, validate=validate.Length(max=64))


class PersonOut(AnswerSchema):
    """Whose ticket it is."""

    id = fields.String()
    name = fields.String()
    email = fields.String()
    avatar = fields.String(allow_none=True)


class AuthorOut(PersonOut):
    """Who wrote a message."""

    role = fields.String(validate=validate.OneOf([each.value for each in Role]))


class TicketCountsOut(AnswerSchema):
    """How much there is in a ticket."""

    messages = fields.Integer()
    attachments = fields.Integer()


class TicketAttachmentOut(AnswerSchema):
    """A picture; without `messageId` it belongs to the ticket itself."""

    id = fields.String()
    filename = fields.String()
    file_size = fields.Integer(metadata={"description": "Bytes"})
    mime_type = fields.String(validate=validate.OneOf(["image/jpeg", "image/png", "image/gif", "image/webp"]))
    ticket_id = fields.String(allow_none=True)
    message_id = fields.String(allow_none=True)
    uploaded_by = fields.String(allow_none=True)
    created_at = Timestamp()


class TicketMessageOut(AnswerSchema):
    """What somebody wrote; `author` is null when the account is gone."""

    id = fields.String()
    content = fields.String()
    is_admin_reply = fields.Boolean()
    ticket_id = fields.String()
    author_id = fields.String(allow_none=True)
    created_at = Timestamp()
    author = fields.Nested(AuthorOut, allow_none=True)
    attachments = fields.List(fields.Nested(TicketAttachmentOut))


class InstanceStateOut(AnswerSchema):
    """How the instance a ticket is about was when the ticket was opened."""

    at = Timestamp()
    name = fields.String()
    service_slug = fields.String()
    version = fields.String()
    status = fields.String()
    status_since = Timestamp()
    wanted = fields.String()
    health_status = fields.String(allow_none=True)
    public_url = fields.String()
    cpu_milli = fields.Integer()
    memory_mb = fields.Integer()
    storage_gb = fields.Integer()
    cpu_usage = fields.Integer(allow_none=True)
    memory_usage = fields.Float(allow_none=True)
    restarts = fields.Integer()


class StaffInstanceStateOut(InstanceStateOut):
    """The same with what only administrators see."""

    last_error = fields.String(allow_none=True)
    pod_name = fields.String(allow_none=True)
    node_name = fields.String(allow_none=True)


class TicketOut(AnswerSchema):
    """A ticket as lists show it. `closedBy` is an account's id."""

    id = fields.String()
    ticket_number = fields.String(metadata={"examples": ["#001"]})
    subject = fields.String()
    description = fields.String()
    status = fields.String(validate=_STATUSES)
    priority = fields.String(validate=_PRIORITIES)
    user_id = fields.String()
    instance_id = fields.String(allow_none=True)
    created_at = Timestamp()
    updated_at = Timestamp()
    closed_at = Timestamp(allow_none=True)
    closed_by = fields.String(allow_none=True)
    closed_by_name = fields.String(allow_none=True)
    answer_due_at = Timestamp(metadata={"description": "Until then the first answer is promised"})
    first_answered_at = Timestamp(allow_none=True)
    unread_count = fields.Integer(
        metadata={"description": "Messages of the other side since the ticket was last opened"}
    )
    user = fields.Nested(PersonOut)
    counts = fields.Nested(TicketCountsOut, data_key="_count")


class CreatedTicketOut(TicketOut):
    """A new ticket."""

    attachments = fields.List(fields.Nested(TicketAttachmentOut))


class TicketDetailOut(CreatedTicketOut):
    """A ticket in full: messages oldest first, and the attachments of the ticket itself."""

    messages = fields.List(fields.Nested(TicketMessageOut))
    instance_state = fields.Nested(InstanceStateOut, allow_none=True)


class StaffTicketDetailOut(TicketDetailOut):
    """The same for administrators."""

    instance_state = fields.Nested(StaffInstanceStateOut, allow_none=True)


class TicketsOut(AnswerSchema):
    """A page of tickets."""

    tickets = fields.List(fields.Nested(TicketOut))
    pagination = fields.Nested(PaginationOut)


class TicketStatsOut(AnswerSchema):
    """How many tickets there are; `recentTickets` of the last 24 hours."""

    total_tickets = fields.Integer()
    open_tickets = fields.Integer()
    in_progress_tickets = fields.Integer()
    closed_tickets = fields.Integer()
    recent_tickets = fields.Integer()
    unread_tickets = fields.Integer()


class FirstAnswersOut(AnswerSchema):
    """First answers to the tickets of the last `days`."""

    days = fields.Integer()
    answered = fields.Integer()
    in_time = fields.Integer()
    median_seconds = fields.Float(allow_none=True)
    p95_seconds = fields.Float(allow_none=True)


class StaffTicketStatsOut(TicketStatsOut):
    """The same over all customers, with what waits for its first answer."""

    waiting_tickets = fields.Integer()
    overdue_tickets = fields.Integer()
    first_answers = fields.Nested(FirstAnswersOut)


class ClosedTicketOut(AnswerSchema):
    """A ticket that is closed now."""

    ticket_id = fields.String()
    ticket_number = fields.String()
    status = fields.String(validate=_STATUSES)


class NotClosedOut(AnswerSchema):
    """A ticket that could not be closed."""

    ticket_id = fields.String()
    error = fields.String()
    code = fields.String()


class BulkClosedOut(AnswerSchema):
    """What became of several tickets."""

    processed = fields.Integer()
    successful = fields.Integer()
    failed = fields.Integer()
    results = fields.List(fields.Nested(ClosedTicketOut))
    errors = fields.List(fields.Nested(NotClosedOut))
