"""Pictures as people send them, and as nobody should."""

import struct
import zlib
from io import BytesIO

from PIL import Image


def picture(
    format_: str = "PNG", *, size: tuple[int, int] = (8, 6), mode: str = "RGB", **options: object
) -> bytes:
    """A small picture of this format."""
    out = BytesIO()
    Image.new(mode, size, "red").save(out, format_, **options)
    return out.getvalue()


def moving(format_: str, *, frames: int = 3, size: tuple[int, int] = (8, 6)) -> bytes:
    """A picture that moves: every frame differs from the one before."""
    shades = [Image.new("RGB", size, (number * 37 % 256, number * 91 % 256, 80)) for number in range(frames)]
    out = BytesIO()
    shades[0].save(out, format_, save_all=True, append_images=shades[1:], duration=40, loop=0)
    return out.getvalue()


def png_bomb(width: int, height: int) -> bytes:
    """A PNG of a few kilobytes that is this large when it is decoded, and whole."""
    rows = zlib.compressobj(9)
    row = b"\x00" * (1 + width // 8)
    data = b"".join(rows.compress(row) for _ in range(height)) + rows.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
    )


def growing_gif(side: int) -> bytes:
    """A GIF whose second frame is far larger than its first and than the screen it announces."""
    small, large = bytearray(picture("GIF", size=(4, 4))), picture("GIF", size=(4, 4))
    # Everything after header, screen and palette of the second file is one frame; only its size is changed.
    start = large.index(b"\x2c", 13 + 3 * 2 ** ((large[10] & 7) + 1))
    frame = bytearray(large[start:])
    frame[5:9] = struct.pack("<HH", side, side)
    return bytes(small[:-1]) + bytes(frame)
