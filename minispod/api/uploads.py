"""Pictures that come with a request: how much is read of one, and what its files are.

Put `accepts_pictures` above `door.arguments`: the body is bounded before anything reads it.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import request
from marshmallow import Schema
from werkzeug.exceptions import RequestEntityTooLarge

from minispod.api.envelope import Door
from minispod.tickets.errors import AttachmentTooLarge, TooManyAttachments
from minispod.tickets.pictures import MAX_BYTES, MAX_FILES, Picture, read_picture

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


def sent_pictures() -> list[Picture]:
    """The files of this request, whatever their fields are called, as pictures written anew; see `read_picture`.

    Refuses TooManyAttachments too.
    """
    # A form's file field that nobody filled in comes as a file without a name and content.
    files = [each for _, each in request.files.items(multi=True) if each.filename]
    if len(files) > MAX_FILES:
        raise TooManyAttachments(f"At most {MAX_FILES} files may be sent at once.")
    return [read_picture(str(each.filename), each.stream.read(MAX_BYTES + 1)) for each in files]
