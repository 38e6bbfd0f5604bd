"""Administrators: who they are and what they are signed in with; invite one, give and take the role, end sessions."""

import re
import secrets
from typing import Any

from flask import redirect, request, url_for

from minispod.accounts import directory, mailed_tokens, staff_sessions, stewardship
from minispod.accounts.errors import NoSuchUser
from minispod.accounts.models import User
from minispod.admin import guard, pages
from minispod.admin.door import door
from minispod.admin.languages import gettext as _
from minispod.insights import administrators
from minispod.kernel.actor import Role
from minispod.kernel.ids import parse_id
from minispod.kernel.unit_of_work import unit_of_work
from minispod.onboarding.signup import register
from minispod.ports import current_ports, current_settings

# As the API takes them: what stands in mail headers and in lists is one line.
_NAME = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]{2,50}")
_EMAIL = re.compile(r"[!#-'*+\--9=?A-Z^-~]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_LONGEST_EMAIL = 254
_PAGE = "panel.administrators_page"


@door.get("/administrators")
def administrators_page() -> Any:
    """Show everybody with the role and what each is signed in with."""
    ports = current_ports()
    at = ports.clock.now()
    found = administrators.list_administrators(at=at)
    sessions = staff_sessions.list_live(
        ports.admin_sessions,
        {str(each.user.id): each.user for each in found},
        limits=guard.limits(),
        at=at,
    )
    return pages.page_or_fragment(
        "admin/administrators/page.html",
        "admin/administrators/_list.html",
        found=found,
        sessions=sessions,
        limits=guard.limits(),
    )


@door.post("/administrators")
def invite_administrator() -> Any:
    """Open an account with the role; its owner chooses a password with a letter, so that nobody else knows it."""
    ports, settings = current_ports(), current_settings()
    name, email = _typed("name"), _typed("email")
    if not (_NAME.fullmatch(name) and _EMAIL.fullmatch(email) and len(email) <= _LONGEST_EMAIL):
        return pages.told(
            _("Write a name of 2 to 50 characters and an e-mail address."), url_for(_PAGE), "bad"
        )
    at = ports.clock.now()
    with unit_of_work(ports.courier):
        user, _wallet = register(
            name=name,
            email=email,
            password=secrets.token_urlsafe(32),
            role=Role.ADMINISTRATOR,
            bcrypt_rounds=settings.tokens.bcrypt_rounds,
            frontend_url=settings.web.frontend_url,
            actor=guard.actor(),
            at=at,
        )
        mailed_tokens.ask_reset(user.email, actor=guard.actor(), at=at)
    return pages.told(
        _(
            "%(name)s is an administrator. A letter to %(email)s leads to choosing a password.",
            name=user.name,
            email=user.email,
        ),
        url_for(_PAGE),
    )


@door.post("/administrators/give")
def give_role() -> Any:
    """Give the role to an account that there is."""
    ports = current_ports()
    user = directory.find_by_email(_typed("email"))
    if user is None or not user.is_active:
        return pages.told(_("There is no active account with this address."), url_for(_PAGE), "bad")
    with unit_of_work(ports.courier):
        _change(user, Role.ADMINISTRATOR)
    return pages.told(_("%(name)s is an administrator now.", name=user.name), url_for(_PAGE))


@door.post("/administrators/<user_id>/take")
def take_role(user_id: str) -> Any:
    """Take the role away; the last one keeps it, and nobody takes their own."""
    user = _administrator(user_id)
    with unit_of_work(current_ports().courier):
        _change(user, Role.USER)
    return pages.told(_("%(name)s is no administrator any more.", name=user.name), url_for(_PAGE))


@door.post("/administrators/<user_id>/sign-out")
def end_sessions(user_id: str) -> Any:
    """End every session and token of an administrator; of one's own, too."""
    ports, user = current_ports(), _administrator(user_id)
    with unit_of_work(ports.courier):
        stewardship.sign_out(user.id, actor=guard.actor(), at=ports.clock.now())
    if user.id == guard.actor().user_id:
        guard.leave()
        return redirect(url_for("panel.sign_in"), 303)
    return pages.told(_("%(name)s is signed out everywhere.", name=user.name), url_for(_PAGE))


def _administrator(user_id: str) -> User:
    user = directory.get_user(parse_id(user_id))
    if user.role is not Role.ADMINISTRATOR:
        raise NoSuchUser()
    return user


def _change(user: User, role: Role) -> None:
    stewardship.change(user.id, {"role": role}, actor=guard.actor(), at=current_ports().clock.now())


def _typed(name: str) -> str:
    return request.form.get(name, "").replace("\x00", "").strip()
