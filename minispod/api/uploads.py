"""Pictures of tickets on the wire: those that come with a request, and one that is saved.

Put `accepts_pictures` above `door.arguments`: the body is bounded before anything reads it.
"""

import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import wraps
from itertools import chain
from typing import Any
from urllib.parse import quote

from flask import Response, g, request
from marshmallow import Schema
from werkzeug.exceptions import RequestEntityTooLarge

from minispod.api.envelope import Door
from minispod.kernel.object_store import NoSuchStoredObject
from minispod.kernel.unit_of_work import release_connection, unit_of_work
from minispod.ports import current_ports
from minispod.tickets import attaching
from minispod.tickets.errors import AttachmentTooLarge, NoSuchAttachment, TooManyAttachments
from minispod.tickets.models import TicketAttachment
from minispod.tickets.pictures import MAX_BYTES, MAX_FILES, Picture, read_picture

PICTURE_SCHEMA = {"type": "string", "format": "binary"}
PICTURE_TYPE = "image/*"
# The files, and room for texts and what stands between the parts.
_MOST_BYTES = MAX_FILES * MAX_BYTES + 256 * 1024
_MOST_PARTS = 50


def accepts_pictures(view: Callable[..., Any]) -> Callable[..., Any]:
    """Let a multipart body be as large as the files it may have; a larger one is refused without being read."""

    @wraps(view)
    def bounded(*args: Any, **kwargs: Any) -> Any:
        if request.mimetype != "multipart/form-data":
            return view(*args, **kwargs)
        request.max_content_length = _MOST_BYTES
        request.max_form_parts = _MOST_PARTS
        try:
            _ = request.files  # reads the body
        except RequestEntityTooLarge:
            raise AttachmentTooLarge(
                f"At most {MAX_FILES} files of {MAX_BYTES // 1024**2} MB each may be sent at once."
            ) from None
        try:
            return view(*args, **kwargs)
        finally:
            request.close()  # large files lie on the disk

    return bounded


def also_as(door: Door, form: type[Schema]) -> Any:
    """Document that the texts of the JSON body may come as a form with files beside them."""
    return door.doc(requestBody={"content": {"multipart/form-data": {"schema": form}}})


def stored_pictures(at: datetime) -> Sequence[uuid.UUID]:
    """Write the pictures of this request into the store and return their ids: they wait to be tied to a ticket."""
    release_connection()
    pictures = _sent_pictures()
    if not pictures:
        return ()
    with unit_of_work():
        rows = attaching.begin(pictures, actor=g.actor, at=at)
    release_connection()
    attaching.store(rows, pictures, current_ports().object_store)
    return [row.id for row in rows]


def _sent_pictures() -> list[Picture]:
    """The files of this request, whatever their fields are called, as pictures written anew; see `read_picture`.

    Refuses TooManyAttachments too.
    """
    # A form's file field that nobody filled in comes as a file without a name and content.
    files = [each for _, each in request.files.items(multi=True) if each.filename]
    if len(files) > MAX_FILES:
        raise TooManyAttachments(f"At most {MAX_FILES} files may be sent at once.")
    return [read_picture(str(each.filename), each.stream.read(MAX_BYTES + 1)) for each in files]


def picture_answer(attachment: TicketAttachment) -> Response:
    """A picture to be saved: never shown in a page of ours, guessed at, or kept by a cache."""
    release_connection()
    chunks = iter(current_ports().object_store.get(attachment.key))
    try:
        first = next(chunks, b"")
    except NoSuchStoredObject:
        raise NoSuchAttachment() from None
    answer = Response(chain((first,), chunks), content_type=attachment.mime_type)
    answer.content_length = attachment.size
    answer.headers.set("Content-Disposition", "attachment", **_names(attachment.filename))
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


def _names(filename: str) -> dict[str, str]:
    """A file's name for a header: beyond ASCII as RFC 8187 has it, with what is left of it for old clients."""
    if filename.isascii():
        return {"filename": filename}
    plain = filename.encode("ascii", "ignore").decode()
    return {"filename": plain, "filename*": f"UTF-8''{quote(filename, safe='')}"}
