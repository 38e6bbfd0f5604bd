"""Durations as kubectl tells them."""

from datetime import UTC, datetime

from minispod.simulator.kubernetes.machinery.jsonish import Json, read_time


def age(obj: Json) -> str:
    """How old the object is, in kubectl's short words."""
    return since(obj["metadata"].get("creationTimestamp"))


def since(moment: str | None) -> str:
    """The time since a moment: 45s, 5m30s, 3h2m, 2d4h, 12d."""
    if not moment:
        return "<unknown>"
    seconds = max(0, int((datetime.now(UTC) - read_time(moment)).total_seconds()))
    for limit, big, small in (
        (120, 1, 0),
        (600, 60, 1),
        (10_800, 60, 0),
        (28_800, 3600, 60),
        (172_800, 3600, 0),
    ):
        if seconds < limit:
            return _two_units(seconds, big, small)
    return _two_units(seconds, 86_400, 3600 if seconds < 691_200 else 0)


def _two_units(seconds: int, big: int, small: int) -> str:
    names = {1: "s", 60: "m", 3600: "h", 86_400: "d"}
    text = f"{seconds // big}{names[big]}"
    rest = seconds % big // small if small else 0
    return f"{text}{rest}{names[small]}" if rest else text
