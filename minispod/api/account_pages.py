"""Where the mails about addresses and passwords lead: two pages of our own, because the front end has none for them.

They need no session and no script. Opening one spends nothing (mail programs look at links): only its button does.
"""

from typing import Any

from flask import Blueprint, Response, render_template, request

from minispod.api.passwords import TOKEN_TRIES, choose_password, prove_address
from minispod.api.problems import status_of
from minispod.kernel.errors import Refusal
from minispod.ports import current_settings

door = Blueprint("account_pages", __name__, url_prefix="/account")


@door.get("/verify")
def verify() -> Response:
    """Ask whether the address shall be proven."""
    return _page("verify", token=request.args.get("token", ""))


@door.post("/verify")
@TOKEN_TRIES
def verified() -> Response:
    """Prove the address."""
    return _done("verify", lambda: prove_address(_sent("token")))


@door.get("/password")
def password() -> Response:
    """Ask for a new password."""
    return _page("password", token=request.args.get("token", ""))


@door.post("/password")
@TOKEN_TRIES
def password_chosen() -> Response:
    """Set the new password."""
    return _done("password", lambda: choose_password(_sent("token"), _sent("password")))


def _sent(name: str) -> str:
    return request.form.get(name, "").replace("\x00", "")


def _done(name: str, act: Any) -> Response:
    try:
        act()
    except Refusal as refusal:
        return _page(name, status=status_of(refusal), token=_sent("token"), problem=refusal)
    return _page(name, is_done=True)


def _page(name: str, *, status: int = 200, **facts: Any) -> Response:
    language = request.accept_languages.best_match(["en", "id"], default="en")
    page = render_template(
        f"account/{name}.{language}.html",
        language=language,
        frontend_url=current_settings().web.frontend_url,
        **facts,
    )
    headers = {
        "Vary": "Accept-Language",
        "Content-Language": language,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'",
    }
    return Response(page, status=status, headers=headers)
