"""Backups: of each instance the newest, how old and large it is, what failed since, and how the newest drills ended."""

from typing import Any

from minispod.admin import pages
from minispod.admin.door import door
from minispod.backups.models import TroubleKind
from minispod.insights import backups as insight
from minispod.ports import current_ports, current_settings
from minispod.rules import backup_rules

_DRILLS_SHOWN = 10


@door.get("/backups")
def backups_list() -> Any:
    """List instances with their backups, the neediest first."""
    search, trouble = pages.search_text(), pages.chosen(TroubleKind, "trouble")
    at, rules = current_ports().clock.now(), backup_rules(current_settings())
    return pages.page_or_fragment(
        "admin/backups/page.html",
        "admin/backups/_list.html",
        found=insight.list_standings(
            pages.page_request(), search=search, trouble=trouble, alarm=rules.alarm, at=at
        ),
        totals=insight.totals(alarm=rules.alarm, at=at),
        drill_days=current_settings().data.drill_days,
        drills=insight.newest_drills(_DRILLS_SHOWN),
        search=search,
        trouble=trouble,
        troubles=TroubleKind,
        rules=rules,
    )
