"""Custom domains: the list, and what staff do with one: have it looked at, or remove it for a reason."""

from typing import Any

from flask import flash

from minispod.admin import guard, languages, pages
from minispod.admin.door import door
from minispod.admin.languages import gettext as _
from minispod.admin.subscriptions import given_reason
from minispod.instances.domains import queries
from minispod.instances.domains.hosts import shown
from minispod.instances.domains.states import DomainStatus
from minispod.instances.domains.wording import sentences
from minispod.kernel.ids import parse_id
from minispod.kernel.unit_of_work import unit_of_work
from minispod.ports import current_ports
from minispod.subscriptions import domains

FACTS = {"shown_host": shown, "sentences": lambda problems: sentences(problems, languages.language())}
"""What the templates of domains need to say what is wrong with one."""


@door.get("/domains")
def domains_list() -> Any:
    """List custom domains."""
    search, status = pages.search_text(), pages.chosen(DomainStatus, "status")
    return pages.page_or_fragment(
        "admin/domains/page.html",
        "admin/domains/_list.html",
        found=queries.list_all(pages.page_request(), search=search, status=status),
        search=search,
        status=status,
        statuses=DomainStatus,
        **FACTS,
    )


@door.post("/domains/<domain_id>/check")
def check_domain(domain_id: str) -> Any:
    """Have it looked at now; one that was given up or taken off gets another month."""
    ports, owned = current_ports(), queries.get_domain(parse_id(domain_id), actor=guard.actor())
    with unit_of_work(ports.courier):
        domains.check_again(
            owned.instance.subscription_id, owned.domain.id, actor=guard.actor(), at=ports.clock.now()
        )
    flash(_("%(host)s is being looked at.", host=owned.domain.host), "good")
    return pages.back("panel.domains_list")


@door.post("/domains/<domain_id>/remove")
def remove_domain(domain_id: str) -> Any:
    """Take it from the customer for a reason, which is mailed."""
    ports, owned = current_ports(), queries.get_domain(parse_id(domain_id), actor=guard.actor())
    reason = given_reason()
    with unit_of_work(ports.courier):
        domains.force_remove(
            owned.instance.subscription_id,
            owned.domain.id,
            reason=reason,
            actor=guard.actor(),
            at=ports.clock.now(),
        )
    flash(_("%(host)s is removed; its owner is told.", host=owned.domain.host), "good")
    return pages.back("panel.domains_list")
