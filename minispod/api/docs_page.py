"""The page to read and try the API: Swagger UI, vendored, on our own OpenAPI document; at /api/docs.

It may load and call nothing but ourselves, and keeps no token.
"""

from flask import Blueprint, Response, render_template

door = Blueprint("docs", __name__, url_prefix="/api/v1/docs")

_OURS_ONLY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",  # Swagger UI's own stylesheet has its arrows as data
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)


@door.get("")
def show() -> Response:
    """The page; public, as the document is."""
    headers = {"Content-Security-Policy": _OURS_ONLY, "X-Frame-Options": "DENY"}
    return Response(render_template("api/docs.html"), headers=headers)
