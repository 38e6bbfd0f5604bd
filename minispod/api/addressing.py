"""One tree under two names: /api/... is /api/v1/..., and repeated slashes count as one.

The front end requests `/api//catalog/categories` literally and cannot follow redirects on preflight,
so paths are set right before routing (contract, section 1).
"""

import re
from collections.abc import Callable, Iterable
from typing import Any

_SLASHES = re.compile(r"/{2,}")
_UNVERSIONED = re.compile(r"^/api(?=/)(?!/v\d+(/|$))")


class OneTree:
    """WSGI middleware that rewrites the path."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Pass the request on under its proper path."""
        path = _SLASHES.sub("/", environ.get("PATH_INFO", ""))
        environ["PATH_INFO"] = _UNVERSIONED.sub("/api/v1", path)
        return self._app(environ, start_response)
