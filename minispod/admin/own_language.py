"""The switch between the languages, in the frame and on the sign-in page. Works without a script."""

from datetime import timedelta
from typing import Any

from flask import request
from flask_login import current_user

from minispod.accounts.languages import choose_language
from minispod.admin import languages, pages
from minispod.admin.door import door
from minispod.kernel.actor import Actor, ActorKind
from minispod.kernel.languages import LANGUAGES
from minispod.kernel.unit_of_work import unit_of_work
from minispod.ports import current_ports, current_settings

_REMEMBERED = timedelta(days=365)


@door.post("/language")
def speak() -> Any:
    """Remember the language in this browser, and with the account that is signed in; an unknown one changes nothing."""
    wanted = request.form.get("language", "")
    answer = pages.back("panel.today" if current_user.is_authenticated else "panel.sign_in")
    if wanted not in LANGUAGES:
        return answer
    if current_user.is_authenticated:
        user = current_user.user
        actor = Actor(ActorKind.STAFF, user.id, user.name, request.remote_addr)
        with unit_of_work():
            choose_language(user, wanted, actor=actor, at=current_ports().clock.now())
    answer.set_cookie(
        languages.COOKIE,
        wanted,
        max_age=_REMEMBERED,
        httponly=True,
        secure=current_settings().is_production or request.is_secure,
        samesite="Lax",
    )
    return answer
