"""The audit book: who changed what, when and from where."""

from typing import Any

from minispod.admin import pages
from minispod.admin.door import door
from minispod.audit import trail
from minispod.audit.trail import Action
from minispod.insights.activity import named
from minispod.kernel.actor import ActorKind
from minispod.kernel.paging import Page
from minispod.ports import current_settings
from minispod.rules import business_rules


@door.get("/audit")
def audit_list() -> Any:
    """Search the book."""
    search, action = pages.search_text(), pages.chosen(Action, "action")
    kind, who = pages.search_text("kind"), pages.chosen(ActorKind, "who")
    zone = business_rules(current_settings()).zone
    found = trail.search(
        pages.page_request(),
        subject_kind=kind or None,
        action=action.value if action else None,
        actor_kind=who.value if who else None,
        since=pages.chosen_day("since", zone),
        until=pages.chosen_day("until", zone, is_end=True),
        text=search,
    )
    return pages.page_or_fragment(
        "admin/audit/page.html",
        "admin/audit/_list.html",
        found=Page(named(found.items), found.total, found.page, found.limit),
        search=search,
        action=action,
        actions=Action,
        kind=kind,
        kinds=trail.SUBJECT_KINDS,
        who=who,
        whos=ActorKind,
    )
