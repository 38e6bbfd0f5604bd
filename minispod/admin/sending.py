"""How pages and files travel: compressed, and files kept by the browser for as long as they are the same.

A page is compressed only for a request that a page of ours or the person made (`Sec-Fetch-Site`, ADR 0043). The size of
what is compressed tells whether a text that a stranger put into the address stands on the page a second time, a token
for instance (BREACH). A stranger's page, a customer's application beneath our own domain among them, can make a browser
ask us; it cannot make it say that it was us who asked. Our files hold nothing secret.
"""

from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from flask import Flask, Response, request
from flask_compress import Compress

from minispod.admin import raw_tables
from minispod.admin.sessions import is_admin

_OURS = "static"
_FILES = frozenset({_OURS, *raw_tables.STATIC_ENDPOINTS})
_ASKED_BY_US = frozenset({"same-origin", "none"})
_PAGE = "text/html"
_FOR_EVER = "public, max-age=31536000, immutable"

_compress = Compress()


def init_app(app: Flask) -> None:
    """Compress what may be; put the mark of its content into the address of each of our files."""
    app.config.update(
        COMPRESS_REGISTER=False,
        COMPRESS_ALGORITHM=["br", "gzip"],
        COMPRESS_STREAMS=False,
    )
    _compress.init_app(app)
    folder = Path(str(app.static_folder))

    @app.url_defaults
    def mark(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == _OURS and (found := _mark(folder / values["filename"])):
            values.setdefault("v", found)

    @app.after_request
    def send(response: Response) -> Response:
        if response.status_code != 200:
            return response
        if request.endpoint == _OURS and request.args.get("v") == _mark(
            folder / str((request.view_args or {})["filename"])
        ):
            response.headers["Cache-Control"] = _FOR_EVER
        is_page = is_admin(request.path) and response.mimetype == _PAGE
        asked_by_us = request.headers.get("Sec-Fetch-Site") in _ASKED_BY_US
        if request.endpoint in _FILES:
            response.direct_passthrough = False
            response.set_data(response.get_data())
            response.close()  # the file
        elif not (is_page and asked_by_us):
            return response
        return _compress.after_request(response)


def _mark(file: Path) -> str | None:
    """What tells a file from what it was before; None when there is none."""
    try:
        return _digest(file, file.stat().st_mtime_ns)
    except (OSError, ValueError):
        return None


@lru_cache(maxsize=64)
def _digest(file: Path, changed: int) -> str:
    return sha256(file.read_bytes()).hexdigest()[:12]
