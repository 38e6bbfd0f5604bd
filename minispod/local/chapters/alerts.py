"""The alert that a payment taken back has raised: the administrator finds it, takes it up, and ends it."""

import re

from minispod.local.visit import Visit, check

_ALERT = re.compile(r'href="(/admin/alerts/[0-9a-f-]{36})"')


def deal_with_alert(visit: Visit) -> None:
    """Acknowledge and resolve what the card's bank has caused; without the gateway's levers nothing happened."""
    if visit.gateway is None:
        return
    told, office = visit.told, visit.office
    topup_id = visit.topups["CREDIT_CARD"].id
    book = f"/admin/alerts?q={topup_id}"
    with told.step("the administrator finds an alert about the payment and acknowledges it"):
        found = _ALERT.search(office.read(book))
        check(found is not None, "The book has no alert about the payment")
        page = found[1] if found else ""
        office.press(book, f"{page}/acknowledge")
        check("Acknowledged" in office.read(page), "The alert is not acknowledged")
    with told.step("and resolves it"):
        office.press(page, f"{page}/resolve", note="The customer has paid what was owed")
        check(_ALERT.search(office.read(book)) is None, "The alert is still open")
