"""A log is followed on where another stream ended, and lines come with their time when that is asked for."""

import threading

import pytest

from minispod.cluster.lines import split_stamp


@pytest.fixture
def running(target, customer):
    """A running instance that has written something."""
    spec = customer.spec("ghost-blog")
    customer.apply(spec)
    target.eventually(lambda: target.cluster.see(spec.namespace, spec.name).is_ready)
    target.eventually(lambda: target.web.tail_logs(spec.namespace, spec.name, container="app", lines=5))
    return spec


def read(target, running, how_many, after=None):
    """So many lines of a stream, and the stream, closed."""
    stream = target.web.follow_logs(running.namespace, running.name, container="app", lines=1000, after=after)
    lines = []
    reader = threading.Thread(target=lambda: take(stream, lines, how_many), daemon=True)
    reader.start()
    reader.join(timeout=target.seconds)
    stream.close()
    return lines, stream


def take(stream, lines, how_many):
    for line in stream:
        lines.append(line)
        if len(lines) >= how_many:
            return


def test_a_second_stream_begins_after_the_last_line_of_the_first(target, running):
    def written() -> list[str]:
        lines = list(target.web.tail_logs(running.namespace, running.name, container="app", lines=1000))
        return lines if len(lines) >= 3 else []

    all_lines = target.eventually(written)

    first, stream = read(target, running, 2)
    rest, again = read(target, running, len(all_lines) - 2, after=stream.place)

    assert [*first, *rest] == all_lines
    assert stream.pod == again.pod == target.cluster.see(running.namespace, running.name).pod_name
    assert again.place.stamp > stream.place.stamp


def test_lines_come_with_their_time(target, running):
    timed = target.web.tail_logs(running.namespace, running.name, container="app", lines=1000, timed=True)
    split = [split_stamp(line) for line in timed]

    plain = target.web.tail_logs(running.namespace, running.name, container="app", lines=1000)
    assert [text for _, text in split] == plain[: len(split)]
    stamps = [stamp for stamp, _ in split]
    assert all(stamps)
    assert stamps == sorted(stamps)
