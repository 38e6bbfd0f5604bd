"""The frame around our pages (head, navigation, search, shortcuts): left out where the browser has it (ADR 0051).

Links and forms of our pages are asked for by htmx ("boosted"), and admin.js says by a mark which frame stands around
them. Where that is the frame of this answer, too, the answer is the page's title and its content alone, to be put in
the place of the content. After a deploy, in another language or signed in as somebody else the frame is another one:
then the browser is told to load the page. Whoever sends no mark gets the whole page.
"""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

from flask import Flask, Response, current_app, g, request, session
from flask_login import current_user

from minispod.admin import languages
from minispod.admin.sessions import is_admin

HEADER = "X-Frame-Mark"
VERSION = "minispod.frame_version"
"""Under this name the application keeps of what files its frames are made; tests play a deploy by changing it."""

_ASKED_BY = ("HX-Request", "HX-Boosted", HEADER)
_TEMPLATES = ("admin/_frame.html", "admin/_macros.html")


def init_app(app: Flask) -> None:
    """Let the template leave itself out; to be called when the gate is installed, whose decision comes first."""
    app.extensions[VERSION] = _version(
        Path(str(app.static_folder)), Path(app.root_path) / str(app.template_folder)
    )
    app.jinja_env.globals.update(
        frame_mark=mark, frame_stays=stays, answered_without_frame=_answered_without_frame
    )
    app.before_request(_load_another)
    app.after_request(_tell)


def mark() -> str:
    """What tells the frame of this request from others: its files, its language, and who is signed in since when."""
    user = current_user.user
    of = (
        current_app.extensions[VERSION],
        languages.language(),
        str(user.id),
        user.name,
        user.email,
        session["began"],
    )
    return sha256("\n".join(of).encode()).hexdigest()[:16]


def stays() -> bool:
    """Tell whether the page that asks has the frame of this answer, so that the content is enough."""
    return _is_boosted() and request.headers.get(HEADER) == mark()


def _is_boosted() -> bool:
    htmx: Any = request.htmx  # type: ignore[attr-defined]
    return bool(htmx) and bool(htmx.boosted) and not htmx.history_restore_request


def _answered_without_frame() -> str:
    # Said by the template at its end: what breaks before that is answered by an error's page, which is whole.
    g.is_without_frame = True
    return ""


def _load_another() -> Response | None:
    theirs = request.headers.get(HEADER)
    if theirs is None or request.method != "GET" or not is_admin(request.path) or not _is_boosted():
        return None
    if not current_user.is_authenticated or theirs == mark():
        return None
    query = request.query_string.decode("latin-1")
    return Response(status=204, headers={"HX-Redirect": quote(request.path) + (f"?{query}" if query else "")})


def _tell(response: Response) -> Response:
    if is_admin(request.path) and response.mimetype == "text/html":
        response.vary.update(_ASKED_BY)
        if request.method == "POST" and _is_boosted():
            # What a form shows itself has no address: one that is loaded again shows the page the form stood on.
            response.headers["HX-Push-Url"] = "false"
    if g.pop("is_without_frame", False):
        response.headers["HX-Retarget"] = "#main"
        response.headers["HX-Reswap"] = "outerHTML"
    return response


def _version(static: Path, templates: Path) -> str:
    digest = sha256()
    for file in _files(static, templates):
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()


def _files(static: Path, templates: Path) -> Iterator[Path]:
    yield from sorted(each for each in static.rglob("*") if each.is_file())
    yield from (templates / each for each in _TEMPLATES)
    yield from sorted(languages.DIRECTORY.glob("*.po"))
