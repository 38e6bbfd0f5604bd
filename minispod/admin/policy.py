"""What a browser may do with our pages: the one place of their security headers (ADR 0040).

Every page of ours runs scripts and styles from our own files only. The jobs board is a library's: its scripts inside
the page carry the request's nonce, and it compiles its templates.
"""

import secrets

from flask import Flask, Response, g, request

from minispod.admin import jobs_board, raw_tables
from minispod.admin.sessions import is_admin

_OURS = (
    "default-src 'none'; script-src 'self'{script}; style-src 'self'{style}; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_ELSEWHERE = ("/api/", "/static/")


def init_app(app: Flask) -> None:
    """Give every answer outside the API its headers, and templates the nonce of their request."""
    app.jinja_env.globals["script_nonce"] = script_nonce
    app.after_request(_harden)


def script_nonce() -> str:
    """The word by which scripts inside this answer are known as ours."""
    if "script_nonce" not in g:
        g.script_nonce = secrets.token_urlsafe(16)
    nonce: str = g.script_nonce
    return nonce


def _policy() -> str:
    if jobs_board.is_board(request.path):
        return _OURS.format(
            script=f" 'nonce-{script_nonce()}' 'unsafe-eval'", style="; style-src-attr 'unsafe-inline'"
        )
    return _OURS.format(script="", style="")


def _harden(response: Response) -> Response:
    if request.path.startswith(_ELSEWHERE):
        return response
    response.headers.setdefault("Content-Security-Policy", _policy())
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    if is_admin(request.path) and request.endpoint not in raw_tables.STATIC_ENDPOINTS:
        response.headers["Cache-Control"] = "no-store"
    return response
