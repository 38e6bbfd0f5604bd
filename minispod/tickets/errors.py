"""Refusals of the tickets package."""

from minispod.kernel.errors import Conflict, NotFound, RuleBroken, Unavailable


class NoSuchTicket(NotFound):
    """There is no such ticket, or it is somebody else's."""

    code = "tickets.no_such_ticket"
    default_message = "Ticket not found"


class NoSuchAttachment(NotFound):
    """There is no such attachment, or it is somebody else's."""

    code = "tickets.no_such_attachment"
    default_message = "Attachment not found"


class TicketAlreadyClosed(RuleBroken):
    """Its owner closes a ticket that is closed."""

    code = "tickets.already_closed"
    default_message = "Ticket is already closed"


class PriorityForStaff(RuleBroken):
    """The highest priority is given by staff."""

    code = "tickets.priority_for_staff"
    default_message = "The priority CRITICAL is given by our team; please choose LOW, NORMAL or HIGH."


class TooManyAttachments(RuleBroken):
    """More files in one request than may be."""

    code = "tickets.too_many_attachments"
    default_message = "Too many files."


class AttachmentTooLarge(RuleBroken):
    """A file, or the request with all of them, is larger than may be."""

    code = "tickets.attachment_too_large"
    default_message = "The file is too large."


class NotAPicture(RuleBroken):
    """The content of a file is no picture of a kind that may be attached, whatever it is called."""

    code = "tickets.not_a_picture"
    default_message = "Only pictures may be attached: JPEG, PNG, GIF or WebP."


class PictureBroken(RuleBroken):
    """The file begins like a picture and cannot be read to its end."""

    code = "tickets.picture_broken"
    default_message = "The picture cannot be read; the file is empty or damaged."


class PictureTooLarge(RuleBroken):
    """The picture has more pixels or frames than may be."""

    code = "tickets.picture_too_large"
    default_message = "The picture is too large."


class PicturesBusy(Unavailable):
    """Others' pictures are being looked at."""

    code = "tickets.pictures_busy"
    default_message = "Many pictures are arriving at the moment. Please try again shortly."


class NoSuchCannedAnswer(NotFound):
    """There is no such canned answer (any more)."""

    code = "tickets.no_such_canned_answer"
    default_message = "This canned answer does not exist any more."


class CannedAnswerTaken(Conflict):
    """Another canned answer has this name."""

    code = "tickets.canned_answer_taken"
    default_message = "Another canned answer has this name."


class BadCannedAnswer(RuleBroken):
    """A canned answer lacks a text, or has a placeholder that nothing fills."""

    code = "tickets.bad_canned_answer"
    default_message = "The canned answer cannot be kept like this."


class BadMessage(RuleBroken):
    """A message without a word in it, or with too many."""

    code = "tickets.bad_message"
    default_message = "Write at least a word."
