"""Every page of the administration has its pictures in `docs/pages`, and no picture is of a page that went."""

from tests.browser import gallery


def test_the_gallery_has_every_page() -> None:
    there = {each.name for each in gallery.GALLERY.iterdir()}

    assert there == gallery.files(), "make screenshots"
