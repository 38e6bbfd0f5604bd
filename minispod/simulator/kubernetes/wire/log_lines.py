"""The lines themselves: a few that each known image writes when it starts, and some that it writes from time to time.

Texts are ours. The moments are a fixed random walk per container, so a line never moves or changes.
"""

import random
import zlib
from datetime import datetime, timedelta
from typing import NamedTuple

KEPT_LINES = 2000
STEP_SECONDS = 6.0


class Line(NamedTuple):
    """One line and when it was written."""

    at: datetime
    text: str


class Voice(NamedTuple):
    """What a program says."""

    start: tuple[str, ...]
    work: tuple[str, ...]


VOICES: dict[str, Voice] = {
    "n8n": Voice(
        (
            "Initializing n8n process",
            "n8n ready on ::, port 5678",
            "Migrations in progress, please do NOT stop the process.",
            "Finished migrations. Building the node catalogue",
            "Editor is now accessible via the configured host",
        ),
        (
            "Start Active Workflows:",
            "Workflow execution {n} started by webhook",
            "Workflow execution {n} finished successfully in {ms} ms",
            "Pruned {small} old executions",
        ),
    ),
    "ghost": Voice(
        (
            "INFO Ghost is running in production...",
            "INFO Your site is now available",
            "INFO Database is in a ready state.",
            "INFO Ghost URL Service Ready in {ms} ms",
        ),
        (
            'INFO "GET /" 200 {ms}ms',
            'INFO "GET /ghost/api/admin/site/" 200 {ms}ms',
            'INFO "GET /rss/" 200 {ms}ms',
        ),
    ),
    "postgres": Voice(
        (
            "LOG:  starting PostgreSQL",
            'LOG:  listening on IPv4 address "0.0.0.0", port 5432',
            "LOG:  database system was shut down cleanly",
            "LOG:  database system is ready to accept connections",
        ),
        (
            "LOG:  checkpoint starting: time",
            "LOG:  checkpoint complete: wrote {small} buffers",
            "LOG:  connection received: host=10.42.1.{small} port={n}",
            "LOG:  disconnection: session time: 0:00:0{digit}.{ms} database=app",
        ),
    ),
    "redis": Voice(
        (
            "Redis is starting",
            "Configuration loaded",
            "Server initialized",
            "Ready to accept connections tcp",
        ),
        ("{small} changes in 60 seconds. Saving...", "Background saving terminated with success"),
    ),
}
ANY = Voice(
    ("starting", "configuration read", "listening for requests"),
    ('request {n} "GET /" 200 in {ms} ms', "health check passed", "{small} clients connected"),
)


def voice_of(image: str) -> Voice:
    """What a container of that image sounds like."""
    name = image.rsplit("/", 1)[-1].split(":")[0].split("@")[0]
    return VOICES.get(name, ANY)


def _pick(identity: str, number: int) -> random.Random:
    return random.Random(  # noqa: S311 - lines must be the same on every reading
        zlib.crc32(f"{identity}#{number}".encode())
    )


def _line(voice: Voice, identity: str, started: datetime, number: int) -> Line:
    """The line of that number: start lines come quickly, later ones once in every step."""
    chance = _pick(identity, number)
    first = len(voice.start)
    if number < first:
        return Line(started + timedelta(seconds=0.15 * number), _filled(voice.start[number], chance))
    offset = 0.15 * first + STEP_SECONDS * (number - first + chance.random())
    return Line(started + timedelta(seconds=offset), _filled(chance.choice(voice.work), chance))


def _filled(text: str, chance: random.Random) -> str:
    return text.format(
        n=chance.randrange(1000, 65000),
        ms=chance.randrange(3, 900),
        small=chance.randrange(2, 90),
        digit=chance.randrange(1, 9),
    )


def _count_before(voice: Voice, started: datetime, moment: datetime) -> int:
    """A number no line of which is later than the moment by much: where to begin looking."""
    passed = (moment - started).total_seconds() - 0.15 * len(voice.start)
    return max(0, int(passed / STEP_SECONDS) - 1) + (len(voice.start) if passed > 0 else 0)


def lines_between(image: str, identity: str, started: datetime, end: datetime) -> list[Line]:
    """The kept lines of a container from its start to a moment."""
    voice = voice_of(image)
    upper = _count_before(voice, started, end) + 4 + len(voice.start)
    lower = max(0, upper - KEPT_LINES)
    found = (_line(voice, identity, started, number) for number in range(lower, upper))
    return [line for line in found if line.at <= end]


def next_line(image: str, identity: str, started: datetime, after: datetime) -> Line:
    """The first line later than a moment."""
    voice = voice_of(image)
    number = max(0, _count_before(voice, started, after) - 2)
    while (line := _line(voice, identity, started, number)).at <= after:
        number += 1
    return line
