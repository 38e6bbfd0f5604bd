"""What a stream shows of what a node sends: lines with a time, whole or cut, and none of the node's own words."""

import pytest

from minispod.cluster.port import LogPlace
from minispod.integrations.kubernetes.logstream import LogStream

AT = 1_795_143_600
LATER = "2026-11-20T03:00:01.000000000Z "
EARLIER = "2026-11-20T03:00:00.500000000Z "


class Answer:
    """An answer that comes in these pieces."""

    def __init__(self, *pieces: str) -> None:
        self._pieces = [piece.encode() for piece in pieces]

    def read1(self, size: int) -> bytes:
        """The next piece, cut as the network cuts."""
        if not self._pieces:
            return b""
        piece = self._pieces.pop(0)
        if len(piece) > size:
            self._pieces.insert(0, piece[size:])
        return piece[:size]


def test_lines_are_put_together_from_pieces() -> None:
    stream = LogStream(Answer(f"{LATER}on", f"e\n{LATER}two\r\n{LATER}thr", "ee"), "pod")

    assert list(stream) == ["one", "two", "three"]
    assert stream.place == LogPlace("pod", (AT + 1, 0))


def test_what_was_shown_before_and_what_the_node_says_itself_is_left_out() -> None:
    said = (
        'rpc error: code = NotFound desc = an error occurred when try to find container "b4a2": not found',
        "unable to retrieve container logs for containerd://b4a2",
    )
    stream = LogStream(Answer(f"{EARLIER}old\n{LATER}new\n", *said), "pod", after=(AT, 500_000_000))

    assert list(stream) == ["new"]
    assert list(LogStream(Answer(*said), "pod")) == []


def test_the_place_of_an_empty_stream_is_the_one_it_began_at() -> None:
    stream = LogStream(Answer(), "pod", after=(AT, 0))

    assert list(stream) == []
    assert stream.place == LogPlace("pod", (AT, 0))
    assert LogStream(Answer(), "pod").place is None


@pytest.mark.parametrize("length", [16_000, 20_000, 40_000])
def test_a_line_that_is_too_long_comes_in_parts(length: int) -> None:
    stream = LogStream(Answer(f"{LATER}{'x' * length}\n", f"{LATER}next\n"), "pod")

    *parts, last = stream
    assert ("".join(parts), last) == ("x" * length, "next")


def test_the_parts_of_a_long_line_that_was_shown_before_are_left_out() -> None:
    long = f"{EARLIER}{'x' * 40_000}\n"

    assert list(LogStream(Answer(long, f"{LATER}next\n"), "pod", after=(AT, 500_000_000))) == ["next"]
