"""Pictures as they may be attached: their kind is read from the content, and they are written anew.

Writing anew leaves nothing of the file but its pixels: no place and time of a photo, no comments, nothing hidden behind
the picture. Whatever the file claims, no more is decoded than MAX_PIXELS over all frames, and one at a time in
a process: a few kilobytes can be a picture of gigabytes.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import PurePosixPath
from typing import Any

from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from minispod.kernel.errors import Refusal
from minispod.tickets.errors import (
    AttachmentTooLarge,
    NotAPicture,
    PictureBroken,
    PicturesBusy,
    PictureTooLarge,
)

MAX_FILES = 5
MAX_BYTES = 5 * 1024 * 1024
# A photo of 24 megapixels, the largest that telephones take unasked; it takes 200 to 300 MB while it is written anew.
MAX_PIXELS = 25_000_000
MAX_FRAMES = 100
# So many requests may wait for their turn, each so long for each of its pictures: threads are for others, too.
_MOST_WAITING, _PATIENCE_SECONDS = 3, 5
_LONGEST_STEM = 80

# The library's own guard stands behind ours: it looks also where frames grow while they are decoded.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a format is called, and how it is written anew."""

    mime_type: str
    suffixes: tuple[str, ...]
    options: dict[str, Any]
    moves: dict[str, Any] | None = None


_KINDS = {
    "JPEG": _Kind("image/jpeg", (".jpg", ".jpeg"), {"quality": 90}),
    "PNG": _Kind("image/png", (".png",), {}, {"loop": 0}),
    "GIF": _Kind("image/gif", (".gif",), {}, {"loop": 0, "disposal": 2}),
    "WEBP": _Kind("image/webp", (".webp",), {"quality": 90}, {"loop": 0}),
}
# Telephones put further views behind the first one; the first is an ordinary JPEG.
_SAME_AS = {"MPO": "JPEG"}

_queue = threading.BoundedSemaphore(1 + _MOST_WAITING)
_one_at_a_time = threading.Lock()


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture written anew, with a name that fits its kind."""

    filename: str
    mime_type: str
    content: bytes


def read_picture(filename: str, content: bytes) -> Picture:
    """Read what somebody sent as a picture and write it anew; `content` may be cut after MAX_BYTES + 1.

    Refuses AttachmentTooLarge, NotAPicture, PictureBroken, PictureTooLarge, PicturesBusy.
    """
    if len(content) > MAX_BYTES:
        raise AttachmentTooLarge(f"Each file may have {MAX_BYTES // 1024**2} MB at most.")
    if not content:
        raise PictureBroken()
    with _alone(), _told():
        with Image.open(BytesIO(content), formats=tuple(_KINDS)) as image:
            format_ = _SAME_AS.get(str(image.format), str(image.format))
            kind = _KINDS[format_]
            frames = list(_frames(image, moves=kind.moves is not None))
        return Picture(_name(filename, kind), kind.mime_type, _written(frames, format_))


@contextmanager
def _alone() -> Iterator[None]:
    if not _queue.acquire(blocking=False):
        raise PicturesBusy()
    try:
        if not _one_at_a_time.acquire(timeout=_PATIENCE_SECONDS):
            raise PicturesBusy()
        try:
            yield
        finally:
            _one_at_a_time.release()
    finally:
        _queue.release()


@contextmanager
def _told() -> Iterator[None]:
    """Turn what the library raises into refusals."""
    try:
        yield
    except Refusal:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_large() from None
    except UnidentifiedImageError:
        raise NotAPicture() from None
    except Exception:  # noqa: BLE001 - on damaged files decoders raise whatever they stumble over
        raise PictureBroken() from None


def _too_large() -> PictureTooLarge:
    return PictureTooLarge(
        f"A picture may have {MAX_PIXELS // 1_000_000} million pixels at most, all its frames together, "
        f"and {MAX_FRAMES} frames."
    )


def _frames(image: Image.Image, *, moves: bool) -> Iterator[tuple[Image.Image, float]]:
    """The frames, of pixels only, each with its duration in milliseconds; only the first of what cannot move."""
    pixels = 0
    for number in range(MAX_FRAMES + 1 if moves else 1):
        try:
            image.seek(number)
        except EOFError:
            return
        pixels += image.width * image.height
        if pixels > MAX_PIXELS or number == MAX_FRAMES:
            raise _too_large()
        yield _pixels_of(image), image.info.get("duration") or 100


def _pixels_of(frame: Image.Image) -> Image.Image:
    """A copy of one frame, upright and without anything that came with it."""
    upright = frame
    with suppress(Exception):  # what a camera wrote about the picture may be wrong; the picture is not
        if frame.getexif().get(ExifTags.Base.Orientation, 1) != 1:
            upright = ImageOps.exif_transpose(frame)
    clean = upright.convert("RGBA" if frame.has_transparency_data else "RGB")
    clean.info.clear()
    return clean


def _written(frames: list[tuple[Image.Image, float]], format_: str) -> bytes:
    kind, out = _KINDS[format_], BytesIO()
    options = dict(kind.options)
    (first, _), *rest = frames
    if rest:
        options |= {
            **(kind.moves or {}),
            "save_all": True,
            "append_images": [frame for frame, _ in rest],
            "duration": [round(duration) for _, duration in frames],
        }
    first.save(out, format_, **options)
    return out.getvalue()


def _name(sent: str, kind: _Kind) -> str:
    """The name somebody gave the file, without folders and what cannot be seen, ending as its kind does."""
    bare = "".join(each for each in sent.replace("\\", "/").rpartition("/")[2] if each.isprintable())
    name = PurePosixPath(bare.strip(" ."))
    suffix = name.suffix.lower() if name.suffix.lower() in kind.suffixes else kind.suffixes[0]
    return (name.stem[:_LONGEST_STEM].strip(" .") or "picture") + suffix
