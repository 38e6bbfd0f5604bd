"""Pictures of customers are written anew: nothing but pixels stays, and what is no harmless picture is refused."""

import threading
import time
from contextlib import suppress
from io import BytesIO

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from minispod.tickets import pictures
from minispod.tickets.errors import (
    AttachmentTooLarge,
    NotAPicture,
    PictureBroken,
    PicturesBusy,
    PictureTooLarge,
)
from minispod.tickets.pictures import MAX_BYTES, MAX_FRAMES, read_picture
from tests.factories.pictures import growing_gif, moving, picture, png_bomb

ORIENTATION, MAKE, GPS = 0x0112, 0x010F, 0x8825
SECRET = b"6 Jalan Rahasia"


def opened(content: bytes) -> Image.Image:
    image = Image.open(BytesIO(content))
    image.load()
    return image


def exif(orientation: int = 1) -> Image.Exif:
    facts = Image.Exif()
    facts[ORIENTATION], facts[MAKE] = orientation, SECRET.decode()
    facts[GPS] = {1: "S", 2: (6.0, 12.0, 0.0)}
    return facts


@pytest.mark.parametrize(
    ("format_", "type_", "suffix"),
    [
        ("JPEG", "image/jpeg", ".jpg"),
        ("PNG", "image/png", ".png"),
        ("GIF", "image/gif", ".gif"),
        ("WEBP", "image/webp", ".webp"),
    ],
)
def test_a_picture_keeps_its_kind_and_its_pixels(format_: str, type_: str, suffix: str) -> None:
    kept = read_picture("shot.whatever", picture(format_, size=(40, 30)))

    image = opened(kept.content)
    assert (kept.mime_type, kept.filename) == (type_, f"shot{suffix}")
    assert (image.format, image.size) == (format_, (40, 30))
    red, green, blue = image.convert("RGB").getpixel((20, 15))
    assert red > 240
    assert max(green, blue) < 15


def test_where_and_with_what_a_photo_was_taken_is_gone() -> None:
    sent = {
        "JPEG": picture("JPEG", exif=exif(), comment=SECRET, icc_profile=SECRET, xmp=SECRET),
        "WEBP": picture("WEBP", exif=exif(), icc_profile=SECRET, xmp=SECRET),
        "GIF": picture("GIF", comment=SECRET),
    }
    texts = PngInfo()
    texts.add_text("Author", SECRET.decode())
    texts.add_itxt("XML:com.adobe.xmp", SECRET.decode())
    sent["PNG"] = picture("PNG", exif=exif(), pnginfo=texts, icc_profile=SECRET)

    for format_, content in sent.items():
        kept = read_picture("photo", content).content
        image = opened(kept)
        assert SECRET in content or format_ == "PNG", format_
        assert SECRET not in kept, format_
        assert dict(image.getexif()) == {}, format_
        assert not {"icc_profile", "comment", "xmp", "exif", "Author"} & set(image.info), (
            format_,
            image.info,
        )


def test_what_is_hidden_behind_a_picture_is_gone() -> None:
    for format_ in ("JPEG", "PNG", "GIF"):
        kept = read_picture("x", picture(format_) + b"<script>alert(1)</script>" + b"PK\x03\x04")

        assert b"<script>" not in kept.content


def test_a_photo_taken_sideways_stands_upright() -> None:
    kept = read_picture("x.jpg", picture("JPEG", size=(40, 30), exif=exif(6)))

    assert opened(kept.content).size == (30, 40)


def test_transparency_stays() -> None:
    for format_ in ("PNG", "WEBP", "GIF"):
        out = BytesIO()
        Image.new("RGBA", (8, 6), (0, 0, 0, 0)).save(out, format_)

        kept = opened(read_picture("x", out.getvalue()).content).convert("RGBA")

        assert kept.getpixel((3, 3))[3] == 0, format_


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "I;16", "LA", "RGBA"])
def test_every_way_of_writing_colours_is_read(mode: str) -> None:
    format_ = "JPEG" if mode == "CMYK" else "PNG"
    out = BytesIO()
    Image.new(mode, (8, 6)).save(out, format_)

    assert opened(read_picture("x", out.getvalue()).content).size == (8, 6)


@pytest.mark.parametrize("format_", ["GIF", "WEBP", "PNG"])
def test_what_moves_goes_on_moving(format_: str) -> None:
    kept = opened(read_picture("x", moving(format_, frames=4)).content)

    assert getattr(kept, "n_frames", 1) == 4
    assert kept.info["duration"] == 40


def test_of_a_telephones_several_views_the_first_is_kept() -> None:
    out = BytesIO()
    Image.new("RGB", (8, 6), "red").save(out, "MPO", save_all=True, append_images=[Image.new("RGB", (8, 6))])

    kept = read_picture("x.jpg", out.getvalue())

    assert (kept.mime_type, opened(kept.content).format) == ("image/jpeg", "JPEG")


@pytest.mark.parametrize(
    "content",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>",
        b"<html><script>alert(1)</script></html>",
        b"%PDF-1.7",
        b"GIF",
        b"\x00" * 100,
        picture("BMP"),
        picture("TIFF"),
        picture("ICO"),
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n",
    ],
)
def test_what_is_no_picture_is_refused_whatever_it_is_called(content: bytes) -> None:
    with pytest.raises(NotAPicture):
        read_picture("harmless.png", content)


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "GIF", "WEBP"])
def test_damaged_pictures_are_refused_and_never_crash(format_: str) -> None:
    whole = picture(format_, size=(64, 64))
    half = whole[: len(whole) // 2]

    with pytest.raises((PictureBroken, NotAPicture)):
        read_picture("x", half)
    for cut in range(1, len(whole), max(1, len(whole) // 60)):
        flipped = bytearray(whole)
        flipped[cut] ^= 0xFF
        for damaged in (whole[:cut], bytes(flipped)):
            with suppress(PictureBroken, NotAPicture, PictureTooLarge):
                assert opened(read_picture("x", damaged).content).size


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(PictureBroken):
        read_picture("x.png", b"")


def test_more_bytes_than_may_be_are_refused_unseen() -> None:
    with pytest.raises(AttachmentTooLarge):
        read_picture("x.png", b"\x00" * (MAX_BYTES + 1))


@pytest.mark.parametrize(("width", "height"), [(5001, 5000), (8000, 6000), (60_000, 60_000)])
def test_bombs_are_refused_before_they_are_decoded(width: int, height: int) -> None:
    bomb = png_bomb(width, height)
    assert len(bomb) < MAX_BYTES

    began = time.process_time()
    with pytest.raises(PictureTooLarge):
        read_picture("x.png", bomb)

    assert time.process_time() - began < 0.5


def test_the_largest_picture_that_may_be_is_read() -> None:
    assert opened(read_picture("x.png", png_bomb(5000, 5000)).content).size == (5000, 5000)


def test_frames_are_counted_and_their_pixels_too() -> None:
    with pytest.raises(PictureTooLarge):
        read_picture("x.gif", moving("GIF", frames=MAX_FRAMES + 1))
    with pytest.raises(PictureTooLarge):
        read_picture("x.gif", moving("GIF", frames=7, size=(2000, 2000)))
    assert opened(read_picture("x.gif", moving("GIF", frames=MAX_FRAMES)).content).n_frames == MAX_FRAMES


def test_a_frame_larger_than_announced_counts_as_what_it_is() -> None:
    with pytest.raises(PictureTooLarge):
        read_picture("x.gif", growing_gif(20_000))


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("shot.png", "shot.png"),
        ("../../etc/passwd", "passwd.png"),
        ("C:\\Users\\siti\\layar.PNG", "layar.png"),
        ("evil\u202egnp.exe", "evilgnp.png"),
        ('a"b\r\nSet-Cookie: x.png', 'a"bSet-Cookie: x.png'),
        ("...", "picture.png"),
        ("", "picture.png"),
        ("tangkapan layar é.jpeg", "tangkapan layar é.png"),
        ("x" * 500 + ".png", "x" * 80 + ".png"),
    ],
)
def test_names_are_made_harmless(sent: str, kept: str) -> None:
    assert read_picture(sent, picture()).filename == kept


def test_one_picture_is_decoded_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "_PATIENCE_SECONDS", 0.05)
    busy, over = threading.Event(), threading.Event()

    def hold() -> None:
        with pictures._alone():
            busy.set()
            over.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    busy.wait(10)
    try:
        with pytest.raises(PicturesBusy):
            read_picture("x.png", picture())
    finally:
        over.set()
        holder.join()
    assert read_picture("x.png", picture()).filename == "x.png"


def test_few_wait_for_their_turn() -> None:
    taken = 0
    try:
        while pictures._queue.acquire(blocking=False):
            taken += 1
        assert taken == 4
        with pytest.raises(PicturesBusy):
            read_picture("x.png", picture())
    finally:
        for _ in range(taken):
            pictures._queue.release()
    assert read_picture("x.png", picture()).filename == "x.png"
