"""The parts all pages are made of, each shown once: for whoever writes a page. Not in production."""

from typing import Any

from flask import abort, render_template

from minispod.admin import charts
from minispod.admin.door import door
from minispod.kernel.paging import Page
from minispod.ports import current_settings

_STATES = ("ACTIVE", "PROVISIONING", "GRACE", "ERROR", "CANCELLED")


@door.get("/_components")
def components() -> Any:
    """Show every macro of templates/admin/_macros.html as a page uses it."""
    if current_settings().is_production:
        abort(404)
    some = Page(_STATES, len(_STATES), page=1, limit=len(_STATES))
    return render_template("admin/components.html", some=some, width=charts.WIDTH)
