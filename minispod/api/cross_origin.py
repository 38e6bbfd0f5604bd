"""Which pages may call the API from a browser: CORS for /api/, on every answer, errors included.

The front end sends `Authorization` and a JSON content type on every call, so each one is preflighted; a
preflight never needs a token and never counts against a limit. No cookies are used here, so no credentials.
"""

from flask import Flask, Response, request
from flask_cors import CORS

from minispod.settings import Settings, origins

_A_DAY = 24 * 3600


def init_app(app: Flask, settings: Settings) -> None:
    """Allow the configured origins."""

    @app.before_request
    def answer_preflight() -> Response | None:
        # Also where there is nothing: a browser that is refused the preflight does not tell the page of our 404.
        is_preflight = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        return Response() if is_preflight and request.path.startswith("/api/") else None

    @app.after_request
    def tell_caches(response: Response) -> Response:
        # The library says so only where it allowed the origin: a cache would keep its silence for those it allows.
        if request.path.startswith("/api/"):
            others = response.headers.get("Vary")
            response.headers["Vary"] = f"{others}, Origin" if others else "Origin"
        return response

    CORS(
        app,
        resources={r"/api/.*": {}},
        origins=origins.patterns(settings.web.cors_origins),
        methods=["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"],
        allow_headers="*",  # which origin it is decides; what HTTP libraries add of their own does not harm
        expose_headers=[
            "X-Request-ID",
            "Retry-After",
            "X-RateLimit-Limit",
            "X-RateLimit-Remaining",
            "X-RateLimit-Reset",
            "Idempotent-Replayed",
            "ETag",
            "Age",
        ],
        max_age=_A_DAY,
        vary_header=False,
    )
