"""Origins of web pages in settings: exact ones, `http://localhost:*` for every port of a host, `*` for everybody."""

import re
from collections.abc import Iterable

_SHAPE = re.compile(r"\*|https?://[^\s/*@?#]+?(:\*)?")


def checked(origin: str) -> str:
    """An origin as browsers write it, without the slash people copy along; raises ValueError for anything else."""
    origin = origin.rstrip("/")
    if not _SHAPE.fullmatch(origin):
        raise ValueError(f"{origin!r} is no origin such as https://www.example.com or http://localhost:*")
    return origin


def patterns(origins: Iterable[str]) -> list[re.Pattern[str]]:
    """What an Origin header is matched against, from its beginning to its end and in any case."""
    return [re.compile(_expression(each) + r"\Z", re.IGNORECASE) for each in origins]


def _expression(origin: str) -> str:
    if origin == "*":
        return ".*"
    host = origin.removesuffix(":*")
    return re.escape(host) + (r"(:\d+)?" if host != origin else "")
