"""Lines for small charts, as points of an SVG drawing. Pure; the template draws them, no script needed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from minispod.cluster.history import NodePoint
from minispod.instances.usage.history import History, Measure

WIDTH = 600
HEIGHT = 140
_MOST_POINTS = 240


@dataclass(frozen=True, slots=True)
class Line:
    """One curve: its pieces as SVG points (a gap in the readings breaks it)."""

    name: str
    pieces: Sequence[str]


@dataclass(frozen=True, slots=True)
class Chart:
    """Shares of what can be given, over time; `top` is the per cent at the upper edge."""

    lines: Sequence[Line]
    top: int
    width: int = WIDTH
    height: int = HEIGHT


def node_lines(readings: Sequence[NodePoint], what: str, *, since: datetime, until: datetime) -> Chart:
    """Requested and used `what` ("cpu" or "memory") of one node in per cent of its allocatable."""
    step = max(1, -(-len(readings) // _MOST_POINTS))
    kept = readings[::step]
    curves = {name: [_share(each, what, name) for each in kept] for name in ("requested", "used")}
    highest = max((share for curve in curves.values() for share in curve if share is not None), default=0)
    top = 100 if highest <= 100 else int(highest * 1.1)
    seconds = max(1.0, (until - since).total_seconds())
    xs = [min(1.0, max(0.0, (each.at - since).total_seconds() / seconds)) * WIDTH for each in kept]
    return Chart([Line(name, _pieces(xs, curve, top)) for name, curve in curves.items()], top)


def usage_lines(history: History, what: str) -> Chart | None:
    """Average and most of `what` ("cpu", "memory" or "storage") in per cent of the plan; None when nothing is known."""
    limit: int = getattr(history, f"{what}_limit")
    found: list[Measure | None] = [getattr(point, what) for point in history.points]
    if not limit or not any(found):
        return None
    most = [None if each is None else each.most / limit * 100 for each in found]
    average = [None if each is None else each.average / limit * 100 for each in found]
    highest = max(share for share in most if share is not None)
    top = 100 if highest <= 100 else int(highest * 1.1)
    xs = [(number + 0.5) / len(found) * WIDTH for number in range(len(found))]
    curves = {"requested": most, "used": average}
    return Chart([Line(name, _pieces(xs, curve, top)) for name, curve in curves.items()], top)


def _share(reading: NodePoint, what: str, name: str) -> float | None:
    whole: int = getattr(reading, f"{what}_allocatable")
    part: int | None = getattr(reading, f"{what}_{name}")
    return None if part is None or not whole else part / whole * 100


def _pieces(xs: Sequence[float], shares: Sequence[float | None], top: int) -> list[str]:
    pieces: list[list[str]] = [[]]
    for x, share in zip(xs, shares, strict=True):
        if share is None:
            pieces.append([])
        else:
            pieces[-1].append(f"{x:.1f},{HEIGHT - share / top * HEIGHT:.1f}")
    return [" ".join(piece) for piece in pieces if piece]
