"""What may be said about categories, services and plans: how long a text, how large a number.

Each term by its name on the row. Whether it fits together with others is for curation, planning and shelving.
"""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from minispod.catalog.errors import BadTermsOfSale

SLUG = re.compile(r"[a-z0-9-]{2,50}\Z")
_LINK = re.compile(r"https?://[^\s/]", re.IGNORECASE)
MOST_LINES = 50


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounds of everything that can be said about one kind of thing.

    Lengths are those of texts that are not blank, ranges those of whole numbers; lists hold the longest text of each
    entry. What is needed cannot be blank.
    """

    needed: tuple[str, ...]
    lengths: Mapping[str, tuple[int, int]]
    ranges: Mapping[str, tuple[int, int]]
    links: tuple[str, ...] = ()
    lists: Mapping[str, int] = field(default_factory=dict)


_PLACE = (0, 1_000_000)
CATEGORY = Bounds(
    needed=("name", "slug"),
    lengths={"name": (2, 100), "slug": (2, 50), "description": (0, 1000)},
    ranges={"sort_order": _PLACE},
)
SERVICE = Bounds(
    needed=("name", "slug", "category_id"),
    lengths={
        "name": (2, 100),
        "slug": (2, 50),
        "description": (10, 1000),
        "long_description": (0, 5000),
        "icon": (0, 500),
        "documentation": (0, 500),
        "version": (1, 50),
        "docker_image": (3, 200),
    },
    ranges={"default_port": (1, 65_535), "sort_order": _PLACE},
    links=("icon", "documentation"),
    lists={"tags": 50},
)
PLAN = Bounds(
    needed=("name", "plan_type"),
    lengths={"name": (2, 100), "description": (10, 1000)},
    ranges={
        "monthly_price": (0, 100_000_000),
        "cpu_milli": (100, 16_000),
        "memory_mb": (128, 32_768),
        "storage_gb": (0, 1000),
        "bandwidth": (0, 10_000),
        "total_quota": (0, 10_000),
        "max_instances_per_user": (1, 100),
        "max_domains": (1, 100),
        "sort_order": _PLACE,
    },
    lists={"features": 200},
)


def check(bounds: Bounds, terms: Mapping[str, Any], *, is_new: bool = False) -> None:
    """Refuse BadTermsOfSale for what is out of bounds; of something new everything needed is there."""
    for name in bounds.needed:
        if (is_new or name in terms) and terms.get(name) in (None, ""):
            _refuse(name, "is needed")
    for name, value in terms.items():
        if value not in (None, ""):
            _check_one(bounds, name, value)


def _check_one(bounds: Bounds, name: str, value: Any) -> None:
    least, most = bounds.lengths.get(name, (0, sys.maxsize))
    if name in bounds.lengths and not least <= len(value) <= most:
        _refuse(name, f"must have {least} to {most:,} characters")
    least, most = bounds.ranges.get(name, (0, sys.maxsize))
    if name in bounds.ranges and not least <= value <= most:
        _refuse(name, f"must be {least:,} to {most:,}")
    if name == "slug" and not SLUG.match(value):
        _refuse(name, "can only have lowercase letters, digits and hyphens")
    if name in bounds.links and not _LINK.match(value):
        _refuse(name, "must be an address with http or https")
    longest = bounds.lists.get(name, sys.maxsize)
    if name in bounds.lists and (len(value) > MOST_LINES or any(len(each) > longest for each in value)):
        _refuse(name, f"can be {MOST_LINES} lines of {longest} characters each")


def _refuse(name: str, why: str) -> None:
    raise BadTermsOfSale(f"{name.replace('_', ' ').capitalize()} {why}.", about=name)
