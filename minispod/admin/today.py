"""The first page: what needs a person now, then money, what runs, and what happened. Refreshes itself."""

from typing import Any

from minispod.admin import alerts, pages
from minispod.admin.door import door
from minispod.audit import trail
from minispod.cluster import monitoring
from minispod.insights import today as insight
from minispod.insights.activity import named
from minispod.insights.advice import advise
from minispod.insights.outlook import look_ahead
from minispod.instances import queries as instance_queries
from minispod.ports import current_ports, current_settings
from minispod.rules import alert_thresholds, backup_rules, business_rules

_RECENT = 12
_SCARCE = 5


@door.get("/")
def today() -> Any:
    """Show the state of the business at this moment."""
    at = current_ports().clock.now()
    picture = monitoring.last_picture()
    settings = current_settings()
    attention = insight.attention(
        picture.nodes, picture.silent_since, backup_alarm=backup_rules(settings).alarm, at=at
    )
    outlook = look_ahead(business_rules(settings).capacity, picture)
    return pages.live_fragment(
        "admin/today/page.html",
        "admin/today/_live.html",
        attention=attention,
        business=insight.business(zone=business_rules(settings).zone, at=at),
        statuses=instance_queries.count_by_status(),
        used=insight.utilisation(picture.nodes),
        picture=picture,
        outlook=outlook,
        scarce=outlook.scarcest(_SCARCE) if outlook else (),
        advice=advise(picture.nodes, outlook, alert_thresholds(settings)),
        say=alerts.words_of,
        next_step=alerts.next_step,
        recent=named(trail.newest(_RECENT)),
        at=at,
    )
