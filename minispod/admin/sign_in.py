"""In and out of the administration. One sentence for every failure, so that nobody learns which part was wrong."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_login import current_user

from minispod.accounts import staff_sessions
from minispod.admin import guard
from minispod.admin.door import door
from minispod.admin.languages import N_
from minispod.admin.languages import gettext as _
from minispod.kernel.unit_of_work import unit_of_work
from minispod.ports import current_ports, current_settings

_NOT_ADMITTED = N_(
    "The e-mail address or the password is not right, or this account may not use the administration."
)
_LONGEST_EMAIL = 254
_LONGEST_PASSWORD = 200


@door.get("/login")
def sign_in() -> Any:
    """Ask who it is; whoever is signed in goes straight on."""
    target = request.args.get("next")
    if current_user.is_authenticated:
        return redirect(guard.safe_way_back(target))
    return render_template("admin/sign_in.html", target=target or "", email="")


@door.post("/login")
def enter() -> Any:
    """Check the password and begin a session under a new key."""
    ports, settings = current_ports(), current_settings()
    email = request.form.get("email", "").replace("\x00", "")[:_LONGEST_EMAIL]
    password = request.form.get("password", "")[:_LONGEST_PASSWORD]
    target = request.form.get("next", "")
    if settings.operation.rate_limits_enabled:
        staff_sessions.count_try(ports.admin_sessions, email=email, address=request.remote_addr)
    at = ports.clock.now()
    with unit_of_work(ports.courier):
        user = staff_sessions.admit(
            email, password, bcrypt_rounds=settings.tokens.bcrypt_rounds, actor=guard.stranger(), at=at
        )
    if user is None:
        return render_template(
            "admin/sign_in.html", target=target, email=email, problem=_(_NOT_ADMITTED)
        ), 401
    guard.enter(user, at)
    return redirect(guard.safe_way_back(target), 303)


@door.post("/logout")
def sign_out() -> Any:
    """End the session."""
    ports = current_ports()
    with unit_of_work(ports.courier):
        staff_sessions.leave(current_user.user, actor=guard.actor(), at=ports.clock.now())
    guard.leave()
    flash(_("You are signed out."), "good")
    return redirect(url_for("panel.sign_in"), 303)
