"""The log of a process is about the shop: libraries that tell every step of theirs are kept quiet."""

import logging

import pytest

from minispod.kernel import logs


def test_fonts_put_into_a_paper_do_not_fill_the_log(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "level", root.level)

    logs.configure("INFO")
    logging.getLogger("fontTools.subset").info("Retaining 57 glyphs")
    logging.getLogger("minispod").info("paper.issued")

    said = capsys.readouterr().out
    assert "paper.issued" in said
    assert "glyphs" not in said
