"""The pictures of all pages in `docs/pages`, made small from what the browser suite leaves (`make screenshots`)."""

import json
import sys
from pathlib import Path

from PIL import Image

from tests.browser.rows import ROWS, Row

ROOT = Path(__file__).resolve().parents[2]
SHOTS = ROOT / ".screenshots"
GALLERY = ROOT / "docs/pages"
SHOWN = ("1440-light", "360-dark")
_QUALITY = 50
_LONGEST_PX = 4000
"""Where a picture is cut: what comes after is more of the same."""
_INTRODUCTION = """# The administration, page by page

Every page as headless Chromium shows it with the furniture of the tests: wide and light, and 360 px wide and dark.
Made by `make screenshots` from what `tests/browser` looks at; not written by hand.
"""


def shown() -> list[Row]:
    """The rows that have pictures: all pages but those of a library."""
    return [row for row in ROWS if not row.foreign]


def note(row: Row, title: str, rule: str) -> None:
    """Keep beside the pictures what the page calls itself, and its address."""
    (SHOTS / f"{row.name}.json").write_text(json.dumps([title, rule]))


def files() -> set[str]:
    """The names of all files of the gallery."""
    return {"README.md", *(f"{row.name}-{look}.webp" for row in shown() for look in SHOWN)}


def make() -> None:
    """Write the gallery anew; a page without pictures is a mistake."""
    GALLERY.mkdir(exist_ok=True)
    for kept in GALLERY.iterdir():
        kept.unlink()
    sections = [_INTRODUCTION]
    for row in shown():
        title, rule = json.loads((SHOTS / f"{row.name}.json").read_text())
        pictures = ""
        for look in SHOWN:
            with Image.open(SHOTS / f"{row.name}-{look}.png") as picture:
                picture.crop((0, 0, picture.width, min(picture.height, _LONGEST_PX))).convert("RGB").save(
                    GALLERY / f"{row.name}-{look}.webp", quality=_QUALITY, method=6
                )
            pictures += f"![{title}, {look.replace('-', ' px, ')}]({row.name}-{look}.webp) "
        sections.append(f"## {title}\n\n`{rule}`\n\n{pictures.strip()}\n")
    (GALLERY / "README.md").write_text("\n".join(sections))


if __name__ == "__main__":
    sys.exit(make())
